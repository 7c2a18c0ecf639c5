//! A channel with a buffer of fixed capacity, for any number of senders and receivers.
//!
//! The buffer is crossbeam-queue's `ArrayQueue` (after Vyukov's bounded queue); two wait queues hold those for whom it is
//! full and those for whom it is empty. A message goes into the buffer and nowhere else: a receiver is woken to fetch it, and
//! never handed one while it sleeps, so a receiver that is cancelled or times out loses nothing. Whoever was woken tries
//! before it waits again, so it either uses its wake-up or finds that somebody faster did.
//!
//! Fairness: waiters are woken in the order in which they came; but a sender or receiver that arrives just then may be
//! faster, and the one that was woken waits again at the end of its queue.

use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
use crossbeam_queue::ArrayQueue;

use crate::park::{self, Waited};
use crate::util::clock::Deadline;
use crate::wait::WaitQueue;

/// What senders and receivers share.
struct Channel<T> {
    buffer: ArrayQueue<T>,
    /// Those who wait for a free slot.
    senders: WaitQueue,
    /// Those who wait for a message.
    receivers: WaitQueue,
    sender_count: AtomicUsize,
    receiver_count: AtomicUsize,
}

impl<T> Channel<T> {
    /// Whether no message will come that is not in the buffer already.
    fn has_no_senders(&self) -> bool {
        self.sender_count.load(Ordering::Acquire) == 0
    }

    /// Whether nobody will take messages any more.
    fn has_no_receivers(&self) -> bool {
        self.receiver_count.load(Ordering::Acquire) == 0
    }

    /// Drops what nobody will receive.
    fn drain(&self) {
        while self.buffer.pop().is_some() {}
    }
}

/// Makes a channel that holds at most `capacity` messages.
///
/// # Panics
///
/// Panics if `capacity` is zero.
///
/// # Examples
///
/// ```
/// use may_core::{channel::bounded, spawn::spawn};
///
/// let (sender, receiver) = bounded(2);
/// let producer = spawn(move || (0..5).for_each(|i| sender.send(i).unwrap()));
/// assert_eq!(receiver.iter().sum::<i32>(), 10);
/// producer.join().unwrap();
/// ```
#[must_use]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a bounded channel needs room for at least one message");
    let channel = Arc::new(Channel {
        buffer: ArrayQueue::new(capacity),
        senders: WaitQueue::new(),
        receivers: WaitQueue::new(),
        sender_count: AtomicUsize::new(1),
        receiver_count: AtomicUsize::new(1),
    });
    (Sender { channel: channel.clone() }, Receiver { channel })
}

/// The sending side of a channel. May be cloned and shared; the channel is disconnected when the last one is dropped.
pub struct Sender<T> {
    channel: Arc<Channel<T>>,
}

impl<T> Sender<T> {
    /// Sends a message if there is room now.
    ///
    /// # Errors
    ///
    /// The message comes back if the channel is full, or if all receivers have gone.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let channel = &*self.channel;
        if channel.has_no_receivers() {
            return Err(TrySendError::Disconnected(message));
        }
        channel.buffer.push(message).map_err(TrySendError::Full)?;
        channel.receivers.wake_one();
        if channel.has_no_receivers() {
            // The last one left between the two looks and may not have seen the message.
            channel.drain();
        }
        Ok(())
    }

    /// Sends a message, waiting for room.
    ///
    /// # Errors
    ///
    /// The message comes back if all receivers have gone.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and the message was not sent.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.send_until(message, Deadline::NEVER).map_err(|error| SendError(error.into_inner()))
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

    /// Sends a message, waiting for room until `deadline`.
    fn send_until(&self, mut message: T, deadline: Deadline) -> Result<(), SendTimeoutError<T>> {
        park::spend_budget();
        let channel = &*self.channel;
        loop {
            message = match self.try_send(message) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(message)) => {
                    return Err(SendTimeoutError::Disconnected(message));
                }
                Err(TrySendError::Full(message)) => message,
            };
            let is_ready = || !channel.buffer.is_full() || channel.has_no_receivers();
            if park::wait(&channel.senders, deadline, is_ready) == Waited::TimedOut {
                return Err(SendTimeoutError::Timeout(message));
            }
        }
    }

    /// Whether there is no message in the channel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.channel.buffer.is_empty()
    }

    /// Whether there is no room in the channel.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.channel.buffer.is_full()
    }

    /// How many messages are in the channel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channel.buffer.len()
    }

    /// How many messages there is room for in all.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        Some(self.channel.buffer.capacity())
    }

    /// Whether both send to the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.channel.sender_count.fetch_add(1, Ordering::Relaxed);
        Sender { channel: self.channel.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.channel.sender_count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.channel.receivers.wake_all();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}

/// The receiving side of a channel. May be cloned and shared; each message goes to one receiver. The channel is disconnected
/// when the last one is dropped.
pub struct Receiver<T> {
    channel: Arc<Channel<T>>,
}

impl<T> Receiver<T> {
    /// Receives a message if there is one now.
    ///
    /// # Errors
    ///
    /// If the channel is empty; as disconnected if all senders have gone as well.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let channel = &*self.channel;
        // Looked at first: a message that was sent before the last sender went is then found below.
        let disconnected = channel.has_no_senders();
        match channel.buffer.pop() {
            Some(message) => {
                channel.senders.wake_one();
                Ok(message)
            }
            None if disconnected => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Receives a message, waiting for one.
    ///
    /// # Errors
    ///
    /// If the channel is empty and all senders have gone.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and no message was taken.
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_until(Deadline::NEVER).map_err(|_| RecvError)
    }

    /// Receives a message, waiting for one for at most `timeout`.
    ///
    /// # Errors
    ///
    /// If no message came in time, or the channel is empty and all senders have gone.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and no message was taken.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(Deadline::after(timeout))
    }

    /// Receives a message, waiting for one until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// As for [`recv_timeout`](Self::recv_timeout).
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and no message was taken.
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(Deadline::at(deadline))
    }

    /// Receives a message, waiting for one until `deadline`.
    fn recv_until(&self, deadline: Deadline) -> Result<T, RecvTimeoutError> {
        park::spend_budget();
        let channel = &*self.channel;
        loop {
            match self.try_recv() {
                Ok(message) => return Ok(message),
                Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
                Err(TryRecvError::Empty) => {}
            }
            let is_ready = || !channel.buffer.is_empty() || channel.has_no_senders();
            if park::wait(&channel.receivers, deadline, is_ready) == Waited::TimedOut {
                return Err(RecvTimeoutError::Timeout);
            }
        }
    }

    /// Receives until the channel is empty and all senders have gone, waiting in between.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// Receives what is there now.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }

    /// Whether there is no message in the channel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.channel.buffer.is_empty()
    }

    /// Whether there is no room in the channel.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.channel.buffer.is_full()
    }

    /// How many messages are in the channel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channel.buffer.len()
    }

    /// How many messages there is room for in all.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        Some(self.channel.buffer.capacity())
    }

    /// Whether both receive from the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        self.channel.receiver_count.fetch_add(1, Ordering::Relaxed);
        Receiver { channel: self.channel.clone() }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if self.channel.receiver_count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.channel.senders.wake_all();
            self.channel.drain();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Receiver { .. }")
    }
}

/// Receives until the channel is closed; see [`Receiver::iter`].
pub struct Iter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// Receives what is there; see [`Receiver::try_iter`].
pub struct TryIter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// Receives until the channel is closed, and owns the receiver.
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

/// Implements what all three iterators have.
macro_rules! iterator {
    ($iterator:ty, $receive:ident, $name:literal, [$($generics:tt)*]) => {
        impl<$($generics)*> Iterator for $iterator {
            type Item = T;

            fn next(&mut self) -> Option<T> {
                self.receiver.$receive().ok()
            }
        }

        impl<$($generics)*> fmt::Debug for $iterator {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad($name)
            }
        }
    };
}

iterator!(Iter<'_, T>, recv, "Iter { .. }", [T]);
iterator!(TryIter<'_, T>, try_recv, "TryIter { .. }", [T]);
iterator!(IntoIter<T>, recv, "IntoIter { .. }", [T]);

impl<T> FusedIterator for Iter<'_, T> {}
impl<T> FusedIterator for IntoIter<T> {}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}
