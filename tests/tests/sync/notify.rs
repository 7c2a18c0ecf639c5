//! `sync::{Notify, SyncFlag, WaitGroup}`: who is told, how often, and that nothing that was told is
//! lost with a waiter that left.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use may::coroutine::{self, spawn};
use may::sync::{Arc, Notify, SyncFlag, WaitGroup};
use may::time;
use may_tests::{assert_cancelled, eventually, everywhere, on_workers, spawn_waiting, with_seeds};

#[test]
fn a_notification_ends_a_wait_before_or_after_it_began() {
    everywhere(|place| {
        let notify = Arc::new(Notify::new());
        notify.notify_one();
        notify.wait();
        for _ in 0..200 {
            let waits = notify.clone();
            let waiter = place.start(move || waits.wait());
            notify.notify_one();
            waiter.join();
        }
        assert!(!notify.wait_timeout(Duration::ZERO), "each was used");
    });
}

#[test]
fn a_notification_that_nobody_waits_for_is_kept_once() {
    everywhere(|_| {
        let notify = Notify::new();
        (0..3).for_each(|_| notify.notify_one());
        assert!(notify.wait_timeout(Duration::ZERO));
        assert!(!notify.wait_timeout(Duration::from_millis(1)));
        assert!(!notify.wait_deadline(Instant::now()));
    });
}

#[test]
fn one_notification_wakes_the_one_who_has_waited_longest() {
    on_workers(1, || {
        let notify = Arc::new(Notify::new());
        let (says, order) = mpsc::channel();
        let waiters: Vec<_> = (0..20)
            .map(|i| {
                let (notify, says) = (notify.clone(), says.clone());
                spawn_waiting(move || {
                    notify.wait();
                    says.send(i).unwrap();
                })
            })
            .collect();
        for i in 0..20 {
            notify.notify_one();
            eventually("one has been woken", || order.try_recv() == Ok(i));
            coroutine::yield_now();
            assert!(order.try_recv().is_err(), "and only one");
        }
        waiters
            .into_iter()
            .for_each(|waiter| waiter.join().unwrap());
    });
}

#[test]
fn all_who_wait_are_woken_once_and_no_token_is_left() {
    on_workers(1, || {
        let notify = Arc::new(Notify::new());
        notify.notify_all();
        assert!(!notify.wait_timeout(Duration::ZERO), "there was no waiter");
        let woken = Arc::new(AtomicUsize::new(0));
        // More than are woken at a time.
        let waiters: Vec<_> = (0..100)
            .map(|_| {
                let (notify, woken) = (notify.clone(), woken.clone());
                spawn_waiting(move || {
                    for _ in 0..3 {
                        notify.wait();
                        woken.fetch_add(1, SeqCst);
                    }
                })
            })
            .collect();
        for round in 1..=3 {
            notify.notify_all();
            eventually("all are woken", || woken.load(SeqCst) == round * 100);
            coroutine::yield_now();
            assert_eq!(
                woken.load(SeqCst),
                round * 100,
                "who comes back waits again"
            );
        }
        waiters
            .into_iter()
            .for_each(|waiter| waiter.join().unwrap());
        assert!(!notify.wait_timeout(Duration::ZERO));
    });
}

#[test]
fn nobody_is_woken_twice_by_one_notification_to_all() {
    everywhere(|place| {
        let notify = Arc::new(Notify::new());
        let (rounds, ends) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let waiters: Vec<_> = (0..40)
            .map(|_| {
                let (notify, rounds, ends) = (notify.clone(), rounds.clone(), ends.clone());
                place.start(move || {
                    let mut woken = 0;
                    while !ends.load(SeqCst) {
                        notify.wait();
                        woken += 1;
                        assert!(woken <= rounds.load(SeqCst));
                    }
                })
            })
            .collect();
        for _ in 0..200 {
            rounds.fetch_add(1, SeqCst);
            notify.notify_all();
            coroutine::yield_now();
        }
        ends.store(true, SeqCst);
        for waiter in waiters {
            // One that was about to wait needs another one.
            let done = Arc::new(AtomicBool::new(false));
            let says = done.clone();
            let joiner = place.start(move || {
                waiter.join();
                says.store(true, SeqCst);
            });
            eventually("the waiter ends", || {
                rounds.fetch_add(1, SeqCst);
                notify.notify_all();
                done.load(SeqCst)
            });
            joiner.join();
        }
    });
}

#[test]
fn a_waiter_that_is_cancelled_while_it_is_notified_takes_the_notification_or_leaves_it() {
    for workers in [1, 2, 4] {
        on_workers(workers, || {
            for round in 0..2_000 {
                let notify = Arc::new(Notify::new());
                let waiters = [(); 2].map(|()| {
                    let notify = notify.clone();
                    spawn(move || notify.wait())
                });
                (0..round % 4).for_each(|_| coroutine::yield_now());
                waiters[0].cancel();
                notify.notify_one();
                let [first, second] = waiters;
                if first.join().is_ok() {
                    notify.notify_one();
                }
                second.join().unwrap();
                assert!(
                    !notify.wait_timeout(Duration::ZERO),
                    "there were as many as needed"
                );
            }
        });
    }
}

#[test]
fn notifications_that_race_with_timeouts_are_neither_lost_nor_doubled() {
    everywhere(|place| {
        with_seeds(2, |mut random| {
            let notify = Arc::new(Notify::new());
            let (got, ends) = (
                Arc::new(AtomicUsize::new(0)),
                Arc::new(AtomicBool::new(false)),
            );
            let waiters: Vec<_> = (0..4)
                .map(|i| {
                    let (notify, got, ends) = (notify.clone(), got.clone(), ends.clone());
                    let mut random = random.fork();
                    place.start(move || {
                        while !ends.load(SeqCst) {
                            let limit = Duration::from_nanos(random.below(100_000));
                            let told = match i % 2 {
                                0 => notify.wait_timeout(limit),
                                _ => time::timeout(limit, || notify.wait()).is_ok(),
                            };
                            got.fetch_add(usize::from(told), SeqCst);
                        }
                    })
                })
                .collect();
            for i in 1..=200 {
                notify.notify_one();
                eventually("the notification has arrived", || got.load(SeqCst) == i);
            }
            ends.store(true, SeqCst);
            waiters.into_iter().for_each(|waiter| waiter.join());
            assert_eq!(got.load(SeqCst), 200);
        });
    });
}

#[test]
fn a_flag_lets_everybody_go_on_who_waits_or_comes_later() {
    everywhere(|place| {
        let flag = Arc::new(SyncFlag::new());
        let written = Arc::new(AtomicUsize::new(0));
        let waiters: Vec<_> = (0..60)
            .map(|i| {
                let (flag, written) = (flag.clone(), written.clone());
                place.start(move || {
                    match i % 3 {
                        0 => flag.wait(),
                        1 => assert!(flag.wait_timeout(Duration::MAX)),
                        _ => time::timeout(Duration::MAX, || flag.wait()).unwrap(),
                    }
                    assert!(flag.is_fired());
                    assert_eq!(written.load(std::sync::atomic::Ordering::Relaxed), 1);
                })
            })
            .collect();
        assert!(!flag.wait_timeout(Duration::from_millis(1)) && !flag.is_fired());
        assert!(!flag.wait_deadline(Instant::now()));
        written.store(1, std::sync::atomic::Ordering::Relaxed);
        flag.fire();
        flag.fire();
        waiters.into_iter().for_each(|waiter| waiter.join());
        flag.wait();
        assert!(flag.wait_timeout(Duration::ZERO));
    });
}

#[test]
fn a_flag_can_be_fired_while_waiters_come_and_are_cancelled() {
    for workers in [1, 2, 4] {
        on_workers(workers, || {
            for round in 0..300 {
                let flag = Arc::new(SyncFlag::new());
                let waiters: Vec<_> = (0..10)
                    .map(|_| {
                        let flag = flag.clone();
                        spawn(move || flag.wait())
                    })
                    .collect();
                (0..round % 4).for_each(|_| coroutine::yield_now());
                waiters.iter().step_by(3).for_each(|waiter| waiter.cancel());
                flag.fire();
                for (i, waiter) in waiters.into_iter().enumerate() {
                    assert!(waiter.join().is_ok() || i % 3 == 0);
                }
            }
        });
    }
}

#[test]
fn a_group_waits_for_all_its_members_and_sees_what_they_did() {
    everywhere(|place| {
        WaitGroup::new().wait();
        for _ in 0..20 {
            let group = WaitGroup::new();
            let done = Arc::new(AtomicUsize::new(0));
            let members: Vec<_> = (0..10)
                .map(|_| {
                    let (member, done) = (group.clone(), done.clone());
                    place.start(move || {
                        // A member may bring in others.
                        let another = member.clone();
                        done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        drop(member);
                        coroutine::yield_now();
                        done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        drop(another);
                    })
                })
                .collect();
            group.wait();
            assert_eq!(done.load(std::sync::atomic::Ordering::Relaxed), 20);
            members.into_iter().for_each(|member| member.join());
        }
    });
}

#[test]
fn several_members_may_wait_for_one_another() {
    everywhere(|place| {
        let group = WaitGroup::new();
        let waiters: Vec<_> = (0..10)
            .map(|_| {
                let member = group.clone();
                place.start(move || member.wait())
            })
            .collect();
        drop(group);
        waiters.into_iter().for_each(|waiter| waiter.join());
    });
}

#[test]
fn who_waits_for_a_group_has_left_it_whatever_ends_the_wait() {
    everywhere(|_| {
        let group = WaitGroup::new();
        let member = group.clone();
        assert!(!member.wait_timeout(Duration::from_millis(1)));
        let member = group.clone();
        let waiter = spawn(move || member.wait());
        waiter.cancel();
        assert_cancelled(waiter.join());
        let member = group.clone();
        let limited = time::timeout(Duration::from_millis(1), || member.wait());
        assert!(limited.is_err());
        let member = group.clone();
        let panics = spawn(move || {
            let _member = member;
            panic!("as a member (expected)");
        });
        assert!(panics.join().is_err());
        assert!(group.wait_timeout(Duration::MAX));
    });
}

/// `notify_all` wakes some at a time. Meanwhile an arm is woken in vain by another arm of its
/// select, and comes back to its seat.
#[test]
fn all_are_notified_also_behind_one_that_comes_back_to_its_seat() {
    on_workers(1, || {
        let notify = Arc::new(Notify::new());
        let (woken, selected) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let waiter = |_| {
            let (notify, woken) = (notify.clone(), woken.clone());
            spawn_waiting(move || {
                notify.wait();
                woken.fetch_add(1, SeqCst);
            })
        };
        let mut waiters: Vec<_> = (0..15).map(waiter).collect();
        let (to, from) = may::channel::unbounded();
        let (takes, sees) = (from.clone(), selected.clone());
        let waker = Waker::from(std::sync::Arc::new(Meanwhile(move || {
            to.send(()).unwrap();
            takes.try_recv().expect("the other one has not run yet");
            eventually("the select has seen it", || sees.load(SeqCst));
        })));
        let mut future = Box::pin(notify.wait_async());
        assert!(
            future
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let (waits, says) = (notify.clone(), selected.clone());
        let select = spawn_waiting(move || {
            may::select! {
                wait(waits) => says.store(true, SeqCst),
                _ = recv(from) => unreachable!("somebody else has the message"),
            }
        });
        waiters.extend((0..20).map(waiter));
        notify.notify_all();
        for waiter in waiters {
            waiter.join().unwrap();
        }
        select.join().unwrap();
        assert!(!notify.wait_timeout(Duration::ZERO), "it leaves no token");
        assert_eq!(woken.load(SeqCst), 35);
    });
}

/// A waker that does something.
struct Meanwhile<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Meanwhile<F> {
    fn wake(self: std::sync::Arc<Meanwhile<F>>) {
        (self.0)();
    }
}
