//! Accepting TCP connections.

use std::io;
use std::iter::FusedIterator;
use std::net::{self, IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use socket2::{Domain, Protocol, Socket, Type};

use super::address::{ToSocketAddrs, each, internet};
use super::stream::TcpStream;
use crate::io::handle::{Handle, socket_type};
use crate::io::poll::readable;
use crate::io::{AcceptFrom, Descriptor, HasDescriptor, IoCall, IoOperation};
use crate::sys::socket::Address;

/// How many connections may wait to be accepted; the operating system lowers it to its own bound.
const BACKLOG: i32 = 4096;
/// How many bits of an IPv6 address tell one network from another: a customer has the others.
const NETWORK_BITS: u32 = 64;
/// A socket that TCP connections come to, like [`std::net::TcpListener`].
///
/// Any number of coroutines and threads may accept from one listener, through shared references or
/// [clones](TcpListener::try_clone).
///
/// # Examples
///
/// An echo server:
///
/// ```no_run
/// use std::io::{Read, Write};
///
/// use may::net::TcpListener;
/// use may::coroutine;
///
/// let listener = TcpListener::bind("127.0.0.1:8000")?;
/// for stream in listener.incoming() {
///     let mut stream = stream?;
///     coroutine::spawn(move || {
///         let mut buffer = [0; 4096];
///         while let Ok(length @ 1..) = stream.read(&mut buffer) {
///             if stream.write_all(&buffer[..length]).is_err() {
///                 break;
///             }
///         }
///     });
/// }
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct TcpListener {
    descriptor: Handle<net::TcpListener>,
}

socket_type!(
    TcpListener,
    net::TcpListener,
    "let socket = may::net::TcpListener::bind(\"127.0.0.1:0\")?;"
);
readable!([] TcpListener);

impl HasDescriptor for TcpListener {
    type Raw = net::TcpListener;

    fn descriptor(&self) -> &Descriptor<net::TcpListener> {
        &self.descriptor
    }
}

impl TcpListener {
    /// Makes a listener at the first of the addresses that can be had; port 0 lets the operating
    /// system choose.
    ///
    /// As with std on Unix, `SO_REUSEADDR` is set, so that a server can be started again at once;
    /// `SO_REUSEPORT` is not. Up to 4096 connections may wait to be accepted, or as many as the
    /// operating system allows.
    ///
    /// # Errors
    ///
    /// That of the last address, that of the look-up of the name, or `InvalidInput` if there are no
    /// addresses.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        each(addr, |address| {
            let socket = Socket::new(
                Domain::for_address(*address),
                Type::STREAM,
                Some(Protocol::TCP),
            )?;
            // On Windows the option has another meaning.
            #[cfg(unix)]
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&(*address).into())?;
            socket.listen(BACKLOG)?;
            Ok(TcpListener {
                descriptor: Handle::prepared(socket.into()),
            })
        })
    }

    /// The address at which connections are accepted.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// See [`bind`](TcpListener::bind).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner().local_addr()
    }

    /// Waits for a connection and accepts it.
    ///
    /// A connection that its peer has given up is passed over. If the process or the system has no
    /// descriptor or no memory for another connection, this tries again after 5 ms, then after
    /// pauses that double up to a second: connections wait meanwhile, and those that are open go
    /// on. (With [`set_nonblocking`](TcpListener::set_nonblocking) the error is returned.)
    ///
    /// What the calling coroutine spawns from now on is spread over the workers, because
    /// connections live long and would otherwise all stay with the worker that accepts.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the listener was set to non-blocking; otherwise what the operating system
    /// says of the listener itself.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits; no connection has been accepted then.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(listener.local_addr()?)?;
    /// let (stream, peer) = listener.accept()?;
    /// assert_eq!(peer, client.local_addr()?);
    /// assert_eq!(stream.local_addr()?, client.peer_addr()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        connection(self.descriptor.accept()?)
    }

    /// Accepts a connection, as a future that any executor can poll. If it is dropped none was
    /// accepted.
    ///
    /// # Errors
    ///
    /// What the operating system says of the listener, a shortage of descriptors included, for
    /// which [`accept`](TcpListener::accept) waits.
    pub fn accept_async(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> {
        self.descriptor.accept_operation(connection).into_future()
    }

    /// An iterator over the connections that come, which calls [`accept`](TcpListener::accept) and
    /// never ends.
    ///
    /// # Cancellation
    ///
    /// As for [`accept`](TcpListener::accept).
    ///
    /// # Examples
    ///
    /// See [`TcpListener`].
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
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
    /// let listener = may::net::TcpListener::bind("127.0.0.1:0")?;
    /// listener.set_ttl(100)?;
    /// assert_eq!(listener.ttl()?, 100);
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
    /// See [`set_ttl`](TcpListener::set_ttl).
    pub fn ttl(&self) -> io::Result<u32> {
        self.inner().ttl()
    }

    /// Deprecated in std, and here for its programs: the option has an effect only before a socket
    /// is bound.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    #[deprecated(note = "this option can only be set before the socket is bound")]
    #[allow(deprecated)]
    pub fn set_only_v6(&self, only_v6: bool) -> io::Result<()> {
        self.inner().set_only_v6(only_v6)
    }

    /// Deprecated in std, and here for its programs: the option has an effect only before a socket
    /// is bound.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    #[deprecated(note = "this option can only be set before the socket is bound")]
    #[allow(deprecated)]
    pub fn only_v6(&self) -> io::Result<bool> {
        self.inner().only_v6()
    }
}

/// What was accepted, for the user.
fn connection((socket, peer): (OwnedFd, Address)) -> io::Result<(TcpStream, SocketAddr)> {
    Ok((TcpStream::from_prepared(socket), internet(Some(&peer))?))
}

impl AcceptFrom for TcpListener {
    type Connection = (TcpStream, SocketAddr);

    fn accept_operation(
        &self,
    ) -> Option<IoOperation<'_, impl IoCall<Output = (TcpStream, SocketAddr)>>> {
        Some(self.descriptor.accept_operation(connection))
    }

    fn origin((_, peer): &(TcpStream, SocketAddr)) -> Option<IpAddr> {
        Some(match peer.ip().to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << NETWORK_BITS);
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            address => address,
        })
    }
}

/// The connections that come to a [`TcpListener`]; made by [`TcpListener::incoming`].
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

/// # Cancellation
///
/// As for [`TcpListener::accept`].
impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl FusedIterator for Incoming<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_an_address_or_a_network() {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stream = TcpStream::try_from(net::TcpStream::connect(address).unwrap()).unwrap();
        let origin = |peer: &str| {
            let connection = (stream.try_clone().unwrap(), peer.parse().unwrap());
            TcpListener::origin(&connection).unwrap().to_string()
        };
        assert_eq!(origin("192.0.2.7:80"), "192.0.2.7");
        assert_eq!(origin("[::ffff:192.0.2.7]:80"), "192.0.2.7");
        assert_eq!(origin("[2001:db8:1:2:3:4:5:6]:80"), "2001:db8:1:2::");
    }
}
