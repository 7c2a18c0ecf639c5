//! `sync::Mutex`: std's methods, traits, errors and poisoning, for coroutines and threads; and what std's cannot do: blocking in
//! destructors, cancellation, and not being poisoned by a neighbour.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use may::coroutine::{self, Placement, spawn};
use may::sync::{Arc, Mutex, MutexGuard, TryLockError};
use may_tests::{OnDrop, assert_cancelled, eventually, everywhere, has, on_workers, spawn_waiting};

#[test]
fn increments_are_never_lost() {
    everywhere(|place| {
        let count = Arc::new(Mutex::new(0_u64));
        let helpers: Vec<_> = (0..8)
            .map(|_| {
                let count = count.clone();
                place.start(move || {
                    for i in 0..2_000 {
                        let mut held = count.lock().unwrap();
                        let before = *held;
                        if i % 64 == 0 {
                            coroutine::yield_now();
                        }
                        *held = before + 1;
                    }
                })
            })
            .collect();
        for helper in helpers {
            helper.join();
        }
        assert_eq!(*count.lock().unwrap(), 16_000);
    });
}

#[test]
fn the_lock_may_be_held_across_calls_that_block() {
    everywhere(|place| {
        let inside = Arc::new(Mutex::new(AtomicUsize::new(0)));
        let helpers: Vec<_> = (0..4)
            .map(|_| {
                let inside = inside.clone();
                place.start(move || {
                    for _ in 0..20 {
                        let held = inside.lock().unwrap();
                        assert_eq!(held.fetch_add(1, SeqCst), 0, "two are inside");
                        coroutine::sleep(Duration::from_micros(50));
                        held.fetch_sub(1, SeqCst);
                    }
                })
            })
            .collect();
        helpers.into_iter().for_each(|helper| helper.join());
    });
}

#[test]
fn try_lock_never_waits() {
    everywhere(|_| {
        let lock = Mutex::new(1);
        {
            let held = lock.try_lock().unwrap();
            assert_eq!(*held, 1);
            assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        }
        assert_eq!(*lock.try_lock().unwrap(), 1);
    });
}

#[test]
fn a_panic_poisons_and_the_value_is_in_the_error() {
    everywhere(|place| {
        let lock = Arc::new(Mutex::new(0));
        let for_helper = lock.clone();
        let helper = place.start(move || {
            let _ = catch_unwind(AssertUnwindSafe(|| {
                let mut held = for_helper.lock().unwrap();
                *held = 7;
                panic!("while holding the lock (expected)");
            }));
        });
        helper.join();
        assert!(lock.is_poisoned());
        assert_eq!(*lock.lock().unwrap_err().into_inner(), 7);
        assert!(
            matches!(lock.try_lock(), Err(TryLockError::Poisoned(error)) if **error.get_ref() == 7)
        );
        lock.clear_poison();
        assert_eq!(*lock.lock().unwrap(), 7);
    });
}

#[test]
fn into_inner_and_get_mut_report_poison_as_std_does() {
    let poisoned = || {
        let mut lock = Mutex::new(3);
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _held = lock.lock().unwrap();
            panic!("while holding the lock (expected)");
        }));
        assert_eq!(**lock.get_mut().unwrap_err().get_ref(), 3);
        lock
    };
    assert_eq!(poisoned().into_inner().unwrap_err().into_inner(), 3);
    let mut sound = Mutex::from(4);
    *sound.get_mut().unwrap() += 1;
    assert_eq!(sound.into_inner().unwrap(), 5);
    assert_eq!(Mutex::<u8>::default().into_inner().unwrap(), 0);
}

#[test]
fn a_lock_taken_by_a_destructor_that_runs_while_unwinding_is_not_poisoned() {
    everywhere(|place| {
        let lock = Arc::new(Mutex::new(0));
        let for_helper = lock.clone();
        let helper = place.start(move || {
            let _ = catch_unwind(AssertUnwindSafe(|| {
                let _add = OnDrop(|| *for_helper.lock().unwrap() += 1);
                panic!("with a destructor that locks (expected)");
            }));
        });
        helper.join();
        assert_eq!(*lock.lock().unwrap(), 1);
    });
}

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

/// Row 13: while one coroutine of a worker is suspended in a destructor because of a panic, its neighbours do not unwind.
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
        assert!(std::thread::panicking(), "std counts per thread");
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
        // Whoever panics himself in that time does poison.
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

#[test]
fn it_is_shown_as_stds_is() {
    fn shown(ours: &Mutex<i32>, stds: &std::sync::Mutex<i32>) {
        assert_eq!(format!("{ours:?}"), format!("{stds:?}"));
        assert_eq!(format!("{ours:#?}"), format!("{stds:#?}"));
    }
    let (ours, stds) = (Mutex::new(5), std::sync::Mutex::new(5));
    shown(&ours, &stds);
    let (our_guard, stds_guard) = (ours.lock().unwrap(), stds.lock().unwrap());
    // (How std shows one that is held has changed between versions.)
    assert!(format!("{ours:?}").contains("<locked>"));
    assert_eq!(
        format!("{our_guard:?} {our_guard}"),
        format!("{stds_guard:?} {stds_guard}")
    );
    drop((our_guard, stds_guard));
    let poison_ours = || {
        let _held = ours.lock();
        panic!("while holding the lock (expected)");
    };
    let poison_stds = || {
        let _held = stds.lock();
        panic!("while holding the lock (expected)");
    };
    assert!(catch_unwind(poison_ours).is_err() && catch_unwind(poison_stds).is_err());
    shown(&ours, &stds);
}

static IN_A_STATIC: Mutex<Vec<u8>> = Mutex::new(Vec::new());

#[test]
fn it_fits_into_a_static_and_holds_unsized_values() {
    IN_A_STATIC.lock().unwrap().push(1);
    assert_eq!(IN_A_STATIC.lock().unwrap().len(), 1);
    let boxed: Box<Mutex<[u8]>> = Box::new(Mutex::new([1, 2, 3]));
    assert_eq!(boxed.lock().unwrap().len(), 3);
}

#[test]
fn the_auto_traits_are_stds() {
    /// Compares our type with std's for one bound.
    macro_rules! same {
        ($($bound:path),+ => $($argument:ty),+) => {
            same!(@bounds [$($bound),+] [$($argument),+]);
        };
        (@bounds [$($bound:path),+] $arguments:tt) => {
            $(same!(@one $bound, $arguments);)+
        };
        (@one $bound:path, [$($argument:ty),+]) => {$(
            assert_eq!(
                (has!(Mutex<$argument>: $bound), has!(MutexGuard<'static, $argument>: $bound)),
                (
                    has!(std::sync::Mutex<$argument>: $bound),
                    has!(std::sync::MutexGuard<'static, $argument>: $bound)
                ),
                "{} for {}", stringify!($bound), stringify!($argument)
            );
        )+};
    }
    same!(Send, Sync, Unpin, UnwindSafe, RefUnwindSafe => u8, Cell<u8>, std::rc::Rc<u8>, *const u8, &'static Cell<u8>);
}
