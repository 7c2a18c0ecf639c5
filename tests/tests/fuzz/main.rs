//! Fuzzers: random operations on one thing, beside a model of it that is simple enough to be seen
//! to be right.
//!
//! All is on one worker. Each operation that may wait is a coroutine of its own; after each
//! operation all others get turns until nothing changes, and then model and thing must say the
//! same: who still waits, and what the others have got. So a seed that fails fails each time.
//! `MAY_FUZZ_SECONDS` says for how long, `MAY_TEST_SEED` takes up one seed.

mod channel;
mod semaphore;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

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

    /// Gives all of them turns, and returns the results of those that have ended; none if they were
    /// cancelled.
    fn settle(&mut self) -> Vec<(usize, Option<T>)> {
        /// More than a wake-up that leads to another one takes.
        const TURNS: usize = 6;
        while self.begun.load(SeqCst) < self.next {
            coroutine::yield_now();
        }
        (0..TURNS).for_each(|_| coroutine::yield_now());
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
fn semaphores() {
    on_one_worker("semaphores", semaphore::round);
}
