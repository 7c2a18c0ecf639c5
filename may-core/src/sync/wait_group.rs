//! Waiting until a number of others are done.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::sync_flag::SyncFlag;

/// Waits until all its clones are dropped; with the methods of crossbeam's `WaitGroup`.
///
/// # Examples
///
/// ```
/// use may::{coroutine::spawn, sync::WaitGroup};
///
/// let group = WaitGroup::new();
/// for _ in 0..4 {
///     let member = group.clone();
///     spawn(move || {
///         // work
///         drop(member);
///     });
/// }
/// group.wait();
/// ```
pub struct WaitGroup {
    members: Arc<Members>,
}

/// What the clones share; the last of them fires the flag when it is dropped.
struct Members {
    done: Arc<SyncFlag>,
}

impl Drop for Members {
    fn drop(&mut self) {
        self.done.fire();
    }
}

impl WaitGroup {
    /// Makes a group of one.
    #[must_use]
    pub fn new() -> WaitGroup {
        WaitGroup {
            members: Arc::new(Members {
                done: Arc::new(SyncFlag::new()),
            }),
        }
    }

    /// Leaves the group, and waits until all others have done so. What they did before is visible
    /// then.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine that would have to wait unwinds here; it has left the group.
    pub fn wait(self) {
        self.leave().wait();
    }

    /// As [`wait`](WaitGroup::wait), for at most `timeout`; false if others were still there.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](WaitGroup::wait).
    pub fn wait_timeout(self, timeout: Duration) -> bool {
        self.leave().wait_timeout(timeout)
    }

    /// As [`wait`](WaitGroup::wait), until `deadline` at the latest; false if others were still
    /// there.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](WaitGroup::wait).
    pub fn wait_deadline(self, deadline: Instant) -> bool {
        self.leave().wait_deadline(deadline)
    }

    /// As [`wait`](WaitGroup::wait), as a future that any executor can poll. The group is left by
    /// this call, not by the first poll.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{coroutine::spawn, future::block_on, sync::WaitGroup};
    ///
    /// let group = WaitGroup::new();
    /// let member = group.clone();
    /// spawn(move || drop(member));
    /// block_on(group.wait_async());
    /// ```
    pub fn wait_async(self) -> impl Future<Output = ()> + Send + 'static {
        let done = self.leave();
        async move { done.wait_async().await }
    }

    /// Leaves the group, and returns what the last one will fire: to wait for it as an arm of a
    /// `select!`.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::sync::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// let member = group.clone();
    /// let all = group.leave();
    /// assert!(!all.is_fired());
    /// drop(member);
    /// all.wait();
    /// ```
    #[must_use = "`drop` leaves the group, too"]
    pub fn leave(self) -> Arc<SyncFlag> {
        self.members.done.clone()
    }
}

impl Clone for WaitGroup {
    fn clone(&self) -> WaitGroup {
        WaitGroup {
            members: self.members.clone(),
        }
    }
}

impl Default for WaitGroup {
    fn default() -> WaitGroup {
        WaitGroup::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup")
            .field("count", &Arc::strong_count(&self.members))
            .finish()
    }
}
