//! What a runtime asks of its workers at its end, and who ends the unstarted coroutines that no
//! worker will take.
//!
//! A coroutine may be spawned at any moment, also by a thread that was admitted before the runtime
//! stopped. Three look for those that are unclaimed: the last worker when it has counted itself
//! out, the caller that gives the workers up, and a spawner afterwards.
//!
//! ```text
//!   spawner                                 the last worker, or the caller that gives up
//!   a  push the coroutine                   1  count itself out (or: say that all are given up)
//!   b  fence                                2  fence
//!   c  if all are out, or given up:         3  end what is left
//!      end what is left
//! ```
//!
//! One of the fences comes first. If it is the spawner's, then 3 sees the coroutine. If it is the
//! other one, then *c* sees what 1 has written. Both may end coroutines at the same time: what one
//! has taken out of a queue the other does not see.

use crate::prim::{AtomicU32, AtomicUsize, Ordering, fence};

/// Spawning is refused. What lives is cancelled.
const STOPPING: u32 = 1;
/// Workers whose coroutines have not ended park and never return (R9).
const GIVEN_UP: u32 = 2;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Orders {
    /// Each is set once.
    given: AtomicU32,
    /// How many workers have not ended.
    running: AtomicUsize,
}

impl Orders {
    pub(crate) fn new() -> Orders {
        Orders {
            given: AtomicU32::new(0),
            running: AtomicUsize::new(0),
        }
    }

    /// Counts a worker that is about to start.
    pub(crate) fn count_in(&self) {
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one out that could not start. Nothing was spawned yet.
    pub(super) fn uncount(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether spawning is refused.
    #[inline]
    pub(crate) fn is_stopping(&self) -> bool {
        self.given.load(Ordering::Relaxed) & STOPPING != 0
    }

    /// Whether workers park and never return, instead of waiting for their coroutines.
    pub(crate) fn is_given_up(&self) -> bool {
        self.given.load(Ordering::Relaxed) & GIVEN_UP != 0
    }

    pub(crate) fn have_ended(&self) -> bool {
        self.running.load(Ordering::Acquire) == 0
    }

    /// Asks all workers to end. They look into the queues after they have seen this.
    pub(crate) fn stop(&self) {
        self.given.fetch_or(STOPPING, Ordering::SeqCst);
    }

    /// Gives the workers up (steps 1 to 3).
    pub(crate) fn give_up(&self, end_unclaimed: impl FnOnce()) {
        self.given.fetch_or(GIVEN_UP, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        end_unclaimed();
    }

    /// Counts a worker out that has ended (steps 1 to 3).
    pub(crate) fn count_out(&self, end_unclaimed: impl FnOnce()) {
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            fence(Ordering::SeqCst);
            end_unclaimed();
        }
    }

    /// Ends what no worker will take, for a caller that has pushed a coroutine (steps b and c).
    pub(crate) fn end_if_unclaimed(&self, end_unclaimed: impl FnOnce()) {
        fence(Ordering::SeqCst);
        if self.is_stopping() && (self.have_ended() || self.is_given_up()) {
            end_unclaimed();
        }
    }
}
