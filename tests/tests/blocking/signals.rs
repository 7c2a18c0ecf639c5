//! `signal::Signals`, each test in a process of its own, because a signal reaches the whole of it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::signal::{self, Signal, Signals};
use may::{coroutine, select, time};
use may_tests::{
    KINDS, alone, assert_cancelled, child, eventually, in_place, on_workers, spawn_waiting,
    watchdog, with_seeds,
};

/// Sends this process a signal. It has been handled when this returns, as it goes to the calling
/// thread.
fn raise(signal: Signal) {
    // SAFETY: the argument is a plain number.
    assert_eq!(unsafe { libc::raise(signal.as_raw()) }, 0);
}

/// The same through the process, so that any thread may get it, sooner or later.
fn send(signal: Signal) {
    // SAFETY: the arguments are plain numbers.
    assert_eq!(unsafe { libc::kill(libc::getpid(), signal.as_raw()) }, 0);
}

#[test]
fn each_receiver_gets_each_of_its_signals() {
    alone(|| {
        let _watchdog = watchdog();
        for kind in KINDS {
            in_place(kind, |place| {
                let both = Signals::new([Signal::SIGUSR1, Signal::SIGUSR2]).unwrap();
                let helpers: Vec<_> = [Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGHUP]
                    .into_iter()
                    .map(|signal| {
                        let signals = Signals::new([signal]).unwrap();
                        place.start(move || (signals.recv().unwrap(), signals.try_recv()))
                    })
                    .collect();
                // Before or after they wait.
                raise(Signal::SIGUSR1);
                assert_eq!(both.recv().unwrap(), Signal::SIGUSR1);
                raise(Signal::SIGUSR2);
                assert_eq!(both.recv().unwrap(), Signal::SIGUSR2);
                assert_eq!(both.try_recv(), None);
                raise(Signal::SIGHUP);
                let received: Vec<_> = helpers.into_iter().map(|helper| helper.join()).collect();
                let expected = [Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGHUP];
                assert_eq!(received, expected.map(|signal| (signal, None)));
            });
        }
    });
}

#[test]
fn what_arrives_between_two_calls_is_not_missed_and_counts_once() {
    alone(|| {
        on_workers(1, || {
            let signals = Signals::new([Signal::SIGTERM, Signal::SIGUSR1]).unwrap();
            for _ in 0..100 {
                raise(Signal::SIGUSR1);
                raise(Signal::SIGTERM);
                raise(Signal::SIGUSR1);
                // The one that was named first comes first.
                assert_eq!(signals.recv().unwrap(), Signal::SIGTERM);
                assert_eq!(signals.recv().unwrap(), Signal::SIGUSR1);
                assert_eq!(signals.try_recv(), None);
            }
            // One from before the receiver was made is not its own.
            raise(Signal::SIGUSR1);
            let late = Signals::new([Signal::SIGUSR1]).unwrap();
            assert_eq!(late.try_recv(), None);
            assert_eq!(format!("{late:?}"), "{SIGUSR1}");
            // Naming one twice does not make two of it.
            let twice = Signals::new([Signal::SIGUSR1, Signal::SIGUSR1]).unwrap();
            raise(Signal::SIGUSR1);
            assert_eq!(twice.try_recv(), Some(Signal::SIGUSR1));
            assert_eq!(twice.try_recv(), None);
        });
    });
}

#[test]
fn those_who_share_a_receiver_share_its_signals() {
    alone(|| {
        on_workers(2, || {
            let signals = Arc::new(Signals::new([Signal::SIGUSR1]).unwrap());
            let received = Arc::new(AtomicUsize::new(0));
            let waiting: Vec<_> = (0..8)
                .map(|_| {
                    let (signals, received) = (signals.clone(), received.clone());
                    spawn_waiting(move || {
                        signals.recv().unwrap();
                        received.fetch_add(1, SeqCst);
                    })
                })
                .collect();
            for count in 1..=8 {
                raise(Signal::SIGUSR1);
                eventually("one receives it", || received.load(SeqCst) >= count);
                coroutine::sleep(Duration::from_micros(200));
                assert_eq!(received.load(SeqCst), count, "only one does");
            }
            waiting
                .into_iter()
                .for_each(|waiting| waiting.join().unwrap());
        });
    });
}

#[test]
fn as_an_arm_of_a_select() {
    alone(|| {
        let _watchdog = watchdog();
        for kind in KINDS {
            in_place(kind, |place| {
                let signals = Signals::new([Signal::SIGUSR1, Signal::SIGUSR2]).unwrap();
                let (sender, receiver) = may::channel::bounded::<u32>(1);
                let helper = place.start(move || {
                    let mut seen = Vec::new();
                    loop {
                        select! {
                            Ok(signal) = recv(signals) else { panic!("no signals") } => seen.push(signal),
                            message = recv(receiver) => {
                                assert!(message.is_err());
                                return seen;
                            }
                        }
                    }
                });
                let mine = Signals::new([Signal::SIGUSR1]).unwrap();
                for _ in 0..20 {
                    raise(Signal::SIGUSR1);
                    // As a method, with a time, by reference, and as an option.
                    let by_reference = &mine;
                    let signal = select! {
                        signal = by_reference.recv() => signal.unwrap(),
                        after(Duration::from_secs(30)) => panic!("it does not come"),
                    };
                    assert_eq!(signal, Signal::SIGUSR1);
                }
                let nothing = select! {
                    _ = recv(Some(&mine)) => false,
                    _ = recv(None::<&Signals>) => false,
                    default => true,
                };
                assert!(nothing);
                let start = Instant::now();
                select! {
                    _ = recv(mine) => panic!("there is none"),
                    after(Duration::from_millis(2)) => assert!(start.elapsed() >= Duration::from_millis(2)),
                }
                raise(Signal::SIGUSR2);
                coroutine::sleep(Duration::from_millis(5));
                drop(sender);
                let seen = helper.join();
                assert!(seen.contains(&Signal::SIGUSR1) || seen.contains(&Signal::SIGUSR2));
            });
        }
    });
}

/// All waiters are woken, whether they wait in a call or in a select, and whatever for.
#[test]
fn one_signal_ends_the_waits_of_all_kinds() {
    alone(|| {
        on_workers(2, || {
            for _ in 0..50 {
                let others = spawn_waiting(|| {
                    Signals::new([Signal::SIGHUP]).unwrap().recv().unwrap();
                });
                let waiting: Vec<_> = (0..12)
                    .map(|number| {
                        let signals = Signals::new([Signal::SIGUSR1]).unwrap();
                        let other = Signals::new([Signal::SIGUSR2]).unwrap();
                        spawn_waiting(move || match number % 3 {
                            0 => signals.recv().unwrap(),
                            1 => select! {
                                Ok(signal) = recv(signals) else { panic!() } => signal,
                                Ok(signal) = recv(other) else { panic!() } => signal,
                            },
                            _ => select! {
                                biased;
                                Ok(signal) = recv(other) else { panic!() } => signal,
                                Ok(signal) = recv(signals) else { panic!() } => signal,
                                after(Duration::from_secs(60)) => panic!("it does not come"),
                            },
                        })
                    })
                    .collect();
                send(Signal::SIGUSR1);
                for waiting in waiting {
                    assert_eq!(waiting.join().unwrap(), Signal::SIGUSR1);
                }
                assert!(!others.is_finished());
                others.cancel();
                assert_cancelled(others.join());
            }
        });
    });
}

/// The signals are watched for by a worker of the first waiter. When that runtime ends, those of
/// others and threads still hear.
#[test]
fn the_end_of_a_runtime_leaves_those_of_others_waiting() {
    alone(|| {
        let _watchdog = watchdog();
        for _ in 0..20 {
            let (first, second) = (may_tests::runtime(1), may_tests::runtime(1));
            let waiting = Arc::new(AtomicUsize::new(0));
            let wait = |by_select: bool| {
                let signals = Signals::new([Signal::SIGUSR1]).unwrap();
                let waiting = waiting.clone();
                move || {
                    waiting.fetch_add(1, SeqCst);
                    match by_select {
                        true => select! { signal = recv(signals) => signal.unwrap() },
                        false => signals.recv().unwrap(),
                    }
                }
            };
            let gone = first.spawn(wait(false));
            eventually("it waits", || waiting.load(SeqCst) == 1);
            let threads = [false, true].map(|by| std::thread::spawn(wait(by)));
            let others = [false, true].map(|by| second.spawn(wait(by)));
            eventually("they wait", || waiting.load(SeqCst) == 5);
            gone.cancel();
            assert_cancelled(gone.join());
            may_tests::end(first);
            send(Signal::SIGUSR1);
            for thread in threads {
                assert_eq!(thread.join().unwrap(), Signal::SIGUSR1);
            }
            for other in others {
                assert_eq!(other.join().unwrap(), Signal::SIGUSR1);
            }
            may_tests::end(second);
        }
    });
}

#[test]
fn what_cannot_be_received_is_refused() {
    let _watchdog = watchdog();
    let before = default_action(Signal::SIGWINCH);
    for (number, name) in [
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGSTOP, "SIGSTOP"),
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGBUS, "SIGBUS"),
        (libc::SIGFPE, "SIGFPE"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGTRAP, "SIGTRAP"),
        (libc::SIGSYS, "SIGSYS"),
        (libc::SIGABRT, "SIGABRT"),
        (0, "signal 0"),
        (-1, "signal -1"),
        (1000, "signal 1000"),
    ] {
        let error = Signals::new([Signal::SIGWINCH, Signal::from_raw(number)]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{name}");
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("{name} cannot be received: ")),
            "{text}"
        );
    }
    // Nothing was changed for those that are known beforehand.
    assert!(before);
    assert_eq!(Signals::new([]).unwrap().try_recv(), None);
    assert_eq!(Signal::from_raw(40).to_string(), "signal 40");
}

/// Whether a signal has no handler.
fn default_action(signal: Signal) -> bool {
    // SAFETY: the call fills the structure in.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal.as_raw(), std::ptr::null(), &mut action);
        action.sa_sigaction == libc::SIG_DFL
    }
}

/// How often the handlers of tests were called.
static CALLED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn plain(signal: libc::c_int) {
    assert_eq!(signal, libc::SIGUSR1);
    CALLED.fetch_add(1, SeqCst);
}

extern "C" fn with_information(
    signal: libc::c_int,
    information: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    // SAFETY: the system has filled it in.
    assert_eq!(unsafe { (*information).si_signo }, signal);
    CALLED.fetch_add(100, SeqCst);
}

#[test]
fn a_handler_that_was_there_before_is_called_too() {
    alone(|| {
        // SAFETY: the handlers only count.
        unsafe {
            libc::signal(libc::SIGUSR1, plain as *const () as usize);
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = with_information as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO;
            libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut());
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
        }
        let signals = [Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGHUP];
        for _ in 0..3 {
            let receiver = Signals::new(signals).unwrap();
            for signal in signals {
                raise(signal);
                assert_eq!(receiver.recv().unwrap(), signal);
            }
        }
        assert_eq!(CALLED.load(SeqCst), 303);
    });
}

#[test]
fn the_default_stays_away_when_the_receivers_have_gone() {
    let (text, succeeded) = child(&[], || {
        drop(Signals::new([Signal::SIGTERM]).unwrap());
        assert!(default_action(Signal::SIGUSR1) && !default_action(Signal::SIGTERM));
        raise(Signal::SIGTERM);
    });
    assert!(succeeded, "{text}");
}

#[test]
fn child_processes_and_real_time_signals() {
    alone(|| {
        on_workers(1, || {
            let children = Signals::new([Signal::SIGCHLD]).unwrap();
            let mut child = std::process::Command::new("true").spawn().unwrap();
            let waited = time::timeout(Duration::from_secs(30), || {
                while child.try_wait().unwrap().is_none() {
                    assert_eq!(children.recv().unwrap(), Signal::SIGCHLD);
                }
            });
            assert!(waited.is_ok());
            #[cfg(target_os = "linux")]
            {
                let last = Signal::from_raw(libc::SIGRTMAX());
                let signals = Signals::new([last]).unwrap();
                raise(last);
                assert_eq!(signals.recv().unwrap(), last);
            }
        });
    });
}

#[test]
fn threads_of_the_system_that_block_are_not_disturbed() {
    alone(|| {
        use std::io::{Read, Write};
        let _watchdog = watchdog();
        let signals = Signals::new([Signal::SIGUSR1]).unwrap();
        let (mut reader, mut writer) = io::pipe().unwrap();
        let thread = std::thread::spawn(move || {
            let mut byte = [0];
            (reader.read(&mut byte).unwrap(), byte)
        });
        for _ in 0..100 {
            send(Signal::SIGUSR1);
            assert_eq!(signals.recv().unwrap(), Signal::SIGUSR1);
        }
        writer.write_all(b"x").unwrap();
        assert_eq!(thread.join().unwrap(), (1, *b"x"));
    });
}

#[test]
fn a_cancellation_or_a_limit_at_any_moment_takes_no_signal_with_it() {
    alone(|| {
        let rounds = std::env::var("MAY_ROUNDS").map_or(500, |rounds| rounds.parse().unwrap());
        for workers in [1, 2] {
            on_workers(workers, || {
                let ends = AtomicUsize::new(0);
                with_seeds(rounds, |mut random| {
                    let signals = Arc::new(Signals::new([Signal::SIGUSR1]).unwrap());
                    let for_victim = signals.clone();
                    let by_select = random.below(2) == 0;
                    let by_limit = random.below(2) == 0;
                    let limit = match by_limit {
                        true => Duration::from_micros(random.below(50)),
                        false => Duration::from_secs(60),
                    };
                    let victim = coroutine::spawn(move || {
                        time::timeout(limit, || match by_select {
                            true => select! { signal = recv(*for_victim) => signal.unwrap() },
                            false => for_victim.recv().unwrap(),
                        })
                    });
                    // Another one waits for the same.
                    let other = spawn_waiting(|| signal::ctrl_c().unwrap());
                    (0..random.below(3)).for_each(|_| coroutine::yield_now());
                    send(Signal::SIGUSR1);
                    (0..random.below(2_000)).for_each(|_| std::hint::spin_loop());
                    if !by_limit {
                        victim.cancel();
                    }
                    let received = match victim.join() {
                        Ok(received) => received.is_ok(),
                        result => {
                            assert_cancelled(result);
                            false
                        }
                    };
                    if !received {
                        ends.fetch_add(1, SeqCst);
                        let left = time::timeout(Duration::from_secs(2), || signals.recv());
                        assert_eq!(left.expect("it is not lost").unwrap(), Signal::SIGUSR1);
                    }
                    assert!(!other.is_finished());
                    send(Signal::SIGINT);
                    other.join().unwrap();
                });
                println!(
                    "{workers} workers: {} of {rounds} were ended",
                    ends.load(SeqCst)
                );
            });
        }
    });
}
