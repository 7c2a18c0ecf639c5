//! From names to addresses.

use std::any::TypeId;
use std::io;
use std::marker::PhantomData;
use std::mem;
use std::net::{self, SocketAddr};
use std::vec;

use crate::blocking::unblock_as;
use crate::pool::JobKind;
use crate::sys::socket::Address;

/// What may be written for an address; the counterpart of `std::net::ToSocketAddrs`, with the same
/// shape. Whatever has std's trait has this one, so code that is generic over std's can call what
/// takes this.
///
/// It is a trait of its own because looking a name up blocks the thread that does it: names, as
/// `str`, `String` and pairs of these with a port, are looked up on the blocking pool here, so only
/// the calling coroutine waits. Literal addresses are never looked up. A type for which a program
/// implements std's trait by itself is asked where the caller is; if that looks names up it should
/// do so in [`unblock`](crate::blocking::unblock).
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
///
/// Code that knows nothing of May:
///
/// ```
/// fn serve<A: std::net::ToSocketAddrs>(address: A) -> std::io::Result<may::net::TcpListener> {
///     may::net::TcpListener::bind(address)
/// }
///
/// serve(("localhost".to_owned(), 0))?;
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
    /// As for [`unblock`](crate::blocking::unblock): a look-up that has begun is carried to its
    /// end.
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;
}

impl<A: net::ToSocketAddrs + ?Sized> ToSocketAddrs for A {
    type Iter = Addresses<A::Iter>;

    #[inline]
    fn to_socket_addrs(&self) -> io::Result<Addresses<A::Iter>> {
        match Name::of(self) {
            Some(name) => name.look_up().map(Addresses::LookedUp),
            None => net::ToSocketAddrs::to_socket_addrs(self).map(Addresses::Own),
        }
    }
}

/// The addresses for which something stands.
#[derive(Clone, Debug)]
pub enum Addresses<I> {
    /// What it has itself.
    Own(I),
    /// What was found for a name.
    LookedUp(vec::IntoIter<SocketAddr>),
}

impl<I: Iterator<Item = SocketAddr>> Iterator for Addresses<I> {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        match self {
            Addresses::Own(addresses) => addresses.next(),
            Addresses::LookedUp(addresses) => addresses.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Addresses::Own(addresses) => addresses.size_hint(),
            Addresses::LookedUp(addresses) => addresses.size_hint(),
        }
    }
}

/// What may have to be looked up.
enum Name<'a> {
    /// With the port in it.
    Whole(&'a str),
    WithPort(&'a str, u16),
}

impl<'a> Name<'a> {
    /// Finds out whether that is what an address is.
    #[inline]
    fn of<A: ?Sized>(address: &'a A) -> Option<Name<'a>> {
        let whole = |text| Some(Name::Whole(text));
        if let Some(text) = same::<A, str>(address) {
            whole(text)
        } else if let Some(text) = same::<A, &str>(address) {
            whole(text)
        } else if let Some(text) = same::<A, &&str>(address) {
            whole(text)
        } else if let Some(text) = same::<A, String>(address) {
            whole(text)
        } else if let Some(text) = same::<A, &String>(address) {
            whole(text)
        } else if let Some((name, port)) = same::<A, (&str, u16)>(address) {
            Some(Name::WithPort(name, *port))
        } else if let Some((name, port)) = same::<A, &(&str, u16)>(address) {
            Some(Name::WithPort(name, *port))
        } else if let Some((name, port)) = same::<A, (String, u16)>(address) {
            Some(Name::WithPort(name, *port))
        } else if let Some((name, port)) = same::<A, &(String, u16)>(address) {
            Some(Name::WithPort(name, *port))
        } else {
            None
        }
    }

    /// Looks it up, off the worker, unless it is a literal address.
    fn look_up(self) -> io::Result<vec::IntoIter<SocketAddr>> {
        let literal = match self {
            Name::Whole(text) => text.parse().ok(),
            Name::WithPort(name, port) => name.parse().ok().map(|ip| SocketAddr::new(ip, port)),
        };
        if let Some(address) = literal {
            return Ok(vec![address].into_iter());
        }
        unblock_as(JobKind::LookUp, move || match self {
            Name::Whole(text) => net::ToSocketAddrs::to_socket_addrs(text),
            Name::WithPort(name, port) => net::ToSocketAddrs::to_socket_addrs(&(name, port)),
        })
    }
}

/// The same reference, if `A` is `B` up to its lifetimes, which are those of the reference then.
/// `B` is one of the types above, all of which may be used for less long than they live.
#[inline]
fn same<'a, A: ?Sized, B: ?Sized + 'a>(address: &'a A) -> Option<&'a B> {
    if id_of::<A>() != id_of::<B>() {
        return None;
    }
    // SAFETY: (types) it is the same type, for a lifetime that all of `A` outlives.
    Some(unsafe { mem::transmute_copy::<&'a A, &'a B>(&address) })
}

/// The number of a type, in which lifetimes do not count.
#[inline]
fn id_of<T: ?Sized>() -> TypeId {
    trait HasId {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }
    impl<T: ?Sized> HasId for PhantomData<T> {
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<T>()
        }
    }
    let phantom = PhantomData::<T>;
    // SAFETY: (types) the method reads nothing, and a type's number does not depend on its
    // lifetimes.
    let phantom = unsafe { mem::transmute::<&dyn HasId, &(dyn HasId + 'static)>(&phantom) };
    phantom.id()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it may have to be looked up, seen by code that knows only that it has std's trait.
    fn is_name<A: net::ToSocketAddrs>(address: A) -> bool {
        Name::of(&address).is_some()
    }

    #[test]
    #[allow(clippy::needless_borrows_for_generic_args)] // References are other types.
    fn names_are_told_from_other_addresses_in_generic_code() {
        let (text, address) = (String::from("a:1"), SocketAddr::from(([127, 0, 0, 1], 1)));
        assert!(is_name("a:1") && is_name(&*text) && is_name(&&*text));
        assert!(is_name(&text) && is_name(text.clone()));
        assert!(is_name(("a", 1)) && is_name((&*text, 1)) && is_name(&("a", 1)));
        assert!(is_name((text.clone(), 1)) && is_name(&(text.clone(), 1)));
        assert!(Name::of("a:1").is_some());
        assert!(!is_name((address.ip(), 1)));
        assert!(!is_name(address) && !is_name(&address) && !is_name(&[address][..]));
    }
}
