//! Models of a worker: its inbox, its sleep, and the watch over seeds.
//!
//! See `model_wait.rs`.
#![cfg(may_loom)]
#![expect(missing_docs, reason = "a test has no interface")]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use may_core::models::{Idle, Inbox, SleepState};

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
            let of_one: Vec<usize> =
                taken.iter().copied().filter(|text| text / 10 * 10 == first).collect();
            assert_eq!(of_one, [first, first + 1]);
        }
        assert_eq!(taken.len(), 4);
    });
}

/// A worker's home, with a thread's token in the place of the operating system's waker.
struct Home {
    inbox: Inbox,
    sleep: SleepState,
    thread: thread::Thread,
}

impl Home {
    fn of_current_thread() -> Arc<Home> {
        Arc::new(Home {
            inbox: Inbox::default(),
            sleep: SleepState::default(),
            thread: thread::current(),
        })
    }

    /// What `Home::rouse` does.
    fn rouse(&self) -> bool {
        let asleep = self.sleep.notify();
        if asleep {
            self.thread.unpark();
        }
        asleep
    }

    fn send(&self, text: usize) {
        self.inbox.push(text);
        self.rouse();
    }
}

#[test]
fn a_worker_that_falls_asleep_sees_what_was_sent() {
    loom::model(|| {
        let home = Home::of_current_thread();
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
                    thread::park();
                }
                home.sleep.end();
            }
        }
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

/// Two workers and the seeds that one of them publishes.
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
            match self.seeds.compare_exchange(seeds, seeds - 1, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(current) => seeds = current,
            }
        }
        false
    }

    fn published(&self) {
        let homes = &self.homes;
        self.idle.published(2, |worker| &homes[worker].sleep, |worker| homes[worker].thread.unpark());
    }

    fn publish(&self) {
        self.seeds.fetch_add(1, Ordering::Release);
        self.published();
    }

    /// An idle worker that looks for one seed: with the watch it looks, else, and when it has looked, it sleeps.
    fn find_one(&self, worker: usize) {
        loop {
            if self.idle.watch(worker) && self.steal() {
                if self.idle.release(worker) && self.has_seeds() {
                    self.published();
                }
                return;
            }
            let home = &self.homes[worker];
            self.idle.sleep(
                worker,
                &home.sleep,
                || !home.inbox.is_empty(),
                || self.has_seeds(),
                || self.published(),
                thread::park,
            );
        }
    }
}

/// Runs `model` with two idle workers, on threads of their own, and returns when both have found a seed.
fn with_workers(idle_workers: usize, model: impl Fn(&Workers) + Sync + Send + 'static + Clone) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 10_000;
    if idle_workers > 1 {
        // Three threads with loops: with two preemptions this would run for an hour.
        builder.preemption_bound = Some(1);
    }
    builder.check(move || {
        let slots = Arc::new(loom::sync::Mutex::new((Vec::new(), None::<Arc<Workers>>)));
        let threads: Vec<_> = (0..idle_workers)
            .map(|worker| {
                let slots = slots.clone();
                thread::spawn(move || {
                    slots.lock().unwrap().0.push((worker, thread::current()));
                    let workers = loop {
                        if let Some(workers) = slots.lock().unwrap().1.clone() {
                            break workers;
                        }
                        thread::yield_now();
                    };
                    workers.find_one(worker);
                })
            })
            .collect();
        let workers = loop {
            let mut slots = slots.lock().unwrap();
            if slots.0.len() == idle_workers {
                let home = |worker: usize| Home {
                    inbox: Inbox::default(),
                    sleep: SleepState::default(),
                    thread: slots
                        .0
                        .iter()
                        .find(|(number, _)| *number == worker)
                        .map_or_else(thread::current, |(_, thread)| thread.clone()),
                };
                let workers = Arc::new(Workers {
                    idle: Idle::default(),
                    seeds: AtomicUsize::new(0),
                    homes: [home(0), home(1)],
                });
                slots.1 = Some(workers.clone());
                break workers;
            }
            drop(slots);
            thread::yield_now();
        };
        model(&workers);
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(!workers.has_seeds());
    });
}

#[test]
fn a_seed_is_found_by_a_worker_that_falls_asleep() {
    with_workers(1, |workers| workers.publish());
}

#[test]
fn two_seeds_are_found_by_two_workers_that_fall_asleep() {
    with_workers(2, |workers| {
        workers.publish();
        workers.publish();
    });
}
