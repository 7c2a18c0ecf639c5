//! A TCP connection.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::address::{ToSocketAddrs, each};
use crate::io::attempt::More;
use crate::io::descriptor::Descriptor;
use crate::io::raw::{RawIo, byte_stream, drained_if_short, length_of};
use crate::reactor::Direction;
use crate::sys::{descriptor, socket};
use crate::util::clock::Deadline;

/// A TCP connection, like [`std::net::TcpStream`].
///
/// Reading, writing and connecting block the coroutine only; on a plain thread they block the thread. `&TcpStream` reads and
/// writes, too, so several coroutines and threads can use one connection: each call moves its bytes in one piece, and which of
/// several readers gets which bytes is up to chance.
///
/// The connection is closed when the value and all its clones are dropped.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
///
/// use may_core::net::{TcpListener, TcpStream};
/// use may_core::spawn;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let server = spawn::spawn(move || {
///     let (mut stream, _) = listener.accept()?;
///     stream.write_all(b"hello")
/// });
///
/// let mut text = String::new();
/// TcpStream::connect(address)?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// server.join().unwrap()?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct TcpStream {
    descriptor: Arc<Descriptor<net::TcpStream>>,
}

// Whoever unwinds out of a call leaves a socket behind that is as good as before: no call changes it halfway.
impl UnwindSafe for TcpStream {}
impl RefUnwindSafe for TcpStream {}

impl TcpStream {
    /// Opens a connection; tries all addresses that `addr` stands for until one of them answers.
    ///
    /// # Errors
    ///
    /// That of the last address, that of the look-up of the name, or `InvalidInput` if there are no addresses.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits for the peer, and there is no connection then. The look-up of a name is
    /// waited for.
    ///
    /// # Examples
    ///
    /// ```
    /// use may_core::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        each(addr, |address| TcpStream::open(address, Deadline::NEVER))
    }

    /// Opens a connection to one address, within `timeout`. Any duration will do, up to `Duration::MAX`.
    ///
    /// # Errors
    ///
    /// `TimedOut` if the connection is not there in time; `InvalidInput` if `timeout` is zero; otherwise what the operating
    /// system says.
    ///
    /// # Cancellation
    ///
    /// As for [`connect`](TcpStream::connect).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use may_core::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// TcpStream::connect_timeout(&listener.local_addr()?, Duration::from_secs(5))?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "cannot set a 0 duration timeout",
            ));
        }
        TcpStream::open(addr, Deadline::after(timeout))
    }

    /// Opens a connection to `address`.
    fn open(address: &SocketAddr, deadline: Deadline) -> io::Result<TcpStream> {
        let socket = Socket::new(
            Domain::for_address(*address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_nonblocking(true)?;
        let stream = TcpStream::from_prepared(socket.into());
        let mut begun = false;
        stream
            .descriptor
            .attempt_until(Direction::Write, deadline, |stream| {
                if begun {
                    check_connected(stream)?;
                } else {
                    begun = true;
                    begin_connecting(stream, address)?;
                }
                Ok(((), More::Perhaps))
            })?;
        Ok(stream)
    }

    /// Wraps a socket that has been made for this, in non-blocking mode.
    pub(super) fn from_prepared(socket: OwnedFd) -> TcpStream {
        TcpStream {
            descriptor: Arc::new(Descriptor::new(net::TcpStream::from(socket))),
        }
    }

    /// Takes a socket over as it is, with its timeouts.
    fn adopt(stream: net::TcpStream) -> TcpStream {
        // Errors mean that the descriptor is no such socket; each later call will say so.
        if descriptor::is_mode_ours(stream.as_fd()) {
            let _ = stream.set_nonblocking(true);
        }
        #[cfg(target_vendor = "apple")]
        socket::suppress_sigpipe(&stream);
        let timeouts = [
            (Direction::Read, stream.read_timeout()),
            (Direction::Write, stream.write_timeout()),
        ];
        let descriptor = Descriptor::new(stream);
        for (direction, timeout) in timeouts {
            if let Ok(Some(timeout)) = timeout {
                let _ = descriptor.set_timeout(direction, Some(timeout));
            }
        }
        TcpStream {
            descriptor: Arc::new(descriptor),
        }
    }

    /// Gives the socket away as std would have left it: in blocking mode unless the user asked for the other, and with its
    /// timeouts.
    ///
    /// # Errors
    ///
    /// If there are clones, the socket is duplicated, for which there may be no descriptor left.
    fn release(self) -> io::Result<net::TcpStream> {
        let nonblocking = self.descriptor.is_nonblocking();
        let timeouts =
            [Direction::Read, Direction::Write].map(|direction| self.descriptor.timeout(direction));
        let stream = match Arc::try_unwrap(self.descriptor) {
            Ok(descriptor) => descriptor.into_inner(),
            Err(shared) => shared.get().try_clone()?,
        };
        // The transfers of clones do not depend on the mode (`sys/socket.rs`). What fails here fails for what is no socket.
        if descriptor::is_mode_ours(stream.as_fd()) {
            let _ = stream.set_nonblocking(nonblocking);
        }
        let [read, write] = timeouts;
        if read.is_some() || write.is_some() {
            let _ = stream.set_read_timeout(read);
            let _ = stream.set_write_timeout(write);
        }
        Ok(stream)
    }

    /// The socket.
    fn inner(&self) -> &net::TcpStream {
        self.descriptor.get()
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// `NotConnected` if there is no other end any more.
    ///
    /// # Examples
    ///
    /// ```
    /// # use may_core::net::{TcpListener, TcpStream};
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// let (accepted, peer) = listener.accept()?;
    /// assert_eq!(accepted.peer_addr()?, peer);
    /// assert_eq!(stream.local_addr()?, peer);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner().peer_addr()
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// See [`peer_addr`](TcpStream::peer_addr).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner().local_addr()
    }

    /// Closes the connection for reading, writing or both. Whoever waits for it, here or through a clone, is woken: readers find
    /// the end of the stream.
    ///
    /// # Errors
    ///
    /// `NotConnected` if there is no connection.
    ///
    /// # Examples
    ///
    /// ```
    /// # use may_core::net::{TcpListener, TcpStream};
    /// use std::io::Read;
    /// use std::net::Shutdown;
    ///
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut stream = TcpStream::connect(listener.local_addr()?)?;
    /// let clone = stream.try_clone()?;
    /// let reader = may_core::spawn::spawn(move || stream.read(&mut [0; 16]));
    /// clone.shutdown(Shutdown::Both)?;
    /// assert_eq!(reader.join().unwrap()?, 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner().shutdown(how)?;
        // Not every system has an event for that.
        self.descriptor.recheck();
        Ok(())
    }

    /// Another handle of the same connection. Timeouts and the non-blocking setting are common to all, as they are with std.
    ///
    /// No descriptor is duplicated, so this never fails, and all handles have the same number.
    ///
    /// # Errors
    ///
    /// None; the type is std's.
    ///
    /// # Examples
    ///
    /// ```
    /// # use may_core::net::{TcpListener, TcpStream};
    /// use std::time::Duration;
    ///
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// let clone = stream.try_clone()?;
    /// clone.set_read_timeout(Some(Duration::from_secs(1)))?;
    /// assert_eq!(stream.read_timeout()?, Some(Duration::from_secs(1)));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(TcpStream {
            descriptor: self.descriptor.clone(),
        })
    }

    /// Sets for how long a read may wait; `None`, as it is at first, for as long as it takes. Holds for calls that begin after this.
    /// Any duration will do, from a nanosecond to `Duration::MAX`.
    ///
    /// A read whose timeout has elapsed fails with the error that it has in std: on Unix of the kind
    /// [`WouldBlock`](io::ErrorKind::WouldBlock).
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a timeout of zero.
    ///
    /// # Examples
    ///
    /// ```
    /// # use may_core::net::{TcpListener, TcpStream};
    /// use std::io::{ErrorKind, Read};
    /// use std::time::Duration;
    ///
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut stream = TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_read_timeout(Some(Duration::from_micros(500)))?;
    /// let error = stream.read(&mut [0; 16]).unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_read_timeout(&self, dur: Option<Duration>) -> io::Result<()> {
        self.descriptor.set_timeout(Direction::Read, dur)
    }

    /// Sets for how long a write may wait; otherwise as [`set_read_timeout`](TcpStream::set_read_timeout).
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a timeout of zero.
    ///
    /// # Examples
    ///
    /// See [`set_read_timeout`](TcpStream::set_read_timeout).
    pub fn set_write_timeout(&self, dur: Option<Duration>) -> io::Result<()> {
        self.descriptor.set_timeout(Direction::Write, dur)
    }

    /// For how long a read may wait.
    ///
    /// # Errors
    ///
    /// None; the type is std's.
    ///
    /// # Examples
    ///
    /// See [`try_clone`](TcpStream::try_clone).
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.descriptor.timeout(Direction::Read))
    }

    /// For how long a write may wait.
    ///
    /// # Errors
    ///
    /// None; the type is std's.
    ///
    /// # Examples
    ///
    /// See [`try_clone`](TcpStream::try_clone).
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.descriptor.timeout(Direction::Write))
    }

    /// Reads without taking what is read away: the next read finds it again.
    ///
    /// # Errors
    ///
    /// As for [`read`](std::io::Read::read), timeout included.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits for the peer.
    ///
    /// # Examples
    ///
    /// ```
    /// # use may_core::net::{TcpListener, TcpStream};
    /// use std::io::{Read, Write};
    ///
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let mut peer = TcpStream::connect(listener.local_addr()?)?;
    /// # let (mut stream, _) = listener.accept()?;
    /// peer.write_all(b"x")?;
    /// let mut byte = [0];
    /// assert_eq!(stream.peek(&mut byte)?, 1);
    /// assert_eq!(stream.read(&mut byte)?, 1);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.descriptor.attempt(Direction::Read, |stream| {
            // However little that was, it is still there.
            Ok((socket::peek(stream.as_fd(), buf)?, More::Perhaps))
        })
    }

    /// Sets whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// ```
    /// # use may_core::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_nodelay(true)?;
    /// assert!(stream.nodelay()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.inner().set_nodelay(nodelay)
    }

    /// Whether small writes are sent at once.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// See [`set_nodelay`](TcpStream::set_nodelay).
    pub fn nodelay(&self) -> io::Result<bool> {
        self.inner().nodelay()
    }

    /// Sets how many routers a packet may pass (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// ```
    /// # use may_core::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_ttl(100)?;
    /// assert_eq!(stream.ttl()?, 100);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.inner().set_ttl(ttl)
    }

    /// How many routers a packet may pass.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// See [`set_ttl`](TcpStream::set_ttl).
    pub fn ttl(&self) -> io::Result<u32> {
        self.inner().ttl()
    }

    /// The error that waits on the socket (`SO_ERROR`), which this takes away.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// ```
    /// # use may_core::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// assert!(stream.take_error()?.is_none());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner().take_error()
    }

    /// Sets whether calls that would have to wait fail with [`WouldBlock`](io::ErrorKind::WouldBlock) instead. Whoever waits at
    /// the moment fails, too.
    ///
    /// # Errors
    ///
    /// None; the type is std's.
    ///
    /// # Examples
    ///
    /// ```
    /// # use may_core::net::{TcpListener, TcpStream};
    /// use std::io::{ErrorKind, Read};
    ///
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut stream = TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_nonblocking(true)?;
    /// assert_eq!(stream.read(&mut [0; 16]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.descriptor.set_nonblocking(nonblocking);
        Ok(())
    }
}

/// Starts a connection. `WouldBlock` means that it is on its way.
fn begin_connecting(stream: &net::TcpStream, address: &SocketAddr) -> io::Result<()> {
    SockRef::from(stream)
        .connect(&(*address).into())
        .map_err(|error| {
            if socket::is_connecting(&error) {
                io::ErrorKind::WouldBlock.into()
            } else if error.kind() == io::ErrorKind::WouldBlock {
                // Nothing is on its way: the system has no room for another connection.
                io::Error::new(io::ErrorKind::AddrNotAvailable, error)
            } else {
                error
            }
        })
}

/// Asks how a connection that was started has come out. `WouldBlock` means that it is still on its way.
fn check_connected(stream: &net::TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error),
    }
}

impl RawIo for net::TcpStream {
    #[inline]
    fn read(&self, buffer: &mut [u8]) -> io::Result<(usize, More)> {
        let read = socket::receive(self.as_fd(), buffer)?;
        Ok(drained_if_short(read, buffer.len()))
    }

    fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<(usize, More)> {
        let read = socket::receive_vectored(self.as_fd(), buffers)?;
        let length = length_of(buffers.iter().map(|buffer| buffer.len()));
        Ok(drained_if_short(read, length))
    }

    #[inline]
    fn write(&self, buffer: &[u8]) -> io::Result<(usize, More)> {
        let written = socket::send(self.as_fd(), buffer)?;
        Ok(drained_if_short(written, buffer.len()))
    }

    fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<(usize, More)> {
        let written = socket::send_vectored(self.as_fd(), buffers)?;
        let length = length_of(buffers.iter().map(|buffer| buffer.len()));
        Ok(drained_if_short(written, length))
    }
}

byte_stream!([] TcpStream, this => this.descriptor);

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner().fmt(f)
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner().as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.inner().as_raw_fd()
    }
}

impl FromRawFd for TcpStream {
    unsafe fn from_raw_fd(fd: RawFd) -> TcpStream {
        // SAFETY: (docs/safety.md, system calls) the caller owns the descriptor, as the trait asks.
        TcpStream::from(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

impl IntoRawFd for TcpStream {
    /// # Panics
    ///
    /// If there are clones and the process has no descriptor left for a duplicate.
    fn into_raw_fd(self) -> RawFd {
        OwnedFd::from(self).into_raw_fd()
    }
}

impl From<OwnedFd> for TcpStream {
    fn from(owned: OwnedFd) -> TcpStream {
        TcpStream::adopt(net::TcpStream::from(owned))
    }
}

impl From<TcpStream> for OwnedFd {
    /// # Panics
    ///
    /// If there are clones and the process has no descriptor left for a duplicate. `std::net::TcpStream::try_from` returns an
    /// error then.
    fn from(stream: TcpStream) -> OwnedFd {
        match stream.release() {
            Ok(stream) => stream.into(),
            Err(error) => panic!("a stream that has clones could not be duplicated: {error}"),
        }
    }
}

impl TryFrom<net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// # Errors
    ///
    /// None at present.
    fn try_from(stream: net::TcpStream) -> io::Result<TcpStream> {
        Ok(TcpStream::adopt(stream))
    }
}

impl TryFrom<TcpStream> for net::TcpStream {
    type Error = io::Error;

    /// # Errors
    ///
    /// If there are clones and the process has no descriptor left for a duplicate.
    fn try_from(stream: TcpStream) -> io::Result<net::TcpStream> {
        stream.release()
    }
}
