//! Sockets in the shape of `std::net`, which block only the coroutine; plain threads may use them, too.
//!
//! Any number of coroutines and threads may use one socket at once, in both directions. A program in which `std::net` is
//! replaced by `may::net` compiles and behaves.
//!
//! * [`listener`]: the type [`TcpListener`]
//! * [`stream`]: the type [`TcpStream`]
//! * [`address`]: from names to addresses, off the worker

mod address;
mod listener;
mod stream;

pub use address::ToSocketAddrs;
pub use listener::{Incoming, TcpListener};
pub use std::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
};
pub use stream::TcpStream;

/// Implements the conversions of a socket type to and from descriptors and std's type.
macro_rules! conversions {
    ($socket:ident, $std:ty) => {
        impl $socket {
            /// The socket of std, if this is the only handle; else a duplicate, since the other handles keep theirs.
            fn into_std(self) -> io::Result<$std> {
                let socket = match Arc::try_unwrap(self.0) {
                    Ok(descriptor) => descriptor.into_inner(),
                    Err(shared) => shared.get().try_clone()?,
                };
                Ok(socket)
            }
        }

        impl AsFd for $socket {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.get().as_fd()
            }
        }

        impl AsRawFd for $socket {
            fn as_raw_fd(&self) -> RawFd {
                self.0.get().as_raw_fd()
            }
        }

        impl IntoRawFd for $socket {
            /// # Panics
            ///
            /// Panics if there are other handles and no descriptor is left for a duplicate.
            fn into_raw_fd(self) -> RawFd {
                OwnedFd::from(self).into_raw_fd()
            }
        }

        impl FromRawFd for $socket {
            unsafe fn from_raw_fd(descriptor: RawFd) -> $socket {
                // SAFETY: (docs/safety.md, R8) the caller owns the descriptor, as the trait demands.
                $socket::from(unsafe { OwnedFd::from_raw_fd(descriptor) })
            }
        }

        impl From<OwnedFd> for $socket {
            /// Takes over a descriptor of a socket, which is made non-blocking unless it is one of the standard streams.
            fn from(descriptor: OwnedFd) -> $socket {
                let socket = <$std>::from(descriptor);
                if socket.as_raw_fd() > 2 {
                    // It fails for what is no open socket; then each call on it says so.
                    let _ = socket.set_nonblocking(true);
                }
                $socket::adopt(socket)
            }
        }

        impl From<$socket> for OwnedFd {
            /// The descriptor, which stays non-blocking.
            ///
            /// # Panics
            ///
            /// Panics if there are other handles and no descriptor is left for a duplicate.
            fn from(socket: $socket) -> OwnedFd {
                let socket = socket.into_std();
                socket.expect("a descriptor for a duplicate of the socket").into()
            }
        }

        impl TryFrom<$std> for $socket {
            type Error = io::Error;

            /// Takes over a socket of std's, which is made non-blocking.
            ///
            /// # Errors
            ///
            /// What the operating system says to that.
            fn try_from(socket: $std) -> io::Result<$socket> {
                socket.set_nonblocking(true)?;
                Ok($socket::adopt(socket))
            }
        }

        impl TryFrom<$socket> for $std {
            type Error = io::Error;

            /// Gives a socket to std, blocking as its are.
            ///
            /// # Errors
            ///
            /// If there are other handles, and no descriptor is left for a duplicate. (A duplicate shares the mode with the other
            /// handles, which then block their threads.)
            fn try_from(socket: $socket) -> io::Result<$std> {
                let socket = socket.into_std()?;
                socket.set_nonblocking(false)?;
                Ok(socket)
            }
        }
    };
}
use conversions;
