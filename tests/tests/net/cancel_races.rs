//! Cancelling one of several who wait at a socket, in every call, while what they wait for happens:
//! no other loses a wake-up, and the socket goes on. (That a call that was cancelled has done
//! nothing is shown by `cancel.rs`.)
//!
//! `MAY_ROUNDS` sets how often each race is run.

use std::io::{Read, Write};

use may::coroutine::{self, spawn};
use may::net::{TcpListener, TcpStream};
use may_tests::net::{fill, listener, pair};
use may_tests::scene::{Scene, cancel_racing, cancel_while_waiting, is_writable};
use may_tests::{assert_cancelled, on_workers};

/// Takes a connection; each ends one wait.
fn accept() -> Scene {
    let listener = listener();
    let address = listener.local_addr().unwrap();
    Scene::new(
        || {},
        move || drop(listener.accept().unwrap()),
        move || drop(std::net::TcpStream::connect(address).unwrap()),
    )
}

/// Reads a byte; each ends one wait.
fn read() -> Scene {
    let (client, server) = pair();
    Scene::new(
        || {},
        move || assert_eq!((&server).read(&mut [0]).unwrap(), 1),
        move || (&client).write_all(b"x").unwrap(),
    )
}

/// Looks at a byte, which ends all waits, and is taken away before the next round.
fn peek() -> Scene {
    let (client, server) = pair();
    let reader = server.clone();
    Scene::new(
        move || {
            reader.set_nonblocking(true).unwrap();
            while (&reader).read(&mut [0; 64]).is_ok() {}
            reader.set_nonblocking(false).unwrap();
        },
        move || assert!(server.peek(&mut [0; 64]).unwrap() > 0),
        move || (&client).write_all(b"x").unwrap(),
    )
}

/// Writes a byte where there is no room; reading all makes room for all.
fn write() -> Scene {
    let (client, server) = pair();
    server.set_nonblocking(true).unwrap();
    let (writer, watched) = (client.clone(), client.clone());
    let make_room = move || loop {
        while (&server).read(&mut [0; 1 << 16]).is_ok() {}
        // What is under way may fill the socket once more.
        if is_writable(&watched) {
            break;
        }
        coroutine::yield_now();
    };
    Scene::new(
        move || {
            fill(&client).unwrap();
        },
        move || assert_eq!((&writer).write(b"x").unwrap(), 1),
        make_room,
    )
}

/// Connects; nothing needs to happen for it.
fn connect() -> Scene {
    let listener = listener();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let accept = move || while listener.accept().is_ok() {};
    Scene::new(
        accept,
        move || drop(TcpStream::connect(address).unwrap()),
        || {},
    )
}
#[test]
fn whoever_waits_to_accept_is_cancelled() {
    cancel_while_waiting(accept);
}

#[test]
fn whoever_waits_to_read_is_cancelled() {
    cancel_while_waiting(read);
}

#[test]
fn whoever_waits_to_peek_is_cancelled() {
    cancel_while_waiting(peek);
}

#[test]
fn whoever_waits_to_write_is_cancelled() {
    cancel_while_waiting(write);
}

#[test]
fn an_accept_races_with_cancellation() {
    cancel_racing(accept, 1);
}

#[test]
fn a_read_races_with_cancellation() {
    cancel_racing(read, 2);
}

#[test]
fn a_peek_races_with_cancellation() {
    cancel_racing(peek, 4);
}

#[test]
fn a_write_races_with_cancellation() {
    cancel_racing(write, 5);
}

#[test]
fn a_connect_races_with_cancellation() {
    cancel_racing(connect, 6);
}

/// The descriptor of a cancelled wait is closed with its last handle, also if that is dropped by
/// the unwinding.
#[test]
fn a_cancelled_owner_closes_the_connection() {
    for workers in [1, 3] {
        on_workers(workers, || {
            for _ in 0..100 {
                let (mut client, mut server) = pair();
                let owner = spawn(move || server.read(&mut [0]));
                coroutine::yield_now();
                owner.cancel();
                assert_cancelled(owner.join());
                assert_eq!(client.read(&mut [0]).unwrap(), 0);
            }
        });
    }
}

/// A cancelled acceptor's backlog is served by the next one.
#[test]
fn connections_outlive_their_acceptor() {
    on_workers(2, || {
        let listener: TcpListener = listener();
        let address = listener.local_addr().unwrap();
        for _ in 0..50 {
            let clone = listener.try_clone().unwrap();
            let acceptor = spawn(move || drop(clone.accept()));
            acceptor.cancel();
            let mut client = TcpStream::connect(address).unwrap();
            if acceptor.join().is_err() {
                let (mut server, _) = listener.accept().unwrap();
                server.write_all(b"x").unwrap();
                client.read_exact(&mut [0]).unwrap();
            }
        }
    });
}
