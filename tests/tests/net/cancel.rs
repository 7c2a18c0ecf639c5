//! Cancellation in every call of a socket, in either direction, and racing with what would have
//! ended the wait.
//!
//! `MAY_ROUNDS` asks for more rounds than the few that the ordinary run has time for.

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use may::coroutine::{self, JoinHandle};
use may::net::{Shutdown, TcpListener, TcpStream};
use may_tests::net::{fill, listener, pair};
use may_tests::{Random, assert_cancelled, on_workers, with_seeds};

/// How often each race is run.
fn rounds() -> u64 {
    std::env::var("MAY_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(300)
}

/// Lets others run for a while: not at all, some turns, or some microseconds.
fn dawdle(random: &mut Random) {
    for _ in 0..random.below(4) {
        coroutine::yield_now();
    }
    if random.below(3) == 0 {
        coroutine::sleep(Duration::from_micros(random.below(100)));
    }
}

/// Cancels a coroutine that can do nothing but wait.
fn cancel_waiting<T: std::fmt::Debug>(handle: JoinHandle<T>, random: &mut Random) {
    dawdle(random);
    handle.cancel();
    assert_cancelled(handle.join());
}

/// A byte goes from one to the other: nothing has suffered.
fn assert_usable(mut from: &TcpStream, mut to: &TcpStream) {
    from.write_all(b"!").unwrap();
    let mut byte = [0];
    to.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"!");
}

#[test]
fn every_call_that_reads() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let calls: [fn(&TcpStream) -> usize; 3] = [
                |mut stream| stream.read(&mut [0; 8]).unwrap(),
                |mut stream| {
                    stream
                        .read_vectored(&mut [IoSliceMut::new(&mut [0; 8])])
                        .unwrap()
                },
                |stream| stream.peek(&mut [0; 8]).unwrap(),
            ];
            let (client, server) = pair();
            let client = Arc::new(client);
            with_seeds(rounds(), |mut random| {
                for call in calls {
                    let reading = client.clone();
                    cancel_waiting(coroutine::spawn(move || call(&reading)), &mut random);
                }
                assert_usable(&server, &client);
                assert_usable(&client, &server);
            });
        });
    }
}

#[test]
fn every_call_that_writes() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let calls: [fn(&TcpStream) -> usize; 2] = [
                |mut stream| stream.write(&[1; 1 << 16]).unwrap(),
                |mut stream| {
                    stream
                        .write_vectored(&[IoSlice::new(&[1; 1 << 16])])
                        .unwrap()
                },
            ];
            let (client, mut server) = pair();
            let client = Arc::new(client);
            let written = AtomicUsize::new(fill(&client).unwrap());
            with_seeds(rounds(), |mut random| {
                for call in calls {
                    let writing = client.clone();
                    let writer = coroutine::spawn(move || call(&writing));
                    dawdle(&mut random);
                    writer.cancel();
                    match writer.join() {
                        // The kernel has found some room after all.
                        Ok(count) => {
                            let more = fill(&client).unwrap();
                            written.fetch_add(count + more, Ordering::Relaxed);
                        }
                        cancelled => assert_cancelled(cancelled),
                    }
                }
            });
            client.shutdown(Shutdown::Write).unwrap();
            let read = std::io::copy(&mut server, &mut std::io::sink()).unwrap();
            assert_eq!(read, written.into_inner() as u64);
        });
    }
}

#[test]
fn accepting() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let listener = Arc::new(listener());
            let address = listener.local_addr().unwrap();
            with_seeds(rounds(), |mut random| {
                let accepting = listener.clone();
                cancel_waiting(
                    coroutine::spawn(move || accepting.accept().unwrap()),
                    &mut random,
                );
            });
            let client = TcpStream::connect(address).unwrap();
            assert_usable(&client, &listener.accept().unwrap().0);
        });
    }
}

#[test]
fn connecting() {
    on_workers(2, || {
        // A listener that never answers, once its backlog is full.
        let silent =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        silent
            .bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .unwrap();
        silent.listen(0).unwrap();
        let address = silent.local_addr().unwrap().as_socket().unwrap();
        let mut open = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(20)) {
            open.push(stream);
        }
        with_seeds(rounds().min(500), |mut random| {
            cancel_waiting(
                coroutine::spawn(move || TcpStream::connect(address).unwrap()),
                &mut random,
            );
        });
    });
}

#[test]
fn a_cancelled_read_has_taken_nothing() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let (client, server) = pair();
            let server = Arc::new(server);
            let (taken, cancelled) = (AtomicUsize::new(0), AtomicUsize::new(0));
            with_seeds(5 * rounds(), |mut random| {
                let reading = server.clone();
                let reader = coroutine::spawn(move || (&*reading).read(&mut [0; 8]).unwrap());
                dawdle(&mut random);
                let handle = &reader;
                let mut other = random.fork();
                coroutine::scope(|scope| {
                    scope.spawn(move || {
                        dawdle(&mut other);
                        handle.cancel();
                    });
                    dawdle(&mut random);
                    (&client).write_all(b"x").unwrap();
                });
                match reader.join() {
                    Ok(count) => {
                        assert_eq!(count, 1);
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                    result => {
                        assert_cancelled(result);
                        cancelled.fetch_add(1, Ordering::Relaxed);
                        assert_eq!((&*server).read(&mut [0; 8]).unwrap(), 1, "the byte is lost");
                    }
                }
            });
            eprintln!("{workers} workers: {taken:?} taken, {cancelled:?} cancelled");
        });
    }
}

#[test]
fn a_cancelled_accept_has_accepted_nothing() {
    on_workers(3, || {
        let listener: Arc<TcpListener> = Arc::new(listener());
        let address = listener.local_addr().unwrap();
        with_seeds(2 * rounds(), |mut random| {
            let accepting = listener.clone();
            let acceptor = coroutine::spawn(move || accepting.accept().unwrap().1);
            let handle = &acceptor;
            let mut other = random.fork();
            let client = coroutine::scope(|scope| {
                scope.spawn(move || {
                    dawdle(&mut other);
                    handle.cancel();
                });
                dawdle(&mut random);
                TcpStream::connect(address).unwrap()
            });
            let peer = match acceptor.join() {
                Ok(peer) => peer,
                result => {
                    assert_cancelled(result);
                    listener.accept().unwrap().1
                }
            };
            assert_eq!(peer, client.local_addr().unwrap());
        });
    });
}

#[test]
fn others_on_the_same_socket_are_not_affected() {
    on_workers(3, || {
        let (client, server) = pair();
        let server = Arc::new(server);
        let received = Arc::new(AtomicUsize::new(0));
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (server, received) = (server.clone(), received.clone());
                coroutine::spawn(move || {
                    while (&*server).read(&mut [0; 1]).unwrap() == 1 {
                        received.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let sent = AtomicUsize::new(0);
        with_seeds(2 * rounds(), |mut random| {
            let (reading, counting) = (server.clone(), received.clone());
            let victim = coroutine::spawn(move || {
                while (&*reading).read(&mut [0; 1]).unwrap() == 1 {
                    counting.fetch_add(1, Ordering::Relaxed);
                }
            });
            dawdle(&mut random);
            sent.fetch_add(1, Ordering::Relaxed);
            (&client).write_all(b"y").unwrap();
            victim.cancel();
            assert_cancelled(victim.join());
        });
        may_tests::eventually("everything is received", || {
            received.load(Ordering::Relaxed) == sent.load(Ordering::Relaxed)
        });
        client.shutdown(Shutdown::Write).unwrap();
        for reader in readers {
            reader.join().unwrap();
        }
    });
}
