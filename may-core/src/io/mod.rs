//! Input and output that blocks the coroutine and nothing else; plain threads may use it, too.
//!
//! * [`CoIo`]: any descriptor as a stream
//! * [`pipe()`], [`PipeReader`], [`PipeWriter`]: pipes within a program
//! * [`ReadHalf`], [`WriteHalf`], [`OwnedReadHalf`], [`OwnedWriteHalf`]: the directions of a stream apart
//! * [`wait_readable`], [`wait_writable`]: for descriptors with which other libraries do as they like
//!
//! Inside:
//!
//! * `attempt`: how every call on a descriptor is carried out
//! * `descriptor`: a descriptor together with its readiness and timeouts
//! * `op`: calls on descriptors as operations; `operation`: what the operations take
//! * `poll`: streams as futures poll them, and the traits of tokio and futures
//! * `raw`: bytes through a descriptor, what all streams have in common; `datagram`: what all sockets of datagrams have in common
//! * `accept`: accepting, for all listeners
//! * `handle`: what all types of sockets have in common
//! * `pause`: waiting where no event tells

pub(crate) mod accept;
pub(crate) mod attempt;
mod co_io;
pub(crate) mod datagram;
pub(crate) mod descriptor;
pub(crate) mod halves;
pub(crate) mod handle;
pub(crate) mod op;
mod operation;
pub(crate) mod pause;
pub(crate) mod pipe;
pub(crate) mod poll;
pub(crate) mod raw;
pub(crate) mod wait;

pub use co_io::CoIo;
pub use halves::{Duplex, OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use op::{AnyCall, AnyIo, Call, IoOperation};
pub use operation::{AcceptFrom, ReadFrom, WriteTo};
pub use pipe::{PipeReader, PipeWriter, pipe};
pub use wait::{wait_readable, wait_writable};
