//! A worker's seeds as other workers see them.
//!
//! A *seed* is a coroutine that has not started. Only seeds change workers (I1), so balance comes from choosing well where
//! they start. Two wishes pull against each other: coroutines that talk to each other should start together, since on
//! two workers each message costs a wake-up across threads; and no seed should wait behind a busy worker.
//!
//! * **Deque** (crossbeam-deque; Chase and Lev 2005): what a worker spawns for itself. The owner takes the newest,
//!   because children then end before their parents' siblings start and a tree of a million needs a handful of stacks; now
//!   and then it takes the oldest, so that no seed starves. Thieves take the oldest, but only what has waited: a seed
//!   younger than [`RIPE`] is left to its owner, so a freshly spawned pair stays together while a backlog, or the seeds of a
//!   worker that computes, are taken at once.
//! * **Mailbox**: seeds placed with this worker by others, because it had the fewest live coroutines. Robbed only by a
//!   worker that has fewer still, or by anybody after [`MAILBOX_RIPE`]: a placement must not be undone by the next thief.
//!
//! The deque cannot be peeked, so it publishes since when it has had something: the time is set when a seed comes into
//! the empty deque and whenever the oldest one is taken.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_deque::{Injector, Steal, Stealer, Worker};

use super::idle::Thieves;
use crate::coroutine::header::Header;
use crate::util::clock;

/// How long a seed belongs to the worker that spawned it.
const RIPE: Duration = Duration::from_micros(5);
/// How long waking a thief may hold a seed back, at most: its owner may lose the processor meanwhile.
const WAKING: Duration = Duration::from_micros(100);
/// How long a placed seed belongs to the worker with which it was placed.
const MAILBOX_RIPE: Duration = Duration::from_millis(1);

/// A coroutine that has not started, together with the runtime's reference to it.
#[derive(Debug)]
pub(crate) struct Seed(pub(crate) NonNull<Header>);

// SAFETY: (docs/safety.md, R2) only coroutines whose closure is `Send` become seeds.
unsafe impl Send for Seed {}

/// What a look at somebody's seeds found.
pub(crate) enum Robbed {
    /// A seed; perhaps more have come into the thief's deque.
    Seed(Seed),
    /// Seeds that belong to their owner for another while.
    Unripe,
    /// Nothing.
    Nothing,
}

/// The side of a worker's seeds that all workers see.
#[derive(Debug)]
pub(crate) struct Seeds {
    stealer: Stealer<Seed>,
    /// Since when the deque has had something.
    since: AtomicU64,
    mailbox: Injector<Seed>,
    /// How many seeds are in the mailbox.
    placed: AtomicUsize,
    /// Since when the mailbox has had something.
    placed_since: AtomicU64,
}

impl Seeds {
    /// The seeds of the worker that owns `deque`.
    pub(crate) fn new(deque: &Worker<Seed>) -> Seeds {
        Seeds {
            stealer: deque.stealer(),
            since: AtomicU64::new(0),
            mailbox: Injector::new(),
            placed: AtomicUsize::new(0),
            placed_since: AtomicU64::new(0),
        }
    }

    /// Pushes a seed onto the owner's deque; true if a thief has to be woken for it, and [`restart_age`](Self::restart_age) is to be
    /// called when that has been done. Owner only.
    ///
    /// The age of a seed matters only if there are `thieves`. (The clock costs as much as the rest of a spawn.) It does not count while
    /// the owner wakes one: that takes longer than a seed takes to ripen, and one that is spawned next, to talk to this one, is to start
    /// where this one does.
    #[inline]
    pub(crate) fn push(&self, deque: &Worker<Seed>, seed: Seed, thieves: Thieves) -> bool {
        let is_timed = thieves != Thieves::None && deque.is_empty();
        let must_wake = is_timed && thieves == Thieves::Asleep;
        if is_timed {
            let held_back = if must_wake { WAKING } else { Duration::ZERO };
            let since = clock::now() + held_back.as_nanos() as u64;
            self.since.store(since, Ordering::Relaxed);
        }
        deque.push(seed);
        must_wake
    }

    /// Counts the age of the deque's seeds from now on. Owner only.
    pub(crate) fn restart_age(&self) {
        self.since.store(clock::now(), Ordering::Relaxed);
    }

    /// Takes the owner's oldest seed. Owner only.
    pub(crate) fn take_oldest(&self) -> Option<Seed> {
        let seed = retry(|| self.stealer.steal());
        self.restart_age();
        seed
    }

    /// Places a seed with this worker.
    pub(crate) fn place(&self, seed: Seed) {
        if self.placed.fetch_add(1, Ordering::Relaxed) == 0 {
            self.placed_since.store(clock::now(), Ordering::Relaxed);
        }
        self.mailbox.push(seed);
    }

    /// How many seeds were placed with this worker and not yet taken.
    pub(crate) fn placed(&self) -> usize {
        self.placed.load(Ordering::Relaxed)
    }

    /// Takes a seed that was placed with this worker.
    pub(crate) fn take_placed(&self) -> Option<Seed> {
        if self.mailbox.is_empty() {
            return None;
        }
        let seed = retry(|| self.mailbox.steal())?;
        self.placed.fetch_sub(1, Ordering::Relaxed);
        Some(seed)
    }

    /// Takes a seed from any worker; for a runtime that has stopped.
    pub(crate) fn take_any(&self) -> Option<Seed> {
        retry(|| self.stealer.steal()).or_else(|| self.take_placed())
    }

    /// Whether there is nothing for anybody.
    pub(crate) fn is_empty(&self) -> bool {
        self.stealer.is_empty() && self.mailbox.is_empty()
    }

    /// Takes seeds from another worker: one as the result, more into `deque`.
    ///
    /// `surplus`: how many live coroutines and seeds the victim has more than the thief, negative if fewer; half of it is
    /// taken, at least one.
    pub(crate) fn rob(&self, deque: &Worker<Seed>, surplus: isize, now: u64) -> Robbed {
        let mut unripe = false;
        if !self.stealer.is_empty() {
            if is_ripe(&self.since, RIPE, now) {
                let limit = usize::try_from(surplus / 2).unwrap_or(0).max(1);
                let seed = retry(|| self.stealer.steal_batch_with_limit_and_pop(deque, limit));
                if let Some(seed) = seed {
                    return Robbed::Seed(seed);
                }
            }
            unripe = true;
        }
        if !self.mailbox.is_empty() {
            if (surplus > 1 || is_ripe(&self.placed_since, MAILBOX_RIPE, now))
                && let Some(seed) = self.take_placed()
            {
                self.placed_since.store(now, Ordering::Relaxed);
                return Robbed::Seed(seed);
            }
            unripe = true;
        }
        if unripe {
            Robbed::Unripe
        } else {
            Robbed::Nothing
        }
    }
}

/// Seeds from outside, for whoever is free first.
///
/// A thread that spawns a pair which will talk to each other wakes a worker with the first one. So that the second starts
/// there, too, what is left belongs for [`RIPE`] to the worker that took last, and to nobody at first.
#[derive(Debug)]
pub(crate) struct Injected {
    seeds: Injector<Seed>,
    /// Since when there has been something, or something is left.
    since: AtomicU64,
    /// The worker that took last.
    taker: AtomicUsize,
}

impl Injected {
    /// No seeds.
    pub(crate) fn new() -> Injected {
        Injected {
            seeds: Injector::new(),
            since: AtomicU64::new(0),
            taker: AtomicUsize::new(usize::MAX),
        }
    }

    /// Whether there is nothing for anybody.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.seeds.is_empty()
    }

    /// Adds a seed.
    pub(crate) fn push(&self, seed: Seed) {
        if self.seeds.is_empty() {
            self.since.store(clock::now(), Ordering::Relaxed);
        }
        self.seeds.push(seed);
    }

    /// Takes seeds for `worker`, if they are ripe for it, or in any case in a `hurry`: one as the result, more into its
    /// `deque`.
    #[inline]
    pub(crate) fn take(&self, worker: usize, deque: &Worker<Seed>, hurry: bool) -> Option<Seed> {
        if self.seeds.is_empty() {
            None
        } else {
            self.take_ripe(worker, deque, hurry)
        }
    }

    /// The half of [`Injected::take`] that finds something.
    fn take_ripe(&self, worker: usize, deque: &Worker<Seed>, hurry: bool) -> Option<Seed> {
        let now = clock::now();
        let mine = hurry || self.taker.load(Ordering::Relaxed) == worker;
        if !mine && !is_ripe(&self.since, RIPE, now) {
            return None;
        }
        let seed = retry(|| self.seeds.steal_batch_and_pop(deque))?;
        self.since.store(now, Ordering::Relaxed);
        self.taker.store(worker, Ordering::Relaxed);
        Some(seed)
    }

    /// Takes one seed, ripe or not; for a runtime that has stopped.
    pub(crate) fn take_any(&self) -> Option<Seed> {
        retry(|| self.seeds.steal())
    }
}

/// Whether something that is there since `since` has waited for `long`.
fn is_ripe(since: &AtomicU64, long: Duration, now: u64) -> bool {
    let since = since.load(Ordering::Relaxed);
    now.saturating_sub(since) >= long.as_nanos() as u64
}

/// Repeats a theft that another thief got in the way of.
fn retry<T>(mut steal: impl FnMut() -> Steal<T>) -> Option<T> {
    loop {
        match steal() {
            Steal::Success(value) => return Some(value),
            Steal::Empty => return None,
            Steal::Retry => {}
        }
    }
}
