//! Runtimes as values: starting, stopping, what is left afterwards, and that an idle one does
//! nothing.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use may::channel::bounded;
use may::coroutine::{self, Builder, Placement};
use may::{Runtime, runtime::config};
use may_tests::{
    OnDrop, alone, assert_cancelled, child, end, eventually, message, runtime, watchdog, with_seeds,
};

#[test]
fn run_borrows_and_returns_and_goes_on_with_a_panic() {
    let _watchdog = watchdog();
    let runtime = runtime(2);
    let words = ["borrowed".to_owned()];
    assert_eq!(runtime.run(|| words[0].len()), 8);
    let payload = catch_unwind(AssertUnwindSafe(|| {
        runtime.run(|| panic!("inside (expected)"))
    }));
    assert_eq!(message(&*payload.unwrap_err()), "inside (expected)");
    assert_eq!(
        runtime.run(|| runtime.run(|| 5)),
        5,
        "from one of its own coroutines, too"
    );
    end(runtime);
}

#[test]
fn several_runtimes_live_side_by_side_and_keep_their_coroutines() {
    let _watchdog = watchdog();
    let names = |name: &str| {
        Runtime::builder()
            .workers(2)
            .thread_name(name)
            .build()
            .expect("a runtime starts")
    };
    let (one, two) = (names("one"), names("two"));
    let (tx, rx) = bounded(1);
    let on_one = one.spawn(move || {
        for i in 0..1_000 {
            tx.send(i).unwrap();
            let inner = coroutine::spawn(|| thread::current().name().map(str::to_owned));
            assert!(inner.join().unwrap().unwrap().starts_with("one-"));
        }
    });
    let on_two = two.spawn(move || {
        assert!(thread::current().name().unwrap().starts_with("two-"));
        rx.iter().sum::<i32>()
    });
    assert_eq!(on_two.join().unwrap(), 499_500);
    on_one.join().unwrap();
    assert_eq!(one.workers(), 2);
    end(one);
    end(two);
}

#[test]
fn a_shutdown_cancels_what_waits_and_what_has_not_started() {
    let _watchdog = watchdog();
    for workers in [1, 3] {
        let runtime = runtime(workers);
        let unwound = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = (0..100)
            .map(|i| {
                let unwound = unwound.clone();
                let on_drop = OnDrop(move || {
                    unwound.fetch_add(1, SeqCst);
                });
                runtime.spawn(move || {
                    let _on_drop = on_drop;
                    match i % 3 {
                        0 => coroutine::park(),
                        1 => coroutine::sleep(Duration::MAX),
                        _ => drop(bounded::<()>(1).1.recv()),
                    }
                })
            })
            .collect();
        end(runtime);
        assert_eq!(unwound.load(SeqCst), 100);
        for (i, handle) in handles.into_iter().enumerate() {
            match i % 3 {
                // Its channel is disconnected, so it may have ended by itself.
                2 => drop(handle.join()),
                _ => assert_cancelled(handle.join()),
            }
        }
    }
}

#[test]
fn destructors_that_block_are_waited_for_by_a_shutdown() {
    let _watchdog = watchdog();
    let runtime = runtime(1);
    let ended = Arc::new(AtomicBool::new(false));
    let (ends, started) = (ended.clone(), Arc::new(AtomicBool::new(false)));
    let says = started.clone();
    runtime.spawn(move || {
        let _slow = OnDrop(|| {
            coroutine::sleep(Duration::from_millis(5));
            ends.store(true, SeqCst);
        });
        says.store(true, SeqCst);
        coroutine::park();
    });
    eventually("it has started", || started.load(SeqCst));
    end(runtime);
    assert!(ended.load(SeqCst));
}

#[test]
fn a_coroutine_that_spawns_for_ever_does_not_keep_a_shutdown_from_ending() {
    let _watchdog = watchdog();
    for workers in [1, 3] {
        let runtime = runtime(workers);
        let refused = Arc::new(AtomicBool::new(false));
        let says = refused.clone();
        runtime.spawn(move || {
            coroutine::shield(|| {
                while let Ok(handle) = Builder::new().spawn(|| ()) {
                    drop(handle);
                    coroutine::yield_now();
                }
                says.store(true, SeqCst);
            });
        });
        end(runtime);
        // It may never have started.
        let _ = refused;
    }
}

#[test]
fn spawning_on_a_runtime_that_stops_is_an_error_that_says_so() {
    let _watchdog = watchdog();
    let runtime = runtime(2);
    let (tx, rx) = bounded(1);
    let started = Arc::new(AtomicBool::new(false));
    let says = started.clone();
    runtime.spawn(move || {
        let _spawns = OnDrop(|| {
            let plain = Builder::new().spawn(|| ()).map(drop);
            let placed = Builder::new()
                .placement(Placement::Worker(1))
                .spawn(|| ())
                .map(drop);
            let local = Builder::new().spawn_local(|| ()).map(drop);
            let panics = catch_unwind(|| drop(coroutine::spawn(|| ()))).is_err();
            tx.send((plain, placed, local, panics)).unwrap();
        });
        says.store(true, SeqCst);
        coroutine::park();
    });
    eventually("it has started", || started.load(SeqCst));
    end(runtime);
    let (plain, placed, local, panics) = rx.recv().unwrap();
    for result in [plain, placed, local] {
        let error = result.unwrap_err().to_string();
        assert!(error.contains("has been shut down"), "{error}");
    }
    assert!(panics);
}

#[test]
fn a_runtime_that_one_of_its_own_coroutines_ends_panics_and_says_so() {
    let _watchdog = watchdog();
    for way in 0..2 {
        let runtime = runtime(2);
        let (tx, rx) = bounded::<Runtime>(1);
        let handle = runtime.spawn(move || {
            let runtime = rx.recv().unwrap();
            match way {
                0 => drop(runtime),
                _ => drop(runtime.shutdown(Duration::from_secs(1))),
            }
        });
        tx.send(runtime).unwrap();
        let text = message(&*handle.join().unwrap_err());
        assert!(text.contains("by one of its own coroutines"), "{text}");
    }
}

#[test]
fn a_runtime_that_is_dropped_while_its_own_coroutine_panics_does_not_abort() {
    let _watchdog = watchdog();
    let runtime = runtime(2);
    let (tx, rx) = bounded::<Runtime>(1);
    let handle = runtime.spawn(move || {
        let _runtime = rx.recv().unwrap();
        panic!("with the runtime in its hands (expected)");
    });
    tx.send(runtime).unwrap();
    assert_eq!(
        message(&*handle.join().unwrap_err()),
        "with the runtime in its hands (expected)"
    );
}

#[test]
fn what_was_given_up_is_counted() {
    let _watchdog = watchdog();
    // Alone, because its threads stay.
    alone(|| {
        let runtime = runtime(2);
        let started = Arc::new(AtomicUsize::new(0));
        for worker in [0, 1] {
            let says = started.clone();
            let placed = Builder::new().placement(Placement::Worker(worker));
            let computes = move || {
                says.fetch_add(1, SeqCst);
                loop {
                    std::hint::spin_loop();
                }
            };
            drop(runtime.spawn_with(placed, computes).unwrap());
        }
        eventually("both compute", || started.load(SeqCst) == 2);
        let error = runtime.shutdown(Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.coroutines(), 2);
        assert!(error.to_string().contains("given up"));
    });
}

#[test]
fn a_coroutine_given_up_while_it_waits_is_passed_by() {
    let _watchdog = watchdog();
    alone(|| {
        let runtime = runtime(1);
        let (tx, rx) = bounded::<u32>(4);
        let started = Arc::new(AtomicBool::new(false));
        let (says, theirs) = (started.clone(), rx.clone());
        drop(runtime.spawn(move || {
            coroutine::shield(|| {
                says.store(true, SeqCst);
                let _ = theirs.recv();
            });
        }));
        eventually("it waits for a message", || started.load(SeqCst));
        let error = runtime.shutdown(Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.coroutines(), 1);
        // The worker parks forever as soon as it sees that; until then the coroutine may still be
        // woken.
        thread::sleep(Duration::from_millis(50));
        tx.send(7).unwrap();
        assert_eq!(rx.recv_timeout(Duration::from_secs(5)), Ok(7));
    });
}

/// The threads of this process by number, with their voluntary switches.
fn threads() -> BTreeMap<String, (String, u64)> {
    let mut threads = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/task").expect("Linux").flatten() {
        let Ok(status) = fs::read_to_string(entry.path().join("status")) else {
            continue;
        };
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_owned())
                .unwrap_or_default()
        };
        let switches = field("voluntary_ctxt_switches:").parse().unwrap_or(0);
        let number = entry.file_name().to_string_lossy().into_owned();
        threads.insert(number, (field("Name:"), switches));
    }
    threads
}

/// How many descriptors this process has open.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux").count()
}

/// Row 20: May 0.3 wakes a hundred times a second when idle. `ci/idle.sh` watches for longer.
#[cfg(target_os = "linux")]
#[test]
fn an_idle_runtime_does_nothing() {
    let seconds: u64 = std::env::var("MAY_IDLE_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(3);
    let _watchdog = may_tests::watchdog_for(Duration::from_secs(60 + seconds));
    alone(move || {
        let runtime = runtime(3);
        // It has worked, and has coroutines that wait, one of them for a far-away moment.
        let handles: Vec<_> = (0..1_000)
            .map(|_| runtime.spawn(coroutine::yield_now))
            .collect();
        handles
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        let waiting = [
            runtime.spawn(coroutine::park),
            runtime.spawn(|| coroutine::sleep(Duration::from_secs(30 * 24 * 3_600))),
            runtime.spawn(|| {
                let _ = bounded::<()>(1).1.recv_timeout(Duration::MAX);
            }),
        ];
        let workers = || -> Vec<(String, u64)> {
            threads()
                .into_values()
                .filter(|(name, _)| name.starts_with("may-worker"))
                .collect()
        };
        // Falling asleep takes a moment: memory is given back first, once.
        thread::sleep(Duration::from_millis(500));
        let before = workers();
        assert_eq!(before.len(), 3, "{before:?}");
        thread::sleep(Duration::from_secs(seconds));
        assert_eq!(workers(), before);
        waiting.iter().for_each(coroutine::JoinHandle::cancel);
        end(runtime);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_runtime_that_was_shut_down_leaves_no_thread_and_no_descriptor() {
    let _watchdog = watchdog();
    alone(|| {
        let before = (threads().len(), descriptors());
        for round in 0..20 {
            let runtime = runtime(3);
            for _ in 0..100 {
                drop(runtime.spawn(coroutine::park));
            }
            if round % 2 == 0 {
                runtime.run(|| coroutine::sleep(Duration::from_micros(500)));
            }
            assert!(threads().len() >= before.0 + 3);
            end(runtime);
            assert_eq!(descriptors(), before.1);
            // The system lists a thread for a moment after it can be joined.
            eventually("its threads are gone", || threads().len() == before.0);
        }
    });
}

#[test]
fn starting_and_stopping_many_times_loses_nothing() {
    let _watchdog = watchdog();
    with_seeds(100, |mut random| {
        let runtime = runtime(1 + random.below(4) as usize);
        let count = Arc::new(AtomicUsize::new(0));
        let spawned = random.below(50) as usize;
        let handles: Vec<_> = (0..spawned)
            .map(|_| {
                let counted = OnDrop({
                    let count = count.clone();
                    move || {
                        count.fetch_add(1, SeqCst);
                    }
                });
                let yields = random.below(4);
                runtime.spawn(move || {
                    let _counted = counted;
                    (0..yields).for_each(|_| coroutine::yield_now());
                })
            })
            .collect();
        end(runtime);
        assert_eq!(count.load(SeqCst), spawned);
        assert!(handles.iter().all(coroutine::JoinHandle::is_finished));
    });
}

#[test]
fn the_default_runtime_takes_its_settings_before_it_starts_and_not_after() {
    let _watchdog = watchdog();
    alone(|| {
        config()
            .workers(3)
            .unwrap()
            .thread_name("mine")
            .unwrap()
            .stack_size(64 << 10)
            .unwrap();
        let name = coroutine::spawn(|| thread::current().name().map(str::to_owned));
        assert!(name.join().unwrap().unwrap().starts_with("mine-"));
        // A thread gives itself its name.
        let named = |(name, _): &(String, u64)| name.starts_with("mine-");
        eventually("there are three", || {
            threads().values().filter(|thread| named(thread)).count() == 3
        });
        let error = config().workers(2).unwrap_err();
        assert!(error.to_string().contains("has started already"), "{error}");
    });
}

#[test]
fn the_environment_sets_the_number_of_workers_and_nonsense_counts_as_not_set() {
    let _watchdog = watchdog();
    for (value, expected) in [("3", Some(3)), ("0", None), ("many", None)] {
        let (text, succeeded) = child(&[("MAY_WORKERS", value), ("MAY_STACK", "64k")], || {
            coroutine::spawn(|| ()).join().unwrap();
            // A thread gives itself its name.
            thread::sleep(Duration::from_millis(50));
            let workers = threads();
            let workers = workers
                .values()
                .filter(|(name, _)| name.starts_with("may-worker"));
            println!("workers: {}.", workers.count());
        });
        assert!(succeeded, "{text}");
        let expected =
            expected.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
        assert!(
            text.contains(&format!("workers: {expected}.")),
            "{value}: {text}"
        );
    }
}

/// Row 17: 8.2 ms in May 0.3, which makes a thousand stacks first.
#[test]
fn the_first_spawn_and_join_takes_less_than_five_milliseconds() {
    let _watchdog = watchdog();
    // The best of some processes: on a machine that is busy with something else a thread may not
    // get its turn in that time.
    let mut runs = (0..20).map(|_| {
        let (text, succeeded) = child(&[], || {
            let start = Instant::now();
            assert_eq!(coroutine::spawn(|| 1).join().unwrap(), 1);
            println!("it took {} us", start.elapsed().as_micros());
        });
        assert!(succeeded, "{text}");
        let (_, took) = text.split_once("it took ").expect("the child says it");
        let (took, _) = took.split_once(" us").expect("in microseconds");
        took.parse::<u64>().expect("a number")
    });
    assert!(runs.any(|took| took < 5_000));
}

/// Row 8: with one of two workers blocked, half of the spawns of May 0.3 start when it is free
/// again.
#[test]
fn a_blocked_worker_keeps_nobody_from_starting() {
    let _watchdog = watchdog();
    alone(|| {
        let runtime = runtime(2);
        let blocked = Arc::new(AtomicBool::new(false));
        let says = blocked.clone();
        let (release, released) = std::sync::mpsc::channel();
        let blocker = runtime.spawn(move || {
            says.store(true, SeqCst);
            released.recv().unwrap();
        });
        eventually("a worker is blocked", || blocked.load(SeqCst));
        let handles: Vec<_> = (0..100).map(|_| runtime.spawn(|| ())).collect();
        // All of them, before the worker is free again.
        handles
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        release.send(()).unwrap();
        blocker.join().unwrap();
        end(runtime);
    });
}

/// The same for what the blocked worker has spawned itself.
#[test]
fn what_a_worker_spawned_before_it_blocked_starts_elsewhere() {
    let _watchdog = watchdog();
    alone(|| {
        let runtime = runtime(2);
        runtime.run(|| {
            let (say, started) = std::sync::mpsc::channel();
            let handles: Vec<_> = (0..100)
                .map(|_| {
                    let say = say.clone();
                    coroutine::spawn(move || say.send(()).unwrap())
                })
                .collect();
            // This blocks the thread until each has started.
            (0..100).for_each(|_| started.recv().unwrap());
            handles
                .into_iter()
                .for_each(|handle| handle.join().unwrap());
        });
        end(runtime);
    });
}

/// Row 9: 512 ms in May 0.3, whose timer thread runs user code.
#[test]
fn a_sleeper_that_started_beside_a_computation_wakes_in_time() {
    let _watchdog = watchdog();
    alone(|| {
        let runtime = runtime(2);
        let (started, done) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (says, stops) = (started.clone(), done.clone());
        let computes = runtime.spawn(move || {
            coroutine::sleep(Duration::from_millis(5));
            says.store(1, SeqCst);
            while !stops.load(SeqCst) {
                std::hint::spin_loop();
            }
        });
        eventually("one worker computes", || started.load(SeqCst) == 1);
        let slept = runtime.spawn(|| {
            let start = Instant::now();
            coroutine::sleep(Duration::from_millis(10));
            start.elapsed()
        });
        let slept = slept.join().unwrap();
        println!("{slept:?}");
        assert!((10..120).contains(&slept.as_millis()), "{slept:?}");
        done.store(true, SeqCst);
        computes.join().unwrap();
        end(runtime);
    });
}
