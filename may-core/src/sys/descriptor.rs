//! Any descriptor: reading and writing, its mode, its kind, and what it is ready for.
//!
//! The calls that move bytes are here and in `sys/socket.rs`; each takes `errno` before it returns,
//! so nothing can come between.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::buffer::ReadBuffer;

/// The most bytes that count as one transfer. Linux moves two gigabytes at most, and a transfer
/// that ended for that reason is not a sign that there is no more.
pub(crate) const MOST_BYTES: usize = 1 << 30;
/// The most slices in one transfer; what is beyond them is left for the next. POSIX's name for it
/// is `IOV_MAX`.
const MOST_SLICES: usize = 1024;
/// Descriptors below this are not switched to non-blocking mode.
const FIRST_OWN: RawFd = 3;
/// So many bytes go into a pipe that is ready without waiting for more room.
pub(crate) const PIPE_BYTES: usize = libc::PIPE_BUF;

pub(crate) fn read(descriptor: BorrowedFd<'_>, buffer: &mut ReadBuffer<'_>) -> io::Result<usize> {
    // SAFETY: (system calls) the place has `length` bytes and lives across the call, which fills it
    // from its beginning.
    unsafe { buffer.fill_by(|place, length| libc::read(descriptor.as_raw_fd(), place, length)) }
}

pub(crate) fn write(descriptor: BorrowedFd<'_>, buffer: &[u8]) -> io::Result<usize> {
    let length = buffer.len().min(MOST_BYTES);
    // SAFETY: (system calls) the buffer has `length` bytes and lives across the call.
    moved_bytes(unsafe { libc::write(descriptor.as_raw_fd(), buffer.as_ptr().cast(), length) })
}

/// Reads into several buffers, one after the other. They are those that [`within_limits_mut`] has
/// left.
pub(crate) fn read_vectored(
    descriptor: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
) -> io::Result<usize> {
    // At most `MOST_SLICES`, which fits whatever the platform's type.
    let count = buffers.len() as libc::c_int;
    // SAFETY: (system calls) the buffers live across the call, and std lays an `IoSliceMut` out as
    // an `iovec`.
    moved_bytes(unsafe { libc::readv(descriptor.as_raw_fd(), buffers.as_mut_ptr().cast(), count) })
}

/// Writes from several buffers, one after the other. They are those that [`within_limits`] has
/// left.
pub(crate) fn write_vectored(
    descriptor: BorrowedFd<'_>,
    buffers: &[IoSlice<'_>],
) -> io::Result<usize> {
    let count = buffers.len() as libc::c_int;
    // SAFETY: (system calls) as above; the call only reads them.
    moved_bytes(unsafe { libc::writev(descriptor.as_raw_fd(), buffers.as_ptr().cast(), count) })
}

/// How many bytes a transfer has moved.
#[inline]
pub(super) fn moved_bytes(result: isize) -> io::Result<usize> {
    // A negative result means an error.
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// How many buffers of the given lengths go into one transfer, and how many bytes those are: as
/// many as fit, at least one.
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

/// Whether there is something to read, or an end or an error to be told of.
pub(crate) fn is_readable(descriptor: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(poll(descriptor, libc::POLLIN)? != 0)
}

/// Whether there is room to write, or an error to be told of.
pub(crate) fn is_writable(descriptor: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(poll(descriptor, libc::POLLOUT)? != 0)
}

/// Whether the reading direction of a socket has been shut down.
pub(crate) fn is_read_shut_down(socket: BorrowedFd<'_>) -> io::Result<bool> {
    // An error that waits, in the socket or in its queue of errors, is no end.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return Ok(poll(socket, libc::POLLRDHUP)? & libc::POLLRDHUP != 0);
    // Elsewhere a call finds out.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    return poll(socket, 0).map(|_| false);
}

/// Which of `events` are there now; besides, ends and errors.
fn poll(descriptor: BorrowedFd<'_>, events: libc::c_short) -> io::Result<libc::c_short> {
    let mut descriptor = libc::pollfd {
        fd: descriptor.as_raw_fd(),
        events,
        revents: 0,
    };
    // SAFETY: (system calls) the structure lives across the call, and there is one.
    match unsafe { libc::poll(&mut descriptor, 1, 0) } {
        result if result < 0 => Err(io::Error::last_os_error()),
        _ => Ok(descriptor.revents),
    }
}

/// What a descriptor leads to, as far as transfers depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Calls of its own say that they are not to wait.
    Socket,
    /// Never waits, and cannot be polled everywhere.
    File,
    /// A pipe, a terminal, an eventfd, a device, ...
    Other,
}

/// What `descriptor` leads to.
///
/// # Errors
///
/// An error with `EBADF` if it is closed.
pub(crate) fn kind(descriptor: BorrowedFd<'_>) -> io::Result<Kind> {
    // SAFETY: (system calls) zeros are a value of this plain structure.
    let mut status: libc::stat = unsafe { mem::zeroed() };
    // SAFETY: (system calls) the structure lives across the call.
    if unsafe { libc::fstat(descriptor.as_raw_fd(), &mut status) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(match status.st_mode & libc::S_IFMT {
        libc::S_IFSOCK => Kind::Socket,
        libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK => Kind::File,
        _ => Kind::Other,
    })
}

/// Another descriptor for the same open file, closed on `exec`.
///
/// # Errors
///
/// An error with `EMFILE` or `ENFILE` if there are no descriptors left.
pub(crate) fn duplicate(descriptor: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: (system calls) plain values only.
    match unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, FIRST_OWN) } {
        result if result < 0 => Err(io::Error::last_os_error()),
        // SAFETY: (system calls) the call has made it, for its caller.
        result => Ok(unsafe { OwnedFd::from_raw_fd(result) }),
    }
}

fn flags(descriptor: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    // SAFETY: (system calls) plain values only.
    match unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_GETFL) } {
        flags if flags < 0 => Err(io::Error::last_os_error()),
        flags => Ok(flags),
    }
}

fn set_flags(descriptor: RawFd, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: (system calls) plain values only.
    match unsafe { libc::fcntl(descriptor, libc::F_SETFL, flags) } {
        result if result < 0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Whether the mode of a descriptor may be changed: it belongs to the open file, which standard
/// input, output and error share with other processes (R8).
pub(crate) fn is_mode_ours(descriptor: BorrowedFd<'_>) -> bool {
    descriptor.as_raw_fd() >= FIRST_OWN
}

/// Keeps a descriptor in non-blocking mode. To be dropped before the descriptor is closed; it is in
/// blocking mode then.
#[derive(Debug)]
pub(crate) struct NonBlocking(RawFd);

impl NonBlocking {
    /// Switches `descriptor` to non-blocking mode, unless it is in it.
    ///
    /// # Errors
    ///
    /// An error with `EBADF` if it is closed.
    pub(crate) fn set(descriptor: BorrowedFd<'_>) -> io::Result<Option<NonBlocking>> {
        let before = flags(descriptor)?;
        if before & libc::O_NONBLOCK != 0 {
            return Ok(None);
        }
        let descriptor = descriptor.as_raw_fd();
        set_flags(descriptor, before | libc::O_NONBLOCK)?;
        Ok(Some(NonBlocking(descriptor)))
    }
}

impl Drop for NonBlocking {
    fn drop(&mut self) {
        // SAFETY: (system calls) plain values only.
        let now = unsafe { libc::fcntl(self.0, libc::F_GETFL) };
        if now >= 0 {
            let _ = set_flags(self.0, now & !libc::O_NONBLOCK);
        }
    }
}

/// Opens what a descriptor of a pipe or a terminal leads to once more, in a non-blocking mode that
/// no other process shares.
///
/// # Errors
///
/// `PermissionDenied` if it may not be opened, `NotFound` if it has no name.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn reopen(descriptor: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    use std::fs::OpenOptions;
    use std::os::unix::fs::OpenOptionsExt;

    let access = flags(descriptor)? & libc::O_ACCMODE;
    OpenOptions::new()
        .read(access != libc::O_WRONLY)
        .write(access != libc::O_RDONLY)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(format!("/proc/self/fd/{}", descriptor.as_raw_fd()))
        .map(OwnedFd::from)
}

/// See above; elsewhere opening a descriptor's name is duplicating it.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn reopen(_descriptor: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}
