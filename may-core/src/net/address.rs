//! From names to addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::{iter, option, slice, vec};

use crate::blocking::unblock_as;
use crate::pool::Kind;
use crate::sys::socket::Address;

/// What may be written for an address; the counterpart of `std::net::ToSocketAddrs`, with the same shape and the same
/// implementations.
///
/// It is a trait of its own because looking a name up blocks the thread that does it: the implementations here do that on the
/// blocking pool, so only the calling coroutine waits. Literal addresses are never looked up.
///
/// # Examples
///
/// ```
/// use may::net::ToSocketAddrs;
///
/// let mut addresses = "127.0.0.1:80".to_socket_addrs()?;
/// assert_eq!(addresses.next(), Some(([127, 0, 0, 1], 80).into()));
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait ToSocketAddrs {
    /// The addresses, one after the other.
    type Iter: Iterator<Item = SocketAddr>;

    /// The addresses for which this stands.
    ///
    /// # Errors
    ///
    /// What the look-up of a name says.
    ///
    /// # Cancellation
    ///
    /// As for [`unblock`](crate::blocking::unblock): a look-up that has begun is carried to its end.
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;
}

/// Implements the trait for what converts to an address without a look-up.
macro_rules! literal {
    ($($type:ty),*) => {$(
        impl ToSocketAddrs for $type {
            type Iter = option::IntoIter<SocketAddr>;

            fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
                Ok(Some(SocketAddr::from(*self)).into_iter())
            }
        }
    )*};
}

literal!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

/// Looks a name up, off the worker, unless `literal` says that there is nothing to look up.
fn look_up<A>(literal: Option<SocketAddr>, name: A) -> io::Result<vec::IntoIter<SocketAddr>>
where
    A: std::net::ToSocketAddrs<Iter = vec::IntoIter<SocketAddr>> + Send,
{
    match literal {
        Some(address) => Ok(vec![address].into_iter()),
        None => unblock_as(Kind::LookUp, move || name.to_socket_addrs()),
    }
}

impl ToSocketAddrs for str {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        look_up(self.parse().ok(), self)
    }
}

impl ToSocketAddrs for String {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        self.as_str().to_socket_addrs()
    }
}

impl ToSocketAddrs for (&str, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        let literal = self
            .0
            .parse::<IpAddr>()
            .ok()
            .map(|ip| SocketAddr::new(ip, self.1));
        look_up(literal, *self)
    }
}

impl ToSocketAddrs for (String, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (self.0.as_str(), self.1).to_socket_addrs()
    }
}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = iter::Cloned<slice::Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(self.iter().cloned())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs()
    }
}

/// The address of a socket of this module.
///
/// # Errors
///
/// `InvalidInput` if the socket turns out not to be an internet one.
pub(super) fn internet(address: Option<&Address>) -> io::Result<SocketAddr> {
    address.and_then(Address::as_socket).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the socket is not one for internet addresses",
        )
    })
}

/// Calls `f` with each address until it succeeds.
///
/// # Errors
///
/// The last error of `f`, or that of the look-up, or `InvalidInput` if there is no address.
pub(super) fn each<A: ToSocketAddrs, T>(
    address: A,
    mut f: impl FnMut(&SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for address in address.to_socket_addrs()? {
        match f(&address) {
            Ok(value) => return Ok(value),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the name stands for no address",
        )
    }))
}
