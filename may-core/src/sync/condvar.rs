//! Waiting for a change of what a mutex guards; the counterpart of `std::sync::Condvar`.
//!
//! A waiter is registered before it unlocks the mutex. So a caller that changes the value under the
//! mutex and notifies afterwards finds it: no notification is lost. A notification ends the wait of
//! one waiter that is still waiting: one that is cancelled or whose time has elapsed is passed by.
//!
//! Giving the mutex up may wake a future, and so run its waker, which is user code. That must not
//! happen while the caller's own wait is open; the node of a stand-in keeps the caller's place
//! meanwhile ([`park::wait_after`]).
//!
//! The mutex is taken again behind a shield. A waiter that was notified and then cancelled while it
//! waits for the mutex would otherwise take the notification with it; so it goes on, finds its
//! condition true, and is cancelled at its next wait.
//!
//! Fairness: notifications go to waiters in the order in which they came, except that those whose
//! worker is stuck in a computation are passed over. One that was notified may find its condition
//! false again, because another caller was faster, and is at the end of the queue then. So now and
//! then a notification comes with the promise of the mutex: the one that was notified is the next
//! to have it (a *grant*, `wait/queue.rs`).

use std::fmt;
use std::ptr::NonNull;
use std::sync::{LockResult, PoisonError};
use std::time::{Duration, Instant};

use super::mutex::{MutexGuard, Raw};
use super::poison::checked;
use crate::coroutine::cancel::shield;
use crate::park::{self, Notified};
use crate::util::clock::Deadline;
use crate::wait::WaitQueue;

/// Blocks until it is notified; the counterpart of `std::sync::Condvar`, with the same methods.
///
/// # Examples
///
/// ```
/// use may::coroutine::scope;
/// use may::sync::{Condvar, Mutex};
///
/// let (ready, changed) = (Mutex::new(false), Condvar::new());
/// scope(|s| {
///     s.spawn(|| {
///         *ready.lock().unwrap() = true;
///         changed.notify_one();
///     });
///     let guard = changed.wait_while(ready.lock().unwrap(), |ready| !*ready).unwrap();
///     assert!(*guard);
/// });
/// ```
pub struct Condvar {
    /// Each tells which mutex it will take.
    waiters: WaitQueue<NonNull<Raw>>,
}

// SAFETY: (I2) the mutex of a waiter is alive while its node is in the queue, and is used under the
// queue's lock only.
unsafe impl Send for Condvar {}
// SAFETY: (I2) as above.
unsafe impl Sync for Condvar {}

/// Whether a wait with a timeout ended because of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time had elapsed.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    const_unless_modelled! {
        /// Makes a condition variable without waiters.
        #[must_use]
        pub fn new() -> Condvar {
            Condvar {
                waiters: WaitQueue::new(),
            }
        }
    }

    /// Gives the mutex up, waits until notified, and takes the mutex again. May return without a
    /// notification, so callers check their condition in a loop, or use
    /// [`wait_while`](Condvar::wait_while).
    ///
    /// # Errors
    ///
    /// If the mutex is poisoned; the guard is in the error.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here without the mutex, unless it was notified before.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.wait_until(guard, Deadline::NEVER)
            .map(|(guard, _)| guard)
            .map_err(|error| PoisonError::new(error.into_inner().0))
    }

    /// Waits as long as `condition` holds.
    ///
    /// # Errors
    ///
    /// If the mutex is poisoned; the guard is in the error.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Condvar::wait).
    pub fn wait_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// Waits until notified, for at most so many milliseconds; the flag is false if the time has
    /// elapsed.
    ///
    /// # Errors
    ///
    /// If the mutex is poisoned; the guard is in the error.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Condvar::wait).
    #[deprecated(since = "1.0.0", note = "replaced by `wait_timeout`, as in std")]
    pub fn wait_timeout_ms<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        ms: u32,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        let waited = self.wait_timeout(guard, Duration::from_millis(u64::from(ms)));
        let notified = |(guard, result): (_, WaitTimeoutResult)| (guard, !result.timed_out());
        waited
            .map(notified)
            .map_err(|error| PoisonError::new(notified(error.into_inner())))
    }

    /// Waits until notified, for at most `timeout`. May return early without a notification.
    ///
    /// # Errors
    ///
    /// If the mutex is poisoned; guard and result are in the error.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Condvar::wait).
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.wait_until(guard, Deadline::after(timeout))
    }

    /// Waits as long as `condition` holds, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// If the mutex is poisoned; guard and result are in the error.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Condvar::wait).
    pub fn wait_timeout_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let start = Instant::now();
        loop {
            if !condition(&mut guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            let Some(left) = timeout.checked_sub(start.elapsed()) else {
                return Ok((guard, WaitTimeoutResult(true)));
            };
            guard = self.wait_timeout(guard, left)?.0;
        }
    }

    /// Ends the wait of one waiter, if there is one.
    #[inline]
    pub fn notify_one(&self) {
        // SAFETY: (I2) both run while the waiter's node is in the queue or has yet to be withdrawn,
        // under its lock.
        self.waiters.call_one(
            |mutex| unsafe { mutex.as_ref() }.promise(),
            |mutex| unsafe { mutex.as_ref() }.break_promise(),
        );
    }

    /// Ends the wait of all waiters.
    #[inline]
    pub fn notify_all(&self) {
        self.waiters.wake_all();
    }

    /// Waits until notified or until `deadline`.
    fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Deadline,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let lock = MutexGuard::lock(&guard);
        let unlock = || MutexGuard::give_back(guard);
        let raw = NonNull::from(&lock.raw);
        let notified = park::wait_after(&self.waiters, raw, deadline, unlock);
        shield(|| match notified {
            Notified::By { granted: true } => lock.raw.acquire_promised(),
            _ => lock.raw.acquire(),
        });
        let (poisoned, guard) = match lock.guard() {
            Ok(guard) => (false, guard),
            Err(error) => (true, error.into_inner()),
        };
        let timed_out = WaitTimeoutResult(notified == Notified::TimedOut);
        checked(poisoned, (guard, timed_out))
    }
}

impl Default for Condvar {
    fn default() -> Condvar {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
