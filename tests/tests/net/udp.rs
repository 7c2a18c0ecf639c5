//! What `std::net::UdpSocket` promises, in every place that may use ours.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use may::net::{SocketAddr, UdpSocket};
use may::{channel, coroutine};
use may_core::select::{read, readable, writable, write};
use may_tests::{HANG_AFTER, arm_within, everywhere};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3600);

/// A socket on a port that the system chooses, and its address.
fn bound() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Two sockets that are each other's peers.
fn pair() -> (UdpSocket, UdpSocket) {
    let ((one, at_one), (other, at_other)) = (bound(), bound());
    one.connect(at_other).unwrap();
    other.connect(at_one).unwrap();
    (one, other)
}

/// Whether an error is that of a timeout that has elapsed.
fn is_elapsed(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

#[test]
fn addresses_that_cannot_be_bound() {
    everywhere(|_| {
        let nothing: &[SocketAddr] = &[];
        for (result, kind) in [
            (UdpSocket::bind("192.0.2.1:0"), ErrorKind::AddrNotAvailable),
            (UdpSocket::bind(nothing), ErrorKind::InvalidInput),
            (UdpSocket::bind("no port"), ErrorKind::InvalidInput),
            (UdpSocket::bind(bound_address()), ErrorKind::AddrInUse),
        ] {
            assert_eq!(result.unwrap_err().kind(), kind);
        }
        // The first that can be had.
        let addresses = ["192.0.2.1:0", "127.0.0.1:0"].map(|text| text.parse().unwrap());
        let socket = UdpSocket::bind(&addresses[..]).unwrap();
        assert_eq!(socket.local_addr().unwrap().ip(), Ipv4Addr::LOCALHOST);
    });
}

/// An address that is taken as long as the process lives.
fn bound_address() -> SocketAddr {
    use std::sync::OnceLock;

    static TAKEN: OnceLock<(UdpSocket, SocketAddr)> = OnceLock::new();
    TAKEN.get_or_init(bound).1
}

#[test]
fn datagrams_come_with_their_sender() {
    everywhere(|place| {
        for host in ["127.0.0.1", "::1"] {
            let Ok(server) = UdpSocket::bind((host, 0)) else {
                assert_eq!(host, "::1", "a machine without IPv4");
                continue;
            };
            let client = UdpSocket::bind((host, 0)).unwrap();
            let (at_server, at_client) =
                (server.local_addr().unwrap(), client.local_addr().unwrap());
            let echo = place.start(move || {
                let mut buffer = [0; 100];
                let (length, from) = server.recv_from(&mut buffer).unwrap();
                assert_eq!(server.send_to(&buffer[..length], from).unwrap(), length);
                from
            });
            assert_eq!(client.send_to(b"hello", at_server).unwrap(), 5);
            let mut buffer = [0; 100];
            assert_eq!(client.recv_from(&mut buffer).unwrap(), (5, at_server));
            assert_eq!(&buffer[..5], b"hello");
            assert_eq!(echo.join(), at_client);
        }
    });
}

#[test]
fn names_are_looked_up() {
    everywhere(|_| {
        let (server, address) = bound();
        let (client, _) = bound();
        client
            .send_to(b"x", ("localhost", address.port()))
            .or_else(|_| client.send_to(b"x", address))
            .unwrap();
        assert_eq!(server.recv(&mut [0; 8]).unwrap(), 1);
        let nothing: &[SocketAddr] = &[];
        assert_eq!(
            client.send_to(b"x", nothing).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        assert_eq!(
            client.connect(nothing).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    });
}

#[test]
fn a_peer_can_be_fixed() {
    everywhere(|_| {
        let ((one, at_one), (other, at_other), (stranger, _)) = (bound(), bound(), bound());
        assert_eq!(one.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        assert!(one.send(b"x").is_err(), "there is no peer");
        one.connect(at_other).unwrap();
        assert_eq!(one.peer_addr().unwrap(), at_other);
        // Datagrams of others no longer come.
        stranger.send_to(b"stranger", at_one).unwrap();
        other.send_to(b"peer", at_one).unwrap();
        let mut buffer = [0; 100];
        assert_eq!(one.recv(&mut buffer).unwrap(), 4);
        one.send(b"answer").unwrap();
        assert_eq!(other.recv_from(&mut buffer).unwrap(), (6, at_one));
        // The peer can be changed.
        one.connect(stranger.local_addr().unwrap()).unwrap();
        one.send(b"you").unwrap();
        assert_eq!(stranger.recv_from(&mut buffer).unwrap(), (3, at_one));
    });
}

#[test]
fn sending_to_nobody_is_refused_afterwards() {
    everywhere(|_| {
        let (socket, _) = bound();
        // The port stays taken, by a socket that receives only from itself.
        let (deaf, nobody) = bound();
        deaf.connect(nobody).unwrap();
        socket.connect(nobody).unwrap();
        socket.send(b"x").unwrap();
        assert_eq!(
            socket.recv(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        // The socket is as good as before.
        let (other, address) = bound();
        socket.connect(address).unwrap();
        socket.send(b"x").unwrap();
        assert_eq!(other.recv(&mut [0; 8]).unwrap(), 1);
        other.send_to(b"yz", socket.local_addr().unwrap()).unwrap();
        assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 2);
        assert!(socket.take_error().unwrap().is_none());
    });
}

#[test]
fn empty_datagrams_are_datagrams() {
    everywhere(|place| {
        let (one, other) = pair();
        let at_other = other.local_addr().unwrap();
        let at_one = one.local_addr().unwrap();
        let receiving = place.start(move || {
            let mut buffer = [7; 8];
            assert_eq!(other.recv(&mut buffer).unwrap(), 0);
            assert_eq!(other.recv_from(&mut buffer).unwrap(), (0, at_one));
            assert_eq!(other.peek(&mut buffer).unwrap(), 0);
            // An empty buffer takes one away, too, and waits for it.
            assert_eq!(other.recv(&mut []).unwrap(), 0);
            assert_eq!(other.recv(&mut buffer).unwrap(), 1);
        });
        coroutine::sleep(Duration::from_millis(1));
        assert_eq!(one.send(&[]).unwrap(), 0);
        assert_eq!(one.send_to(&[], at_other).unwrap(), 0);
        assert_eq!(one.send(&[]).unwrap(), 0);
        coroutine::sleep(Duration::from_millis(1));
        assert_eq!(one.send(b"x").unwrap(), 1);
        receiving.join();
    });
}

#[test]
fn what_does_not_fit_is_lost() {
    everywhere(|_| {
        let (one, other) = pair();
        one.send(b"a long one").unwrap();
        one.send(b"next").unwrap();
        let mut buffer = [0; 6];
        assert_eq!(other.peek(&mut buffer).unwrap(), 6);
        assert_eq!(other.recv(&mut buffer).unwrap(), 6);
        assert_eq!(&buffer, b"a long");
        assert_eq!(other.recv(&mut buffer).unwrap(), 4);
        // The longest that there can be, and one that is longer.
        let longest = vec![1; 65_507];
        one.send(&longest).unwrap();
        assert_eq!(other.recv(&mut vec![0; 65_536]).unwrap(), 65_507);
        let error = one.send(&vec![1; 65_508]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
    });
}

#[test]
fn peeking_leaves_the_datagram() {
    everywhere(|place| {
        let (one, other) = pair();
        let at_one = one.local_addr().unwrap();
        let other = Arc::new(other);
        let peeking = other.clone();
        let peeker = place.start(move || peeking.peek_from(&mut [0; 8]).unwrap());
        coroutine::sleep(Duration::from_millis(1));
        one.send(b"x").unwrap();
        assert_eq!(peeker.join(), (1, at_one));
        for _ in 0..3 {
            assert_eq!(other.peek(&mut [0; 8]).unwrap(), 1);
        }
        assert_eq!(other.recv_from(&mut [0; 8]).unwrap(), (1, at_one));
        other.set_nonblocking(true).unwrap();
        assert_eq!(
            other.peek(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
    });
}

#[test]
fn each_datagram_goes_to_one_receiver() {
    everywhere(|place| {
        const RECEIVERS: usize = 4;
        const DATAGRAMS: usize = 200;
        let (one, other) = pair();
        let (sender, receiver) = channel::unbounded();
        let receivers: Vec<_> = (0..RECEIVERS)
            .map(|_| {
                // Clones are the same socket.
                let (socket, sender) = (other.try_clone().unwrap(), sender.clone());
                assert_eq!(socket.as_raw_fd(), other.as_raw_fd());
                place.start(move || {
                    let mut buffer = [0; 8];
                    loop {
                        match socket.recv(&mut buffer).unwrap() {
                            0 => return,
                            length => sender.send(buffer[..length].to_vec()).unwrap(),
                        }
                    }
                })
            })
            .collect();
        for number in 0..DATAGRAMS {
            one.send(&(number as u16).to_le_bytes()).unwrap();
            // Not more than there is room for.
            if number % 50 == 49 {
                may_tests::eventually("they were received", || receiver.len() > number);
            }
        }
        for _ in 0..RECEIVERS {
            one.send(&[]).unwrap();
        }
        for receiver in receivers {
            receiver.join();
        }
        let mut numbers: Vec<_> = (0..DATAGRAMS)
            .map(|_| receiver.recv().unwrap())
            .map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
            .collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..DATAGRAMS as u16));
    });
}

#[test]
fn both_directions_at_once() {
    everywhere(|place| {
        let (one, other) = pair();
        let (one, other) = (Arc::new(one), Arc::new(other));
        let tasks: Vec<_> = [(one.clone(), other.clone()), (other, one)]
            .into_iter()
            .map(|(sends, receives)| {
                place.start(move || {
                    for number in 0..300_u32 {
                        sends.send(&number.to_le_bytes()).unwrap();
                        let mut bytes = [0; 4];
                        assert_eq!(receives.recv(&mut bytes).unwrap(), 4);
                        assert_eq!(u32::from_le_bytes(bytes), number);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.join();
        }
    });
}

#[test]
fn timeouts() {
    everywhere(|place| {
        let (socket, address) = bound();
        assert_eq!(socket.read_timeout().unwrap(), None);
        for timeout in [Duration::from_nanos(1), Duration::from_micros(500), SHORT] {
            socket.set_read_timeout(Some(timeout)).unwrap();
            socket.set_write_timeout(Some(LONG)).unwrap();
            assert_eq!(socket.read_timeout().unwrap(), Some(timeout));
            assert_eq!(socket.write_timeout().unwrap(), Some(LONG));
            let begun = Instant::now();
            for error in [
                socket.recv_from(&mut [0]).unwrap_err(),
                socket.recv(&mut [0]).unwrap_err(),
                socket.peek(&mut [0]).unwrap_err(),
                socket.peek_from(&mut [0]).unwrap_err(),
            ] {
                assert!(is_elapsed(&error), "{error:?}");
            }
            assert!(begun.elapsed() >= 4 * timeout);
            // What is there is received, however short the time.
            socket.send_to(b"x", address).unwrap();
            assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 1);
        }
        for result in [
            socket.set_read_timeout(Some(Duration::ZERO)),
            socket.set_write_timeout(Some(Duration::ZERO)),
        ] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        for timeout in [Duration::from_secs(30 * 24 * 3600), Duration::MAX] {
            let (socket, address) = bound();
            socket.set_read_timeout(Some(timeout)).unwrap();
            let receiving = place.start(move || socket.recv(&mut [0; 8]).unwrap());
            coroutine::sleep(Duration::from_millis(1));
            bound().0.send_to(b"x", address).unwrap();
            assert_eq!(receiving.join(), 1);
        }
    });
}

#[test]
fn non_blocking_calls() {
    everywhere(|place| {
        let (socket, address) = bound();
        socket.set_nonblocking(true).unwrap();
        for _ in 0..10 {
            let error = socket.recv_from(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            socket.send_to(b"x", address).unwrap();
            assert_eq!(socket.recv_from(&mut [0; 8]).unwrap(), (1, address));
        }
        socket.set_nonblocking(false).unwrap();
        let waiting = socket.clone();
        let waiting = place.start(move || waiting.recv(&mut [0]).unwrap_err().kind());
        coroutine::sleep(Duration::from_millis(1));
        socket.set_nonblocking(true).unwrap();
        assert_eq!(waiting.join(), ErrorKind::WouldBlock);
    });
}

#[test]
fn options_are_kept() {
    everywhere(|_| {
        let (socket, _) = bound();
        assert!(!socket.broadcast().unwrap());
        socket.set_broadcast(true).unwrap();
        assert!(socket.broadcast().unwrap());
        socket.set_ttl(42).unwrap();
        assert_eq!(socket.ttl().unwrap(), 42);
        assert!(socket.multicast_loop_v4().unwrap());
        socket.set_multicast_loop_v4(false).unwrap();
        assert!(!socket.multicast_loop_v4().unwrap());
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 1);
        socket.set_multicast_ttl_v4(5).unwrap();
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 5);
        assert!(socket.take_error().unwrap().is_none());
        if let Ok(socket) = UdpSocket::bind("[::1]:0") {
            assert!(socket.multicast_loop_v6().unwrap());
            socket.set_multicast_loop_v6(false).unwrap();
            assert!(!socket.multicast_loop_v6().unwrap());
        }
    });
}

#[test]
fn groups_are_joined_and_left() {
    everywhere(|_| {
        let group = Ipv4Addr::new(239, 255, 77, 1);
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        // Through the loopback interface, so that nothing leaves the machine. Not every machine
        // can.
        if socket
            .join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
            .is_ok()
        {
            let error = socket
                .join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse);
            let (sender, _) = bound();
            socket2::SockRef::from(&sender)
                .set_multicast_if_v4(&Ipv4Addr::LOCALHOST)
                .unwrap();
            if sender.send_to(b"to all", (group, port)).is_ok() {
                socket
                    .set_read_timeout(Some(Duration::from_secs(10)))
                    .unwrap();
                assert_eq!(socket.recv(&mut [0; 16]).unwrap(), 6);
            }
            socket
                .leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
                .unwrap();
        }
        let error = socket
            .leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        let error = socket
            .join_multicast_v4(&Ipv4Addr::LOCALHOST, &Ipv4Addr::LOCALHOST)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        if let Ok(socket) = UdpSocket::bind("[::]:0") {
            let group: Ipv6Addr = "ff02::77".parse().unwrap();
            if socket.join_multicast_v6(&group, 1).is_ok() {
                socket.leave_multicast_v6(&group, 1).unwrap();
            }
            assert!(socket.leave_multicast_v6(&group, 1).is_err());
        }
    });
}

#[test]
fn sockets_go_to_std_and_come_back() {
    everywhere(|place| {
        let (socket, address) = bound();
        socket.set_read_timeout(Some(LONG)).unwrap();
        let text = format!("{socket:?}");
        let number = socket.as_raw_fd();
        let socket = std::net::UdpSocket::try_from(socket).unwrap();
        assert_eq!(format!("{socket:?}"), text);
        assert_eq!(socket.as_raw_fd(), number);
        assert_eq!(socket.read_timeout().unwrap(), Some(LONG));
        // Its calls wait again.
        let receiving = std::thread::spawn(move || {
            assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 1);
            socket
        });
        bound().0.send_to(b"x", address).unwrap();
        may_tests::eventually("std's has received", || receiving.is_finished());
        let socket = UdpSocket::try_from(receiving.join().unwrap()).unwrap();
        assert_eq!(socket.read_timeout().unwrap(), Some(LONG));
        // So does that there is no longer one.
        socket.set_read_timeout(None).unwrap();
        let socket = std::net::UdpSocket::try_from(socket).unwrap();
        assert_eq!(socket.read_timeout().unwrap(), None);
        let socket = UdpSocket::try_from(socket).unwrap();
        // SAFETY: the number was given away in the same line.
        let owned = unsafe { OwnedFd::from_raw_fd(socket.into_raw_fd()) };
        let socket = UdpSocket::from(owned);
        let clone = socket.try_clone().unwrap();
        // One that has clones is duplicated, and they go on to block the coroutine only.
        let duplicate = std::net::UdpSocket::try_from(clone).unwrap();
        assert_ne!(duplicate.as_raw_fd(), socket.as_raw_fd());
        let receiving = place.start(move || socket.recv(&mut [0; 8]).unwrap());
        place.start(coroutine::yield_now).join();
        bound().0.send_to(b"x", address).unwrap();
        assert_eq!(receiving.join(), 1);
    });
}

#[test]
fn arms_of_a_select() {
    everywhere(|_| {
        let (one, other) = pair();
        const SOON: Duration = SHORT;
        // What the other side has done is there when the poll has said so, however long that takes.
        let mut buffer = [0; 8];
        assert!(arm_within(SOON, readable(&one)).is_none());
        assert!(arm_within(SOON, read(&one, &mut buffer)).is_none());
        assert!(arm_within(HANG_AFTER, writable(&one)).is_some());
        let event = arm_within(HANG_AFTER, write(&other, b"word")).unwrap();
        assert_eq!(event.unwrap(), 4);
        assert!(arm_within(HANG_AFTER, readable(&one)).is_some());
        let event = arm_within(HANG_AFTER, read(&one, &mut buffer)).unwrap();
        assert_eq!(event.unwrap(), 4);
        // An empty datagram is one, too.
        let event = arm_within(HANG_AFTER, write(&other, b"")).unwrap();
        assert_eq!(event.unwrap(), 0);
        let event = arm_within(HANG_AFTER, read(&one, &mut buffer)).unwrap();
        assert_eq!(event.unwrap(), 0);
    });
}
