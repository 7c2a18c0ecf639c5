//! How a runtime starts, or does not: names, settings after a failure, first use at odd moments,
//! what comes after its end.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use may::coroutine::{self, Builder, Placement, TaskGroup, scope};
use may::runtime::{ConfigError, config};
use may::{Runtime, go};
use may_tests::{OnDrop, alone, everywhere, message, watchdog};

#[test]
fn a_name_with_a_nul_is_an_error_for_threads_and_a_panic_for_coroutines() {
    let _watchdog = watchdog();
    let error = Runtime::builder().thread_name("a\0b").build().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("NUL byte"), "{error}");
    let error = config().thread_name("a\0b").unwrap_err();
    assert_eq!(error, ConfigError::NulInName);
    // As std's threads do.
    everywhere(|_| {
        let named = || Builder::new().name("a\0b".into());
        let mut group = TaskGroup::new();
        let payloads = [
            catch_unwind(|| drop(named().spawn(|| ()))),
            catch_unwind(|| scope(|s| drop(named().spawn_scoped(s, || ())))),
            catch_unwind(|| drop(go!(named(), || ()))),
            catch_unwind(AssertUnwindSafe(|| {
                drop(group.spawn_with(named(), || ()));
            })),
        ];
        for payload in payloads {
            let text = message(&*payload.unwrap_err());
            assert!(text.contains("interior null bytes"), "{text}");
        }
        assert_eq!(coroutine::spawn(|| 1).join().unwrap(), 1);
    });
}

/// Sets how many descriptors the process may have, and returns how many it might.
#[cfg(unix)]
fn limit_descriptors(limit: libc::rlim_t) -> libc::rlim_t {
    let mut limits = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the calls read and write the limits, which live across them.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limits), 0);
        let before = std::mem::replace(&mut limits.rlim_cur, limit);
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limits), 0);
        before
    }
}

#[cfg(unix)]
#[test]
fn settings_stay_for_the_next_attempt_if_a_start_fails() {
    let _watchdog = watchdog();
    alone(|| {
        config().workers(3).unwrap().thread_name("mine").unwrap();
        let before = limit_descriptors(3);
        let error = Runtime::builder().workers(300).build().unwrap_err();
        assert!(
            error.to_string().contains("help: allow the process more"),
            "{error}"
        );
        let panics = catch_unwind(|| drop(coroutine::spawn(|| ())));
        let text = message(&*panics.unwrap_err());
        assert!(text.contains("descriptors for 0 of 3 workers"), "{text}");
        assert!(Builder::new().spawn(|| ()).is_err());
        // They may still be changed.
        config().stack_size(64 << 10).unwrap();
        limit_descriptors(before);
        let name = coroutine::spawn(|| thread::current().name().map(str::to_owned));
        assert!(name.join().unwrap().unwrap().starts_with("mine-"));
        assert!(config().workers(2).is_err());
    });
}

#[cfg(unix)]
#[test]
fn more_workers_than_there_are_descriptors_is_an_error_and_leaves_none_open() {
    let _watchdog = watchdog();
    alone(|| {
        let open = || std::fs::read_dir("/dev/fd").unwrap().count();
        let before = open();
        limit_descriptors(200);
        for workers in [100, 10_000, usize::MAX] {
            let error = Runtime::builder().workers(workers).build().unwrap_err();
            assert!(
                error.to_string().contains("ask for fewer workers"),
                "{error}"
            );
            assert_eq!(open(), before);
        }
        // As many as there is room for work.
        let runtime = Runtime::builder().workers(40).build().unwrap();
        assert_eq!(runtime.run(|| coroutine::spawn(|| 1).join().unwrap()), 1);
        runtime.shutdown(Duration::from_secs(60)).unwrap();
        assert_eq!(open(), before);
    });
}

#[test]
fn hundreds_of_workers_start_work_and_end() {
    let _watchdog = watchdog();
    let runtime = Runtime::builder().workers(200).build().unwrap();
    let handles: Vec<_> = (0..1_000)
        .map(|number| {
            let placed = Builder::new().placement(Placement::Worker(number % 200));
            let handle = runtime.spawn_with(placed, move || {
                let child = coroutine::spawn(move || number);
                coroutine::yield_now();
                child.join().unwrap()
            });
            handle.unwrap()
        })
        .collect();
    let sum: usize = handles.into_iter().map(|h| h.join().unwrap()).sum();
    assert_eq!(sum, 499_500);
    drop(runtime.spawn(coroutine::park));
    runtime.shutdown(Duration::from_secs(60)).unwrap();
}

#[test]
fn deadlines_of_futures_are_kept_when_the_default_runtime_has_ended() {
    /// Sleeps when it is dropped.
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            may::block_on(may::future::sleep(Duration::from_millis(1)));
        }
    }
    thread_local! {
        static LATE: Late = const { Late };
    }
    #[may::main(on_exit = "cancel")]
    fn program() {
        assert!(coroutine::spawn(|| true).join().unwrap());
    }
    let _watchdog = watchdog();
    alone(|| {
        program();
        assert!(Builder::new().spawn(|| ()).is_err());
        let sleeps = || {
            LATE.with(|_| ());
            may::block_on(may::future::sleep(Duration::from_millis(1)));
            coroutine::sleep(Duration::from_millis(1));
        };
        sleeps();
        for thread in [thread::spawn(sleeps), thread::spawn(sleeps)] {
            thread.join().unwrap();
        }
    });
}
#[test]
fn the_first_use_may_be_in_a_destructor_that_runs_because_of_a_panic() {
    let _watchdog = watchdog();
    alone(|| {
        let caught = catch_unwind(|| {
            let _reports = OnDrop(|| assert_eq!(coroutine::spawn(|| 5).join().unwrap(), 5));
            panic!("the work failed (expected)");
        });
        assert_eq!(message(&*caught.unwrap_err()), "the work failed (expected)");
        assert_eq!(coroutine::spawn(|| 6).join().unwrap(), 6);
    });
}
