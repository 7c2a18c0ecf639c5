//! One value from one to another.
//!
//! The state lies under a lock of a few instructions: the value, who waits for it, and whether the other side is still there. The
//! value stays there until the receiver fetches it, so one that is cancelled or times out loses nothing.

use std::borrow::BorrowMut;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::channel::{RecvError, RecvTimeoutError, TryRecvError};
use crate::event::{EventFuture, Finish, RawEvent, TaskEvent};
use crate::park::{self, Waited};
use crate::util::clock::Deadline;
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Entry, Registration, Turn, WaitList};

/// What both sides share.
struct State<T> {
    value: Option<T>,
    has_sender: bool,
    has_receiver: bool,
    /// Whoever waits for the value, or for the receiver to go.
    waiters: WaitList,
}

impl<T> State<T> {
    /// Whoever waits for the value, or for the receiver to go.
    fn waiters(&mut self) -> &mut WaitList {
        &mut self.waiters
    }
}

/// Leaves the lock and wakes the other side: several, if the end that waits is shared.
fn leave_and_wake<'a, T>(lock: &'a SpinLock<State<T>>, mut state: SpinGuard<'a, State<T>>) {
    while let Some(wake) = state.waiters.wake_first().0 {
        drop(state);
        wake.fire();
        state = lock.lock();
    }
}

/// Makes a channel for one value.
///
/// # Examples
///
/// ```
/// use may::{coroutine::spawn, sync::oneshot};
///
/// let (answer, question) = oneshot::channel();
/// spawn(move || answer.send(42));
/// assert_eq!(question.recv(), Ok(42));
/// ```
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let state = Arc::new(SpinLock::new(State {
        value: None,
        has_sender: true,
        has_receiver: true,
        waiters: WaitList::new(),
    }));
    (Sender(state.clone()), Receiver(state))
}

/// The side that sends the value.
pub struct Sender<T>(Arc<SpinLock<State<T>>>);

impl<T> Sender<T> {
    /// Sends the value, without waiting.
    ///
    /// # Errors
    ///
    /// The value comes back if the receiver has gone.
    pub fn send(self, value: T) -> Result<(), T> {
        let mut state = self.0.lock();
        if !state.has_receiver {
            return Err(value);
        }
        state.value = Some(value);
        // The drop that follows wakes the receiver.
        Ok(())
    }

    /// Whether the receiver has gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !self.0.lock().has_receiver
    }

    /// Waits until the receiver has gone, and so nobody wants the value any more.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    pub fn wait_closed(&self) {
        let turn = Turn::until(Deadline::NEVER);
        loop {
            let state = self.0.lock();
            if !state.has_receiver {
                return;
            }
            let _ = park::wait_in(&self.0, state, State::waiters, (), &turn);
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.has_sender = false;
        leave_and_wake(&self.0, state);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}

/// The side that receives the value.
pub struct Receiver<T>(Arc<SpinLock<State<T>>>);

impl<T> Receiver<T> {
    /// Receives the value, waiting for it.
    ///
    /// # Errors
    ///
    /// If the sender has gone without sending one.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    pub fn recv(self) -> Result<T, RecvError> {
        self.recv_until(Deadline::NEVER).map_err(|_| RecvError)
    }

    /// Receives the value if it is there.
    ///
    /// # Errors
    ///
    /// If it is not there; as disconnected if it will never be, because the sender has gone or the value was received already.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.0.lock();
        match state.value.take() {
            Some(value) => Ok(value),
            None if state.has_sender => Err(TryRecvError::Empty),
            None => Err(TryRecvError::Disconnected),
        }
    }

    /// Receives the value, waiting for it for at most `timeout`.
    ///
    /// # Errors
    ///
    /// If it did not come in time, or never will.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(Deadline::after(timeout))
    }

    /// Receives the value, waiting for it until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// As for [`recv_timeout`](Receiver::recv_timeout).
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(Deadline::at(deadline))
    }

    /// Receives the value, as a future that any executor can poll. A receiver is such a future itself, in front of `.await`.
    ///
    /// # Errors
    ///
    /// If the sender has gone without sending one.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{coroutine::spawn, future::block_on, sync::oneshot};
    ///
    /// let (answer, question) = oneshot::channel();
    /// spawn(move || answer.send(42));
    /// assert_eq!(block_on(async { question.await }), Ok(42));
    /// ```
    pub fn recv_async(&mut self) -> RecvFuture<T, &mut Receiver<T>> {
        EventFuture::new(RecvTask::new(self))
    }

    /// Receives the value, waiting until `deadline`.
    fn recv_until(&self, deadline: Deadline) -> Result<T, RecvTimeoutError> {
        let turn = Turn::until(deadline);
        loop {
            let mut state = self.0.lock();
            if let Some(value) = state.value.take() {
                return Ok(value);
            }
            if !state.has_sender {
                return Err(RecvTimeoutError::Disconnected);
            }
            if park::wait_in(&self.0, state, State::waiters, (), &turn) == Waited::TimedOut {
                return Err(RecvTimeoutError::Timeout);
            }
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.has_receiver = false;
        let value = state.value.take();
        leave_and_wake(&self.0, state);
        // Its destructor is the user's code, which runs outside the lock.
        drop(value);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Receiver { .. }")
    }
}

/// Receives the value; from [`Receiver::recv_async`], or a receiver in front of `.await`.
pub type RecvFuture<T, R = Receiver<T>> = EventFuture<RecvTask<T, R>>;

/// Receiving the value, by a future that owns the receiver or borrows it.
pub struct RecvTask<T, R: BorrowMut<Receiver<T>>> {
    receiver: R,
    entry: Entry,
    received: Option<Result<T, RecvError>>,
}

impl<T, R: BorrowMut<Receiver<T>>> RecvTask<T, R> {
    /// Receiving from one receiver.
    fn new(receiver: R) -> RecvTask<T, R> {
        RecvTask {
            receiver,
            entry: Entry::new(),
            received: None,
        }
    }
}

impl<T, R: BorrowMut<Receiver<T>>> RawEvent for RecvTask<T, R> {
    fn offer(&mut self) -> bool {
        self.received = match self.receiver.borrow().try_recv() {
            Ok(value) => Some(Ok(value)),
            Err(TryRecvError::Disconnected) => Some(Err(RecvError)),
            Err(TryRecvError::Empty) => None,
        };
        self.received.is_some()
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        let mut state = self.receiver.borrow().0.lock();
        let ready = state.value.is_some() || !state.has_sender;
        if !ready {
            // SAFETY: (docs/safety.md, R6) the future has it unlinked from this list, which the receiver keeps, before it goes.
            unsafe { self.entry.link(&mut state.waiters, by, arm, ()) };
        }
        ready
    }

    fn withdraw(&mut self) {
        if self.entry.is_used() {
            let mut state = self.receiver.borrow().0.lock();
            // SAFETY: (docs/safety.md, R6) it was linked there.
            unsafe { self.entry.unlink(&mut state.waiters) };
        }
    }
}

impl<T, R: BorrowMut<Receiver<T>>> TaskEvent for RecvTask<T, R> {
    // The value stays where it is, and all who wait are woken for it.
    fn relinquish(&mut self) {}
}

impl<T, R: BorrowMut<Receiver<T>>> Finish for RecvTask<T, R> {
    type Output = Result<T, RecvError>;

    fn finish(self) -> Result<T, RecvError> {
        self.received.expect("the operation has happened")
    }
}

impl<T, R: BorrowMut<Receiver<T>>> fmt::Debug for RecvTask<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("RecvTask { .. }")
    }
}

impl<T> IntoFuture for Receiver<T> {
    type Output = Result<T, RecvError>;
    type IntoFuture = RecvFuture<T>;

    fn into_future(self) -> RecvFuture<T> {
        EventFuture::new(RecvTask::new(self))
    }
}
