//! Which worker searches for work while others sleep, and why every unstarted coroutine is found.
//!
//! A spawner pushes an unstarted coroutine into a queue that every worker can reach, but tells no
//! worker of it: a call to the operating system per `spawn` would cost more than the spawn. Instead
//! one idle worker, the *searcher*, looks into all these queues, first without a pause, then with
//! growing pauses. The other idle workers sleep.
//!
//! ```text
//!   spawner                              idle worker
//!   a  push the coroutine                1  become the searcher, if there is none:
//!   b  fence                                look into the queues, pause, look again ..
//!   c  if there is no searcher, and      2  to sleep: count itself as sleeping, announce
//!      a worker sleeps: make a sleeper      the sleep, stop to be the searcher; fence
//!      the searcher and wake it          3  look once more into the inbox and, if there
//!                                           is no searcher, into the queues; if there is
//!                                           work, take everything back
//!                                        4  sleep
//! ```
//!
//! *Why every coroutine is found.* Take the moment after the push and the spawner's fence.
//!
//! * If there is a searcher, it looks into all queues before it stops to be the searcher, and again
//!   afterwards (step 3, or [`Idle::stop_search`], whose caller looks and has another worker
//!   woken).
//! * If there is no searcher and no worker sleeps, every worker looks before it sleeps.
//! * If there is no searcher and a worker sleeps, the spawner makes it the searcher.
//!
//! The races lie between steps *c* and 2, and the fences order them: either the spawner sees that
//! the sleeper is counted and that there is no searcher, or the sleeper sees the coroutine in step
//! 3.
//!
//! The spawner makes a sleeper the searcher before it ends the sleep, by a compare-and-swap that
//! succeeds only on a sleeper. So the worker that wakes sees that it is the searcher. If the chosen
//! worker has just woken by itself, the spawner takes the role away from it again. That worker may
//! have acted as the searcher for a moment, which costs a look into the queues. But another worker
//! may have gone to sleep because there seemed to be a searcher. So the spawner looks for sleepers
//! once more.
//!
//! The searcher pauses while what it finds is too young to be stolen, or while others run. It
//! sleeps when all others sleep and the queues are empty: an idle process uses no processor time. A
//! runtime with one worker needs no searcher, and skips all this.

use crate::coroutine::sleep::SleepState;
use crate::prim::{AtomicUsize, Ordering, fence};

/// There is no searcher.
const NO_WORKER: usize = 0;

/// Whether a worker may want to steal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thieves {
    /// No: all workers are busy.
    None,
    /// The searcher does.
    Awake,
    /// A sleeper may; the spawner wakes one.
    Asleep,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Idle {
    /// One more than the index of the searcher.
    searcher: AtomicUsize,
    /// How many workers sleep, or are about to.
    sleeping: AtomicUsize,
}

impl Idle {
    /// No worker sleeps and none searches.
    pub(crate) fn new() -> Idle {
        Idle {
            searcher: AtomicUsize::new(NO_WORKER),
            sleeping: AtomicUsize::new(0),
        }
    }

    /// Whether a spawner has to wake a worker (steps b and c).
    #[inline]
    fn needs_searcher(&self) -> bool {
        fence(Ordering::SeqCst);
        self.searcher.load(Ordering::Relaxed) == NO_WORKER
            && self.sleeping.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn searcher(&self) -> Option<usize> {
        self.searcher.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Whether a worker may want to steal.
    #[inline]
    pub(crate) fn thieves(&self) -> Thieves {
        if self.searcher.load(Ordering::Relaxed) != NO_WORKER {
            Thieves::Awake
        } else if self.sleeping.load(Ordering::Relaxed) != 0 {
            Thieves::Asleep
        } else {
            Thieves::None
        }
    }

    /// Makes `worker` the searcher; false if there is one.
    fn appoint(&self, worker: usize) -> bool {
        self.searcher
            .compare_exchange(NO_WORKER, worker + 1, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Becomes the searcher, or stays it; false if another worker is.
    pub(crate) fn start_search(&self, worker: usize) -> bool {
        self.appoint(worker) || self.is_searcher(worker)
    }

    pub(crate) fn is_searcher(&self, worker: usize) -> bool {
        self.searcher.load(Ordering::Relaxed) == worker + 1
    }

    /// Stops to be the searcher; false if `worker` is not. The caller then looks into all queues.
    /// If they are not empty it becomes the searcher again, or calls
    /// [`wake_searcher`](Self::wake_searcher).
    pub(crate) fn stop_search(&self, worker: usize) -> bool {
        let was = self
            .searcher
            .compare_exchange(worker + 1, NO_WORKER, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if was {
            fence(Ordering::SeqCst);
        }
        was
    }

    /// Wakes a worker as the searcher, if there is none and a worker sleeps (steps b and c).
    /// `state` is the state of a worker's sleep. `wake` ends the sleep of a worker on which
    /// `SleepState::notify` has returned true.
    #[inline]
    pub(crate) fn wake_searcher<'a>(
        &self,
        workers: usize,
        state: impl Fn(usize) -> &'a SleepState,
        wake: impl Fn(usize),
    ) {
        if self.needs_searcher() {
            self.wake_one(workers, state, wake);
        }
    }

    /// Makes a sleeper the searcher and wakes it.
    #[cold]
    fn wake_one<'a>(
        &self,
        workers: usize,
        state: impl Fn(usize) -> &'a SleepState,
        wake: impl Fn(usize),
    ) {
        let mut again = true;
        while again {
            again = false;
            for worker in (0..workers).filter(|&worker| state(worker).is_asleep()) {
                if !self.appoint(worker) {
                    // There is a searcher by now.
                    return;
                }
                if state(worker).notify() {
                    return wake(worker);
                }
                // This one has just woken by itself. Meanwhile it seemed to be the searcher, and
                // another worker may have gone to sleep because of that.
                self.stop_search(worker);
                again = self.needs_searcher();
            }
        }
    }

    /// Sleeps, unless there is work (steps 2 to 4). `wake_searcher` is called if this worker stops
    /// to search because it has work of its own, and there are unstarted coroutines.
    pub(crate) fn sleep(
        &self,
        worker: usize,
        state: &SleepState,
        has_work: impl Fn() -> bool,
        has_unstarted: impl Fn() -> bool,
        wake_searcher: impl FnOnce(),
        sleep: impl FnOnce(),
    ) {
        self.sleeping.fetch_add(1, Ordering::Relaxed);
        let searched = self.stop_search(worker);
        state.announce();
        if has_work() {
            if searched && has_unstarted() {
                wake_searcher();
            }
        } else if self.searcher().is_some_and(|searcher| searcher != worker) || !has_unstarted() {
            sleep();
        }
        state.end();
        self.sleeping.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether all of `workers` sleep, or are about to and find nothing to do.
    pub(crate) fn all_sleep(&self, workers: usize) -> bool {
        fence(Ordering::SeqCst);
        self.sleeping.load(Ordering::Relaxed) == workers
    }

    /// Whether all of `workers` but the caller sleep.
    pub(crate) fn all_others_sleep(&self, workers: usize) -> bool {
        self.sleeping.load(Ordering::Relaxed) + 1 >= workers
    }
}
