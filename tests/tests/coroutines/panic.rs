//! Panics: they end one coroutine, reach its join, are reported under its name, and do not disturb
//! others else.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use may::channel::bounded;
use may::coroutine::{self, Builder, spawn};
use may_tests::{OnDrop, child, eventually, everywhere, message, on_workers, watchdog};

#[test]
fn the_payload_reaches_the_join() {
    everywhere(|_| {
        let text = spawn(|| panic!("number {}", 5)).join().unwrap_err();
        assert_eq!(message(&*text), "number 5");
        let value = spawn(|| resume_unwind(Box::new(7_i32))).join().unwrap_err();
        assert_eq!(value.downcast_ref(), Some(&7_i32));
    });
}

#[test]
fn a_panic_can_be_caught_inside_also_across_suspensions() {
    everywhere(|place| {
        let helpers: Vec<_> = (0..8)
            .map(|i| {
                place.start(move || {
                    for _ in 0..20 {
                        let caught = catch_unwind(|| {
                            coroutine::yield_now();
                            if i % 2 == 0 {
                                resume_unwind(Box::new(i));
                            }
                        });
                        assert_eq!(caught.is_err(), i % 2 == 0);
                        coroutine::yield_now();
                        assert!(!coroutine::panicking());
                    }
                })
            })
            .collect();
        helpers.into_iter().for_each(|helper| helper.join());
    });
}

#[test]
fn neighbours_run_on() {
    on_workers(1, || {
        let count = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = (0..100)
            .map(|i| {
                let count = count.clone();
                spawn(move || {
                    coroutine::yield_now();
                    if i % 3 == 0 {
                        resume_unwind(Box::new(()));
                    }
                    count.fetch_add(1, SeqCst);
                })
            })
            .collect();
        let failed = handles
            .into_iter()
            .filter_map(|handle| handle.join().err())
            .count();
        assert_eq!((failed, count.load(SeqCst)), (34, 66));
    });
}

/// Row 13 of the list of what must not go wrong.
#[test]
fn many_that_block_in_destructors_while_unwinding_do_not_disturb_each_other() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let innocent = Arc::new(AtomicUsize::new(0));
            let stop = Arc::new(AtomicBool::new(false));
            let watchers: Vec<_> = (0..workers * 2)
                .map(|_| {
                    let (innocent, stop) = (innocent.clone(), stop.clone());
                    spawn(move || {
                        while !stop.load(SeqCst) {
                            assert!(!coroutine::panicking(), "a watcher does not unwind");
                            innocent.fetch_add(1, SeqCst);
                            coroutine::yield_now();
                        }
                    })
                })
                .collect();
            let unwinding: Vec<_> = (0..100)
                .map(|i| {
                    spawn(move || {
                        let _waits = OnDrop(|| {
                            assert!(coroutine::panicking());
                            for _ in 0..3 {
                                coroutine::sleep(Duration::from_micros(i * 3));
                                assert!(coroutine::panicking(), "still unwinding");
                            }
                        });
                        panic!("number {i} (expected)");
                    })
                })
                .collect();
            for (i, handle) in (0_u64..).zip(unwinding) {
                let text = message(&*handle.join().unwrap_err());
                assert_eq!(text, format!("number {i} (expected)"));
            }
            stop.store(true, SeqCst);
            watchers
                .into_iter()
                .for_each(|watcher| watcher.join().unwrap());
            assert!(innocent.load(SeqCst) > 0);
        });
    }
}

#[test]
fn a_panic_beside_a_neighbour_that_unwinds_is_an_ordinary_one() {
    on_workers(1, || {
        let (go, gate) = bounded::<()>(1);
        let waits = Arc::new(AtomicBool::new(false));
        let says = waits.clone();
        let neighbour = spawn(move || {
            let _waits = OnDrop(|| {
                says.store(true, SeqCst);
                gate.recv().unwrap();
            });
            resume_unwind(Box::new("neighbour"));
        });
        eventually("the neighbour waits in its destructor", || {
            waits.load(SeqCst)
        });
        let second = spawn(|| {
            let _waits = OnDrop(|| {
                coroutine::yield_now();
                assert!(coroutine::panicking());
            });
            panic!("the second (expected)");
        });
        assert_eq!(
            message(&*second.join().unwrap_err()),
            "the second (expected)"
        );
        assert!(!thread::panicking() && !coroutine::panicking());
        go.send(()).unwrap();
        assert_eq!(message(&*neighbour.join().unwrap_err()), "neighbour");
        assert!(!thread::panicking());
    });
}

#[test]
fn a_panic_in_the_destructor_of_a_result_or_closure_is_contained() {
    /// Panics when it is dropped.
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            resume_unwind(Box::new("from a destructor"));
        }
    }
    everywhere(|_| {
        // A result that is not taken.
        drop(spawn(|| Panics));
        // A closure that is never called.
        let value = Panics;
        let handle = spawn(move || std::mem::forget(value));
        handle.cancel();
        let _ = handle.join();
        // A payload.
        let handle = spawn(|| resume_unwind(Box::new(Panics)));
        match handle.join() {
            Ok(()) => panic!("it panicked"),
            Err(payload) => {
                assert!(catch_unwind(AssertUnwindSafe(|| drop(payload))).is_err());
            }
        }
        assert_eq!(spawn(|| 1).join().unwrap(), 1);
    });
}

/// Row 19: the messages of May 0.3 do not name the coroutine.
#[test]
fn the_report_names_the_coroutine_its_number_and_its_birthplace() {
    let _watchdog = watchdog();
    let (text, succeeded) = child(&[], || {
        let handle = Builder::new()
            .name("the baker".into())
            .spawn(|| panic!("out of flour"));
        let handle = handle.unwrap();
        println!("number {}", handle.coroutine().id());
        assert!(handle.join().is_err());
        assert!(spawn(|| panic!("no name")).join().is_err());
        drop(spawn(|| panic!("nobody listens")));
        coroutine::sleep(Duration::from_millis(20));
        let quiet = spawn(coroutine::park);
        quiet.cancel();
        assert!(quiet.join().is_err());
    });
    assert!(succeeded, "{text}");
    let number = text
        .lines()
        .find_map(|line| line.split_once("number "))
        .unwrap()
        .1
        .to_owned();
    assert!(
        text.contains(&format!("coroutine 'the baker' (id {number}, spawned at ")),
        "{text}"
    );
    assert!(text.contains("panic.rs:"), "{text}");
    assert!(text.contains("out of flour"), "{text}");
    assert!(text.contains("coroutine '<unnamed>'"), "{text}");
    assert!(text.contains("nobody listens"), "{text}");
    assert_eq!(
        text.matches("panicked:").count(),
        3,
        "a cancellation prints nothing: {text}"
    );
}

/// Row 14: May 0.3 goes on after a stack overflow, with the dead coroutine's locks held.
#[cfg(unix)]
#[test]
fn a_stack_overflow_names_the_coroutine_and_ends_the_process() {
    fn deep(levels: u64) -> u64 {
        let room = std::hint::black_box([levels; 64]);
        if levels == u64::MAX {
            0
        } else {
            deep(room[3] + 1) + room[5]
        }
    }
    let _watchdog = watchdog();
    let (text, succeeded) = child(&[], || {
        let builder = Builder::new().name("digger".into()).stack_size(64 * 1024);
        let dig = || {
            println!("number {}", coroutine::current().id());
            deep(0)
        };
        let _ = builder.spawn(dig).unwrap().join();
        println!("and it goes on");
    });
    assert!(!succeeded && !text.contains("and it goes on"), "{text}");
    let number = text
        .lines()
        .find_map(|line| line.split_once("number "))
        .unwrap()
        .1
        .to_owned();
    for part in ["digger", number.as_str(), "65536 bytes", "stack", "help: "] {
        assert!(text.contains(part), "`{part}` is missing: {text}");
    }
}

/// A stack of another crate's, such as a generator's: what brought it keeps a note for its thread.
#[cfg(all(debug_assertions, unix, not(may_asan)))]
#[test]
fn debug_builds_refuse_to_suspend_on_a_foreign_stack() {
    use corosensei::stack::DefaultStack;
    use corosensei::{Coroutine, CoroutineResult};

    on_workers(1, || {
        let moment = || coroutine::sleep(Duration::from_micros(1));
        let ways: [fn(); 2] = [coroutine::yield_now, moment];
        for suspends in ways {
            let stack = DefaultStack::new(256 * 1024).unwrap();
            let mut generator = Coroutine::<(), (), _, _>::with_stack(stack, move |_, ()| {
                std::panic::catch_unwind(suspends).map_err(|payload| message(&*payload))
            });
            let CoroutineResult::Return(raised) = generator.resume(()) else {
                unreachable!("it yields nothing");
            };
            assert!(raised.unwrap_err().contains("stack that is not May's"));
        }
        // A stack of ours is no foreign one, also on one that was itself entered from another.
        coroutine::with_stack("1m", || {
            coroutine::with_stack("64k", coroutine::yield_now);
            moment();
        });
    });
}
