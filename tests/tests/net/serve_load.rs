//! `net::serve` when much happens at once: slow clients, no descriptors left, and ending in the
//! midst of it.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::coroutine::{self, scope};
use may::net::{Counters, Limits, Report, TcpListener, TcpStream, serve};
use may::select;
use may::sync::CancelToken;
use may_tests::net::listener;
use may_tests::{Random, alone, eventually, on_workers, watchdog_for, with_seeds};

/// How many descriptors the process has.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux").count()
}

/// Allows the process `more` descriptors beyond the highest that it has.
fn leave_descriptors(more: u64) {
    let highest = TcpListener::bind("127.0.0.1:0").unwrap().as_raw_fd() as u64;
    let limit = libc::rlimit {
        rlim_cur: highest + more,
        rlim_max: 4096,
    };
    // SAFETY: the structure lives across the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}

/// Echoes until the end.
fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 512];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

/// Sends a byte and reads it back.
fn round_trip(stream: &mut TcpStream) {
    stream.write_all(b"?").unwrap();
    stream.read_exact(&mut [0]).unwrap();
}

#[test]
fn without_descriptors_connections_wait_and_the_server_goes_on() {
    alone(|| {
        on_workers(2, || {
            let listener = listener();
            let address = listener.local_addr().unwrap();
            let mut clients: Vec<_> = (0..40)
                .map(|_| TcpStream::connect(address).unwrap())
                .collect();
            leave_descriptors(10);
            let (token, counters) = (CancelToken::new(), Counters::new());
            let limits = Limits::new().until(&token).counters(&counters);
            let server =
                coroutine::spawn(move || serve(listener, limits, |(stream, _), _| echo(stream)));
            clients[..8].iter_mut().for_each(round_trip);
            for _ in 0..20 {
                clients[..8].iter_mut().for_each(round_trip);
                coroutine::sleep(Duration::from_micros(500));
            }
            let open = counters.report().open;
            assert!((8..=12).contains(&open), "{open} with room for 10");
            // One that leaves makes room.
            while !clients.is_empty() {
                let next = clients.len().min(4);
                drop(clients.drain(..next));
                clients.iter_mut().take(4).for_each(round_trip);
            }
            token.cancel();
            let report = server.join().unwrap().unwrap();
            assert_eq!((report.accepted, report.completed), (40, 40), "{report:?}");
            assert!(report.shortages > 0, "{report:?}");
        });
    });
}

#[test]
fn a_thousand_slow_clients_hold_up_nobody() {
    const SLOW: usize = 1000;
    const BYTES: usize = 8;
    let _watchdog = watchdog_for(Duration::from_secs(120));
    on_workers(2, || {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let (token, counters) = (CancelToken::new(), Counters::new());
        let limits = Limits::new().until(&token).counters(&counters);
        let server =
            coroutine::spawn(move || serve(listener, limits, |(stream, _), _| echo(stream)));
        let done = AtomicUsize::new(0);
        scope(|scope| {
            for number in 0..SLOW {
                let (done, counters) = (&done, &counters);
                scope.spawn(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    round_trip(&mut stream);
                    // They are slow by being many: each waits for all others to be there.
                    eventually("all are there", || {
                        counters.report().open >= SLOW as u64 || done.load(SeqCst) > 0
                    });
                    for _ in 0..BYTES {
                        coroutine::sleep(Duration::from_millis(1 + number as u64 % 20));
                        round_trip(&mut stream);
                    }
                    done.fetch_add(1, SeqCst);
                });
            }
            // Meanwhile one that is quick is served, again and again.
            eventually("all are there", || counters.report().open >= SLOW as u64);
            let mut quick = TcpStream::connect(address).unwrap();
            let mut trips = 0;
            while done.load(SeqCst) < SLOW {
                let start = Instant::now();
                round_trip(&mut quick);
                assert!(start.elapsed() < Duration::from_secs(5));
                trips += 1;
                coroutine::sleep(Duration::from_micros(200));
            }
            assert!(trips > 10, "{trips} round trips beside {SLOW} slow clients");
        });
        token.cancel();
        let report = server.join().unwrap().unwrap();
        assert_eq!(report.completed, SLOW as u64 + 1, "{report:?}");
    });
}

/// What a client has seen.
#[derive(Default)]
struct Seen {
    /// Requests that were answered to the end.
    answered: AtomicUsize,
    /// Answers that ended too early.
    torn: AtomicUsize,
}

/// Sends requests of `LENGTH` bytes, one after the other, until the server closes the connection.
fn ask(mut stream: TcpStream, seen: &Seen, mut random: Random) {
    let request = [b'?'; LENGTH];
    stream.set_nodelay(true).unwrap();
    loop {
        let cut = random.below(LENGTH as u64) as usize;
        let sent = stream
            .write_all(&request[..cut])
            .and_then(|()| {
                coroutine::yield_now();
                stream.write_all(&request[cut..])
            })
            .is_ok();
        let mut answer = Vec::new();
        let read = (&stream).take(LENGTH as u64).read_to_end(&mut answer);
        match (read, answer.len()) {
            (Ok(LENGTH), _) => {
                seen.answered.fetch_add(1, SeqCst);
                assert!(sent);
            }
            (_, 0) => return,
            _ => {
                seen.torn.fetch_add(1, SeqCst);
                return;
            }
        }
    }
}

/// The length of a request and of its answer.
const LENGTH: usize = 3000;

#[test]
fn ending_under_load_loses_nothing_that_is_open_and_leaves_nothing() {
    // Descriptors are counted.
    alone(|| {
        let _watchdog = watchdog_for(Duration::from_secs(120));
        with_seeds(8, |mut random| {
            on_workers(3, || {
                let before = descriptors();
                let listener = listener();
                let address = listener.local_addr().unwrap();
                let token = CancelToken::new();
                let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
                let (begins, ends) = (begun.clone(), ended.clone());
                let limits = Limits::new()
                    .connections(24)
                    .grace(Duration::from_secs(60))
                    .until(&token);
                let server = coroutine::spawn(move || {
                    serve(listener, limits, |(mut stream, _), session| {
                        let mut request = [0; LENGTH];
                        loop {
                            select! {
                                biased;
                                result = readable(stream) => if result.is_err() { return },
                                wait(session.stopping()) => return,
                            }
                            let Ok(count @ 1..) = stream.read(&mut request) else {
                                return;
                            };
                            // From here on it is a request, and is answered, whatever happens.
                            begins.fetch_add(1, SeqCst);
                            stream.read_exact(&mut request[count..]).unwrap();
                            for part in request.chunks(1000) {
                                stream.write_all(part).unwrap();
                                coroutine::yield_now();
                            }
                            ends.fetch_add(1, SeqCst);
                            if session.is_stopping() {
                                return;
                            }
                        }
                    })
                });
                let seen = Seen::default();
                let stopped = AtomicBool::new(false);
                let report: Report = scope(|scope| {
                    for _ in 0..32 {
                        let (seen, stopped) = (&seen, &stopped);
                        let mut random = random.fork();
                        scope.spawn(move || {
                            while !stopped.load(SeqCst) {
                                let Ok(stream) = TcpStream::connect(address) else {
                                    return;
                                };
                                ask(stream, seen, random.fork());
                            }
                        });
                    }
                    let target = 100 + random.below(200) as usize;
                    eventually("requests are answered", || {
                        seen.answered.load(SeqCst) >= target
                    });
                    token.cancel();
                    let report = server.join().unwrap().unwrap();
                    stopped.store(true, SeqCst);
                    report
                });
                assert_eq!(report.completed, report.accepted, "{report:?}");
                assert_eq!(seen.torn.load(SeqCst), 0);
                assert_eq!(begun.load(SeqCst), ended.load(SeqCst));
                assert_eq!(ended.load(SeqCst), seen.answered.load(SeqCst));
                assert_eq!(descriptors(), before, "descriptors");
            });
        });
    });
}

#[test]
fn cancelling_the_server_under_load_leaves_nothing() {
    // Descriptors are counted.
    alone(|| {
        let _watchdog = watchdog_for(Duration::from_secs(120));
        with_seeds(100, |mut random| {
            on_workers(2, || {
                let before = descriptors();
                let listener = listener();
                let address = listener.local_addr().unwrap();
                let counters = Counters::new();
                let limits = Limits::new().connections(8).counters(&counters);
                let alive = Arc::new(AtomicUsize::new(0));
                let counted = alive.clone();
                let server = coroutine::spawn(move || {
                    serve(listener, limits, |(stream, _), _| {
                        counted.fetch_add(1, SeqCst);
                        let _gone = may_tests::OnDrop(|| {
                            counted.fetch_sub(1, SeqCst);
                        });
                        echo(stream);
                    })
                });
                scope(|scope| {
                    for _ in 0..12 {
                        scope.spawn(|| {
                            while let Ok(mut stream) = TcpStream::connect(address) {
                                for _ in 0..3 {
                                    if stream.write_all(b"?").is_err()
                                        || !matches!(stream.read(&mut [0]), Ok(1))
                                    {
                                        break;
                                    }
                                }
                            }
                        });
                    }
                    let accepted = random.below(60);
                    eventually("some were accepted", || {
                        counters.report().accepted >= accepted
                    });
                    for _ in 0..random.below(20) {
                        coroutine::yield_now();
                    }
                    server.cancel();
                    may_tests::assert_cancelled(server.join());
                    assert_eq!(alive.load(SeqCst), 0);
                });
                let report = counters.report();
                assert_eq!(report.open, 0, "{report:?}");
                assert_eq!(
                    report.accepted,
                    report.completed + report.cancelled + report.not_begun,
                    "{report:?}"
                );
                assert_eq!(descriptors(), before, "descriptors");
            });
        });
    });
}
