//! What the examples share: the command line, and a histogram for measured times; and the parts of
//! those that are too large for one file.
//!
//! The programs are in `src/bin`; run one with `cargo run --release -p may-examples --bin NAME`, and
//! add `-- --help` for its options.

pub mod arguments;
pub mod histogram;
pub mod http;

pub use arguments::Arguments;
pub use histogram::Histogram;
