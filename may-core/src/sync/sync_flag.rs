//! A flag that is raised once.
//!
//! Raising sets the flag and then wakes all waiters in the queue. A waiter looks at the flag once
//! more after it was registered. So it either sees the flag or is seen.

use std::fmt;
use std::time::{Duration, Instant};

use crate::operation::{OpFuture, Operation, Queued, Queueing, operation};
use crate::park;
use crate::prim::{AtomicU32, Ordering};
use crate::wait::WaitQueue;

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

    /// Raises the flag and lets all go on that wait for it; what the caller did before is visible
    /// to them.
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
        Queued::block(Raising(self));
    }

    /// Waits until the flag is raised, for at most `timeout`; false if it was not.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](SyncFlag::wait).
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        Raised::new(self).wait_timeout(timeout).is_some()
    }

    /// Waits until the flag is raised, until `deadline` at the latest; false if it was not.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](SyncFlag::wait).
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        Raised::new(self).wait_until(deadline).is_some()
    }

    /// Waits until the flag is raised, as a future that any executor can poll.
    pub fn wait_async(&self) -> FlagFuture<'_> {
        OpFuture::new(Raised::new(self))
    }
}

/// The flag's being raised.
struct Raising<'a>(&'a SyncFlag);

impl Queueing for Raising<'_> {
    type Output = ();

    fn kind(&self) -> &'static str {
        "flag"
    }

    fn queue(&self) -> &WaitQueue {
        &self.0.waiters
    }

    #[inline]
    fn attempt(&mut self) -> Option<()> {
        self.0.is_fired().then_some(())
    }

    fn is_ready(&self) -> bool {
        self.0.is_fired()
    }

    #[inline]
    fn spend_budget(&self) {
        park::spend_budget_of_lock();
    }
}

/// Ready when a flag is raised or a token cancelled; from [`SyncFlag::wait_async`] and
/// [`CancelToken::wait_async`](super::CancelToken::wait_async).
pub type FlagFuture<'a> = OpFuture<Raised<'a>>;

operation! {
    /// A flag's being raised, or a token's being cancelled; from [`op::wait`](crate::op::wait).
    pub struct Raised['a]['a] => ()
    as RaisedKind RaisedProjection {
        Raised(Queued<Raising<'a>>),
    }
}

impl<'a> Raised<'a> {
    /// That of one flag.
    #[inline]
    pub(crate) fn new(flag: &'a SyncFlag) -> Raised<'a> {
        let operation = Queued::new(Raising(flag));
        Raised {
            kind: RaisedKind::Raised { operation },
        }
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
