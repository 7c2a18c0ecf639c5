//! Sockets that several share: acceptors, readers, writers, peeks, in coroutines of one worker and
//! of several, on plain threads, and between them; and what else std promises for these cases.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::net::{TcpListener, TcpStream, ToSocketAddrs};
use may_tests::net::{fill, listener, pair};
use may_tests::{Place, eventually, everywhere};

/// A listener and its address.
fn listen() -> (TcpListener, SocketAddr) {
    let listener = listener();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Any free port of this machine.
const ANY: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);
/// A time that a test waits out.
const SHORT: Duration = Duration::from_millis(20);
/// Upper bound for a wait of `SHORT` on a busy machine.
const LONG: Duration = Duration::from_secs(10);

/// Reads exactly `N` bytes.
fn take<const N: usize>(mut stream: &TcpStream) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

#[cfg(target_os = "linux")]
#[test]
fn bind_sets_reuse_address_and_not_reuse_port() {
    use std::ffi::{c_int, c_void};

    /// A flag of a socket.
    fn option(socket: impl AsFd, name: c_int) -> c_int {
        let mut value: c_int = -1;
        let mut length = size_of::<c_int>() as libc::socklen_t;
        let place = (&raw mut value).cast::<c_void>();
        // SAFETY: (system calls) value and length live across the call.
        let result = unsafe {
            let descriptor = socket.as_fd().as_raw_fd();
            libc::getsockopt(descriptor, libc::SOL_SOCKET, name, place, &raw mut length)
        };
        assert_eq!(result, 0);
        value
    }
    let (ours, _) = listen();
    let stds = std::net::TcpListener::bind(ANY).unwrap();
    for name in [libc::SO_REUSEADDR, libc::SO_REUSEPORT, libc::SO_KEEPALIVE] {
        assert_eq!(option(&ours, name), option(&stds, name), "option {name}");
    }
    assert_eq!(option(&ours, libc::SO_REUSEPORT), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn connecting_gives_up_after_its_timeout() {
    everywhere(|place| {
        // A listener whose backlog is full answers no further connection, nor refuses it.
        let listener = std::net::TcpListener::bind(ANY).unwrap();
        // SAFETY: (system calls) plain values.
        let result = unsafe { libc::listen(listener.as_raw_fd(), 0) };
        assert_eq!(result, 0);
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        let begun = Instant::now();
        let error = loop {
            assert!(waiting.len() < 10, "the backlog takes all");
            match TcpStream::connect_timeout(&address, 5 * SHORT) {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= 5 * SHORT && begun.elapsed() < LONG);
        // One that waits gets through once there is room.
        let late = place.start(move || TcpStream::connect_timeout(&address, Duration::MAX));
        for _ in 0..waiting.len() {
            listener.accept().unwrap();
        }
        late.join().unwrap();
    });
}

#[test]
fn addresses_come_in_all_shapes() {
    everywhere(|_| {
        let (_listener, address) = listen();
        let (text, port) = (address.to_string(), address.port());
        fn reaches(address: impl ToSocketAddrs, expected: SocketAddr) {
            let stream = TcpStream::connect(address).unwrap();
            assert_eq!(stream.peer_addr().unwrap(), expected);
        }
        reaches(address, address);
        reaches(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port), address);
        reaches((Ipv4Addr::LOCALHOST, port), address);
        reaches((IpAddr::V4(Ipv4Addr::LOCALHOST), port), address);
        reaches(("127.0.0.1", port), address);
        reaches(("127.0.0.1".to_owned(), port), address);
        reaches(text.as_str(), address);
        reaches(&text, address);
        reaches(text, address);
        reaches(&[address][..], address);
        reaches(&[address, address] as &[_], address);
        reaches(("localhost", port), address);
        reaches(format!("localhost:{port}"), address);
    });
}

#[test]
fn an_end_in_the_middle_of_a_message_is_an_error() {
    everywhere(|_| {
        let (client, mut server) = pair();
        (&client).write_all(b"ab").unwrap();
        drop(client);
        let error = server.read_exact(&mut [0; 3]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_reset_is_an_error_and_then_an_end() {
    everywhere(|place| {
        let (client, mut server) = pair();
        // Closing with bytes unread resets the connection.
        server.write_all(b"unread").unwrap();
        eventually("the bytes have come", || {
            client.peek(&mut [0]).unwrap() == 1
        });
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let mut server = server.clone();
                place.start(move || server.read(&mut [0; 8]))
            })
            .collect();
        drop(client);
        let results: Vec<_> = readers.into_iter().map(|reader| reader.join()).collect();
        // It is reported once; the others see the end.
        let resets = results.iter().filter(|result| {
            result
                .as_ref()
                .is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
        });
        assert_eq!(resets.count(), 1, "{results:?}");
        let ends = results
            .iter()
            .filter(|result| result.as_ref().is_ok_and(|read| *read == 0));
        assert_eq!(ends.count(), 2, "{results:?}");
    });
}

#[test]
fn a_connection_is_accepted_however_late() {
    everywhere(|_| {
        let (listener, address) = listen();
        let mut clients: Vec<_> = (0..10)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        for client in &mut clients {
            client.write_all(b"early").unwrap();
        }
        // Some are gone again before they are accepted.
        drop(clients);
        for _ in 0..10 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            assert_eq!(text, "early");
        }
    });
}

#[test]
fn any_number_of_acceptors_share_a_listener() {
    everywhere(|place| {
        const ACCEPTORS: usize = 8;
        let (listener, address) = listen();
        let served = Arc::new(AtomicUsize::new(0));
        let acceptors: Vec<_> = (0..ACCEPTORS)
            .map(|_| {
                let (listener, served) = (listener.try_clone().unwrap(), served.clone());
                place.start(move || {
                    // Each accepts once, so none may be passed over forever.
                    let (mut stream, _) = listener.accept().unwrap();
                    served.fetch_add(1, SeqCst);
                    stream.write_all(b"x").unwrap();
                })
            })
            .collect();
        for _ in 0..ACCEPTORS {
            assert_eq!(take(&TcpStream::connect(address).unwrap()), *b"x");
        }
        for acceptor in acceptors {
            acceptor.join();
        }
        assert_eq!(served.load(SeqCst), ACCEPTORS);
    });
}

#[test]
fn acceptors_share_a_burst() {
    everywhere(|place| {
        const CONNECTIONS: usize = 200;
        let (listener, address) = listen();
        let left = Arc::new(AtomicUsize::new(CONNECTIONS));
        let acceptors: Vec<_> = (0..5)
            .map(|_| {
                let (listener, left) = (listener.clone(), left.clone());
                place.start(move || {
                    while let Ok((stream, _)) = listener.accept() {
                        drop(stream);
                        if left.fetch_sub(1, SeqCst) == 1 {
                            // The others wait, and learn it this way.
                            listener.set_nonblocking(true).unwrap();
                        }
                    }
                })
            })
            .collect();
        for _ in 0..CONNECTIONS {
            TcpStream::connect(address).unwrap();
        }
        for acceptor in acceptors {
            acceptor.join();
        }
        assert_eq!(left.load(SeqCst), 0);
    });
}

#[test]
fn several_readers_and_writers_share_a_connection() {
    everywhere(|place| {
        const MESSAGES: usize = 300;
        let (client, server) = pair();
        let writers: Vec<_> = (0..4_u8)
            .map(|number| {
                let client = client.try_clone().unwrap();
                place.start(move || {
                    for _ in 0..MESSAGES {
                        assert_eq!((&client).write(&[number]).unwrap(), 1);
                    }
                })
            })
            .collect();
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let mut server = server.try_clone().unwrap();
                place.start(move || {
                    let (mut counts, mut byte) = ([0; 4], [0; 1]);
                    while server.read(&mut byte).unwrap() == 1 {
                        counts[usize::from(byte[0])] += 1;
                    }
                    counts
                })
            })
            .collect();
        for writer in writers {
            writer.join();
        }
        drop(client);
        let mut total = [0; 4];
        for reader in readers {
            for (sum, count) in total.iter_mut().zip(reader.join()) {
                *sum += count;
            }
        }
        assert_eq!(total, [MESSAGES; 4]);
    });
}

#[test]
fn several_writers_wait_for_room() {
    everywhere(|place| {
        let (client, mut server) = pair();
        fill(&client).unwrap();
        let writers: Vec<_> = (0..5)
            .map(|_| {
                let client = client.clone();
                place.start(move || (&client).write_all(&[1; 100_000]).unwrap())
            })
            .collect();
        drop(client);
        let mut bytes = Vec::new();
        server.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.iter().filter(|byte| **byte == 1).count(), 500_000);
        for writer in writers {
            writer.join();
        }
    });
}

#[test]
fn a_connection_is_closed_with_its_last_handle() {
    everywhere(|_| {
        let (client, mut server) = pair();
        let clone = client.try_clone().unwrap();
        drop(client);
        server.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(
            server.read(&mut [0]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        server.set_read_timeout(None).unwrap();
        drop(clone);
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn a_peek_hands_over_to_a_reader() {
    everywhere(|place| {
        let (client, mut server) = pair();
        let (for_peek, for_read) = (client.clone(), client);
        let reader = place.start(move || take::<1>(&for_read));
        let peeker = place.start(move || for_peek.peek(&mut [0; 8]));
        server.write_all(b"x").unwrap();
        assert_eq!(reader.join(), *b"x");
        drop(server);
        peeker.join().unwrap();
    });
}

/// Serves one connection until its end.
fn echo(mut stream: TcpStream) {
    let mut bytes = [0; 1024];
    loop {
        match stream.read(&mut bytes).unwrap() {
            0 => return,
            read => stream.write_all(&bytes[..read]).unwrap(),
        }
    }
}

#[test]
fn many_connections_at_once_echo() {
    everywhere(|place: &Place| {
        const CLIENTS: u32 = 100;
        let (listener, address) = listen();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                place.start(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    for round in 0..20 {
                        let message = (number * 1000 + round).to_le_bytes();
                        stream.write_all(&message).unwrap();
                        assert_eq!(take(&stream), message);
                    }
                })
            })
            .collect();
        let servers: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (stream, _) = listener.accept().unwrap();
                place.start(move || echo(stream))
            })
            .collect();
        for helper in clients.into_iter().chain(servers) {
            helper.join();
        }
    });
}
