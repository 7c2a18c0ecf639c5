//! Sockets: transfers that never block and never raise SIGPIPE, and accepting.
//!
//! A transfer asks for that by its flags, so it does not block even if the descriptor's mode has
//! been changed behind our back, or must not be changed: a mode belongs to the open file, which
//! standard input, output and error share with other processes (R8), and which clones of a socket
//! share with a descriptor that was given away.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use socket2::SockRef;

use super::buffer::ReadBuffer;
use super::descriptor::{MOST_BYTES, moved_bytes};

/// Where a socket is, whatever its family.
pub(crate) type Address = socket2::SockAddr;

/// Do not wait; and do not send SIGPIPE, where it is a flag of the call that prevents it.
#[cfg(not(target_vendor = "apple"))]
const SEND_FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
#[cfg(target_vendor = "apple")]
const SEND_FLAGS: libc::c_int = libc::MSG_DONTWAIT;

/// The error of a socket's own timeout, as the operating system would word it.
pub(crate) fn timeout_elapsed() -> io::Error {
    io::Error::from_raw_os_error(libc::EAGAIN)
}

/// The timeouts of a socket, to read and to write. An error means that it is none.
pub(crate) fn timeouts(socket: BorrowedFd<'_>) -> io::Result<[Option<Duration>; 2]> {
    let socket = SockRef::from(&socket);
    Ok([socket.read_timeout()?, socket.write_timeout()?])
}

/// Sets the timeouts of a socket, to read and to write.
pub(crate) fn set_timeouts(
    socket: BorrowedFd<'_>,
    [read, write]: [Option<Duration>; 2],
) -> io::Result<()> {
    let socket = SockRef::from(&socket);
    socket.set_read_timeout(read)?;
    socket.set_write_timeout(write)
}

/// Sets whether calls of others on a socket wait.
pub(crate) fn set_nonblocking(socket: BorrowedFd<'_>, nonblocking: bool) -> io::Result<()> {
    SockRef::from(&socket).set_nonblocking(nonblocking)
}

/// Takes the error away that waits on a socket.
pub(crate) fn take_error(socket: BorrowedFd<'_>) -> io::Result<Option<io::Error>> {
    SockRef::from(&socket).take_error()
}

/// Ends one direction of a connection, or both.
pub(crate) fn shutdown(socket: BorrowedFd<'_>, how: Shutdown) -> io::Result<()> {
    SockRef::from(&socket).shutdown(how)
}

#[inline]
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut ReadBuffer<'_>) -> io::Result<usize> {
    receive_with(socket, buffer, libc::MSG_DONTWAIT)
}

/// Receives into `buffer` without taking what is received away.
pub(crate) fn peek(socket: BorrowedFd<'_>, buffer: &mut ReadBuffer<'_>) -> io::Result<usize> {
    receive_with(socket, buffer, libc::MSG_DONTWAIT | libc::MSG_PEEK)
}

#[inline]
fn receive_with(
    socket: BorrowedFd<'_>,
    buffer: &mut ReadBuffer<'_>,
    flags: libc::c_int,
) -> io::Result<usize> {
    // SAFETY: (system calls) the place has `length` bytes and lives across the call, which fills it
    // from its beginning.
    unsafe { buffer.fill_by(|place, length| libc::recv(socket.as_raw_fd(), place, length, flags)) }
}

#[inline]
pub(crate) fn send(socket: BorrowedFd<'_>, buffer: &[u8]) -> io::Result<usize> {
    let length = buffer.len().min(MOST_BYTES);
    // SAFETY: (system calls) the buffer has `length` bytes and lives across the call.
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

/// Receives a datagram and the address of its sender; with `peek` it stays there.
pub(crate) fn receive_from(
    socket: BorrowedFd<'_>,
    buffer: &mut ReadBuffer<'_>,
    peek: bool,
) -> io::Result<(usize, Address)> {
    let flags = libc::MSG_DONTWAIT | if peek { libc::MSG_PEEK } else { 0 };
    // SAFETY: (system calls) the place has `length` bytes and lives across the call, which fills it
    // from its beginning; the address is a place of its own, of which it sets as much as it says.
    let (length, address) = unsafe {
        Address::try_init(|address, address_length| {
            buffer.fill_by(|place, length| {
                libc::recvfrom(
                    socket.as_raw_fd(),
                    place,
                    length,
                    flags,
                    address.cast(),
                    address_length,
                )
            })
        })
    }?;
    Ok((length, address))
}

pub(crate) fn send_to(
    socket: BorrowedFd<'_>,
    buffer: &[u8],
    address: &Address,
) -> io::Result<usize> {
    SockRef::from(&socket).send_to_with_flags(buffer, address, SEND_FLAGS)
}

/// Receives into `buffer`. Also says whether something came along for which there was no place:
/// descriptors or credentials.
pub(crate) fn receive_message(
    socket: BorrowedFd<'_>,
    buffer: &mut ReadBuffer<'_>,
) -> io::Result<(usize, bool)> {
    let mut cut = false;
    // SAFETY: (system calls) message, slice and place live across the call, which fills the place
    // from its beginning.
    let received = unsafe {
        buffer.fill_by(|place, length| {
            let mut slice = libc::iovec {
                iov_base: place,
                iov_len: length,
            };
            let mut message = message(&mut slice, 1);
            let moved = libc::recvmsg(socket.as_raw_fd(), &mut message, libc::MSG_DONTWAIT);
            cut = message.msg_flags & libc::MSG_CTRUNC != 0;
            moved
        })
    };
    Ok((received?, cut))
}

/// Receives into several buffers, one after the other, otherwise as [`receive_message`]. They are
/// those that [`within_limits_mut`](super::descriptor::within_limits_mut) has left.
pub(crate) fn receive_vectored(
    socket: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
) -> io::Result<(usize, bool)> {
    let mut message = message(buffers.as_mut_ptr().cast(), buffers.len());
    // SAFETY: (system calls) the message and the buffers live across the call, and std lays an
    // `IoSliceMut` out as an `iovec`.
    let moved = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut message, libc::MSG_DONTWAIT) };
    Ok((
        moved_bytes(moved)?,
        message.msg_flags & libc::MSG_CTRUNC != 0,
    ))
}

/// Sends from several buffers, one after the other. They are those that
/// [`within_limits`](super::descriptor::within_limits) has left.
pub(crate) fn send_vectored(socket: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    let message = message(buffers.as_ptr().cast_mut().cast(), buffers.len());
    // SAFETY: (system calls) as above; the call only reads them.
    let moved = unsafe { libc::sendmsg(socket.as_raw_fd(), &message, SEND_FLAGS) };
    moved_bytes(moved)
}

/// A message that consists of `count` buffers.
fn message(buffers: *mut libc::iovec, count: usize) -> libc::msghdr {
    // SAFETY: (system calls) zeros stand for no address and no control data.
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
/// An error with `EAGAIN` if no connection waits; otherwise see [`is_passing`] and [`is_shortage`].
pub(crate) fn accept(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, Address)> {
    // One call instead of three: accept and set both flags.
    #[cfg(not(target_vendor = "apple"))]
    let (socket, address) =
        SockRef::from(&listener).accept4(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK)?;
    #[cfg(target_vendor = "apple")]
    let (socket, address) = {
        let (socket, address) = SockRef::from(&listener).accept()?;
        socket.set_nonblocking(true)?;
        suppress_sigpipe(&socket);
        (socket, address)
    };
    Ok((socket.into(), address))
}

/// Prevents SIGPIPE where that is a property of the socket; elsewhere [`SEND_FLAGS`] do.
pub(crate) fn suppress_sigpipe(socket: &impl AsFd) {
    // It fails for what is not a socket only, where sending fails, too.
    #[cfg(target_vendor = "apple")]
    let _ = SockRef::from(socket).set_nosigpipe(true);
    #[cfg(not(target_vendor = "apple"))]
    let _ = socket;
}

/// Whether connecting goes on after this error, and the socket's becoming writable tells its end.
pub(crate) fn is_connecting(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR))
}

/// Whether `accept` failed because of the connection that it would have accepted: the next one may
/// be all right.
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

/// Whether `accept` failed for want of descriptors or memory: the connection still waits, and no
/// event will announce that there is room for it.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}
