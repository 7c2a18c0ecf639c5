//! One value from one to another.
//!
//! The state lies under a lock of a few instructions: the value, who waits for it, and whether the
//! other side is still there. The value stays there until the receiver fetches it, so one that is
//! cancelled or times out loses nothing.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::channel::{RecvError, RecvTimeoutError, TryRecvError};
use crate::operation::{Caller, Listed, Listing, OpFuture, Operation, operation, wait, wait_for};
use crate::util::clock::Deadline;
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Registration, Seat, WaitList, Wakes};

/// What both sides share.
struct State<T> {
    value: Option<T>,
    has_sender: bool,
    has_receiver: bool,
    /// The side that waits for the value, or for the receiver to go.
    waiters: WaitList,
}

/// Leaves the lock and wakes the other side: several, if the end that waits is shared.
fn leave_and_wake<'a, T>(lock: &'a SpinLock<State<T>>, state: SpinGuard<'a, State<T>>) {
    if state.waiters.is_empty() {
        return;
    }
    let last = state.waiters.last_seat();
    Wakes::fire_all(lock, state, |state, wakes| {
        state.waiters.wake_until(last, wakes);
    });
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

    /// Waits until the receiver has gone, and so the value is not wanted any more.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    pub fn wait_closed(&self) {
        wait(pin!(Closed::new(self)));
    }

    /// Waits until the receiver has gone, for at most `timeout`; false if that did not happen in
    /// time.
    ///
    /// # Cancellation
    ///
    /// As for [`wait_closed`](Sender::wait_closed).
    pub fn wait_closed_timeout(&self, timeout: Duration) -> bool {
        Closed::new(self).wait_timeout(timeout).is_some()
    }

    /// Waits until the receiver has gone, until `deadline` at the latest; false if that did not
    /// happen in time.
    ///
    /// # Cancellation
    ///
    /// As for [`wait_closed`](Sender::wait_closed).
    pub fn wait_closed_deadline(&self, deadline: Instant) -> bool {
        Closed::new(self).wait_until(deadline).is_some()
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
        wait(pin!(Recv::new(self)))
    }

    /// Receives the value if it is there.
    ///
    /// # Errors
    ///
    /// If it is not there; as disconnected if it will never be, because the sender has gone or the
    /// value was received already.
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

    /// Receives the value, as a future that any executor can poll. A receiver is such a future
    /// itself, in front of `.await`.
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
        OpFuture::new(Recv::new(self))
    }

    /// Receives the value, waiting until `deadline`.
    fn recv_until(&self, deadline: Deadline) -> Result<T, RecvTimeoutError> {
        match wait_for(pin!(Recv::new(self)), deadline) {
            Some(received) => received.map_err(|RecvError| RecvTimeoutError::Disconnected),
            None => Err(RecvTimeoutError::Timeout),
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

/// Receiving the value.
struct Receiving<T, R> {
    receiver: R,
    _value: PhantomData<T>,
}

impl<T, R: Borrow<Receiver<T>>> Listing for Receiving<T, R> {
    type Output = Result<T, RecvError>;
    type State = State<T>;
    type Data = ();
    const TRIES_AGAIN: bool = true;

    fn kind(&self) -> &'static str {
        "recv"
    }

    fn lock(&self) -> &SpinLock<State<T>> {
        &self.receiver.borrow().0
    }

    fn list(state: &mut State<T>) -> &mut WaitList {
        &mut state.waiters
    }

    fn data(&self, _state: &mut State<T>, _by: &Registration) {}

    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<Self::Output, SpinGuard<'_, State<T>>> {
        let mut state = self.lock().lock();
        match state.value.take() {
            Some(value) => Ok(Ok(value)),
            None if state.has_sender => Err(state),
            None => Ok(Err(RecvError)),
        }
    }

    fn is_ready(&self, state: &mut State<T>, _seat: Seat, _by: &Registration) -> bool {
        state.value.is_some() || !state.has_sender
    }

    fn spend_budget(&self) {}
}

/// The receiver's having gone.
struct Closing<'a, T>(&'a Sender<T>);

impl<T> Listing for Closing<'_, T> {
    type Output = ();
    type State = State<T>;
    type Data = ();
    const TRIES_AGAIN: bool = true;

    fn kind(&self) -> &'static str {
        "closed"
    }

    fn lock(&self) -> &SpinLock<State<T>> {
        &self.0.0
    }

    fn list(state: &mut State<T>) -> &mut WaitList {
        &mut state.waiters
    }

    fn data(&self, _state: &mut State<T>, _by: &Registration) {}

    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<(), SpinGuard<'_, State<T>>> {
        let state = self.lock().lock();
        match state.has_receiver {
            false => Ok(()),
            true => Err(state),
        }
    }

    fn is_ready(&self, state: &mut State<T>, _seat: Seat, _by: &Registration) -> bool {
        !state.has_receiver
    }

    fn spend_budget(&self) {}
}

/// Receives the value; from [`Receiver::recv_async`], or a receiver in front of `.await`.
pub type RecvFuture<T, R = Receiver<T>> = OpFuture<Recv<T, R>>;

operation! {
    /// Receiving the value, with a receiver that is owned or borrowed; from
    /// [`op::recv`](crate::op::recv).
    pub struct Recv[T, R: Borrow<Receiver<T>>][T, R] => Result<T, RecvError>
    as RecvKind RecvProjection {
        Recv(Listed<Receiving<T, R>>),
    }
}

impl<T, R: Borrow<Receiver<T>>> Recv<T, R> {
    /// Receiving with one receiver.
    pub(crate) fn new(receiver: R) -> Recv<T, R> {
        let operation = Listed::new(Receiving {
            receiver,
            _value: PhantomData,
        });
        Recv {
            kind: RecvKind::Recv { operation },
        }
    }
}

operation! {
    /// The receiver's having gone; from [`op::closed`](crate::op::closed).
    pub struct Closed['a, T]['a, T] => ()
    as ClosedKind ClosedProjection {
        Closed(Listed<Closing<'a, T>>),
    }
}

impl<'a, T> Closed<'a, T> {
    /// That of one sender.
    pub(crate) fn new(sender: &'a Sender<T>) -> Closed<'a, T> {
        let operation = Listed::new(Closing(sender));
        Closed {
            kind: ClosedKind::Closed { operation },
        }
    }
}

impl<T> IntoFuture for Receiver<T> {
    type Output = Result<T, RecvError>;
    type IntoFuture = RecvFuture<T>;

    fn into_future(self) -> RecvFuture<T> {
        OpFuture::new(Recv::new(self))
    }
}
