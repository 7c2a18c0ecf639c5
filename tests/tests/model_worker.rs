//! Models of a worker: its inbox, its sleep, and the search for unstarted coroutines.
//!
//! See `model_wait.rs`.
#![cfg(may_loom)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use may_core::models::{Idle, Inbox, Orders, SleepState};

#[test]
fn an_inbox_keeps_everything_in_order() {
    loom::model(|| {
        let inbox = Arc::new(Inbox::default());
        let producers = [10, 20].map(|first| {
            let inbox = inbox.clone();
            thread::spawn(move || {
                inbox.push(first);
                inbox.push(first + 1);
            })
        });
        let mut taken = inbox.take_all();
        for producer in producers {
            producer.join().unwrap();
        }
        taken.extend(inbox.take_all());
        for first in [10, 20] {
            let of_one: Vec<usize> = taken
                .iter()
                .copied()
                .filter(|text| text / 10 * 10 == first)
                .collect();
            assert_eq!(of_one, [first, first + 1]);
        }
        assert_eq!(taken.len(), 4);
    });
}

/// A worker's home, with the model checker's signal in the place of the operating system's waker.
#[derive(Default)]
struct Home {
    inbox: Inbox,
    sleep: SleepState,
    waker: Signal,
}

/// What ends a sleep, also one that begins only after it was given.
struct Signal(loom::sync::Notify);

impl Default for Signal {
    fn default() -> Signal {
        Signal(loom::sync::Notify::new())
    }
}

impl Home {
    fn send(&self, text: usize) {
        self.inbox.push(text);
        // What `Home::wake_if_asleep` does.
        if self.sleep.notify() {
            self.waker.0.notify();
        }
    }
}

#[test]
fn a_worker_that_falls_asleep_sees_what_was_sent() {
    loom::model(|| {
        let home = Arc::new(Home::default());
        let senders = [1, 2].map(|text| {
            let home = home.clone();
            thread::spawn(move || home.send(text))
        });
        let mut received = 0;
        while received < 2 {
            let letters = home.inbox.take_all();
            received += letters.len();
            if letters.is_empty() {
                home.sleep.announce();
                if home.inbox.is_empty() {
                    home.waker.0.wait();
                }
                home.sleep.end();
            }
        }
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

/// Otherwise a spawner would make a busy worker the searcher, while the one that could search
/// sleeps on.
#[test]
fn a_worker_that_runs_again_is_not_taken_for_one_that_sleeps() {
    loom::model(|| {
        let home = Arc::new(Home::default());
        let for_thread = home.clone();
        let worker = thread::spawn(move || {
            for_thread.sleep.announce();
            for_thread.sleep.end();
        });
        home.sleep.notify();
        worker.join().unwrap();
        assert!(!home.sleep.notify());
    });
}

/// Two workers and the unstarted coroutines that a spawner pushes.
#[derive(Default)]
struct Workers {
    idle: Idle,
    unstarted: AtomicUsize,
    homes: [Home; 2],
}

impl Workers {
    fn has_unstarted(&self) -> bool {
        self.unstarted.load(Ordering::Relaxed) > 0
    }

    fn steal(&self) -> bool {
        let mut unstarted = self.unstarted.load(Ordering::Relaxed);
        while unstarted > 0 {
            match self.unstarted.compare_exchange(
                unstarted,
                unstarted - 1,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(current) => unstarted = current,
            }
        }
        false
    }

    fn wake_searcher(&self) {
        let homes = &self.homes;
        self.idle.wake_searcher(
            2,
            |worker| &homes[worker].sleep,
            |worker| homes[worker].waker.0.notify(),
        );
    }

    fn push(&self) {
        self.unstarted.fetch_add(1, Ordering::Release);
        self.wake_searcher();
    }

    /// An idle worker that looks for one coroutine: as the searcher it looks; otherwise, and when
    /// it has looked, it sleeps.
    fn find_one(&self, worker: usize) {
        loop {
            if self.idle.start_search(worker) && self.steal() {
                if self.idle.stop_search(worker) && self.has_unstarted() {
                    self.wake_searcher();
                }
                return;
            }
            let home = &self.homes[worker];
            self.idle.sleep(
                worker,
                &home.sleep,
                || !home.inbox.is_empty(),
                || self.has_unstarted(),
                || self.wake_searcher(),
                || home.waker.0.wait(),
            );
        }
    }
}

/// Lets `count` workers look for a coroutine each while `unstarted` are pushed.
fn look_and_push(count: usize, unstarted: usize) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 10_000;
    builder.check(move || {
        let workers = Arc::new(Workers::default());
        let threads: Vec<_> = (0..count)
            .map(|worker| {
                let workers = workers.clone();
                thread::spawn(move || workers.find_one(worker))
            })
            .collect();
        for _ in 0..unstarted {
            workers.push();
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(!workers.has_unstarted());
    });
}

#[test]
fn a_coroutine_is_found_by_a_worker_that_falls_asleep() {
    look_and_push(1, 1);
}

#[test]
fn two_coroutines_are_found_by_two_workers_that_fall_asleep() {
    look_and_push(2, 2);
}

/// Pushes a coroutine while the worker is told to stop and `end`s, and asserts that it is ended
/// once.
fn push_at_the_end(end: impl Fn(&Orders, &dyn Fn()) + Send + Sync + 'static) {
    let end = std::sync::Arc::new(end);
    loom::model(move || {
        let place = Arc::new((Orders::default(), Inbox::default(), AtomicUsize::new(0)));
        let for_spawner = place.clone();
        let spawner = thread::spawn(move || {
            let (orders, unstarted, ended) = &*for_spawner;
            unstarted.push(1);
            orders.end_if_unclaimed(|| {
                ended.fetch_add(unstarted.take_all().len(), Ordering::Relaxed);
            });
        });
        let (orders, unstarted, ended) = &*place;
        orders.stop();
        end(orders, &|| {
            ended.fetch_add(unstarted.take_all().len(), Ordering::Relaxed);
        });
        spawner.join().unwrap();
        assert_eq!(ended.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_coroutine_that_is_pushed_when_the_last_worker_goes_ends() {
    push_at_the_end(|orders, take_all| orders.count_out(take_all));
}

#[test]
fn a_coroutine_that_is_pushed_when_workers_are_given_up_ends() {
    push_at_the_end(|orders, take_all| orders.give_up(take_all));
}
