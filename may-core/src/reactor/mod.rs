//! Readiness of descriptors: the poll of one worker, and the sources that are registered with it.
//!
//! * [`driver`]: the poll; the only file that names `mio::Poll`'s events
//! * [`source`]: one descriptor: its readiness, and the queues of those who wait for it
//!
//! How a socket call waits for readiness is told in `io/call.rs`.

pub(crate) mod driver;
pub(crate) mod source;

pub(crate) use driver::{Driver, Registrar};
pub(crate) use source::{Direction, Seen, Source};
