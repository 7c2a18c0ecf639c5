//! Datagrams within a machine.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::pin::pin;

use super::send_to::SendTo;
use crate::io::datagram::datagram;
use crate::io::handle::{Handle, socket_shutdown, socket_timeouts, socket_type};
use crate::io::{DatagramIo, Descriptor, HasDescriptor};
use crate::operation::wait_for;
use crate::reactor::Direction;
use crate::sys::socket::Address;
use crate::sys::{descriptor, socket, unix_address};

/// A socket of datagrams within the machine, like [`std::os::unix::net::UnixDatagram`].
///
/// No datagram is lost: who sends waits while the receiver has no room. Any number of coroutines
/// and threads may use one socket at once, through shared references or
/// [clones](UnixDatagram::try_clone).
///
/// Futures can poll it, except to send to an address: nothing tells a poll that there is room again
/// in a socket that this one is not [connected](UnixDatagram::connect) with. (A coroutine asks by
/// other means.)
///
/// # Examples
///
/// ```
/// use may::os::unix::net::UnixDatagram;
///
/// let (one, other) = UnixDatagram::pair()?;
/// one.send(b"hello")?;
/// let mut buffer = [0; 16];
/// let length = other.recv(&mut buffer)?;
/// assert_eq!(&buffer[..length], b"hello");
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct UnixDatagram {
    descriptor: Handle<net::UnixDatagram>,
}

socket_type!(
    UnixDatagram,
    net::UnixDatagram,
    "let (socket, _peer) = may::os::unix::net::UnixDatagram::pair()?;"
);
socket_timeouts!(
    UnixDatagram,
    "let (socket, _peer) = may::os::unix::net::UnixDatagram::pair()?;"
);
socket_shutdown!(
    UnixDatagram,
    "let (socket, _peer) = may::os::unix::net::UnixDatagram::pair()?;",
    "socket.recv(&mut [0; 16])"
);
datagram!(UnixDatagram);

impl HasDescriptor for UnixDatagram {
    type Raw = net::UnixDatagram;

    fn descriptor(&self) -> &Descriptor<net::UnixDatagram> {
        &self.descriptor
    }
}

impl DatagramIo for net::UnixDatagram {
    type Address = SocketAddr;
    type SendTo<'a> = SendTo<'a>;

    fn address(address: Option<&Address>) -> io::Result<SocketAddr> {
        unix_address::from_system(address)
    }

    fn send_to_operation<'a>(
        descriptor: &'a Descriptor<net::UnixDatagram>,
        buffer: &'a [u8],
        address: SocketAddr,
    ) -> SendTo<'a> {
        SendTo::new(descriptor, buffer, unix_address::to_system(&address), false)
    }

    fn is_shut_down(&self) -> io::Result<bool> {
        // Only a call that waits is told by Linux.
        descriptor::is_read_shut_down(self.as_fd())
    }
}

impl UnixDatagram {
    /// Makes a socket at a path, where nothing must be yet.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if something is there, be it a socket that has gone; otherwise what the
    /// operating system says.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use may::os::unix::net::UnixDatagram;
    ///
    /// let socket = UnixDatagram::bind("/run/log.socket")?;
    /// let mut buffer = [0; 4096];
    /// let (length, from) = socket.recv_from(&mut buffer)?;
    /// println!("{from:?} sent {length} bytes");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        UnixDatagram::try_from(net::UnixDatagram::bind(path)?)
    }

    /// Makes a socket at an address, which may be an abstract one on Linux.
    ///
    /// # Errors
    ///
    /// As for [`bind`](UnixDatagram::bind).
    ///
    /// # Examples
    ///
    /// See [`send_to_addr`](UnixDatagram::send_to_addr).
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixDatagram> {
        UnixDatagram::try_from(net::UnixDatagram::bind_addr(socket_addr)?)
    }

    /// Makes a socket without an address, which can send but not be sent to.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// See [`send_to_addr`](UnixDatagram::send_to_addr).
    pub fn unbound() -> io::Result<UnixDatagram> {
        UnixDatagram::try_from(net::UnixDatagram::unbound()?)
    }

    /// Two sockets that are connected with each other, and that no other socket can reach.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// See [`UnixDatagram`].
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = net::UnixDatagram::pair()?;
        Ok((UnixDatagram::try_from(one)?, UnixDatagram::try_from(other)?))
    }

    /// Fixes the peer: [`send`](UnixDatagram::send) sends there, and only datagrams from there are
    /// received.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use may::os::unix::net::UnixDatagram;
    ///
    /// let socket = UnixDatagram::unbound()?;
    /// socket.connect("/dev/log")?;
    /// socket.send(b"<13>an example")?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.inner().connect(path)
    }

    /// Fixes the peer, by its address; otherwise as [`connect`](UnixDatagram::connect).
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// See [`connect`](UnixDatagram::connect).
    pub fn connect_addr(&self, socket_addr: &SocketAddr) -> io::Result<()> {
        self.inner().connect_addr(socket_addr)
    }

    /// The address of this socket.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// See [`send_to_addr`](UnixDatagram::send_to_addr).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner().local_addr()
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// `NotConnected` if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::os::unix::net::UnixDatagram;
    /// use std::io::ErrorKind;
    ///
    /// let socket = UnixDatagram::unbound()?;
    /// assert_eq!(socket.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner().peer_addr()
    }

    /// Receives a datagram: how long it is, and where it comes from. What does not fit into the
    /// buffer is lost.
    ///
    /// # Errors
    ///
    /// What std says of an elapsed [timeout](UnixDatagram::set_read_timeout); otherwise what the
    /// operating system says.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits; no datagram has been taken then.
    ///
    /// # Examples
    ///
    /// See [`send_to_addr`](UnixDatagram::send_to_addr).
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.descriptor.receive_from(buf, false)
    }

    /// Receives a datagram, from the peer if there is one. What does not fit into the buffer is
    /// lost.
    ///
    /// # Errors
    ///
    /// As for [`recv_from`](UnixDatagram::recv_from).
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits; no datagram has been taken then.
    ///
    /// # Examples
    ///
    /// See [`UnixDatagram`].
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.descriptor.read(buf)
    }

    /// Sends a datagram to the socket at a path; otherwise as
    /// [`send_to_addr`](UnixDatagram::send_to_addr).
    ///
    /// # Errors
    ///
    /// As for [`send_to_addr`](UnixDatagram::send_to_addr).
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits for room; nothing has been sent then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use may::os::unix::net::UnixDatagram;
    ///
    /// UnixDatagram::unbound()?.send_to(b"<13>an example", "/dev/log")?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        self.send_to_addr(buf, &SocketAddr::from_pathname(path)?)
    }

    /// Sends a datagram to the socket at an address. Waits while that has no room for it.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` if the peer is gone; what std says of an elapsed
    /// [timeout](UnixDatagram::set_write_timeout); otherwise what the operating system says, for
    /// example that the datagram is too long.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits for room; nothing has been sent then.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(target_os = "linux")]
    /// # {
    /// use may::os::linux::net::SocketAddrExt;
    /// use may::os::unix::net::{SocketAddr, UnixDatagram};
    ///
    /// let address = SocketAddr::from_abstract_name(format!("datagrams {}", std::process::id()))?;
    /// let receiver = UnixDatagram::bind_addr(&address)?;
    /// UnixDatagram::unbound()?.send_to_addr(b"hello", &receiver.local_addr()?)?;
    /// let (length, from) = receiver.recv_from(&mut [0; 16])?;
    /// assert_eq!(length, 5);
    /// assert!(from.is_unnamed());
    /// # }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn send_to_addr(&self, buf: &[u8], socket_addr: &SocketAddr) -> io::Result<usize> {
        let address = unix_address::to_system(socket_addr);
        let deadline = self.descriptor.deadline(Direction::Write);
        let send = pin!(SendTo::new(&self.descriptor, buf, address, true));
        wait_for(send, deadline).unwrap_or_else(|| Err(socket::timeout_elapsed()))
    }

    /// Sends a datagram to the peer. Waits while that has no room for it.
    ///
    /// # Errors
    ///
    /// `NotConnected` if there is no peer; otherwise as for
    /// [`send_to_addr`](UnixDatagram::send_to_addr).
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits for room; nothing has been sent then.
    ///
    /// # Examples
    ///
    /// See [`UnixDatagram`].
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.descriptor.write(buf)
    }
}
