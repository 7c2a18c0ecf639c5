//! The channels' operations as arms of a `select!`: receiving a message, and the right to send one.

use std::fmt;
use std::sync::Arc;

use super::buffered::Buffered;
use super::error::{Recv, Refused};
use super::packet::{Packet, Party, Place, Promise};
use super::receiver::{self, Receiver};
use super::rendezvous::Claimed;
use super::sender::{self, Sender};
use super::{RecvError, SendError};
use crate::event::{Due, Finish, RawEvent};
use crate::util::clock::Deadline;
use crate::wait::{Entry, Registration};

/// Receiving, as an arm.
pub struct RecvEvent<'a, T> {
    receiver: &'a Receiver<T>,
    wait: RecvWait<T>,
    received: Option<Result<T, RecvError>>,
}

/// What waits, for each kind of channel that has senders.
enum RecvWait<T> {
    Buffered(Entry),
    Rendezvous(Entry<Place<T>>, Packet<T>),
    Clock,
}

impl<'a, T> RecvEvent<'a, T> {
    /// The event of one receiver.
    pub(crate) fn new(receiver: &'a Receiver<T>) -> RecvEvent<'a, T> {
        RecvEvent {
            receiver,
            wait: match &receiver.0 {
                receiver::Flavor::Buffered(_) => RecvWait::Buffered(Entry::new()),
                receiver::Flavor::Rendezvous(_) => {
                    RecvWait::Rendezvous(Entry::new(), Packet::empty())
                }
                _ => RecvWait::Clock,
            },
            received: None,
        }
    }

    /// Keeps what was received; false if it was nothing.
    fn keep(&mut self, received: Result<T, Recv>) -> bool {
        self.received = match received {
            Ok(message) => Some(Ok(message)),
            Err(Recv::Disconnected) => Some(Err(RecvError)),
            Err(Recv::Empty) => None,
        };
        self.received.is_some()
    }
}

impl<T> RawEvent for RecvEvent<'_, T> {
    fn offer(&mut self) -> bool {
        let received = self.receiver.try_receive();
        self.keep(received)
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        match (&self.receiver.0, &mut self.wait) {
            (receiver::Flavor::Buffered(channel), RecvWait::Buffered(entry)) => {
                channel.register_receiver(entry, by, arm)
            }
            (receiver::Flavor::Rendezvous(channel), RecvWait::Rendezvous(entry, packet)) => {
                channel.register_receiver(entry, packet, by, arm)
            }
            _ => false,
        }
    }

    fn withdraw(&mut self) {
        match (&self.receiver.0, &mut self.wait) {
            (receiver::Flavor::Buffered(channel), RecvWait::Buffered(entry)) => {
                channel.withdraw_receiver(entry);
            }
            (receiver::Flavor::Rendezvous(channel), RecvWait::Rendezvous(entry, _)) => {
                channel.withdraw_receiver(entry);
            }
            _ => {}
        }
    }

    fn confirm(&mut self) -> bool {
        let received = match (&self.receiver.0, &mut self.wait) {
            (receiver::Flavor::Buffered(channel), RecvWait::Buffered(entry)) => {
                channel.recv_woken(entry)
            }
            // The message was passed on before the wait was ended, or the sender that has claimed this receiver will pass it on.
            (_, RecvWait::Rendezvous(_, packet)) => packet.open().ok_or(Recv::Empty),
            _ => return self.offer(),
        };
        self.keep(received)
    }

    fn due(&self) -> Due {
        Due(match &self.receiver.0 {
            receiver::Flavor::At(channel) => channel.due(),
            receiver::Flavor::Tick(channel) => channel.due(),
            _ => Deadline::NEVER,
        })
    }
}

impl<T> Finish for RecvEvent<'_, T> {
    type Output = Result<T, RecvError>;

    fn finish(self) -> Result<T, RecvError> {
        self.received.expect("the operation has happened")
    }
}

impl<T> fmt::Debug for RecvEvent<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("RecvEvent { .. }")
    }
}

/// Getting the right to send a message, as an arm.
pub struct SendEvent<'a, T> {
    sender: &'a Sender<T>,
    wait: SendWait<T>,
    right: Option<Right<'a, T>>,
}

/// What waits, for each kind of channel.
enum SendWait<T> {
    Buffered(Entry),
    Rendezvous(Entry<Party<T>>, Promise<T>),
}

/// A right to send.
enum Right<'a, T> {
    /// A reserved slot.
    Slot(&'a Arc<Buffered<T>>),
    /// A receiver that waits for the message and for nothing else.
    Receiver(Claimed<'a, T>),
    /// There is nobody to send to.
    Disconnected,
}

impl<'a, T> Right<'a, T> {
    /// The right to send into a slot, if one was reserved; or what is known without one.
    fn of_slot(
        channel: &'a Arc<Buffered<T>>,
        reserved: Result<(), Refused<()>>,
    ) -> Option<Right<'a, T>> {
        match reserved {
            Ok(()) => Some(Right::Slot(channel)),
            Err(refused) if refused.is_disconnected() => Some(Right::Disconnected),
            Err(_) => None,
        }
    }
}

impl<'a, T> SendEvent<'a, T> {
    /// The event of one sender.
    pub(crate) fn new(sender: &'a Sender<T>) -> SendEvent<'a, T> {
        SendEvent {
            sender,
            wait: match &sender.0 {
                sender::Flavor::Buffered(_) => SendWait::Buffered(Entry::new()),
                sender::Flavor::Rendezvous(_) => SendWait::Rendezvous(Entry::new(), Promise::new()),
            },
            right: None,
        }
    }
}

impl<T> RawEvent for SendEvent<'_, T> {
    fn offer(&mut self) -> bool {
        self.right = match &self.sender.0 {
            sender::Flavor::Buffered(channel) => Right::of_slot(channel, channel.try_reserve()),
            sender::Flavor::Rendezvous(channel) => match channel.claim() {
                Ok(claim) => Some(Right::Receiver(claim)),
                Err(refused) if refused.is_disconnected() => Some(Right::Disconnected),
                Err(_) => None,
            },
        };
        self.right.is_some()
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        match (&self.sender.0, &mut self.wait) {
            (sender::Flavor::Buffered(channel), SendWait::Buffered(entry)) => {
                channel.register_sender(entry, by, arm)
            }
            (sender::Flavor::Rendezvous(channel), SendWait::Rendezvous(entry, promise)) => {
                channel.register_sender(entry, promise, by, arm)
            }
            _ => unreachable!("a channel keeps its kind"),
        }
    }

    fn withdraw(&mut self) {
        match (&self.sender.0, &mut self.wait) {
            (sender::Flavor::Buffered(channel), SendWait::Buffered(entry)) => {
                channel.withdraw_sender(entry);
            }
            (sender::Flavor::Rendezvous(channel), SendWait::Rendezvous(entry, _)) => {
                channel.withdraw_sender(entry);
            }
            _ => unreachable!("a channel keeps its kind"),
        }
    }

    fn confirm(&mut self) -> bool {
        match (&self.sender.0, &mut self.wait) {
            (sender::Flavor::Buffered(channel), SendWait::Buffered(entry)) => {
                self.right = Right::of_slot(channel, channel.reserve_woken(entry));
                self.right.is_some()
            }
            (sender::Flavor::Rendezvous(channel), SendWait::Rendezvous(_, promise)) => {
                match promise.take() {
                    Some(claim) => {
                        self.right = Some(Right::Receiver(Claimed::new(claim, channel)));
                        true
                    }
                    // There is a future that waits to be claimed, or the receivers have gone.
                    None => self.offer(),
                }
            }
            _ => unreachable!("a channel keeps its kind"),
        }
    }
}

impl<'a, T> Finish for SendEvent<'a, T> {
    type Output = SendRight<'a, T>;

    fn finish(self) -> SendRight<'a, T> {
        SendRight(self.right.expect("the operation has happened"))
    }
}

impl<T> fmt::Debug for SendEvent<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SendEvent { .. }")
    }
}

/// The right to send one message, won by an arm; it gives itself back if it is dropped.
#[must_use]
pub struct SendRight<'a, T>(Right<'a, T>);

impl<T> SendRight<'_, T> {
    /// Sends the message, without waiting.
    ///
    /// # Errors
    ///
    /// The message comes back if all receivers have gone.
    pub fn send(self, message: T) -> Result<(), SendError<T>> {
        // Each right is used up by what is called here.
        match std::mem::replace(
            &mut std::mem::ManuallyDrop::new(self).0,
            Right::Disconnected,
        ) {
            Right::Slot(channel) => channel.fill(message).map_err(SendError),
            Right::Receiver(claim) => claim.deliver(message).map_err(SendError),
            Right::Disconnected => Err(SendError(message)),
        }
    }
}

impl<T> Drop for SendRight<'_, T> {
    fn drop(&mut self) {
        if let Right::Slot(channel) = self.0 {
            channel.give_back();
        }
    }
}

impl<T> fmt::Debug for SendRight<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SendRight { .. }")
    }
}
