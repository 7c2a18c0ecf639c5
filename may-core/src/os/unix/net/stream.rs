//! Connections within a machine.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::io::call::{More, RawIo, drained_if_short, length_of};
use crate::io::handle::{Handle, socket_shutdown, socket_timeouts, socket_type};
use crate::io::pause::Pause;
use crate::io::poll::duplex;
use crate::io::{Descriptor, HasDescriptor};
use crate::operation::{Known, Timed, Timing, operation, wait};
use crate::sys::buffer::ReadBuffer;
use crate::sys::socket::Address;
use crate::sys::{socket, unix_address};
use crate::util::clock::Deadline;

/// The first pause while a listener has no room for another connection, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(20));

/// A connection within the machine, like [`std::os::unix::net::UnixStream`].
///
/// `&UnixStream` reads and writes, too; everything that [`TcpStream`](crate::net::TcpStream) says
/// of sharing holds here.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
///
/// use may::os::unix::net::UnixStream;
/// use may::coroutine;
///
/// let (mut one, mut other) = UnixStream::pair()?;
/// let reader = coroutine::spawn(move || {
///     let mut text = String::new();
///     other.read_to_string(&mut text).map(|_| text)
/// });
/// one.write_all(b"hello")?;
/// drop(one);
/// assert_eq!(reader.join().unwrap()?, "hello");
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct UnixStream {
    descriptor: Handle<net::UnixStream>,
}

socket_type!(
    UnixStream,
    net::UnixStream,
    "let (socket, _peer) = may::os::unix::net::UnixStream::pair()?;"
);
socket_timeouts!(
    UnixStream,
    "let (socket, _peer) = may::os::unix::net::UnixStream::pair()?;"
);
socket_shutdown!(
    UnixStream,
    "# use std::io::Read;
let (socket, _peer) = may::os::unix::net::UnixStream::pair()?;",
    "(&socket).read(&mut [0; 16])"
);

/// # Cancellation
///
/// A cancelled coroutine unwinds while it waits for the other side; no bytes have been taken then.
impl Read for UnixStream {
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
impl Read for &UnixStream {
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
impl Write for UnixStream {
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
impl Write for &UnixStream {
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

impl HasDescriptor for UnixStream {
    type Raw = net::UnixStream;

    fn descriptor(&self) -> &Descriptor<net::UnixStream> {
        &self.descriptor
    }
}

duplex!([] UnixStream);

impl RawIo for net::UnixStream {
    fn read(&self, buffer: &mut ReadBuffer<'_>) -> io::Result<(usize, More)> {
        let received = socket::receive_message(self.as_fd(), buffer)?;
        Ok(drained_unless_cut(received, buffer.len()))
    }

    fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<(usize, More)> {
        let received = socket::receive_vectored(self.as_fd(), buffers)?;
        let length = length_of(buffers.iter().map(|buffer| buffer.len()));
        Ok(drained_unless_cut(received, length))
    }
}

/// What a read says of what is left. It also ends behind bytes with which descriptors were sent,
/// and where the sender's credentials change if the user has asked for them; then it says that it
/// had no place for these.
fn drained_unless_cut((read, cut): (usize, bool), length: usize) -> (usize, More) {
    match cut {
        true => (read, More::Perhaps),
        false => drained_if_short(read, length),
    }
}

impl UnixStream {
    /// Opens a connection to the listener at a path.
    ///
    /// If the listener has no room for another connection this tries again after 100 µs, then after
    /// pauses that double up to 20 ms: there is no event that would tell.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits for room, and there is no connection then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use may::os::unix::net::UnixStream;
    ///
    /// let stream = UnixStream::connect("/run/service.socket")?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        UnixStream::connect_addr(&SocketAddr::from_pathname(path)?)
    }

    /// Opens a connection to the listener at an address; otherwise as
    /// [`connect`](UnixStream::connect).
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Cancellation
    ///
    /// As for [`connect`](UnixStream::connect).
    ///
    /// # Examples
    ///
    /// See [`UnixListener::bind_addr`](super::UnixListener::bind_addr).
    pub fn connect_addr(socket_addr: &SocketAddr) -> io::Result<UnixStream> {
        wait(pin!(Connect::new(Ok(socket_addr.clone()))))
    }

    /// Two ends of one connection, which no other socket can reach.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// See [`UnixStream`].
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = net::UnixStream::pair()?;
        Ok((UnixStream::try_from(one)?, UnixStream::try_from(other)?))
    }

    /// Wraps a socket that has been made for this, in non-blocking mode.
    pub(super) fn from_prepared(socket: OwnedFd) -> UnixStream {
        UnixStream {
            descriptor: Handle::prepared(net::UnixStream::from(socket)),
        }
    }

    /// The address of this end, which often has no name.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::os::unix::net::UnixStream;
    ///
    /// let (one, other) = UnixStream::pair()?;
    /// assert!(one.local_addr()?.is_unnamed() && one.peer_addr()?.is_unnamed());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner().local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// `NotConnected` if there is no other end any more.
    ///
    /// # Examples
    ///
    /// See [`local_addr`](UnixStream::local_addr).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner().peer_addr()
    }
}

operation! {
    /// Opening a connection within the machine; from [`op::connect`](crate::op::connect). The
    /// socket belongs to the operation until it has happened, and is closed with it.
    pub struct Connect[][] => io::Result<UnixStream>
    as ConnectKind ConnectProjection {
        Fail(Timed<Known<io::Result<UnixStream>>>),
        Begin(Timed<Connecting>),
    }
}

impl Connect {
    /// Opening a connection to the listener at `address`.
    pub(crate) fn new(address: io::Result<SocketAddr>) -> Connect {
        Connect {
            kind: match address.and_then(|address| Connecting::new(&address)) {
                Ok(connecting) => ConnectKind::Begin {
                    operation: Timed::new(connecting),
                },
                Err(error) => ConnectKind::Fail {
                    operation: Timed::new(Known::new(Err(error))),
                },
            },
        }
    }
}

/// Connecting, again and again while the listener has no room: there is no event that would tell.
struct Connecting {
    /// Gone when it was connected, or has failed.
    socket: Option<Socket>,
    address: Address,
    pause: Pause,
    /// When the last attempt may be repeated.
    due: Deadline,
}

impl Connecting {
    fn new(address: &SocketAddr) -> io::Result<Connecting> {
        let address = unix_address::to_system(address)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket::suppress_sigpipe(&socket);
        Ok(Connecting {
            socket: Some(socket),
            address,
            pause: Pause::new(PAUSES),
            due: Deadline::NEVER,
        })
    }

    /// Connects the socket if there is room.
    fn connect(&self, socket: &Socket) -> io::Result<()> {
        loop {
            match socket.connect(&self.address) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                connected => return connected,
            }
        }
    }
}

impl Timing for Connecting {
    type Output = io::Result<UnixStream>;

    fn kind(&self) -> &'static str {
        "connect"
    }

    fn attempt(&mut self) -> Option<io::Result<UnixStream>> {
        let socket = self.socket.take()?;
        match self.connect(&socket) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.socket = Some(socket);
                self.due = Deadline::after(self.pause.next());
                None
            }
            connected => Some(connected.map(|()| UnixStream::from_prepared(socket.into()))),
        }
    }

    fn due(&self) -> Deadline {
        self.due
    }
}
