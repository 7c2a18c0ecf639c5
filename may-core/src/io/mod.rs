//! Input and output that blocks the coroutine and nothing else; plain threads may use it, too.
//!
//! * [`CoIo`]: any descriptor as a stream
//! * [`pipe()`], [`PipeReader`], [`PipeWriter`]: pipes within a program
//! * [`ReadHalf`], [`WriteHalf`], [`OwnedReadHalf`], [`OwnedWriteHalf`]: the directions of a stream
//!   apart
//! * [`wait_readable`], [`wait_writable`]: for descriptors with which other libraries do as they
//!   like
//!
//! Inside:
//!
//! * `call`: how every call on a descriptor is carried out; reading and writing
//! * `descriptor`: a descriptor together with its readiness, mode and timeouts
//! * `operation`: what the operations take
//! * `poll`: what streams have besides std's traits, such as the traits of tokio and futures
//! * `datagram`: what all sockets of datagrams have in common
//! * `accept`: accepting, for all listeners
//! * `handle`: what all types of sockets have in common
//! * `pause`: waiting where no event tells

pub(crate) mod accept;
pub(crate) mod call;
mod co_io;
pub(crate) mod datagram;
pub(crate) mod descriptor;
pub(crate) mod halves;
pub(crate) mod handle;
mod operation;
pub(crate) mod pause;
pub(crate) mod pipe;
pub(crate) mod poll;
pub(crate) mod wait;

pub use call::{IoCall, IoOperation, PeekIo, RawIo, Ready, Transfer};
pub use co_io::CoIo;
pub use datagram::DatagramIo;
pub use descriptor::{Descriptor, HasDescriptor, Polled};
pub use halves::{Duplex, OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use operation::{AcceptFrom, ReadFrom, WriteTo};
pub use pipe::{PipeReader, PipeWriter, pipe};
pub use wait::{wait_readable, wait_writable};
