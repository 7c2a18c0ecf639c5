//! How a runtime ends: what is given up and what is not, who waits meanwhile, and for how long.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use may::Runtime;
use may::channel::bounded;
use may::coroutine::{self, Builder, Placement, shield};
use may_tests::{OnDrop, alone, assert_cancelled, eventually, message, runtime, watchdog};

/// A coroutine that computes until it is told to stop.
#[derive(Clone, Default)]
struct Computation {
    begun: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Computation {
    fn run(&self) {
        self.begun.store(true, SeqCst);
        while !self.over.load(SeqCst) {
            std::hint::spin_loop();
        }
    }

    fn end(&self) {
        self.over.store(true, SeqCst);
    }
}

#[test]
fn seeds_behind_a_worker_that_never_comes_back_end_when_it_is_given_up() {
    let _watchdog = watchdog();
    // Alone, because its threads stay.
    alone(|| {
        let runtime = runtime(1);
        let dropped = Arc::new(AtomicUsize::new(0));
        let seed = || {
            let dropped = dropped.clone();
            let on_drop = OnDrop(move || {
                dropped.fetch_add(1, SeqCst);
            });
            move || drop(on_drop)
        };
        let (tx, rx) = mpsc::channel();
        let (of_worker, computes) = ((seed(), seed()), Computation::default());
        let computation = computes.clone();
        drop(runtime.spawn(move || {
            let on_worker = coroutine::spawn(of_worker.0);
            let spread = Builder::new().placement(Placement::Spread);
            let spread = spread.spawn(of_worker.1).unwrap();
            tx.send([on_worker, spread]).unwrap();
            computation.run();
        }));
        let mut seeds = Vec::from(rx.recv().unwrap());
        eventually("it computes", || computes.begun.load(SeqCst));
        let placed = Builder::new().placement(Placement::Worker(0));
        seeds.push(runtime.spawn_with(placed, seed()).unwrap());
        seeds.extend((0..20).map(|_| runtime.spawn(seed())));
        let error = runtime.shutdown(Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.coroutines(), 1);
        let count = seeds.len();
        seeds
            .into_iter()
            .for_each(|seed| assert_cancelled(seed.join()));
        assert_eq!(dropped.load(SeqCst), count);
    });
}

#[test]
fn seeds_of_a_worker_that_comes_back_to_be_given_up_end() {
    let _watchdog = watchdog();
    alone(|| {
        let runtime = runtime(1);
        let (tx, rx) = bounded(4);
        let computes = Computation::default();
        let computation = computes.clone();
        // It keeps the worker from ending.
        drop(runtime.spawn(|| {
            shield(|| -> () {
                loop {
                    coroutine::park();
                }
            })
        }));
        drop(runtime.spawn(move || {
            // Only the worker may touch what is not `Send`.
            let of_worker = std::rc::Rc::new(());
            let local = Builder::new().spawn_local(move || drop(of_worker));
            tx.send(local.unwrap()).unwrap();
            computation.run();
        }));
        let local = rx.recv().unwrap();
        eventually("it computes", || computes.begun.load(SeqCst));
        assert!(runtime.shutdown(Duration::from_millis(20)).is_err());
        assert!(!local.is_finished());
        computes.end();
        assert_cancelled(local.join());
    });
}

#[test]
fn what_is_spawned_while_a_runtime_is_given_up_runs_or_ends_or_is_refused() {
    let _watchdog = watchdog();
    alone(|| {
        for _ in 0..50 {
            let runtime = Arc::new(runtime(1));
            let (computes, over) = (Computation::default(), Arc::new(AtomicBool::new(false)));
            let computation = computes.clone();
            drop(runtime.spawn(move || computation.run()));
            eventually("it computes", || computes.begun.load(SeqCst));
            let (spawner, until) = (Arc::downgrade(&runtime), over.clone());
            let (tx, rx) = mpsc::channel();
            let spawns = thread::spawn(move || {
                while !until.load(SeqCst)
                    && let Some(runtime) = spawner.upgrade()
                    && let Ok(handle) = runtime.spawn_with(Builder::new(), || ())
                {
                    let _ = tx.send(handle);
                }
            });
            let mut runtime = runtime;
            let runtime = loop {
                match Arc::try_unwrap(runtime) {
                    Ok(runtime) => break runtime,
                    Err(shared) => runtime = shared,
                }
            };
            let _ = runtime.shutdown(Duration::from_micros(200));
            over.store(true, SeqCst);
            computes.end();
            spawns.join().unwrap();
            rx.into_iter().for_each(|seed| drop(seed.join()));
        }
    });
}

/// Ends a runtime in one of the ways there are.
fn end_by(way: usize, runtime: Runtime) {
    match way {
        0 => assert_eq!(runtime.shutdown(Duration::from_secs(60)), Ok(())),
        _ => drop(runtime),
    }
}

#[test]
fn a_coroutine_that_ends_another_runtime_lets_its_neighbours_run() {
    let _watchdog = watchdog();
    for way in 0..2 {
        let outer = runtime(1);
        outer.run(move || {
            let inner = runtime(1);
            let (tell, told) = bounded::<()>(0);
            let (tx, rx) = bounded::<&str>(0);
            let started = inner.spawn(move || {
                let _says_goodbye = OnDrop(|| tx.send("goodbye").unwrap());
                tell.send(()).unwrap();
                coroutine::park();
            });
            told.recv().unwrap();
            // It waits for a neighbour of who ends its runtime.
            let neighbour = coroutine::spawn_local(move || rx.recv().unwrap());
            end_by(way, inner);
            assert_cancelled(started.join());
            assert_eq!(neighbour.join().unwrap(), "goodbye");
        });
        end_by(way, outer);
    }
}

#[test]
fn whoever_ends_a_runtime_is_not_cancelled_meanwhile() {
    let _watchdog = watchdog();
    let outer = runtime(1);
    outer.run(|| {
        let inner = runtime(1);
        let (go, gate) = bounded::<()>(1);
        let (tell, told) = bounded::<()>(0);
        drop(inner.spawn(move || {
            let _waits = OnDrop(|| gate.recv().unwrap());
            tell.send(()).unwrap();
            coroutine::park();
        }));
        told.recv().unwrap();
        let ends = coroutine::spawn_local(move || {
            let result = may::time::timeout(Duration::from_nanos(1), || {
                inner.shutdown(Duration::from_secs(60))
            });
            assert_eq!(result.ok(), Some(Ok(())));
            coroutine::park();
        });
        coroutine::yield_now();
        ends.cancel();
        coroutine::yield_now();
        assert!(!ends.is_finished());
        go.send(()).unwrap();
        assert_cancelled(ends.join());
    });
}

#[test]
fn a_shutdown_keeps_its_time_though_a_thread_local_takes_long() {
    thread_local! {
        static SLOW: RefCell<Option<mpsc::Receiver<()>>> = const { RefCell::new(None) };
    }
    /// Waits for a message when it is dropped.
    struct Waits;
    impl Drop for Waits {
        fn drop(&mut self) {
            let gate = SLOW.with_borrow_mut(Option::take);
            let _ = gate.unwrap().recv();
        }
    }
    thread_local! {
        static WAITS: RefCell<Option<Waits>> = const { RefCell::new(None) };
    }
    let check = || {
        let runtime = runtime(1);
        let (go, gate) = mpsc::channel::<()>();
        runtime.run(move || {
            SLOW.set(Some(gate));
            WAITS.set(Some(Waits));
        });
        let error = runtime.shutdown(Duration::from_millis(10)).unwrap_err();
        assert_eq!(error.coroutines(), 0);
        assert!(error.to_string().contains("thread-local"), "{error}");
        go.send(()).unwrap();
    };
    let _watchdog = watchdog();
    check();
    let outer = runtime(1);
    outer.run(check);
}

#[test]
fn where_blocking_is_an_error_a_runtime_is_told_to_end_and_not_waited_for() {
    let _watchdog = watchdog();
    let outer = runtime(1);
    outer.run(|| {
        let inner = runtime(1);
        let handle = inner.spawn(coroutine::park);
        coroutine::forbid_blocking(|| drop(inner));
        assert_cancelled(handle.join());
        let inner = runtime(1);
        let handle = inner.spawn(coroutine::park);
        let ends = coroutine::spawn(|| {
            coroutine::forbid_blocking(|| inner.shutdown(Duration::MAX)).is_ok()
        });
        assert!(message(&*ends.join().unwrap_err()).contains("forbid_blocking"));
        assert_cancelled(handle.join());
    });
}

#[test]
fn any_time_will_do_for_a_shutdown() {
    let _watchdog = watchdog();
    for timeout in [Duration::MAX, Duration::from_secs(u64::MAX / 2)] {
        let runtime = runtime(2);
        drop(runtime.spawn(coroutine::park));
        assert_eq!(runtime.shutdown(timeout), Ok(()));
    }
    alone(|| {
        let runtime = runtime(1);
        let computes = Computation::default();
        let computation = computes.clone();
        drop(runtime.spawn(move || computation.run()));
        eventually("it computes", || computes.begun.load(SeqCst));
        let start = Instant::now();
        assert!(runtime.shutdown(Duration::ZERO).is_err());
        assert!(start.elapsed() < Duration::from_secs(30));
    });
}
