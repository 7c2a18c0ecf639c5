//! One value from one to another.
//!
//! The state lies under a lock of a few instructions: the value, who waits for it, and whether the other side is still there. The
//! value stays there until the receiver fetches it, so one that is cancelled or times out loses nothing.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::channel::{RecvError, RecvTimeoutError, TryRecvError};
use crate::park::{self, Waited};
use crate::util::clock::Deadline;
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Turn, WaitList};

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
/// use may_core::{spawn::spawn, sync::oneshot};
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
