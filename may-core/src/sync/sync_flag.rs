//! A flag that is raised once.
//!
//! Raising sets the flag and then wakes everybody in the queue; a waiter looks at the flag once more after it was registered. So it
//! either sees the flag or is seen.

use std::fmt;
use std::time::{Duration, Instant};

use super::event::{FlagEvent, FlagFuture};
use crate::event::EventFuture;
use crate::park::{self, Waited};
use crate::prim::{AtomicU32, Ordering};
use crate::util::clock::Deadline;
use crate::wait::{Turn, WaitQueue};

/// A flag that is raised once and for all, and can be waited for.
///
/// # Examples
///
/// ```
/// use may::{coroutine::scope, sync::SyncFlag};
///
/// let started = SyncFlag::new();
/// scope(|s| {
///     s.spawn(|| started.wait());
///     started.fire();
/// });
/// assert!(started.is_fired());
/// ```
pub struct SyncFlag {
    fired: AtomicU32,
    waiters: WaitQueue,
}

impl SyncFlag {
    const_unless_modelled! {
        /// Makes a flag that is not raised.
        #[must_use]
        pub fn new() -> SyncFlag {
            SyncFlag {
                fired: AtomicU32::new(0),
                waiters: WaitQueue::new(),
            }
        }
    }

    /// Raises the flag and lets everybody go on who waits for it; what the caller did before is visible to them.
    pub fn fire(&self) {
        self.fired.store(1, Ordering::Release);
        self.waiters.wake_all();
    }

    /// Whether the flag is raised.
    #[inline]
    pub fn is_fired(&self) -> bool {
        self.fired.load(Ordering::Acquire) == 1
    }

    /// Waits until the flag is raised.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine that would have to wait unwinds here.
    pub fn wait(&self) {
        self.wait_until(Deadline::NEVER);
    }

    /// Waits until the flag is raised, for at most `timeout`; false if it was not.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](SyncFlag::wait).
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_until(Deadline::after(timeout))
    }

    /// Waits until the flag is raised, until `deadline` at the latest; false if it was not.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](SyncFlag::wait).
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_until(Deadline::at(deadline))
    }

    /// Waits until the flag is raised, as a future that any executor can poll.
    pub fn wait_async(&self) -> FlagFuture<'_> {
        EventFuture::new(FlagEvent::new(self))
    }

    /// Those who wait for the flag.
    pub(super) fn waiters(&self) -> &WaitQueue {
        &self.waiters
    }

    /// Waits until the flag is raised or until `deadline`.
    fn wait_until(&self, deadline: Deadline) -> bool {
        park::spend_budget_of_lock();
        while !self.is_fired() {
            let is_ready = || self.fired.load(Ordering::Relaxed) == 1;
            if park::wait(&self.waiters, &Turn::until(deadline), is_ready) == Waited::TimedOut {
                return self.is_fired();
            }
        }
        true
    }
}

impl Default for SyncFlag {
    fn default() -> SyncFlag {
        SyncFlag::new()
    }
}

impl fmt::Debug for SyncFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SyncFlag").field(&self.is_fired()).finish()
    }
}
