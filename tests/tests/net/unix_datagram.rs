//! What std promises of Unix sockets that carry datagrams, in every place that may use ours.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net as std_net;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::coroutine;
use may::io::wait_readable;
use may::net::Shutdown;
use may::os::linux::net::SocketAddrExt;
use may::os::unix::net::{SocketAddr, UnixDatagram};
use may_core::select::{read, readable, writable, write};
use may_tests::executor::{Executor, Spawned};
use may_tests::net::Temporary;
use may_tests::{
    HANG_AFTER, arm_within, assert_cancelled, everywhere, for_a_moment, on_workers, with_seeds,
};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3600);

/// A socket and its path.
struct Bound {
    socket: UnixDatagram,
    path: Temporary,
}

impl Bound {
    fn new() -> Bound {
        let path = Temporary::new();
        let socket = UnixDatagram::bind(&path.0).unwrap();
        Bound { socket, path }
    }
}

/// Sends until there is no room left; returns the number of datagrams.
fn fill(send: impl Fn() -> std::io::Result<usize>) -> usize {
    let mut sent = 0;
    loop {
        match send() {
            Ok(_) => sent += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return sent;
            }
        }
    }
}

#[test]
fn datagrams_by_path() {
    everywhere(|place| {
        let (server, client) = (Arc::new(Bound::new()), Bound::new());
        let receiving = server.clone();
        let echo = place.start(move || {
            let mut buffer = [0; 100];
            let (length, from) = receiving.socket.recv_from(&mut buffer).unwrap();
            let path = from.as_pathname().unwrap();
            receiving.socket.send_to(&buffer[..length], path).unwrap();
            receiving.socket.send_to_addr(b"again", &from).unwrap();
            // A socket without a name.
            let (length, from) = receiving.socket.recv_from(&mut buffer).unwrap();
            assert!(from.is_unnamed());
            length
        });
        assert_eq!(client.socket.send_to(b"hello", &server.path.0).unwrap(), 5);
        let mut buffer = [0; 100];
        let (length, from) = client.socket.recv_from(&mut buffer).unwrap();
        assert_eq!((length, from.as_pathname()), (5, Some(&*server.path.0)));
        assert_eq!(client.socket.recv(&mut buffer).unwrap(), 5);
        let nameless = UnixDatagram::unbound().unwrap();
        assert!(nameless.local_addr().unwrap().is_unnamed());
        nameless.connect(&server.path.0).unwrap();
        assert_eq!(
            nameless.peer_addr().unwrap().as_pathname(),
            Some(&*server.path.0)
        );
        nameless.send(b"xyz").unwrap();
        assert_eq!(echo.join(), 3);
    });
}

#[test]
fn abstract_addresses() {
    everywhere(|_| {
        let number = Bound::new();
        let name = format!("may {:?}", number.path.0);
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let server = UnixDatagram::bind_addr(&address).unwrap();
        let client = UnixDatagram::unbound().unwrap();
        client.send_to_addr(b"x", &address).unwrap();
        client.connect_addr(&address).unwrap();
        client.send(b"yz").unwrap();
        assert_eq!(server.recv(&mut [0; 8]).unwrap(), 1);
        assert_eq!(server.recv(&mut [0; 8]).unwrap(), 2);
        server
            .connect_addr(&number.socket.local_addr().unwrap())
            .unwrap();
        server.send(b"from a name").unwrap();
        let (_, from) = number.socket.recv_from(&mut [0; 16]).unwrap();
        assert_eq!(from.as_abstract_name(), Some(name.as_bytes()));
    });
}

#[test]
fn the_errors_are_std_s() {
    everywhere(|_| {
        let (ours, stds) = (
            UnixDatagram::unbound().unwrap(),
            std_net::UnixDatagram::unbound().unwrap(),
        );
        let gone = Temporary::new();
        // A name that has outlived its socket.
        let stale = Temporary::new();
        drop(std_net::UnixDatagram::bind(&stale.0).unwrap());
        let long = PathBuf::from("x".repeat(200));
        let unnamed = stds.local_addr().unwrap();
        for bad in [&gone.0, &long, &PathBuf::from("a\0b"), &PathBuf::new()] {
            let std_error = stds.send_to(b"x", bad).unwrap_err();
            assert_eq!(
                ours.send_to(b"x", bad).unwrap_err().kind(),
                std_error.kind(),
                "sending to {bad:?}"
            );
            let std_error = stds.connect(bad).unwrap_err();
            assert_eq!(
                ours.connect(bad).unwrap_err().kind(),
                std_error.kind(),
                "connecting to {bad:?}"
            );
        }
        assert_eq!(
            ours.send_to_addr(b"x", &unnamed).unwrap_err().kind(),
            stds.send_to_addr(b"x", &unnamed).unwrap_err().kind()
        );
        for (ours, stds) in [
            (ours.send(b"x").unwrap_err(), stds.send(b"x").unwrap_err()),
            (ours.peer_addr().unwrap_err(), stds.peer_addr().unwrap_err()),
        ] {
            assert_eq!(ours.raw_os_error(), stds.raw_os_error());
        }
        assert_eq!(
            UnixDatagram::bind(&stale.0).unwrap_err().kind(),
            ErrorKind::AddrInUse
        );
        assert_eq!(
            ours.send_to(b"x", &stale.0).unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
    });
}

#[test]
fn empty_and_long_datagrams() {
    everywhere(|place| {
        let (one, other) = UnixDatagram::pair().unwrap();
        let receiving = place.start(move || {
            let mut buffer = [0; 4];
            assert_eq!(other.recv(&mut buffer).unwrap(), 0);
            assert_eq!(other.recv_from(&mut buffer).unwrap().0, 0);
            assert_eq!(other.recv(&mut []).unwrap(), 0);
            // What does not fit is lost.
            assert_eq!(other.recv(&mut buffer).unwrap(), 4);
            assert_eq!(&buffer, b"trun");
            assert_eq!(other.recv(&mut buffer).unwrap(), 1);
        });
        coroutine::sleep(Duration::from_millis(1));
        for datagram in [b"", &b""[..], b"", b"truncated", b"x"] {
            assert_eq!(one.send(datagram).unwrap(), datagram.len());
        }
        receiving.join();
        let error = one.send(&vec![0; 64 << 20]).unwrap_err();
        assert!(matches!(
            error.raw_os_error(),
            Some(libc::EMSGSIZE | libc::ENOBUFS)
        ));
    });
}

#[test]
fn who_sends_waits_for_room() {
    everywhere(|place| {
        const DATAGRAMS: usize = 500;
        /// How a datagram is sent to the socket at a path.
        type Send = fn(&UnixDatagram, &[u8], &PathBuf) -> usize;
        let sends: [(bool, Send); 3] = [
            (true, |socket, bytes, _| socket.send(bytes).unwrap()),
            // Where our own socket says that there is room.
            (false, |socket, bytes, path| {
                socket.send_to(bytes, path).unwrap()
            }),
            (false, |socket, bytes, path| {
                let address = SocketAddr::from_pathname(path).unwrap();
                socket.send_to_addr(bytes, &address).unwrap()
            }),
        ];
        for (connected, send) in sends {
            let server = Bound::new();
            let client = UnixDatagram::unbound().unwrap();
            if connected {
                client.connect(&server.path.0).unwrap();
            }
            let path = server.path.0.clone();
            let senders: Vec<_> = (0..3)
                .map(|_| {
                    let (client, path) = (client.clone(), path.clone());
                    place.start(move || {
                        for number in 0..DATAGRAMS {
                            send(&client, &(number as u32).to_le_bytes(), &path);
                        }
                    })
                })
                .collect();
            coroutine::sleep(Duration::from_millis(1));
            let mut sum = 0;
            for _ in 0..3 * DATAGRAMS {
                let mut bytes = [0; 4];
                assert_eq!(server.socket.recv(&mut bytes).unwrap(), 4);
                sum += u32::from_le_bytes(bytes) as usize;
            }
            assert_eq!(sum, 3 * DATAGRAMS * (DATAGRAMS - 1) / 2);
            for sender in senders {
                sender.join();
            }
        }
    });
}

#[test]
fn who_sends_waits_for_room_where_only_he_may_send() {
    everywhere(|place| {
        let (server, client) = (Bound::new(), Bound::new());
        server.socket.connect(&client.path.0).unwrap();
        client.socket.set_nonblocking(true).unwrap();
        let sent = fill(|| client.socket.send_to(b"x", &server.path.0));
        assert!(sent > 0);
        client.socket.set_nonblocking(false).unwrap();
        client.socket.set_write_timeout(Some(SHORT)).unwrap();
        let begun = Instant::now();
        let error = client.socket.send_to(b"x", &server.path.0).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
        assert!(begun.elapsed() >= SHORT);
        client.socket.set_write_timeout(None).unwrap();
        let path = server.path.0.clone();
        let sender = place.start(move || client.socket.send_to(b"last", path).unwrap());
        coroutine::sleep(Duration::from_millis(1));
        for _ in 0..sent {
            assert_eq!(server.socket.recv(&mut [0; 8]).unwrap(), 1);
        }
        assert_eq!(server.socket.recv(&mut [0; 8]).unwrap(), 4);
        assert_eq!(sender.join(), 4);
    });
}

#[test]
fn sending_where_there_is_no_room_has_its_time() {
    everywhere(|_| {
        let server = Bound::new();
        let client = UnixDatagram::unbound().unwrap();
        client.set_nonblocking(true).unwrap();
        assert!(fill(|| client.send_to(b"x", &server.path.0)) > 0);
        client.set_nonblocking(false).unwrap();
        for timeout in [Duration::from_nanos(1), Duration::from_micros(500), SHORT] {
            client.set_write_timeout(Some(timeout)).unwrap();
            let begun = Instant::now();
            let error = client.send_to(b"x", &server.path.0).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
            assert!(begun.elapsed() >= timeout);
        }
        let connected = UnixDatagram::unbound().unwrap();
        connected.connect(&server.path.0).unwrap();
        connected.set_write_timeout(Some(SHORT)).unwrap();
        let error = connected.send(b"x").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
        server.socket.recv(&mut [0]).unwrap();
        connected.send(b"x").unwrap();
    });
}

#[test]
fn whoever_waits_for_room_is_cancelled() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let server = Bound::new();
            let client = UnixDatagram::unbound().unwrap();
            client.set_nonblocking(true).unwrap();
            let mut sent = fill(|| client.send_to(b"x", &server.path.0));
            client.set_nonblocking(false).unwrap();
            for round in 0..100 {
                let (sending, path) = (client.clone(), server.path.0.clone());
                let sender = coroutine::spawn(move || sending.send_to(b"x", path).unwrap());
                for _ in 0..round % 4 {
                    coroutine::yield_now();
                }
                sender.cancel();
                if round % 2 == 0 {
                    server.socket.recv(&mut [0; 2]).unwrap();
                    sent -= 1;
                }
                match sender.join() {
                    Ok(_) => sent += 1,
                    cancelled => {
                        assert_cancelled(cancelled);
                        if round % 2 == 0 {
                            client.send_to(b"x", &server.path.0).unwrap();
                            sent += 1;
                        }
                    }
                }
            }
            server.socket.set_nonblocking(true).unwrap();
            assert_eq!(fill(|| server.socket.recv(&mut [0; 2])), sent);
        });
    }
}

#[test]
fn shutting_down() {
    everywhere(|place| {
        let (one, other) = UnixDatagram::pair().unwrap();
        one.send(b"x").unwrap();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let other = other.clone();
                place.start(move || {
                    while other.recv(&mut [0; 8]).unwrap() > 0 {}
                    let (length, from) = other.recv_from(&mut [0; 8]).unwrap();
                    assert!(length == 0 && from.is_unnamed());
                })
            })
            .collect();
        coroutine::sleep(Duration::from_millis(1));
        other.shutdown(Shutdown::Read).unwrap();
        for waiting in waiting {
            waiting.join();
        }
        assert_eq!(one.send(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn timeouts_and_non_blocking_calls() {
    everywhere(|place| {
        let (one, other) = UnixDatagram::pair().unwrap();
        for timeout in [Duration::from_nanos(1), Duration::from_micros(500), SHORT] {
            one.set_read_timeout(Some(timeout)).unwrap();
            assert_eq!(one.read_timeout().unwrap(), Some(timeout));
            let begun = Instant::now();
            let error = one.recv(&mut [0]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
            let error = one.recv_from(&mut [0]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
            assert!(begun.elapsed() >= 2 * timeout);
            other.send(b"x").unwrap();
            assert_eq!(one.recv(&mut [0; 4]).unwrap(), 1);
        }
        assert_eq!(
            one.set_read_timeout(Some(Duration::ZERO))
                .unwrap_err()
                .kind(),
            ErrorKind::InvalidInput
        );
        one.set_read_timeout(None).unwrap();
        one.set_write_timeout(Some(LONG)).unwrap();
        assert_eq!(one.write_timeout().unwrap(), Some(LONG));
        let waiting = one.clone();
        let waiting = place.start(move || waiting.recv(&mut [0]).unwrap_err().kind());
        coroutine::sleep(Duration::from_millis(1));
        one.set_nonblocking(true).unwrap();
        assert_eq!(waiting.join(), ErrorKind::WouldBlock);
        assert!(one.take_error().unwrap().is_none());
    });
}

#[test]
fn sockets_go_to_std_and_come_back() {
    everywhere(|_| {
        let (one, other) = UnixDatagram::pair().unwrap();
        one.set_read_timeout(Some(LONG)).unwrap();
        let (number, text) = (one.as_raw_fd(), format!("{one:?}"));
        let one = std_net::UnixDatagram::try_from(one).unwrap();
        assert_eq!((one.as_raw_fd(), format!("{one:?}")), (number, text));
        assert_eq!(one.read_timeout().unwrap(), Some(LONG));
        other.send(b"x").unwrap();
        assert_eq!(one.recv(&mut [0; 4]).unwrap(), 1);
        let one = UnixDatagram::try_from(one).unwrap();
        assert_eq!(one.read_timeout().unwrap(), Some(LONG));
        // SAFETY: the number was given away in the same line.
        let owned = unsafe { OwnedFd::from_raw_fd(one.into_raw_fd()) };
        let one = UnixDatagram::from(owned);
        let clone = one.try_clone().unwrap();
        let duplicate = OwnedFd::from(clone);
        assert_ne!(duplicate.as_raw_fd(), one.as_raw_fd());
        other.send(b"x").unwrap();
        assert_eq!(one.recv(&mut [0; 4]).unwrap(), 1);
    });
}

#[test]
fn arms_of_a_select() {
    everywhere(|_| {
        let (one, other) = UnixDatagram::pair().unwrap();
        const SOON: Duration = SHORT;
        // What the other side has done is there when the poll has said so, however long that takes.
        let mut buffer = [0; 8];
        assert!(arm_within(SOON, readable(&one)).is_none());
        assert!(arm_within(SOON, read(&one, &mut buffer)).is_none());
        assert!(arm_within(HANG_AFTER, writable(&other)).is_some());
        let event = arm_within(HANG_AFTER, write(&other, b"word")).unwrap();
        assert_eq!(event.unwrap(), 4);
        let event = arm_within(HANG_AFTER, read(&one, &mut buffer)).unwrap();
        assert_eq!(event.unwrap(), 4);
        other.set_nonblocking(true).unwrap();
        fill(|| other.send(b"x"));
        assert!(arm_within(SOON, write(&other, b"x")).is_none());
    });
}

/// Receives until the end of the direction, and counts.
fn receive_all(count: &AtomicUsize, mut receive: impl FnMut(&mut [u8]) -> usize) {
    loop {
        match receive(&mut [0; 8]) {
            0 => return,
            length => assert_eq!(length, 4),
        }
        count.fetch_add(1, SeqCst);
    }
}

/// A wake-up that ends with a waiter that does not use it, or a registration that is lost on its
/// way from worker to worker, leaves a datagram where it is while others wait for it.
#[test]
fn waiters_of_all_kinds_share_a_socket() {
    const DATAGRAMS: usize = 300;
    const SENDERS: usize = 4;
    with_seeds(10, |mut random| {
        on_workers(3, || {
            let executor = Executor::new(2);
            let (one, other) = UnixDatagram::pair().unwrap();
            let received = Arc::new(AtomicUsize::new(0));
            let (mut coroutines, mut threads, mut tasks) = (Vec::new(), Vec::new(), Vec::new());

            type Receive = fn(&UnixDatagram, &mut [u8]) -> usize;
            let blocking: Receive = |socket, buffer| socket.recv(buffer).unwrap();
            let after_waiting: Receive = |socket, buffer| {
                wait_readable(socket, None).unwrap();
                socket.recv(buffer).unwrap()
            };
            let selecting: Receive = |socket, buffer| {
                loop {
                    let pause = Duration::from_micros(50);
                    if let Some(received) = arm_within(pause, read(socket, &mut *buffer)) {
                        return received.unwrap();
                    }
                }
            };
            for receive in [blocking, after_waiting, selecting] {
                let start = || {
                    let (other, received) = (other.clone(), received.clone());
                    move || receive_all(&received, |buffer| receive(&other, buffer))
                };
                coroutines.push(coroutine::spawn(start()));
                threads.push(std::thread::spawn(start()));
            }
            tasks.push(executor.spawn({
                let (other, received) = (other.clone(), received.clone());
                async move {
                    let mut buffer = [0; 8];
                    while poll_fn(|context| other.poll_recv(context, &mut buffer))
                        .await
                        .unwrap()
                        > 0
                    {
                        received.fetch_add(1, SeqCst);
                    }
                }
            }));

            let send = |one: &UnixDatagram| {
                let one = one.clone();
                move || (0..DATAGRAMS).for_each(|_| assert_eq!(one.send(b"some").unwrap(), 4))
            };
            coroutines.extend([0, 1].map(|_| coroutine::spawn(send(&one))));
            threads.push(std::thread::spawn(send(&one)));
            tasks.push(executor.spawn(async move {
                for _ in 0..DATAGRAMS {
                    let sent = poll_fn(|context| one.poll_send(context, b"some")).await;
                    assert_eq!(sent.unwrap(), 4);
                }
            }));

            // Meanwhile some begin to wait and are cancelled.
            while received.load(SeqCst) < SENDERS * DATAGRAMS {
                let receiving = other.clone();
                let receiver = coroutine::spawn(move || receiving.recv(&mut [0; 8]).unwrap());
                for_a_moment(&mut random);
                receiver.cancel();
                match receiver.join() {
                    Ok(length) => {
                        assert_eq!(length, 4);
                        received.fetch_add(1, SeqCst);
                    }
                    cancelled => assert_cancelled(cancelled),
                }
            }
            other.shutdown(Shutdown::Read).unwrap();
            coroutines.into_iter().for_each(|one| one.join().unwrap());
            threads.into_iter().for_each(|one| one.join().unwrap());
            tasks.into_iter().for_each(Spawned::join);
            assert_eq!(received.load(SeqCst), SENDERS * DATAGRAMS);
        });
    });
}
