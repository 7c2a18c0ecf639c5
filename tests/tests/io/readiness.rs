//! Waiting for the readiness of a stream of ours by its own methods.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use may::coroutine::{self, Cancelled};
use may::io::{self, CoIo};
use may::net::{TcpListener, TcpStream, UdpSocket};
use may::os::unix::net::{UnixDatagram, UnixStream};
use may_tests::everywhere;

#[test]
fn a_stream_waits_until_there_is_something_to_read() {
    everywhere(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = coroutine::spawn(move || {
            listener.wait_readable().unwrap();
            let (mut stream, _) = listener.accept().unwrap();
            let mut byte = [0];
            while stream.read(&mut byte).unwrap() == 1 {
                stream.write_all(&byte).unwrap();
            }
        });
        let mut stream = TcpStream::connect(address).unwrap();
        // A library that reads by itself makes it fail rather than wait.
        stream.set_nonblocking(true).unwrap();
        for round in 0..100 {
            stream.wait_writable().unwrap();
            stream.write_all(&[round]).unwrap();
            stream.wait_readable().unwrap();
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [round]);
        }
        drop(stream);
        peer.join().unwrap();
    });
}

#[test]
fn the_timeout_of_a_direction_holds() {
    everywhere(|_| {
        let (stream, mut peer) = UnixStream::pair().unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(1)))
            .unwrap();
        let error = stream.wait_readable().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        stream.wait_writable().unwrap();
        peer.write_all(b"x").unwrap();
        stream.wait_readable().unwrap();
        // Nothing was taken.
        assert_eq!((&stream).read(&mut [0; 8]).unwrap(), 1);
    });
}

#[test]
fn the_end_of_a_stream_is_something_to_read() {
    everywhere(|_| {
        let (stream, peer) = UnixStream::pair().unwrap();
        let waiting = coroutine::spawn(move || {
            stream.wait_readable().unwrap();
            (&stream).read(&mut [0; 8])
        });
        drop(peer);
        assert_eq!(waiting.join().unwrap().unwrap(), 0);
    });
}

#[test]
fn several_wait_for_one_direction() {
    everywhere(|_| {
        let (stream, mut peer) = UnixStream::pair().unwrap();
        coroutine::scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|| stream.wait_readable().unwrap());
            }
            peer.write_all(b"x").unwrap();
        });
    });
}

#[test]
fn datagrams_pipes_and_what_is_wrapped_do_so_too() {
    everywhere(|_| {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = udp.local_addr().unwrap();
        let waiting = coroutine::spawn(move || udp.wait_readable());
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.wait_writable().unwrap();
        sender.send_to(b"x", address).unwrap();
        waiting.join().unwrap().unwrap();

        let (one, other) = UnixDatagram::pair().unwrap();
        let waiting = coroutine::spawn(move || one.wait_readable());
        other.send(b"x").unwrap();
        waiting.join().unwrap().unwrap();

        let (reader, mut writer) = io::pipe().unwrap();
        let waiting = coroutine::spawn(move || reader.wait_readable());
        writer.wait_writable().unwrap();
        writer.write_all(b"x").unwrap();
        waiting.join().unwrap().unwrap();

        let (reader, writer) = std::io::pipe().unwrap();
        let reader = CoIo::new(reader).unwrap();
        let waiting = coroutine::spawn(move || reader.wait_readable());
        drop(writer);
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn a_cancelled_coroutine_unwinds() {
    everywhere(|_| {
        let (stream, _peer) = UnixStream::pair().unwrap();
        let waiting = coroutine::spawn(move || stream.wait_readable());
        coroutine::yield_now();
        waiting.cancel();
        assert!(waiting.join().unwrap_err().is::<Cancelled>());
    });
}
