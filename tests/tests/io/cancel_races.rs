//! As `net/cancel_races.rs`, for all other descriptors: datagrams, Unix sockets, pipes, and waiting
//! for readiness.
//!
//! `MAY_ROUNDS` sets how often each race is run.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::unix::net as std_net;
use std::path::PathBuf;
use std::sync::Arc;

use may::coroutine::{spawn, yield_now};
use may::io::{CoIo, wait_readable, wait_writable};
use may::net::UdpSocket;
use may::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use may_tests::net::Temporary;
use may_tests::scene::{Scene, cancel_racing, cancel_while_waiting, rounds};
use may_tests::{Random, assert_cancelled, on_workers};

/// Receives datagrams over UDP by `receive`; each ends one wait.
fn udp(receive: fn(&UdpSocket) -> usize) -> Scene {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    Scene::new(
        || {},
        move || assert_eq!(receive(&socket), 1),
        move || assert_eq!(sender.send_to(b"x", address).unwrap(), 1),
    )
}

/// Looks at a datagram, which ends all waits, and is taken away before the next round.
fn udp_peek(peek: fn(&UdpSocket) -> usize) -> Scene {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let drained = socket.clone();
    Scene::new(
        move || {
            drained.set_nonblocking(true).unwrap();
            while drained.recv(&mut [0]).is_ok() {}
            drained.set_nonblocking(false).unwrap();
        },
        move || assert_eq!(peek(&socket), 1),
        move || assert_eq!(sender.send_to(b"x", address).unwrap(), 1),
    )
}

/// Receives datagrams of a Unix socket by `receive`; each ends one wait.
fn unix_datagram(receive: fn(&UnixDatagram) -> usize) -> Scene {
    let (socket, sender) = UnixDatagram::pair().unwrap();
    Scene::new(
        || {},
        move || assert_eq!(receive(&socket), 1),
        move || assert_eq!(sender.send(b"x").unwrap(), 1),
    )
}

/// Sends datagrams by `send` where there is no room; receiving all makes room for all.
fn unix_datagram_room(send: fn(&UnixDatagram, &PathBuf) -> io::Result<usize>) -> Scene {
    let path = Arc::new(Temporary::new());
    let receiver = std_net::UnixDatagram::bind(&path.0).unwrap();
    receiver.set_nonblocking(true).unwrap();
    let socket = UnixDatagram::unbound().unwrap();
    socket.connect(&path.0).unwrap();
    let (filled, filling) = (socket.clone(), path.clone());
    Scene::new(
        move || {
            filled.set_nonblocking(true).unwrap();
            while send(&filled, &filling.0).is_ok() {}
            filled.set_nonblocking(false).unwrap();
        },
        move || assert_eq!(send(&socket, &path.0).unwrap(), 1),
        move || while receiver.recv(&mut [0; 2]).is_ok() {},
    )
}

/// Reads a byte of a Unix stream; each ends one wait.
fn unix_read(read: fn(&UnixStream) -> usize) -> Scene {
    let (stream, writer) = UnixStream::pair().unwrap();
    Scene::new(
        || {},
        move || assert_eq!(read(&stream), 1),
        move || (&writer).write_all(b"x").unwrap(),
    )
}

/// Writes a byte where there is no room; reading all makes room for all.
fn unix_write(write: fn(&UnixStream) -> usize) -> Scene {
    let (stream, reader) = UnixStream::pair().unwrap();
    reader.set_nonblocking(true).unwrap();
    let filled = stream.clone();
    Scene::new(
        move || {
            filled.set_nonblocking(true).unwrap();
            while (&filled).write(&[0; 4096]).is_ok() {}
            while (&filled).write(&[0]).is_ok() {}
            filled.set_nonblocking(false).unwrap();
        },
        move || assert_eq!(write(&stream), 1),
        move || while (&reader).read(&mut [0; 1 << 16]).is_ok() {},
    )
}

/// Takes a connection; each ends one wait.
fn unix_accept() -> Scene {
    let path = Arc::new(Temporary::new());
    let listener = UnixListener::bind(&path.0).unwrap();
    Scene::new(
        || {},
        move || drop(listener.accept().unwrap()),
        move || drop(std_net::UnixStream::connect(&path.0).unwrap()),
    )
}

/// Connects to a listener that has no room; accepting all makes room for all.
fn unix_connect() -> Scene {
    let path = Arc::new(Temporary::new());
    let listener =
        socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    listener
        .bind(&socket2::SockAddr::unix(&path.0).unwrap())
        .unwrap();
    listener.listen(0).unwrap();
    listener.set_nonblocking(true).unwrap();
    let filling = path.clone();
    let kept = std::sync::Mutex::new(Vec::new());
    Scene::new(
        move || {
            let socket =
                socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let address = socket2::SockAddr::unix(&filling.0).unwrap();
            match socket.connect(&address) {
                Ok(()) => kept.lock().unwrap().push(socket),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        },
        move || drop(UnixStream::connect(&path.0).unwrap()),
        move || {
            // Until all waiters have come: each is accepted some time after it has tried again.
            for _ in 0..2 {
                while listener.accept().is_ok() {}
                may::coroutine::sleep(std::time::Duration::from_millis(1));
            }
        },
    )
}

/// Both ends of a pipe, to be shared.
type Pipe = (Arc<CoIo<io::PipeReader>>, Arc<CoIo<io::PipeWriter>>);

fn pipe() -> Pipe {
    let (reader, writer) = io::pipe().unwrap();
    (
        Arc::new(CoIo::new(reader).unwrap()),
        Arc::new(CoIo::new(writer).unwrap()),
    )
}

/// Reads a byte of a pipe; each ends one wait.
fn pipe_read(read: fn(&CoIo<io::PipeReader>) -> usize) -> Scene {
    let (reader, writer) = pipe();
    Scene::new(
        || {},
        move || assert_eq!(read(&reader), 1),
        move || (&*writer).write_all(b"x").unwrap(),
    )
}

/// Makes a pipe full.
fn fill(writer: &CoIo<io::PipeWriter>) {
    writer.set_nonblocking(true);
    let mut writing = writer;
    while writing.write(&[0; 4096]).is_ok() {}
    while writing.write(&[0]).is_ok() {}
    writer.set_nonblocking(false);
}

/// Takes all that a pipe has.
fn drain(reader: &CoIo<io::PipeReader>) {
    reader.set_nonblocking(true);
    let mut reading = reader;
    while reading.read(&mut [0; 1 << 16]).is_ok() {}
    reader.set_nonblocking(false);
}

/// Writes a byte into a full pipe; reading all makes room for all.
fn pipe_write(write: fn(&CoIo<io::PipeWriter>) -> usize) -> Scene {
    let (reader, writer) = pipe();
    let filled = writer.clone();
    Scene::new(
        move || fill(&filled),
        move || assert_eq!(write(&writer), 1),
        move || drain(&reader),
    )
}

/// Waits until there is something to read, which ends all waits.
fn readable() -> Scene {
    let (reader, writer) = pipe();
    let drained = reader.clone();
    let (one, other) = std_net::UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    let (one, taken) = (Arc::new(one), Arc::new(other));
    let reading = one.clone();
    Scene::new(
        move || {
            drain(&drained);
            while (&*one).read(&mut [0; 64]).is_ok() {}
        },
        move || {
            // Of a pipe that is wrapped, and of a socket that is not.
            wait_readable(&*reader, None).unwrap();
            wait_readable(&*reading, None).unwrap();
        },
        move || {
            (&*writer).write_all(b"x").unwrap();
            (&*taken).write_all(b"x").unwrap();
        },
    )
}

/// Waits until there is room, which ends all waits.
fn writable() -> Scene {
    let (reader, writer) = pipe();
    let filled = writer.clone();
    Scene::new(
        move || fill(&filled),
        move || wait_writable(&*writer, None).unwrap(),
        move || drain(&reader),
    )
}

/// Both tests of a scene.
macro_rules! races {
    ($($name:ident: $scene:expr;)+) => {
        mod waiting {
            use super::*;

            $(#[test]
            fn $name() {
                cancel_while_waiting(|| $scene);
            })+
        }

        mod racing {
            use super::*;

            $(#[test]
            fn $name() {
                cancel_racing(|| $scene, line!().into());
            })+
        }
    };
}

races! {
    udp_recv: udp(|socket| socket.recv(&mut [0; 8]).unwrap());
    udp_recv_from: udp(|socket| socket.recv_from(&mut [0; 8]).unwrap().0);
    udp_peeks: udp_peek(|socket| socket.peek(&mut [0; 8]).unwrap());
    udp_peeks_from: udp_peek(|socket| socket.peek_from(&mut [0; 8]).unwrap().0);
    unix_datagram_recv: unix_datagram(|socket| socket.recv(&mut [0; 8]).unwrap());
    unix_datagram_recv_from: unix_datagram(|socket| socket.recv_from(&mut [0; 8]).unwrap().0);
    unix_datagram_send: unix_datagram_room(|socket, _| socket.send(b"x"));
    unix_datagram_send_to: unix_datagram_room(|socket, path| socket.send_to(b"x", path));
    unix_stream_read: unix_read(|mut stream| stream.read(&mut [0]).unwrap());
    unix_stream_read_vectored: unix_read(|mut stream| {
        stream.read_vectored(&mut [IoSliceMut::new(&mut [0])]).unwrap()
    });
    unix_stream_write: unix_write(|mut stream| stream.write(b"x").unwrap());
    unix_stream_write_vectored: unix_write(|mut stream| {
        stream.write_vectored(&[IoSlice::new(b"x")]).unwrap()
    });
    unix_listener_accept: unix_accept();
    pipe_reads: pipe_read(|mut pipe| pipe.read(&mut [0]).unwrap());
    pipe_reads_vectored: pipe_read(|mut pipe| {
        pipe.read_vectored(&mut [IoSliceMut::new(&mut [0])]).unwrap()
    });
    pipe_writes: pipe_write(|mut pipe| pipe.write(b"x").unwrap());
    pipe_writes_vectored: pipe_write(|mut pipe| {
        pipe.write_vectored(&[IoSlice::new(b"x")]).unwrap()
    });
    waits_until_readable: readable();
    waits_until_writable: writable();
}

/// Connecting waits by trying again, so nothing is lost by one that others could miss.
#[test]
fn connecting_to_a_listener_without_room() {
    cancel_while_waiting(unix_connect);
}

/// One direction of a stream waits while a call in the other one is cancelled: it goes on, and the
/// other one is as good as before.
fn cancel_beside_the_other_direction<S>(make: fn() -> (S, S))
where
    S: Send + Sync + 'static,
    for<'a> &'a S: Read + Write,
{
    const FULL: usize = 8 << 20;
    for workers in [1, 3] {
        on_workers(workers, || {
            let mut random = Random::new(7);
            for _ in 0..rounds() / 20 {
                let (one, other) = make();
                let (one, other) = (Arc::new(one), Arc::new(other));
                let start = |stream: Arc<S>, reads: bool| {
                    spawn(move || match reads {
                        true => (&*stream).read_exact(&mut [0]).unwrap(),
                        false => (&*stream).write_all(&vec![0; FULL]).unwrap(),
                    })
                };
                let cancelled_reads = random.below(2) == 0;
                let victim = start(one.clone(), cancelled_reads);
                let bystander = start(one.clone(), !cancelled_reads);
                for _ in 0..random.below(4) {
                    yield_now();
                }
                victim.cancel();
                // What the bystander waits for.
                if cancelled_reads {
                    // The writer's bytes.
                    assert_cancelled(victim.join());
                    (&*other).read_exact(&mut vec![0; FULL]).unwrap();
                } else {
                    (&*other).write_all(b"x").unwrap();
                    assert_cancelled(victim.join());
                }
                bystander.join().unwrap();
                // The direction of the one that was cancelled.
                if cancelled_reads {
                    (&*other).write_all(b"x").unwrap();
                    (&*one).read_exact(&mut [0]).unwrap();
                } else {
                    drop(one);
                    // What it had written by then, and the end.
                    let written = io::copy(&mut &*other, &mut io::sink()).unwrap();
                    assert!(written < FULL as u64);
                }
            }
        });
    }
}

#[test]
fn the_other_direction_goes_on() {
    cancel_beside_the_other_direction(may_tests::net::pair);
    cancel_beside_the_other_direction(|| UnixStream::pair().unwrap());
    cancel_beside_the_other_direction(|| {
        let (one, other) = std_net::UnixStream::pair().unwrap();
        (CoIo::new(one).unwrap(), CoIo::new(other).unwrap())
    });
}
