//! What std promises of Unix sockets that carry streams, in every place that may use ours.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net as std_net;
use std::sync::Arc;
use std::time::{Duration, Instant};

use may::coroutine;
use may::net::Shutdown;
use may::os::linux::net::SocketAddrExt;
use may::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use may_core::select::{accept, read, readable, writable, write};
use may_tests::net::Temporary;
use may_tests::{HANG_AFTER, alone, arm_within, everywhere, on_workers};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3600);

/// A listener and its path.
fn listener() -> (UnixListener, Temporary) {
    let path = Temporary::new();
    (UnixListener::bind(&path.0).unwrap(), path)
}

/// Fills a stream until there is no room left.
fn fill(stream: &UnixStream) {
    stream.set_nonblocking(true).unwrap();
    let mut writer = stream;
    while writer.write_all(&[b'.'; 65536]).is_ok() {}
    assert_eq!(
        writer.write(b".").unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    stream.set_nonblocking(false).unwrap();
}

#[test]
fn connections_by_path() {
    everywhere(|place| {
        let (listener, path) = listener();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*path.0));
        let server = place.start(move || {
            let (mut stream, peer) = listener.accept().unwrap();
            assert!(peer.is_unnamed());
            let mut bytes = [0; 5];
            stream.read_exact(&mut bytes).unwrap();
            stream.write_all(&bytes).unwrap();
            stream
        });
        let mut client = UnixStream::connect(&path.0).unwrap();
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*path.0));
        assert!(client.local_addr().unwrap().is_unnamed());
        client.write_all(b"hello").unwrap();
        let mut bytes = [0; 5];
        client.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"hello");
        drop(server.join());
        assert_eq!(client.read(&mut bytes).unwrap(), 0);
    });
}

#[test]
fn a_peer_that_has_a_name() {
    everywhere(|_| {
        let ((listener, path), mine) = (listener(), Temporary::new());
        let socket =
            socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        socket
            .bind(&socket2::SockAddr::unix(&mine.0).unwrap())
            .unwrap();
        socket
            .connect(&socket2::SockAddr::unix(&path.0).unwrap())
            .unwrap();
        let (stream, peer) = listener.accept().unwrap();
        assert_eq!(peer.as_pathname(), Some(&*mine.0));
        assert_eq!(stream.peer_addr().unwrap().as_pathname(), Some(&*mine.0));
    });
}

#[test]
fn abstract_addresses() {
    everywhere(|place| {
        let name = format!("may\0{:?}", Temporary::new().0);
        let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        assert_eq!(
            listener.local_addr().unwrap().as_abstract_name(),
            Some(name.as_bytes())
        );
        assert_eq!(
            UnixListener::bind_addr(&address).unwrap_err().kind(),
            ErrorKind::AddrInUse
        );
        let server = place.start(move || listener.accept().unwrap());
        let client = UnixStream::connect_addr(&address).unwrap();
        assert_eq!(
            client.peer_addr().unwrap().as_abstract_name(),
            Some(name.as_bytes())
        );
        server.join();
        assert_eq!(
            UnixStream::connect_addr(&address).unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
    });
}

#[test]
fn the_errors_are_std_s() {
    everywhere(|_| {
        let (listener, path) = listener();
        let long = "x".repeat(200);
        let unnamed = std_net::UnixStream::pair().unwrap().0.local_addr().unwrap();
        for bad in ["/nowhere/at/all", "a\0b", "", &long] {
            let std_error = std_net::UnixStream::connect(bad).unwrap_err();
            let error = UnixStream::connect(bad).unwrap_err();
            assert_eq!(error.kind(), std_error.kind(), "connecting to {bad:?}");
        }
        for bad in ["/nowhere/at/all", "a\0b", &long] {
            let std_error = std_net::UnixListener::bind(bad).unwrap_err();
            let error = UnixListener::bind(bad).unwrap_err();
            assert_eq!(error.kind(), std_error.kind(), "binding {bad:?}");
        }
        assert_eq!(
            UnixStream::connect_addr(&unnamed).unwrap_err().kind(),
            std_net::UnixStream::connect_addr(&unnamed)
                .unwrap_err()
                .kind()
        );
        assert_eq!(
            UnixListener::bind(&path.0).unwrap_err().kind(),
            ErrorKind::AddrInUse
        );
        // The name outlives the listener.
        drop(listener);
        assert_eq!(
            UnixStream::connect(&path.0).unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        assert_eq!(
            UnixListener::bind(&path.0).unwrap_err().kind(),
            ErrorKind::AddrInUse
        );
    });
}

#[test]
fn connections_one_after_the_other_and_at_once() {
    everywhere(|place| {
        let (listener, path) = listener();
        let path = Arc::new(path);
        let server = place.start(move || {
            for stream in listener.incoming().take(20) {
                let mut byte = [0];
                let mut stream = stream.unwrap();
                stream.read_exact(&mut byte).unwrap();
                stream.write_all(&byte).unwrap();
            }
            assert_eq!((&listener).into_iter().size_hint(), (usize::MAX, None));
        });
        let clients: Vec<_> = (0..20)
            .map(|number| {
                let path = path.clone();
                place.start(move || {
                    let mut stream = UnixStream::connect(&path.0).unwrap();
                    stream.write_all(&[number]).unwrap();
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    assert_eq!(byte, [number]);
                })
            })
            .collect();
        for client in clients {
            client.join();
        }
        server.join();
    });
}

#[test]
fn a_listener_without_room_is_waited_for() {
    everywhere(|place| {
        let path = Temporary::new();
        let socket =
            socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        socket
            .bind(&socket2::SockAddr::unix(&path.0).unwrap())
            .unwrap();
        socket.listen(0).unwrap();
        let listener = UnixListener::from(OwnedFd::from(socket));
        let path = Arc::new(path);
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                place.start(move || UnixStream::connect(&path.0).unwrap())
            })
            .collect();
        coroutine::sleep(Duration::from_millis(1));
        for _ in 0..8 {
            listener.accept().unwrap();
        }
        for client in clients {
            client.join();
        }
    });
}

#[test]
fn pairs() {
    everywhere(|place| {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        assert!(one.peer_addr().unwrap().is_unnamed());
        let echo = place.start(move || {
            let mut bytes = [0; 4];
            other.read_exact(&mut bytes).unwrap();
            other.write_all(&bytes).unwrap();
        });
        one.write_all(b"ping").unwrap();
        one.read_exact(&mut [0; 4]).unwrap();
        echo.join();
        assert_eq!(one.read(&mut [0]).unwrap(), 0);
        let error = one.write(b"x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn much_data_goes_both_ways_over_one_shared_stream() {
    everywhere(|place| {
        const BYTES: usize = 4 << 20;
        let (one, other) = UnixStream::pair().unwrap();
        let mut tasks = Vec::new();
        for stream in [Arc::new(one), Arc::new(other)] {
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
fn several_buffers_at_once() {
    everywhere(|_| {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        let buffers = [b"one", &b""[..], b"two"].map(IoSlice::new);
        assert_eq!(one.write_vectored(&buffers).unwrap(), 6);
        let (mut first, mut second) = ([0; 2], [0; 9]);
        let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(other.read_vectored(&mut buffers).unwrap(), 6);
        assert_eq!((&first[..], &second[..4]), (&b"on"[..], &b"etwo"[..]));
        for _ in 0..2 {
            assert_eq!(one.write(&[]).unwrap(), 0);
            assert_eq!(one.read(&mut []).unwrap(), 0);
            assert_eq!(one.write_vectored(&[]).unwrap(), 0);
            assert_eq!(one.read_vectored(&mut []).unwrap(), 0);
        }
    });
}

#[test]
fn shutting_down() {
    everywhere(|place| {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        one.shutdown(Shutdown::Write).unwrap();
        assert_eq!(one.write(&[0]).unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(other.read(&mut [0]).unwrap(), 0);
        other.write_all(b"x").unwrap();
        one.read_exact(&mut [0]).unwrap();
        one.shutdown(Shutdown::Read).unwrap();
        assert_eq!(one.read(&mut [0]).unwrap(), 0);
        // A waiter is woken.
        for how in [Shutdown::Read, Shutdown::Both] {
            let (one, _other) = UnixStream::pair().unwrap();
            let readers: Vec<_> = (0..3)
                .map(|_| {
                    let mut reader = one.try_clone().unwrap();
                    place.start(move || reader.read(&mut [0]).unwrap())
                })
                .collect();
            one.shutdown(how).unwrap();
            for reader in readers {
                assert_eq!(reader.join(), 0);
            }
        }
        let (one, _other) = UnixStream::pair().unwrap();
        fill(&one);
        let mut writer = one.try_clone().unwrap();
        let writer = place.start(move || writer.write_all(&[0; 1 << 20]));
        coroutine::sleep(Duration::from_millis(1));
        one.shutdown(Shutdown::Write).unwrap();
        assert_eq!(writer.join().unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_broken_connection_raises_no_signal() {
    alone(|| {
        // SAFETY: the disposition is a plain value.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let (mut one, other) = UnixStream::pair().unwrap();
        drop(other);
        for _ in 0..2 {
            assert_eq!(one.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
            assert!(one.write_vectored(&[IoSlice::new(b"x")]).is_err());
        }
    });
}

#[test]
fn unread_data_resets_the_connection() {
    everywhere(|_| {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        other.write_all(b"unread").unwrap();
        one.write_all(b"x").unwrap();
        drop(one);
        // As with std: what was sent can be read, or the reset is told first.
        let mut bytes = Vec::new();
        match other.read_to_end(&mut bytes) {
            Ok(_) => assert_eq!(bytes, b"x"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        assert_eq!(other.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn timeouts() {
    everywhere(|place| {
        let (stream, _other) = UnixStream::pair().unwrap();
        assert_eq!(stream.read_timeout().unwrap(), None);
        assert_eq!(stream.write_timeout().unwrap(), None);
        for timeout in [Duration::from_nanos(1), Duration::from_micros(500), SHORT] {
            let (mut one, mut other) = UnixStream::pair().unwrap();
            one.set_read_timeout(Some(timeout)).unwrap();
            one.set_write_timeout(Some(timeout)).unwrap();
            assert_eq!(one.read_timeout().unwrap(), Some(timeout));
            let begun = Instant::now();
            let error = one.read(&mut [0]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
            assert!(begun.elapsed() >= timeout);
            fill(&one);
            let begun = Instant::now();
            let error = one.write(&[0; 1 << 16]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
            assert!(begun.elapsed() >= timeout);
            other.write_all(b"x").unwrap();
            assert_eq!(one.read(&mut [0; 4]).unwrap(), 1);
        }
        for result in [
            stream.set_read_timeout(Some(Duration::ZERO)),
            stream.set_write_timeout(Some(Duration::ZERO)),
        ] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        for timeout in [Duration::from_secs(30 * 24 * 3600), Duration::MAX] {
            let (mut one, mut other) = UnixStream::pair().unwrap();
            one.set_read_timeout(Some(timeout)).unwrap();
            let reading = place.start(move || one.read(&mut [0; 4]).unwrap());
            coroutine::sleep(Duration::from_millis(1));
            other.write_all(b"x").unwrap();
            assert_eq!(reading.join(), 1);
        }
    });
}

#[test]
fn non_blocking_calls() {
    everywhere(|place| {
        let (listener, path) = listener();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let client = UnixStream::connect(&path.0).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        // It is not inherited.
        let reader = place.start(move || {
            server.read_exact(&mut [0]).unwrap();
            server
        });
        (&client).write_all(b"x").unwrap();
        let mut server = reader.join();
        server.set_nonblocking(true).unwrap();
        assert_eq!(
            server.read(&mut [0]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        let mut waiting = client.try_clone().unwrap();
        let waiting = place.start(move || waiting.read(&mut [0]).unwrap_err().kind());
        coroutine::sleep(Duration::from_millis(1));
        client.set_nonblocking(true).unwrap();
        assert_eq!(waiting.join(), ErrorKind::WouldBlock);
    });
}

#[test]
fn clones_are_the_same_socket() {
    everywhere(|place| {
        let (one, mut other) = UnixStream::pair().unwrap();
        let mut clone = one.try_clone().unwrap();
        assert_eq!(clone.as_raw_fd(), one.as_raw_fd());
        let reading = place.start(move || {
            let mut byte = [0];
            clone.read_exact(&mut byte).unwrap();
            clone.write_all(&byte).unwrap();
        });
        other.write_all(b"x").unwrap();
        other.read_exact(&mut [0]).unwrap();
        reading.join();
        drop(one);
        assert_eq!(other.read(&mut [0]).unwrap(), 0);

        let (listener, path) = listener();
        let clone = listener.try_clone().unwrap();
        assert!(listener.take_error().unwrap().is_none());
        let accepting = place.start(move || drop(clone.accept().unwrap()));
        UnixStream::connect(&path.0).unwrap();
        accepting.join();
        UnixStream::connect(&path.0).unwrap();
        listener.accept().unwrap();
    });
}

/// Whether a descriptor is in non-blocking mode.
fn is_nonblocking(descriptor: &impl AsFd) -> bool {
    // SAFETY: the call takes and returns plain numbers.
    let flags = unsafe { libc::fcntl(descriptor.as_fd().as_raw_fd(), libc::F_GETFL) };
    assert!(flags >= 0);
    flags & libc::O_NONBLOCK != 0
}

#[test]
fn sockets_go_to_std_and_come_back() {
    everywhere(|place| {
        let (stream, mut other) = UnixStream::pair().unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        let text = format!("{stream:?}");
        let stream = std_net::UnixStream::try_from(stream).unwrap();
        assert_eq!(format!("{stream:?}"), text);
        assert!(!is_nonblocking(&stream));
        assert_eq!(stream.write_timeout().unwrap(), Some(LONG));
        let stream = UnixStream::try_from(stream).unwrap();
        assert!(is_nonblocking(&stream));
        assert_eq!(stream.write_timeout().unwrap(), Some(LONG));
        // SAFETY: the number was given away in the same line.
        let owned = unsafe { OwnedFd::from_raw_fd(stream.into_raw_fd()) };
        let stream = UnixStream::from(owned);
        let mut clone = stream.try_clone().unwrap();
        let duplicate = OwnedFd::from(stream);
        assert!(!is_nonblocking(&duplicate));
        // The clone does not block its worker, although the mode is shared.
        let reading = place.start(move || clone.read(&mut [0]).unwrap());
        place.start(coroutine::yield_now).join();
        other.write_all(b"x").unwrap();
        assert_eq!(reading.join(), 1);

        let (listener, path) = listener();
        let clone = listener.try_clone().unwrap();
        let duplicate = std_net::UnixListener::try_from(listener).unwrap();
        assert!(!is_nonblocking(&duplicate));
        let accepting = place.start(move || drop(clone.accept().unwrap()));
        place.start(coroutine::yield_now).join();
        UnixStream::connect(&path.0).unwrap();
        accepting.join();
    });
}

/// Sends bytes together with a descriptor.
fn send_with_descriptor(stream: &UnixStream, bytes: &[u8], descriptor: &impl AsFd) {
    let mut control = [0_u64; 4];
    let mut slice = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: the message points to what lives across the call; the control data is as `cmsg(3)`
    // says, in a buffer that is aligned and large enough.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &mut slice;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(4) as _;
        let header = libc::CMSG_FIRSTHDR(&message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(4) as _;
        libc::CMSG_DATA(header)
            .cast::<i32>()
            .write_unaligned(descriptor.as_fd().as_raw_fd());
        let sent = libc::sendmsg(stream.as_raw_fd(), &message, 0);
        assert_eq!(sent, bytes.len() as isize);
    }
}

/// A read ends behind bytes that came with a descriptor, and nothing announces those that follow.
#[test]
fn descriptors_among_the_bytes_hide_nothing() {
    everywhere(|place| {
        let (one, mut other) = UnixStream::pair().unwrap();
        let reading = place.start(move || {
            let (mut text, mut bytes) = (Vec::new(), [0; 64]);
            while text.len() < 60 {
                let count = other.read(&mut bytes).unwrap();
                text.extend_from_slice(&bytes[..count]);
            }
            assert_eq!(text, b"one two three four! ".repeat(3));
        });
        for _ in 0..3 {
            coroutine::sleep(Duration::from_millis(1));
            (&one).write_all(b"one ").unwrap();
            send_with_descriptor(&one, b"two ", &io::stdin());
            (&one).write_all(b"three ").unwrap();
            send_with_descriptor(&one, b"fo", &io::stdin());
            (&one).write_all(b"ur! ").unwrap();
        }
        reading.join();
    });
}

#[test]
fn arms_of_a_select() {
    everywhere(|_| {
        let (listener, path) = listener();
        const SOON: Duration = SHORT;
        // What the other side has done is there when the poll has said so, however long that takes.
        assert!(arm_within(SOON, accept(&listener)).is_none());
        let one = UnixStream::connect(&path.0).unwrap();
        let event = arm_within(HANG_AFTER, accept(&listener)).unwrap();
        let (other, _) = event.unwrap();
        let mut buffer = [0; 8];
        assert!(arm_within(SOON, readable(&one)).is_none());
        assert!(arm_within(SOON, read(&one, &mut buffer)).is_none());
        assert!(arm_within(HANG_AFTER, writable(&one)).is_some());
        let event = arm_within(HANG_AFTER, write(&other, b"word")).unwrap();
        assert_eq!(event.unwrap(), 4);
        let event = arm_within(HANG_AFTER, read(&one, &mut buffer)).unwrap();
        assert_eq!(event.unwrap(), 4);
        fill(&one);
        assert!(arm_within(SOON, writable(&one)).is_none());
        assert!(arm_within(SOON, write(&one, b"x")).is_none());
    });
}

#[test]
fn connections_beyond_the_descriptor_limit_wait() {
    alone(|| {
        on_workers(1, || {
            let (listener, path) = listener();
            let clients: Vec<_> = (0..4)
                .map(|_| UnixStream::connect(&path.0).unwrap())
                .collect();
            let highest = clients[3].as_raw_fd() as u64;
            let limit = |soft| {
                let limit = libc::rlimit {
                    rlim_cur: soft,
                    rlim_max: 4096,
                };
                // SAFETY: the structure lives across the call.
                assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
            };
            limit(highest + 1);
            assert_eq!(
                UnixStream::connect(&path.0).unwrap_err().raw_os_error(),
                Some(libc::EMFILE)
            );
            assert_eq!(
                UnixStream::pair().unwrap_err().raw_os_error(),
                Some(libc::EMFILE)
            );
            let accepting = coroutine::spawn(move || {
                for _ in 0..4 {
                    listener.accept().unwrap();
                }
            });
            coroutine::sleep(Duration::from_millis(12));
            assert!(!accepting.is_finished());
            limit(highest + 10);
            accepting.join().unwrap();
        });
    });
}
