//! Any descriptor as a stream.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use super::call::{More, RawIo};
use super::descriptor::{Descriptor, HasDescriptor};
use super::poll::duplex;
use crate::reactor::Direction;
use crate::sys::buffer::ReadBuffer;
use crate::sys::descriptor::{self, Kind, NonBlocking};
use crate::sys::socket;

/// Any descriptor, so that reading and writing block the coroutine only: a pipe, a terminal, an
/// eventfd, a device, a socket that another library has made. On a plain thread the calls block the
/// thread.
///
/// `T` is whatever owns or borrows the descriptor. What is read and written goes through the
/// descriptor, whatever `T`'s own `Read` and `Write` would do; [`read_with`](CoIo::read_with) and
/// [`write_with`](CoIo::write_with) are for calls of `T`'s own. `&CoIo` reads and writes, too, so
/// several coroutines and threads can use one at a time; put it into an `Arc` to share it.
///
/// # The descriptor's mode
///
/// The descriptor is switched to non-blocking mode, and back when the `CoIo` goes. Descriptors 0 to
/// 2 are never switched, because other processes may share them: on Linux a terminal or a pipe
/// there is opened once more instead. Where that cannot be, each call asks first whether there is
/// something to do, and writes no more than a pipe takes at once; then a call blocks its thread
/// only if another process or thread was faster in between.
///
/// The mode belongs to the open file, and so to all descriptors of it. Wrap a pipe or a terminal
/// once, and share the `CoIo`: the first of several that goes would take the mode away from the
/// others, whose calls would block their threads from then on.
///
/// # Regular files
///
/// are always ready, as far as operating systems say: reading a `CoIo` of one blocks the worker
/// while the disk is slow. So are a few devices that cannot be polled; if one of these has nothing
/// to read, reading it fails with [`WouldBlock`](io::ErrorKind::WouldBlock).
///
/// # Examples
///
/// ```
/// use std::io::{self, Read, Write};
///
/// use may::io::CoIo;
/// use may::coroutine;
///
/// let (reader, writer) = io::pipe()?;
/// let (mut reader, mut writer) = (CoIo::new(reader)?, CoIo::new(writer)?);
/// let echo = coroutine::spawn(move || -> io::Result<String> {
///     let mut text = String::new();
///     reader.read_to_string(&mut text)?;
///     Ok(text)
/// });
/// writer.write_all(b"through a pipe")?;
/// drop(writer);
/// assert_eq!(echo.join().unwrap()?, "through a pipe");
/// # io::Result::Ok(())
/// ```
pub struct CoIo<T: AsFd> {
    descriptor: Descriptor<Foreign<T>>,
}

// A panic that unwinds out of a call leaves the descriptor as good as before: no call changes it
// halfway.
impl<T: AsFd + UnwindSafe> UnwindSafe for CoIo<T> {}
impl<T: AsFd + RefUnwindSafe> RefUnwindSafe for CoIo<T> {}

/// A descriptor of the user's, and what is known of it.
#[derive(Debug)]
pub struct Foreign<T> {
    /// Declared first, so that it goes while the descriptor is open.
    mode: Option<NonBlocking>,
    /// Opened once more, because the mode of `io`'s is not ours.
    reopened: Option<OwnedFd>,
    io: T,
    kind: Kind,
    /// A call might wait, so each is preceded by a question.
    asks_first: bool,
}

impl<T: AsFd> Foreign<T> {
    /// Takes a descriptor over.
    fn new(io: T) -> io::Result<Foreign<T>> {
        let kind = descriptor::kind(io.as_fd())?;
        let (mut mode, mut reopened) = (None, None);
        let mut asks_first = false;
        match kind {
            // Neither waits.
            Kind::File => {}
            Kind::Socket if !descriptor::is_mode_ours(io.as_fd()) => {}
            _ if descriptor::is_mode_ours(io.as_fd()) => mode = NonBlocking::set(io.as_fd())?,
            _ => {
                reopened = descriptor::reopen(io.as_fd()).ok();
                asks_first = reopened.is_none();
            }
        }
        Ok(Foreign {
            mode,
            reopened,
            io,
            kind,
            asks_first,
        })
    }

    /// Makes sure that a read does not wait.
    fn ask_to_read(&self) -> io::Result<()> {
        match self.asks_first && !descriptor::is_readable(self.as_fd())? {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => Ok(()),
        }
    }

    /// What a socket has received. One of datagrams whose reading direction has been shut down goes
    /// on to say that there is nothing yet.
    fn received(&self, received: io::Result<usize>) -> io::Result<usize> {
        match received {
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock
                    && descriptor::is_read_shut_down(self.as_fd())? =>
            {
                Ok(0)
            }
            received => received,
        }
    }

    /// Makes sure that a write does not wait, of as many bytes as this returns.
    fn ask_to_write(&self) -> io::Result<usize> {
        if !self.asks_first {
            return Ok(descriptor::MOST_BYTES);
        }
        match descriptor::is_writable(self.as_fd())? {
            true => Ok(descriptor::PIPE_BYTES),
            false => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// What a transfer says of what is left: nothing. A read of a terminal ends with the line, one of a
/// socket or a pipe perhaps with the message, and of a pipe only the writer knows that.
fn moved(bytes: usize) -> (usize, More) {
    (bytes, More::Perhaps)
}

impl<T: AsFd> AsFd for Foreign<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.reopened {
            Some(reopened) => reopened.as_fd(),
            None => self.io.as_fd(),
        }
    }
}

impl<T: AsFd> RawIo for Foreign<T> {
    fn read(&self, buffer: &mut ReadBuffer<'_>) -> io::Result<(usize, More)> {
        self.ask_to_read()?;
        let read = match self.kind {
            Kind::Socket => self.received(socket::receive(self.as_fd(), buffer))?,
            _ => descriptor::read(self.as_fd(), buffer)?,
        };
        Ok(moved(read))
    }

    fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<(usize, More)> {
        self.ask_to_read()?;
        let read = match self.kind {
            Kind::Socket => {
                let received = socket::receive_vectored(self.as_fd(), buffers);
                self.received(received.map(|(bytes, _)| bytes))?
            }
            _ => descriptor::read_vectored(self.as_fd(), buffers)?,
        };
        Ok(moved(read))
    }

    fn write(&self, buffer: &[u8]) -> io::Result<(usize, More)> {
        let most = self.ask_to_write()?;
        let buffer = &buffer[..buffer.len().min(most)];
        let written = match self.kind {
            Kind::Socket => socket::send(self.as_fd(), buffer)?,
            _ => descriptor::write(self.as_fd(), buffer)?,
        };
        Ok(moved(written))
    }

    fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<(usize, More)> {
        if self.asks_first {
            let first = buffers.iter().find(|buffer| !buffer.is_empty());
            return first.map_or(Ok((0, More::Perhaps)), |buffer| self.write(buffer));
        }
        let written = match self.kind {
            Kind::Socket => socket::send_vectored(self.as_fd(), buffers)?,
            _ => descriptor::write_vectored(self.as_fd(), buffers)?,
        };
        Ok(moved(written))
    }

    /// What is no socket has no way to say it; its writers say it by closing it.
    fn end_writing(&self) -> io::Result<()> {
        match self.kind {
            Kind::Socket => socket::shutdown(self.as_fd(), Shutdown::Write),
            _ => Ok(()),
        }
    }

    fn end(&self) -> io::Result<()> {
        match self.kind {
            Kind::Socket => socket::shutdown(self.as_fd(), Shutdown::Both),
            _ => Ok(()),
        }
    }
}

impl<T: AsFd> CoIo<T> {
    /// Wraps a descriptor, or what owns one.
    ///
    /// # Errors
    ///
    /// What the operating system says when it is asked what the descriptor is, or to change its
    /// mode.
    ///
    /// # Examples
    ///
    /// See [`CoIo`].
    pub fn new(io: T) -> io::Result<CoIo<T>> {
        Ok(CoIo {
            descriptor: Descriptor::new(Foreign::new(io)?),
        })
    }

    /// What was wrapped. Do not wait with it: its own calls block the thread, or fail with
    /// `WouldBlock`.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::io::CoIo;
    /// use std::os::fd::AsRawFd;
    ///
    /// let (reader, _writer) = std::io::pipe()?;
    /// let reader = CoIo::new(reader)?;
    /// assert_eq!(reader.get_ref().as_raw_fd(), reader.as_raw_fd());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn get_ref(&self) -> &T {
        &self.descriptor.get().io
    }

    /// Gives back what was wrapped, in the mode that it had.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::io::CoIo;
    /// use std::io::{Read, Write};
    ///
    /// let (reader, mut writer) = std::io::pipe()?;
    /// let mut reader = CoIo::new(reader)?.into_inner();
    /// writer.write_all(b"x")?;
    /// assert_eq!(reader.read(&mut [0; 8])?, 1);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn into_inner(self) -> T {
        let Foreign { mode, io, .. } = self.descriptor.into_inner();
        drop(mode);
        io
    }

    /// Makes a call of the type's own that reads, as soon as there is something to read: again each
    /// time it fails with [`WouldBlock`](io::ErrorKind::WouldBlock), when there is more. It must
    /// not wait by other means.
    ///
    /// # Errors
    ///
    /// Those of the call, and that of the read timeout.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::io::CoIo;
    ///
    /// let (one, other) = std::os::unix::net::UnixDatagram::pair()?;
    /// let one = CoIo::new(one)?;
    /// other.send(b"word")?;
    /// assert_eq!(one.read_with(|socket| socket.recv(&mut [0; 8]))?, 4);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read_with<R>(&self, call: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.attempt_with(Direction::Read, |foreign| foreign.ask_to_read(), call)
    }

    /// Makes a call of the type's own that writes, as soon as there is room; otherwise as
    /// [`read_with`](CoIo::read_with).
    ///
    /// # Errors
    ///
    /// Those of the call, and that of the write timeout.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits.
    ///
    /// # Examples
    ///
    /// See [`read_with`](CoIo::read_with).
    pub fn write_with<R>(&self, call: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        let ask = |foreign: &Foreign<T>| foreign.ask_to_write().map(drop);
        self.attempt_with(Direction::Write, ask, call)
    }

    /// Makes a user's call as soon as a direction is ready and `ask` says so, too. A panic in it is
    /// a result as any other, so that those who wait besides are told.
    fn attempt_with<R>(
        &self,
        direction: Direction,
        ask: impl Fn(&Foreign<T>) -> io::Result<()>,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let result = self.descriptor.block(direction, |foreign| {
            ask(foreign)?;
            match catch_unwind(AssertUnwindSafe(|| call(&foreign.io))) {
                Ok(result) => result.map(|value| (Ok(value), More::Perhaps)),
                Err(payload) => Ok((Err(payload), More::Perhaps)),
            }
        })?;
        result.or_else(|payload| resume_unwind(payload))
    }

    /// Sets for how long a read may wait; `None`, as it is at first, for as long as it takes. Holds
    /// for calls that begin after this. Any duration will do, from a nanosecond to `Duration::MAX`.
    ///
    /// A read whose timeout has elapsed fails with [`WouldBlock`](io::ErrorKind::WouldBlock), as
    /// that of a socket does.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a timeout of zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::io::CoIo;
    /// use std::io::{ErrorKind, Read};
    /// use std::time::Duration;
    ///
    /// let (reader, _writer) = std::io::pipe()?;
    /// let mut reader = CoIo::new(reader)?;
    /// reader.set_read_timeout(Some(Duration::from_micros(500)))?;
    /// assert_eq!(reader.read_timeout(), Some(Duration::from_micros(500)));
    /// assert_eq!(reader.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.descriptor.set_timeout(Direction::Read, timeout)
    }

    /// Sets for how long a write may wait; otherwise as
    /// [`set_read_timeout`](CoIo::set_read_timeout).
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a timeout of zero.
    ///
    /// # Examples
    ///
    /// See [`set_read_timeout`](CoIo::set_read_timeout).
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.descriptor.set_timeout(Direction::Write, timeout)
    }

    /// For how long a read may wait.
    ///
    /// # Examples
    ///
    /// See [`set_read_timeout`](CoIo::set_read_timeout).
    pub fn read_timeout(&self) -> Option<Duration> {
        self.descriptor.timeout(Direction::Read)
    }

    /// For how long a write may wait.
    ///
    /// # Examples
    ///
    /// See [`set_read_timeout`](CoIo::set_read_timeout).
    pub fn write_timeout(&self) -> Option<Duration> {
        self.descriptor.timeout(Direction::Write)
    }

    /// Sets whether calls that would have to wait fail with
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) instead. What waits at the moment fails, too. (The
    /// descriptor's own mode is not what this changes.)
    ///
    /// # Examples
    ///
    /// ```
    /// use may::io::CoIo;
    /// use std::io::{ErrorKind, Read};
    ///
    /// let (reader, _writer) = std::io::pipe()?;
    /// let mut reader = CoIo::new(reader)?;
    /// reader.set_nonblocking(true);
    /// assert_eq!(reader.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) {
        self.descriptor.set_nonblocking(nonblocking);
    }
}

/// # Cancellation
///
/// A cancelled coroutine unwinds while it waits for the other side; no bytes have been taken then.
impl<T: AsFd> Read for CoIo<T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.descriptor.read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.descriptor.read_vectored(bufs)
    }
}

/// # Cancellation
///
/// A cancelled coroutine unwinds while it waits for the other side; no bytes have been taken then.
impl<T: AsFd> Read for &CoIo<T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.descriptor.read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.descriptor.read_vectored(bufs)
    }
}

/// # Cancellation
///
/// A cancelled coroutine unwinds while it waits for room; nothing of what the call was to write has
/// been written then. (`write_all` is several calls.)
impl<T: AsFd> Write for CoIo<T> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.descriptor.write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.descriptor.write_vectored(bufs)
    }

    /// Does nothing: what was written is on its way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// # Cancellation
///
/// A cancelled coroutine unwinds while it waits for room; nothing of what the call was to write has
/// been written then. (`write_all` is several calls.)
impl<T: AsFd> Write for &CoIo<T> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.descriptor.write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.descriptor.write_vectored(bufs)
    }

    /// Does nothing: what was written is on its way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<T: AsFd> HasDescriptor for CoIo<T> {
    type Raw = Foreign<T>;

    fn descriptor(&self) -> &Descriptor<Foreign<T>> {
        &self.descriptor
    }
}

duplex!([T: AsFd] CoIo<T>);

impl<T: AsFd> AsFd for CoIo<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get_ref().as_fd()
    }
}

impl<T: AsFd> AsRawFd for CoIo<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for CoIo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CoIo").field(self.get_ref()).finish()
    }
}
