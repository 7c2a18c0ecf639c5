//! Datagrams over UDP.

use std::io;
use std::net::{self, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};

use super::address::{ToSocketAddrs, each, internet};
use crate::io::call::{Calling, More};
use crate::io::datagram::{datagram, send_to};
use crate::io::handle::{Handle, socket_timeouts, socket_type};
use crate::io::{DatagramIo, Descriptor, HasDescriptor, IoCall, IoOperation, PeekIo};
use crate::reactor::Direction;
use crate::sys::socket::Address;

/// A UDP socket, like [`std::net::UdpSocket`].
///
/// Sending and receiving block the coroutine only; on a plain thread they block the thread. Any
/// number of coroutines and threads may use one socket at once, through shared references or
/// [clones](UdpSocket::try_clone): each datagram goes to one of those who receive.
///
/// # Examples
///
/// ```
/// use may::net::UdpSocket;
/// use may::coroutine;
///
/// let server = UdpSocket::bind("127.0.0.1:0")?;
/// let address = server.local_addr()?;
/// let echo = coroutine::spawn(move || {
///     let mut buffer = [0; 1500];
///     let (length, from) = server.recv_from(&mut buffer)?;
///     server.send_to(&buffer[..length], from)
/// });
///
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.connect(address)?;
/// client.send(b"hello")?;
/// let mut buffer = [0; 1500];
/// let length = client.recv(&mut buffer)?;
/// assert_eq!(&buffer[..length], b"hello");
/// echo.join().unwrap()?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct UdpSocket {
    descriptor: Handle<net::UdpSocket>,
}

socket_type!(
    UdpSocket,
    net::UdpSocket,
    "let socket = may::net::UdpSocket::bind(\"127.0.0.1:0\")?;"
);
socket_timeouts!(
    UdpSocket,
    "let socket = may::net::UdpSocket::bind(\"127.0.0.1:0\")?;"
);
datagram!(UdpSocket);

impl HasDescriptor for UdpSocket {
    type Raw = net::UdpSocket;

    fn descriptor(&self) -> &Descriptor<net::UdpSocket> {
        &self.descriptor
    }
}

impl DatagramIo for net::UdpSocket {
    type Address = SocketAddr;
    type SendTo<'a> = IoOperation<'a, SendTo<'a>>;

    fn address(address: Option<&Address>) -> io::Result<SocketAddr> {
        internet(address)
    }

    fn send_to_operation<'a>(
        descriptor: &'a Descriptor<net::UdpSocket>,
        buffer: &'a [u8],
        address: SocketAddr,
    ) -> IoOperation<'a, SendTo<'a>> {
        let call = SendTo {
            socket: descriptor.get(),
            buffer,
            address: address.into(),
        };
        IoOperation::new(Calling::new(descriptor.polled(), Direction::Write, call))
    }
}

impl PeekIo for net::UdpSocket {}

/// Sending a datagram to an address.
#[derive(Debug)]
pub struct SendTo<'a> {
    socket: &'a net::UdpSocket,
    buffer: &'a [u8],
    address: Address,
}

impl IoCall for SendTo<'_> {
    type Output = usize;

    fn call(&mut self) -> io::Result<(usize, More)> {
        send_to(self.socket, self.buffer, &self.address)
    }
}

impl UdpSocket {
    /// Makes a socket at the first of the addresses that can be had; port 0 lets the operating
    /// system choose.
    ///
    /// # Errors
    ///
    /// That of the last address, that of the look-up of the name, or `InvalidInput` if there are no
    /// addresses.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// assert_ne!(socket.local_addr()?.port(), 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        each(addr, |address| {
            let socket = net::UdpSocket::bind(address)?;
            socket.set_nonblocking(true)?;
            crate::sys::socket::suppress_sigpipe(&socket);
            Ok(UdpSocket {
                descriptor: Handle::prepared(socket),
            })
        })
    }

    /// Receives a datagram: how long it is, and where it comes from. What does not fit into the
    /// buffer is lost.
    ///
    /// # Errors
    ///
    /// What std says of an elapsed [timeout](UdpSocket::set_read_timeout); otherwise what the
    /// operating system says.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits; no datagram has been taken then.
    ///
    /// # Examples
    ///
    /// See [`UdpSocket`].
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.descriptor.receive_from(buf, false)
    }

    /// As [`recv_from`](UdpSocket::recv_from), but the datagram stays there for the next call.
    ///
    /// # Errors
    ///
    /// As for [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.send_to(b"to myself", socket.local_addr()?)?;
    /// let mut buffer = [0; 16];
    /// assert_eq!(socket.peek_from(&mut buffer)?, (9, socket.local_addr()?));
    /// assert_eq!(socket.recv_from(&mut buffer)?, (9, socket.local_addr()?));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.descriptor.receive_from(buf, true)
    }

    /// Sends a datagram to an address; to the first, if the name stands for several.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is no address, or that of the look-up of the name; what std says of
    /// an elapsed [timeout](UdpSocket::set_write_timeout); otherwise what the operating system
    /// says, for example that the datagram is too long.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits for room; nothing has been sent then. The
    /// look-up of a name is waited for.
    ///
    /// # Examples
    ///
    /// See [`UdpSocket`].
    pub fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], addr: A) -> io::Result<usize> {
        let address = addr.to_socket_addrs()?.next().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "the name stands for no address to send to",
            )
        })?;
        let address = address.into();
        self.descriptor
            .block(Direction::Write, |socket| send_to(socket, buf, &address))
    }

    /// Sends a datagram to an address if there is room. For futures, as the other methods that
    /// [poll](UdpSocket::poll_send); so it looks nothing up.
    ///
    /// # Errors
    ///
    /// What the operating system says, for example that the datagram is too long.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::poll_fn;
    /// use may::future::block_on;
    /// use may::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// let (myself, mut buffer) = (socket.local_addr()?, [0; 16]);
    /// let received = block_on(async {
    ///     poll_fn(|context| socket.poll_send_to(context, b"hello", myself)).await?;
    ///     poll_fn(|context| socket.poll_recv_from(context, &mut buffer)).await
    /// });
    /// assert_eq!(received?, (5, myself));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn poll_send_to(
        &self,
        context: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.descriptor.poll_send_to(context, buf, &target.into())
    }

    /// Fixes the peer: [`send`](UdpSocket::send) sends there, and only datagrams from there are
    /// received. Tries all addresses that `addr` stands for until one of them can be had.
    ///
    /// # Errors
    ///
    /// That of the last address, that of the look-up of the name, or `InvalidInput` if there are no
    /// addresses.
    ///
    /// # Examples
    ///
    /// See [`UdpSocket`].
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        each(addr, |address| self.inner().connect(address))
    }

    /// Sends a datagram to the peer.
    ///
    /// # Errors
    ///
    /// `DestinationAddressRequired` if the socket is not [connected](UdpSocket::connect);
    /// `ConnectionRefused` if a datagram before this one has found no socket there; otherwise as
    /// for [`send_to`](UdpSocket::send_to).
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits for room; nothing has been sent then.
    ///
    /// # Examples
    ///
    /// See [`UdpSocket`].
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.descriptor.write(buf)
    }

    /// Receives a datagram, from the peer if there is one. What does not fit into the buffer is
    /// lost.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` if a datagram that was sent has found no socket there; otherwise as for
    /// [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits; no datagram has been taken then.
    ///
    /// # Examples
    ///
    /// See [`UdpSocket`].
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.descriptor.read(buf)
    }

    /// As [`recv`](UdpSocket::recv), but the datagram stays there for the next call.
    ///
    /// # Errors
    ///
    /// As for [`recv`](UdpSocket::recv).
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits.
    ///
    /// # Examples
    ///
    /// See [`peek_from`](UdpSocket::peek_from).
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.descriptor.peek(buf)
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
    /// use may::net::UdpSocket;
    /// use std::io::ErrorKind;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// assert_eq!(socket.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
    /// socket.connect("127.0.0.1:4321")?;
    /// assert_eq!(socket.peer_addr()?, "127.0.0.1:4321".parse().unwrap());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner().peer_addr()
    }

    /// The address of this socket.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// See [`bind`](UdpSocket::bind).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner().local_addr()
    }
}

/// Implements the options, each by std's method of the same name.
macro_rules! options {
    ($($(#[$attribute:meta])* $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)+) => {
        impl UdpSocket {$(
            $(#[$attribute])*
            ///
            /// # Errors
            ///
            /// What the operating system says.
            pub fn $name(&self, $($argument: $type),*) -> io::Result<$result> {
                self.inner().$name($($argument),*)
            }
        )+}
    };
}

options! {
    /// Sets whether datagrams may be sent to a broadcast address (`SO_BROADCAST`).
    ///
    /// # Examples
    ///
    /// ```
    /// let socket = may::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert!(!socket.broadcast()?);
    /// socket.set_broadcast(true)?;
    /// assert!(socket.broadcast()?);
    /// # std::io::Result::Ok(())
    /// ```
    set_broadcast(broadcast: bool) -> ();

    /// Whether datagrams may be sent to a broadcast address.
    broadcast() -> bool;

    /// Sets whether multicast datagrams that are sent also come to this machine's own sockets
    /// (`IP_MULTICAST_LOOP`).
    set_multicast_loop_v4(multicast_loop_v4: bool) -> ();

    /// Whether multicast datagrams that are sent also come to this machine's own sockets.
    multicast_loop_v4() -> bool;

    /// Sets how many routers a multicast datagram may pass (`IP_MULTICAST_TTL`); 1 at first, so it
    /// stays in the local network.
    set_multicast_ttl_v4(multicast_ttl_v4: u32) -> ();

    /// How many routers a multicast datagram may pass.
    multicast_ttl_v4() -> u32;

    /// Sets whether IPv6 multicast datagrams that come to this socket also go to this machine's own
    /// (`IPV6_MULTICAST_LOOP`).
    set_multicast_loop_v6(multicast_loop_v6: bool) -> ();

    /// Whether IPv6 multicast datagrams go to this machine's own sockets.
    multicast_loop_v6() -> bool;

    /// Sets how many routers a datagram may pass (`IP_TTL`).
    ///
    /// # Examples
    ///
    /// ```
    /// let socket = may::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_ttl(42)?;
    /// assert_eq!(socket.ttl()?, 42);
    /// # std::io::Result::Ok(())
    /// ```
    set_ttl(ttl: u32) -> ();

    /// How many routers a datagram may pass.
    ttl() -> u32;

    /// Joins a multicast group (`IP_ADD_MEMBERSHIP`) at the interface with the address `interface`,
    /// or at one that the operating system chooses if that is `0.0.0.0`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::net::Ipv4Addr;
    ///
    /// let socket = may::net::UdpSocket::bind("0.0.0.0:5000")?;
    /// socket.join_multicast_v4(&Ipv4Addr::new(239, 0, 0, 1), &Ipv4Addr::UNSPECIFIED)?;
    /// # std::io::Result::Ok(())
    /// ```
    join_multicast_v4(multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> ();

    /// Joins an IPv6 multicast group (`IPV6_ADD_MEMBERSHIP`) at the interface with the index
    /// `interface`, or at any if that is 0.
    join_multicast_v6(multiaddr: &Ipv6Addr, interface: u32) -> ();

    /// Leaves a multicast group that was [joined](UdpSocket::join_multicast_v4).
    leave_multicast_v4(multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> ();

    /// Leaves an IPv6 multicast group that was [joined](UdpSocket::join_multicast_v6).
    leave_multicast_v6(multiaddr: &Ipv6Addr, interface: u32) -> ();
}
