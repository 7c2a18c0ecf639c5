//! Futures, both ways.

mod block_on;
#[cfg(all(feature = "tokio", feature = "futures-io"))]
mod io_traits;
mod operations;
mod storms;
mod streams;
#[cfg(feature = "tokio")]
mod tokio;
mod wakers;
