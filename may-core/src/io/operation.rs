//! What the operations of input and output can be called with.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use super::call::{IoCall, IoOperation, RawIo};
use super::descriptor::Descriptor;

/// What `accept(..)` can accept from, and [`serve`](crate::serve::serve) can serve.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not accept connections",
    label = "not a listener"
)]
pub trait AcceptFrom {
    /// A connection, and where it comes from.
    type Connection;

    /// The operation of the next connection, if the listener is there.
    #[doc(hidden)]
    fn accept_operation(&self) -> Option<IoOperation<'_, impl IoCall<Output = Self::Connection>>>;

    /// Whom a connection counts for where there is a
    /// [limit](crate::serve::Limits::connections_per_origin) for each: over TCP its IPv4 address,
    /// or its IPv6 network, which is the first 64 bits. `None` if it does not count.
    fn origin(connection: &Self::Connection) -> Option<IpAddr> {
        let _ = connection;
        None
    }
}

/// What can be read from: by [`op::read`](crate::op::read) and its like, and in the arms of a
/// `select!`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read as an arm of a `select!`",
    label = "not a stream or socket of May's, or not the end that reads",
    note = "any other descriptor can be wrapped in `may::io::CoIo`; to run other blocking code as an arm write `run(..)`"
)]
pub trait ReadFrom {
    /// What moves the bytes.
    #[doc(hidden)]
    type Raw: RawIo;

    /// The descriptor that is read, if the stream is there.
    #[doc(hidden)]
    fn reader(&self) -> Option<&Descriptor<Self::Raw>>;
}

/// What can be written to: by [`op::write`](crate::op::write()) and its like, and in the arms of a
/// `select!`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written as an arm of a `select!`",
    label = "not a stream or socket of May's, or not the end that writes",
    note = "any other descriptor can be wrapped in `may::io::CoIo`; to run other blocking code as an arm write `run(..)`"
)]
pub trait WriteTo {
    /// What moves the bytes.
    #[doc(hidden)]
    type Raw: RawIo;

    /// The descriptor that is written, if the stream is there.
    #[doc(hidden)]
    fn writer(&self) -> Option<&Descriptor<Self::Raw>>;
}

/// Forwards what listeners offer through something that leads to one.
macro_rules! forward_accept {
    ($([$($generics:tt)*] $type:ty, $this:ident => $inner:expr);+ $(;)?) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> AcceptFrom for $type {
            type Connection = L::Connection;

            fn accept_operation(
                &self,
            ) -> Option<IoOperation<'_, impl IoCall<Output = L::Connection>>> {
                let $this = self;
                $inner.accept_operation()
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
            type Raw = S::Raw;

            fn reader(&self) -> Option<&Descriptor<S::Raw>> {
                let $this = self;
                $inner.reader()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<S: WriteTo $($generics)*> WriteTo for $type {
            type Raw = S::Raw;

            fn writer(&self) -> Option<&Descriptor<S::Raw>> {
                let $this = self;
                $inner.writer()
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
