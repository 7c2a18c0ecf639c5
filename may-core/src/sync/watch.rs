//! The latest value of something, for all that want to know when it changes.
//!
//! The value lies under an [`RwLock`]; a number counts its changes, and each receiver remembers the
//! number that it has seen. A change is: write the value and the number under the lock, then wake
//! all receivers. A receiver that waits looks at the number once more after it was registered, so
//! it either sees the change or is woken. Values in between may be missed, the last one never.

use std::fmt;
use std::ops::Deref;
use std::pin::pin;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::rwlock::{RwLock, RwLockReadGuard};
use crate::channel::{RecvError, RecvTimeoutError, SendError};
use crate::operation::{OpFuture, Operation, Queued, Queueing, operation, wait, wait_for};
use crate::prim::{AtomicUsize, Ordering};
use crate::util::clock::Deadline;
use crate::wait::WaitQueue;

/// What all share.
struct Shared<T> {
    value: RwLock<T>,
    /// How often the value has changed; written under the lock of the value.
    version: AtomicU64,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    /// Receivers that wait for a change.
    changed: WaitQueue,
    /// Senders that wait until there are no receivers.
    closed: WaitQueue,
}

impl<T> Shared<T> {
    /// Whether there is another number than `seen`, which is then seen, or never will be.
    fn try_changed(&self, seen: &AtomicU64) -> Option<Result<(), RecvError>> {
        loop {
            // Before the number, so that a change by the last sender is seen.
            let ended = self.has_ended();
            // Before the number, too, and compared with when it is replaced: another one that looks
            // with the same receiver may have seen a newer number.
            let before = seen.load(Ordering::Acquire);
            let version = self.version();
            if before == version {
                return ended.then_some(Err(RecvError));
            }
            let replaced =
                seen.compare_exchange(before, version, Ordering::AcqRel, Ordering::Relaxed);
            if replaced.is_ok() {
                return Some(Ok(()));
            }
        }
    }

    /// The value, for reading. A panic while it was changed does not matter to those that read it,
    /// as with a plain value.
    fn read(&self) -> RwLockReadGuard<'_, T> {
        self.value.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the current value.
    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Whether there are no senders any more.
    fn has_ended(&self) -> bool {
        self.senders.load(Ordering::Acquire) == 0
    }

    /// Whether there are no receivers.
    fn is_closed(&self) -> bool {
        self.receivers.load(Ordering::Acquire) == 0
    }
}

/// Makes a channel that always holds one value, at first `value`.
///
/// # Examples
///
/// ```
/// use may::{coroutine::spawn, sync::watch};
///
/// let (settings, mut changes) = watch::channel("slow");
/// let follower = spawn(move || {
///     changes.changed().unwrap();
///     *changes.borrow()
/// });
/// settings.send("fast").unwrap();
/// assert_eq!(follower.join().unwrap(), "fast");
/// ```
#[must_use]
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        value: RwLock::new(value),
        version: AtomicU64::new(0),
        senders: AtomicUsize::new(1),
        receivers: AtomicUsize::new(1),
        changed: WaitQueue::new(),
        closed: WaitQueue::new(),
    });
    (
        Sender(shared.clone()),
        Receiver {
            shared,
            seen: AtomicU64::new(0),
        },
    )
}

/// A look at the value, which cannot change meanwhile: keep it short.
pub struct Ref<'a, T>(RwLockReadGuard<'a, T>);

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The side that changes the value. May be cloned.
pub struct Sender<T>(Arc<Shared<T>>);

impl<T> Sender<T> {
    /// Replaces the value and tells all receivers.
    ///
    /// # Errors
    ///
    /// The new value comes back if there are no receivers; the old one stays then.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine that has to wait for a receiver that looks at the value unwinds here,
    /// and has changed nothing.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.0.is_closed() {
            return Err(SendError(value));
        }
        drop(self.send_replace(value));
        Ok(())
    }

    /// Replaces the value and tells all receivers; returns the old one. Also if there are no
    /// receivers.
    ///
    /// # Cancellation
    ///
    /// As for [`send`](Sender::send).
    pub fn send_replace(&self, mut value: T) -> T {
        self.send_modify(|current| std::mem::swap(current, &mut value));
        value
    }

    /// Changes the value in place and tells all receivers.
    ///
    /// # Cancellation
    ///
    /// As for [`send`](Sender::send).
    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// Changes the value in place, and tells all receivers if `modify` says that it has done
    /// something. Returns what it said.
    ///
    /// # Cancellation
    ///
    /// As for [`send`](Sender::send).
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let shared = &*self.0;
        let mut value = shared.value.write().unwrap_or_else(PoisonError::into_inner);
        if !modify(&mut value) {
            return false;
        }
        shared.version.fetch_add(1, Ordering::Release);
        drop(value);
        shared.changed.wake_all();
        true
    }

    /// Looks at the value.
    ///
    /// What [`Receiver::borrow`] says of keeping it holds here, too.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine that has to wait for a sender that changes the value unwinds here.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref(self.0.read())
    }

    /// Makes one more receiver, which has seen the current value.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        self.0.receivers.fetch_add(1, Ordering::Relaxed);
        Receiver {
            seen: AtomicU64::new(self.0.version()),
            shared: self.0.clone(),
        }
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        self.0.receivers.load(Ordering::Relaxed)
    }

    /// Whether there are no receivers.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Waits until there are no receivers.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    pub fn wait_closed(&self) {
        wait(pin!(Closed::new(self)));
    }

    /// Waits until there are no receivers, for at most `timeout`; false if that did not happen in
    /// time.
    ///
    /// # Cancellation
    ///
    /// As for [`wait_closed`](Sender::wait_closed).
    pub fn wait_closed_timeout(&self, timeout: Duration) -> bool {
        Closed::new(self).wait_timeout(timeout).is_some()
    }

    /// Waits until there are no receivers, until `deadline` at the latest; false if that did not
    /// happen in time.
    ///
    /// # Cancellation
    ///
    /// As for [`wait_closed`](Sender::wait_closed).
    pub fn wait_closed_deadline(&self, deadline: Instant) -> bool {
        Closed::new(self).wait_until(deadline).is_some()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.0.senders.fetch_add(1, Ordering::Relaxed);
        Sender(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.0.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.changed.wake_all();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}

/// The side that watches the value. May be cloned; each remembers what it has seen.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The number of the value that was seen last.
    seen: AtomicU64,
}

impl<T> Receiver<T> {
    /// Looks at the value; it does not count as seen.
    ///
    /// Senders wait during a look, and a second look waits behind a sender that waits. So a caller
    /// that keeps what this returns, and looks again, may wait for itself: copy what is needed, and
    /// do not keep the look across calls that wait.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine that has to wait for a sender that changes the value unwinds here.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref(self.shared.read())
    }

    /// Looks at the value, which counts as seen then.
    ///
    /// # Cancellation
    ///
    /// As for [`borrow`](Receiver::borrow).
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.shared.read();
        self.seen.store(self.shared.version(), Ordering::Relaxed);
        Ref(value)
    }

    /// Whether there is a value that was not seen.
    ///
    /// # Errors
    ///
    /// If there is none and all senders have gone.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        let ended = self.shared.has_ended();
        match self.shared.version() != self.seen.load(Ordering::Relaxed) {
            true => Ok(true),
            false if ended => Err(RecvError),
            false => Ok(false),
        }
    }

    /// Waits for a value that was not seen; it counts as seen then.
    ///
    /// # Errors
    ///
    /// If there is none and all senders have gone.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and nothing counts as seen.
    pub fn changed(&mut self) -> Result<(), RecvError> {
        wait(pin!(Changed::new(self)))
    }

    /// As [`changed`](Receiver::changed), as a future that any executor can poll.
    ///
    /// # Errors
    ///
    /// If there is none and all senders have gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{future::block_on, sync::watch};
    ///
    /// let (settings, mut changes) = watch::channel("slow");
    /// settings.send("fast").unwrap();
    /// block_on(changes.changed_async()).unwrap();
    /// assert_eq!(*changes.borrow(), "fast");
    /// ```
    pub fn changed_async(&mut self) -> ChangedFuture<'_, T> {
        OpFuture::new(Changed::new(self))
    }

    /// As [`changed`](Receiver::changed), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// If there was none in time, or all senders have gone.
    ///
    /// # Cancellation
    ///
    /// As for [`changed`](Receiver::changed).
    pub fn changed_timeout(&mut self, timeout: Duration) -> Result<(), RecvTimeoutError> {
        self.changed_until(Deadline::after(timeout))
    }

    /// As [`changed`](Receiver::changed), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// As for [`changed_timeout`](Receiver::changed_timeout).
    ///
    /// # Cancellation
    ///
    /// As for [`changed`](Receiver::changed).
    pub fn changed_deadline(&mut self, deadline: Instant) -> Result<(), RecvTimeoutError> {
        self.changed_until(Deadline::at(deadline))
    }

    /// Waits until the value is as `condition` asks, and returns a look at it.
    ///
    /// # Errors
    ///
    /// If it is not, and all senders have gone.
    ///
    /// # Cancellation
    ///
    /// As for [`changed`](Receiver::changed).
    pub fn wait_for(&mut self, condition: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, RecvError> {
        self.wait_for_until(Deadline::NEVER, condition)
            .map_err(|_| RecvError)
    }

    /// As [`wait_for`](Receiver::wait_for), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// If it is not in time, or is not and all senders have gone.
    ///
    /// # Cancellation
    ///
    /// As for [`changed`](Receiver::changed).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use may::sync::watch;
    ///
    /// let (sender, mut receiver) = watch::channel(1);
    /// assert_eq!(*receiver.wait_for_timeout(Duration::ZERO, |value| *value == 1).unwrap(), 1);
    /// let late = receiver.wait_for_timeout(Duration::from_micros(500), |value| *value == 2);
    /// assert!(late.is_err());
    /// # drop(late);
    /// # drop(sender);
    /// ```
    pub fn wait_for_timeout(
        &mut self,
        timeout: Duration,
        condition: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, RecvTimeoutError> {
        self.wait_for_until(Deadline::after(timeout), condition)
    }

    /// As [`wait_for`](Receiver::wait_for), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// As for [`wait_for_timeout`](Receiver::wait_for_timeout).
    ///
    /// # Cancellation
    ///
    /// As for [`changed`](Receiver::changed).
    pub fn wait_for_deadline(
        &mut self,
        deadline: Instant,
        condition: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, RecvTimeoutError> {
        self.wait_for_until(Deadline::at(deadline), condition)
    }

    /// Waits for a value that is as `condition` asks, until `deadline`.
    fn wait_for_until(
        &mut self,
        deadline: Deadline,
        mut condition: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, RecvTimeoutError> {
        let Receiver { shared, seen } = self;
        loop {
            let value = shared.read();
            seen.store(shared.version(), Ordering::Relaxed);
            if condition(&value) {
                return Ok(Ref(value));
            }
            drop(value);
            match Queued::block_until(Changing { shared, seen }, deadline) {
                Some(changed) => changed.map_err(|RecvError| RecvTimeoutError::Disconnected)?,
                None => return Err(RecvTimeoutError::Timeout),
            }
        }
    }

    /// Waits for a change until `deadline`.
    fn changed_until(&mut self, deadline: Deadline) -> Result<(), RecvTimeoutError> {
        match wait_for(pin!(Changed::new(self)), deadline) {
            Some(changed) => changed.map_err(|RecvError| RecvTimeoutError::Disconnected),
            None => Err(RecvTimeoutError::Timeout),
        }
    }

    /// Counts the current value as not seen.
    pub fn mark_changed(&mut self) {
        let unseen = self.shared.version().wrapping_sub(1);
        self.seen.store(unseen, Ordering::Relaxed);
    }

    /// Counts the current value as seen.
    pub fn mark_unchanged(&mut self) {
        self.seen.store(self.shared.version(), Ordering::Relaxed);
    }

    /// Whether both watch the same value.
    #[must_use]
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        self.shared.receivers.fetch_add(1, Ordering::Relaxed);
        Receiver {
            shared: self.shared.clone(),
            seen: AtomicU64::new(self.seen.load(Ordering::Relaxed)),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if self.shared.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.closed.wake_all();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Receiver { .. }")
    }
}

/// A change of the value.
struct Changing<'a, T> {
    shared: &'a Shared<T>,
    seen: &'a AtomicU64,
}

impl<T> Queueing for Changing<'_, T> {
    type Output = Result<(), RecvError>;

    fn kind(&self) -> &'static str {
        "changed"
    }

    fn queue(&self) -> &WaitQueue {
        &self.shared.changed
    }

    fn attempt(&mut self) -> Option<Result<(), RecvError>> {
        self.shared.try_changed(self.seen)
    }

    fn is_ready(&self) -> bool {
        self.shared.version() != self.seen.load(Ordering::Relaxed) || self.shared.has_ended()
    }

    fn spend_budget(&self) {}
}

/// The receivers' having gone.
struct Closing<'a, T>(&'a Shared<T>);

impl<T> Queueing for Closing<'_, T> {
    type Output = ();

    fn kind(&self) -> &'static str {
        "closed"
    }

    fn queue(&self) -> &WaitQueue {
        &self.0.closed
    }

    fn attempt(&mut self) -> Option<()> {
        self.0.is_closed().then_some(())
    }

    fn is_ready(&self) -> bool {
        self.0.is_closed()
    }

    fn spend_budget(&self) {}
}

/// Ready with a value that was not seen; from [`Receiver::changed_async`].
pub type ChangedFuture<'a, T> = OpFuture<Changed<'a, T>>;

operation! {
    /// A change of a watched value; from [`op::changed`](crate::op::changed).
    pub struct Changed['a, T]['a, T] => Result<(), RecvError>
    as ChangedKind ChangedProjection {
        Changed(Queued<Changing<'a, T>>),
    }
}

impl<'a, T> Changed<'a, T> {
    /// A change that one receiver has not seen.
    pub(crate) fn new(receiver: &'a Receiver<T>) -> Changed<'a, T> {
        let (shared, seen) = (&*receiver.shared, &receiver.seen);
        let operation = Queued::new(Changing { shared, seen });
        Changed {
            kind: ChangedKind::Changed { operation },
        }
    }
}

operation! {
    /// The last receiver's having gone; from [`op::closed`](crate::op::closed).
    pub struct Closed['a, T]['a, T] => ()
    as ClosedKind ClosedProjection {
        Closed(Queued<Closing<'a, T>>),
    }
}

impl<'a, T> Closed<'a, T> {
    /// That of one sender's.
    pub(crate) fn new(sender: &'a Sender<T>) -> Closed<'a, T> {
        let operation = Queued::new(Closing(&sender.0));
        Closed {
            kind: ClosedKind::Closed { operation },
        }
    }
}
