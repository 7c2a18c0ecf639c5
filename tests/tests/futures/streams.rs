//! Streams and datagrams that futures poll: real readiness, beside others who read and write in the
//! ordinary way.

use std::future::poll_fn;
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;

use may::channel;
use may::coroutine::yield_now;
use may::future::{self, block_on};
use may::io::CoIo;
use may::net::{TcpListener, TcpStream, UdpSocket};
use may::os::unix::net::UnixDatagram;
use may_tests::executor::{ByHand, Executor};
use may_tests::net::Temporary;
use may_tests::{everywhere, on_workers, spawn_waiting, watchdog};

/// Two ends of a connection.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Reads until the end.
async fn read_all(stream: &TcpStream) -> io::Result<Vec<u8>> {
    let (mut all, mut buffer) = (Vec::new(), [0; 777]);
    loop {
        match poll_fn(|context| stream.poll_read(context, &mut buffer)).await? {
            0 => return Ok(all),
            length => all.extend_from_slice(&buffer[..length]),
        }
    }
}

/// Writes everything.
async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        let slices = [IoSlice::new(first), IoSlice::new(rest)];
        let written = poll_fn(|context| stream.poll_write_vectored(context, &slices)).await?;
        bytes = &bytes[written..];
    }
    Ok(())
}

/// As for other futures (`future.rs`).
#[test]
fn a_poll_does_not_suspend() {
    on_workers(1, || {
        let (stream, _other) = connection();
        let (lock, done) = (Arc::new(Mutex::new(())), Arc::new(AtomicBool::new(false)));
        let (its_lock, its_done) = (lock.clone(), done.clone());
        let other = spawn_waiting(move || {
            while !its_done.load(SeqCst) {
                assert!(its_lock.try_lock().is_ok(), "suspended inside a poll");
                yield_now();
            }
        });
        let mut polls = 0;
        block_on(poll_fn(|context| {
            let _held = lock.lock().unwrap();
            while polls < 2_000 {
                ready!(stream.poll_writable(context)).unwrap();
                polls += 1;
            }
            Poll::Ready(())
        }));
        done.store(true, SeqCst);
        other.join().unwrap();
    });
}

/// Many bytes.
fn much() -> Vec<u8> {
    (0..3_000_000u32).map(|i| (i % 251) as u8).collect()
}

#[test]
fn bytes_go_both_ways_at_once() {
    everywhere(|place| {
        let executor = Executor::new(2);
        let (client, server) = connection();
        let (client, server) = (Arc::new(client), Arc::new(server));
        // One end in a foreign executor, a future in each direction.
        let there = {
            let (reads, writes) = (client.clone(), client.clone());
            (
                executor.spawn(async move { read_all(&reads).await }),
                executor.spawn(async move {
                    write_all(&writes, &much()).await?;
                    writes.shutdown(Shutdown::Write)
                }),
            )
        };
        // The other one in the ordinary way in one direction, and by a future in the other.
        let for_helper = server.clone();
        let helper = place.start(move || {
            (&*for_helper).write_all(&much()).unwrap();
            for_helper.shutdown(Shutdown::Write).unwrap();
        });
        assert_eq!(block_on(read_all(&server)).unwrap(), much());
        helper.join();
        there.1.join().unwrap();
        assert_eq!(there.0.join().unwrap(), much());
    });
}

#[test]
fn both_directions_in_one_future() {
    everywhere(|place| {
        let (client, server) = connection();
        let echo = place.start(move || {
            let mut buffer = [0; 4096];
            loop {
                match (&server).read(&mut buffer).unwrap() {
                    0 => return,
                    length => (&server).write_all(&buffer[..length]).unwrap(),
                }
            }
        });
        let much = much();
        let received = block_on(async {
            let mut writes = pin!(async {
                write_all(&client, &much).await.unwrap();
                client.shutdown(Shutdown::Write).unwrap();
            });
            let mut reads = pin!(read_all(&client));
            let mut written = false;
            poll_fn(|context| {
                written = written || writes.as_mut().poll(context).is_ready();
                reads.as_mut().poll(context)
            })
            .await
        });
        assert_eq!(received.unwrap(), much);
        echo.join();
    });
}

#[test]
fn a_poll_wakes_once_it_is_ready() {
    everywhere(|_| {
        let (client, server) = connection();
        let mut buffer = [0; 8];
        let reads = ByHand::waiting(poll_fn(|context| server.poll_read(context, &mut buffer)));
        (&client).write_all(b"hello").unwrap();
        may_tests::eventually("it is woken", || reads.wakes() > 0);
        assert_eq!(reads.woken().unwrap(), 5);
        // Readiness alone moves nothing.
        let readable = ByHand::waiting(poll_fn(|context| server.poll_readable(context)));
        (&client).write_all(b"again").unwrap();
        may_tests::eventually("it is woken", || readable.wakes() > 0);
        readable.woken().unwrap();
        block_on(poll_fn(|context| server.poll_readable(context))).unwrap();
        assert_eq!((&server).read(&mut buffer).unwrap(), 5);
        block_on(poll_fn(|context| server.poll_writable(context))).unwrap();
        // The end is ready, too.
        let readable = ByHand::waiting(poll_fn(|context| server.poll_readable(context)));
        drop(client);
        may_tests::eventually("it is woken", || readable.wakes() > 0);
        readable.woken().unwrap();
        assert_eq!((&server).read(&mut buffer).unwrap(), 0);
    });
}

#[test]
fn the_last_poll_counts() {
    everywhere(|_| {
        let (client, server) = connection();
        let mut buffers = [[0; 8]; 2];
        let [first, second] = &mut buffers;
        let first = ByHand::waiting(poll_fn(|context| server.poll_read(context, first)));
        let second = ByHand::waiting(poll_fn(|context| server.poll_read(context, second)));
        (&client).write_all(b"hello").unwrap();
        may_tests::eventually("it is woken", || second.wakes() > 0);
        assert_eq!(first.wakes(), 0);
        assert_eq!(second.woken().unwrap(), 5);
    });
}

#[test]
fn a_poll_that_has_gone_harms_nobody() {
    everywhere(|place| {
        let (client, server) = connection();
        let server = Arc::new(server);
        for round in 0..100 {
            let mut buffer = [0; 1];
            let poll = ByHand::waiting(poll_fn(|context| server.poll_read(context, &mut buffer)));
            let for_helper = server.clone();
            let reads = place.start(move || {
                let mut buffer = [0; 1];
                (&*for_helper).read_exact(&mut buffer).unwrap();
                buffer[0]
            });
            match round % 2 {
                0 => drop(poll),
                _ => std::mem::forget(poll),
            }
            (&client).write_all(&[round]).unwrap();
            assert_eq!(reads.join(), round);
        }
    });
}

#[test]
fn a_poll_outlives_the_runtime_on_which_it_began() {
    let (client, server) = connection();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut reads, mut accepts) = (None, None);
    on_workers(2, || {
        let read = poll_fn(|context| server.poll_read(context, &mut [0; 8]));
        reads = Some(ByHand::waiting(read));
        accepts = Some(ByHand::waiting(listener.accept_async()));
    });
    let (mut reads, mut accepts) = (reads.unwrap(), accepts.unwrap());
    // They are woken to register with another worker.
    assert!(reads.wakes() > 0 && accepts.wakes() > 0);
    assert!(reads.poll().is_pending() && accepts.poll().is_pending());
    let wakes = (reads.wakes(), accepts.wakes());
    (&client).write_all(b"hello").unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    may_tests::eventually("they are woken", || {
        reads.wakes() > wakes.0 && accepts.wakes() > wakes.1
    });
    assert_eq!(reads.woken().unwrap(), 5);
    accepts.woken().unwrap();
}

/// As the task of an executor that has ended: it goes with the last of its wakers.
struct Gone<T>(Mutex<Option<T>>);

impl<T: Send> Wake for Gone<T> {
    fn wake(self: Arc<Gone<T>>) {}
}

/// Polls a future that only its own waker owns, and which is dropped by being woken.
fn leave_to_its_waker<F: Future<Output: Send> + Send + 'static>(future: F) {
    let gone = Arc::new(Gone(Mutex::new(Some(Box::pin(future)))));
    let waker = Waker::from(gone.clone());
    let mut future = gone.0.lock().unwrap();
    let poll = future.as_mut().unwrap().as_mut();
    assert!(poll.poll(&mut Context::from_waker(&waker)).is_pending());
}

#[test]
fn to_wake_a_poll_may_close_the_stream() {
    everywhere(|_| {
        let (client, server) = connection();
        leave_to_its_waker(async move {
            poll_fn(|context| server.poll_read(context, &mut [0; 8])).await
        });
        (&client).write_all(b"hello").unwrap();
        // Reset or ended, as the message was not read.
        let read = (&client).read(&mut [0; 8]);
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
        // What waits in a queue, or for a time.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        leave_to_its_waker(async move { listener.accept_async().await.is_ok() });
        let client = TcpStream::connect(address);
        let read = client.and_then(|client| (&client).read(&mut [0; 8]));
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
        let (to, from) = channel::bounded::<()>(0);
        leave_to_its_waker(async move {
            let _to = to;
            future::sleep(Duration::from_micros(100)).await;
        });
        assert!(from.recv().is_err());
    });
}

#[test]
fn ping_pong_between_futures_and_coroutines() {
    everywhere(|place| {
        let (client, server) = connection();
        let echo = place.start(move || {
            let mut buffer = [0; 1];
            block_on(async {
                while poll_fn(|context| server.poll_read(context, &mut buffer))
                    .await
                    .unwrap()
                    == 1
                {
                    let written = poll_fn(|context| server.poll_write(context, &buffer)).await;
                    assert_eq!(written.unwrap(), 1);
                }
            });
        });
        for number in 0..500u32 {
            let number = number as u8;
            (&client).write_all(&[number]).unwrap();
            let mut buffer = [0; 1];
            (&client).read_exact(&mut buffer).unwrap();
            assert_eq!(buffer[0], number);
        }
        drop(client);
        echo.join();
    });
}

#[test]
fn other_descriptors() {
    everywhere(|place| {
        let (reader, writer) = io::pipe().unwrap();
        let (reader, writer) = (CoIo::new(reader).unwrap(), CoIo::new(writer).unwrap());
        let helper = place.start(move || {
            block_on(async {
                let bytes = much();
                let mut left = &bytes[..];
                while !left.is_empty() {
                    let written = poll_fn(|context| writer.poll_write(context, left)).await;
                    left = &left[written.unwrap()..];
                }
            });
        });
        let received = block_on(async {
            let (mut all, mut buffer) = (Vec::new(), [0; 777]);
            loop {
                match poll_fn(|context| reader.poll_read(context, &mut buffer))
                    .await
                    .unwrap()
                {
                    0 => return all,
                    length => all.extend_from_slice(&buffer[..length]),
                }
            }
        });
        helper.join();
        assert_eq!(received, much());
    });
}

#[test]
fn nothing_is_to_be_done_at_once() {
    let _watchdog = watchdog();
    let (client, _server) = connection();
    let mut context = Context::from_waker(std::task::Waker::noop());
    let empty = client.poll_read(&mut context, &mut []);
    assert!(matches!(empty, Poll::Ready(Ok(0))));
    let empty = client.poll_write(&mut context, &[]);
    assert!(matches!(empty, Poll::Ready(Ok(0))));
    let empty = client.poll_write_vectored(&mut context, &[IoSlice::new(&[])]);
    assert!(matches!(empty, Poll::Ready(Ok(0))));
}

#[test]
fn datagrams_come_with_their_sender() {
    everywhere(|place| {
        let executor = Executor::new(2);
        let server = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        let address = server.local_addr().unwrap();
        let echo = executor.spawn(async move {
            let mut buffer = [0; 16];
            loop {
                let received = poll_fn(|context| server.poll_recv_from(context, &mut buffer)).await;
                let (length, from) = received.unwrap();
                if length == 0 {
                    return;
                }
                let sent = poll_fn(|context| server.poll_send_to(context, &buffer[..length], from));
                assert_eq!(sent.await.unwrap(), length);
            }
        });
        let helpers: Vec<_> = (0..4u8)
            .map(|number| {
                place.start(move || {
                    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                    socket.connect(address).unwrap();
                    let mut buffer = [0; 16];
                    for round in 0..200 {
                        let datagram = [number, round];
                        // By turns as a future and in the ordinary way.
                        let length = match round % 2 {
                            0 => block_on(async {
                                poll_fn(|context| socket.poll_send(context, &datagram)).await?;
                                poll_fn(|context| socket.poll_recv(context, &mut buffer)).await
                            }),
                            _ => socket
                                .send(&datagram)
                                .and_then(|_| socket.recv(&mut buffer)),
                        };
                        assert_eq!(buffer[..length.unwrap()], datagram);
                    }
                })
            })
            .collect();
        helpers.into_iter().for_each(may_tests::Started::join);
        // An empty datagram is one, too.
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(b"", address).unwrap();
        echo.join();
    });
}

#[test]
fn a_poll_for_a_datagram_wakes_once_it_is_there() {
    everywhere(|_| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let mut buffer = [0; 8];
        for _ in 0..3 {
            let readable = ByHand::waiting(poll_fn(|context| socket.poll_readable(context)));
            sender.send_to(b"first", address).unwrap();
            may_tests::eventually("it is woken", || readable.wakes() > 0);
            readable.woken().unwrap();
            assert_eq!(socket.recv(&mut buffer).unwrap(), 5);
            let receives = ByHand::waiting(poll_fn(|context| {
                socket.poll_recv_from(context, &mut buffer)
            }));
            sender.send_to(b"second", address).unwrap();
            may_tests::eventually("it is woken", || receives.wakes() > 0);
            let from = sender.local_addr().unwrap();
            assert_eq!(receives.woken().unwrap(), (6, from));
        }
        block_on(poll_fn(|context| socket.poll_writable(context))).unwrap();
    });
}

#[test]
fn a_poll_to_send_waits_for_room() {
    /// Lets `one` wait for room at `other`.
    fn check(one: &UnixDatagram, other: &UnixDatagram) {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut sent = 0;
        while let Poll::Ready(result) = one.poll_send(&mut context, b"x") {
            assert_eq!(result.unwrap(), 1);
            sent += 1;
        }
        let writable = ByHand::waiting(poll_fn(|context| one.poll_writable(context)));
        for _ in 0..sent {
            assert_eq!(other.recv(&mut [0; 8]).unwrap(), 1);
        }
        may_tests::eventually("it is woken", || writable.wakes() > 0);
        writable.woken().unwrap();
        assert_eq!(
            block_on(poll_fn(|context| one.poll_send(context, b"more"))).unwrap(),
            4
        );
        let mut buffer = [0; 8];
        let received = block_on(poll_fn(|context| {
            other.poll_recv_from(context, &mut buffer)
        }));
        let (length, from) = received.unwrap();
        assert!(length == 4 && from.is_unnamed());
        // The end of a direction is an empty datagram, for those who wait as well.
        let receives = ByHand::waiting(poll_fn(|context| other.poll_recv(context, &mut buffer)));
        other.shutdown(Shutdown::Read).unwrap();
        may_tests::eventually("it is woken", || receives.wakes() > 0);
        assert_eq!(receives.woken().unwrap(), 0);
    }
    everywhere(|_| {
        // Where our own buffer is what is full, and where it is that of the other one.
        let (one, other) = UnixDatagram::pair().unwrap();
        check(&one, &other);
        let path = Temporary::new();
        let (one, other) = (
            UnixDatagram::unbound().unwrap(),
            UnixDatagram::bind(&path.0).unwrap(),
        );
        one.connect(&path.0).unwrap();
        check(&one, &other);
    });
}

#[test]
fn a_poll_outlives_the_worker_that_watches_for_it() {
    let _watchdog = watchdog();
    let (client, server) = connection();
    let server = &server;
    let mut readable = on_workers(1, || {
        ByHand::waiting(poll_fn(move |context| server.poll_readable(context)))
    });
    assert!(readable.wakes() > 0);
    assert!(readable.poll().is_pending());
    let before = readable.wakes();
    (&client).write_all(b"x").unwrap();
    may_tests::eventually("it is woken", || readable.wakes() > before);
    readable.woken().unwrap();
}
