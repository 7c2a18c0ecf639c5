//! Every message to every receiver.
//!
//! The last messages lie in a ring under a lock of a few instructions, numbered from the first one
//! on; each receiver has the number of the next one that it wants. A sender never waits: it
//! overwrites the oldest message, and a receiver that wanted that one is told how many it has
//! missed. A message is dropped when all receivers have had it. Messages are cloned outside the
//! lock.

use std::collections::VecDeque;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::channel::SendError;
use crate::operation::{Caller, Listed, Listing, OpFuture, operation, wait, wait_for};
use crate::park;
use crate::util::clock::Deadline;
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Registration, Seat, WaitList, Wakes};

/// What all share.
struct Shared<T> {
    state: SpinLock<State<T>>,
    capacity: usize,
}

/// What the lock guards.
struct State<T> {
    ring: VecDeque<Slot<T>>,
    /// The number of the first message in the ring.
    first: u64,
    senders: usize,
    receivers: usize,
    waiters: WaitList,
}

/// A message.
struct Slot<T> {
    message: Arc<T>,
    /// How many receivers have yet to get it.
    left: usize,
}

impl<T> State<T> {
    /// The number of the message after the last one.
    fn end(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    /// Takes a reference to the message with the number `next`, and counts that up.
    fn take(&mut self, next: &AtomicU64) -> Result<Arc<T>, TryRecvError> {
        let number = next.load(Ordering::Relaxed);
        if number < self.first {
            next.store(self.first, Ordering::Relaxed);
            return Err(TryRecvError::Lagged(self.first - number));
        }
        let at = usize::try_from(number - self.first).unwrap_or(usize::MAX);
        let Some(slot) = self.ring.get_mut(at) else {
            return Err(match self.senders {
                0 => TryRecvError::Closed,
                _ => TryRecvError::Empty,
            });
        };
        slot.left -= 1;
        next.store(number + 1, Ordering::Relaxed);
        Ok(slot.message.clone())
    }

    /// Takes out the oldest message if no receiver wants it any more.
    fn pop_if_had_by_all(&mut self) -> Option<Slot<T>> {
        if self.ring.front()?.left > 0 {
            return None;
        }
        self.first += 1;
        self.ring.pop_front()
    }
}

impl<T> Shared<T> {
    /// Wakes all receivers that wait for a message.
    fn wake_all<'a>(&'a self, state: SpinGuard<'a, State<T>>) {
        let last = state.waiters.last_seat();
        Wakes::fire_all(&self.state, state, |state, wakes| {
            state.waiters.wake_until(last, wakes);
        });
    }

    /// Drops the oldest messages as far as all receivers have had them.
    fn drop_what_all_have_had(&self) {
        loop {
            // Outside the lock, because the destructor is the user's code.
            let slot = self.state.lock().pop_if_had_by_all();
            if slot.is_none() {
                return;
            }
        }
    }
}

/// Makes a channel that keeps the last `capacity` messages for receivers that have not had them.
///
/// # Panics
///
/// Panics if `capacity` is zero.
///
/// # Examples
///
/// ```
/// use may::{coroutine::spawn, sync::broadcast};
///
/// let (news, mut first) = broadcast::channel(16);
/// let mut second = news.subscribe();
/// let reader = spawn(move || second.recv());
/// news.send("hello").unwrap();
/// assert_eq!(first.recv(), Ok("hello"));
/// assert_eq!(reader.join().unwrap(), Ok("hello"));
/// ```
#[must_use]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(
        capacity > 0,
        "a broadcast channel keeps at least one message"
    );
    let shared = Arc::new(Shared {
        state: SpinLock::new(State {
            ring: VecDeque::with_capacity(capacity),
            first: 0,
            senders: 1,
            receivers: 1,
            waiters: WaitList::new(),
        }),
        capacity,
    });
    (
        Sender(shared.clone()),
        Receiver {
            shared,
            next: AtomicU64::new(0),
        },
    )
}

/// Why no message was received from a broadcast channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvError {
    /// So many messages were overwritten before the receiver fetched them. The next call gets the
    /// oldest that is left.
    Lagged(u64),
    /// All senders have gone, and the receiver has had all messages.
    Closed,
}

/// Why no message was received from a broadcast channel without waiting, or in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// There is none yet.
    Empty,
    /// So many messages were overwritten before the receiver fetched them. The next call gets the
    /// oldest that is left.
    Lagged(u64),
    /// All senders have gone, and the receiver has had all messages.
    Closed,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TryRecvError::from(*self).fmt(f)
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryRecvError::Empty => f.write_str("there is no message yet"),
            TryRecvError::Lagged(missed) => write!(
                f,
                "{missed} messages were overwritten: receive faster, or give the channel more capacity"
            ),
            TryRecvError::Closed => f.write_str("all senders have gone"),
        }
    }
}

impl std::error::Error for RecvError {}
impl std::error::Error for TryRecvError {}

impl From<RecvError> for TryRecvError {
    fn from(error: RecvError) -> TryRecvError {
        match error {
            RecvError::Lagged(missed) => TryRecvError::Lagged(missed),
            RecvError::Closed => TryRecvError::Closed,
        }
    }
}

/// The side that sends. May be cloned and shared.
pub struct Sender<T>(Arc<Shared<T>>);

impl<T> Sender<T> {
    /// Sends a message to all that receive now; returns how many that are. Never waits.
    ///
    /// # Errors
    ///
    /// The message comes back if there are no receivers.
    pub fn send(&self, message: T) -> Result<usize, SendError<T>> {
        park::count_try();
        let message = Arc::new(message);
        let mut state = self.0.state.lock();
        let receivers = state.receivers;
        if receivers == 0 {
            drop(state);
            let message = Arc::into_inner(message).expect("no receiver has it yet");
            return Err(SendError(message));
        }
        let overwritten = match state.ring.len() == self.0.capacity {
            true => state.ring.pop_front(),
            false => None,
        };
        state.first += u64::from(overwritten.is_some());
        state.ring.push_back(Slot {
            message,
            left: receivers,
        });
        self.0.wake_all(state);
        Ok(receivers)
    }

    /// Makes one more receiver, which gets what is sent from now on.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        let mut state = self.0.state.lock();
        state.receivers += 1;
        Receiver {
            next: AtomicU64::new(state.end()),
            shared: self.0.clone(),
        }
    }

    /// How many messages are kept because a receiver has not had them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.state.lock().ring.len()
    }

    /// Whether all receivers have had all messages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        self.0.state.lock().receivers
    }

    /// Whether both send to the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.0.state.lock().senders += 1;
        Sender(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.senders -= 1;
        if state.senders == 0 {
            self.0.wake_all(state);
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}

/// The side that receives: every message that was sent since it was made, as long as it keeps up.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The number of the next message. Changed under the lock.
    next: AtomicU64,
}

impl<T: Clone> Receiver<T> {
    /// Receives the next message, waiting for it.
    ///
    /// # Errors
    ///
    /// If messages were missed, or all senders have gone.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and no message was taken.
    pub fn recv(&mut self) -> Result<T, RecvError> {
        wait(pin!(Recv::new(self)))
    }

    /// Receives the next message if it is there.
    ///
    /// # Errors
    ///
    /// If it is not, if messages were missed, or all senders have gone.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        park::count_try();
        let mut state = self.shared.state.lock();
        let message = state.take(&self.next)?;
        drop(state);
        Ok(self.unwrap(message))
    }

    /// Receives the next message, waiting for it for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Receiver::try_recv), if it did not come in time.
    ///
    /// # Cancellation
    ///
    /// As for [`recv`](Receiver::recv).
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<T, TryRecvError> {
        self.recv_until(Deadline::after(timeout))
    }

    /// Receives the next message, waiting for it until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// As for [`recv_timeout`](Receiver::recv_timeout).
    ///
    /// # Cancellation
    ///
    /// As for [`recv`](Receiver::recv).
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<T, TryRecvError> {
        self.recv_until(Deadline::at(deadline))
    }

    /// Receives the next message, as a future that any executor can poll.
    ///
    /// # Errors
    ///
    /// If messages were missed, or all senders have gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{future::block_on, sync::broadcast};
    ///
    /// let (news, mut reader) = broadcast::channel(16);
    /// news.send("hello").unwrap();
    /// assert_eq!(block_on(reader.recv_async()), Ok("hello"));
    /// ```
    pub fn recv_async(&mut self) -> RecvFuture<'_, T> {
        OpFuture::new(Recv::new(self))
    }

    /// Receives the next message, waiting until `deadline`.
    fn recv_until(&mut self, deadline: Deadline) -> Result<T, TryRecvError> {
        match wait_for(pin!(Recv::new(self)), deadline) {
            Some(received) => received.map_err(TryRecvError::from),
            None => Err(TryRecvError::Empty),
        }
    }

    /// The message itself: moved if no other receiver has it, otherwise cloned.
    fn unwrap(&self, message: Arc<T>) -> T {
        self.shared.drop_what_all_have_had();
        Arc::unwrap_or_clone(message)
    }
}

impl<T> Receiver<T> {
    /// Makes one more receiver, which gets what is sent from now on.
    #[must_use]
    pub fn resubscribe(&self) -> Receiver<T> {
        let mut state = self.shared.state.lock();
        state.receivers += 1;
        Receiver {
            next: AtomicU64::new(state.end()),
            shared: self.shared.clone(),
        }
    }

    /// How many messages there are for this receiver, those that were overwritten included.
    #[must_use]
    pub fn len(&self) -> usize {
        let state = self.shared.state.lock();
        // Under the lock, since others may receive with this receiver meanwhile.
        let next = self.next.load(Ordering::Relaxed);
        usize::try_from(state.end() - next).unwrap_or(usize::MAX)
    }

    /// Whether there is no message for this receiver.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both receive from the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.receivers -= 1;
        let unread = self.next.load(Ordering::Relaxed).max(state.first) - state.first;
        let at = usize::try_from(unread).unwrap_or(usize::MAX);
        state
            .ring
            .iter_mut()
            .skip(at)
            .for_each(|slot| slot.left -= 1);
        drop(state);
        self.shared.drop_what_all_have_had();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Receiver { .. }")
    }
}

/// Receiving the next message.
struct Receiving<'a, T>(&'a Receiver<T>);

impl<T: Clone> Listing for Receiving<'_, T> {
    type Output = Result<T, RecvError>;
    type State = State<T>;
    type Data = ();
    const TRIES_AGAIN: bool = true;

    fn kind(&self) -> &'static str {
        "recv"
    }

    fn lock(&self) -> &SpinLock<State<T>> {
        &self.0.shared.state
    }

    fn list(state: &mut State<T>) -> &mut WaitList {
        &mut state.waiters
    }

    fn data(&self, _state: &mut State<T>, _by: &Registration) {}

    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<Self::Output, SpinGuard<'_, State<T>>> {
        let mut state = self.lock().lock();
        match state.take(&self.0.next) {
            Ok(message) => {
                drop(state);
                Ok(Ok(self.0.unwrap(message)))
            }
            Err(TryRecvError::Empty) => Err(state),
            Err(TryRecvError::Lagged(missed)) => Ok(Err(RecvError::Lagged(missed))),
            Err(TryRecvError::Closed) => Ok(Err(RecvError::Closed)),
        }
    }

    fn is_ready(&self, state: &mut State<T>, _seat: Seat, _by: &Registration) -> bool {
        state.end() != self.0.next.load(Ordering::Relaxed) || state.senders == 0
    }
}

/// Receives the next message; from [`Receiver::recv_async`].
pub type RecvFuture<'a, T> = OpFuture<Recv<'a, T>>;

operation! {
    /// Receiving the next message; from [`op::recv`](crate::op::recv).
    pub struct Recv['a, T: Clone]['a, T] => Result<T, RecvError>
    as RecvKind RecvProjection {
        Recv(Listed<Receiving<'a, T>>),
    }
}

impl<'a, T: Clone> Recv<'a, T> {
    /// Receiving with one receiver.
    pub(crate) fn new(receiver: &'a Receiver<T>) -> Recv<'a, T> {
        let operation = Listed::new(Receiving(receiver));
        Recv {
            kind: RecvKind::Recv { operation },
        }
    }
}
