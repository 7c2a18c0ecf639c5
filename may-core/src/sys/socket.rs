//! Sockets: transfers that never block and never raise SIGPIPE, and accepting.
//!
//! A transfer asks for that by its flags, so it does not block even if the descriptor's mode has been changed behind our back, or
//! must not be changed: a mode belongs to the open file, which standard input, output and error share with other processes (R8),
//! and which clones of a socket share with a descriptor that was given away.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use socket2::SockRef;

use super::descriptor::{MOST_BYTES, moved_bytes};

/// Do not wait; and do not send SIGPIPE, where it is a flag of the call that prevents it.
#[cfg(not(target_vendor = "apple"))]
const SEND_FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
#[cfg(target_vendor = "apple")]
const SEND_FLAGS: libc::c_int = libc::MSG_DONTWAIT;

/// The error of a socket's own timeout, as the operating system would word it.
pub(crate) fn timeout_elapsed() -> io::Error {
    io::Error::from_raw_os_error(libc::EAGAIN)
}

/// Receives into `buffer`.
#[inline]
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    receive_with(socket, buffer, libc::MSG_DONTWAIT)
}

/// Receives into `buffer` without taking what is received away.
pub(crate) fn peek(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    receive_with(socket, buffer, libc::MSG_DONTWAIT | libc::MSG_PEEK)
}

/// Receives with `flags`.
#[inline]
fn receive_with(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
    flags: libc::c_int,
) -> io::Result<usize> {
    let length = buffer.len().min(MOST_BYTES);
    // SAFETY: (docs/safety.md, system calls) the buffer has `length` bytes and lives across the call.
    let moved = unsafe {
        libc::recv(
            socket.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            length,
            flags,
        )
    };
    moved_bytes(moved)
}

/// Sends from `buffer`.
#[inline]
pub(crate) fn send(socket: BorrowedFd<'_>, buffer: &[u8]) -> io::Result<usize> {
    let length = buffer.len().min(MOST_BYTES);
    // SAFETY: (docs/safety.md, system calls) the buffer has `length` bytes and lives across the call.
    let moved = unsafe {
        libc::send(
            socket.as_raw_fd(),
            buffer.as_ptr().cast(),
            length,
            SEND_FLAGS,
        )
    };
    moved_bytes(moved)
}

/// Receives into several buffers, one after the other. They are those that [`within_limits_mut`](super::descriptor::within_limits_mut)
/// has left.
pub(crate) fn receive_vectored(
    socket: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
) -> io::Result<usize> {
    let mut message = message(buffers.as_mut_ptr().cast(), buffers.len());
    // SAFETY: (docs/safety.md, system calls) the message and the buffers live across the call, and std lays an `IoSliceMut` out
    // as an `iovec`.
    let moved = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut message, libc::MSG_DONTWAIT) };
    moved_bytes(moved)
}

/// Sends from several buffers, one after the other. They are those that [`within_limits`](super::descriptor::within_limits) has
/// left.
pub(crate) fn send_vectored(socket: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    let message = message(buffers.as_ptr().cast_mut().cast(), buffers.len());
    // SAFETY: (docs/safety.md, system calls) as above; the call only reads them.
    let moved = unsafe { libc::sendmsg(socket.as_raw_fd(), &message, SEND_FLAGS) };
    moved_bytes(moved)
}

/// A message that consists of `count` buffers.
fn message(buffers: *mut libc::iovec, count: usize) -> libc::msghdr {
    // SAFETY: (docs/safety.md, system calls) zeros stand for no address and no control data.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = buffers;
    // At most `MOST_SLICES`, which fits whatever the platform's type.
    message.msg_iovlen = count as _;
    message
}

/// Accepts a connection: the new socket, closed on `exec` and in non-blocking mode, and its peer.
///
/// # Errors
///
/// What the operating system says; `InvalidInput` if the socket is not an internet one.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<(OwnedFd, SocketAddr)> {
    // One call instead of three: accept and set both flags.
    #[cfg(not(target_vendor = "apple"))]
    let (socket, address) =
        SockRef::from(listener).accept4(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK)?;
    #[cfg(target_vendor = "apple")]
    let (socket, address) = {
        let (socket, address) = SockRef::from(listener).accept()?;
        socket.set_nonblocking(true)?;
        suppress_sigpipe(&socket);
        (socket, address)
    };
    let address = address.as_socket().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the listener is not one for internet addresses",
        )
    })?;
    Ok((socket.into(), address))
}

/// Prevents SIGPIPE where it is a property of the socket.
#[cfg(target_vendor = "apple")]
pub(crate) fn suppress_sigpipe(socket: &impl std::os::fd::AsFd) {
    // It fails for what is not a socket only, where sending fails, too.
    let _ = SockRef::from(socket).set_nosigpipe(true);
}

/// Whether connecting goes on after this error, and the socket's becoming writable tells its end.
pub(crate) fn is_connecting(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR))
}

/// Whether `accept` failed because of the connection that it would have accepted: the next one may be all right.
pub(crate) fn is_passing(error: &io::Error) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if error.raw_os_error() == Some(libc::ENONET) {
        return true;
    }
    // Linux hands network errors that wait on the new connection over to `accept`; see accept(2).
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::ECONNRESET
                | libc::EINTR
                | libc::EPROTO
                | libc::ENOPROTOOPT
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ETIMEDOUT
        )
    )
}

/// Whether `accept` failed for want of descriptors or memory: the connection still waits, and no event will announce that there
/// is room for it.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}
