//! Errors of sockets by their numbers, and the call whose errors need telling apart.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

/// A connection is being made.
pub(crate) const IN_PROGRESS: i32 = libc::EINPROGRESS;

/// Whether a failed `accept` concerns one connection, which is gone, and not the listener. (Linux also passes on what has gone
/// wrong on the connection's network.)
pub(crate) fn is_lost_connection(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::ECONNRESET
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ENOPROTOOPT
        )
    )
}

/// Whether a call failed because the process or the system has run out of descriptors or memory.
pub(crate) fn is_exhaustion(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}

/// Accepts a connection, if there is one, as a socket that does not block.
///
/// # Errors
///
/// What the operating system says, in the same call.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    {
        // One call instead of three: accept and set both flags.
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        let (socket, address) = socket2::SockRef::from(listener).accept4(flags)?;
        let address = address
            .as_socket()
            .ok_or_else(|| io::Error::other("a connection from something that is no IP address"))?;
        Ok((socket.into(), address))
    }
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    {
        let (stream, address) = listener.accept()?;
        stream.set_nonblocking(true)?;
        Ok((stream, address))
    }
}
