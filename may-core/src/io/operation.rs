//! What the operations of a `select!` can be called with, as far as they are input and output.

use std::sync::Arc;

use super::event::IoEvent;

/// What `accept(..)` can accept from.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not accept connections",
    label = "not a listener"
)]
pub trait AcceptFrom {
    /// A connection, and where it comes from.
    type Connection;

    /// The event of the next connection, if the listener is there.
    #[doc(hidden)]
    fn accept_event(&self) -> Option<IoEvent<'_, Self::Connection>>;
}

/// What `read(..)`, `write(..)`, `readable(..)` and `writable(..)` can be called with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read or written as an arm of a `select!`",
    label = "not a socket of May's",
    note = "any other descriptor can be wrapped in `may::io::CoIo`; to run other blocking code as an arm write `run(..)`"
)]
pub trait Transfer {
    /// The event of reading something, if the stream is there.
    #[doc(hidden)]
    fn read_event<'a>(&'a self, buffer: &'a mut [u8]) -> Option<IoEvent<'a, usize>>;

    /// The event of writing something, if the stream is there.
    #[doc(hidden)]
    fn write_event<'a>(&'a self, buffer: &'a [u8]) -> Option<IoEvent<'a, usize>>;

    /// The event of a direction's being ready, if the stream is there.
    #[doc(hidden)]
    fn ready_event(&self, write: bool) -> Option<IoEvent<'_, ()>>;
}

/// Forwards what listeners offer through something that leads to one.
macro_rules! forward_accept {
    ($([$($generics:tt)*] $type:ty, $this:ident => $inner:expr);+ $(;)?) => {$(
        impl<$($generics)*> AcceptFrom for $type {
            type Connection = L::Connection;

            fn accept_event(&self) -> Option<IoEvent<'_, L::Connection>> {
                let $this = self;
                $inner.accept_event()
            }
        }
    )+};
}

forward_accept!(
    [L: AcceptFrom + ?Sized] &L, this => (**this);
    [L: AcceptFrom + ?Sized] Arc<L>, this => (**this);
    [L: AcceptFrom] Option<L>, this => this.as_ref()?;
);

/// Forwards what streams offer through something that leads to one.
macro_rules! forward {
    ($([$($generics:tt)*] $type:ty, $this:ident => $inner:expr);+ $(;)?) => {$(
        impl<$($generics)*> Transfer for $type {
            fn read_event<'a>(&'a self, buffer: &'a mut [u8]) -> Option<IoEvent<'a, usize>> {
                let $this = self;
                $inner.read_event(buffer)
            }

            fn write_event<'a>(&'a self, buffer: &'a [u8]) -> Option<IoEvent<'a, usize>> {
                let $this = self;
                $inner.write_event(buffer)
            }

            fn ready_event(&self, write: bool) -> Option<IoEvent<'_, ()>> {
                let $this = self;
                $inner.ready_event(write)
            }
        }
    )+};
}

forward!(
    [S: Transfer + ?Sized] &S, this => (**this);
    [S: Transfer + ?Sized] &mut S, this => (**this);
    [S: Transfer + ?Sized] Arc<S>, this => (**this);
    [S: Transfer] Option<S>, this => this.as_ref()?;
);
