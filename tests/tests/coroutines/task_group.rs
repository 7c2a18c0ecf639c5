//! `coroutine::TaskGroup`: results as they come, whatever becomes of the members, of the group, and
//! of the one that waits for it.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::channel::bounded;
use may::coroutine::{self, Builder, Cancelled, JoinError, Placement, TaskGroup, spawn};
use may::sync::{Arc, Mutex};
use may::time;
use may_tests::{
    OnDrop, assert_cancelled, eventually, everywhere, message, on_workers, spawn_waiting,
    with_seeds,
};

const LONG: Duration = Duration::from_secs(3_600);

#[test]
fn results_come_as_the_members_finish() {
    everywhere(|_| {
        let mut group = TaskGroup::new();
        let gates: Vec<_> = (0..5)
            .map(|i| {
                let (open, gate) = bounded::<()>(1);
                group.spawn(move || {
                    gate.recv().unwrap();
                    i
                });
                open
            })
            .collect();
        assert_eq!((group.len(), group.is_empty()), (5, false));
        assert!(group.try_join_next().is_none());
        for i in [3, 0, 4, 2, 1] {
            gates[i].send(()).unwrap();
            assert_eq!(group.join_next().unwrap().unwrap(), i);
        }
        assert!(group.is_empty());
        assert!(group.join_next().is_none() && group.try_join_next().is_none());
        // It can be used again.
        group.spawn(|| 9);
        eventually("the member has ended", || match group.try_join_next() {
            Some(result) => result.unwrap() == 9,
            None => false,
        });
        assert!(group.join_next().is_none());
    });
}

#[test]
fn all_results_come_in_the_order_in_which_the_members_ended() {
    everywhere(|_| {
        let mut group = TaskGroup::new();
        let order = Arc::new(Mutex::new(0));
        for _ in 0..50 {
            let order = order.clone();
            group.spawn(move || {
                coroutine::yield_now();
                let mut order = order.lock().unwrap();
                *order += 1;
                *order
            });
        }
        let mut ends: Vec<_> = group.join_all().into_iter().map(Result::unwrap).collect();
        // On several workers one may be overtaken between the lock and its end.
        ends.sort_unstable();
        assert!(ends.into_iter().eq(1..=50));
        assert!(TaskGroup::<()>::new().join_all().is_empty());
    });
    on_workers(1, || {
        let mut group = TaskGroup::new();
        let gates: Vec<_> = (0..5)
            .map(|i| {
                let (open, gate) = bounded::<()>(1);
                group.spawn(move || gate.recv().map(|()| i));
                open
            })
            .collect();
        let opener = spawn(move || {
            for i in [4, 1, 3, 0, 2] {
                gates[i].send(()).unwrap();
                (0..3).for_each(|_| coroutine::yield_now());
            }
        });
        let ends = group
            .join_all()
            .into_iter()
            .map(|end| end.unwrap().unwrap());
        assert!(ends.eq([4, 1, 3, 0, 2]));
        opener.join().unwrap();
    });
}

#[test]
fn a_panic_is_the_result_of_its_member_alone() {
    everywhere(|_| {
        let mut group = TaskGroup::new();
        for i in 0..6 {
            group.spawn(move || {
                assert!(i % 2 == 0, "number {i} (expected)");
                i
            });
        }
        let (good, bad): (Vec<_>, Vec<_>) = group.join_all().into_iter().partition(Result::is_ok);
        let mut good: Vec<_> = good.into_iter().map(Result::unwrap).collect();
        good.sort_unstable();
        assert_eq!(good, [0, 2, 4]);
        let mut bad: Vec<_> = bad
            .into_iter()
            .map(|end| message(&*end.unwrap_err()))
            .collect();
        bad.sort_unstable();
        assert_eq!(bad, [1, 3, 5].map(|i| format!("number {i} (expected)")));
    });
}

#[test]
fn the_rest_can_be_cancelled_when_the_first_has_won() {
    everywhere(|_| {
        for _ in 0..20 {
            let mut group = TaskGroup::new();
            for i in 0..8 {
                group.spawn(move || {
                    if i != 5 {
                        coroutine::sleep(LONG);
                    }
                    i
                });
            }
            assert_eq!(group.join_next().unwrap().unwrap(), 5);
            group.cancel();
            let ends = group.join_all();
            assert_eq!(ends.len(), 7);
            ends.into_iter().for_each(assert_cancelled);
        }
    });
}

#[test]
fn members_that_were_cancelled_before_they_started_end_as_well() {
    on_workers(1, || {
        let ran = Arc::new(AtomicUsize::new(0));
        let dropped = Arc::new(AtomicUsize::new(0));
        let mut group = TaskGroup::new();
        for _ in 0..100 {
            let (runs, drops) = (ran.clone(), dropped.clone());
            let on_drop = OnDrop(move || {
                drops.fetch_add(1, SeqCst);
            });
            group.spawn(move || {
                let _on_drop = on_drop;
                runs.fetch_add(1, SeqCst);
            });
        }
        group.cancel();
        let ends = group.join_all();
        assert_eq!(ends.len(), 100);
        ends.into_iter().for_each(assert_cancelled);
        assert_eq!((ran.load(SeqCst), dropped.load(SeqCst)), (0, 100));
    });
}

#[test]
fn one_member_can_be_cancelled_by_its_coroutine() {
    everywhere(|_| {
        let mut group = TaskGroup::new();
        let one = group.spawn(|| coroutine::sleep(LONG)).clone();
        let placed = Builder::new()
            .name("a member".to_owned())
            .placement(Placement::Worker(0));
        let other = group.spawn_with(placed, coroutine::park).unwrap().clone();
        assert_eq!(other.name(), Some("a member"));
        assert_ne!(one.id(), other.id());
        other.unpark();
        assert!(group.join_next().unwrap().is_ok());
        assert_eq!(group.len(), 1);
        group.cancel();
        assert_cancelled(group.join_next().unwrap());
    });
}

#[test]
fn members_that_are_left_at_the_deadline_are_cancelled() {
    everywhere(|_| {
        let deadline = Instant::now() + Duration::from_millis(5);
        let mut group = TaskGroup::new().deadline(deadline);
        for i in 0..4 {
            group.spawn(move || {
                if i > 1 {
                    coroutine::sleep(LONG);
                }
                i
            });
        }
        let ends = group.join_all();
        assert!(Instant::now() >= deadline);
        assert_eq!(ends.len(), 4);
        let cancelled = |end: &coroutine::Result<i32>| {
            end.as_ref().is_err_and(|payload| payload.is::<Cancelled>())
        };
        // Should the machine have stood still so long, the first ones were cancelled, too.
        assert!(ends.iter().filter(|end| cancelled(end)).count() >= 2);
        assert!(ends.iter().all(|end| end.is_ok() || cancelled(end)));
        // Nothing happens at the deadline if all have ended before.
        let mut group = TaskGroup::new().deadline(Instant::now() + LONG);
        group.spawn(|| 1);
        assert_eq!(group.join_next().unwrap().unwrap(), 1);
        let mut group = TaskGroup::new().deadline(Instant::now());
        group.spawn(|| coroutine::sleep(LONG));
        assert_cancelled(group.join_next().unwrap());
    });
}

#[test]
fn a_group_that_is_dropped_cancels_its_members_and_does_not_wait() {
    everywhere(|_| {
        let gone = Arc::new(AtomicUsize::new(0));
        let started = Arc::new(AtomicUsize::new(0));
        let (open, gate) = bounded::<()>(1);
        let mut group = TaskGroup::new();
        for _ in 0..3 {
            let (starts, goes, gate) = (started.clone(), gone.clone(), gate.clone());
            group.spawn(move || {
                let _slow = OnDrop(|| {
                    // It does not end before this one has been dropped.
                    let _ = gate.recv();
                    goes.fetch_add(1, SeqCst);
                });
                starts.fetch_add(1, SeqCst);
                coroutine::sleep(LONG);
            });
        }
        eventually("all have started", || started.load(SeqCst) == 3);
        drop(group);
        assert_eq!(gone.load(SeqCst), 0);
        drop((open, gate));
        eventually("all have ended", || gone.load(SeqCst) == 3);
    });
}

#[test]
fn who_waits_for_a_group_and_is_cancelled_takes_the_members_with_him() {
    on_workers(2, || {
        let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let shared = counts.clone();
        let owner = spawn_waiting(move || {
            let mut group = TaskGroup::new();
            for _ in 0..3 {
                let counts = shared.clone();
                group.spawn(move || {
                    let [started, gone] = &*counts;
                    let _gone = OnDrop(|| {
                        gone.fetch_add(1, SeqCst);
                    });
                    started.fetch_add(1, SeqCst);
                    coroutine::sleep(LONG);
                });
            }
            group.join_all().len()
        });
        let [started, gone] = &*counts;
        eventually("all have started", || started.load(SeqCst) == 3);
        assert!(!owner.is_finished());
        owner.cancel();
        assert_cancelled(owner.join());
        eventually("all have ended", || gone.load(SeqCst) == 3);
    });
}

#[test]
fn a_wait_that_is_interrupted_has_taken_no_result() {
    everywhere(|_| {
        with_seeds(2, |mut random| {
            const MEMBERS: usize = 60;
            let mut group = TaskGroup::new();
            for i in 0..MEMBERS {
                let delay = Duration::from_nanos(random.below(300_000));
                group.spawn(move || {
                    coroutine::sleep(delay);
                    i
                });
            }
            let mut got = [false; MEMBERS];
            while !group.is_empty() {
                let limit = Duration::from_nanos(random.below(50_000));
                if let Ok(end) = time::timeout(limit, || group.join_next()) {
                    let i = end.expect("one is left").unwrap();
                    assert!(!std::mem::replace(&mut got[i], true));
                }
            }
            assert_eq!(got, [true; MEMBERS]);
        });
    });
}

#[test]
fn members_end_in_all_ways_at_once_and_each_is_counted() {
    for workers in [1, 2, 4] {
        on_workers(workers, || {
            with_seeds(3, |mut random| {
                let mut group = TaskGroup::new();
                for _ in 0..300 {
                    let what = random.below(4);
                    let member = group.spawn(move || match what {
                        0 => 1,
                        1 => std::panic::resume_unwind(Box::new("by chance")),
                        2 => {
                            coroutine::sleep(LONG);
                            2
                        }
                        _ => {
                            coroutine::yield_now();
                            3
                        }
                    });
                    if what == 3 {
                        member.unpark();
                    }
                    if random.below(10) == 0 {
                        drop(group.try_join_next());
                    }
                }
                (0..random.below(4)).for_each(|_| coroutine::yield_now());
                group.cancel();
                let left = group.len();
                let ends = group.join_all();
                assert_eq!(ends.len(), left);
                for end in ends {
                    match end.map_err(JoinError::from) {
                        Ok(value) => assert!(value == 1 || value == 3),
                        Err(JoinError::Cancelled) => {}
                        Err(error) => assert_eq!(error.panic_message(), Some("by chance")),
                    }
                }
            });
        });
    }
}
