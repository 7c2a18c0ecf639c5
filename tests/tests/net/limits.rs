//! No descriptors left, busy workers, sockets opened and closed in a storm.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use may::coroutine::{self, Builder, Placement};
use may::net::{TcpListener, TcpStream};
use may_tests::net::listener;
use may_tests::{alone, eventually, on_workers, watchdog_for};

/// Echoes until the end.
fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 512];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

/// Echoes every connection, until cancelled.
fn serve(listener: &TcpListener) {
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        coroutine::spawn(move || echo(stream));
    }
}

/// Sends a byte and reads it back.
fn round_trip(stream: &mut TcpStream) {
    stream.write_all(b"?").unwrap();
    stream.read_exact(&mut [0]).unwrap();
}

/// Allows the process `more` descriptors beyond the highest that it has.
fn leave_descriptors(more: u64) {
    let highest = TcpListener::bind("127.0.0.1:0").unwrap().as_raw_fd() as u64;
    let limit = libc::rlimit {
        rlim_cur: highest + more,
        rlim_max: 4096,
    };
    // SAFETY: the structure lives across the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}

#[test]
fn connections_beyond_the_descriptor_limit_wait_and_those_open_go_on() {
    alone(|| {
        on_workers(2, || {
            let listener = Arc::new(listener());
            let address = listener.local_addr().unwrap();
            let mut clients: Vec<_> = (0..30)
                .map(|_| TcpStream::connect(address).unwrap())
                .collect();
            leave_descriptors(10);
            let accepting = listener.clone();
            let server = coroutine::spawn(move || serve(&accepting));
            for client in &mut clients[..10] {
                round_trip(client);
            }
            // The others have no descriptor to be accepted with; those that are open do not notice.
            for client in &clients[10..] {
                (&*client).write_all(b"?").unwrap();
                client.set_nonblocking(true).unwrap();
            }
            for _ in 0..50 {
                for client in &mut clients[..10] {
                    round_trip(client);
                }
                let mut byte = [0];
                let error = (&clients[10]).read(&mut byte).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                coroutine::sleep(Duration::from_micros(500));
            }
            assert!(!server.is_finished());
            // Room for others comes when these close.
            while !clients.is_empty() {
                drop(clients.drain(..10));
                for client in clients.iter().take(10) {
                    client.set_nonblocking(false).unwrap();
                    (&*client).read_exact(&mut [0]).unwrap();
                }
            }
            server.cancel();
            may_tests::assert_cancelled(server.join());
        });
    });
}

#[test]
fn a_non_blocking_accept_says_that_there_are_no_descriptors() {
    alone(|| {
        let listener = listener();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.set_nonblocking(true).unwrap();
        leave_descriptors(0);
        let error = listener.accept().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        // Connecting says it, too.
        assert!(TcpStream::connect(listener.local_addr().unwrap()).is_err());
    });
}

#[test]
fn sockets_at_the_standard_descriptors_keep_their_mode() {
    use std::os::fd::{AsFd, FromRawFd, IntoRawFd};

    alone(|| {
        on_workers(1, || {
            let place = |descriptor: i32| {
                // SAFETY: the numbers are plain; whatever input the test had is not used.
                assert_eq!(unsafe { libc::dup2(descriptor, 0) }, 0);
            };
            let is_nonblocking = || {
                // SAFETY: as above.
                (unsafe { libc::fcntl(0, libc::F_GETFL) }) & libc::O_NONBLOCK != 0
            };
            // A listener in blocking mode, as a super-server passes it.
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            place(listener.as_fd().as_raw_fd());
            drop(listener);
            // SAFETY: descriptor 0 is ours from here on.
            let listener = unsafe { TcpListener::from_raw_fd(0) };
            let client = coroutine::spawn(move || TcpStream::connect(address).unwrap());
            let (_, peer) = listener.accept().unwrap();
            assert!(!is_nonblocking());
            assert_eq!(peer, client.join().unwrap().local_addr().unwrap());
            let _ = listener.into_raw_fd();

            // A connection in blocking mode.
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            place(listener.accept().unwrap().0.as_raw_fd());
            // SAFETY: as above.
            let mut stream = unsafe { TcpStream::from_raw_fd(0) };
            let mut peer = TcpStream::try_from(peer).unwrap();
            let writer = coroutine::spawn(move || {
                peer.write_all(b"x").unwrap();
                peer
            });
            stream.read_exact(&mut [0]).unwrap();
            assert!(!is_nonblocking());
            // Far more than there is room for: the writer must let the reader run, on the same
            // worker.
            let mut peer = writer.join().unwrap();
            let reader = coroutine::spawn(move || {
                let mut data = vec![0; 32 << 20];
                peer.read_exact(&mut data).unwrap();
            });
            stream.write_all(&vec![0; 32 << 20]).unwrap();
            reader.join().unwrap();
            let _ = stream.into_raw_fd();
        });
    });
}

#[test]
fn workers_that_only_yield_do_not_stop_sockets() {
    alone(|| {
        on_workers(2, || {
            let stop = Arc::new(AtomicBool::new(false));
            let spinners: Vec<_> = (0..2)
                .map(|worker| {
                    let stop = stop.clone();
                    let spin = move || {
                        while !stop.load(Ordering::Relaxed) {
                            coroutine::yield_now();
                        }
                    };
                    Builder::new()
                        .placement(Placement::Worker(worker))
                        .spawn(spin)
                        .unwrap()
                })
                .collect();
            let listener = Arc::new(listener());
            let address = listener.local_addr().unwrap();
            let accepting = listener.clone();
            let server = coroutine::spawn(move || serve(&accepting));
            let mut stream = TcpStream::connect(address).unwrap();
            let mut times: Vec<_> = (0..2000)
                .map(|_| {
                    let begun = Instant::now();
                    round_trip(&mut stream);
                    begun.elapsed()
                })
                .collect();
            times.sort();
            let (median, late) = (times[1000], times[1980]);
            eprintln!("round trips beside busy workers: median {median:?}, 99 of 100 {late:?}");
            assert!(
                late < Duration::from_millis(50),
                "99 of 100 took up to {late:?}"
            );
            stop.store(true, Ordering::Relaxed);
            for spinner in spinners {
                spinner.join().unwrap();
            }
            server.cancel();
            may_tests::assert_cancelled(server.join());
        });
    });
}

/// Sockets are opened and closed by all at once, so that numbers of descriptors are used again all
/// the time. No read may get stuck. `MAY_STORM_SECONDS` makes it last.
#[test]
fn a_storm_of_opening_and_closing() {
    let seconds = std::env::var("MAY_STORM_SECONDS")
        .ok()
        .and_then(|value| value.parse().ok());
    let lasts = Duration::from_secs(seconds.unwrap_or(1));
    alone(|| {
        let _watchdog = watchdog_for(lasts + Duration::from_secs(60));
        let runtime = may_tests::runtime(3);
        let listener = Arc::new(listener());
        let address = listener.local_addr().unwrap();
        let accepting = listener.clone();
        let server = runtime.spawn(move || serve(&accepting));
        let done = Arc::new(AtomicUsize::new(0));
        let end = Instant::now() + lasts;
        let client = move |number: usize, done: Arc<AtomicUsize>| {
            while Instant::now() < end {
                let mut stream = match TcpStream::connect(address) {
                    Ok(stream) => stream,
                    // Out of ports: those that were closed are kept for a minute.
                    Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
                        coroutine::sleep(Duration::from_millis(50));
                        continue;
                    }
                    Err(error) => panic!("{error}"),
                };
                // Closing with a reset keeps the ports free.
                socket2::SockRef::from(&stream)
                    .set_linger(Some(Duration::ZERO))
                    .unwrap();
                stream
                    .set_read_timeout(Some(Duration::from_secs(20)))
                    .unwrap();
                for _ in 0..number % 4 {
                    round_trip(&mut stream);
                }
                if number.is_multiple_of(3) {
                    // Goes while it is waited for.
                    let mut clone = stream.try_clone().unwrap();
                    let reader = coroutine::spawn(move || clone.read(&mut [0]).unwrap_or(0));
                    stream.shutdown(may::net::Shutdown::Both).unwrap();
                    assert_eq!(reader.join().unwrap(), 0);
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
        };
        let tasks: Vec<_> = (0..24)
            .map(|number| {
                let done = done.clone();
                runtime.spawn(move || client(number, done))
            })
            .collect();
        let threads: Vec<_> = (0..3)
            .map(|number| {
                let done = done.clone();
                std::thread::spawn(move || client(number, done))
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        server.cancel();
        may_tests::assert_cancelled(server.join());
        eventually("connections end", || Arc::strong_count(&listener) == 1);
        may_tests::end(runtime);
        println!("{done:?} connections in {lasts:?}");
    });
}
