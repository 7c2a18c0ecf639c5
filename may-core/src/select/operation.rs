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
pub trait SendTo {
    /// The messages.
    type Message;

    /// The sender, if it is there.
    #[doc(hidden)]
    fn sender(&self) -> Option<&Sender<Self::Message>>;
}

impl<T> SendTo for Sender<T> {
    type Message = T;

    fn sender(&self) -> Option<&Sender<T>> {
        Some(self)
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
forward!(SendTo, sender, Sender, [&R, &mut R, Arc<R>]);

/// The event of receiving from `from`.
pub fn recv<R: RecvFrom + ?Sized>(from: &R) -> Option<RecvEvent<'_, R::Message>> {
    from.receiver().map(RecvEvent::new)
}

/// The event of getting the right to send to `to`.
pub fn send<S: SendTo + ?Sized>(to: &S) -> Option<SendEvent<'_, S::Message>> {
    to.sender().map(SendEvent::new)
}
