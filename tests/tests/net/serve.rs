//! `net::serve`: its limits, how it ends, and what is left then.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use may::coroutine::{self, Builder};
use may::net::{Counters, Limits, Report, Session, TcpListener, TcpStream, serve};
use may::sync::{CancelToken, SyncFlag};
use may::{select, time};
use may_tests::net::listener;
use may_tests::{OnDrop, Place, Started, assert_cancelled, eventually, everywhere, on_workers};

/// Longer than any test.
const DAYS: Duration = Duration::from_secs(30 * 24 * 3600);

/// A server that runs beside a test.
struct Running {
    address: SocketAddr,
    shutdown: CancelToken,
    counters: Counters,
    server: Started<io::Result<Report>>,
}

impl Running {
    /// Starts one.
    fn start(
        place: &Place,
        limits: Limits,
        handler: impl Fn(TcpStream, &Session) + Send + Sync + 'static,
    ) -> Running {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let (shutdown, counters) = (CancelToken::new(), Counters::new());
        let limits = limits.until(&shutdown).counters(&counters);
        let server = place.start(move || {
            serve(listener, limits, |(stream, _), session| {
                handler(stream, session)
            })
        });
        Running {
            address,
            shutdown,
            counters,
            server,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    /// Waits until so many connections are open.
    #[track_caller]
    fn await_open(&self, open: u64) {
        eventually("so many are open", || self.counters.report().open == open);
    }

    /// Ends it.
    fn stop(self) -> Report {
        self.shutdown.cancel();
        self.server.join().unwrap()
    }
}

/// Echoes until the end, or until the server is to end and nothing is to be echoed.
fn echo(mut stream: TcpStream, session: &Session) {
    let mut buffer = [0; 512];
    loop {
        select! {
            biased;
            result = readable(stream) => if result.is_err() { return },
            wait(session.stopping()) => return,
        }
        match stream.read(&mut buffer) {
            Ok(count @ 1..) if stream.write_all(&buffer[..count]).is_ok() => {}
            _ => return,
        }
    }
}

/// Sends a byte and reads it back.
fn round_trip(stream: &mut TcpStream) {
    stream.write_all(b"?").unwrap();
    stream.read_exact(&mut [0]).unwrap();
}

/// Whether the other side has closed the connection, which it does or has done.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// Closes a connection so that the other side is told of an error.
fn reset(stream: TcpStream) {
    let socket = socket2::SockRef::from(&stream);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}

#[test]
fn connections_are_served_until_the_token_is_cancelled() {
    everywhere(|place| {
        let running = Running::start(place, Limits::new(), echo);
        let address = running.address;
        let mut clients: Vec<_> = (0..10).map(|_| running.connect()).collect();
        for _ in 0..3 {
            clients.iter_mut().for_each(round_trip);
        }
        assert_eq!(running.counters.report().open, 10);
        drop(clients.drain(..4));
        running.await_open(6);
        let report = running.stop();
        assert_eq!(
            (report.accepted, report.open, report.completed),
            (10, 0, 10),
            "{report:?}"
        );
        assert!(clients.iter_mut().all(is_closed));
        // The listener was the server's, and is gone.
        let error = TcpStream::connect(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_token_that_was_cancelled_before_ends_it_at_once() {
    everywhere(|_| {
        let token = CancelToken::new();
        token.cancel();
        let report = serve(
            listener(),
            Limits::new().until(&token),
            |(stream, _), session| {
                echo(stream, session);
            },
        )
        .unwrap();
        assert_eq!(report, Report::default());
    });
}

#[test]
fn the_handler_and_the_listener_may_be_borrowed() {
    everywhere(|place| {
        let (listener, token) = (listener(), CancelToken::new());
        let address = listener.local_addr().unwrap();
        let shutdown = token.clone();
        let client = place.start(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            shutdown.cancel();
            text
        });
        let names = Mutex::new(Vec::new());
        let limits = Limits::new()
            .until(&token)
            .builder(Builder::new().name("guest".to_owned()));
        serve(&listener, limits, |(mut stream, peer), _| {
            let name = coroutine::current().name().map(str::to_owned);
            names.lock().unwrap().push(name);
            write!(stream, "{peer}").unwrap();
            assert_eq!(peer, stream.peer_addr().unwrap());
        })
        .unwrap();
        assert!(client.join().starts_with("127.0.0.1:"));
        assert_eq!(*names.lock().unwrap(), [Some("guest".to_owned())]);
        // It is still there, for the next server.
        TcpStream::connect(address).unwrap();
    });
}

#[test]
fn no_more_connections_are_accepted_than_are_allowed() {
    everywhere(|place| {
        let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, noted) = (open.clone(), most.clone());
        let running = Running::start(
            place,
            Limits::new().connections(3),
            move |stream, session| {
                let now = counted.fetch_add(1, SeqCst) + 1;
                noted.fetch_max(now, SeqCst);
                echo(stream, session);
                counted.fetch_sub(1, SeqCst);
            },
        );
        let mut clients: Vec<_> = (0..12).map(|_| running.connect()).collect();
        // All are connected, as far as they know; and all get served, each when another has gone.
        for mut client in clients.drain(..) {
            round_trip(&mut client);
        }
        let report = running.stop();
        assert_eq!((report.accepted, report.completed), (12, 12), "{report:?}");
        assert_eq!((open.load(SeqCst), most.load(SeqCst)), (0, 3));
    });
}

#[test]
fn connections_beyond_the_limit_of_their_origin_are_closed_at_once() {
    everywhere(|place| {
        let running = Running::start(place, Limits::new().connections_per_origin(2), echo);
        let mut clients = [running.connect(), running.connect()];
        clients.iter_mut().for_each(round_trip);
        for _ in 0..5 {
            assert!(is_closed(&mut running.connect()));
        }
        let [first, mut second] = clients;
        drop(first);
        running.await_open(1);
        round_trip(&mut running.connect());
        round_trip(&mut second);
        let report = running.stop();
        assert_eq!(
            (report.accepted, report.refused, report.completed),
            (8, 5, 3),
            "{report:?}"
        );
    });
}

#[test]
fn a_panic_ends_its_connection_only_and_is_counted() {
    everywhere(|place| {
        let running = Running::start(place, Limits::new(), |mut stream, session| {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            match byte[0] {
                b'!' => std::panic::resume_unwind(Box::new("a panic of a handler")),
                // The payload is dropped by its last owner; that must not bring the server down.
                b'*' => std::panic::resume_unwind(Box::new(OnDrop(|| {
                    std::panic::resume_unwind(Box::new("a panic of a payload"));
                }))),
                _ => {
                    stream.write_all(&byte).unwrap();
                    echo(stream, session);
                }
            }
        });
        let mut good = running.connect();
        round_trip(&mut good);
        for byte in [b"!", b"*", b"!"] {
            let mut bad = running.connect();
            bad.write_all(byte).unwrap();
            assert!(is_closed(&mut bad));
        }
        round_trip(&mut good);
        let report = running.stop();
        assert_eq!(
            (report.accepted, report.panicked, report.completed),
            (4, 3, 1),
            "{report:?}"
        );
    });
}

#[test]
fn a_connection_ends_when_its_lifetime_is_over() {
    everywhere(|place| {
        let limits = Limits::new().lifetime(Duration::from_millis(20));
        let unwound = Arc::new(AtomicUsize::new(0));
        let counted = unwound.clone();
        let running = Running::start(place, limits, move |mut stream, _| {
            let _unwound = OnDrop(|| {
                counted.fetch_add(1, SeqCst);
            });
            // However eagerly the other side sends: each read succeeds in time.
            while let Ok(1..) = stream.read(&mut [0]) {
                let _ = stream.write_all(b".");
            }
        });
        let mut idle = running.connect();
        let mut busy = running.connect();
        while busy.write_all(b"?").is_ok() && matches!(busy.read(&mut [0]), Ok(1..)) {}
        assert!(is_closed(&mut idle));
        let mut brief = running.connect();
        brief.shutdown(Shutdown::Write).unwrap();
        assert!(is_closed(&mut brief));
        let report = running.stop();
        assert_eq!(
            (report.accepted, report.expired, report.completed),
            (3, 2, 1),
            "{report:?}"
        );
        assert_eq!(unwound.load(SeqCst), 3);
    });
}

#[test]
fn those_that_are_open_go_on_when_it_ends_and_the_idle_leave() {
    everywhere(|place| {
        let begun = Arc::new(AtomicUsize::new(0));
        let begins = begun.clone();
        let limits = Limits::new().grace(DAYS);
        let running = Running::start(place, limits, move |mut stream, session| {
            // A request has two bytes.
            loop {
                select! {
                    result = readable(stream) => result.unwrap(),
                    wait(session.stopping()) => return,
                }
                begins.fetch_add(1, SeqCst);
                let mut request = [0; 2];
                if stream.read_exact(&mut request).is_err() {
                    return;
                }
                stream.write_all(&request).unwrap();
                if session.is_stopping() {
                    return;
                }
            }
        });
        let (mut idle, mut half) = (running.connect(), running.connect());
        for client in [&mut idle, &mut half] {
            client.write_all(b"12").unwrap();
            client.read_exact(&mut [0; 2]).unwrap();
        }
        half.write_all(b"3").unwrap();
        eventually("it has begun to read", || begun.load(SeqCst) == 3);
        running.shutdown.cancel();
        assert!(is_closed(&mut idle));
        running.await_open(1);
        half.write_all(b"4").unwrap();
        let mut answer = [0; 2];
        half.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"34");
        let report = running.stop();
        assert_eq!((report.accepted, report.completed), (2, 2), "{report:?}");
    });
}

#[test]
fn those_that_are_open_when_the_grace_is_over_are_cancelled() {
    everywhere(|place| {
        let unwound = Arc::new(AtomicUsize::new(0));
        let counted = unwound.clone();
        let limits = Limits::new().grace(Duration::from_millis(5));
        let running = Running::start(place, limits, move |mut stream, _| {
            let _unwound = OnDrop(|| {
                counted.fetch_add(1, SeqCst);
            });
            stream.write_all(b".").unwrap();
            let _ = stream.read(&mut [0]);
            // A handler that catches it is told again.
        });
        let mut clients: Vec<_> = (0..5).map(|_| running.connect()).collect();
        for client in &mut clients {
            client.read_exact(&mut [0]).unwrap();
        }
        let report = running.stop();
        assert_eq!((report.accepted, report.cancelled), (5, 5), "{report:?}");
        assert_eq!(unwound.load(SeqCst), 5);
        assert!(clients.iter_mut().all(is_closed));
    });
}

#[test]
fn a_caller_who_is_cancelled_takes_all_with_him() {
    on_workers(2, || {
        let started = Arc::new(AtomicUsize::new(0));
        let ended = Arc::new(AtomicUsize::new(0));
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let (starts, ends) = (started.clone(), ended.clone());
        let server = coroutine::spawn(move || {
            serve(listener, Limits::new().grace(DAYS), |(mut stream, _), _| {
                starts.fetch_add(1, SeqCst);
                let _ended = OnDrop(|| {
                    ends.fetch_add(1, SeqCst);
                });
                let _ = stream.read(&mut [0]);
            })
        });
        let mut clients: Vec<_> = (0..20)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        eventually("all are served", || started.load(SeqCst) == 20);
        server.cancel();
        assert_cancelled(server.join());
        assert_eq!(ended.load(SeqCst), 20);
        assert!(clients.iter_mut().all(is_closed));
    });
}

#[test]
fn a_limit_around_it_takes_all_with_it() {
    everywhere(|place| {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let client = place.start(move || is_closed(&mut TcpStream::connect(address).unwrap()));
        let begun = SyncFlag::new();
        let result = time::timeout(Duration::from_millis(20), || {
            serve(listener, Limits::new(), |(mut stream, _), _| {
                begun.fire();
                let _ = stream.read(&mut [0]);
            })
        });
        assert!(result.is_err());
        assert!(client.join());
    });
}

#[test]
fn a_listener_that_fails_ends_it_in_good_order() {
    everywhere(|place| {
        let listener = listener();
        let begun = Arc::new(SyncFlag::new());
        let begins = begun.clone();
        let failing = listener.try_clone().unwrap();
        let address = listener.local_addr().unwrap();
        let server = place.start(move || {
            serve(listener, Limits::new().grace(DAYS), |(mut stream, _), _| {
                begins.fire();
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                stream.write_all(&byte).unwrap();
            })
        });
        let mut client = TcpStream::connect(address).unwrap();
        begun.wait();
        // The socket listens no longer.
        socket2::SockRef::from(&failing)
            .shutdown(Shutdown::Both)
            .unwrap();
        // Those that were there are served.
        coroutine::sleep(Duration::from_millis(2));
        round_trip(&mut client);
        let error = server.join().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    });
}

#[test]
fn a_listener_in_non_blocking_mode_is_served_all_the_same() {
    everywhere(|place| {
        let listener = listener();
        listener.set_nonblocking(true).unwrap();
        let (address, token) = (listener.local_addr().unwrap(), CancelToken::new());
        let shutdown = token.clone();
        let client = place.start(move || {
            round_trip(&mut TcpStream::connect(address).unwrap());
            shutdown.cancel();
        });
        let limits = Limits::new().until(&token);
        serve(&listener, limits, |(stream, _), session| {
            echo(stream, session)
        })
        .unwrap();
        client.join();
    });
}

#[test]
fn a_server_with_no_listener_waits_to_be_ended() {
    everywhere(|place| {
        let token = CancelToken::new();
        let shutdown = token.clone();
        let ends = place.start(move || shutdown.cancel());
        let none: Option<TcpListener> = None;
        let report = serve(none, Limits::new().until(&token), |_, _| ()).unwrap();
        assert_eq!(report.accepted, 0);
        ends.join();
    });
}

#[test]
fn connections_have_more_than_one_worker() {
    on_workers(3, || {
        let threads = Arc::new(Mutex::new(std::collections::HashSet::new()));
        let seen = threads.clone();
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let token = CancelToken::new();
        let limits = Limits::new().until(&token);
        let server = coroutine::spawn(move || {
            serve(listener, limits, |(stream, _), session| {
                seen.lock().unwrap().insert(std::thread::current().id());
                echo(stream, session);
            })
        });
        let mut clients: Vec<_> = (0..30)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        clients.iter_mut().for_each(round_trip);
        assert_eq!(threads.lock().unwrap().len(), 3);
        token.cancel();
        server.join().unwrap().unwrap();
    });
}

#[test]
#[should_panic(expected = "room for one connection")]
fn there_is_room_for_one_at_least() {
    let _ = Limits::new().connections(0);
}

#[test]
fn clients_that_reset_at_any_byte_hurt_nobody() {
    const REQUEST: usize = 64;
    everywhere(|place| {
        let running = Running::start(place, Limits::new(), |mut stream, _| {
            stream.set_nodelay(true).unwrap();
            let mut request = [0; REQUEST];
            while stream.read_exact(&mut request).is_ok() {
                for byte in request.chunks(7) {
                    if stream.write_all(byte).is_err() {
                        return;
                    }
                }
            }
        });
        let mut steady = running.connect();
        for bytes in 0..=REQUEST {
            let mut client = running.connect();
            client.write_all(&[b'.'; REQUEST][..bytes]).unwrap();
            if bytes % 2 == 0 {
                // Some get as far as to be read.
                coroutine::yield_now();
            }
            reset(client);
            // And some while the answer comes.
            let mut client = running.connect();
            client.write_all(&[b'.'; REQUEST]).unwrap();
            client.read_exact(&mut vec![0; bytes]).unwrap();
            reset(client);
            steady.write_all(&[b'.'; REQUEST]).unwrap();
            steady.read_exact(&mut [0; REQUEST]).unwrap();
        }
        running.await_open(1);
        drop(steady);
        let report = running.stop();
        assert_eq!(report.panicked, 0, "{report:?}");
        assert_eq!(report.completed, report.accepted, "{report:?}");
    });
}

#[test]
fn unix_sockets_are_served_and_have_no_origin() {
    use may::os::unix::net::{UnixListener, UnixStream};

    everywhere(|place| {
        let name = format!("may-serve-{}-{:?}", std::process::id(), place.kind());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let token = CancelToken::new();
        let (to, shutdown) = (path.clone(), token.clone());
        let clients = place.start(move || {
            let mut clients: Vec<_> = (0..3).map(|_| UnixStream::connect(&to).unwrap()).collect();
            for client in &mut clients {
                client.write_all(b"?").unwrap();
                client.read_exact(&mut [0]).unwrap();
            }
            shutdown.cancel();
        });
        let limits = Limits::new().connections_per_origin(1).until(&token);
        let report = serve(listener, limits, |(mut stream, _), _| {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            stream.write_all(&byte).unwrap();
        });
        assert_eq!(report.unwrap().completed, 3);
        clients.join();
        std::fs::remove_file(&path).unwrap();
    });
}
