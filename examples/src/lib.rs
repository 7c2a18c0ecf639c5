//! What the examples share: the command line, and a histogram for measured times.
//!
//! Nothing here is about coroutines. The programs are in `src/bin`, one file each; run one with
//! `cargo run --release -p may-examples --bin NAME`, and add `-- --help` for its options.

pub mod arguments;
pub mod histogram;

pub use arguments::Arguments;
pub use histogram::Histogram;
