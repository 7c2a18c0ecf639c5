//! Waiting for a descriptor that belongs to other code.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use super::call::is_ready;
use super::descriptor::{Descriptor, timed_out};
use crate::reactor::Direction;
use crate::util::clock::Deadline;

/// Waits until `fd` is readable: there is something to read, or an end or an error to be told of.
/// For libraries that do their own reading and writing, of libpq's or libssh2's kind; what the
/// caller itself reads and writes is better wrapped in a [`CoIo`](super::CoIo).
///
/// The descriptor is not changed, and should be in non-blocking mode, since another reader may be
/// faster. Any number of coroutines and threads may wait for one descriptor. Of several who wait
/// for the same direction all are woken.
///
/// # Errors
///
/// `TimedOut` if `deadline` passes first; otherwise what the operating system says.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds while it waits.
///
/// # Examples
///
/// ```
/// use std::io::{self, ErrorKind, Write};
/// use std::time::{Duration, Instant};
///
/// use may::io::wait_readable;
///
/// let (reader, mut writer) = io::pipe()?;
/// let soon = Instant::now() + Duration::from_millis(1);
/// assert_eq!(wait_readable(&reader, Some(soon)).unwrap_err().kind(), ErrorKind::TimedOut);
///
/// writer.write_all(b"x")?;
/// wait_readable(&reader, None)?;
/// # io::Result::Ok(())
/// ```
///
/// A library that has only the number of its descriptor to offer:
///
/// ```
/// # use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
/// # use std::time::{Duration, Instant};
/// # use may::io;
/// # struct Session(std::net::UdpSocket);
/// # impl Session {
/// #     fn descriptor(&self) -> RawFd { self.0.as_raw_fd() }
/// # }
/// # let session = Session(std::net::UdpSocket::bind("127.0.0.1:0")?);
/// // SAFETY: the session keeps it open.
/// let fd = unsafe { BorrowedFd::borrow_raw(session.descriptor()) };
/// io::wait_writable(fd, Some(Instant::now() + Duration::from_secs(5)))?;
/// # std::io::Result::Ok(())
/// ```
pub fn wait_readable<F: AsFd>(fd: F, deadline: Option<Instant>) -> io::Result<()> {
    wait(&fd, Direction::Read, deadline)
}

/// Waits until `fd` is writable: there is room, or an error to be told of. Otherwise as
/// [`wait_readable`].
///
/// # Errors
///
/// `TimedOut` if `deadline` passes first; otherwise what the operating system says.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds while it waits.
///
/// # Examples
///
/// See [`wait_readable`].
pub fn wait_writable<F: AsFd>(fd: F, deadline: Option<Instant>) -> io::Result<()> {
    wait(&fd, Direction::Write, deadline)
}

/// Waits until a descriptor is ready for a direction.
fn wait(fd: &impl AsFd, direction: Direction, deadline: Option<Instant>) -> io::Result<()> {
    let deadline = deadline.map_or(Deadline::NEVER, Deadline::at);
    wait_until(fd.as_fd(), direction, deadline)
}

/// Waits until a descriptor is ready for a direction, or fails with `TimedOut`.
pub(crate) fn wait_until(
    fd: BorrowedFd<'_>,
    direction: Direction,
    deadline: Deadline,
) -> io::Result<()> {
    Descriptor::new(fd)
        .block_until(direction, deadline, |fd| is_ready(fd, direction))
        .unwrap_or_else(|| Err(timed_out()))
}
