//! What the operations of a `select!` can be called with, as far as they are input and output.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use super::op::AnyIo;

/// What `accept(..)` can accept from, and [`serve`](crate::serve::serve) can serve.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not accept connections",
    label = "not a listener"
)]
pub trait AcceptFrom {
    /// A connection, and where it comes from.
    type Connection;

    /// The event of the next connection, if the listener is there.
    #[doc(hidden)]
    fn accept_event(&self) -> Option<AnyIo<'_, Self::Connection>>;

    /// Whom a connection counts for where there is a [limit](crate::serve::Limits::connections_per_origin) for each: over TCP its IPv4
    /// address, or its IPv6 network, which is the first 64 bits. `None` if it does not count.
    fn origin(connection: &Self::Connection) -> Option<IpAddr> {
        let _ = connection;
        None
    }
}

/// What `read(..)` and `readable(..)` can be called with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read as an arm of a `select!`",
    label = "not a stream or socket of May's, or not the end that reads",
    note = "any other descriptor can be wrapped in `may::io::CoIo`; to run other blocking code as an arm write `run(..)`"
)]
pub trait ReadFrom {
    /// The event of reading something, if the stream is there.
    #[doc(hidden)]
    fn read_event<'a>(&'a self, buffer: &'a mut [u8]) -> Option<AnyIo<'a, usize>>;

    /// The event of there being something to read, if the stream is there.
    #[doc(hidden)]
    fn readable_event(&self) -> Option<AnyIo<'_, ()>>;
}

/// What `write(..)` and `writable(..)` can be called with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written as an arm of a `select!`",
    label = "not a stream or socket of May's, or not the end that writes",
    note = "any other descriptor can be wrapped in `may::io::CoIo`; to run other blocking code as an arm write `run(..)`"
)]
pub trait WriteTo {
    /// The event of writing something, if the stream is there.
    #[doc(hidden)]
    fn write_event<'a>(&'a self, buffer: &'a [u8]) -> Option<AnyIo<'a, usize>>;

    /// The event of there being room to write, if the stream is there.
    #[doc(hidden)]
    fn writable_event(&self) -> Option<AnyIo<'_, ()>>;
}

/// Forwards what listeners offer through something that leads to one.
macro_rules! forward_accept {
    ($([$($generics:tt)*] $type:ty, $this:ident => $inner:expr);+ $(;)?) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> AcceptFrom for $type {
            type Connection = L::Connection;

            fn accept_event(&self) -> Option<AnyIo<'_, L::Connection>> {
                let $this = self;
                $inner.accept_event()
            }

            fn origin(connection: &L::Connection) -> Option<IpAddr> {
                L::origin(connection)
            }
        }
    )+};
}

forward_accept!(
    [L: AcceptFrom + ?Sized] &L, this => (**this);
    [L: AcceptFrom + ?Sized] &mut L, this => (**this);
    [L: AcceptFrom + ?Sized] Box<L>, this => (**this);
    [L: AcceptFrom + ?Sized] Rc<L>, this => (**this);
    [L: AcceptFrom + ?Sized] Arc<L>, this => (**this);
    [L: AcceptFrom] Option<L>, this => this.as_ref()?;
);

/// Forwards what streams offer through something that leads to one.
macro_rules! forward {
    ($([$($generics:tt)*] $type:ty, $this:ident => $inner:expr);+ $(;)?) => {$(
        #[diagnostic::do_not_recommend]
        impl<S: ReadFrom $($generics)*> ReadFrom for $type {
            fn read_event<'a>(&'a self, buffer: &'a mut [u8]) -> Option<AnyIo<'a, usize>> {
                let $this = self;
                $inner.read_event(buffer)
            }

            fn readable_event(&self) -> Option<AnyIo<'_, ()>> {
                let $this = self;
                $inner.readable_event()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<S: WriteTo $($generics)*> WriteTo for $type {
            fn write_event<'a>(&'a self, buffer: &'a [u8]) -> Option<AnyIo<'a, usize>> {
                let $this = self;
                $inner.write_event(buffer)
            }

            fn writable_event(&self) -> Option<AnyIo<'_, ()>> {
                let $this = self;
                $inner.writable_event()
            }
        }
    )+};
}

forward!(
    [+ ?Sized] &S, this => (**this);
    [+ ?Sized] &mut S, this => (**this);
    [+ ?Sized] Box<S>, this => (**this);
    [+ ?Sized] Rc<S>, this => (**this);
    [+ ?Sized] Arc<S>, this => (**this);
    [] Option<S>, this => this.as_ref()?;
);
