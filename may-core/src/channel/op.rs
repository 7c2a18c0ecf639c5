//! The channels' operations: receiving, sending, and getting the right to send.

use std::cell::Cell;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;

use super::buffered::{self, Buffered};
use super::receiver::{self, Receiver};
use super::rendezvous::{self, Claimed};
use super::sender::{self, Sender};
use super::{RecvError, SendError};
use crate::operation::{Listed, Map, OpFuture, Operation, Timed, Timing, operation};
use crate::util::clock::Deadline;

/// Receives a message; from [`Receiver::recv_async`].
pub type RecvFuture<'a, T> = OpFuture<Recv<'a, T>>;
/// Sends a message; from [`Sender::send_async`].
pub type SendFuture<'a, T> = OpFuture<SendMessage<'a, T>>;

operation! {
    /// Receiving a message; from [`op::recv`](crate::op::recv).
    pub struct Recv['a, T]['a, T] => Result<T, RecvError>
    as RecvKind RecvProjection {
        Buffered(Listed<buffered::Receiving<'a, T>>),
        Rendezvous(Listed<rendezvous::Receiving<'a, T, rendezvous::Either<T>>>),
        Clock(Timed<Clock<'a, T>>),
    }
}

impl<'a, T> Recv<'a, T> {
    #[inline]
    pub(crate) fn new(receiver: &'a Receiver<T>) -> Recv<'a, T> {
        let kind = match &receiver.0 {
            receiver::Flavor::Buffered(channel) => RecvKind::Buffered {
                operation: Listed::new(buffered::Receiving(channel)),
            },
            receiver::Flavor::Rendezvous(channel) => RecvKind::Rendezvous {
                operation: Listed::new(rendezvous::Receiving::new(channel)),
            },
            _ => RecvKind::Clock {
                operation: Timed::new(Clock(receiver)),
            },
        };
        Recv { kind }
    }
}

/// Receiving what the clock sends.
struct Clock<'a, T>(&'a Receiver<T>);

impl<T> Timing for Clock<'_, T> {
    type Output = Result<T, RecvError>;

    fn kind(&self) -> &'static str {
        "recv"
    }

    fn attempt(&mut self) -> Option<Result<T, RecvError>> {
        // Such a channel is never disconnected.
        self.0.try_receive().ok().map(Ok)
    }

    fn due(&self) -> Deadline {
        match &self.0.0 {
            receiver::Flavor::At(channel) => channel.due(),
            receiver::Flavor::Tick(channel) => channel.due(),
            _ => Deadline::NEVER,
        }
    }
}

operation! {
    /// Sending a message; from [`op::send`](crate::op::send).
    pub struct SendMessage['a, T]['a, T] => Result<(), SendError<T>>
    as SendKind SendProjection {
        Buffered(Listed<buffered::Sending<'a, T>>),
        Rendezvous(Listed<rendezvous::Sending<'a, T>>),
    }
}

impl<'a, T> SendMessage<'a, T> {
    #[inline]
    pub(crate) fn new(sender: &'a Sender<T>, message: T) -> SendMessage<'a, T> {
        let kind = match &sender.0 {
            sender::Flavor::Buffered(channel) => SendKind::Buffered {
                operation: Listed::new(buffered::Sending {
                    channel,
                    message: Cell::new(Some(message)),
                }),
            },
            sender::Flavor::Rendezvous(channel) => SendKind::Rendezvous {
                operation: Listed::new(rendezvous::Sending::new(channel, message)),
            },
        };
        SendMessage { kind }
    }

    /// Takes the message, which was not sent.
    pub(crate) fn take_back(self: Pin<&mut Self>) -> T {
        let message = match &self.kind {
            SendKind::Buffered { operation } => operation.listing().message.take(),
            SendKind::Rendezvous { operation } => operation.listing().take_back(),
        };
        message.expect("it was not sent")
    }
}

/// What a slot that was reserved becomes.
type FromSlot<'a, T> = fn(Result<&'a Arc<Buffered<T>>, SendError<()>>) -> SendRight<T>;
/// What a receiver that was claimed becomes.
type FromClaim<T> = fn(Result<Claimed<T>, SendError<()>>) -> SendRight<T>;

operation! {
    /// Getting the right to send a message that has yet to be made: `send(..)` as an arm of a
    /// `select!`.
    pub struct Reserve['a, T]['a, T] => SendRight<T>
    as ReserveKind ReserveProjection {
        Buffered(Map<Listed<buffered::Reserving<'a, T>>, FromSlot<'a, T>>),
        Rendezvous(Map<Listed<rendezvous::Claiming<'a, T>>, FromClaim<T>>),
    }
}

impl<'a, T> Reserve<'a, T> {
    /// Getting the right to send through one sender.
    pub(crate) fn new(sender: &'a Sender<T>) -> Reserve<'a, T> {
        let from_slot: FromSlot<'a, T> = |slot| match slot {
            Ok(channel) => SendRight(Right::Slot(channel.clone())),
            Err(SendError(())) => SendRight(Right::Disconnected),
        };
        let from_claim: FromClaim<T> = |claim| match claim {
            Ok(claimed) => SendRight(Right::Receiver(claimed)),
            Err(SendError(())) => SendRight(Right::Disconnected),
        };
        let kind = match &sender.0 {
            sender::Flavor::Buffered(channel) => ReserveKind::Buffered {
                operation: Listed::new(buffered::Reserving(channel)).map(from_slot),
            },
            sender::Flavor::Rendezvous(channel) => ReserveKind::Rendezvous {
                operation: Listed::new(rendezvous::Claiming::new(channel)).map(from_claim),
            },
        };
        Reserve { kind }
    }
}

/// A right to send.
enum Right<T> {
    /// A reserved slot.
    Slot(Arc<Buffered<T>>),
    /// A receiver that waits for the message and for nothing else.
    Receiver(Claimed<T>),
    /// All receivers have gone.
    Disconnected,
}

/// The right to send one message, won by an arm; it gives itself back if it is dropped. It does not
/// borrow from the sender, which may be a temporary.
#[must_use]
pub struct SendRight<T>(Right<T>);

impl<T> SendRight<T> {
    /// Sends the message, without waiting.
    ///
    /// # Errors
    ///
    /// The message comes back if all receivers have gone.
    pub fn send(mut self, message: T) -> Result<(), SendError<T>> {
        // Each right is used up by what is called here.
        match mem::replace(&mut self.0, Right::Disconnected) {
            Right::Slot(channel) => channel.fill(message),
            Right::Receiver(claim) => claim.deliver(message).map_err(SendError),
            Right::Disconnected => Err(SendError(message)),
        }
    }
}

impl<T> Drop for SendRight<T> {
    fn drop(&mut self) {
        if let Right::Slot(channel) = &self.0 {
            channel.give_back();
        }
    }
}

impl<T> fmt::Debug for SendRight<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SendRight { .. }")
    }
}
