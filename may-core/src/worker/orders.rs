//! What a runtime asks of its workers at its end, and who ends the seeds that nobody will take.
//!
//! A seed may be published at any moment, also by a thread that was admitted before the runtime stopped. Three look for those that are
//! left: the last worker when it has counted itself out, the caller that gives the workers up, and a caller that publishes a seed afterwards.
//!
//! ```text
//!   publisher                               the last worker, or who gives up
//!   a  publish the seed                     1  count itself out (or: say that all are given up)
//!   b  fence                                2  fence
//!   c  if all are out, or given up:         3  end what is left
//!      end what is left
//! ```
//!
//! One of the fences comes first. If it is the publisher's, then 3 sees the seed; if it is the other one, then *c* sees what 1 has
//! written. Both may end seeds at the same time: what one has taken out of its place the other does not see.

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
    /// No orders, and no workers yet.
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

    /// Counts one out that could not start: no seed was published yet.
    pub(super) fn did_not_start(&self) {
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

    /// Whether all workers have ended.
    pub(crate) fn have_ended(&self) -> bool {
        self.running.load(Ordering::Acquire) == 0
    }

    /// Asks all workers to end. They look for seeds after they have seen this.
    pub(crate) fn stop(&self) {
        self.given.fetch_or(STOPPING, Ordering::SeqCst);
    }

    /// Gives the workers up (steps 1 to 3).
    pub(crate) fn give_up(&self, end_left_behind: impl FnOnce()) {
        self.given.fetch_or(GIVEN_UP, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        end_left_behind();
    }

    /// Counts a worker out that has ended (steps 1 to 3).
    pub(crate) fn count_out(&self, end_left_behind: impl FnOnce()) {
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            fence(Ordering::SeqCst);
            end_left_behind();
        }
    }

    /// Ends what is left, if no worker will take it, for a caller that has published a seed (steps b and c).
    pub(crate) fn check_for_end(&self, end_left_behind: impl FnOnce()) {
        fence(Ordering::SeqCst);
        if self.is_stopping() && (self.have_ended() || self.is_given_up()) {
            end_left_behind();
        }
    }
}
