//! `unblock` and `unblock_detached`: work on other threads, and what becomes of it when its caller
//! is cancelled.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use may::coroutine::{self, JoinHandle};
use may::{Runtime, select, time, unblock, unblock_detached};
use may_tests::{
    KINDS, OnDrop, alone, assert_cancelled, end, eventually, everywhere, for_a_moment, in_place,
    message, on_workers, spawn_waiting, watchdog, with_seeds,
};

/// How often each race is run.
fn rounds() -> u64 {
    std::env::var("MAY_ROUNDS").map_or(1000, |rounds| rounds.parse().expect("a number"))
}

/// A job that blocks its thread until it is told to go on.
#[derive(Clone)]
struct Gate {
    here: Arc<AtomicUsize>,
    open: Arc<(std::sync::Mutex<bool>, std::sync::Condvar)>,
}

impl Gate {
    fn new() -> Gate {
        Gate {
            here: Arc::default(),
            open: Arc::default(),
        }
    }

    /// Blocks the thread.
    fn pass(&self) {
        self.here.fetch_add(1, SeqCst);
        let (open, changed) = &*self.open;
        let guard = open.lock().unwrap();
        let _open = changed.wait_while(guard, |open| !*open).unwrap();
    }

    /// Waits until so many have come.
    fn await_arrivals(&self, count: usize) {
        eventually("the jobs run", || self.here.load(SeqCst) == count);
    }

    fn open(&self) {
        *self.open.0.lock().unwrap() = true;
        self.open.1.notify_all();
    }
}

/// A runtime of one worker and so many threads for blocking work.
fn runtime(threads: usize) -> Runtime {
    Runtime::builder()
        .workers(1)
        .blocking_threads(threads)
        .build()
        .unwrap()
}

#[test]
fn the_result_comes_back_and_the_closure_may_borrow() {
    everywhere(|place| {
        let text = String::from("borrowed");
        let mut length = 0;
        assert_eq!(
            unblock(|| {
                length = text.len();
                &text[..3]
            }),
            "bor"
        );
        assert_eq!(length, 8);
        let moved = text.clone();
        assert_eq!(unblock_detached(move || moved), text);
        let helpers: Vec<_> = (0..20)
            .map(|i| place.start(move || unblock(|| i) + unblock_detached(move || i)))
            .collect();
        let sum: usize = helpers.into_iter().map(|helper| helper.join()).sum();
        assert_eq!(sum, 380);
    });
}

#[test]
fn the_others_of_the_worker_run_meanwhile() {
    on_workers(1, || {
        let (sender, receiver) = mpsc::channel();
        let waits = coroutine::spawn(move || unblock(move || receiver.recv().unwrap()));
        coroutine::spawn(move || sender.send(7).unwrap());
        assert_eq!(waits.join().unwrap(), 7);
    });
}

#[test]
fn a_plain_thread_does_it_itself_unless_it_may_have_to_leave() {
    let _watchdog = watchdog();
    let me = thread::current().id();
    assert_eq!(unblock(|| thread::current().id()), me);
    assert_ne!(unblock_detached(|| thread::current().id()), me);
}

#[test]
fn a_job_is_no_part_of_the_coroutine() {
    may::coroutine_local!(static VALUE: AtomicUsize = const { AtomicUsize::new(0) });
    on_workers(1, || {
        let worker = thread::current().id();
        let me = coroutine::current().id();
        VALUE.with(|value| value.store(1, SeqCst));
        let job = move || {
            assert_ne!(thread::current().id(), worker);
            assert_eq!(thread::current().name(), Some("may-blocking"));
            assert!(!coroutine::is_coroutine());
            assert_ne!(coroutine::current().id(), me);
            assert_eq!(VALUE.with(|value| value.load(SeqCst)), 0);
            // In a job a job just runs.
            let thread = thread::current().id();
            assert_eq!(unblock(|| thread::current().id()), thread);
            // What blocks in it blocks that thread, and the rest works.
            coroutine::spawn(coroutine::yield_now).join().unwrap();
        };
        unblock(job);
        unblock_detached(job);
    });
}

#[test]
fn a_panic_goes_on_in_the_caller() {
    everywhere(|place| {
        let panics: [fn(); 2] = [
            || unblock(|| std::panic::resume_unwind(Box::new("from a job"))),
            || unblock_detached(|| std::panic::resume_unwind(Box::new("from a job"))),
        ];
        for panics in panics {
            let caught = place.start(move || std::panic::catch_unwind(panics).unwrap_err());
            assert_eq!(message(&*caught.join()), "from a job");
        }
        assert_eq!(unblock(|| 1), 1);
    });
}

#[test]
fn no_more_threads_than_allowed_and_everybody_has_a_turn() {
    let runtime = Runtime::builder()
        .workers(2)
        .blocking_threads(3)
        .build()
        .unwrap();
    let _watchdog = watchdog();
    let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let jobs: Vec<_> = (0..2000)
        .map(|_| {
            let (busy, most) = (busy.clone(), most.clone());
            runtime.spawn(move || {
                unblock(|| {
                    most.fetch_max(busy.fetch_add(1, SeqCst) + 1, SeqCst);
                    thread::yield_now();
                    busy.fetch_sub(1, SeqCst);
                });
            })
        })
        .collect();
    jobs.into_iter().for_each(|job| job.join().unwrap());
    assert!(most.load(SeqCst) <= 3, "{most:?}");
    end(runtime);
}

#[test]
fn the_jobs_of_one_runtime_do_not_keep_another_waiting() {
    let _watchdog = watchdog();
    let (stuck, other) = (runtime(2), runtime(1));
    let gate = Gate::new();
    let jobs: Vec<_> = (0..5)
        .map(|_| {
            let gate = gate.clone();
            stuck.spawn(move || unblock(|| gate.pass()))
        })
        .collect();
    gate.await_arrivals(2);
    for _ in 0..10 {
        assert_eq!(other.run(|| unblock(|| 1)), 1);
    }
    gate.open();
    jobs.into_iter().for_each(|job| job.join().unwrap());
    end(stuck);
    end(other);
}

/// Blocks all threads of the calling coroutine's runtime, of which there is one.
fn block_the_thread() -> (Gate, JoinHandle<()>) {
    let gate = Gate::new();
    let passes = gate.clone();
    let blocker = coroutine::spawn(move || unblock(|| passes.pass()));
    gate.await_arrivals(1);
    (gate, blocker)
}

/// Something whose drop shows, and where it was dropped.
fn dropped_on() -> (OnDrop<impl FnMut()>, mpsc::Receiver<thread::ThreadId>) {
    let (tell, told) = mpsc::channel();
    let on_drop = OnDrop(move || tell.send(thread::current().id()).unwrap());
    (on_drop, told)
}

#[test]
fn what_has_not_begun_is_taken_back_when_its_caller_is_cancelled() {
    let runtime = runtime(1);
    let _watchdog = watchdog();
    runtime.run(|| {
        let (gate, blocker) = block_the_thread();
        let ran = Arc::new(AtomicBool::new(false));
        for detached in [false, true] {
            let ran = ran.clone();
            let (on_drop, dropped) = dropped_on();
            let victim = spawn_waiting(move || {
                let job = move || {
                    let _moved = &on_drop;
                    ran.store(true, SeqCst);
                };
                match detached {
                    true => unblock_detached(job),
                    false => unblock(job),
                }
            });
            victim.cancel();
            assert_cancelled(victim.join());
            assert_eq!(dropped.try_recv(), Ok(thread::current().id()));
        }
        // A limit does the same.
        let limited = time::timeout(Duration::from_millis(1), || {
            unblock(|| ran.store(true, SeqCst))
        });
        assert!(limited.is_err());
        // And a cancellation before the call.
        let late = ran.clone();
        let victim = coroutine::spawn(move || {
            coroutine::shield(coroutine::yield_now);
            unblock(|| late.store(true, SeqCst));
        });
        coroutine::yield_now();
        victim.cancel();
        assert_cancelled(victim.join());
        gate.open();
        blocker.join().unwrap();
        unblock(|| ());
        assert!(!ran.load(SeqCst));
    });
    end(runtime);
}

#[test]
fn what_has_begun_is_waited_for() {
    let runtime = runtime(4);
    let _watchdog = watchdog();
    runtime.run(|| {
        let gate = Gate::new();
        let passes = gate.clone();
        let result = Arc::new(AtomicUsize::new(0));
        let says = result.clone();
        let victim = coroutine::spawn(move || {
            let value = unblock(|| {
                passes.pass();
                42
            });
            says.store(value, SeqCst);
            coroutine::park();
        });
        gate.await_arrivals(1);
        victim.cancel();
        for _ in 0..20 {
            coroutine::sleep(Duration::from_micros(200));
            assert!(!victim.is_finished());
        }
        gate.open();
        assert_cancelled(victim.join());
        assert_eq!(result.load(SeqCst), 42, "what has happened is not lost");

        // A limit waits, too, and then the value counts.
        let gate = Gate::new();
        let opens = gate.clone();
        coroutine::spawn(move || {
            opens.await_arrivals(1);
            coroutine::sleep(Duration::from_millis(5));
            opens.open();
        });
        let value = time::timeout(Duration::from_millis(1), || {
            unblock(|| {
                gate.pass();
                42
            })
        });
        assert_eq!(value, Ok(42));
    });
    end(runtime);
}

#[test]
fn what_is_detached_is_left_alone_and_its_result_dropped() {
    let _watchdog = watchdog();
    for kind in KINDS {
        in_place(kind, |_| {
            let gate = Gate::new();
            let (on_drop, dropped) = dropped_on();
            let passes = gate.clone();
            let limited = time::timeout(Duration::from_millis(1), || {
                unblock_detached(move || {
                    passes.pass();
                    on_drop
                })
            });
            if limited.is_ok() {
                panic!("it cannot have ended");
            }
            drop(limited);
            // If it had not begun it was dropped by now.
            if dropped.try_recv().is_err() {
                gate.await_arrivals(1);
                gate.open();
                let on = unblock(move || dropped.recv().unwrap());
                assert_ne!(on, thread::current().id());
            }
        });
    }
    on_workers(2, || {
        let gate = Gate::new();
        let passes = gate.clone();
        let (on_drop, dropped) = dropped_on();
        let victim = coroutine::spawn(move || {
            unblock_detached(move || {
                passes.pass();
                on_drop
            });
        });
        gate.await_arrivals(1);
        victim.cancel();
        assert_cancelled(victim.join());
        // A shield keeps it from being abandoned.
        let passes = gate.clone();
        let shielded = coroutine::spawn(move || {
            let value = coroutine::shield(|| {
                unblock_detached(move || {
                    passes.pass();
                    5
                })
            });
            assert_eq!(value, 5);
            coroutine::park();
        });
        gate.await_arrivals(2);
        shielded.cancel();
        coroutine::sleep(Duration::from_millis(2));
        assert!(!shielded.is_finished());
        gate.open();
        assert_cancelled(shielded.join());
        unblock(move || dropped.recv().unwrap());
    });
}

#[test]
fn as_an_arm_of_a_select_it_is_abandoned() {
    on_workers(1, || {
        let gate = Gate::new();
        let passes = gate.clone();
        let won = select! {
            () = run(unblock_detached(move || passes.pass())) => "the job",
            after(Duration::from_millis(2)) => "the time",
        };
        assert_eq!(won, "the time");
        gate.open();
        let won = select! {
            value = run(unblock_detached(|| 3)) => value,
            after(Duration::from_secs(60)) => 0,
        };
        assert_eq!(won, 3);
    });
}

#[test]
fn a_destructor_that_runs_while_unwinding_can_have_work_done() {
    on_workers(1, || {
        let (tell, told) = mpsc::channel();
        let victim = spawn_waiting(move || {
            let _last = OnDrop(|| {
                let value = unblock(|| 1) + unblock_detached(|| 2);
                tell.send(value).unwrap();
            });
            coroutine::park();
        });
        victim.cancel();
        assert_cancelled(victim.join());
        assert_eq!(told.recv(), Ok(3));
    });
}

#[test]
fn inside_forbid_blocking_it_panics() {
    on_workers(1, || {
        for detached in [false, true] {
            let handle = coroutine::spawn(move || {
                coroutine::forbid_blocking(|| match detached {
                    true => unblock_detached(|| ()),
                    false => unblock(|| ()),
                })
            });
            let text = message(&*handle.join().unwrap_err());
            assert!(text.contains("forbid_blocking"), "{text}");
        }
    });
}

#[test]
fn a_shutdown_waits_for_a_job_that_runs_and_gives_up_in_time() {
    let _watchdog = watchdog();
    let gate = Gate::new();
    let passes = gate.clone();
    let gives_up = runtime(2);
    gives_up.spawn(move || unblock(|| passes.pass()));
    gate.await_arrivals(1);
    let error = gives_up.shutdown(Duration::from_millis(20)).unwrap_err();
    assert_eq!(error.coroutines(), 1);
    gate.open();

    let gate = Gate::new();
    let waits = runtime(2);
    let passes = gate.clone();
    let borrower = waits.spawn(move || unblock(|| passes.pass()));
    let passes = gate.clone();
    waits.spawn(move || unblock_detached(move || passes.pass()));
    gate.await_arrivals(2);
    let opens = gate.clone();
    let opener = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        opens.open();
    });
    end(waits);
    assert!(borrower.is_finished());
    opener.join().unwrap();
}

/// How many threads of this process are called `may-blocking`.
#[cfg(target_os = "linux")]
fn blocking_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| {
        let path = task.ok()?.path().join("comm");
        std::fs::read_to_string(path).ok()
    });
    names.filter(|name| name.trim() == "may-blocking").count()
}

#[test]
#[cfg(target_os = "linux")]
fn the_threads_of_a_runtime_end_with_it() {
    alone(|| {
        let runtime = runtime(8);
        let gate = Gate::new();
        for _ in 0..8 {
            let gate = gate.clone();
            runtime.spawn(move || unblock(|| gate.pass()));
        }
        gate.await_arrivals(8);
        assert_eq!(blocking_threads(), 8);
        gate.open();
        runtime.run(|| unblock(|| ()));
        end(runtime);
        eventually("the threads end", || blocking_threads() == 0);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_thread_to_be_had_it_is_done_on_the_worker() {
    alone(|| {
        let runtime = runtime(8);
        runtime.run(|| {
            coroutine::spawn(|| ()).join().unwrap();
            // SAFETY: the structures live across the calls.
            unsafe {
                // A thread needs a stack, and there is no more address space.
                let mut limit: libc::rlimit = std::mem::zeroed();
                assert_eq!(libc::getrlimit(libc::RLIMIT_AS, &mut limit), 0);
                limit.rlim_cur = 1 << 20;
                assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &limit), 0);
            }
            let worker = thread::current().id();
            assert_eq!(unblock(|| thread::current().id()), worker);
            assert_eq!(unblock_detached(|| thread::current().id()), worker);
        });
    });
}

/// 64 jobs block their threads while two of this worker's coroutines talk to each other.
#[test]
fn what_blocks_elsewhere_does_not_hold_up_a_conversation() {
    on_workers(2, || {
        let gate = Gate::new();
        let jobs: Vec<_> = (0..64)
            .map(|_| {
                let gate = gate.clone();
                coroutine::spawn(move || unblock(|| gate.pass()))
            })
            .collect();
        gate.await_arrivals(64);
        let (client, server) = may_tests::net::pair();
        let echo = coroutine::spawn(move || {
            std::io::copy(&mut &server, &mut &server).unwrap();
        });
        for round in 0..2000_u32 {
            use std::io::{Read, Write};
            let mut answer = [0; 4];
            (&client).write_all(&round.to_le_bytes()).unwrap();
            (&client).read_exact(&mut answer).unwrap();
            assert_eq!(u32::from_le_bytes(answer), round);
        }
        drop(client);
        echo.join().unwrap();
        assert!(jobs.iter().all(|job| !job.is_finished()));
        gate.open();
        jobs.into_iter().for_each(|job| job.join().unwrap());
    });
}

#[test]
fn a_cancellation_at_any_moment_loses_nothing() {
    for (workers, threads) in [(1, 1), (2, 1), (2, 4)] {
        let runtime = Runtime::builder()
            .workers(workers)
            .blocking_threads(threads)
            .build()
            .unwrap();
        let _watchdog = may_tests::watchdog_for(Duration::from_secs(600));
        let (mut happened, mut cancelled) = (0, 0);
        let counts = (&mut happened, &mut cancelled);
        runtime.run(move || {
            let counts = std::sync::Mutex::new(counts);
            with_seeds(rounds(), |mut random| {
                let begun = Arc::new(AtomicUsize::new(0));
                let drops = Arc::new(AtomicUsize::new(0));
                let came_back = Arc::new(AtomicUsize::new(0));
                let counts_drop = drops.clone();
                let on_drop = OnDrop(move || {
                    counts_drop.fetch_add(1, SeqCst);
                });
                let (begins, comes_back) = (begun.clone(), came_back.clone());
                let detached = random.below(2) == 0;
                let work = random.below(300);
                let victim = coroutine::spawn(move || {
                    let borrowed = [1_u8; 64];
                    let job = move || {
                        begins.fetch_add(1, SeqCst);
                        (0..work).for_each(|_| std::hint::spin_loop());
                        on_drop
                    };
                    let result = match detached {
                        true => unblock_detached(job),
                        false => unblock(|| {
                            assert_eq!(
                                borrowed.iter().map(|byte| u64::from(*byte)).sum::<u64>(),
                                64
                            );
                            job()
                        }),
                    };
                    comes_back.fetch_add(1, SeqCst);
                    drop(result);
                    coroutine::park();
                });
                for_a_moment(&mut random);
                victim.cancel();
                assert_cancelled(victim.join());
                let (begun, came_back) = (begun.load(SeqCst), came_back.load(SeqCst));
                let mut counts = counts.lock().unwrap();
                if detached {
                    assert!(came_back <= begun);
                } else {
                    assert_eq!(begun, came_back, "what has happened is not lost");
                }
                *counts.0 += came_back;
                *counts.1 += 1 - came_back;
                drop(counts);
                eventually("closure and result are dropped", || drops.load(SeqCst) == 1);
            });
        });
        println!("{workers} workers: {happened} happened, {cancelled} were cancelled");
        // (Of one round, with a seed from the environment, nothing can be said.)
        assert!(
            happened + cancelled < 100 || (happened > 0 && cancelled > 0),
            "the moments are not any moments"
        );
        end(runtime);
    }
}
