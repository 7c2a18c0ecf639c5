//! What `std::net`'s TCP types promise, in every place that may use ours: coroutines on one worker
//! and on several, plain threads, both together.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use may::channel;
use may::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use may_tests::net::{fill, listener, pair};
use may_tests::{Kind, alone, everywhere};

/// A timeout that is short, and one that is longer than any test.
const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(3600);

/// Whether an error is that of a timeout that has elapsed; std's on Unix is the first.
fn is_elapsed(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

/// A port without a listener.
fn closed_port() -> SocketAddr {
    listener().local_addr().unwrap()
}

#[test]
fn an_address_that_is_not_ours_cannot_be_bound() {
    everywhere(|_| {
        let error = TcpListener::bind("192.0.2.1:0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        let nothing: &[SocketAddr] = &[];
        assert_eq!(
            TcpListener::bind(nothing).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        assert_eq!(
            TcpStream::connect(nothing).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    });
}

#[test]
fn an_address_is_bound_once() {
    everywhere(|_| {
        let first = listener();
        let error = TcpListener::bind(first.local_addr().unwrap()).unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::AddrInUse,
            "bind must not share ports silently"
        );
    });
}

#[test]
fn an_address_can_be_bound_again_after_its_connections() {
    everywhere(|_| {
        let first = listener();
        let address = first.local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        // The side that closes first keeps the port busy for a while.
        drop(first.accept().unwrap());
        drop((first, client));
        TcpListener::bind(address).unwrap();
    });
}

#[test]
fn connecting_to_nobody_is_refused() {
    everywhere(|_| {
        let address = closed_port();
        assert_eq!(
            TcpStream::connect(address).unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        let error = TcpStream::connect_timeout(&address, LONG).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn connecting_tries_all_addresses() {
    everywhere(|_| {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let stream = TcpStream::connect(&[closed_port(), closed_port(), address][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
    });
}

#[test]
fn connecting_ends_with_its_time() {
    everywhere(|_| {
        let address = closed_port();
        let error = TcpStream::connect_timeout(&address, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        // A listener whose backlog is full does not answer.
        let listener = socket2::Socket::new(
            socket2::Domain::IPV4,
            socket2::Type::STREAM,
            Some(socket2::Protocol::TCP),
        )
        .unwrap();
        listener
            .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut open = Vec::new();
        let begun = loop {
            let begun = Instant::now();
            match TcpStream::connect_timeout(&address, SHORT) {
                Ok(stream) => open.push(stream),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::TimedOut);
                    break begun;
                }
            }
        };
        assert!(begun.elapsed() >= SHORT);
    });
}

#[test]
fn host_names_are_looked_up_beside_the_worker() {
    everywhere(|_| {
        let listener = TcpListener::bind(("localhost", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("localhost", port)).unwrap();
        TcpStream::connect(format!("localhost:{port}")).unwrap();
        TcpStream::connect(&("localhost".to_owned(), port)).unwrap();
        assert!(
            "localhost:80"
                .to_socket_addrs()
                .unwrap()
                .any(|address| address.port() == 80)
        );
        assert_eq!(
            TcpStream::connect("no port").unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        assert!(TcpStream::connect("name.invalid:1").is_err());
    });
}

#[test]
fn both_families_work() {
    everywhere(|_| {
        for host in ["127.0.0.1", "::1"] {
            let Ok(listener) = TcpListener::bind((host, 0)) else {
                assert_eq!(host, "::1", "a machine without IPv4");
                continue;
            };
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut server, peer) = listener.accept().unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
            assert_eq!(server.local_addr().unwrap(), client.peer_addr().unwrap());
            client.write_all(&[99]).unwrap();
            let mut byte = [0];
            server.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [99]);
        }
    });
}

#[test]
fn the_end_of_a_stream_stays() {
    everywhere(|place| {
        let (mut client, server) = pair();
        let closing = place.start(move || drop(server));
        for _ in 0..3 {
            assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
            assert_eq!(client.peek(&mut [0; 8]).unwrap(), 0);
        }
        closing.join();
    });
}

#[test]
fn writing_to_a_closed_connection_is_an_error_and_no_signal() {
    alone(|| {
        // SIGPIPE's default action ends the process; Rust ignores it, hosts of libraries may not.
        // SAFETY: the disposition is a plain value.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        everywhere(|_| {
            let (mut client, server) = pair();
            drop(server);
            let error = loop {
                match client.write_vectored(&[IoSlice::new(&[0; 64]), IoSlice::new(&[0; 64])]) {
                    Ok(count) => assert_ne!(count, 0),
                    Err(error) => break error,
                }
            };
            assert!(matches!(
                error.kind(),
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
            ));
            assert!(client.write(&[1]).is_err());
        });
    });
}

#[test]
fn connections_one_after_the_other_and_interleaved() {
    everywhere(|place| {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let server = place.start(move || {
            for stream in listener.incoming().take(40) {
                let mut byte = [0];
                let mut stream = stream.unwrap();
                stream.read_exact(&mut byte).unwrap();
                stream.write_all(&byte).unwrap();
            }
        });
        let mut clients = Vec::new();
        for number in 0..20 {
            clients.push(place.start(move || echo_one(address, number)));
        }
        for number in 20..40 {
            echo_one(address, number);
        }
        for client in clients {
            client.join();
        }
        server.join();
    });
}

/// Sends a byte and reads it back.
fn echo_one(address: SocketAddr, number: u8) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&[number]).unwrap();
    let mut byte = [0];
    stream.read_exact(&mut byte).unwrap();
    assert_eq!(byte, [number]);
}

#[test]
fn much_data_goes_both_ways_at_once_over_one_shared_stream() {
    everywhere(|place| {
        const BYTES: usize = 4 << 20;
        let (client, server) = pair();
        let (client, server) = (Arc::new(client), Arc::new(server));
        let mut tasks = Vec::new();
        for stream in [client, server] {
            let writer = stream.clone();
            tasks.push(place.start(move || {
                let data: Vec<u8> = (0..BYTES).map(|index| (index % 251) as u8).collect();
                (&*writer).write_all(&data).unwrap();
            }));
            tasks.push(place.start(move || {
                let mut data = vec![0; BYTES];
                (&*stream).read_exact(&mut data).unwrap();
                assert!(
                    data.iter()
                        .enumerate()
                        .all(|(index, &byte)| byte == (index % 251) as u8)
                );
            }));
        }
        for task in tasks {
            task.join();
        }
    });
}

#[test]
fn a_read_takes_what_there_is() {
    everywhere(|place| {
        let (mut client, mut server) = pair();
        let (sender, receiver) = channel::bounded(1);
        let writer = place.start(move || {
            server.write_all(&[1, 2, 3]).unwrap();
            receiver.recv().unwrap();
            server.write_all(&[4]).unwrap();
            server
        });
        let mut bytes = [0; 2];
        assert_eq!(client.read(&mut bytes).unwrap(), 2);
        let mut bytes = [0; 16];
        let mut count = 0;
        while count < 1 {
            count += client.read(&mut bytes[count..]).unwrap();
        }
        assert_eq!(&bytes[..count], &[3]);
        sender.send(()).unwrap();
        assert_eq!(client.read(&mut bytes).unwrap(), 1);
        assert_eq!(bytes[0], 4);
        drop(writer.join());
    });
}

#[test]
fn several_buffers_at_once() {
    everywhere(|_| {
        let (mut client, mut server) = pair();
        let written = client
            .write_vectored(&[
                IoSlice::new(b""),
                IoSlice::new(b"one"),
                IoSlice::new(b""),
                IoSlice::new(b"two"),
            ])
            .unwrap();
        assert_eq!(written, 6);
        let (mut first, mut second, mut third) = ([0; 2], [], [0; 9]);
        let mut buffers = [
            IoSliceMut::new(&mut first),
            IoSliceMut::new(&mut second),
            IoSliceMut::new(&mut third),
        ];
        assert_eq!(server.read_vectored(&mut buffers).unwrap(), 6);
        assert_eq!((&first[..], &third[..4]), (&b"on"[..], &b"etwo"[..]));
    });
}

#[test]
fn more_buffers_than_one_call_takes() {
    everywhere(|place| {
        const BUFFERS: usize = 5000;
        let (mut client, mut server) = pair();
        // Watched from here on: a call that seems to have filled or drained the socket is believed.
        for stream in [&mut client, &mut server] {
            stream
                .set_read_timeout(Some(Duration::from_micros(500)))
                .unwrap();
            assert!(is_elapsed(&stream.read(&mut [0]).unwrap_err()));
            stream.set_read_timeout(None).unwrap();
        }
        let reader = place.start(move || {
            let mut bytes = vec![[0; 2]; BUFFERS];
            let mut read = 0;
            while read < 2 * BUFFERS {
                let mut buffers: Vec<_> =
                    bytes.iter_mut().map(|two| IoSliceMut::new(two)).collect();
                let count = server.read_vectored(&mut buffers[read / 2..]).unwrap();
                assert_ne!(count, 0);
                read += count;
                // Finish a half-filled buffer, so that the next call starts with a whole one.
                if read % 2 == 1 {
                    server.read_exact(&mut bytes[read / 2][1..]).unwrap();
                    read += 1;
                }
            }
            assert!(bytes.iter().all(|two| two == b"ab"));
        });
        let mut left = 2 * BUFFERS;
        while left > 0 {
            let mut buffers = vec![IoSlice::new(b"ab"); left / 2];
            if left % 2 == 1 {
                buffers.insert(0, IoSlice::new(b"b"));
            }
            left -= client.write_vectored(&buffers).unwrap();
        }
        reader.join();
    });
}

#[test]
fn buffers_without_length_are_done_at_once() {
    everywhere(|_| {
        let (mut client, mut server) = pair();
        for _ in 0..3 {
            assert_eq!(client.read(&mut []).unwrap(), 0);
            assert_eq!(client.peek(&mut []).unwrap(), 0);
            assert_eq!(client.write(&[]).unwrap(), 0);
            assert_eq!(client.read_vectored(&mut []).unwrap(), 0);
            assert_eq!(
                client
                    .read_vectored(&mut [IoSliceMut::new(&mut [])])
                    .unwrap(),
                0
            );
            assert_eq!(client.write_vectored(&[]).unwrap(), 0);
            assert_eq!(client.write_vectored(&[IoSlice::new(&[])]).unwrap(), 0);
            // Known to be empty from here on.
            client
                .set_read_timeout(Some(Duration::from_micros(500)))
                .unwrap();
            assert!(is_elapsed(&client.read(&mut [0]).unwrap_err()));
        }
        server.write_all(b"x").unwrap();
        client.set_read_timeout(None).unwrap();
        assert_eq!(client.read(&mut []).unwrap(), 0);
        assert_eq!(client.read(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn peeking_leaves_the_bytes() {
    everywhere(|place| {
        let (client, mut server) = pair();
        let client = Arc::new(client);
        let peeking = client.clone();
        let peeker = place.start(move || {
            let mut bytes = [0; 16];
            let count = peeking.peek(&mut bytes).unwrap();
            (count, bytes[0])
        });
        server.write_all(&[7]).unwrap();
        assert_eq!(peeker.join(), (1, 7));
        for _ in 0..3 {
            assert_eq!(client.peek(&mut [0; 16]).unwrap(), 1);
        }
        assert_eq!((&*client).read(&mut [0; 16]).unwrap(), 1);
        client.set_nonblocking(true).unwrap();
        assert_eq!(
            client.peek(&mut [0; 16]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
    });
}

#[test]
fn clones_share_the_connection() {
    everywhere(|place| {
        let (mut client, mut server) = pair();
        let mut clone = client.try_clone().unwrap();
        let writer = place.start(move || {
            let mut byte = [0];
            clone.read_exact(&mut byte).unwrap();
            clone.write_all(&[byte[0] + 1]).unwrap();
        });
        server.write_all(&[1]).unwrap();
        let mut byte = [0];
        server.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [2]);
        writer.join();
        // The connection outlives the clone.
        client.write_all(&[3]).unwrap();
        server.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [3]);

        let clone = client.try_clone().unwrap();
        clone.set_read_timeout(Some(LONG)).unwrap();
        clone.set_write_timeout(Some(SHORT)).unwrap();
        assert_eq!(client.read_timeout().unwrap(), Some(LONG));
        assert_eq!(client.write_timeout().unwrap(), Some(SHORT));
        clone.set_nonblocking(true).unwrap();
        assert_eq!(
            client.read(&mut byte).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
    });
}

#[test]
fn many_readers_and_many_writers_of_one_socket() {
    everywhere(|place| {
        const EACH: usize = 8;
        const BYTES: usize = 500;
        let (client, server) = pair();
        let mut writers = Vec::new();
        let mut readers = Vec::new();
        for _ in 0..EACH {
            let mut stream = server.try_clone().unwrap();
            readers.push(place.start(move || {
                let mut bytes = [0; 3];
                let mut sum = 0_usize;
                loop {
                    match stream.read(&mut bytes).unwrap() {
                        0 => return sum,
                        count => {
                            sum += bytes[..count]
                                .iter()
                                .map(|&byte| byte as usize)
                                .sum::<usize>()
                        }
                    }
                }
            }));
            let mut stream = client.try_clone().unwrap();
            writers.push(place.start(move || {
                for index in 0..BYTES {
                    stream.write_all(&[(index % 100) as u8]).unwrap();
                    if index % 50 == 0 {
                        may::coroutine::yield_now();
                    }
                }
            }));
        }
        for writer in writers {
            writer.join();
        }
        client.shutdown(Shutdown::Write).unwrap();
        let sum: usize = readers.into_iter().map(|reader| reader.join()).sum();
        assert_eq!(
            sum,
            EACH * (0..BYTES).map(|index| index % 100).sum::<usize>()
        );
    });
}

#[test]
fn many_acceptors_of_one_listener() {
    everywhere(|place| {
        const ACCEPTORS: usize = 5;
        let listener = Arc::new(listener());
        let address = listener.local_addr().unwrap();
        let (sender, receiver) = channel::bounded(64);
        let mut acceptors = Vec::new();
        for index in 0..ACCEPTORS {
            let listener = if index % 2 == 0 {
                listener.clone()
            } else {
                Arc::new(listener.try_clone().unwrap())
            };
            let sender = sender.clone();
            acceptors.push(place.start(move || {
                loop {
                    let (mut stream, _) = listener.accept().unwrap();
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    if byte[0] == 0 {
                        return;
                    }
                    sender.send(byte[0]).unwrap();
                }
            }));
        }
        let mut expected = 0;
        for number in 1..=50 {
            TcpStream::connect(address)
                .unwrap()
                .write_all(&[number])
                .unwrap();
            expected += u32::from(number);
        }
        let received: u32 = (0..50).map(|_| u32::from(receiver.recv().unwrap())).sum();
        assert_eq!(received, expected);
        for _ in 0..ACCEPTORS {
            TcpStream::connect(address)
                .unwrap()
                .write_all(&[0])
                .unwrap();
        }
        for acceptor in acceptors {
            acceptor.join();
        }
    });
}

#[test]
fn shutting_down_ends_the_directions() {
    everywhere(|_| {
        let (mut client, mut server) = pair();
        client.shutdown(Shutdown::Write).unwrap();
        assert!(client.write(&[0]).is_err());
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        server.write_all(&[5]).unwrap();
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [5]);
        client.shutdown(Shutdown::Read).unwrap();
        assert_eq!(client.read(&mut byte).unwrap(), 0);
        let clone = client.try_clone().unwrap();
        assert_eq!((&clone).read(&mut byte).unwrap(), 0);
    });
}

#[test]
fn shutting_down_wakes_everybody_who_waits() {
    everywhere(|place| {
        for how in [Shutdown::Read, Shutdown::Both] {
            let (client, server) = pair();
            let readers: Vec<_> = (0..4)
                .map(|_| {
                    let mut reader = client.try_clone().unwrap();
                    place.start(move || reader.read(&mut [0; 8]).unwrap())
                })
                .collect();
            client.shutdown(how).unwrap();
            for reader in readers {
                assert_eq!(reader.join(), 0);
            }
            drop(server);
        }
        let (client, server) = pair();
        fill(&client).unwrap();
        let mut writer = client.try_clone().unwrap();
        let writer = place.start(move || writer.write_all(&[0; 1 << 20]));
        may::coroutine::sleep(Duration::from_millis(2));
        client.shutdown(Shutdown::Write).unwrap();
        assert!(writer.join().is_err());
        drop(server);
    });
}

#[test]
fn timeouts_are_kept() {
    everywhere(|_| {
        let (stream, _peer) = pair();
        assert_eq!(stream.read_timeout().unwrap(), None);
        assert_eq!(stream.write_timeout().unwrap(), None);
        for timeout in [
            Duration::from_nanos(1),
            Duration::from_micros(500),
            SHORT,
            LONG,
        ] {
            stream.set_read_timeout(Some(timeout)).unwrap();
            stream.set_write_timeout(Some(timeout * 2)).unwrap();
            assert_eq!(stream.read_timeout().unwrap(), Some(timeout));
            assert_eq!(stream.write_timeout().unwrap(), Some(timeout * 2));
        }
        for result in [
            stream.set_read_timeout(Some(Duration::ZERO)),
            stream.set_write_timeout(Some(Duration::ZERO)),
        ] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(stream.read_timeout().unwrap(), Some(LONG));
        stream.set_read_timeout(None).unwrap();
        assert_eq!(stream.read_timeout().unwrap(), None);
    });
}

#[test]
fn timeouts_end_reads_and_writes() {
    everywhere(|_| {
        for timeout in [Duration::from_nanos(1), Duration::from_micros(500), SHORT] {
            let (mut client, mut server) = pair();
            client.set_read_timeout(Some(timeout)).unwrap();
            client.set_write_timeout(Some(timeout)).unwrap();
            let begun = Instant::now();
            let error = client.read(&mut [0; 8]).unwrap_err();
            assert!(is_elapsed(&error), "{error:?}");
            assert!(begun.elapsed() >= timeout);
            // As std's, down to the wording.
            assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
            assert!(is_elapsed(&client.peek(&mut [0; 8]).unwrap_err()));
            let begun = Instant::now();
            let error = client.write_all(&vec![0; 64 << 20]).unwrap_err();
            assert!(is_elapsed(&error), "{error:?}");
            assert!(begun.elapsed() >= timeout);
            // The connection is as good as before.
            server.write_all(b"still here").unwrap();
            client.set_read_timeout(None).unwrap();
            let mut bytes = [0; 10];
            client.read_exact(&mut bytes).unwrap();
            assert_eq!(&bytes, b"still here");
        }
    });
}

#[test]
fn long_timeouts_are_no_timeouts() {
    everywhere(|place| {
        let month = Duration::from_secs(30 * 24 * 3600);
        for timeout in [Some(month), Some(Duration::MAX), None] {
            let (mut client, mut server) = pair();
            client.set_read_timeout(timeout).unwrap();
            let reader = place.start(move || client.read(&mut [0; 8]).unwrap());
            may::coroutine::sleep(Duration::from_millis(2));
            server.write_all(&[1]).unwrap();
            assert_eq!(reader.join(), 1);
        }
        let listener = listener();
        let address = listener.local_addr().unwrap();
        TcpStream::connect_timeout(&address, Duration::MAX).unwrap();
        TcpStream::connect_timeout(&address, month).unwrap();
    });
}

#[test]
fn non_blocking_calls_say_what_is_the_case_now() {
    everywhere(|_| {
        let listener = listener();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut server = loop {
            match listener.accept() {
                Ok((server, _)) => break server,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        };
        server.set_nonblocking(true).unwrap();
        for _ in 0..100 {
            assert_eq!(
                server.read(&mut [0]).unwrap_err().kind(),
                ErrorKind::WouldBlock
            );
            client.write_all(&[9]).unwrap();
            // On loopback it has arrived by now; there is no wait for an event.
            assert_eq!(server.read(&mut [0; 4]).unwrap(), 1);
        }
        server.set_nonblocking(false).unwrap();
        client.write_all(&[9]).unwrap();
        assert_eq!(server.read(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn becoming_non_blocking_wakes_those_who_wait() {
    everywhere(|place| {
        let (client, _server) = pair();
        let mut reader = client.try_clone().unwrap();
        let reader = place.start(move || reader.read(&mut [0; 8]).unwrap_err().kind());
        may::coroutine::sleep(Duration::from_millis(2));
        client.set_nonblocking(true).unwrap();
        assert_eq!(reader.join(), ErrorKind::WouldBlock);
    });
}

#[test]
fn options_are_kept() {
    everywhere(|_| {
        let listener = listener();
        listener.set_ttl(77).unwrap();
        assert_eq!(listener.ttl().unwrap(), 77);
        assert!(listener.take_error().unwrap().is_none());
        let (client, _server) = pair();
        assert!(!client.nodelay().unwrap());
        client.set_nodelay(true).unwrap();
        assert!(client.nodelay().unwrap());
        client.set_ttl(99).unwrap();
        assert_eq!(client.ttl().unwrap(), 99);
        assert!(client.take_error().unwrap().is_none());
    });
}

#[test]
fn the_backlog_is_deep() {
    // Before the first accept: as many connections as std's backlog would have refused.
    let listener = listener();
    let address = listener.local_addr().unwrap();
    let clients: Vec<_> = (0..400)
        .map(|_| TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap())
        .collect();
    drop(clients);
}

#[test]
fn debug_output_is_that_of_std() {
    let (client, _server) = pair();
    let listener = listener();
    let text = format!("{client:?}");
    let std_client = std::net::TcpStream::try_from(client).unwrap();
    assert_eq!(text, format!("{std_client:?}"));
    assert!(format!("{listener:?}").starts_with("TcpListener { addr: 127.0.0.1:"));
}

/// Whether a descriptor is in non-blocking mode.
fn is_nonblocking(descriptor: &impl AsFd) -> bool {
    // SAFETY: the call takes and returns plain numbers.
    let flags = unsafe { libc::fcntl(descriptor.as_fd().as_raw_fd(), libc::F_GETFL) };
    assert!(flags >= 0);
    flags & libc::O_NONBLOCK != 0
}

#[test]
fn streams_go_to_std_and_come_back() {
    everywhere(|place| {
        let (mut client, server) = pair();
        server.set_read_timeout(Some(LONG)).unwrap();
        assert!(is_nonblocking(&server));
        let mut server = std::net::TcpStream::try_from(server).unwrap();
        assert!(!is_nonblocking(&server));
        assert_eq!(server.read_timeout().unwrap(), Some(LONG));
        client.write_all(&[1]).unwrap();
        assert_eq!(server.read(&mut [0; 4]).unwrap(), 1);

        server.set_write_timeout(Some(LONG)).unwrap();
        let mut server = TcpStream::try_from(server).unwrap();
        assert!(is_nonblocking(&server));
        assert_eq!(server.read_timeout().unwrap(), Some(LONG));
        assert_eq!(server.write_timeout().unwrap(), Some(LONG));
        let reader = place.start(move || {
            assert_eq!(server.read(&mut [0; 4]).unwrap(), 1);
            server
        });
        client.write_all(&[2]).unwrap();
        let server = reader.join();

        // A user's own wish is kept.
        server.set_nonblocking(true).unwrap();
        let number = server.as_raw_fd();
        let raw = server.into_raw_fd();
        assert_eq!(raw, number);
        // SAFETY: the line above gave the descriptor away.
        let owned = unsafe { OwnedFd::from_raw_fd(raw) };
        assert!(is_nonblocking(&owned));
        let mut server = TcpStream::from(owned);
        client.write_all(&[3]).unwrap();
        assert_eq!(server.read(&mut [0; 4]).unwrap(), 1);
    });
}

#[test]
fn a_stream_with_clones_that_goes_to_std_is_duplicated() {
    everywhere(|place| {
        let (mut client, server) = pair();
        let mut clone = server.try_clone().unwrap();
        let number = server.as_raw_fd();
        let mut server = std::net::TcpStream::try_from(server).unwrap();
        assert_ne!(server.as_raw_fd(), number);
        assert!(!is_nonblocking(&server));
        // The clone does not block its worker, although the mode is shared.
        let reader = place.start(move || {
            let mut byte = [0];
            clone.read_exact(&mut byte).unwrap();
            byte[0]
        });
        let busy = place.start(|| {
            for _ in 0..100 {
                may::coroutine::yield_now();
            }
        });
        busy.join();
        client.write_all(&[1]).unwrap();
        assert_eq!(reader.join(), 1);
        server.write_all(&[2]).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn listeners_go_to_std_and_come_back() {
    everywhere(|place| {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let clone = listener.try_clone().unwrap();
        let duplicate = std::net::TcpListener::try_from(listener).unwrap();
        assert!(!is_nonblocking(&duplicate));
        // The clone does not block its worker, although the mode is shared.
        let acceptor = place.start(move || {
            drop(clone.accept().unwrap());
            clone
        });
        let busy = place.start(may::coroutine::yield_now);
        busy.join();
        TcpStream::connect(address).unwrap();
        let clone = acceptor.join();
        drop(duplicate);
        let listener =
            TcpListener::try_from(std::net::TcpListener::try_from(clone).unwrap()).unwrap();
        let connecting = place.start(move || TcpStream::connect(address).unwrap());
        listener.accept().unwrap();
        connecting.join();
    });
}

#[test]
fn urgent_data_does_not_hide_what_follows_it() {
    everywhere(|place| {
        if place.kind() == Kind::Threads {
            return;
        }
        let (client, mut server) = pair();
        // Registered, and known to be empty.
        server
            .set_read_timeout(Some(Duration::from_micros(500)))
            .unwrap();
        assert!(is_elapsed(&server.read(&mut [0; 8]).unwrap_err()));
        server
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        for _ in 0..3 {
            (&client).write_all(b"before").unwrap();
            socket2::SockRef::from(&client)
                .send_out_of_band(b"!")
                .unwrap();
            (&client).write_all(b"after").unwrap();
            may::coroutine::sleep(Duration::from_millis(2));
            let mut text = Vec::new();
            while !text.ends_with(b"after") {
                let mut bytes = [0; 64];
                let count = server
                    .read(&mut bytes)
                    .expect("a read ends at the mark, not for good");
                text.extend_from_slice(&bytes[..count]);
            }
            assert_eq!(text, b"beforeafter");
        }
    });
}

#[test]
fn a_descriptor_outlives_the_runtime_that_watched_it() {
    let (client, server) = pair();
    let server = Arc::new(server);
    for round in 0..5 {
        let runtime = may::Runtime::builder().workers(1).build().unwrap();
        let (reading, mut writing) = (server.clone(), &client);
        let reader = runtime.spawn(move || (&*reading).read(&mut [0; 8]).unwrap());
        runtime.spawn(may::coroutine::yield_now).join().unwrap();
        writing.write_all(&[round]).unwrap();
        assert_eq!(reader.join().unwrap(), 1);
        runtime.shutdown(Duration::from_secs(5)).unwrap();
    }
}

#[test]
#[allow(clippy::needless_borrows_for_generic_args)] // References are other types.
fn code_that_is_generic_over_stds_addresses_reaches_ours() {
    fn reach<A: std::net::ToSocketAddrs>(address: A) -> SocketAddr {
        let stream = TcpStream::connect(address).unwrap();
        stream.peer_addr().unwrap()
    }
    /// A type of a program's own.
    struct Service(u16);
    impl std::net::ToSocketAddrs for Service {
        type Iter = std::vec::IntoIter<SocketAddr>;

        fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
            Ok(vec![([127, 0, 0, 1], self.0).into()].into_iter())
        }
    }
    everywhere(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let port = address.port();
        let text = address.to_string();
        let named = format!("localhost:{port}");
        assert_eq!(reach(address), address);
        assert_eq!(reach(&address), address);
        assert_eq!(reach(&[address][..]), address);
        assert_eq!(reach(&*text), address);
        assert_eq!(reach(&&*text), address);
        assert_eq!(reach(&text), address);
        assert_eq!(reach(text.clone()), address);
        assert_eq!(reach(("127.0.0.1", port)), address);
        assert_eq!(reach(&("127.0.0.1", port)), address);
        assert_eq!(reach(("127.0.0.1".to_owned(), port)), address);
        assert_eq!(reach(Service(port)), address);
        // Names, of which the one that is reached has this family.
        assert_eq!(reach(&*named), address);
        assert_eq!(reach(named), address);
        assert_eq!(reach(("localhost", port)), address);
        assert_eq!(reach(("localhost".to_owned(), port)), address);
    });
}
