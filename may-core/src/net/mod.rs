//! Sockets in the shape of `std::net`, which block only the coroutine; plain threads may use them,
//! too.
//!
//! A program in which `std::net` is replaced by `may::net` compiles and behaves. Any number of
//! coroutines and threads may use one socket at once, in both directions, through shared references
//! or [clones](TcpStream::try_clone).
//!
//! # Names
//!
//! Host names are looked up on a pool of threads, so that only the calling coroutine waits; literal
//! addresses need no look-up. Therefore [`ToSocketAddrs`] is a trait of this module, with the shape
//! of std's; whatever has that one has this one.
//!
//! # Timeouts
//!
//! A read or write whose timeout has elapsed fails as it does in std: on Unix with
//! [`WouldBlock`](std::io::ErrorKind::WouldBlock). Portable programs check for that and for
//! [`TimedOut`](std::io::ErrorKind::TimedOut).
//!
//! # Descriptors
//!
//! The descriptors under these sockets are in non-blocking mode. What is handed out for good
//! (`into_raw_fd`, `OwnedFd::from`, `std::net::TcpStream::try_from`) is back in the mode that std
//! would have left it in. What is taken over is switched, except for descriptors 0 to 2, whose mode
//! other processes may share; sockets there work, too.
//!
//! * `listener`: the type [`TcpListener`]
//! * `stream`: the type [`TcpStream`]; `connect`: opening one
//! * `udp`: the type [`UdpSocket`]
//! * `address`: from names to addresses, off the worker

mod address;
mod connect;
mod listener;
mod stream;
mod udp;

pub use crate::io::AcceptFrom;
pub use std::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
};

pub use address::ToSocketAddrs;
pub use connect::Connect;
pub use listener::{Incoming, TcpListener};
pub use stream::TcpStream;
pub use udp::UdpSocket;
