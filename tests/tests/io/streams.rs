//! The directions of a stream apart, and copying from stream to stream.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use may::coroutine;
use may::io::{CoIo, Duplex, OwnedReadHalf, OwnedWriteHalf, copy_bidirectional};
use may::net::{Shutdown, TcpStream};
use may::os::unix::net::UnixStream;
use may_core::select::{read, readable, writable, write};
use may_tests::net::pair;
use may_tests::{HANG_AFTER, Place, alone, arm_within, assert_cancelled, everywhere, on_workers};

/// Runs `body` over connections of each kind.
fn over_all(body: fn(&Place, Box<dyn Fn() -> Ends>)) {
    everywhere(|place| {
        body(place, Box::new(|| Ends::of(pair())));
        body(place, Box::new(|| Ends::of(UnixStream::pair().unwrap())));
        body(
            place,
            Box::new(|| {
                let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
                Ends::of((CoIo::new(one).unwrap(), CoIo::new(other).unwrap()))
            }),
        );
    });
}

/// The halves of both ends of a connection.
struct Ends {
    one: (Box<dyn Read + Send>, Box<dyn Write + Send>),
    other: (Box<dyn Read + Send>, Box<dyn Write + Send>),
}

impl Ends {
    fn of<S>((one, other): (S, S)) -> Ends
    where
        S: Duplex + Splits + Send + Sync + 'static,
    {
        let boxed = |stream: S| -> (Box<dyn Read + Send>, Box<dyn Write + Send>) {
            let (reader, writer) = stream.owned();
            (Box::new(reader), Box::new(writer))
        };
        Ends {
            one: boxed(one),
            other: boxed(other),
        }
    }
}

/// The method that all have.
trait Splits: Duplex + Sized {
    fn owned(self) -> (OwnedReadHalf<Self>, OwnedWriteHalf<Self>);
}

impl Splits for TcpStream {
    fn owned(self) -> (OwnedReadHalf<TcpStream>, OwnedWriteHalf<TcpStream>) {
        self.into_split()
    }
}

impl Splits for UnixStream {
    fn owned(self) -> (OwnedReadHalf<UnixStream>, OwnedWriteHalf<UnixStream>) {
        self.into_split()
    }
}

type Foreign = CoIo<std::os::unix::net::UnixStream>;

impl Splits for Foreign {
    fn owned(self) -> (OwnedReadHalf<Foreign>, OwnedWriteHalf<Foreign>) {
        self.into_split()
    }
}

#[test]
fn much_data_goes_both_ways_through_halves() {
    over_all(|place, make| {
        const BYTES: usize = 2 << 20;
        let Ends { one, other } = make();
        let mut tasks = Vec::new();
        for (mut reader, mut writer) in [one, other] {
            tasks.push(place.start(move || {
                let data: Vec<u8> = (0..BYTES).map(|index| (index % 251) as u8).collect();
                writer.write_all(&data).unwrap();
            }));
            tasks.push(place.start(move || {
                let mut data = Vec::new();
                // The writer's being dropped is the end.
                reader.read_to_end(&mut data).unwrap();
                assert_eq!(data.len(), BYTES);
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
fn dropping_the_half_that_writes_ends_its_direction_only() {
    over_all(|_, make| {
        let Ends { mut one, mut other } = make();
        drop(one.1);
        assert_eq!(other.0.read(&mut [0]).unwrap(), 0);
        other.1.write_all(b"still").unwrap();
        let mut bytes = [0; 5];
        one.0.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"still");
        // With the second half the stream goes.
        drop(one.0);
        let error = loop {
            match other.1.write_all(b"x") {
                Ok(()) => coroutine::sleep(Duration::from_micros(100)),
                Err(error) => break error,
            }
        };
        assert!(matches!(
            error.kind(),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
        ));
    });
}

#[test]
fn halves_become_one_again() {
    let (client, mut server) = pair();
    let number = client.as_raw_fd();
    let (reader, writer) = client.into_split();
    assert_eq!(reader.as_ref().as_raw_fd(), writer.as_ref().as_raw_fd());
    let mut client = writer.reunite(reader).unwrap();
    assert_eq!(client.as_raw_fd(), number);
    // It was not shut down.
    client.write_all(b"x").unwrap();
    server.read_exact(&mut [0]).unwrap();

    let (reader, writer) = client.into_split();
    let (server_reader, server_writer) = server.into_split();
    let error = reader.reunite(server_writer).unwrap_err();
    assert!(error.to_string().contains("different streams"));
    let may::io::ReuniteError(reader, server_writer) = error;
    let mut server = server_reader.reunite(server_writer).unwrap();
    writer.forget();
    server
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    assert!(server.read(&mut [0]).is_err(), "nobody has said goodbye");
    server.set_read_timeout(None).unwrap();
    drop(reader);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
}

#[test]
fn borrowed_halves_leave_the_stream_alone() {
    everywhere(|_| {
        let (client, mut server) = pair();
        {
            let (mut reader, mut writer) = client.split();
            coroutine::scope(|scope| {
                scope.spawn(move || {
                    let buffers = [IoSlice::new(b"pi"), IoSlice::new(b"ng")];
                    assert_eq!(writer.write_vectored(&buffers).unwrap(), 4);
                    writer.flush().unwrap();
                });
                server.read_exact(&mut [0; 4]).unwrap();
                server.write_all(b"pong").unwrap();
                let (mut first, mut second) = ([0; 1], [0; 9]);
                let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
                assert_eq!(reader.read_vectored(&mut buffers).unwrap(), 4);
            });
        }
        (&client).write_all(b"x").unwrap();
        server.read_exact(&mut [0]).unwrap();
    });
}

#[test]
fn halves_are_arms() {
    on_workers(1, || {
        let (client, server) = pair();
        let (reader, writer) = client.into_split();
        const SOON: Duration = Duration::from_millis(1);
        // What the other side has done is there when the poll has said so, however long that takes.
        assert!(arm_within(SOON, readable(&reader)).is_none());
        assert!(arm_within(HANG_AFTER, writable(&writer)).is_some());
        let event = arm_within(HANG_AFTER, write(&writer, b"x")).unwrap();
        assert_eq!(event.unwrap(), 1);
        (&server).write_all(b"yz").unwrap();
        let mut bytes = [0; 8];
        let event = arm_within(HANG_AFTER, read(&reader, &mut bytes)).unwrap();
        assert_eq!(event.unwrap(), 2);
    });
}

/// How many descriptors the process has.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn full_duplex_through_one_socket_uses_one_descriptor() {
    alone(|| {
        on_workers(2, || {
            let listener = may_tests::net::listener();
            let address = listener.local_addr().unwrap();
            // What the runtime needs is there after a first connection.
            drop((
                TcpStream::connect(address).unwrap(),
                listener.accept().unwrap(),
            ));
            let before = descriptors();
            let client = TcpStream::connect(address).unwrap();
            assert_eq!(descriptors(), before + 1);
            let (server, _) = listener.accept().unwrap();
            assert_eq!(descriptors(), before + 2);
            let echo = coroutine::spawn(move || {
                let (mut reader, mut writer) = server.into_split();
                io::copy(&mut reader, &mut writer).unwrap()
            });
            let (mut reader, mut writer) = client.into_split();
            let writing = coroutine::spawn(move || {
                for _ in 0..64 {
                    writer.write_all(&[1; 1 << 14]).unwrap();
                }
            });
            let reading = coroutine::spawn(move || io::copy(&mut reader, &mut io::sink()).unwrap());
            while !reading.is_finished() {
                assert!(descriptors() <= before + 2);
                coroutine::sleep(Duration::from_micros(200));
            }
            writing.join().unwrap();
            assert_eq!(reading.join().unwrap(), 64 << 14);
            assert_eq!(echo.join().unwrap(), 64 << 14);
            assert_eq!(descriptors(), before);
        });
    });
}

#[test]
fn copying_needs_no_more_than_a_buffer() {
    everywhere(|place| {
        // A coroutine with a small stack copies more than any memory of its own.
        let (mut from, to) = pair();
        let (source, mut sink) = UnixStream::pair().unwrap();
        let feeding = place.start(move || {
            let mut zeros = io::repeat(7).take(20 << 20);
            may::io::copy(&mut zeros, &mut from).unwrap()
        });
        let copying = coroutine::Builder::new()
            .stack_size(32 << 10)
            .spawn(move || may::io::copy(&mut &to, &mut &source).unwrap())
            .unwrap();
        let mut buffer = [0; 4096];
        let mut bytes = 0;
        loop {
            match sink.read(&mut buffer).unwrap() {
                0 => break,
                count => bytes += count,
            }
        }
        assert_eq!((bytes, feeding.join()), (20 << 20, 20 << 20));
        assert_eq!(copying.join().unwrap(), 20 << 20);
    });
}

/// Starts a proxy; returns what talks to it on either side.
fn proxied(
    place: &Place,
) -> (
    TcpStream,
    UnixStream,
    may_tests::Started<io::Result<(u64, u64)>>,
) {
    let (client, front) = pair();
    let (back, server) = UnixStream::pair().unwrap();
    let proxy = place.start(move || copy_bidirectional(&front, &back));
    (client, server, proxy)
}

#[test]
fn a_proxy_passes_half_closing_on() {
    everywhere(|place| {
        let (mut client, mut server, proxy) = proxied(place);
        client.write_all(b"request").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).unwrap();
        assert_eq!(text, "request");
        // The other direction is open for as long as it takes.
        for _ in 0..3 {
            server.write_all(b"answer").unwrap();
            client.read_exact(&mut [0; 6]).unwrap();
        }
        drop(server);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert_eq!(proxy.join().unwrap(), (7, 18));
    });
}

#[test]
fn a_proxy_carries_much_both_ways_at_once() {
    everywhere(|place| {
        const BYTES: usize = 4 << 20;
        let (client, server, proxy) = proxied(place);
        let (client, server) = (Arc::new(client), Arc::new(server));
        let (one, other) = (client.clone(), server.clone());
        let writers = [
            place.start(move || {
                (&*one).write_all(&vec![1; BYTES]).unwrap();
                one.shutdown(Shutdown::Write).unwrap();
            }),
            place.start(move || {
                (&*other).write_all(&vec![2; BYTES]).unwrap();
                other.shutdown(Shutdown::Write).unwrap();
            }),
        ];
        let reader = place.start(move || io::copy(&mut &*server, &mut io::sink()).unwrap());
        assert_eq!(
            io::copy(&mut &*client, &mut io::sink()).unwrap(),
            BYTES as u64
        );
        assert_eq!(reader.join(), BYTES as u64);
        for writer in writers {
            writer.join();
        }
        assert_eq!(proxy.join().unwrap(), (BYTES as u64, BYTES as u64));
    });
}

#[test]
fn an_error_ends_both_directions_of_a_proxy() {
    everywhere(|place| {
        // The client resets while the server says nothing.
        let (client, mut server, proxy) = proxied(place);
        coroutine::sleep(Duration::from_millis(1));
        socket2::SockRef::from(&client)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(client);
        assert_eq!(proxy.join().unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        // A timeout of one direction.
        let (_client, front) = pair();
        let (back, _server) = UnixStream::pair().unwrap();
        back.set_read_timeout(Some(Duration::from_millis(2)))
            .unwrap();
        let proxy = place.start(move || copy_bidirectional(&front, &back));
        assert_eq!(proxy.join().unwrap_err().kind(), ErrorKind::WouldBlock);
        // Of one that cannot be shut down.
        let (_client, front) = pair();
        let (reader, _writer) = io::pipe().unwrap();
        let pipe = CoIo::new(reader).unwrap();
        front
            .set_read_timeout(Some(Duration::from_millis(2)))
            .unwrap();
        let proxy = place.start(move || copy_bidirectional(&front, &pipe));
        assert_eq!(proxy.join().unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn a_direction_may_rest_while_the_other_is_busy() {
    everywhere(|place| {
        let idle = Duration::from_millis(40);
        let (mut client, front) = pair();
        let (back, mut server) = UnixStream::pair().unwrap();
        front.set_read_timeout(Some(idle)).unwrap();
        back.set_read_timeout(Some(idle)).unwrap();
        let proxy = place.start(move || copy_bidirectional(&front, &back));
        let begun = std::time::Instant::now();
        let mut bytes = 0;
        // The client only listens, for longer than it may be idle.
        while begun.elapsed() < 3 * idle {
            server.write_all(b"x").unwrap();
            client.read_exact(&mut [0]).unwrap();
            bytes += 1;
            coroutine::sleep(Duration::from_millis(1));
        }
        client.write_all(b"done").unwrap();
        server.read_exact(&mut [0; 4]).unwrap();
        // Then neither side sends.
        assert_eq!(proxy.join().unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_ne!(bytes, 0);
    });
}

#[test]
fn a_proxy_is_cancelled_as_a_whole() {
    for workers in [1, 3] {
        on_workers(workers, || {
            for round in 0..200 {
                let (client, front) = pair();
                let (back, mut server) = UnixStream::pair().unwrap();
                let proxy = coroutine::spawn(move || copy_bidirectional(&front, &back));
                for _ in 0..round % 5 {
                    coroutine::yield_now();
                }
                if round % 3 == 0 {
                    (&client).write_all(b"x").unwrap();
                    (&server).read_exact(&mut [0]).unwrap();
                }
                proxy.cancel();
                assert_cancelled(proxy.join());
                // Everything it had is closed.
                assert_eq!((&client).read(&mut [0]).unwrap(), 0);
                assert_eq!(server.read(&mut [0]).unwrap(), 0);
            }
        });
    }
}

#[test]
fn halves_go_where_their_stream_may_go() {
    fn check<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    check::<OwnedReadHalf<TcpStream>>();
    check::<OwnedWriteHalf<UnixStream>>();
    check::<may::io::ReadHalf<'static, TcpStream>>();
    check::<may::io::WriteHalf<'static, CoIo<std::fs::File>>>();
}
