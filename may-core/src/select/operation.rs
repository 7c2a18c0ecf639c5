//! From what users write in an arm to an event.

use std::sync::Arc;

use crate::channel::{Receiver, RecvEvent, SendEvent, Sender};

/// What `recv(..)` can receive from.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be received from",
    label = "not the receiving end of a channel",
    note = "pass the `Receiver` half"
)]
pub trait RecvFrom {
    /// The messages.
    type Message;

    /// The receiver, if it is there.
    #[doc(hidden)]
    fn receiver(&self) -> Option<&Receiver<Self::Message>>;
}

impl<T> RecvFrom for Receiver<T> {
    type Message = T;

    fn receiver(&self) -> Option<&Receiver<T>> {
        Some(self)
    }
}

/// What `send(..)` can send to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to",
    label = "not the sending end of a channel",
    note = "pass the `Sender` half"
)]
pub trait SendTo<'a> {
    /// The messages.
    type Message;

    /// The sender, if it is there.
    #[doc(hidden)]
    fn sender(self) -> Option<&'a Sender<Self::Message>>;
}

impl<'a, T> SendTo<'a> for &'a Sender<T> {
    type Message = T;

    fn sender(self) -> Option<&'a Sender<T>> {
        Some(self)
    }
}

/// Implements [`SendTo`] for references to pointers. The right to send outlives what the arm's argument has created, so it borrows
/// from as far inside as it can: from a reference to a reference to a sender, the sender.
macro_rules! send_through {
    ($([$($lifetime:lifetime)?] $pointer:ty, $inner:lifetime);+) => {
        $(
            impl<'a, 'outer, $($lifetime,)? R: ?Sized> SendTo<'a> for &'outer $pointer
            where
                &$inner R: SendTo<'a>,
            {
                type Message = <&$inner R as SendTo<'a>>::Message;

                fn sender(self) -> Option<&'a Sender<Self::Message>> {
                    let inner: &$inner R = self;
                    inner.sender()
                }
            }
        )+
    };
}

send_through!(['inner] &'inner R, 'inner; ['inner] &'inner mut R, 'outer; [] Arc<R>, 'outer);

impl<'a, 'outer, R> SendTo<'a> for &'outer Option<R>
where
    &'outer R: SendTo<'a>,
{
    type Message = <&'outer R as SendTo<'a>>::Message;

    fn sender(self) -> Option<&'a Sender<Self::Message>> {
        self.as_ref()?.sender()
    }
}

/// Forwards a trait's one method through references, counted pointers and options.
macro_rules! forward {
    ($trait:ident, $method:ident, $end:ident, [$($pointer:ty),+]) => {
        $(
            impl<R: $trait + ?Sized> $trait for $pointer {
                type Message = R::Message;

                fn $method(&self) -> Option<&$end<R::Message>> {
                    (**self).$method()
                }
            }
        )+

        impl<R: $trait> $trait for Option<R> {
            type Message = R::Message;

            fn $method(&self) -> Option<&$end<R::Message>> {
                self.as_ref()?.$method()
            }
        }
    };
}

forward!(RecvFrom, receiver, Receiver, [&R, &mut R, Arc<R>]);

/// The event of receiving from `from`.
pub fn recv<R: RecvFrom + ?Sized>(from: &R) -> Option<RecvEvent<'_, R::Message>> {
    from.receiver().map(RecvEvent::new)
}

/// The event of getting the right to send to `to`.
pub fn send<'a, S: SendTo<'a>>(to: S) -> Option<SendEvent<'a, S::Message>> {
    to.sender().map(SendEvent::new)
}
