//! `sync::Semaphore`: first come, first served, whatever the requests ask for; a request that
//! leaves lets those behind it in; and what can be done with permits. (`matrix` has timeouts and
//! cancellations of each call.)

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::Duration;

use may::coroutine::{self, spawn};
use may::sync::{Arc, Semaphore};
use may::time;
use may_tests::{
    assert_cancelled, eventually, everywhere, message, on_workers, spawn_waiting, with_seeds,
};

/// Waits until a request waits for permits of a semaphore that has some: then no other gets one
/// just so.
fn somebody_waits(semaphore: &Semaphore) {
    assert!(semaphore.available_permits() > 0);
    eventually("a request waits", || semaphore.try_acquire().is_none());
}

#[test]
fn there_are_never_more_inside_than_permits() {
    const PERMITS: usize = 5;
    everywhere(|place| {
        with_seeds(3, |mut random| {
            let semaphore = Arc::new(Semaphore::new(PERMITS));
            let inside = Arc::new(AtomicUsize::new(0));
            let helpers: Vec<_> = (0..8)
                .map(|_| {
                    let (semaphore, inside) = (semaphore.clone(), inside.clone());
                    let mut random = random.fork();
                    place.start(move || {
                        for _ in 0..300 {
                            let n = 1 + random.below(PERMITS as u64) as usize;
                            let permit = semaphore.acquire_many(n);
                            assert_eq!(permit.num_permits(), n);
                            assert!(inside.fetch_add(n, SeqCst) + n <= PERMITS);
                            if random.below(4) == 0 {
                                coroutine::yield_now();
                            }
                            inside.fetch_sub(n, SeqCst);
                        }
                    })
                })
                .collect();
            helpers.into_iter().for_each(|helper| helper.join());
            assert_eq!(semaphore.available_permits(), PERMITS);
        });
    });
}

#[test]
fn a_big_request_is_not_overtaken_by_small_ones() {
    everywhere(|place| {
        let semaphore = Arc::new(Semaphore::new(3));
        let held = semaphore.acquire();
        let (says, order) = mpsc::channel();
        let (wants, tells) = (semaphore.clone(), says.clone());
        let big = place.start(move || {
            let _permits = wants.acquire_many(3);
            tells.send("big").unwrap();
        });
        somebody_waits(&semaphore);
        let small: Vec<_> = (0..4)
            .map(|_| {
                let (semaphore, says) = (semaphore.clone(), says.clone());
                place.start(move || {
                    let _permit = semaphore.acquire();
                    says.send("small").unwrap();
                })
            })
            .collect();
        coroutine::sleep(Duration::from_millis(1));
        assert!(
            order.try_recv().is_err(),
            "two permits are there, for the big one"
        );
        assert_eq!(semaphore.available_permits(), 2);
        drop(held);
        big.join();
        small.into_iter().for_each(|small| small.join());
        let order: Vec<_> = order.try_iter().collect();
        assert_eq!(order, ["big", "small", "small", "small", "small"]);
    });
}

#[test]
fn those_who_wait_are_served_in_the_order_in_which_they_came() {
    on_workers(1, || {
        let semaphore = Arc::new(Semaphore::new(0));
        let (says, order) = mpsc::channel();
        let waiters: Vec<_> = [3, 1, 4, 1, 5, 9, 2, 6]
            .into_iter()
            .enumerate()
            .map(|(i, n)| {
                let (semaphore, says) = (semaphore.clone(), says.clone());
                spawn_waiting(move || {
                    semaphore.acquire_many(n).forget();
                    says.send(i).unwrap();
                })
            })
            .collect();
        let mut given = 0;
        // After so many permits so many have been served: 3, 3 + 1, and so on.
        for (served, up_to) in [3, 4, 8, 9, 14, 23, 25, 31].into_iter().enumerate() {
            while given < up_to {
                assert!(
                    order.try_recv().is_err(),
                    "{given} permits are too few for number {served}"
                );
                semaphore.add_permits(1);
                given += 1;
                coroutine::yield_now();
                coroutine::yield_now();
            }
            assert_eq!(order.try_recv(), Ok(served));
        }
        waiters
            .into_iter()
            .for_each(|waiter| waiter.join().unwrap());
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn a_request_whose_time_is_up_lets_those_behind_it_in() {
    everywhere(|place| {
        let semaphore = Arc::new(Semaphore::new(2));
        let held = semaphore.acquire();
        for limited in [false, true] {
            let wants = semaphore.clone();
            let big = place.start(move || {
                let limit = Duration::from_millis(20);
                if limited {
                    time::timeout(limit, || drop(wants.acquire_many(2))).is_ok()
                } else {
                    wants.acquire_timeout(2, limit).is_some()
                }
            });
            let behind = semaphore.clone();
            // Mostly it comes while the big one waits; it gets its permit in any case, though none
            // is given back.
            coroutine::sleep(Duration::from_millis(2));
            let small = place.start(move || drop(behind.acquire()));
            small.join();
            assert!(!big.join());
            assert_eq!(semaphore.available_permits(), 1);
        }
        drop(held);
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn a_cancelled_request_lets_those_behind_it_in() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let semaphore = Arc::new(Semaphore::new(2));
            let _held = semaphore.acquire();
            let wants = semaphore.clone();
            let big = spawn(move || drop(wants.acquire_many(2)));
            somebody_waits(&semaphore);
            let small: Vec<_> = (0..3)
                .map(|_| {
                    let semaphore = semaphore.clone();
                    spawn_waiting(move || drop(semaphore.acquire()))
                })
                .collect();
            assert!(small.iter().all(|small| !small.is_finished()));
            big.cancel();
            assert_cancelled(big.join());
            small.into_iter().for_each(|small| small.join().unwrap());
            assert_eq!(semaphore.available_permits(), 1);
        });
    }
}

#[test]
fn permits_that_are_added_at_once_let_all_in_whom_they_suffice_for() {
    everywhere(|place| {
        let semaphore = Arc::new(Semaphore::new(0));
        let waiters: Vec<_> = (0..100)
            .map(|_| {
                let semaphore = semaphore.clone();
                place.start(move || semaphore.acquire().forget())
            })
            .collect();
        coroutine::sleep(Duration::from_millis(1));
        semaphore.add_permits(100);
        waiters.into_iter().for_each(|waiter| waiter.join());
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn permits_can_be_split_merged_and_forgotten() {
    let semaphore = Arc::new(Semaphore::new(10));
    let mut permits = semaphore.acquire_many(6);
    let some = permits.split(4).unwrap();
    assert_eq!((permits.num_permits(), some.num_permits()), (2, 4));
    assert!(permits.split(3).is_none());
    assert_eq!(permits.num_permits(), 2, "too many were asked for");
    drop(some);
    assert_eq!(semaphore.available_permits(), 8);
    permits.merge(semaphore.acquire_many(3));
    assert_eq!(
        (permits.num_permits(), semaphore.available_permits()),
        (5, 5)
    );
    let nothing = permits.split(0).unwrap();
    permits.forget();
    drop(nothing);
    assert_eq!(semaphore.available_permits(), 5, "five are gone for good");
    semaphore.add_permits(5);

    let mut owned = semaphore.clone().acquire_many_owned(6);
    let some = owned.split(4).unwrap();
    owned.merge(semaphore.clone().try_acquire_many_owned(3).unwrap());
    assert_eq!((owned.num_permits(), some.num_permits()), (5, 4));
    assert!(semaphore.clone().try_acquire_many_owned(2).is_none());
    some.forget();
    drop(owned);
    assert_eq!(semaphore.available_permits(), 6);
}

#[test]
fn permits_of_two_semaphores_cannot_be_merged_and_both_are_given_back() {
    let (one, other) = (Semaphore::new(1), Semaphore::new(2));
    let merged = catch_unwind(AssertUnwindSafe(|| {
        one.acquire().merge(other.acquire_many(2));
    }));
    assert!(message(&*merged.unwrap_err()).contains("two semaphores"));
    assert_eq!((one.available_permits(), other.available_permits()), (1, 2));
}

#[test]
fn an_owned_permit_goes_where_it_likes_and_keeps_the_semaphore() {
    everywhere(|place| {
        let semaphore = Arc::new(Semaphore::new(1));
        let watched = Arc::downgrade(&semaphore);
        let permit = semaphore.clone().acquire_owned();
        assert!(semaphore.clone().try_acquire_owned().is_none());
        let wants = semaphore.clone();
        let waiter = place.start(move || wants.acquire_owned());
        let holder = place.start(move || drop(permit));
        let permit = waiter.join();
        holder.join();
        drop(semaphore);
        assert_eq!(watched.upgrade().unwrap().available_permits(), 0);
        drop(permit);
        assert!(watched.upgrade().is_none());
    });
}

#[test]
fn more_permits_than_can_be_counted_are_refused_and_change_nothing() {
    let semaphore = Arc::new(Semaphore::new(usize::MAX - 1));
    semaphore.add_permits(1);
    let added = catch_unwind(|| semaphore.add_permits(1));
    assert!(message(&*added.unwrap_err()).contains("usize::MAX"));
    assert_eq!(semaphore.available_permits(), usize::MAX);
    drop(semaphore.acquire_many(usize::MAX));
    assert_eq!(semaphore.available_permits(), usize::MAX);
}

#[test]
fn nothing_is_to_be_had_at_any_time_unless_somebody_waits() {
    everywhere(|place| {
        let semaphore = Arc::new(Semaphore::new(0));
        drop(semaphore.acquire_many(0));
        assert!(semaphore.try_acquire_many(0).is_some());
        assert!(semaphore.acquire_timeout(1, Duration::ZERO).is_none());
        let wants = semaphore.clone();
        let waiter = place.start(move || wants.acquire().forget());
        eventually("a request waits", || {
            semaphore.try_acquire_many(0).is_none()
        });
        semaphore.add_permits(1);
        waiter.join();
        assert!(semaphore.try_acquire_many(0).is_some());
    });
}

#[test]
fn a_panic_and_a_cancellation_give_permits_back() {
    everywhere(|_| {
        let semaphore = Arc::new(Semaphore::new(1));
        let holds = semaphore.clone();
        let panics = spawn(move || {
            let _permit = holds.acquire();
            panic!("with a permit (expected)");
        });
        assert!(panics.join().is_err());
        assert_eq!(semaphore.available_permits(), 1);
        let holds = semaphore.clone();
        let parks = spawn(move || {
            let _permit = holds.acquire();
            coroutine::park();
        });
        eventually("the permit is taken", || semaphore.available_permits() == 0);
        parks.cancel();
        assert_cancelled(parks.join());
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn cancellations_and_timeouts_lose_no_permit_and_nobody_waits_for_ever() {
    const PERMITS: usize = 4;
    for workers in [1, 2, 4] {
        on_workers(workers, || {
            with_seeds(3, |mut random| {
                let semaphore = Arc::new(Semaphore::new(PERMITS));
                let all: Vec<_> = (0..400)
                    .map(|i| {
                        let semaphore = semaphore.clone();
                        let cancelled = random.below(5) == 0;
                        let mut random = random.fork();
                        let handle = spawn(move || {
                            let n = 1 + random.below(PERMITS as u64) as usize;
                            let limit = Duration::from_nanos(random.below(50_000));
                            // A third has no limit, and comes to its end.
                            let permit = match i % 3 {
                                0 => Some(semaphore.acquire_many(n)),
                                1 => semaphore.acquire_timeout(n, limit),
                                _ => time::timeout(limit, || semaphore.acquire_many(n)).ok(),
                            };
                            if random.below(2) == 0 {
                                coroutine::yield_now();
                            }
                            drop(permit);
                        });
                        (cancelled, handle)
                    })
                    .collect();
                let cancelled = all.iter().filter(|(cancelled, _)| *cancelled);
                cancelled.for_each(|(_, handle)| handle.cancel());
                for (cancelled, handle) in all {
                    assert!(handle.join().is_ok() || cancelled);
                }
                assert_eq!(semaphore.available_permits(), PERMITS);
            });
        });
    }
}

/// An arm that was woken in vain by another arm of its select was out of the queue while permits
/// came that are enough for it, but not for the one behind it.
#[test]
fn permits_that_came_while_an_arm_was_out_of_the_queue_are_taken() {
    on_workers(1, || {
        let semaphore = Arc::new(Semaphore::new(0));
        let (to, from) = may::channel::unbounded();
        let (wants, other) = (semaphore.clone(), from.clone());
        let select = spawn_waiting(move || {
            may::select! {
                permit = acquire(wants) => permit.forget(),
                _ = recv(other) => unreachable!("somebody else has the message"),
            }
        });
        let wants = semaphore.clone();
        let behind = spawn_waiting(move || wants.acquire_many(2).forget());
        to.send(()).unwrap();
        from.try_recv().expect("the other one has not run yet");
        semaphore.add_permits(1);
        select.join().unwrap();
        semaphore.add_permits(2);
        behind.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn permits_that_are_too_many_together_stay_apart() {
    let semaphore = Semaphore::new(usize::MAX);
    let mut all = semaphore.acquire_many(usize::MAX);
    semaphore.add_permits(1);
    let one = semaphore.acquire();
    let merged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| all.merge(one)));
    assert!(message(&*merged.unwrap_err()).contains("more than"));
    assert_eq!(semaphore.available_permits(), 1);
    drop(semaphore.acquire());
    all.forget();
    assert_eq!(semaphore.available_permits(), 1);
}
