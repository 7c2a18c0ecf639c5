//! Sockets get their turn beside coroutines that are never done, and long-lived connections spread
//! over the workers.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use may::coroutine::{self, Builder, Placement, spawn, yield_now};
use may::net::TcpStream;
use may_tests::net::listener;
use may_tests::{alone, eventually, on_workers, spawn_waiting};

/// How many descriptors the process may have, after asking for as many as it can get.
fn descriptors() -> usize {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: (system calls) the structure lives across the calls.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
    }
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

/// How often is tried for an even spread. Where the machine keeps a worker from running for more
/// than a millisecond, the other one takes what is there for it; but not each time, unless that is
/// all there ever is.
const ATTEMPTS: usize = 20;

/// Opens connections, `pause` apart or all before the first is accepted. Each of two workers must
/// have its 40 of 100.
fn assert_balanced(wanted: usize, pause: Option<Duration>) {
    let is_balanced = |shares: &[usize]| {
        let count: usize = shares.iter().sum();
        shares.len() == 2 && shares.iter().all(|share| share * 10 >= count * 4)
    };
    let mut attempts = (0..ATTEMPTS).map(|_| shares(wanted, pause));
    assert!(
        attempts.any(|shares| is_balanced(&shares)),
        "not once in {ATTEMPTS} attempts"
    );
}

/// Opens connections, keeps them open, and counts by which worker each is served.
fn shares(wanted: usize, pause: Option<Duration>) -> Vec<usize> {
    // Both ends are here.
    let count = wanted.min(descriptors().saturating_sub(100) / 2);
    on_workers(2, || {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let served: Arc<Mutex<HashMap<ThreadId, usize>>> = Arc::default();
        let counted = served.clone();
        let accept = move || {
            let handlers: Vec<_> = listener
                .incoming()
                .take(count)
                .map(|stream| {
                    let (mut stream, counted) = (stream.unwrap(), counted.clone());
                    spawn(move || {
                        *counted
                            .lock()
                            .unwrap()
                            .entry(thread::current().id())
                            .or_default() += 1;
                        // Until the other side closes.
                        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
                    })
                })
                .collect();
            handlers
                .into_iter()
                .for_each(|handler| handler.join().unwrap());
        };
        // From a thread of its own, so that connecting is no work of the workers.
        let open = move || {
            (0..count)
                .map(|_| {
                    pause.iter().copied().for_each(thread::sleep);
                    std::net::TcpStream::connect(address).unwrap()
                })
                .collect::<Vec<_>>()
        };
        let mut acceptor = None;
        if pause.is_some() {
            acceptor = Some(spawn(accept));
            let opener = thread::spawn(open);
            eventually("all are open", || opener.is_finished());
            let streams = opener.join().unwrap();
            eventually("all are served", || {
                served.lock().unwrap().values().sum::<usize>() == count
            });
            drop(streams);
        } else {
            let streams = thread::spawn(open).join().unwrap();
            acceptor.replace(spawn(accept));
            eventually("all are served", || {
                served.lock().unwrap().values().sum::<usize>() == count
            });
            drop(streams);
        }
        acceptor.expect("it was spawned").join().unwrap();
        let shares: Vec<_> = served.lock().unwrap().values().copied().collect();
        println!("{count} connections, {pause:?} apart: {shares:?}");
        shares
    })
}

#[test]
fn a_burst_of_connections_spreads_evenly() {
    alone(|| assert_balanced(1_000, None));
}

#[test]
fn connections_one_by_one_spread_evenly() {
    alone(|| {
        assert_balanced(300, Some(Duration::from_millis(1)));
    });
}

/// New connections, whose coroutines have to be accepted and started, from a plain thread, beside
/// workers that only yield. (Round trips on an open one are in `limits.rs`.)
#[test]
fn new_connections_are_served_beside_coroutines_that_only_yield() {
    alone(|| {
        on_workers(2, || {
            let stop = Arc::new(AtomicBool::new(false));
            let yielding = [0, 1].map(|worker| {
                let stop = stop.clone();
                let spin = move || {
                    while !stop.load(SeqCst) {
                        yield_now();
                    }
                };
                Builder::new()
                    .placement(Placement::Worker(worker))
                    .spawn(spin)
                    .unwrap()
            });
            let listener = listener();
            let address = listener.local_addr().unwrap();
            let server = spawn(move || {
                for stream in listener.incoming() {
                    let mut stream: TcpStream = stream.unwrap();
                    spawn(move || {
                        let mut byte = [0];
                        stream.read_exact(&mut byte).unwrap();
                        stream.write_all(&byte).unwrap();
                    });
                }
            });
            let client = thread::spawn(move || {
                let mut times: Vec<_> = (0..300)
                    .map(|_| {
                        let begun = Instant::now();
                        let mut stream = std::net::TcpStream::connect(address).unwrap();
                        stream.write_all(b"x").unwrap();
                        stream.read_exact(&mut [0]).unwrap();
                        begun.elapsed()
                    })
                    .collect();
                times.sort();
                (times[150], times[297])
            });
            eventually("the client is done", || client.is_finished());
            let (median, late) = client.join().unwrap();
            println!("connect and echo beside busy workers: median {median:?}, 99 of 100 {late:?}");
            // (How late the latest are, the machine has a say in.)
            assert!(median < Duration::from_millis(50), "{median:?}");
            stop.store(true, SeqCst);
            yielding
                .into_iter()
                .for_each(|handle| handle.join().unwrap());
            server.cancel();
            may_tests::assert_cancelled(server.join());
        });
    });
}

/// An event that another one was faster to use does not send a waiter to the end of the line.
#[test]
fn whoever_was_woken_in_vain_keeps_his_place() {
    on_workers(1, || {
        let listener = Arc::new(listener());
        let address = listener.local_addr().unwrap();
        let stranger: std::net::TcpListener = listener.as_fd().try_clone_to_owned().unwrap().into();
        let came = Arc::new(Mutex::new(Vec::new()));
        let acceptors: Vec<_> = (0..3)
            .map(|number| {
                let (listener, came) = (listener.clone(), came.clone());
                spawn_waiting(move || {
                    listener.accept().unwrap();
                    came.lock().unwrap().push(number);
                })
            })
            .collect();
        let mut connections = Vec::new();
        for _ in 0..3 {
            // Nothing here lets the acceptors run before the connection has gone.
            connections.push(std::net::TcpStream::connect(address).unwrap());
            while stranger.accept().is_err() {}
            coroutine::sleep(Duration::from_millis(1));
            let before = came.lock().unwrap().len();
            connections.push(std::net::TcpStream::connect(address).unwrap());
            eventually("it is accepted", || came.lock().unwrap().len() > before);
        }
        acceptors
            .into_iter()
            .for_each(|acceptor| acceptor.join().unwrap());
        assert_eq!(*came.lock().unwrap(), [0, 1, 2]);
    });
}

/// Many who are woken at once, and have to wait on, do not come back in front of those who are
/// still to be woken.
#[test]
fn everybody_can_be_woken_any_number_of_times() {
    on_workers(3, || {
        let listener = Arc::new(listener());
        let acceptors: Vec<_> = (0..200)
            .map(|_| {
                let listener = listener.clone();
                spawn(move || {
                    while listener
                        .accept()
                        .is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
                    {
                    }
                })
            })
            .collect();
        for _ in 0..100 {
            listener.set_nonblocking(true).unwrap();
            listener.set_nonblocking(false).unwrap();
            yield_now();
        }
        let address = listener.local_addr().unwrap();
        let connections = acceptors
            .iter()
            .map(|_| TcpStream::connect(address).unwrap());
        let _connections: Vec<_> = connections.collect();
        acceptors
            .into_iter()
            .for_each(|acceptor| acceptor.join().unwrap());
    });
}

#[test]
fn a_socket_does_not_wait_for_many_long_turns_of_others() {
    const ROUNDS: usize = 21;
    on_workers(1, || {
        let listener = listener();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let turns = Arc::new(AtomicUsize::new(0));
        // It is never done, and its turns are long: those of a reader whose peer sends more than
        // can be dealt with.
        let busy = spawn({
            let turns = turns.clone();
            move || {
                loop {
                    let begin = Instant::now();
                    while begin.elapsed() < Duration::from_millis(1) {}
                    turns.fetch_add(1, SeqCst);
                    yield_now();
                }
            }
        });
        let (sender, written) = std::sync::mpsc::channel();
        let writer = thread::spawn({
            let turns = turns.clone();
            move || {
                for _ in 0..ROUNDS {
                    thread::sleep(Duration::from_millis(20));
                    sender.send(turns.load(SeqCst)).unwrap();
                    (&client).write_all(b"?").unwrap();
                }
            }
        });
        let mut waited: Vec<usize> = (0..ROUNDS)
            .map(|_| {
                server.read_exact(&mut [0]).unwrap();
                turns.load(SeqCst) - written.recv().unwrap()
            })
            .collect();
        busy.cancel();
        let _ = busy.join();
        writer.join().unwrap();
        waited.sort_unstable();
        println!("turns that others had before a byte was read: {waited:?}");
        // Now and then the writer is interrupted between its two steps.
        assert!(waited[ROUNDS / 2] <= 4, "{waited:?}");
    });
}
