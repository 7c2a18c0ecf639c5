//! Spawning and joining: results, names, numbers, placement, stealing, and that a coroutine that
//! has started stays where it is.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use may::channel::bounded;
use may::coroutine::{self, Builder, JoinHandle, Placement, spawn};
use may_tests::{OnDrop, eventually, everywhere, on_workers, runtime, watchdog, with_seeds};

#[test]
fn join_returns_what_the_coroutine_returned() {
    everywhere(|_| {
        assert_eq!(spawn(|| "text".to_owned()).join().unwrap(), "text");
        assert_eq!(spawn(|| [7_u64; 100]).join().unwrap(), [7; 100]);
        spawn(|| ()).join().unwrap();
    });
}

#[test]
fn large_closures_and_results_travel_whole() {
    everywhere(|_| {
        let input = [3_u8; 4_000];
        let output = spawn(move || input.map(|byte| byte + 1)).join().unwrap();
        assert!(output.iter().all(|byte| *byte == 4));
    });
}

#[repr(align(64))]
struct Aligned(u8);

#[test]
fn aligned_closures_and_results_are_aligned() {
    everywhere(|_| {
        let value = Aligned(1);
        let result = spawn(move || {
            assert_eq!((&raw const value).addr() % 64, 0);
            Aligned(value.0 + 1)
        });
        let result = result.join().unwrap();
        assert_eq!(result.0, 2);
        assert_eq!((&raw const result).addr() % 64, 0);
    });
}

/// Counts how many of its kind there are.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Counted {
        count.fetch_add(1, SeqCst);
        Counted(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[test]
fn closure_and_result_are_dropped_once_however_the_coroutine_ends() {
    everywhere(|_| {
        let count = Arc::new(AtomicUsize::new(0));
        for way in 0..7 {
            let (closure, result) = (Counted::new(&count), Counted::new(&count));
            let handle = spawn(move || {
                let _closure = closure;
                match way {
                    0..=2 => {}
                    3 => std::panic::resume_unwind(Box::new(())),
                    _ => coroutine::park(),
                }
                result
            });
            match way {
                0 => drop(handle.join()),
                1 => drop(handle),
                2 => {
                    eventually("it has ended", || handle.is_finished());
                    drop(handle);
                }
                3 => assert!(handle.join().is_err()),
                4 => handle.cancel(), // and detached
                5 => {
                    coroutine::yield_now();
                    handle.cancel();
                    assert!(handle.join().is_err());
                }
                _ => {
                    handle.thread().unpark();
                    drop(handle.join().unwrap());
                }
            }
            eventually("all is dropped", || count.load(SeqCst) == 0);
        }
    });
}

#[test]
fn a_coroutine_runs_on_when_its_handle_is_dropped() {
    everywhere(|_| {
        let ran = Arc::new(AtomicBool::new(false));
        let says = ran.clone();
        drop(spawn(move || {
            coroutine::yield_now();
            says.store(true, SeqCst);
        }));
        eventually("it has run", || ran.load(SeqCst));
    });
}

#[test]
fn is_finished_says_when_join_returns_at_once() {
    everywhere(|_| {
        let handle = spawn(coroutine::park);
        assert!(!handle.is_finished());
        handle.coroutine().unpark();
        eventually("it has ended", || handle.is_finished());
        handle.join().unwrap();
    });
}

#[test]
fn names_and_numbers_are_the_coroutines_own() {
    everywhere(|_| {
        let handle = Builder::new()
            .name("a name".to_owned())
            .spawn(|| {
                (
                    coroutine::current().id(),
                    coroutine::current().name().map(str::to_owned),
                )
            })
            .unwrap();
        let id = handle.coroutine().id();
        assert_eq!(handle.thread().name(), Some("a name"));
        let (inside, name) = handle.join().unwrap();
        assert_eq!((inside, name.as_deref()), (id, Some("a name")));
        assert_ne!(coroutine::current().id(), id);
        assert_eq!(
            spawn(|| coroutine::current().name().map(str::to_owned))
                .join()
                .unwrap(),
            None
        );
        let ids: Vec<_> = (0..100).map(|_| spawn(|| ()).coroutine().id()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 100);
    });
}

#[test]
fn current_works_on_a_plain_thread() {
    let named = thread::Builder::new().name("plain".to_owned());
    let inside = named.spawn(|| {
        assert!(!coroutine::is_coroutine());
        let me = coroutine::current();
        assert_eq!(me.id(), coroutine::current().id());
        me.name().map(str::to_owned)
    });
    assert_eq!(inside.unwrap().join().unwrap().as_deref(), Some("plain"));
}

#[test]
fn a_coroutine_cannot_join_itself() {
    on_workers(1, || {
        let (tx, rx) = may::channel::bounded::<JoinHandle<()>>(1);
        let handle = spawn(move || rx.recv().unwrap().join().unwrap());
        let number = handle.coroutine().clone();
        tx.send(handle).unwrap();
        eventually("it has panicked", || {
            // The channel's receiver goes with it.
            number.unpark();
            tx.try_send(spawn(|| ())).is_err()
        });
    });
}

#[test]
fn spawn_local_keeps_what_is_not_send_on_its_worker() {
    on_workers(3, || {
        let count = Rc::new(Cell::new(0));
        let here = thread::current().id();
        let handles: Vec<_> = (0..100)
            .map(|_| {
                let count = count.clone();
                coroutine::spawn_local(move || {
                    coroutine::yield_now();
                    assert_eq!(thread::current().id(), here);
                    count.set(count.get() + 1);
                    Rc::new(count.get())
                })
            })
            .collect();
        for handle in handles {
            assert!(*handle.join().unwrap() > 0);
        }
        assert_eq!((count.get(), Rc::strong_count(&count)), (100, 1));
    });
}

#[test]
fn spawn_local_outside_a_worker_is_an_error_that_says_so() {
    let error = Builder::new().spawn_local(|| ()).unwrap_err();
    assert!(error.to_string().contains("outside a coroutine"), "{error}");
}

#[test]
fn a_placement_is_kept() {
    on_workers(3, || {
        let on = |worker| {
            let builder = Builder::new().placement(Placement::Worker(worker));
            builder.spawn(|| thread::current().id()).unwrap()
        };
        let threads: Vec<_> = (0..3).map(|worker| on(worker).join().unwrap()).collect();
        assert_eq!(threads.iter().collect::<HashSet<_>>().len(), 3);
        for _ in 0..200 {
            let again: Vec<_> = (0..3).map(on).collect();
            let again: Vec<_> = again
                .into_iter()
                .map(|handle| handle.join().unwrap())
                .collect();
            assert_eq!(again, threads);
        }
    });
}

#[test]
fn a_worker_that_there_is_not_is_an_error_that_says_so() {
    on_workers(2, || {
        let builder = Builder::new().placement(Placement::Worker(2));
        let error = builder.spawn(|| ()).unwrap_err();
        assert!(error.to_string().contains("no worker 2"), "{error}");
    });
}

#[test]
fn spread_evens_out_what_lives_long() {
    on_workers(2, || {
        let started = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = (0..100)
            .map(|_| {
                let says = started.clone();
                let builder = Builder::new().placement(Placement::Spread);
                builder.spawn(move || {
                    says.fetch_add(1, SeqCst);
                    coroutine::park();
                    thread::current().id()
                })
            })
            .collect();
        eventually("all live", || started.load(SeqCst) == 100);
        let threads: Vec<_> = handles
            .into_iter()
            .map(|handle| {
                let handle = handle.unwrap();
                handle.coroutine().unpark();
                handle.join().unwrap()
            })
            .collect();
        let first = threads
            .iter()
            .filter(|thread| **thread == threads[0])
            .count();
        assert!(
            (40..=60).contains(&first),
            "{first} of 100 on one of two workers"
        );
    });
}

/// How many of eight coroutines that one coroutine spawns, and that wait at once, live on each
/// thread.
fn waiting_siblings() -> Vec<usize> {
    let started = Arc::new(AtomicUsize::new(0));
    let siblings: Vec<_> = (0..8)
        .map(|_| {
            let says = started.clone();
            spawn(move || {
                says.fetch_add(1, SeqCst);
                coroutine::park();
                thread::current().id()
            })
        })
        .collect();
    eventually("all live", || started.load(SeqCst) == 8);
    let mut counts = HashMap::<_, usize>::new();
    for sibling in siblings {
        sibling.coroutine().unpark();
        *counts.entry(sibling.join().unwrap()).or_default() += 1;
    }
    counts.into_values().collect()
}

/// They would compute on one worker, once there is something to do for them.
#[test]
fn siblings_that_wait_first_live_on_all_workers() {
    on_workers(2, || {
        // If the other worker's thread gets no processor for a millisecond, they start here.
        let tries = 1_000;
        let evenly = (0..tries).any(|_| waiting_siblings().iter().all(|&count| count == 4));
        assert!(evenly, "not in one of {tries} tries");
    });
}

/// They talk to each other, most likely.
#[test]
fn two_that_wait_first_live_together() {
    on_workers(2, || {
        let together = (0..1_000).any(|_| {
            let (to, from) = bounded(1);
            let first = spawn(move || (from.recv(), thread::current().id()));
            let second = spawn(move || (to.send(1), thread::current().id()));
            first.join().unwrap().1 == second.join().unwrap().1
        });
        assert!(together);
    });
}

/// Row 1 of the list of what must not go wrong: May 0.3 moves started coroutines, so `Rc` and
/// thread-locals break.
#[test]
fn a_started_coroutine_never_changes_its_thread() {
    const COROUTINES: usize = 50;
    const YIELDS: usize = 1_000_000;
    thread_local! {
        static HERE: Cell<usize> = const { Cell::new(0) };
    }
    on_workers(4, || {
        let stop = Arc::new(AtomicBool::new(false));
        // Others come and go, and are stolen, all the time.
        let load = {
            let stop = stop.clone();
            spawn(move || {
                while !stop.load(SeqCst) {
                    let batch: Vec<_> = (0..50).map(|_| spawn(coroutine::yield_now)).collect();
                    batch.into_iter().for_each(|handle| handle.join().unwrap());
                }
            })
        };
        let handles: Vec<_> = (0..COROUTINES)
            .map(|_| {
                spawn(|| {
                    let (thread, address) = (thread::current().id(), HERE.with(Cell::as_ptr));
                    let shared = Rc::new(());
                    for _ in 0..YIELDS / COROUTINES {
                        let clone = shared.clone();
                        coroutine::yield_now();
                        drop(clone);
                        HERE.set(HERE.get() + 1);
                        assert_eq!(thread::current().id(), thread);
                    }
                    assert_eq!(HERE.with(Cell::as_ptr), address);
                    assert_eq!(Rc::strong_count(&shared), 1);
                })
            })
            .collect();
        handles
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        stop.store(true, SeqCst);
        load.join().unwrap();
    });
}

#[test]
fn seeds_of_a_worker_that_computes_are_taken_by_others() {
    on_workers(2, || {
        let release = Arc::new(AtomicBool::new(false));
        let here = thread::current().id();
        let handles: Vec<_> = (0..20).map(|_| spawn(|| thread::current().id())).collect();
        // This worker does not come back before they have run.
        let start = Instant::now();
        while !handles.iter().all(JoinHandle::is_finished) {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "nobody takes the seeds"
            );
            std::hint::spin_loop();
        }
        release.store(true, SeqCst);
        for handle in handles {
            assert_ne!(handle.join().unwrap(), here);
        }
    });
}

#[test]
fn a_tree_of_coroutines_sums_up() {
    fn sum(from: u64, to: u64) -> u64 {
        if to - from == 1 {
            return from;
        }
        let middle = from.midpoint(to);
        let (left, right) = may::join!(sum(from, middle), sum(middle, to));
        left + right
    }
    for workers in [1, 2, 4] {
        assert_eq!(on_workers(workers, || sum(0, 20_000)), 20_000 * 19_999 / 2);
    }
}

#[test]
fn spawning_from_many_threads_loses_nobody() {
    let _watchdog = watchdog();
    let runtime = Arc::new(runtime(3));
    let ran = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (runtime, ran) = (runtime.clone(), ran.clone());
            thread::spawn(move || {
                for _ in 0..5_000 {
                    let ran = ran.clone();
                    drop(runtime.spawn(move || ran.fetch_add(1, SeqCst)));
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    eventually("all have run", || ran.load(SeqCst) == 20_000);
    may_tests::end(Arc::into_inner(runtime).unwrap());
}

#[test]
fn a_sleeping_runtime_starts_what_is_spawned_from_outside() {
    let _watchdog = watchdog();
    for workers in [1, 2, 4] {
        let runtime = runtime(workers);
        with_seeds(2_000, |mut random| {
            let handle = runtime.spawn(|| 1);
            if random.below(4) == 0 {
                // Long enough for the workers to be anywhere between busy and asleep.
                let pause = Duration::from_micros(random.below(60));
                let start = Instant::now();
                while start.elapsed() < pause {
                    std::hint::spin_loop();
                }
            }
            assert_eq!(handle.join().unwrap(), 1);
        });
        may_tests::end(runtime);
    }
}

#[test]
fn the_result_of_a_detached_coroutine_is_dropped_on_the_coroutine() {
    on_workers(1, || {
        let was_coroutine = Arc::new(AtomicBool::new(false));
        let says = was_coroutine.clone();
        struct Result<F: FnMut()>(OnDrop<F>);
        drop(spawn(move || {
            Result(OnDrop(move || {
                // It may block, too.
                coroutine::sleep(Duration::from_micros(100));
                says.store(coroutine::is_coroutine(), SeqCst);
            }))
        }));
        eventually("it is dropped", || was_coroutine.load(SeqCst));
    });
}

#[test]
fn with_stack_goes_deeper_than_the_coroutines_own_stack_and_may_block() {
    fn deep(levels: u32) -> u32 {
        let room = std::hint::black_box([levels; 256]);
        if levels == 0 {
            coroutine::yield_now();
            return 0;
        }
        deep(room[7] - 1) + 1
    }
    everywhere(|place| {
        let helpers: Vec<_> = (0..4)
            .map(|_| place.start(|| coroutine::with_stack("16m", || deep(5_000))))
            .collect();
        for helper in helpers {
            assert_eq!(helper.join(), 5_000);
        }
    });
}

#[test]
fn go_returns_what_the_matching_spawn_returns() {
    use may::go;
    everywhere(|_| {
        assert_eq!(go!(|| 1).join().unwrap(), 1);
        assert_eq!(
            go!(Builder::new().name("b".into()), || 2)
                .unwrap()
                .join()
                .unwrap(),
            2
        );
        assert_eq!(coroutine::scope(|s| go!(s, || 3).join().unwrap()), 3);
        let name = go!(name = "n", stack = "64k", || coroutine::current()
            .name()
            .map(str::to_owned));
        assert_eq!(name.join().unwrap().as_deref(), Some("n"));
    });
}
