//! `time::timeout`: what it interrupts, whose limit counts, what is in order afterwards, and when
//! it has to wait. And `interval`. (`matrix` has it for every blocking call.)

use std::panic::{catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use may::channel::{self, bounded};
use may::coroutine::{self, TaskGroup, sleep, spawn};
use may::sync::{Arc, Condvar, Mutex, RwLock, Semaphore};
use may::time::{Elapsed, MissedTicks, interval, interval_at, timeout, timeout_at};
use may_tests::{
    Kind, OnDrop, alone, assert_cancelled, everywhere, in_place, on_workers, spawn_waiting,
    watchdog,
};

const SHORT: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3_600);

/// A wait without end.
fn for_ever<T>() -> T {
    loop {
        sleep(Duration::MAX);
    }
}

/// Runs `f` below so many frames.
fn at_depth(depth: usize, f: &dyn Fn()) {
    match depth {
        0 => f(),
        _ => at_depth(std::hint::black_box(depth - 1), f),
    }
}

#[test]
fn whatever_blocks_is_interrupted_at_any_depth() {
    everywhere(|_| {
        let (tx, rx) = bounded::<u32>(1);
        tx.send(1).unwrap();
        let (_nobody, nothing) = bounded::<u32>(0);
        let lock = Mutex::new(0);
        let held = lock.lock().unwrap();
        let never = Condvar::new();
        let semaphore = Semaphore::new(0);
        let read = RwLock::new(0);
        let reading = read.read().unwrap();
        let calls: [&dyn Fn(); 9] = [
            &|| for_ever(),
            &|| coroutine::park_timeout(LONG),
            &|| assert!(tx.send(2).is_err()),
            &|| assert!(nothing.recv_timeout(LONG).is_err()),
            &|| drop(lock.lock()),
            &|| drop(never.wait(Mutex::new(0).lock().unwrap())),
            &|| drop(semaphore.acquire()),
            &|| drop(read.write()),
            &|| assert!(channel::never::<u32>().recv().is_err()),
        ];
        for call in calls {
            let start = Instant::now();
            // Parks may return for no reason.
            let result: Result<(), Elapsed> = timeout(SHORT, || {
                loop {
                    at_depth(50, call);
                }
            });
            assert!(result.is_err());
            assert!(start.elapsed() >= SHORT);
        }
        drop((held, reading));
        assert_eq!((rx.recv(), rx.try_recv().is_err()), (Ok(1), true));
        assert!(!lock.is_poisoned() && !read.is_poisoned());
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn the_value_counts_however_late() {
    everywhere(|_| {
        assert_eq!(timeout(LONG, || 1), Ok(1));
        assert_eq!(timeout(Duration::ZERO, || 2), Ok(2), "nothing blocks");
        let computed = timeout(SHORT, || {
            let start = Instant::now();
            while start.elapsed() < 2 * SHORT {
                std::hint::spin_loop();
            }
            3
        });
        assert_eq!(computed, Ok(3));
        let (tx, rx) = bounded(1);
        tx.send(4).unwrap();
        assert_eq!(
            timeout(Duration::ZERO, || rx.recv()),
            Ok(Ok(4)),
            "this can finish at once"
        );
        assert_eq!(timeout(Duration::MAX, || sleep(SHORT)), Ok(()));
        assert!(timeout_at(Instant::now(), for_ever::<()>).is_err());
        assert!(timeout_at(Instant::now() + SHORT, for_ever::<()>).is_err());
        assert!(timeout(Duration::ZERO, for_ever::<()>).is_err());
    });
}

#[test]
fn a_panic_goes_through() {
    everywhere(|_| {
        let result = catch_unwind(|| timeout(LONG, || resume_unwind(Box::new(5))));
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&5));
        // And its limit is gone.
        sleep(SHORT);
    });
}

#[test]
fn limits_nest_and_each_is_caught_by_the_frame_that_set_it() {
    everywhere(|_| {
        // The inner one is shorter: the outer code goes on.
        let result = timeout(LONG, || {
            assert!(timeout(SHORT, for_ever::<()>).is_err());
            sleep(SHORT);
            1
        });
        assert_eq!(result, Ok(1));
        // The inner one is longer, or has no end: it is not the one that is up.
        for inner in [LONG, Duration::MAX] {
            let passed = AtomicBool::new(false);
            let result = timeout(SHORT, || {
                let _ = timeout(inner, for_ever::<()>);
                passed.store(true, SeqCst);
            });
            assert!(result.is_err() && !passed.load(SeqCst));
        }
        // Equal: the outer one.
        let passed = AtomicBool::new(false);
        let deadline = Instant::now() + SHORT;
        let result = timeout_at(deadline, || {
            let _ = timeout_at(deadline, for_ever::<()>);
            passed.store(true, SeqCst);
        });
        assert!(result.is_err() && !passed.load(SeqCst));
        // Five deep, where the one in the middle is the earliest.
        let reached = AtomicUsize::new(0);
        let level = |n: usize| {
            reached.fetch_max(n, SeqCst);
        };
        let result = timeout(LONG, || {
            let result = timeout(LONG / 2, || {
                let result = timeout(SHORT, || {
                    let _ = timeout(LONG, || timeout(LONG, for_ever::<()>));
                    level(3);
                });
                assert!(result.is_err());
                level(2);
            });
            assert!(result.is_ok());
        });
        assert!(result.is_ok() && reached.load(SeqCst) == 2);
        // Afterwards there is no limit.
        sleep(2 * SHORT);
    });
}

#[test]
fn an_outer_limit_that_is_up_meanwhile_is_raised_by_the_next_wait() {
    everywhere(|_| {
        let result = timeout(2 * SHORT, || {
            let inner = timeout(SHORT, || {
                let start = Instant::now();
                while start.elapsed() < 3 * SHORT {
                    std::hint::spin_loop();
                }
                for_ever::<()>();
            });
            // Both are up: the earlier one is caught here, the other one raised below.
            assert!(inner.is_err());
            for_ever::<()>();
        });
        assert!(result.is_err());
    });
}

#[test]
fn a_limit_that_was_swallowed_is_raised_again() {
    everywhere(|_| {
        let swallowed = AtomicUsize::new(0);
        let result = timeout(SHORT, || {
            for _ in 0..5 {
                assert!(catch_unwind(for_ever::<()>).is_err());
                swallowed.fetch_add(1, SeqCst);
            }
            for_ever::<()>();
        });
        assert!(result.is_err());
        assert_eq!(swallowed.load(SeqCst), 5);
        assert_eq!(
            timeout(SHORT, || {
                let _ = catch_unwind(for_ever::<()>);
                7
            }),
            Ok(7),
            "who gets to the end has a value"
        );
    });
}

#[test]
fn locks_are_given_back_and_not_poisoned() {
    everywhere(|place| {
        let lock = Arc::new(Mutex::new(0));
        let read_write = RwLock::new(0);
        let result = timeout(SHORT, || {
            let mut held = lock.lock().unwrap();
            let mut written = read_write.write().unwrap();
            *held = 1;
            *written = 1;
            for_ever::<()>();
        });
        assert!(result.is_err());
        let other = lock.clone();
        place
            .start(move || assert_eq!(*other.lock().unwrap(), 1))
            .join();
        assert_eq!(*read_write.read().unwrap(), 1);
        // A panic that follows does poison.
        let result = catch_unwind(|| {
            timeout(SHORT, || {
                let _held = lock.lock().unwrap();
                let _ = catch_unwind(for_ever::<()>);
                panic!("for reasons of its own (expected)");
            })
        });
        assert!(result.is_err() && lock.is_poisoned());
        // And one after an elapsed limit, too.
        lock.clear_poison();
        assert!(timeout(SHORT, for_ever::<()>).is_err());
        let result = catch_unwind(|| {
            let _held = lock.lock().unwrap();
            panic!("once more (expected)");
        });
        assert!(result.is_err() && lock.is_poisoned());
    });
}

/// A limit around a scope, whose children wait forever: with the limit reached in its body, and
/// while it waits for them.
fn around_a_scope() {
    for in_body in [true, false] {
        let (started, gone) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let result = timeout(20 * SHORT, || {
            coroutine::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| {
                        let _gone = OnDrop(|| {
                            gone.fetch_add(1, SeqCst);
                        });
                        started.fetch_add(1, SeqCst);
                        // It takes its time to end.
                        let _slow = OnDrop(|| sleep(SHORT));
                        for_ever::<()>();
                    });
                }
                if in_body {
                    for_ever::<()>();
                }
            });
        });
        assert!(result.is_err());
        // The frame that they borrow from is still there, so they have ended.
        assert_eq!(gone.load(SeqCst), started.load(SeqCst));
    }
}

#[test]
fn a_scope_cancels_its_children_and_waits_for_them() {
    on_workers(1, around_a_scope);
    on_workers(3, around_a_scope);
}

/// In a process of its own, because what goes wrong here ends it.
#[test]
fn a_scope_of_a_plain_thread_cancels_its_children_and_waits_for_them() {
    let _watchdog = watchdog();
    alone(around_a_scope);
}

#[test]
fn a_shield_defers_the_limit() {
    everywhere(|_| {
        let passed = AtomicUsize::new(0);
        let result = timeout(SHORT, || {
            coroutine::shield(|| {
                sleep(3 * SHORT);
                passed.store(1, SeqCst);
            });
            for_ever::<()>();
            passed.store(2, SeqCst);
        });
        assert!(result.is_err());
        assert_eq!(
            passed.load(SeqCst),
            1,
            "behind a shield nothing is interrupted"
        );
    });
}

#[test]
fn the_result_of_a_task_is_not_lost_to_a_limit() {
    everywhere(|_| {
        for _ in 0..20 {
            let mut group = TaskGroup::new();
            group.spawn(|| {
                // Its guard says that it has ended before it has.
                let _slow = OnDrop(|| sleep(SHORT / 10));
                1
            });
            let mut got = None;
            while got.is_none() {
                match timeout(SHORT / 20, || group.join_next()) {
                    Ok(next) => got = Some(next.expect("it is still there").unwrap()),
                    Err(_) => assert_eq!(group.len(), 1, "nothing was taken"),
                }
            }
            assert_eq!(got, Some(1));
        }
    });
}

#[test]
fn a_cancellation_goes_through_all_limits() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let passed = Arc::new(AtomicBool::new(false));
            let passes = passed.clone();
            let handle = spawn_waiting(move || {
                let _ = timeout(LONG, || timeout(LONG, for_ever::<()>));
                passes.store(true, SeqCst);
            });
            handle.cancel();
            assert_cancelled(handle.join());
            assert!(!passed.load(SeqCst));
            // Both at once: it ends as cancelled, at the latest after the limit.
            for round in 0..300 {
                let handle = spawn(move || {
                    let _ = timeout(Duration::from_micros(round), for_ever::<()>);
                    for_ever::<()>();
                });
                coroutine::sleep(Duration::from_micros(round / 2));
                handle.cancel();
                assert_cancelled(handle.join());
            }
        });
    }
}

#[test]
fn nothing_is_raised_while_unwinding() {
    everywhere(|_| {
        let ended = AtomicUsize::new(0);
        // Because of the limit itself, whose destructors may block.
        let result = timeout(SHORT, || {
            let _blocks = OnDrop(|| {
                sleep(2 * SHORT);
                ended.fetch_add(1, SeqCst);
            });
            for_ever::<()>();
        });
        assert!(result.is_err() && ended.load(SeqCst) == 1);
        // Because of a panic, in whose destructors the limit is reached.
        let result = catch_unwind(|| {
            timeout(SHORT, || {
                let _blocks = OnDrop(|| {
                    sleep(3 * SHORT);
                    ended.fetch_add(1, SeqCst);
                });
                resume_unwind(Box::new(6));
            })
        });
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&6));
        assert_eq!(ended.load(SeqCst), 2);
        sleep(SHORT);
    });
}

#[test]
fn a_loop_of_yields_is_interrupted() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let result: Result<(), Elapsed> = timeout(SHORT, || {
                loop {
                    coroutine::yield_now();
                }
            });
            assert!(result.is_err());
            // So is one of calls that need not wait.
            let (tx, rx) = bounded(1);
            let result: Result<(), Elapsed> = timeout(SHORT, || {
                loop {
                    tx.send(1).unwrap();
                    rx.recv().unwrap();
                }
            });
            assert!(result.is_err());
        });
    }
}

#[test]
fn a_limit_beside_a_neighbour_that_unwinds_is_raised_in_time() {
    on_workers(1, || {
        let (go_on, gate) = bounded::<()>(1);
        let unwinds = spawn_waiting(move || {
            let _block_at_the_end = OnDrop(|| gate.recv().unwrap());
            panic!("and block in a destructor (expected)");
        });
        let handle = spawn_waiting(|| {
            coroutine::yield_now();
            timeout(SHORT, for_ever::<()>)
        });
        assert!(handle.join().unwrap().is_err());
        assert!(!unwinds.is_finished());
        go_on.send(()).unwrap();
        assert!(unwinds.join().is_err());
    });
}

#[test]
fn a_limit_is_its_frames_and_not_that_of_what_it_starts() {
    everywhere(|place| {
        let handle = timeout(SHORT, || {
            spawn(|| {
                sleep(3 * SHORT);
                1
            })
        });
        assert_eq!(handle.unwrap().join().unwrap(), 1);
        // Nor that of others on the same worker.
        let others: Vec<_> = (0..4).map(|_| place.start(|| sleep(3 * SHORT))).collect();
        assert!(timeout(SHORT, for_ever::<()>).is_err());
        others.into_iter().for_each(|other| other.join());
    });
}

#[test]
fn after_an_elapsed_limit_all_is_as_before() {
    on_workers(1, || {
        let lock = Mutex::new(0);
        for i in 0..100_000 {
            assert!(timeout(Duration::ZERO, || sleep(LONG)).is_err());
            *lock.lock().unwrap() += 1;
            assert!(i % 1_000 != 0 || spawn(move || i).join().is_ok());
        }
        assert!(!coroutine::panicking() && !std::thread::panicking());
        assert_eq!(*lock.lock().unwrap(), 100_000);
    });
    in_place(Kind::Threads, |_| {
        for _ in 0..10_000 {
            assert!(timeout(Duration::ZERO, || sleep(LONG)).is_err());
        }
        sleep(SHORT);
    });
}

/// Bytes resident.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = status.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

#[cfg(target_os = "linux")]
#[test]
fn elapsed_limits_leave_no_memory_behind() {
    let _watchdog = watchdog();
    alone(|| {
        on_workers(1, || {
            let elapse = |n| {
                for _ in 0..n {
                    let result = timeout(Duration::ZERO, || {
                        let _big = vec![1_u8; 256];
                        sleep(LONG);
                    });
                    assert!(result.is_err());
                }
            };
            elapse(10_000);
            let before = resident();
            elapse(100_000);
            let more = resident().saturating_sub(before);
            assert!(more < 2 << 20, "{more} bytes more");
        });
    });
}

#[test]
fn an_interval_keeps_its_schedule() {
    everywhere(|_| {
        let start = Instant::now();
        let mut ticks = interval(SHORT);
        assert_eq!(ticks.period(), SHORT);
        let first = ticks.tick();
        assert!(first >= start);
        for i in 1..10 {
            let next = ticks.next_tick();
            assert_eq!(ticks.tick(), next);
            assert_eq!(next, first + SHORT * i);
            assert!(Instant::now() >= next);
        }
        let start = Instant::now() + SHORT;
        let mut ticks = interval_at(start, LONG).missed_ticks(MissedTicks::Skip);
        assert_eq!(ticks.tick(), start);
        // The tick is not taken by one that is interrupted.
        let next = ticks.next_tick();
        assert!(timeout(SHORT, || ticks.tick()).is_err());
        assert_eq!(ticks.next_tick(), next);
        ticks.reset();
        assert!(ticks.next_tick() > next);
    });
    assert!(catch_unwind(|| interval(Duration::ZERO)).is_err());
}

#[test]
fn an_interval_that_is_late_does_as_it_was_told() {
    everywhere(|_| {
        let late = |missed| {
            let start = Instant::now();
            let mut ticks = interval_at(start, SHORT).missed_ticks(missed);
            sleep(5 * SHORT);
            let before = Instant::now();
            (start, before, ticks.tick(), ticks.next_tick())
        };
        let (start, _, tick, next) = late(MissedTicks::Burst);
        assert_eq!((tick, next), (start, start + SHORT));
        let (start, before, tick, next) = late(MissedTicks::Delay);
        assert!(tick == start && next >= before + SHORT);
        let (start, before, tick, next) = late(MissedTicks::Skip);
        assert!(tick == start && next >= before);
        let periods = (next - start).as_nanos();
        assert_eq!(periods % SHORT.as_nanos(), 0, "a time of the schedule");
    });
}

#[test]
fn a_worker_with_thousands_of_limits_reaches_each() {
    on_workers(2, || {
        let (says, hears) = mpsc::channel();
        let handles: Vec<_> = (0..5_000_u64)
            .map(|i| {
                let says = says.clone();
                spawn(move || {
                    let limit = Duration::from_micros(i % 2_000);
                    let start = Instant::now();
                    let result = timeout(limit, || timeout(LONG, coroutine::park));
                    assert!(result.is_err() && start.elapsed() >= limit);
                    says.send(()).unwrap();
                })
            })
            .collect();
        handles
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        assert_eq!(hears.try_iter().count(), 5_000);
    });
}
