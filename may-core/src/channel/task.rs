//! Receiving and sending by futures.
//!
//! A receiver that is a future may be dropped after it was committed. In a channel with a buffer it was only told to fetch a message,
//! which the next one is told then. In a rendezvous channel it has the message in its packet, or somebody has claimed it to put one
//! there: see `rendezvous.rs`.

use std::fmt;
use std::sync::Arc;

use super::error::Recv;
use super::packet::{Packet, Party, Place};
use super::receiver::{self, Receiver};
use super::sender::{self, Sender};
use super::{RecvError, SendError, TrySendError};
use crate::event::{Due, EventFuture, Finish, RawEvent, TaskEvent};
use crate::util::clock::Deadline;
use crate::wait::{Entry, Registration};

/// Receives a message; from [`Receiver::recv_async`].
pub type RecvFuture<'a, T> = EventFuture<RecvTask<'a, T>>;
/// Sends a message; from [`Sender::send_async`].
pub type SendFuture<'a, T> = EventFuture<SendTask<'a, T>>;

/// Receiving, by a future.
pub struct RecvTask<'a, T> {
    receiver: &'a Receiver<T>,
    wait: RecvWait<T>,
    received: Option<Result<T, RecvError>>,
}

/// What waits, for each kind of channel that has senders.
enum RecvWait<T> {
    Buffered(Entry),
    /// The packet is made for the first wait.
    Rendezvous(Entry<Place<T>>, Option<Arc<Packet<T>>>),
    Clock,
}

impl<'a, T> RecvTask<'a, T> {
    /// Receiving from one receiver.
    pub(super) fn new(receiver: &'a Receiver<T>) -> RecvTask<'a, T> {
        RecvTask {
            receiver,
            wait: match &receiver.0 {
                receiver::Flavor::Buffered(_) => RecvWait::Buffered(Entry::new()),
                receiver::Flavor::Rendezvous(_) => RecvWait::Rendezvous(Entry::new(), None),
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

    /// The packet, once there was a wait.
    fn packet(&self) -> Option<&Packet<T>> {
        match &self.wait {
            RecvWait::Rendezvous(_, packet) => packet.as_deref(),
            _ => None,
        }
    }
}

impl<T> RawEvent for RecvTask<'_, T> {
    fn offer(&mut self) -> bool {
        let received = match &self.receiver.0 {
            receiver::Flavor::Rendezvous(channel) => channel.try_recv_for_future(),
            _ => self.receiver.try_receive(),
        };
        self.keep(received)
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        match (&self.receiver.0, &mut self.wait) {
            (receiver::Flavor::Buffered(channel), RecvWait::Buffered(entry)) => {
                channel.register_receiver(entry, by, arm)
            }
            (receiver::Flavor::Rendezvous(channel), RecvWait::Rendezvous(entry, packet)) => {
                let packet = packet.get_or_insert_with(|| Arc::new(Packet::empty()));
                channel.register_future_receiver(entry, packet, by, arm)
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
                Some(channel.recv_woken(entry))
            }
            (receiver::Flavor::Rendezvous(channel), RecvWait::Rendezvous(_, Some(packet))) => {
                channel.open(packet).map(Ok)
            }
            _ => None,
        };
        match received {
            Some(received) => self.keep(received),
            None => self.offer(),
        }
    }

    fn due(&self) -> Due {
        Due(match &self.receiver.0 {
            receiver::Flavor::At(channel) => channel.due(),
            receiver::Flavor::Tick(channel) => channel.due(),
            _ => Deadline::NEVER,
        })
    }
}

impl<T> TaskEvent for RecvTask<'_, T> {
    fn is_held(&self) -> bool {
        self.packet().is_some_and(Packet::is_claimed)
    }

    fn relinquish(&mut self) {
        match (&self.receiver.0, &mut self.wait) {
            (receiver::Flavor::Buffered(channel), RecvWait::Buffered(entry)) => {
                channel.pass_on_to_receiver(entry);
            }
            (receiver::Flavor::Rendezvous(channel), RecvWait::Rendezvous(_, Some(packet))) => {
                channel.leave(packet);
            }
            _ => {}
        }
    }
}

impl<T> Finish for RecvTask<'_, T> {
    type Output = Result<T, RecvError>;

    fn finish(self) -> Result<T, RecvError> {
        self.received.expect("the operation has happened")
    }
}

impl<T> fmt::Debug for RecvTask<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("RecvTask { .. }")
    }
}

/// Sending a message, by a future.
pub struct SendTask<'a, T> {
    sender: &'a Sender<T>,
    wait: SendWait<T>,
    /// The message, until it is sent. In a rendezvous channel a receiver takes it from here.
    packet: Packet<T>,
    sent: Option<Result<(), SendError<T>>>,
}

/// What waits, for each kind of channel.
enum SendWait<T> {
    Buffered(Entry),
    Rendezvous(Entry<Party<T>>),
}

impl<'a, T> SendTask<'a, T> {
    /// Sending a message through one sender.
    pub(super) fn new(sender: &'a Sender<T>, message: T) -> SendTask<'a, T> {
        SendTask {
            sender,
            wait: match &sender.0 {
                sender::Flavor::Buffered(_) => SendWait::Buffered(Entry::new()),
                sender::Flavor::Rendezvous(_) => SendWait::Rendezvous(Entry::new()),
            },
            packet: Packet::new(Some(message)),
            sent: None,
        }
    }
}

impl<T> RawEvent for SendTask<'_, T> {
    fn offer(&mut self) -> bool {
        let message = self.packet.take().expect("it has not been sent");
        self.sent = match self.sender.send_now(message) {
            Ok(()) => Some(Ok(())),
            Err(TrySendError::Disconnected(message)) => Some(Err(SendError(message))),
            Err(TrySendError::Full(message)) => {
                self.packet.put(message);
                None
            }
        };
        self.sent.is_some()
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        match (&self.sender.0, &mut self.wait) {
            (sender::Flavor::Buffered(channel), SendWait::Buffered(entry)) => {
                channel.register_sender(entry, by, arm)
            }
            (sender::Flavor::Rendezvous(channel), SendWait::Rendezvous(entry)) => {
                channel.register_future_sender(entry, &self.packet, by, arm)
            }
            _ => unreachable!("a channel keeps its kind"),
        }
    }

    fn withdraw(&mut self) {
        match (&self.sender.0, &mut self.wait) {
            (sender::Flavor::Buffered(channel), SendWait::Buffered(entry)) => {
                channel.withdraw_sender(entry);
            }
            (sender::Flavor::Rendezvous(channel), SendWait::Rendezvous(entry)) => {
                channel.withdraw_sender(entry);
            }
            _ => unreachable!("a channel keeps its kind"),
        }
    }

    fn confirm(&mut self) -> bool {
        match self.packet.take() {
            Some(message) => {
                if let (sender::Flavor::Buffered(channel), SendWait::Buffered(entry)) =
                    (&self.sender.0, &mut self.wait)
                    && entry.take_granted()
                {
                    self.sent = Some(channel.fill(message).map_err(SendError));
                    return true;
                }
                self.packet.put(message);
                self.offer()
            }
            // A receiver has taken it.
            None => {
                self.sent = Some(Ok(()));
                true
            }
        }
    }
}

impl<T> TaskEvent for SendTask<'_, T> {
    fn relinquish(&mut self) {
        match (&self.sender.0, &mut self.wait) {
            (sender::Flavor::Buffered(channel), SendWait::Buffered(entry)) => {
                channel.pass_on_to_sender(entry);
            }
            // If a receiver has taken the message, it was sent. If not, this one was to try again.
            (sender::Flavor::Rendezvous(channel), _) => channel.pass_on_to_sender(),
            _ => unreachable!("a channel keeps its kind"),
        }
    }
}

impl<T> Finish for SendTask<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn finish(self) -> Result<(), SendError<T>> {
        self.sent.expect("the operation has happened")
    }
}

impl<T> fmt::Debug for SendTask<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SendTask { .. }")
    }
}
