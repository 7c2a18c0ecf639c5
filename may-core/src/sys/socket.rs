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

/// The most bytes that count as one transfer. Linux moves two gigabytes at most, and a transfer that ended for that reason is not
/// a sign that there is no more.
pub(crate) const MOST_BYTES: usize = 1 << 30;
/// The most slices in one transfer; what is beyond them is left for the next. POSIX's name for it is `IOV_MAX`.
const MOST_SLICES: usize = 1024;
/// Descriptors below this are not switched to non-blocking mode.
const FIRST_OWN: i32 = 3;

/// Do not wait; and do not send SIGPIPE, where it is a flag of the call that prevents it.
#[cfg(not(target_vendor = "apple"))]
const SEND_FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
#[cfg(target_vendor = "apple")]
const SEND_FLAGS: libc::c_int = libc::MSG_DONTWAIT;

/// The error of a socket's own timeout, as the operating system would word it.
pub(crate) fn timeout_elapsed() -> io::Error {
    io::Error::from_raw_os_error(libc::EAGAIN)
}

/// Whether the mode of a descriptor may be changed.
pub(crate) fn is_mode_ours(socket: BorrowedFd<'_>) -> bool {
    socket.as_raw_fd() >= FIRST_OWN
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

/// Receives into several buffers, one after the other. They are those that [`within_limits_mut`] has left.
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

/// Sends from several buffers, one after the other. They are those that [`within_limits`] has left.
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

/// How many bytes a transfer has moved.
#[inline]
fn moved_bytes(result: isize) -> io::Result<usize> {
    // A negative result means an error.
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// How many buffers of the given lengths go into one transfer, and how many bytes those are: as many as fit, at least one.
fn fitting(lengths: impl Iterator<Item = usize>) -> (usize, usize) {
    let (mut count, mut bytes) = (0, 0_usize);
    for length in lengths.take(MOST_SLICES) {
        if count > 0 && bytes.saturating_add(length) > MOST_BYTES {
            break;
        }
        count += 1;
        bytes = bytes.saturating_add(length);
    }
    (count, bytes)
}

/// The first of `buffers`, as many as one transfer takes, and their length.
pub(crate) fn within_limits<'a, 'b>(buffers: &'a [IoSlice<'b>]) -> (&'a [IoSlice<'b>], usize) {
    let (count, bytes) = fitting(buffers.iter().map(|buffer| buffer.len()));
    (&buffers[..count], bytes)
}

/// The first of `buffers`, as many as one transfer takes, and their length.
pub(crate) fn within_limits_mut<'a, 'b>(
    buffers: &'a mut [IoSliceMut<'b>],
) -> (&'a mut [IoSliceMut<'b>], usize) {
    let (count, bytes) = fitting(buffers.iter().map(|buffer| buffer.len()));
    (&mut buffers[..count], bytes)
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

/// Whether a call on a listening socket in blocking mode would find a connection; for listeners whose mode must not be changed.
pub(crate) fn has_connection(listener: BorrowedFd<'_>) -> io::Result<bool> {
    polls(listener, libc::POLLIN)
}

/// Whether there is something to read, or an end or an error to be told of.
pub(crate) fn is_readable(descriptor: BorrowedFd<'_>) -> io::Result<bool> {
    polls(descriptor, libc::POLLIN)
}

/// Whether there is room to write, or an error to be told of.
pub(crate) fn is_writable(descriptor: BorrowedFd<'_>) -> io::Result<bool> {
    polls(descriptor, libc::POLLOUT)
}

/// Whether one of `events`, or an end or an error, is there now.
fn polls(descriptor: BorrowedFd<'_>, events: libc::c_short) -> io::Result<bool> {
    let mut descriptor = libc::pollfd {
        fd: descriptor.as_raw_fd(),
        events,
        revents: 0,
    };
    // SAFETY: (docs/safety.md, system calls) the structure lives across the call, and there is one.
    match unsafe { libc::poll(&mut descriptor, 1, 0) } {
        result if result < 0 => Err(io::Error::last_os_error()),
        result => Ok(result > 0),
    }
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
