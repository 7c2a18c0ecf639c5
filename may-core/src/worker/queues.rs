//! The queues of unstarted coroutines, from which any worker may take.
//!
//! Only unstarted coroutines change workers (I1), so the load is balanced by where they start.
//! There are two aims. Coroutines that talk to each other should start together: on two workers
//! each message costs a wake-up across threads. And no coroutine should wait behind a busy worker.
//!
//! * **Deque** (crossbeam-deque; Chase and Lev 2005): what a worker's own coroutines spawn. The
//!   owner takes the newest, because children then end before their parents' siblings start, and a
//!   tree of a million coroutines needs a handful of stacks. Now and then it takes the oldest, so
//!   that none starves. Thieves take the oldest, if it is older than [`STEAL_AGE`], or than
//!   [`PAIR_STEAL_AGE`] if there are only two. So a pair that was just spawned stays together, and
//!   a backlog is stolen at once.
//! * **Assigned queue**: what others have assigned to this worker because it had the fewest live
//!   coroutines, or nothing to do while they had several that wait. A worker that has fewer still
//!   may steal it, and any worker after [`ASSIGNED_STEAL_AGE`]: the next thief must not undo an
//!   assignment.
//! * **Global queue**: what plain threads spawn.
//!
//! A thief cannot look at the coroutines in a deque, so the owner publishes since when it has had
//! something: it sets the time when it pushes into the empty deque and when it takes the oldest.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_deque::{Injector, Steal, Stealer, Worker};

use super::idle::Thieves;
use crate::coroutine::header::Header;
use crate::util::clock;

/// How old a coroutine is before another worker than its spawner's may take it.
const STEAL_AGE: Duration = Duration::from_micros(5);
/// How many coroutines may belong together.
const PAIR: usize = 2;
/// How old one of a pair is before another worker may take it: code that runs for the first time
/// takes that long to spawn the second and to start both.
const PAIR_STEAL_AGE: Duration = Duration::from_micros(100);
/// How much later its age may begin if its spawner wakes a thief; more if the spawner loses the
/// processor meanwhile.
const WAKE_TIME: Duration = Duration::from_micros(100);
/// How old a coroutine is before any worker may take it from the one to which it is assigned.
const ASSIGNED_STEAL_AGE: Duration = Duration::from_millis(1);

/// A coroutine that has not started, together with the runtime's reference to it.
#[derive(Debug)]
pub(crate) struct Unstarted(pub(crate) NonNull<Header>);

// SAFETY: (R2) only coroutines whose closure is `Send` get here.
unsafe impl Send for Unstarted {}

/// What an attempt to steal from another worker's queues found.
pub(crate) enum StealResult {
    /// A coroutine; the thief's deque may have got more.
    Success(Unstarted),
    /// Coroutines that may not be stolen yet.
    TooYoung,
    /// Nothing.
    Empty,
}

/// One worker's queues of unstarted coroutines, as all workers see them.
#[derive(Debug)]
pub(crate) struct UnstartedQueues {
    stealer: Stealer<Unstarted>,
    /// Since when the deque has had something.
    since: AtomicU64,
    assigned_queue: Injector<Unstarted>,
    /// How many coroutines are in the assigned queue.
    assigned: AtomicUsize,
    /// Since when the assigned queue has had something.
    assigned_since: AtomicU64,
}

impl UnstartedQueues {
    /// The queues of the worker that owns `deque`.
    pub(crate) fn new(deque: &Worker<Unstarted>) -> UnstartedQueues {
        UnstartedQueues {
            stealer: deque.stealer(),
            since: AtomicU64::new(0),
            assigned_queue: Injector::new(),
            assigned: AtomicUsize::new(0),
            assigned_since: AtomicU64::new(0),
        }
    }

    /// Pushes a coroutine onto the owner's deque. True if the owner has to wake a thief, and to
    /// call [`restart_age`](Self::restart_age) afterwards. Owner only.
    ///
    /// The age matters only if there are `thieves`. (To read the clock costs as much as the rest of
    /// a spawn.) It begins when the owner has woken the thief: that takes longer than
    /// [`STEAL_AGE`], and the coroutine that is spawned next, to talk to this one, should start on
    /// the same worker.
    #[inline]
    pub(crate) fn push(
        &self,
        deque: &Worker<Unstarted>,
        unstarted: Unstarted,
        thieves: Thieves,
    ) -> bool {
        let is_timed = thieves != Thieves::None && deque.is_empty();
        let must_wake = is_timed && thieves == Thieves::Asleep;
        if is_timed {
            let held_back = if must_wake { WAKE_TIME } else { Duration::ZERO };
            let since = clock::now() + held_back.as_nanos() as u64;
            self.since.store(since, Ordering::Relaxed);
        }
        deque.push(unstarted);
        must_wake
    }

    /// Counts the age of what is in the deque from now on. Owner only.
    pub(crate) fn restart_age(&self) {
        self.since.store(clock::now(), Ordering::Relaxed);
    }

    /// Takes the oldest from the owner's deque. Owner only.
    pub(crate) fn take_oldest(&self) -> Option<Unstarted> {
        let taken = retry(|| self.stealer.steal());
        self.restart_age();
        taken
    }

    pub(crate) fn assign(&self, unstarted: Unstarted) {
        if self.assigned.fetch_add(1, Ordering::Relaxed) == 0 {
            self.assigned_since.store(clock::now(), Ordering::Relaxed);
        }
        self.assigned_queue.push(unstarted);
    }

    /// How many assigned coroutines were not taken yet.
    pub(crate) fn assigned(&self) -> usize {
        self.assigned.load(Ordering::Relaxed)
    }

    /// Takes a coroutine that was assigned to this worker.
    pub(crate) fn take_assigned(&self) -> Option<Unstarted> {
        if self.assigned_queue.is_empty() {
            return None;
        }
        let taken = retry(|| self.assigned_queue.steal())?;
        self.assigned.fetch_sub(1, Ordering::Relaxed);
        Some(taken)
    }

    /// Takes a coroutine of any age; for a runtime that has stopped.
    pub(crate) fn take_any(&self) -> Option<Unstarted> {
        retry(|| self.stealer.steal()).or_else(|| self.take_assigned())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.stealer.is_empty() && self.assigned_queue.is_empty()
    }

    /// Steals from this worker, the victim: one coroutine as the result, perhaps more into the
    /// thief's `deque`.
    ///
    /// `surplus` is by how many coroutines the victim's load is larger than the thief's. The thief
    /// takes half of that, at least one.
    pub(crate) fn steal(&self, deque: &Worker<Unstarted>, surplus: isize, now: u64) -> StealResult {
        let mut too_young = false;
        if !self.stealer.is_empty() {
            if is_older(&self.since, steal_age(self.stealer.len()), now) {
                let limit = usize::try_from(surplus / 2).unwrap_or(0).max(1);
                let taken = retry(|| self.stealer.steal_batch_with_limit_and_pop(deque, limit));
                if let Some(taken) = taken {
                    return StealResult::Success(taken);
                }
            }
            too_young = true;
        }
        if !self.assigned_queue.is_empty() {
            if (surplus > 1 || is_older(&self.assigned_since, ASSIGNED_STEAL_AGE, now))
                && let Some(taken) = self.take_assigned()
            {
                self.assigned_since.store(now, Ordering::Relaxed);
                return StealResult::Success(taken);
            }
            too_young = true;
        }
        if too_young {
            StealResult::TooYoung
        } else {
            StealResult::Empty
        }
    }
}

/// What plain threads have spawned, for the worker that is free first.
///
/// A thread that spawns a pair which will talk to each other wakes a worker for the first one. The
/// second should start there, too. So what comes next belongs for [`PAIR_STEAL_AGE`] to the worker
/// that took last, or for [`STEAL_AGE`] if it is a backlog; and to no worker at first.
#[derive(Debug)]
pub(crate) struct GlobalQueue {
    queue: Injector<Unstarted>,
    /// The worker that took last, and when.
    taker: AtomicUsize,
    taken: AtomicU64,
}

impl GlobalQueue {
    pub(crate) fn new() -> GlobalQueue {
        GlobalQueue {
            queue: Injector::new(),
            taker: AtomicUsize::new(usize::MAX),
            taken: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn push(&self, unstarted: Unstarted) {
        self.queue.push(unstarted);
    }

    /// Takes coroutines for `worker`, if they are old enough for it or `any_age` is: one as the
    /// result, perhaps more into the worker's `deque`.
    #[inline]
    pub(crate) fn take(
        &self,
        worker: usize,
        deque: &Worker<Unstarted>,
        any_age: bool,
    ) -> Option<Unstarted> {
        if self.queue.is_empty() {
            None
        } else {
            self.take_some(worker, deque, any_age)
        }
    }

    /// The half of [`GlobalQueue::take`] that finds something.
    fn take_some(
        &self,
        worker: usize,
        deque: &Worker<Unstarted>,
        any_age: bool,
    ) -> Option<Unstarted> {
        let now = clock::now();
        let mine = any_age || self.taker.load(Ordering::Relaxed) == worker;
        if !mine && !is_older(&self.taken, steal_age(self.queue.len()), now) {
            return None;
        }
        let taken = retry(|| self.queue.steal_batch_and_pop(deque))?;
        self.taken.store(now, Ordering::Relaxed);
        self.taker.store(worker, Ordering::Relaxed);
        Some(taken)
    }

    /// Takes one coroutine of any age; for a runtime that has stopped.
    pub(crate) fn take_any(&self) -> Option<Unstarted> {
        retry(|| self.queue.steal())
    }
}

/// How old the oldest of `count` coroutines is before a worker to which they do not belong may take
/// it.
fn steal_age(count: usize) -> Duration {
    match count {
        0..=PAIR => PAIR_STEAL_AGE,
        _ => STEAL_AGE,
    }
}

/// Whether something that is there since `since` is at least of this `age`.
fn is_older(since: &AtomicU64, age: Duration, now: u64) -> bool {
    let since = since.load(Ordering::Relaxed);
    now.saturating_sub(since) >= age.as_nanos() as u64
}

/// Repeats an attempt while another thief gets in its way.
fn retry<T>(mut steal: impl FnMut() -> Steal<T>) -> Option<T> {
    loop {
        match steal() {
            Steal::Success(value) => return Some(value),
            Steal::Empty => return None,
            Steal::Retry => {}
        }
    }
}
