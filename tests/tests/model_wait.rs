//! Models of waiting: the commit word, the wait queue, cancellation, the deadline, `park`.
//!
//! Run by `ci/models.sh` under the model checker, which tries every order of the threads' steps, up
//! to a number of preemptions, and reports a thread that sleeps forever as a deadlock.
#![cfg(may_loom)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use may_core::models::{Deadline, Disturbance, End, Queue, Waiter, park};

/// Something to wait for: a counter of permits and the queue of those who want one.
#[derive(Default)]
struct Permits {
    free: AtomicUsize,
    queue: Queue,
}

impl Permits {
    /// Takes a permit if there is one.
    fn try_take(&self) -> bool {
        let mut free = self.free.load(Ordering::Relaxed);
        while free > 0 {
            match self
                .free
                .compare_exchange(free, free - 1, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(current) => free = current,
            }
        }
        false
    }

    /// Waits for a permit, the way every primitive does.
    fn take(&self) -> End {
        loop {
            if self.try_take() {
                return End::Woken;
            }
            match self.queue.wait(|| self.free.load(Ordering::Relaxed) > 0) {
                End::Woken => {}
                end => return end,
            }
        }
    }

    /// Adds a permit.
    fn put(&self) {
        self.free.fetch_add(1, Ordering::Release);
        self.queue.wake_one();
    }
}

/// Starts a thread that takes a permit, and returns it with its waiter.
fn taker(permits: &Arc<Permits>) -> (thread::JoinHandle<End>, Waiter) {
    let permits = permits.clone();
    let slot = Arc::new(loom::sync::Mutex::new(None));
    let for_thread = slot.clone();
    let taker = thread::spawn(move || {
        *for_thread.lock().unwrap() = Some(Waiter::current());
        permits.take()
    });
    loop {
        if let Some(waiter) = slot.lock().unwrap().clone() {
            return (taker, waiter);
        }
        thread::yield_now();
    }
}

#[test]
fn a_wake_up_is_not_lost() {
    loom::model(|| {
        let permits = Arc::new(Permits::default());
        let for_thread = permits.clone();
        let taker = thread::spawn(move || for_thread.take());
        permits.put();
        assert_eq!(taker.join().unwrap(), End::Woken);
        assert!(permits.queue.is_empty());
    });
}

#[test]
fn two_waiters_get_a_permit_each() {
    loom::model(|| {
        let permits = Arc::new(Permits::default());
        let takers =
            [permits.clone(), permits.clone()].map(|permits| thread::spawn(move || permits.take()));
        permits.put();
        permits.put();
        for taker in takers {
            assert_eq!(taker.join().unwrap(), End::Woken);
        }
        assert!(permits.queue.is_empty());
    });
}

#[test]
fn wake_all_leaves_nobody_behind() {
    loom::model(|| {
        let open = Arc::new((AtomicBool::new(false), Queue::default()));
        let waiters = [open.clone(), open.clone()].map(|open| {
            thread::spawn(move || {
                while !open.0.load(Ordering::Acquire) {
                    open.1.wait(|| open.0.load(Ordering::Relaxed));
                }
            })
        });
        open.0.store(true, Ordering::Release);
        open.1.wake_all();
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

#[test]
fn a_cancellation_and_a_wake_up_race_and_nothing_is_lost() {
    loom::model(|| {
        let permits = Arc::new(Permits::default());
        let (taker, waiter) = taker(&permits);
        let for_thread = permits.clone();
        let putter = thread::spawn(move || for_thread.put());
        waiter.cancel();
        let end = taker.join().unwrap();
        putter.join().unwrap();
        // Cancelled means it did not happen.
        assert_eq!(permits.try_take(), end == End::Cancelled);
        assert!(permits.queue.is_empty());
    });
}

#[test]
fn a_cancellation_ends_a_wait() {
    loom::model(|| {
        let permits = Arc::new(Permits::default());
        let for_thread = permits.clone();
        let waiter = Waiter::current();
        let canceller = thread::spawn(move || waiter.cancel());
        assert_eq!(for_thread.take(), End::Cancelled);
        canceller.join().unwrap();
        assert!(permits.queue.is_empty());
    });
}

#[test]
fn a_deadline_and_a_wake_up_race_and_nothing_is_lost() {
    loom::model(|| {
        let permits = Arc::new(Permits::default());
        let for_thread = permits.clone();
        let waiter = Waiter::current();
        let others = thread::spawn(move || {
            waiter.time_out();
            for_thread.put();
        });
        let end = permits.take();
        others.join().unwrap();
        assert_eq!(permits.try_take(), end == End::TimedOut);
        assert!(permits.queue.is_empty());
    });
}

#[test]
fn deadline_cancellation_and_wake_up_have_one_winner() {
    loom::model(|| {
        let permits = Arc::new(Permits::default());
        let waiter = Waiter::current();
        let (for_timer, for_canceller, for_putter) = (waiter.clone(), waiter, permits.clone());
        let timer = thread::spawn(move || {
            for_timer.time_out();
        });
        let canceller = thread::spawn(move || for_canceller.cancel());
        let putter = thread::spawn(move || for_putter.put());
        let end = permits.take();
        for thread in [timer, canceller, putter] {
            thread.join().unwrap();
        }
        assert_eq!(permits.try_take(), end != End::Woken);
        assert!(permits.queue.is_empty());
    });
}

#[test]
fn a_late_deadline_does_not_end_the_next_wait() {
    loom::model(|| {
        let permits = Arc::new(Permits::default());
        let for_thread = permits.clone();
        let waiter = Waiter::current();
        let others = thread::spawn(move || {
            // That of the first wait, or of none.
            let deadline = waiter.deadline();
            for_thread.put();
            let timed_out = deadline.is_some_and(Deadline::pass);
            for_thread.put();
            timed_out
        });
        let ends = [permits.take(), permits.take()];
        let timed_out = others.join().unwrap();
        assert_eq!(ends[0] == End::TimedOut, timed_out);
        assert_eq!(ends[1], End::Woken);
        assert_eq!(permits.try_take(), timed_out);
    });
}

/// Two wait for one permit, and something happens to one of them: then the other one gets it.
fn one_leaves_and_the_other_gets_it(disturbance: Disturbance) {
    loom::model(move || {
        let permits = Arc::new(Permits::default());
        let disturber = disturbance.begin();
        let [for_other, for_putter] = [permits.clone(), permits.clone()];
        let other = thread::spawn(move || for_other.take());
        let putter = thread::spawn(move || for_putter.put());
        if permits.take() == End::Woken {
            permits.put();
        }
        for thread in [disturber, putter] {
            thread.join().unwrap();
        }
        assert_eq!(other.join().unwrap(), End::Woken);
        assert!(!permits.try_take());
        assert!(permits.queue.is_empty());
    });
}

#[test]
fn a_waiter_that_was_cancelled_is_passed_by() {
    one_leaves_and_the_other_gets_it(Disturbance::Cancellation);
}

#[test]
fn a_waiter_whose_time_is_up_is_passed_by() {
    one_leaves_and_the_other_gets_it(Disturbance::Deadline);
}

#[test]
fn a_waiter_that_was_woken_in_vain_goes_back_to_where_it_stood() {
    loom::model(|| {
        // The queue, and how often a wait in it has begun.
        let shared = Arc::new((Queue::default(), AtomicUsize::new(0)));
        let wait = |shared: &(Queue, AtomicUsize), times| {
            let is_ready = || {
                shared.1.fetch_add(1, Ordering::Release);
                false
            };
            assert_eq!(shared.0.wait_times(times, is_ready), End::Woken);
        };
        let wait_until_begun = |waits| {
            while shared.1.load(Ordering::Acquire) < waits {
                thread::yield_now();
            }
        };
        let for_first = shared.clone();
        let first = thread::spawn(move || wait(&for_first, 2));
        wait_until_begun(1);
        let for_second = shared.clone();
        let second = thread::spawn(move || wait(&for_second, 1));
        wait_until_begun(2);
        shared.0.wake_one();
        wait_until_begun(3);
        // The first one again, though the second one has waited since.
        shared.0.wake_one();
        first.join().unwrap();
        shared.0.wake_one();
        second.join().unwrap();
    });
}

#[test]
fn a_token_is_not_lost() {
    loom::model(|| {
        let ready = Arc::new(AtomicBool::new(false));
        let (for_thread, waiter) = (ready.clone(), Waiter::current());
        let other = thread::spawn(move || {
            for_thread.store(true, Ordering::Relaxed);
            waiter.unpark();
        });
        while !ready.load(Ordering::Relaxed) {
            park();
        }
        other.join().unwrap();
    });
}

#[test]
fn two_tokens_end_one_park_or_two_but_at_least_one() {
    loom::model(|| {
        let waiter = Waiter::current();
        let others = [waiter.clone(), waiter].map(|waiter| thread::spawn(move || waiter.unpark()));
        park();
        for other in others {
            other.join().unwrap();
        }
    });
}
