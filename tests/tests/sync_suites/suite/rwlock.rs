//! `RwLock`: sharing and exclusion, turns, trying, poisoning, and ways around the lock.

use std::cell::Cell;
use std::rc::Rc;
use std::sync as stds;

use may::coroutine::yield_now;
use may_tests::{OnDrop, Place, with_seeds};

use super::sync::{Arc, Barrier, PoisonError, RwLock, TryLockError};
use super::{
    Count, Dropped, Flag, a_moment, everywhere, join_all, panic_of, same_debug, same_text,
    start_many, start_one,
};

/// Poisons a lock.
fn poison<T: ?Sized>(lock: &RwLock<T>) {
    panic_of(|| {
        let _held = lock.write().unwrap();
        panic!("while writing (expected)");
    });
    assert!(lock.is_poisoned());
}

/// A lock that was poisoned.
fn poisoned<T>(value: T) -> RwLock<T> {
    let lock = RwLock::new(value);
    poison(&lock);
    lock
}

/// Whether a try failed because the lock is in use.
fn would_block<T>(result: Result<T, TryLockError<T>>) -> bool {
    matches!(result, Err(TryLockError::WouldBlock))
}

#[test]
fn it_can_be_taken_again_and_again() {
    everywhere(|_| {
        let lock = RwLock::new(());
        drop(lock.read().unwrap());
        drop(lock.write().unwrap());
        drop((lock.read().unwrap(), lock.read().unwrap()));
        drop(lock.write().unwrap());
        drop((lock.try_read().unwrap(), lock.try_read().unwrap()));
        drop(lock.try_write().unwrap());
    });
}

#[test]
fn readers_and_writers_at_random_keep_to_the_rules() {
    with_seeds(1, |random| {
        everywhere(|place| {
            let mut random = random.clone();
            let lock = Arc::new(RwLock::new(0_usize));
            let (readers, writers) = (Count::default(), Count::default());
            let helpers = start_many(place, 8, |_| {
                let (lock, mut random) = (lock.clone(), random.fork());
                let (readers, writers) = (readers.clone(), writers.clone());
                move || {
                    let mut written = 0;
                    for _ in 0..400 {
                        if random.below(8) == 0 {
                            let mut held = lock.write().unwrap();
                            assert_eq!(writers.add(), 0, "two writers");
                            assert_eq!(readers.get(), 0, "a writer beside readers");
                            let before = *held;
                            if random.below(8) == 0 {
                                yield_now();
                            }
                            *held = before + 1;
                            written += 1;
                            writers.sub();
                        } else {
                            let held = lock.read().unwrap();
                            readers.add();
                            assert_eq!(writers.get(), 0, "a reader beside a writer");
                            let before = *held;
                            if random.below(8) == 0 {
                                yield_now();
                            }
                            assert_eq!(*held, before);
                            readers.sub();
                        }
                    }
                    written
                }
            });
            let written: usize = join_all(helpers).into_iter().sum();
            assert_eq!(*lock.read().unwrap(), written);
        });
    });
}

#[test]
fn those_who_only_try_get_it_too() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(0));
        let helpers = start_many(place, 4, |who| {
            let lock = lock.clone();
            move || {
                for _ in 0..200 {
                    if who % 2 == 0 {
                        let mut held = loop {
                            match lock.try_write() {
                                Ok(held) => break held,
                                Err(_) => yield_now(),
                            }
                        };
                        *held += 1;
                    } else {
                        if let Ok(held) = lock.try_read() {
                            let before = *held;
                            yield_now();
                            assert_eq!(*held, before);
                        }
                    }
                }
            }
        });
        join_all(helpers);
        assert_eq!(*lock.read().unwrap(), 400);
    });
}

#[test]
fn readers_share_it() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(1));
        let all_inside = Arc::new(Barrier::new(4));
        let helpers = start_many(place, 3, |_| {
            let (lock, all_inside) = (lock.clone(), all_inside.clone());
            move || {
                let held = lock.read().unwrap();
                all_inside.wait();
                *held
            }
        });
        let held = lock.read().unwrap();
        all_inside.wait();
        assert_eq!(join_all(helpers), [1; 3]);
        drop(held);
    });
}

#[test]
fn a_writer_excludes_readers_and_writers() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(0));
        let mut held = lock.write().unwrap();
        let inside = Flag::default();
        let (for_reader, says) = (lock.clone(), inside.clone());
        let reader = start_one(place, move || {
            let held = for_reader.read().unwrap();
            says.raise();
            assert!(*held >= 1, "what the first writer wrote is seen");
        });
        let (for_writer, says) = (lock.clone(), inside.clone());
        let writer = start_one(place, move || {
            *for_writer.write().unwrap() += 1;
            says.raise();
        });
        a_moment();
        assert!(!inside.is_raised());
        *held = 1;
        drop(held);
        reader.join();
        writer.join();
        assert_eq!(*lock.read().unwrap(), 2);
    });
}

#[test]
fn a_writer_waits_for_every_reader() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(0));
        let readers = [lock.read().unwrap(), lock.read().unwrap()];
        let written = Flag::default();
        let (for_writer, says) = (lock.clone(), written.clone());
        let writer = start_one(place, move || {
            *for_writer.write().unwrap() += 1;
            says.raise();
        });
        for reader in readers {
            a_moment();
            assert!(!written.is_raised());
            assert_eq!(*reader, 0);
            drop(reader);
        }
        writer.join();
        assert_eq!(*lock.read().unwrap(), 1);
    });
}

#[test]
fn readers_see_what_a_writer_elsewhere_did_in_one_go() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new((0, 0)));
        let for_writer = lock.clone();
        let writer = place.start(move || {
            for i in 1..=200 {
                let mut held = for_writer.write().unwrap();
                held.0 = i;
                yield_now();
                held.1 = i;
            }
        });
        let readers = start_many(place, 4, |_| {
            let lock = lock.clone();
            move || {
                for _ in 0..100 {
                    let held = lock.read().unwrap();
                    assert_eq!(held.0, held.1);
                    drop(held);
                    yield_now();
                }
            }
        });
        join_all(readers);
        writer.join();
        assert_eq!(*lock.read().unwrap(), (200, 200));
    });
}

#[test]
fn a_writer_gets_its_turn_although_readers_never_leave_it_alone() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(0));
        let (inside, written) = (Count::default(), Flag::default());
        let readers = start_many(place, 4, |_| {
            let (lock, inside, written) = (lock.clone(), inside.clone(), written.clone());
            move || {
                while !written.is_raised() {
                    let held = lock.read().unwrap();
                    inside.add();
                    // Not alone, if possible: then there never is a time without a reader.
                    for _ in 0..20 {
                        yield_now();
                    }
                    drop(held);
                }
            }
        });
        may_tests::eventually("readers come and go", || inside.get() >= 8);
        *lock.write().unwrap() = 1;
        written.raise();
        join_all(readers);
    });
}

#[test]
fn waiting_readers_and_writers_are_all_served() {
    everywhere(|place| {
        for _ in 0..20 {
            let lock = Arc::new(RwLock::new(0));
            let held = lock.write().unwrap();
            let helpers = start_many(place, 8, |who| {
                let lock = lock.clone();
                move || match who % 2 {
                    0 => *lock.write().unwrap() += 1,
                    _ => drop(lock.read().unwrap()),
                }
            });
            yield_now();
            drop(held);
            join_all(helpers);
            assert_eq!(*lock.try_read().unwrap(), 4);
        }
    });
}

#[test]
fn trying_never_waits() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(0));
        let tries = |what: fn(&RwLock<i32>)| {
            what(&lock);
            let lock = lock.clone();
            place.start(move || what(&lock)).join();
        };
        let held = lock.read().unwrap();
        tries(|lock| {
            assert_eq!(*lock.try_read().unwrap(), 0);
            assert!(would_block(lock.try_write()));
        });
        let another = lock.try_read().unwrap();
        drop(held);
        tries(|lock| assert!(would_block(lock.try_write())));
        drop(another);
        let held = lock.write().unwrap();
        tries(|lock| {
            assert!(would_block(lock.try_read()));
            assert!(would_block(lock.try_write()));
        });
        drop(held);
        let held = lock.try_write().unwrap();
        tries(|lock| assert!(would_block(lock.try_read())));
        drop(held);
        tries(|lock| *lock.try_write().unwrap() += 1);
        assert_eq!(*lock.read().unwrap(), 2);
    });
}

/// Panics in a helper that holds the lock in some way.
fn panic_holding(place: &Place, lock: &Arc<RwLock<i32>>, hold: fn(&RwLock<i32>) -> String) {
    let lock = lock.clone();
    place.start(move || hold(&lock)).join();
}

#[test]
fn a_writer_that_panics_poisons_for_readers_and_writers() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(0));
        panic_holding(place, &lock, |lock| {
            panic_of(|| {
                let mut held = lock.write().unwrap();
                *held = 7;
                panic!("while writing (expected)");
            })
        });
        assert!(lock.is_poisoned());
        assert_eq!(*lock.read().unwrap_err().into_inner(), 7);
        assert_eq!(*lock.write().unwrap_err().into_inner(), 7);
        assert!(
            matches!(lock.try_read(), Err(TryLockError::Poisoned(error)) if **error.get_ref() == 7)
        );
        assert!(
            matches!(lock.try_write(), Err(TryLockError::Poisoned(error)) if **error.get_ref() == 7)
        );
        lock.clear_poison();
        assert!(!lock.is_poisoned());
        assert_eq!(*lock.read().unwrap(), 7);
        assert_eq!(*lock.write().unwrap(), 7);
    });
}

#[test]
fn a_reader_that_panics_poisons_nothing_and_leaves() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(1));
        panic_holding(place, &lock, |lock| {
            panic_of(|| {
                let _held = lock.read().unwrap();
                panic!("while reading (expected)");
            })
        });
        assert!(!lock.is_poisoned());
        assert_eq!(*lock.read().unwrap(), 1);
        assert_eq!(*lock.write().unwrap(), 1);
    });
}

#[test]
fn a_reader_of_a_poisoned_lock_still_excludes_writers() {
    everywhere(|_| {
        let lock = poisoned(1);
        let held = lock.read().unwrap_err().into_inner();
        assert!(would_block(lock.try_write()));
        drop(held);
        let held = lock.write().unwrap_err();
        assert!(would_block(lock.try_read()));
        drop(held);
    });
}

#[test]
fn who_waits_learns_that_the_writer_panicked() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(0));
        let go_on = Flag::default();
        let held = Flag::default();
        let (for_holder, says, waits) = (lock.clone(), held.clone(), go_on.clone());
        let holder = place.start(move || {
            panic_of(|| {
                let _held = for_holder.write().unwrap();
                says.raise();
                waits.wait();
                panic!("while others wait (expected)");
            })
        });
        held.wait();
        let waiters = start_many(place, 4, |who| {
            let lock = lock.clone();
            move || match who % 2 {
                0 => lock.read().is_err(),
                _ => lock.write().is_err(),
            }
        });
        a_moment();
        go_on.raise();
        holder.join();
        assert_eq!(join_all(waiters), [true; 4]);
    });
}

#[test]
fn a_lock_taken_by_a_destructor_that_runs_while_unwinding_is_not_poisoned() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(0));
        panic_holding(place, &lock, |lock| {
            panic_of(|| {
                let _add = OnDrop(|| {
                    assert_eq!(*lock.read().unwrap(), 0);
                    *lock.write().unwrap() += 1;
                });
                panic!("with a destructor that locks (expected)");
            })
        });
        assert_eq!(*lock.read().unwrap(), 1);
    });
}

#[test]
fn the_value_can_be_taken_out() {
    assert_eq!(RwLock::new(Box::new(1)).into_inner().unwrap(), Box::new(1));
    assert_eq!(poisoned(2).into_inner().unwrap_err().into_inner(), 2);
}

#[test]
fn the_value_is_dropped_once_in_whichever_way_it_leaves() {
    let dropped = Count::default();
    let lock = RwLock::new(Dropped(dropped.clone()));
    drop(lock.read().unwrap());
    drop(lock.write().unwrap());
    assert_eq!(dropped.get(), 0);
    drop(lock);
    assert_eq!(dropped.get(), 1);

    let value = RwLock::new(Dropped(dropped.clone())).into_inner();
    assert_eq!(dropped.get(), 1, "not with the lock");
    drop(value);
    assert_eq!(dropped.get(), 2);

    drop(poisoned(Dropped(dropped.clone())).into_inner());
    drop(poisoned(Dropped(dropped.clone())));
    assert_eq!(dropped.get(), 4);
}

#[test]
fn who_owns_it_needs_no_lock() {
    let mut lock = RwLock::new(3);
    *lock.get_mut().unwrap() += 1;
    assert_eq!(*lock.read().unwrap(), 4);
    poison(&lock);
    let error = lock.get_mut().unwrap_err();
    assert_eq!(**error.get_ref(), 4);
    *error.into_inner() += 1;
    lock.clear_poison();
    assert_eq!(lock.into_inner().unwrap(), 5);
}

#[test]
fn a_guard_that_is_forgotten_keeps_it_locked() {
    let lock = RwLock::new(0);
    std::mem::forget(lock.read().unwrap());
    assert!(would_block(lock.try_write()));
    assert!(lock.try_read().is_ok());
    let lock = RwLock::new(0);
    std::mem::forget(lock.write().unwrap());
    assert!(would_block(lock.try_read()));
}

#[test]
fn it_holds_unsized_values() {
    everywhere(|_| {
        let lock: &RwLock<[i32]> = &RwLock::new([1, 2, 3]);
        lock.write().unwrap()[0] = 4;
        lock.write().unwrap()[2] = 5;
        assert_eq!(&*lock.read().unwrap(), [4, 2, 5]);
        let boxed: Box<RwLock<dyn Fn() -> u8 + Send>> = Box::new(RwLock::new(|| 6));
        assert_eq!(boxed.read().unwrap()(), 6);
    });
}

static IN_A_STATIC: RwLock<Vec<u8>> = RwLock::new(Vec::new());

#[test]
fn it_fits_into_a_static() {
    everywhere(|_| IN_A_STATIC.write().unwrap().push(1));
    assert!(!IN_A_STATIC.read().unwrap().is_empty());
}

#[test]
fn it_is_made_from_a_value_or_from_nothing() {
    assert_eq!(*RwLock::from(4).read().unwrap(), 4);
    assert_eq!(*RwLock::<u8>::default().read().unwrap(), 0);
}

/// Compares how ours is shown with how std's is.
fn same_shown(ours: &RwLock<i32>, stds: &stds::RwLock<i32>) {
    same_debug(ours, stds);
    {
        let (our_guard, stds_guard) = (ours.read(), stds.read());
        same_debug(ours, stds);
        same_text(
            our_guard.unwrap_or_else(PoisonError::into_inner),
            stds_guard.unwrap_or_else(stds::PoisonError::into_inner),
        );
    }
    let (our_guard, stds_guard) = (ours.write(), stds.write());
    same_debug(ours, stds);
    same_text(
        our_guard.unwrap_or_else(PoisonError::into_inner),
        stds_guard.unwrap_or_else(stds::PoisonError::into_inner),
    );
}

#[test]
fn it_is_shown_as_stds_is() {
    let (ours, stds) = (RwLock::new(5), stds::RwLock::new(5));
    same_shown(&ours, &stds);
    poison(&ours);
    panic_of(|| {
        let _held = stds.write();
        panic!("while writing (expected)");
    });
    same_shown(&ours, &stds);
}

#[test]
fn the_auto_traits_are_stds() {
    same_auto_traits!(RwLock[u8], RwLock[Cell<u8>], RwLock[Rc<u8>], RwLock[*const u8]);
    same_auto_traits!(RwLockReadGuard['static, u8], RwLockReadGuard['static, Cell<u8>]);
    same_auto_traits!(RwLockWriteGuard['static, u8], RwLockWriteGuard['static, Cell<u8>]);
}
