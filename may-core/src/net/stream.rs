//! A TCP connection.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::address::{ToSocketAddrs, each};
use super::connect;
use crate::io::call::{PeekIo, RawIo};
use crate::io::descriptor::timed_out;
use crate::io::handle::{Handle, socket_shutdown, socket_timeouts, socket_type};
use crate::io::poll::duplex;
use crate::io::{Descriptor, HasDescriptor};
use crate::operation::Queued;
use crate::util::clock::Deadline;

/// A TCP connection, like [`std::net::TcpStream`].
///
/// Reading, writing and connecting block the coroutine only; on a plain thread they block the
/// thread. `&TcpStream` reads and writes, too, so several coroutines and threads can use one
/// connection: each call moves its bytes in one piece, and which of several readers gets which
/// bytes is up to chance.
///
/// The connection is closed when the value and all its clones are dropped.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
///
/// use may::net::{TcpListener, TcpStream};
/// use may::coroutine;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let server = coroutine::spawn(move || {
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
    descriptor: Handle<net::TcpStream>,
}

socket_type!(
    TcpStream,
    net::TcpStream,
    "# let listener = may::net::TcpListener::bind(\"127.0.0.1:0\")?;
let socket = may::net::TcpStream::connect(listener.local_addr()?)?;"
);
socket_timeouts!(
    TcpStream,
    "# let listener = may::net::TcpListener::bind(\"127.0.0.1:0\")?;
let socket = may::net::TcpStream::connect(listener.local_addr()?)?;"
);
socket_shutdown!(
    TcpStream,
    "# use std::io::Read;
# let listener = may::net::TcpListener::bind(\"127.0.0.1:0\")?;
let socket = may::net::TcpStream::connect(listener.local_addr()?)?;",
    "(&socket).read(&mut [0; 16])"
);

/// # Cancellation
///
/// A cancelled coroutine unwinds while it waits for the other side; no bytes have been taken then.
impl Read for TcpStream {
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
impl Read for &TcpStream {
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
impl Write for TcpStream {
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
impl Write for &TcpStream {
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

impl HasDescriptor for TcpStream {
    type Raw = net::TcpStream;

    fn descriptor(&self) -> &Descriptor<net::TcpStream> {
        &self.descriptor
    }
}

duplex!([] TcpStream);

// What is right for a TCP connection is there already.
impl RawIo for net::TcpStream {}
impl PeekIo for net::TcpStream {}

impl TcpStream {
    /// Opens a connection; tries all addresses that `addr` stands for until one of them answers.
    ///
    /// # Errors
    ///
    /// That of the last address, that of the look-up of the name, or `InvalidInput` if there are no
    /// addresses.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits for the peer, and there is no connection then.
    /// The look-up of a name is waited for.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        each(addr, |address| TcpStream::open(address, Deadline::NEVER))
    }

    /// Opens a connection to one address, within `timeout`. Any duration will do, up to
    /// `Duration::MAX`.
    ///
    /// # Errors
    ///
    /// `TimedOut` if the connection is not there in time; `InvalidInput` if `timeout` is zero;
    /// otherwise what the operating system says.
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
    /// use may::net::{TcpListener, TcpStream};
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
        let connected = Queued::block_until(connect::open(*address)?, deadline);
        connected.unwrap_or_else(|| Err(timed_out()))
    }

    /// Wraps a socket that is connected.
    pub(super) fn from_handle(descriptor: Handle<net::TcpStream>) -> TcpStream {
        TcpStream { descriptor }
    }

    /// Wraps a socket that has been made for this, in non-blocking mode.
    pub(super) fn from_prepared(socket: OwnedFd) -> TcpStream {
        TcpStream {
            descriptor: Handle::prepared(net::TcpStream::from(socket)),
        }
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
    /// # use may::net::{TcpListener, TcpStream};
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
    /// # use may::net::{TcpListener, TcpStream};
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
        self.descriptor.peek(buf)
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
    /// # use may::net::{TcpListener, TcpStream};
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
    /// # use may::net::{TcpListener, TcpStream};
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
}
