//! `park` and `unpark`: the token is never lost and never counted. (`matrix` has the timeouts and
//! cancellations.)

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use may::coroutine::{self, current, park, park_timeout, spawn};
use may_tests::{eventually, everywhere, on_workers, spawn_waiting, watchdog, with_seeds};

#[test]
fn a_token_that_was_left_before_ends_the_next_park() {
    everywhere(|_| {
        current().unpark();
        park();
        current().unpark();
        park_timeout(Duration::MAX);
    });
}

#[test]
fn tokens_are_not_counted() {
    everywhere(|_| {
        for _ in 0..5 {
            current().unpark();
        }
        park();
        let start = Instant::now();
        park_timeout(Duration::from_millis(1));
        assert!(start.elapsed() >= Duration::from_millis(1));
    });
}

#[test]
fn a_park_that_times_out_leaves_no_trace() {
    everywhere(|_| {
        for _ in 0..50 {
            park_timeout(Duration::from_nanos(1));
        }
        current().unpark();
        park();
    });
}

#[test]
fn what_was_done_before_unpark_is_seen_after_park() {
    everywhere(|place| {
        for _ in 0..200 {
            let done = Arc::new(AtomicBool::new(false));
            let (me, does) = (current(), done.clone());
            let helper = place.start(move || {
                does.store(true, std::sync::atomic::Ordering::Relaxed);
                me.unpark();
            });
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                park();
            }
            helper.join();
            // The token of this round may still be there.
            park_timeout(Duration::ZERO);
        }
    });
}

#[test]
fn two_that_unpark_each_other_never_stop() {
    everywhere(|place| {
        const ROUNDS: usize = 3_000;
        let turn = Arc::new(AtomicUsize::new(0));
        let me = current();
        let other_turn = turn.clone();
        let (tx, rx) = may::channel::bounded(1);
        let other = place.start(move || {
            tx.send(current()).unwrap();
            for round in 0..ROUNDS {
                while other_turn.load(SeqCst) != 2 * round + 1 {
                    park();
                }
                other_turn.store(2 * round + 2, SeqCst);
                me.unpark();
            }
        });
        let you = rx.recv().unwrap();
        for round in 0..ROUNDS {
            turn.store(2 * round + 1, SeqCst);
            you.unpark();
            while turn.load(SeqCst) != 2 * round + 2 {
                park();
            }
        }
        other.join();
    });
}

#[test]
fn an_unpark_that_races_with_the_timeout_is_not_lost() {
    for workers in [1, 3] {
        on_workers(workers, || {
            with_seeds(500, |mut random| {
                let woken = Arc::new(AtomicBool::new(false));
                let wakes = woken.clone();
                let timeout = Duration::from_nanos(random.below(100_000));
                let sleeper = spawn(move || {
                    park_timeout(timeout);
                    while !wakes.load(SeqCst) {
                        park();
                    }
                });
                let pause = Duration::from_nanos(random.below(100_000));
                let start = Instant::now();
                while start.elapsed() < pause {
                    coroutine::yield_now();
                }
                woken.store(true, SeqCst);
                sleeper.coroutine().unpark();
                sleeper.join().unwrap();
            });
        });
    }
}

#[test]
fn unparking_what_has_ended_does_nothing() {
    everywhere(|_| {
        let handle = spawn(|| ());
        let coroutine = handle.coroutine().clone();
        handle.join().unwrap();
        coroutine.unpark();
        assert_eq!(coroutine.name(), None);
    });
}

#[test]
fn a_handle_of_a_thread_unparks_the_thread() {
    let _watchdog = watchdog();
    let (tx, rx) = may::channel::bounded(1);
    let thread = thread::spawn(move || {
        tx.send(current()).unwrap();
        park();
    });
    let handle = rx.recv().unwrap();
    handle.unpark();
    thread.join().unwrap();
    handle.unpark();
}

#[test]
fn waits_inside_other_waits_do_not_take_the_token() {
    on_workers(1, || {
        let (tx, rx) = may::channel::bounded::<()>(1);
        let done = Arc::new(AtomicBool::new(false));
        let does = done.clone();
        let handle = spawn_waiting(move || {
            rx.recv().unwrap();
            coroutine::sleep(Duration::from_micros(100));
            park();
            does.store(true, SeqCst);
        });
        // It waits for a message; the token is for its park.
        handle.coroutine().unpark();
        tx.send(()).unwrap();
        handle.join().unwrap();
        eventually("it went through the park", || done.load(SeqCst));
    });
}
