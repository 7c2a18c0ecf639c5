//! Panic hooks: whose lines are printed, hooks that wait, and what May does while one runs.

use std::panic::{self, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use may::channel::bounded;
use may::coroutine::{self, Builder, sleep, spawn};
use may_tests::{OnDrop, alone, child, eventually, message, on_workers, runtime, watchdog};

/// Text of this program's own hook.
fn report(info: &panic::PanicHookInfo<'_>) {
    let text = message(info.payload());
    println!("a report of the program: {text}");
}

#[test]
fn a_hook_of_the_program_is_the_only_one_that_prints() {
    let _watchdog = watchdog();
    for (hook_first, others) in [(true, 0), (false, 0), (true, 1)] {
        let (text, succeeded) = child(&[], || {
            let set_hook = || panic::set_hook(Box::new(report));
            if hook_first {
                set_hook();
            }
            spawn(|| ()).join().unwrap();
            if !hook_first {
                set_hook();
            }
            if others > 0 {
                // One that calls the one before.
                let before = panic::take_hook();
                panic::set_hook(Box::new(move |info| before(info)));
            }
            let named = Builder::new().name("the baker".into());
            let handle = named.spawn(|| panic!("out of flour"));
            assert!(handle.unwrap().join().is_err());
        });
        assert!(succeeded, "{text}");
        assert!(
            text.contains("a report of the program: out of flour"),
            "{text}"
        );
        assert!(!text.contains("coroutine 'the baker'"), "{text}");
        assert!(!text.contains("panicked at"), "{text}");
    }
}

/// Runs `wait` in the panic hook of each of several coroutines of one worker that panic one after
/// the other, and returns in which order hooks began and ended.
fn in_hooks(wait: impl Fn() + Send + Sync + 'static) -> Vec<&'static str> {
    let order = Arc::new(Mutex::new(Vec::new()));
    let noted = order.clone();
    panic::set_hook(Box::new(move |_| {
        noted.lock().unwrap().push("begins");
        wait();
        noted.lock().unwrap().push("ends");
    }));
    on_workers(1, || {
        let handles: Vec<_> = (0..3)
            .map(|number| {
                spawn(move || {
                    coroutine::yield_now();
                    panic!("{number} (expected)");
                })
            })
            .collect();
        for handle in handles {
            let result: Result<(), _> = handle.join();
            assert!(message(&*result.unwrap_err()).ends_with("(expected)"));
        }
    });
    let _ = panic::take_hook();
    Arc::into_inner(order).unwrap().into_inner().unwrap()
}

#[test]
fn a_hook_that_waits_keeps_its_worker() {
    let _watchdog = watchdog();
    alone(|| {
        let one_by_one = ["begins", "ends"].repeat(3);
        assert_eq!(in_hooks(|| sleep(Duration::from_millis(5))), one_by_one);
        assert_eq!(in_hooks(coroutine::yield_now), one_by_one);
        // For another worker.
        let other = Arc::new(runtime(1));
        let waits = move || drop(other.spawn(coroutine::yield_now).join());
        assert_eq!(in_hooks(waits), one_by_one);
        // For a thread of the pool, a socket, a plain thread.
        let file = || drop(may::fs::read("Cargo.toml"));
        assert_eq!(in_hooks(file), one_by_one);
        let echo = || {
            let listener = may::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let _stream = may::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            listener.accept().unwrap();
        };
        assert_eq!(in_hooks(echo), one_by_one);
        let handed_over = || {
            let (tx, rx) = bounded(0);
            let sends = thread::spawn(move || tx.send(()).unwrap());
            rx.recv().unwrap();
            sends.join().unwrap();
        };
        assert_eq!(in_hooks(handed_over), one_by_one);
    });
}

#[test]
fn a_hook_may_wait_for_a_neighbour_in_the_end() {
    let _watchdog = watchdog();
    alone(|| {
        let lock = Arc::new(may::sync::Mutex::new(0));
        let (reports, held) = (lock.clone(), Arc::new(AtomicBool::new(false)));
        panic::set_hook(Box::new(move |_| *reports.lock().unwrap() += 1));
        on_workers(1, || {
            let (holds, says) = (lock.clone(), held.clone());
            let holder = spawn(move || {
                let _held = holds.lock().unwrap();
                says.store(true, SeqCst);
                coroutine::yield_now();
                coroutine::yield_now();
            });
            while !held.load(SeqCst) {
                coroutine::yield_now();
            }
            let panics = spawn(|| panic!("(expected)"));
            assert!(panics.join().is_err());
            holder.join().unwrap();
        });
        assert_eq!(*lock.lock().unwrap(), 1);
        let _ = panic::take_hook();
    });
}

#[test]
fn a_destructor_that_waits_because_of_a_panic_lets_neighbours_run() {
    let _watchdog = watchdog();
    on_workers(1, || {
        let turns = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = bounded::<()>(0);
        let count = turns.clone();
        let neighbour = spawn(move || {
            for _ in 0..100 {
                count.fetch_add(1, SeqCst);
                coroutine::yield_now();
            }
            tx.send(()).unwrap();
        });
        let panics = spawn(move || {
            let _waits = OnDrop(move || rx.recv().unwrap());
            panic!("(expected)");
        });
        assert!(panics.join().is_err());
        neighbour.join().unwrap();
        assert_eq!(turns.load(SeqCst), 100);
    });
}

#[test]
fn the_first_use_may_be_in_a_hook_or_while_one_runs() {
    let _watchdog = watchdog();
    alone(|| {
        panic::set_hook(Box::new(|_| {
            assert_eq!(spawn(|| 5).join().unwrap(), 5);
            println!("a report");
        }));
        assert!(catch_unwind(|| panic!("(expected)")).is_err());
        assert!(spawn(|| panic!("(expected)")).join().is_err());
    });
    // A hook waits for a thread that uses May for the first time.
    alone(|| {
        static SENT: AtomicBool = AtomicBool::new(false);
        static WRITTEN: AtomicBool = AtomicBool::new(false);
        panic::set_hook(Box::new(|_| {
            SENT.store(true, SeqCst);
            eventually("it is written", || WRITTEN.load(SeqCst));
        }));
        let writer = thread::spawn(|| {
            eventually("it is sent", || SENT.load(SeqCst));
            spawn(|| WRITTEN.store(true, SeqCst)).join().unwrap();
        });
        assert!(catch_unwind(|| panic!("(expected)")).is_err());
        writer.join().unwrap();
    });
}

/// The worker is kept while a hook waits. If it were not, the next hook would stop it: std's lazy
/// values block their threads.
#[test]
fn hooks_may_share_a_lazy_value_of_std_s_whose_initializer_waits() {
    static REPORTS: LazyLock<AtomicUsize> = LazyLock::new(|| {
        may::fs::read("Cargo.toml").unwrap();
        sleep(Duration::from_millis(1));
        AtomicUsize::new(0)
    });
    let _watchdog = watchdog();
    alone(|| {
        let begun = in_hooks(|| {
            REPORTS.fetch_add(1, SeqCst);
        });
        assert_eq!((begun.len(), REPORTS.load(SeqCst)), (6, 3));
    });
}
