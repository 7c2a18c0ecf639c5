//! Unix sockets in the shape of `std::os::unix::net`, which block only the coroutine; plain threads
//! may use them, too.
//!
//! What [`net`](crate::net) says of sockets holds here, too.
//!
//! * `stream`: the type [`UnixStream`]
//! * `listener`: the type [`UnixListener`]
//! * `datagram`: the type [`UnixDatagram`]; `send_to`: sending to an address

mod datagram;
mod listener;
mod send_to;
mod stream;

pub use std::os::unix::net::SocketAddr;

pub use datagram::UnixDatagram;
pub use listener::{Incoming, UnixListener};
pub use send_to::SendTo;
pub use stream::{Connect, UnixStream};
