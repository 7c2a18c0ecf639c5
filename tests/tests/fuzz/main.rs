//! Fuzzers: random operations on one thing, beside a model of it that is simple enough to be seen
//! to be right.
//!
//! All is on one worker. Each operation that may wait is a coroutine of its own; after each
//! operation all others get turns until nothing changes, and then model and thing must say the
//! same: who still waits, and what the others have got. So a seed that fails fails each time.
//! `MAY_FUZZ_SECONDS` says for how long, `MAY_TEST_SEED` takes up one seed.

mod channel;
mod condvar;
mod mutex;
mod rwlock;
mod scope;
mod semaphore;
mod timer;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LockResult, Mutex, PoisonError};
use std::time::Duration;

use may::channel::{Receiver, Sender, bounded};
use may::coroutine::{self, Cancelled, JoinHandle};
use may_core::park;
use may_tests::{Random, end, eventually, fuzz, runtime, watchdog_of};

/// The coroutines that each carry out one operation, by number.
struct Waiters<T> {
    handles: BTreeMap<usize, JoinHandle<T>>,
    next: usize,
    begun: Arc<AtomicUsize>,
}

impl<T: Send + 'static> Waiters<T> {
    fn new() -> Waiters<T> {
        Waiters {
            handles: BTreeMap::new(),
            next: 0,
            begun: Arc::default(),
        }
    }

    /// Starts an operation; returns its number.
    fn start(&mut self, operation: impl FnOnce() -> T + Send + 'static) -> usize {
        let number = self.next;
        self.next += 1;
        let begun = self.begun.clone();
        let operation = move || {
            begun.fetch_add(1, SeqCst);
            operation()
        };
        self.handles.insert(number, coroutine::spawn(operation));
        number
    }

    /// Gives all of them turns.
    fn give_turns(&self) {
        /// More than a wake-up that leads to another one takes.
        const TURNS: usize = 6;
        while self.begun.load(SeqCst) < self.next {
            coroutine::yield_now();
        }
        // Each may be woken by the one before it.
        (0..TURNS + self.handles.len()).for_each(|_| coroutine::yield_now());
    }

    /// Gives all of them turns, and returns the results of those that have ended; none if they were
    /// cancelled.
    fn settle(&mut self) -> Vec<(usize, Option<T>)> {
        self.give_turns();
        let ended: Vec<usize> = self
            .handles
            .iter()
            .filter(|(_, handle)| handle.is_finished())
            .map(|(number, _)| *number)
            .collect();
        let join = |number: usize| {
            let handle = self.handles.remove(&number).expect("it was there");
            match handle.join() {
                Ok(value) => (number, Some(value)),
                Err(payload) if payload.is::<Cancelled>() => (number, None),
                Err(payload) => std::panic::resume_unwind(payload),
            }
        };
        ended.into_iter().map(join).collect()
    }

    fn cancel(&self, number: usize) {
        self.handles[&number].cancel();
    }

    /// Who still waits.
    fn waiting(&self) -> Vec<usize> {
        self.handles.keys().copied().collect()
    }
}

/// The operations that hold something now. Each keeps it until it is told how to give it back, or
/// is cancelled.
struct Holders<How> {
    inside: Arc<Mutex<BTreeSet<usize>>>,
    tell: BTreeMap<usize, Sender<How>>,
}

impl<How> Holders<How> {
    fn new() -> Holders<How> {
        Holders {
            inside: Arc::default(),
            tell: BTreeMap::new(),
        }
    }

    /// The place of the operation with this number, which enters it when it has what it wants.
    fn place(&mut self, number: usize) -> Place<How> {
        let (tell, told) = bounded(1);
        self.tell.insert(number, tell);
        Place {
            number,
            inside: self.inside.clone(),
            told,
        }
    }

    /// Tells a holder how to give back what it holds.
    fn tell(&self, number: usize, how: How) {
        let told = self.tell[&number].try_send(how);
        assert!(told.is_ok(), "{number} is told once");
    }

    /// The numbers of those that hold it.
    fn inside(&self) -> BTreeSet<usize> {
        self.inside.lock().expect("nothing panics here").clone()
    }
}

/// Where one operation is while it holds something.
struct Place<How> {
    number: usize,
    inside: Arc<Mutex<BTreeSet<usize>>>,
    told: Receiver<How>,
}

impl<How> Place<How> {
    /// Waits until the holder is told what to do with what it holds.
    fn stay(&self) -> How {
        self.change(|inside| inside.insert(self.number));
        self.told
            .recv()
            .expect("the one that fuzzes has the sender")
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<usize>) -> bool) {
        change(&mut self.inside.lock().expect("nothing panics here"));
    }
}

impl<How> Drop for Place<How> {
    fn drop(&mut self) {
        self.change(|inside| inside.remove(&self.number));
    }
}

/// One of the numbers, if there are any.
fn one_of(random: &mut Random, numbers: &BTreeSet<usize>) -> Option<usize> {
    let index = random.below(numbers.len().max(1) as u64);
    numbers.iter().nth(index as usize).copied()
}

/// The guard, whether or not the lock is poisoned.
fn guard<T>(result: LockResult<T>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

/// Drops a value while a panic unwinds, which prints no message.
fn drop_in_panic<T>(value: T) {
    let panics = AssertUnwindSafe(move || {
        let _value = value;
        resume_unwind(Box::new("a panic of the fuzzer's"))
    });
    assert!(catch_unwind::<_, ()>(panics).is_err());
}

/// Fuzzes on one worker; each round leaves no timer and no coroutine.
fn on_one_worker(target: &str, round: fn(Random)) {
    let runtime = runtime(1);
    runtime.run(|| {
        let before = (park::timers(), park::coroutines());
        fuzz(target, |random| {
            let _watchdog = watchdog_of(target.to_owned(), Duration::from_secs(60));
            round(random);
            eventually("nothing is left behind", || {
                (park::timers(), park::coroutines()) == before
            });
        });
    });
    end(runtime);
}

#[test]
fn channels() {
    on_one_worker("channels", channel::round);
}

#[test]
fn condvars() {
    on_one_worker("condvars", condvar::round);
}

#[test]
fn mutexes() {
    on_one_worker("mutexes", mutex::round);
}

#[test]
fn rwlocks() {
    on_one_worker("rwlocks", rwlock::round);
}

#[test]
fn scopes() {
    on_one_worker("scopes", scope::round);
}

#[test]
fn semaphores() {
    on_one_worker("semaphores", semaphore::round);
}

#[test]
fn timers() {
    on_one_worker("timers", timer::round);
}
