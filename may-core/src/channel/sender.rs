//! The sending side.

use std::cell::Cell;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{SendError, SendTimeoutError, TrySendError};

use super::buffered::{self, Buffered, Reserving};
use super::op::{SendFuture, SendMessage};
use super::rendezvous::{self, Rendezvous};
use crate::operation::{Listed, OpFuture, Operation, wait_for};
use crate::park;
use crate::util::clock::Deadline;

/// The sending side of a channel. May be cloned and shared; the channel is disconnected when the
/// last one is dropped.
///
/// # Examples
///
/// ```
/// use may::{channel::unbounded, coroutine::spawn};
///
/// let (sender, receiver) = unbounded();
/// for i in 0..3 {
///     let sender = sender.clone();
///     spawn(move || sender.send(i).unwrap());
/// }
/// drop(sender);
/// assert_eq!(receiver.iter().sum::<i32>(), 3);
/// ```
pub struct Sender<T>(pub(super) Flavor<T>);

/// What kind of channel it is.
pub(super) enum Flavor<T> {
    Buffered(Arc<Buffered<T>>),
    Rendezvous(Arc<Rendezvous<T>>),
}

// A message is whole or not there: no panic leaves a channel in between.
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Sender<T> {
    /// Sends a message if there is room now; in a rendezvous channel, if a receiver waits.
    ///
    /// # Errors
    ///
    /// The message comes back if the channel is full, or if all receivers have gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::channel::{TrySendError, bounded};
    ///
    /// let (sender, receiver) = bounded(1);
    /// sender.try_send(1).unwrap();
    /// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    /// drop(receiver);
    /// assert_eq!(sender.try_send(3), Err(TrySendError::Disconnected(3)));
    /// ```
    #[inline]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        park::count_try();
        self.send_now(message)
    }

    /// As [`try_send`](Sender::try_send), for a future, and for the end of a coroutine: it never
    /// suspends.
    #[inline]
    pub(crate) fn send_now(&self, message: T) -> Result<(), TrySendError<T>> {
        let sent = match &self.0 {
            Flavor::Buffered(channel) => channel.try_send(message),
            Flavor::Rendezvous(channel) => channel.try_send(message),
        };
        sent.map_err(|(refused, message)| refused.try_send(message))
    }

    /// Sends a message, waiting for room; in a rendezvous channel, for a receiver. In an unbounded
    /// channel there is always room: there this does not wait, and suspends only to give others a
    /// turn if more than a hundred messages wait to be received.
    ///
    /// # Errors
    ///
    /// The message comes back if all receivers have gone.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and the message was not sent. In an unbounded channel it
    /// is sent, or others get a turn first.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{channel::bounded, coroutine::spawn};
    ///
    /// let (sender, receiver) = bounded(0);
    /// let greeter = spawn(move || sender.send("hello"));
    /// assert_eq!(receiver.recv(), Ok("hello"));
    /// greeter.join().unwrap().unwrap();
    /// ```
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        match &self.0 {
            Flavor::Buffered(channel) => {
                let message = Cell::new(Some(message));
                Listed::block(&buffered::Sending { channel, message })
            }
            Flavor::Rendezvous(channel) => {
                Listed::block(&rendezvous::Sending::new(channel, message))
            }
        }
    }

    /// Sends a message, as a future that any executor can poll. It waits for room; in a rendezvous
    /// channel, for a receiver.
    ///
    /// # Errors
    ///
    /// The message comes back if all receivers have gone.
    ///
    /// # Dropping the future
    ///
    /// The message is dropped with it if it was not sent. (In a rendezvous channel a receiver may
    /// have taken it just before.)
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{channel::bounded, coroutine::spawn, future::block_on};
    ///
    /// let (sender, receiver) = bounded(0);
    /// let reader = spawn(move || receiver.recv());
    /// block_on(sender.send_async("hello")).unwrap();
    /// assert_eq!(reader.join().unwrap(), Ok("hello"));
    /// ```
    pub fn send_async(&self, message: T) -> SendFuture<'_, T> {
        OpFuture::new(SendMessage::new(self, message))
    }

    /// Sends a message, waiting for room for at most `timeout`.
    ///
    /// # Errors
    ///
    /// The message comes back if there was no room in time, or if all receivers have gone.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and the message was not sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use may::channel::{SendTimeoutError, bounded};
    ///
    /// let (sender, _receiver) = bounded(0);
    /// let error = sender.send_timeout(1, Duration::from_micros(500)).unwrap_err();
    /// assert_eq!(error, SendTimeoutError::Timeout(1));
    /// ```
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_until(message, Deadline::after(timeout))
    }

    /// Sends a message, waiting for room until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// As for [`send_timeout`](Self::send_timeout).
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and the message was not sent.
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_until(message, Deadline::at(deadline))
    }

    fn send_until(&self, message: T, deadline: Deadline) -> Result<(), SendTimeoutError<T>> {
        let mut sending = pin!(SendMessage::new(self, message));
        match wait_for(sending.as_mut(), deadline) {
            Some(sent) => sent.map_err(|error| SendTimeoutError::Disconnected(error.into_inner())),
            None => Err(SendTimeoutError::Timeout(sending.take_back())),
        }
    }

    /// Reserves a slot, waiting for one, so that the message can be made later and will find room.
    ///
    /// A rendezvous channel has no slots: there a permit is granted at once and reserves nothing,
    /// and [`SendPermit::send`] waits as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// If all receivers have gone.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and no slot was taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::channel::bounded;
    ///
    /// let (sender, receiver) = bounded(1);
    /// let permit = sender.reserve().unwrap();
    /// assert!(sender.is_full());
    /// permit.send("made only when there was room").unwrap();
    /// assert!(receiver.recv().is_ok());
    ///
    /// drop(sender.reserve().unwrap());
    /// assert!(!sender.is_full());
    /// ```
    pub fn reserve(&self) -> Result<SendPermit<'_, T>, SendError<()>> {
        if let Flavor::Buffered(channel) = &self.0 {
            Listed::block(&Reserving(channel))?;
        }
        Ok(SendPermit::new(self))
    }

    /// Reserves a slot, waiting for one for at most `timeout`; see [`reserve`](Self::reserve).
    ///
    /// # Errors
    ///
    /// If there was no slot in time, or all receivers have gone.
    ///
    /// # Cancellation
    ///
    /// As for [`reserve`](Self::reserve).
    pub fn reserve_timeout(
        &self,
        timeout: Duration,
    ) -> Result<SendPermit<'_, T>, SendTimeoutError<()>> {
        self.reserve_until(Deadline::after(timeout))
    }

    /// Reserves a slot, waiting for one until `deadline` at the latest; see
    /// [`reserve`](Self::reserve).
    ///
    /// # Errors
    ///
    /// As for [`reserve_timeout`](Self::reserve_timeout).
    ///
    /// # Cancellation
    ///
    /// As for [`reserve`](Self::reserve).
    pub fn reserve_deadline(
        &self,
        deadline: Instant,
    ) -> Result<SendPermit<'_, T>, SendTimeoutError<()>> {
        self.reserve_until(Deadline::at(deadline))
    }

    fn reserve_until(&self, deadline: Deadline) -> Result<SendPermit<'_, T>, SendTimeoutError<()>> {
        if let Flavor::Buffered(channel) = &self.0 {
            match Listed::block_until(&Reserving(channel), deadline) {
                Some(Ok(_)) => {}
                Some(Err(SendError(()))) => return Err(SendTimeoutError::Disconnected(())),
                None => return Err(SendTimeoutError::Timeout(())),
            }
        }
        Ok(SendPermit::new(self))
    }

    /// Reserves a slot if there is one now; see [`reserve`](Self::reserve).
    ///
    /// # Errors
    ///
    /// If the channel is full, or all receivers have gone.
    pub fn try_reserve(&self) -> Result<SendPermit<'_, T>, TrySendError<()>> {
        if let Flavor::Buffered(channel) = &self.0 {
            match Listed::new(Reserving(channel)).try_now() {
                Some(Ok(_)) => {}
                Some(Err(SendError(()))) => return Err(TrySendError::Disconnected(())),
                None => return Err(TrySendError::Full(())),
            }
        }
        Ok(SendPermit::new(self))
    }

    /// Whether there is no message in the channel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no free slot in the channel. A rendezvous channel is always full, and
    /// empty.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match &self.0 {
            Flavor::Buffered(channel) => channel.is_full(),
            Flavor::Rendezvous(_) => true,
        }
    }

    /// How many messages are in the channel.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Flavor::Buffered(channel) => channel.len(),
            Flavor::Rendezvous(_) => 0,
        }
    }

    /// How many messages there is room for in all; `None` if there is no bound.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        match &self.0 {
            Flavor::Buffered(channel) => channel.capacity(),
            Flavor::Rendezvous(_) => Some(0),
        }
    }

    /// Whether both send to the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        match (&self.0, &other.0) {
            (Flavor::Buffered(a), Flavor::Buffered(b)) => Arc::ptr_eq(a, b),
            (Flavor::Rendezvous(a), Flavor::Rendezvous(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender(match &self.0 {
            Flavor::Buffered(channel) => {
                channel.add_sender();
                Flavor::Buffered(channel.clone())
            }
            Flavor::Rendezvous(channel) => {
                channel.add_sender();
                Flavor::Rendezvous(channel.clone())
            }
        })
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        match &self.0 {
            Flavor::Buffered(channel) => channel.remove_sender(),
            Flavor::Rendezvous(channel) => channel.remove_sender(),
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}

/// A reserved slot of a channel, from [`Sender::reserve`]. It gives itself back when it is dropped.
#[must_use = "the slot is given back at once if the permit is not kept"]
pub struct SendPermit<'a, T> {
    sender: &'a Sender<T>,
}

impl<'a, T> SendPermit<'a, T> {
    /// The permit of a caller that has reserved a slot.
    fn new(sender: &'a Sender<T>) -> SendPermit<'a, T> {
        SendPermit { sender }
    }

    /// Sends a message into the slot, without waiting (except in a rendezvous channel, which has no
    /// slots).
    ///
    /// # Errors
    ///
    /// The message comes back if all receivers have gone meanwhile.
    ///
    /// # Cancellation
    ///
    /// Only in a rendezvous channel: as for [`Sender::send`].
    pub fn send(self, message: T) -> Result<(), SendError<T>> {
        match &self.sender.0 {
            Flavor::Buffered(channel) => {
                // From here on the slot is the channel's business.
                let channel = channel.as_ref();
                std::mem::forget(self);
                channel.fill(message)
            }
            Flavor::Rendezvous(_) => self.sender.send(message),
        }
    }
}

impl<T> Drop for SendPermit<'_, T> {
    fn drop(&mut self) {
        match &self.sender.0 {
            Flavor::Buffered(channel) => channel.give_back(),
            Flavor::Rendezvous(_) => {}
        }
    }
}

impl<T> fmt::Debug for SendPermit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SendPermit { .. }")
    }
}
