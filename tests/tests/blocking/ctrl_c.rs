//! `signal::ctrl_c`, each test in a process of its own, because a signal reaches the whole of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use may::{coroutine, signal};
use may_tests::{alone, assert_cancelled, eventually, on_workers, watchdog};

/// Sends this process what ctrl-c sends. It has been handled when this returns, as it goes to the
/// calling thread.
fn interrupt() {
    // SAFETY: the argument is a plain number.
    assert_eq!(unsafe { libc::raise(libc::SIGINT) }, 0);
}

/// The same through the process, so that any thread may get it, sooner or later.
fn interrupt_from_outside() {
    // SAFETY: the arguments are plain numbers.
    assert_eq!(unsafe { libc::kill(libc::getpid(), libc::SIGINT) }, 0);
}

/// Starts coroutines of the same worker that wait, and returns when all of them do: none is
/// interrupted between counting itself and waiting.
fn start_waiting(count: usize) -> Vec<coroutine::JoinHandle<()>> {
    let waiting = Arc::new(AtomicUsize::new(0));
    let handles: Vec<_> = (0..count)
        .map(|_| {
            let waiting = waiting.clone();
            coroutine::spawn(move || {
                waiting.fetch_add(1, Ordering::Relaxed);
                signal::ctrl_c().unwrap();
            })
        })
        .collect();
    eventually("all wait", || waiting.load(Ordering::Relaxed) == count);
    handles
}

#[test]
fn one_signal_ends_all_waits() {
    alone(|| {
        on_workers(1, || {
            for _ in 0..50 {
                let waiting = start_waiting(20);
                assert!(waiting.iter().all(|handle| !handle.is_finished()));
                interrupt_from_outside();
                for handle in waiting {
                    handle.join().unwrap();
                }
            }
        });
    });
}

#[test]
fn a_signal_from_before_does_not_count() {
    alone(|| {
        on_workers(1, || {
            for handle in start_waiting_and_interrupt() {
                handle.join().unwrap();
            }
            for _ in 0..20 {
                // There is no waiter: it is forgotten.
                interrupt();
                let waiting = start_waiting(5);
                for _ in 0..50 {
                    coroutine::sleep(Duration::from_micros(100));
                    assert!(waiting.iter().all(|handle| !handle.is_finished()));
                }
                interrupt();
                for handle in waiting {
                    handle.join().unwrap();
                }
            }
        });
    });
}

/// Waits and is interrupted, so that the handler is there.
fn start_waiting_and_interrupt() -> Vec<coroutine::JoinHandle<()>> {
    let waiting = start_waiting(1);
    interrupt();
    waiting
}

#[test]
fn threads_and_coroutines_of_several_workers_wait() {
    alone(|| {
        let _watchdog = watchdog();
        // Installed, so that no signal ends the process.
        let first = std::thread::spawn(|| signal::ctrl_c().unwrap());
        let installed = || {
            // SAFETY: the call fills the structure in.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                libc::sigaction(libc::SIGINT, std::ptr::null(), &mut action);
                action.sa_sigaction != libc::SIG_DFL
            }
        };
        eventually("the handler is installed", installed);
        let ended = Arc::new(AtomicUsize::new(0));
        for number in 0..20 {
            let ended = ended.clone();
            let wait = move || {
                for _ in 0..5 {
                    signal::ctrl_c().unwrap();
                    ended.fetch_add(1, Ordering::Relaxed);
                }
            };
            if number % 4 == 0 {
                drop(std::thread::spawn(wait));
            } else {
                drop(coroutine::spawn(wait));
            }
        }
        eventually("all waits end", || {
            interrupt_from_outside();
            ended.load(Ordering::Relaxed) == 100
        });
        first.join().unwrap();
    });
}

#[test]
fn a_flood_that_nobody_waits_for_does_no_harm() {
    alone(|| {
        on_workers(1, || {
            for handle in start_waiting_and_interrupt() {
                handle.join().unwrap();
            }
            for _ in 0..200_000 {
                interrupt();
            }
            let waiting = start_waiting(3);
            interrupt();
            for handle in waiting {
                handle.join().unwrap();
            }
        });
    });
}

#[test]
fn a_wait_can_be_cancelled() {
    alone(|| {
        on_workers(1, || {
            for _ in 0..100 {
                let mut waiting = start_waiting(3);
                let victim = waiting.remove(1);
                victim.cancel();
                assert_cancelled(victim.join());
                interrupt();
                for handle in waiting {
                    handle.join().unwrap();
                }
            }
        });
    });
}

#[test]
fn the_default_action_stays_until_the_first_call() {
    let (text, succeeded) = may_tests::child(&[], || {
        // Shells have what they run in the background ignore it.
        // SAFETY: a plain number and a constant.
        unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
        coroutine::spawn(coroutine::yield_now).join().unwrap();
        interrupt();
        std::thread::sleep(Duration::from_secs(30));
    });
    assert!(!succeeded, "{text}");
}
