//! `Mutex`: exclusion, trying, poisoning, and ways around the lock.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync as stds;
use std::time::Duration;

use may::coroutine::{sleep, yield_now};
use may_tests::{OnDrop, Place};

use super::sync::{Arc, LockResult, Mutex, MutexGuard, PoisonError, TryLockError, TryLockResult};
use super::{
    Count, Dropped, Flag, a_moment, everywhere, join_all, panic_of, same_debug, same_error,
    same_text, start_many,
};

/// Poisons a mutex.
fn poison<T: ?Sized>(lock: &Mutex<T>) {
    panic_of(|| {
        let _held = lock.lock().unwrap();
        panic!("while holding the lock (expected)");
    });
    assert!(lock.is_poisoned());
}

/// A mutex that was poisoned.
fn poisoned<T>(value: T) -> Mutex<T> {
    let lock = Mutex::new(value);
    poison(&lock);
    lock
}

#[test]
fn it_can_be_taken_again_and_again() {
    everywhere(|_| {
        let lock = Mutex::new(());
        drop(lock.lock().unwrap());
        drop(lock.lock().unwrap());
        drop(lock.try_lock().unwrap());
    });
}

#[test]
fn increments_are_never_lost_also_not_of_those_who_try() {
    everywhere(|place| {
        let count = Arc::new(Mutex::new(0_u32));
        let helpers = start_many(place, 6, |who| {
            let count = count.clone();
            move || {
                for i in 0..1_000 {
                    let mut held = if who % 2 == 0 {
                        count.lock().unwrap()
                    } else {
                        loop {
                            match count.try_lock() {
                                Ok(held) => break held,
                                Err(TryLockError::WouldBlock) => yield_now(),
                                Err(TryLockError::Poisoned(_)) => panic!("no holder has panicked"),
                            }
                        }
                    };
                    let before = *held;
                    if i % 64 == 0 {
                        yield_now();
                    }
                    *held = before + 1;
                }
            }
        });
        join_all(helpers);
        assert_eq!(*count.lock().unwrap(), 6_000);
    });
}

#[test]
fn the_lock_may_be_held_across_calls_that_block() {
    everywhere(|place| {
        let inside = Arc::new(Mutex::new(Count::default()));
        let helpers = start_many(place, 4, |_| {
            let inside = inside.clone();
            move || {
                for _ in 0..20 {
                    let held = inside.lock().unwrap();
                    assert_eq!(held.add(), 0, "two are inside");
                    sleep(Duration::from_micros(50));
                    held.sub();
                }
            }
        });
        join_all(helpers);
    });
}

#[test]
fn one_who_locks_waits_until_the_other_is_done() {
    everywhere(|place| {
        let lock = Arc::new(Mutex::new(0));
        let mut held = lock.lock().unwrap();
        let (started, locked) = (Flag::default(), Flag::default());
        let (for_helper, says_started, says_locked) =
            (lock.clone(), started.clone(), locked.clone());
        let helper = place.start(move || {
            says_started.raise();
            let held = for_helper.lock().unwrap();
            says_locked.raise();
            *held
        });
        started.wait();
        a_moment();
        assert!(!locked.is_raised());
        *held = 5;
        drop(held);
        assert_eq!(helper.join(), 5);
    });
}

#[test]
fn try_lock_never_waits() {
    everywhere(|place| {
        let lock = Arc::new(Mutex::new(1));
        {
            let held = lock.try_lock().unwrap();
            assert_eq!(*held, 1);
            assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
            let for_helper = lock.clone();
            let helper = place.start(move || {
                assert!(matches!(
                    for_helper.try_lock(),
                    Err(TryLockError::WouldBlock)
                ));
            });
            helper.join();
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
            panic_of(|| {
                let mut held = for_helper.lock().unwrap();
                *held = 7;
                panic!("while holding the lock (expected)");
            })
        });
        helper.join();
        assert!(lock.is_poisoned());
        for _ in 0..2 {
            assert_eq!(*lock.lock().unwrap_err().into_inner(), 7);
        }
        assert!(
            matches!(lock.try_lock(), Err(TryLockError::Poisoned(error)) if **error.get_ref() == 7)
        );
        *lock.lock().unwrap_err().into_inner() += 1;
        assert!(
            lock.is_poisoned(),
            "that it is used all the same heals nothing"
        );
        lock.clear_poison();
        assert!(!lock.is_poisoned());
        assert_eq!(*lock.lock().unwrap(), 8);
    });
}

#[test]
fn who_waits_for_the_lock_learns_that_the_holder_panicked() {
    everywhere(|place| {
        let lock = Arc::new(Mutex::new(0));
        let (held, go_on) = (Flag::default(), Flag::default());
        let (for_holder, says, waits) = (lock.clone(), held.clone(), go_on.clone());
        let holder = place.start(move || {
            panic_of(|| {
                let _held = for_holder.lock().unwrap();
                says.raise();
                waits.wait();
                panic!("while others wait (expected)");
            })
        });
        held.wait();
        let waiters = start_many(place, 3, |_| {
            let lock = lock.clone();
            move || lock.lock().is_err()
        });
        a_moment();
        go_on.raise();
        holder.join();
        assert_eq!(join_all(waiters), [true; 3]);
    });
}

#[test]
fn a_panic_that_is_caught_while_the_lock_is_held_does_not_poison() {
    everywhere(|_| {
        let lock = Mutex::new(0);
        let mut held = lock.lock().unwrap();
        panic_of(|| panic!("beside the lock (expected)"));
        *held += 1;
        drop(held);
        assert!(!lock.is_poisoned());
    });
}

#[test]
fn a_guard_that_leaves_before_the_panic_does_not_poison() {
    everywhere(|_| {
        let lock = Mutex::new(0);
        panic_of(|| {
            drop(lock.lock().unwrap());
            panic!("after the lock (expected)");
        });
        assert!(!lock.is_poisoned());
    });
}

#[test]
fn a_lock_taken_by_a_destructor_that_runs_while_unwinding_is_not_poisoned() {
    everywhere(|place| {
        let lock = Arc::new(Mutex::new(0));
        let for_helper = lock.clone();
        let helper = place.start(move || {
            panic_of(|| {
                let _add = OnDrop(|| *for_helper.lock().unwrap() += 1);
                panic!("with a destructor that locks (expected)");
            })
        });
        helper.join();
        assert_eq!(*lock.lock().unwrap(), 1);
    });
}

#[test]
fn clearing_what_is_not_poisoned_changes_nothing() {
    let lock = Mutex::new(1);
    lock.clear_poison();
    assert_eq!(*lock.lock().unwrap(), 1);
    let held = lock.lock().unwrap();
    lock.clear_poison();
    assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    drop(held);
    poison(&lock);
    lock.clear_poison();
    poison(&lock);
}

#[test]
fn the_value_can_be_taken_out() {
    assert_eq!(Mutex::new(Box::new(1)).into_inner().unwrap(), Box::new(1));
    assert_eq!(poisoned(2).into_inner().unwrap_err().into_inner(), 2);
}

#[test]
fn the_value_is_dropped_once_in_whichever_way_it_leaves() {
    let dropped = Count::default();
    let lock = Mutex::new(Dropped(dropped.clone()));
    drop(lock.lock().unwrap());
    assert_eq!(dropped.get(), 0);
    drop(lock);
    assert_eq!(dropped.get(), 1);

    let value = Mutex::new(Dropped(dropped.clone())).into_inner();
    assert_eq!(dropped.get(), 1, "not with the mutex");
    drop(value);
    assert_eq!(dropped.get(), 2);

    drop(poisoned(Dropped(dropped.clone())).into_inner());
    drop(poisoned(Dropped(dropped.clone())));
    assert_eq!(dropped.get(), 4);
}

#[test]
fn who_owns_it_needs_no_lock() {
    let mut lock = Mutex::new(3);
    *lock.get_mut().unwrap() += 1;
    assert_eq!(*lock.lock().unwrap(), 4);
    poison(&lock);
    let error = lock.get_mut().unwrap_err();
    assert_eq!(**error.get_ref(), 4);
    *error.into_inner() += 1;
    lock.clear_poison();
    assert_eq!(lock.into_inner().unwrap(), 5);
}

#[test]
fn a_guard_that_is_forgotten_keeps_it_locked() {
    let lock = Mutex::new(0);
    std::mem::forget(lock.lock().unwrap());
    assert!(lock.try_lock().is_err());
}

#[test]
fn it_holds_unsized_values() {
    everywhere(|_| {
        let lock: &Mutex<[i32]> = &Mutex::new([1, 2, 3]);
        lock.lock().unwrap()[0] = 4;
        lock.lock().unwrap()[2] = 5;
        assert_eq!(&*lock.lock().unwrap(), [4, 2, 5]);
        let boxed: Box<Mutex<dyn Fn() -> u8 + Send>> = Box::new(Mutex::new(|| 6));
        assert_eq!(boxed.lock().unwrap()(), 6);
    });
}

#[test]
fn locks_can_be_in_locks() {
    everywhere(|place| {
        let inner = Arc::new(Mutex::new(1));
        let outer = Arc::new(Mutex::new(inner.clone()));
        let helper = place.start(move || {
            let held = outer.lock().unwrap();
            *held.lock().unwrap() += 1;
        });
        helper.join();
        assert_eq!(*inner.lock().unwrap(), 2);
    });
}

static IN_A_STATIC: Mutex<Vec<u8>> = Mutex::new(Vec::new());

#[test]
fn it_fits_into_a_static() {
    everywhere(|_| IN_A_STATIC.lock().unwrap().push(1));
    assert!(!IN_A_STATIC.lock().unwrap().is_empty());
}

#[test]
fn it_is_made_from_a_value_or_from_nothing() {
    assert_eq!(*Mutex::from(4).lock().unwrap(), 4);
    assert_eq!(*Mutex::<u8>::default().lock().unwrap(), 0);
}

/// Compares how ours is shown with how std's is.
fn same_shown(ours: &Mutex<i32>, stds: &stds::Mutex<i32>) {
    same_debug(ours, stds);
    let (our_guard, stds_guard) = (ours.lock(), stds.lock());
    same_debug(ours, stds);
    same_text(
        our_guard.unwrap_or_else(PoisonError::into_inner),
        stds_guard.unwrap_or_else(stds::PoisonError::into_inner),
    );
}

#[test]
fn it_is_shown_as_stds_is() {
    let (ours, stds) = (Mutex::new(5), stds::Mutex::new(5));
    same_shown(&ours, &stds);
    poison(&ours);
    panic_of(|| {
        let _held = stds.lock();
        panic!("while holding the lock (expected)");
    });
    same_shown(&ours, &stds);
}

#[test]
fn the_errors_are_shown_as_stds_are() {
    /// A value without `Debug`.
    struct Opaque;
    let (ours, stds) = (PoisonError::new(Opaque), stds::PoisonError::new(Opaque));
    same_text(&ours, &stds);
    same_text(TryLockError::from(ours), stds::TryLockError::from(stds));
    let (ours, stds) = (
        TryLockError::<Opaque>::WouldBlock,
        stds::TryLockError::WouldBlock::<Opaque>,
    );
    same_text(ours, stds);
    same_error(PoisonError::new(1), stds::PoisonError::new(1));
}

#[test]
fn an_error_gives_what_it_guards() {
    let mut error = PoisonError::new(1);
    *error.get_mut() += 1;
    assert_eq!(*error.get_ref(), 2);
    assert_eq!(error.into_inner(), 2);
    let error = TryLockError::from(PoisonError::new(3));
    assert!(matches!(error, TryLockError::Poisoned(error) if *error.get_ref() == 3));
}

#[test]
fn results_can_be_named() {
    fn lock(lock: &Mutex<u8>) -> LockResult<MutexGuard<'_, u8>> {
        lock.lock()
    }
    fn try_lock(lock: &Mutex<u8>) -> TryLockResult<MutexGuard<'_, u8>> {
        lock.try_lock()
    }
    let value = Mutex::new(1);
    assert_eq!(*lock(&value).unwrap(), 1);
    assert_eq!(*try_lock(&value).unwrap(), 1);
    let held = value.lock();
    assert!(matches!(try_lock(&value), Err(TryLockError::WouldBlock)));
    drop(held);
}

/// Takes the lock in a helper and raises the flag while holding it, then holds it until told.
fn hold(place: &Place, lock: &Arc<Mutex<u8>>, until: &Flag) -> may_tests::Started<()> {
    let held = Flag::default();
    let (lock, says, until) = (lock.clone(), held.clone(), until.clone());
    let helper = place.start(move || {
        let _held = lock.lock().unwrap();
        says.raise();
        until.wait();
    });
    held.wait();
    helper
}

#[test]
fn a_lock_that_another_holds_is_shown_without_waiting() {
    everywhere(|place| {
        let lock = Arc::new(Mutex::new(1));
        let until = Flag::default();
        let helper = hold(place, &lock, &until);
        assert!(format!("{lock:?}").contains("<locked>"));
        until.raise();
        helper.join();
        assert!(format!("{lock:?}").contains('1'));
    });
}

#[test]
fn a_panic_elsewhere_does_not_poison_what_another_holds() {
    everywhere(|place| {
        let lock = Arc::new(Mutex::new(1));
        let until = Flag::default();
        let helper = hold(place, &lock, &until);
        let other = place.start(|| panic_of(|| panic!("without a lock (expected)")));
        other.join();
        until.raise();
        helper.join();
        assert!(!lock.is_poisoned());
    });
}

#[test]
fn it_can_be_locked_inside_of_catch_unwind() {
    let lock = Mutex::new(1);
    // (A mutex is unwind-safe by reference; a guard is so only by assertion.)
    let result = catch_unwind(|| *lock.lock().unwrap());
    assert_eq!(result.unwrap(), 1);
    let mut held = lock.lock().unwrap();
    let result = catch_unwind(AssertUnwindSafe(|| {
        *held += 1;
    }));
    assert!(result.is_ok());
}

#[test]
fn the_auto_traits_are_stds() {
    same_auto_traits!(Mutex[u8], Mutex[Cell<u8>], Mutex[Rc<u8>], Mutex[*const u8]);
    same_auto_traits!(MutexGuard['static, u8], MutexGuard['static, Cell<u8>]);
    same_auto_traits!(PoisonError[u8], PoisonError[Rc<u8>], TryLockError[u8]);
}
