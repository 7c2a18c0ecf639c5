//! Who watches for work while others sleep, and why no seed is overlooked.
//!
//! Seeds are published in places where every worker can find them (deques, mailboxes, the injector), but nobody is told
//! about each one: a call to the operating system per `spawn` would cost more than the spawn. Instead one worker that has
//! nothing to do holds the *watch*: it looks at all seeds, first without pause, then with growing ones. The others sleep.
//!
//! ```text
//!   publisher                               a worker that has nothing to do
//!   a  publish the seed                     1  take the watch, if nobody has it: look for seeds, pause, look ..
//!   b  fence                                2  to sleep: count itself as sleeping, announce the sleep,
//!   c  if nobody has the watch and             give the watch up if it has it; fence
//!      somebody sleeps: give the watch to   3  look once more at the inbox and, if nobody has the watch, at all seeds;
//!      a sleeper and rouse it                  if there is work, take everything back
//!                                           4  sleep
//! ```
//!
//! *Why no seed is overlooked.* Take the moment after a seed was published and the publisher's fence. If somebody holds the
//! watch, he looks at all seeds before he gives it up, and again after (step 3, or [`Idle::release`], whose caller looks
//! and hands the watch on). If nobody holds it and nobody sleeps, every worker will look before it sleeps. If nobody holds
//! it and somebody sleeps, the publisher gives it to him. The races lie between steps *c* and 2; the fences order them: either
//! the publisher sees the sleeper counted and the watch free, or the sleeper, in step 3, sees the seed.
//!
//! The watch is given to a sleeper before its sleep is ended, and ending it is a compare-and-swap that only works on a
//! sleeper: so whoever was woken for the watch sees that it has it. If it turns out that the chosen one has just woken by
//! itself, the watch is taken from it again. It may have believed in it for a moment, which costs nothing but a look at the
//! seeds; but another worker may have gone to sleep because somebody seemed to watch, so the publisher looks for sleepers once
//! more.
//!
//! The holder of the watch pauses while seeds are unripe or others run, and goes to sleep like everybody when all others
//! sleep and there is no seed: an idle process uses no processor time at all. A runtime with one worker has nobody to
//! watch, and skips all this.

use crate::coroutine::sleep::SleepState;
use crate::prim::{AtomicUsize, Ordering, fence};

/// Nobody has the watch.
const NOBODY: usize = 0;

/// Who may want to steal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thieves {
    /// Nobody: all are busy.
    None,
    /// Whoever has the watch.
    Awake,
    /// Those who sleep; whoever publishes a seed wakes one.
    Asleep,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Idle {
    /// One more than the index of the worker that has the watch.
    watcher: AtomicUsize,
    /// How many workers sleep, or are about to.
    sleeping: AtomicUsize,
}

impl Idle {
    /// Nobody sleeps and nobody watches.
    pub(crate) fn new() -> Idle {
        Idle {
            watcher: AtomicUsize::new(NOBODY),
            sleeping: AtomicUsize::new(0),
        }
    }

    /// Whether a publisher has to rouse somebody (steps b and c).
    #[inline]
    fn must_rouse(&self) -> bool {
        fence(Ordering::SeqCst);
        self.watcher.load(Ordering::Relaxed) == NOBODY && self.sleeping.load(Ordering::Relaxed) != 0
    }

    /// The index of the worker that has the watch.
    pub(crate) fn watcher(&self) -> Option<usize> {
        self.watcher.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Whether anybody may want to steal.
    #[inline]
    pub(crate) fn thieves(&self) -> Thieves {
        if self.watcher.load(Ordering::Relaxed) != NOBODY {
            Thieves::Awake
        } else if self.sleeping.load(Ordering::Relaxed) != 0 {
            Thieves::Asleep
        } else {
            Thieves::None
        }
    }

    /// Gives the watch to `worker`, for it to find when it wakes; false if somebody has it.
    fn appoint(&self, worker: usize) -> bool {
        self.watcher
            .compare_exchange(NOBODY, worker + 1, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes the watch, or keeps one that was given; false if somebody else has it.
    pub(crate) fn watch(&self, worker: usize) -> bool {
        self.appoint(worker) || self.has_watch(worker)
    }

    /// Whether `worker` has the watch.
    pub(crate) fn has_watch(&self, worker: usize) -> bool {
        self.watcher.load(Ordering::Relaxed) == worker + 1
    }

    /// Gives the watch up, if `worker` has it; true if it had. The caller then looks at all seeds, and if there are any it
    /// takes the watch back or sees that a sleeper gets it.
    pub(crate) fn release(&self, worker: usize) -> bool {
        let had = self
            .watcher
            .compare_exchange(worker + 1, NOBODY, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if had {
            fence(Ordering::SeqCst);
        }
        had
    }

    /// Wakes a worker to look for seeds, if no worker looks and one sleeps (steps b and c). `state` is that of a worker's sleep, `wake`
    /// ends a sleep that `SleepState::notify` has said is to be ended.
    #[inline]
    pub(crate) fn wake_searcher<'a>(
        &self,
        workers: usize,
        state: impl Fn(usize) -> &'a SleepState,
        wake: impl Fn(usize),
    ) {
        if self.must_rouse() {
            self.rouse_one(workers, state, wake);
        }
    }

    /// Gives the watch to a sleeper and wakes it.
    #[cold]
    fn rouse_one<'a>(
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
                    // Somebody has the watch by now.
                    return;
                }
                if state(worker).notify() {
                    return wake(worker);
                }
                // This one has just woken by itself. Meanwhile it seemed to have the watch, and somebody may have gone to sleep
                // on that.
                self.release(worker);
                again = self.must_rouse();
            }
        }
    }

    /// Sleeps, unless there is work (steps 2 to 4). `hand_on` publishes seeds that this worker leaves unwatched because it has
    /// work of its own.
    pub(crate) fn sleep(
        &self,
        worker: usize,
        state: &SleepState,
        has_work: impl Fn() -> bool,
        has_seeds: impl Fn() -> bool,
        hand_on: impl FnOnce(),
        sleep: impl FnOnce(),
    ) {
        self.sleeping.fetch_add(1, Ordering::Relaxed);
        let watched = self.release(worker);
        state.announce();
        if has_work() {
            if watched && has_seeds() {
                hand_on();
            }
        } else if self.watcher().is_some_and(|watcher| watcher != worker) || !has_seeds() {
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
