//! Models of a worker: its inbox, its sleep, and the watch over seeds.
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
        // What `Home::rouse` does.
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

/// Else a publisher would give the watch to a worker that is busy, while the one that could look sleeps on.
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

/// Two workers and the seeds that somebody publishes.
#[derive(Default)]
struct Workers {
    idle: Idle,
    seeds: AtomicUsize,
    homes: [Home; 2],
}

impl Workers {
    fn has_seeds(&self) -> bool {
        self.seeds.load(Ordering::Relaxed) > 0
    }

    fn steal(&self) -> bool {
        let mut seeds = self.seeds.load(Ordering::Relaxed);
        while seeds > 0 {
            match self
                .seeds
                .compare_exchange(seeds, seeds - 1, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(current) => seeds = current,
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

    fn publish(&self) {
        self.seeds.fetch_add(1, Ordering::Release);
        self.wake_searcher();
    }

    /// An idle worker that looks for one seed: with the watch it looks, else, and when it has looked, it sleeps.
    fn find_one(&self, worker: usize) {
        loop {
            if self.idle.watch(worker) && self.steal() {
                if self.idle.release(worker) && self.has_seeds() {
                    self.wake_searcher();
                }
                return;
            }
            let home = &self.homes[worker];
            self.idle.sleep(
                worker,
                &home.sleep,
                || !home.inbox.is_empty(),
                || self.has_seeds(),
                || self.wake_searcher(),
                || home.waker.0.wait(),
            );
        }
    }
}

/// Lets `count` workers look for a seed each while `seeds` are published.
fn look_and_publish(count: usize, seeds: usize) {
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
        for _ in 0..seeds {
            workers.publish();
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(!workers.has_seeds());
    });
}

#[test]
fn a_seed_is_found_by_a_worker_that_falls_asleep() {
    look_and_publish(1, 1);
}

#[test]
fn two_seeds_are_found_by_two_workers_that_fall_asleep() {
    look_and_publish(2, 2);
}

/// Publishes a seed while the worker is told to stop and `end`s, and asserts that it is ended once.
fn publish_at_the_end(end: impl Fn(&Orders, &dyn Fn()) + Send + Sync + 'static) {
    let end = std::sync::Arc::new(end);
    loom::model(move || {
        let place = Arc::new((Orders::default(), Inbox::default(), AtomicUsize::new(0)));
        let publishes = place.clone();
        let publisher = thread::spawn(move || {
            let (orders, seeds, ended) = &*publishes;
            seeds.push(1);
            orders.check_for_end(|| {
                ended.fetch_add(seeds.take_all().len(), Ordering::Relaxed);
            });
        });
        let (orders, seeds, ended) = &*place;
        orders.stop();
        end(orders, &|| {
            ended.fetch_add(seeds.take_all().len(), Ordering::Relaxed);
        });
        publisher.join().unwrap();
        assert_eq!(ended.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_seed_that_is_published_when_the_last_worker_goes_ends() {
    publish_at_the_end(|orders, take_all| orders.count_out(take_all));
}

#[test]
fn a_seed_that_is_published_when_workers_are_given_up_ends() {
    publish_at_the_end(|orders, take_all| orders.give_up(take_all));
}
