//! A channel with a buffer of fixed capacity, for any number of senders and receivers.
//!
//! The whole state lies under one lock of a few instructions: the ring of messages, those who wait for a message, those who
//! wait for a free slot. So looking and registering are one step, and so are changing and waking, which leaves two
//! read-modify-writes to a message that wakes somebody and one to a message that does not. (Go's channels are built the same
//! way. A lock-free ring with a wait queue at either end needs twice as many, because each side must fence before it looks
//! for the other.) No user code runs under the lock: messages are moved, never dropped or cloned.
//!
//! A message goes into the ring and nowhere else: a receiver is woken to fetch it, and never handed one while it sleeps, so a
//! receiver that is cancelled or times out loses nothing. Whoever was woken tries before it waits again, so it either uses its
//! wake-up or finds that somebody faster did.
//!
//! Fairness: waiters are woken in the order in which they came; but a sender or receiver that arrives just then may be
//! faster, and the one that was woken waits again at the end of its queue.

use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};

use crate::park::{self, Waited};
use crate::util::clock::Deadline;
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{WaitList, Wake};

/// What senders and receivers share.
struct Channel<T> {
    state: SpinLock<State<T>>,
    capacity: usize,
}

/// What the lock guards.
struct State<T> {
    /// The messages; never grows beyond the capacity, which is allocated at the start.
    ring: VecDeque<T>,
    /// Those who wait for a free slot.
    senders: WaitList,
    /// Those who wait for a message.
    receivers: WaitList,
    sender_count: usize,
    receiver_count: usize,
}

impl<T> State<T> {
    /// Those who wait for a free slot.
    fn senders(&mut self) -> &mut WaitList {
        &mut self.senders
    }

    /// Those who wait for a message.
    fn receivers(&mut self) -> &mut WaitList {
        &mut self.receivers
    }
}

/// Leaves the lock, then wakes whom the holder has committed.
#[inline]
fn leave_and_wake<S>(state: SpinGuard<'_, S>, wake: Option<Wake>) {
    drop(state);
    if let Some(wake) = wake {
        wake.fire();
    }
}

impl<T> Channel<T> {
    /// Puts a message into the ring, or gives it back; on `Full` with the lock, so that the caller may wait.
    #[inline]
    fn push(&self, message: T) -> Result<(), (TrySendError<T>, SpinGuard<'_, State<T>>)> {
        let mut state = self.state.lock();
        if state.receiver_count == 0 {
            return Err((TrySendError::Disconnected(message), state));
        }
        if state.ring.len() == self.capacity {
            return Err((TrySendError::Full(message), state));
        }
        state.ring.push_back(message);
        let wake = state.receivers.commit_first().0;
        leave_and_wake(state, wake);
        Ok(())
    }

    /// Takes a message out of the ring; on `Empty` with the lock, so that the caller may wait.
    #[inline]
    fn pop(&self) -> Result<T, (TryRecvError, SpinGuard<'_, State<T>>)> {
        let mut state = self.state.lock();
        let Some(message) = state.ring.pop_front() else {
            let error = match state.sender_count {
                0 => TryRecvError::Disconnected,
                _ => TryRecvError::Empty,
            };
            return Err((error, state));
        };
        let wake = state.senders.commit_first().0;
        leave_and_wake(state, wake);
        Ok(message)
    }

    /// Wakes everybody in one of the lists, because there is nobody left on the other side.
    fn wake_all(&self, list: fn(&mut State<T>) -> &mut WaitList) {
        loop {
            let mut state = self.state.lock();
            let Some(wake) = list(&mut state).commit_first().0 else {
                return;
            };
            leave_and_wake(state, Some(wake));
        }
    }

    /// How many messages there are.
    fn len(&self) -> usize {
        self.state.lock().ring.len()
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
    assert!(
        capacity > 0,
        "a bounded channel needs room for at least one message"
    );
    let state = SpinLock::new(State {
        ring: VecDeque::with_capacity(capacity),
        senders: WaitList::new(),
        receivers: WaitList::new(),
        sender_count: 1,
        receiver_count: 1,
    });
    let channel = Arc::new(Channel { state, capacity });
    (
        Sender {
            channel: channel.clone(),
        },
        Receiver { channel },
    )
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
        self.channel.push(message).map_err(|(error, _)| error)
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
        self.send_until(message, Deadline::NEVER)
            .map_err(|error| SendError(error.into_inner()))
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
    #[inline]
    fn send_until(&self, mut message: T, deadline: Deadline) -> Result<(), SendTimeoutError<T>> {
        park::spend_budget();
        let channel = &*self.channel;
        loop {
            let (error, state) = match channel.push(message) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            message = match error {
                TrySendError::Full(message) => message,
                TrySendError::Disconnected(message) => {
                    return Err(SendTimeoutError::Disconnected(message));
                }
            };
            if park::wait_in(&channel.state, state, State::senders, deadline) == Waited::TimedOut {
                return Err(SendTimeoutError::Timeout(message));
            }
        }
    }

    /// Whether there is no message in the channel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room in the channel.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == self.channel.capacity
    }

    /// How many messages are in the channel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channel.len()
    }

    /// How many messages there is room for in all.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        Some(self.channel.capacity)
    }

    /// Whether both send to the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.channel.state.lock().sender_count += 1;
        Sender {
            channel: self.channel.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.channel.state.lock();
        state.sender_count -= 1;
        if state.sender_count == 0 {
            drop(state);
            self.channel.wake_all(State::receivers);
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
        self.channel.pop().map_err(|(error, _)| error)
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
    #[inline]
    fn recv_until(&self, deadline: Deadline) -> Result<T, RecvTimeoutError> {
        park::spend_budget();
        let channel = &*self.channel;
        loop {
            let (error, state) = match channel.pop() {
                Ok(message) => return Ok(message),
                Err(refused) => refused,
            };
            if error == TryRecvError::Disconnected {
                return Err(RecvTimeoutError::Disconnected);
            }
            if park::wait_in(&channel.state, state, State::receivers, deadline) == Waited::TimedOut
            {
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
        self.len() == 0
    }

    /// Whether there is no room in the channel.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == self.channel.capacity
    }

    /// How many messages are in the channel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channel.len()
    }

    /// How many messages there is room for in all.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        Some(self.channel.capacity)
    }

    /// Whether both receive from the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        self.channel.state.lock().receiver_count += 1;
        Receiver {
            channel: self.channel.clone(),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.channel.state.lock();
        state.receiver_count -= 1;
        if state.receiver_count == 0 {
            let unreceived = std::mem::take(&mut state.ring);
            drop(state);
            self.channel.wake_all(State::senders);
            // The messages' destructors are the user's code, which runs outside the lock.
            drop(unreceived);
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
