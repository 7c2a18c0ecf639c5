//! `sync::Mutex`: what std's cannot do: blocking in destructors, cancellation, and not being
//! poisoned by a neighbour. (What std's does is in `sync_suites/suite/mutex.rs`.)

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use may::coroutine::{self, Placement, spawn};
use may::sync::{Arc, Mutex};
use may_tests::{OnDrop, assert_cancelled, eventually, on_workers, spawn_waiting};

#[test]
fn a_cancellation_does_not_poison() {
    on_workers(1, || {
        let lock = Arc::new(Mutex::new(0));
        let holding = Arc::new(AtomicBool::new(false));
        let (for_holder, said) = (lock.clone(), holding.clone());
        let holder = spawn(move || {
            let mut held = for_holder.lock().unwrap();
            *held = 1;
            said.store(true, SeqCst);
            coroutine::park();
        });
        eventually("the lock is held", || holding.load(SeqCst));
        holder.cancel();
        assert_cancelled(holder.join());
        assert_eq!(*lock.lock().unwrap(), 1);
    });
}

#[test]
fn a_cancellation_that_leaves_a_scope_does_not_poison() {
    on_workers(2, || {
        let lock = Arc::new(Mutex::new(0));
        let holding = Arc::new(AtomicBool::new(false));
        let (for_holder, said) = (lock.clone(), holding.clone());
        let holder = spawn(move || {
            let _held = for_holder.lock().unwrap();
            coroutine::scope(|s| {
                s.spawn(coroutine::park);
                said.store(true, SeqCst);
            });
        });
        eventually("the lock is held", || holding.load(SeqCst));
        holder.cancel();
        assert_cancelled(holder.join());
        assert!(!lock.is_poisoned());
    });
}

#[test]
fn a_panic_after_a_swallowed_cancellation_poisons() {
    on_workers(1, || {
        let lock = Arc::new(Mutex::new(0));
        let for_holder = lock.clone();
        let holder = spawn_waiting(move || {
            let _held = for_holder.lock().unwrap();
            let swallowed = catch_unwind(coroutine::park);
            assert!(swallowed.unwrap_err().is::<coroutine::Cancelled>());
            panic!("for reasons of its own (expected)");
        });
        holder.cancel();
        assert!(!holder.join().unwrap_err().is::<coroutine::Cancelled>());
        assert!(lock.is_poisoned());
    });
}

/// Row 12 of the list of what must not go wrong: May 0.3 aborts the process here.
#[test]
fn a_contended_lock_in_a_destructor_during_a_cancellation_is_waited_for() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let lock = Arc::new(Mutex::new(0));
            let held = lock.lock().unwrap();
            let waiting = Arc::new(AtomicBool::new(false));
            let (for_other, said) = (lock.clone(), waiting.clone());
            let other = spawn_waiting(move || {
                let _lock_at_the_end = OnDrop(|| {
                    said.store(true, SeqCst);
                    *for_other.lock().unwrap() += 1;
                });
                coroutine::park();
            });
            other.cancel();
            eventually("the destructor runs", || waiting.load(SeqCst));
            assert!(!other.is_finished());
            drop(held);
            assert_cancelled(other.join());
            assert_eq!(*lock.lock().unwrap(), 1);
        });
    }
}

/// Row 13: while one coroutine of a worker is suspended in a destructor because of a panic, its
/// neighbours do not unwind.
#[test]
fn a_neighbour_that_unwinds_poisons_nothing_of_ours() {
    on_workers(1, || {
        let neighbour_waits = Arc::new(AtomicBool::new(false));
        let (go_on, gate) = may::channel::bounded::<()>(1);
        let said = neighbour_waits.clone();
        let neighbour = spawn(move || {
            let _block_at_the_end = OnDrop(|| {
                said.store(true, SeqCst);
                gate.recv().unwrap();
                assert!(coroutine::panicking(), "this one is unwinding");
            });
            panic!("and block in a destructor (expected)");
        });
        eventually("the neighbour is suspended", || {
            neighbour_waits.load(SeqCst)
        });
        assert!(!std::thread::panicking(), "std counts per thread");
        assert!(!coroutine::panicking(), "this one is innocent");
        let lock = Mutex::new(0);
        *lock.lock().unwrap() += 1;
        assert!(!lock.is_poisoned());
        // Also with suspensions in between, and for a coroutine that starts in that time.
        let lock = Arc::new(lock);
        let for_other = lock.clone();
        spawn(move || {
            let mut held = for_other.lock().unwrap();
            coroutine::yield_now();
            assert!(!coroutine::panicking());
            *held += 1;
        })
        .join()
        .unwrap();
        assert_eq!(*lock.lock().unwrap(), 2);
        // A holder that panics itself in that time does poison.
        let for_other = lock.clone();
        let panics = spawn(move || {
            let _held = for_other.lock().unwrap();
            panic!("beside a neighbour that unwinds (expected)");
        });
        assert!(panics.join().is_err());
        assert!(lock.is_poisoned());
        go_on.send(()).unwrap();
        assert!(neighbour.join().is_err());
        assert!(!std::thread::panicking());
    });
}

#[test]
fn a_cancelled_waiter_leaves_and_the_others_get_the_lock() {
    on_workers(1, || {
        let lock = Arc::new(Mutex::new(0));
        let held = lock.lock().unwrap();
        let waiters: Vec<_> = (0..10)
            .map(|_| {
                let lock = lock.clone();
                spawn_waiting(move || *lock.lock().unwrap() += 1)
            })
            .collect();
        waiters.iter().step_by(2).for_each(|waiter| waiter.cancel());
        drop(held);
        for (i, waiter) in waiters.into_iter().enumerate() {
            match i % 2 {
                0 => assert_cancelled(waiter.join()),
                _ => waiter.join().unwrap(),
            }
        }
        assert_eq!(*lock.lock().unwrap(), 5);
    });
}

#[test]
fn a_cancellation_that_races_with_the_unlock_loses_no_wake_up() {
    for workers in [1, 2, 4] {
        on_workers(workers, || {
            for round in 0..3_000 {
                let lock = Arc::new(Mutex::new(0));
                let held = lock.lock().unwrap();
                let waiters: Vec<_> = (0..3)
                    .map(|i| {
                        let lock = lock.clone();
                        let place = Placement::Worker(i % workers);
                        let builder = coroutine::Builder::new().placement(place);
                        builder.spawn(move || *lock.lock().unwrap() += 1).unwrap()
                    })
                    .collect();
                for _ in 0..round % 3 {
                    coroutine::yield_now();
                }
                waiters[0].cancel();
                drop(held);
                let done = waiters
                    .into_iter()
                    .filter_map(|waiter| waiter.join().ok())
                    .count();
                assert!(
                    done >= 2,
                    "only the cancelled one may not have had the lock"
                );
                assert_eq!(*lock.try_lock().unwrap(), done);
            }
        });
    }
}
