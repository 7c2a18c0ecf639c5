//! A TCP connection.

use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::address::{ToSocketAddrs, each};
use crate::io::attempt::More;
use crate::io::handle::{Handle, socket_shutdown, socket_timeouts, socket_type};
use crate::io::raw::{RawIo, byte_stream};
use crate::reactor::Direction;
use crate::sys::buffer::ReadBuffer;
use crate::sys::socket;
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
impl RawIo for net::TcpStream {}
byte_stream!([] TcpStream, this => this.descriptor);

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
        if buf.is_empty() {
            return Ok(0);
        }
        let mut buffer = ReadBuffer::from(buf);
        self.descriptor.attempt(Direction::Read, |stream| {
            // However little that was, it is still there.
            Ok((socket::peek(stream.as_fd(), &mut buffer)?, More::Perhaps))
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
