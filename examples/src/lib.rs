//! What the examples share: the command line, the end at ctrl-c, and a histogram for measured times.
//!
//! The programs are in `src/bin`; run one with `cargo run --release -p may-examples --bin NAME`, and
//! add `-- --help` for its options.

pub mod arguments;
pub mod histogram;
pub mod interrupt;

pub use arguments::Arguments;
pub use histogram::Histogram;
pub use interrupt::stop_at_interrupt;
