//! The examples by which `select!` was designed, as programs would have them. (The first, second,
//! third and sixth, which need channels only, are among the tests of the grammar in `grammar.rs`:
//! two sources and an idle timer, a bounded relay, a probe, an optional deadline.)

use std::io::{self, Read, Write};
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::channel::{self, Receiver};
use may::coroutine::{self, JoinHandle, spawn};
use may::net::{TcpListener, TcpStream};
use may::op::{self, Operation, Signal};
use may::op::{Select, SelectTimeoutError};
use may::select;
use may::sync::{Arc, CancelToken, Semaphore, SemaphorePermit};
use may::time::{Interval, interval};
use may_tests::{eventually, everywhere, on_workers};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3_000);

#[may::coroutine(stack = "64k", name = "echo")]
fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}

/// 4. Shutdown first, always.
#[test]
fn a_server_that_can_be_stopped() {
    fn accept_until(listener: &TcpListener, stop: &CancelToken) -> io::Result<u32> {
        let mut served = 0;
        loop {
            select! {
                biased;
                cancelled(stop) => break,
                conn = accept(listener) => drop(serve(conn?.0).spawn()),
            }
            served += 1;
        }
        Ok(served)
    }
    everywhere(|place| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancelToken::new();
        let for_server = stop.clone();
        let server = place.start(move || accept_until(&listener, &for_server));
        for text in ["one", "two", "three"] {
            let mut client = TcpStream::connect(address).unwrap();
            client.write_all(text.as_bytes()).unwrap();
            let mut buffer = vec![0; text.len()];
            client.read_exact(&mut buffer).unwrap();
            assert_eq!(buffer, text.as_bytes());
        }
        stop.cancel();
        assert_eq!(server.join().unwrap(), 3);
    });
}

/// 5. The same as plain Rust, so that rustfmt formats it and rustc checks that it is exhaustive.
#[test]
fn a_protocol_with_a_control_channel() {
    #[derive(Debug)]
    enum Control {
        Reload,
        Stop,
    }
    use Control::{Reload, Stop};

    #[derive(Debug, Default, PartialEq)]
    struct Session {
        reloads: u32,
        fed: Vec<u8>,
        idle: bool,
        warned: bool,
    }

    impl Session {
        /// Does one thing; false if it was the last one.
        fn step(&mut self, control: &Receiver<Control>, socket: &TcpStream) -> bool {
            let mut buf = [0; 16];
            select!(
                biased,
                match recv(control) {
                    Ok(Reload) => self.reloads += 1,
                    Ok(Stop) | Err(_) => return false,
                },
                match read(socket, &mut buf) {
                    Ok(0) => return false,
                    Ok(n) => self.fed.extend_from_slice(&buf[..n]),
                    Err(_) => {
                        self.warned = true;
                        return false;
                    }
                },
                match default {
                    () => self.idle = true,
                },
            );
            true
        }
    }
    everywhere(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        let (to_control, control) = channel::unbounded();
        let mut session = Session::default();
        assert!(session.step(&control, &socket));
        to_control.send(Reload).unwrap();
        assert!(session.step(&control, &socket));
        client.write_all(b"abc").unwrap();
        while session.fed.len() < 3 {
            select! { ready = readable(socket) => ready.unwrap(), after(LONG) => unreachable!() }
            assert!(session.step(&control, &socket));
        }
        to_control.send(Stop).unwrap();
        assert!(!session.step(&control, &socket));
        drop(client);
        select! { ready = readable(socket) => ready.unwrap(), after(LONG) => unreachable!() }
        assert!(!session.step(&control, &socket));
        let expected = Session {
            reloads: 1,
            fed: b"abc".to_vec(),
            idle: true,
            warned: false,
        };
        assert_eq!(session, expected);
    });
}

/// 7. Two blocking calls race. Each has its own coroutine; the slower is unwound before the body
///    runs.
#[test]
fn two_resolvers_race() {
    #[derive(Debug, PartialEq)]
    struct Unreachable;

    fn resolve(after: Duration, answer: Option<u32>) -> Result<u32, Unreachable> {
        coroutine::sleep(after);
        answer.ok_or(Unreachable)
    }
    fn first(primary: Duration, backup: Duration, limit: Duration) -> Result<u32, Unreachable> {
        let addr = select! {
            a = run(resolve(primary, Some(1))) => a?,
            b = run(resolve(backup, Some(2))) => b?,
            after(limit) => return Err(Unreachable),
        };
        Ok(addr)
    }
    on_workers(2, || {
        let soon = Duration::from_millis(1);
        assert_eq!(first(soon, LONG, LONG), Ok(1));
        assert_eq!(first(LONG, soon, LONG), Ok(2));
        assert_eq!(first(LONG, LONG, soon), Err(Unreachable));
        let failed = || -> Result<u32, Unreachable> {
            Ok(select! { a = run(resolve(soon, None)) => a?, after(LONG) => 0 })
        };
        assert_eq!(failed(), Err(Unreachable));
    });
}

/// 8. A join, a semaphore and a heartbeat.
#[test]
fn a_supervisor() {
    #[derive(Default)]
    struct Supervisor<'a> {
        started: Vec<SemaphorePermit<'a>>,
        beats: Vec<Instant>,
        /// How many of either the worker has heard of.
        seen: Arc<[AtomicUsize; 2]>,
    }

    impl<'a> Supervisor<'a> {
        fn watch(
            &mut self,
            worker: &mut JoinHandle<u32>,
            slots: &'a Semaphore,
            heartbeat: &mut Interval,
        ) -> coroutine::Result<u32> {
            loop {
                self.seen[0].store(self.started.len(), SeqCst);
                self.seen[1].store(self.beats.len(), SeqCst);
                select! {
                    res = join(*worker) => return res,
                    permit = acquire(slots) => self.started.push(permit),
                    now = tick(*heartbeat) => self.beats.push(now),
                }
            }
        }
    }
    everywhere(|_| {
        let (slots, mut heartbeat) = (Semaphore::new(2), interval(Duration::from_millis(1)));
        let mut supervisor = Supervisor::default();
        let seen = supervisor.seen.clone();
        let mut worker = spawn(move || {
            eventually("both have started and the heart has beaten", || {
                seen[0].load(SeqCst) == 2 && seen[1].load(SeqCst) > 1
            });
            7
        });
        let result = supervisor.watch(&mut worker, &slots, &mut heartbeat);
        assert_eq!(result.unwrap(), 7);
        assert_eq!(
            (supervisor.started.len(), slots.available_permits()),
            (2, 0)
        );
        assert!(supervisor.beats.len() > 1 && supervisor.beats.is_sorted());
    });
}

/// 9. An event of one's own, and an arm that exists only in some builds.
#[test]
fn a_decoder() {
    struct Decoder {
        bytes: StdMutex<Vec<u8>>,
        more: Arc<Signal>,
    }

    impl Decoder {
        fn feed(&self, bytes: &[u8]) {
            self.bytes.lock().unwrap().extend_from_slice(bytes);
            self.more.notify();
        }

        /// The next frame of two bytes.
        fn next_frame(&self) -> impl Operation<Output = Vec<u8>> {
            op::when(&self.more, || {
                let mut bytes = self.bytes.lock().unwrap();
                (bytes.len() >= 2).then(|| bytes.drain(..2).collect())
            })
        }
    }
    everywhere(|place| {
        let decoder = Arc::new(Decoder {
            bytes: StdMutex::default(),
            more: Signal::new(),
        });
        let for_feeder = decoder.clone();
        let feeder =
            place.start(move || b"frames".chunks(1).for_each(|byte| for_feeder.feed(byte)));
        let mut frames = Vec::new();
        while frames.len() < 3 {
            select! {
                frame = on(decoder.next_frame()) => frames.push(frame),
                #[cfg(any())]
                cmd = recv(admin) => apply(cmd?),
            }
        }
        feeder.join();
        assert_eq!(frames.concat(), b"frames");
    });
}

/// 10. A set that is known only at run time: no macro, the same engine.
#[test]
fn a_set_of_receivers() {
    fn first(receivers: &[Receiver<u32>], t: Instant) -> Result<(usize, u32), SelectTimeoutError> {
        let mut set = Select::new();
        for receiver in receivers {
            set.recv(receiver, |number| number.expect("its sender is there"));
        }
        let selected = set.wait_deadline(t)?;
        Ok((selected.index, selected.value))
    }
    everywhere(|place| {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..10).map(|_| channel::bounded(0)).unzip();
        assert_eq!(first(&receivers, Instant::now()), Err(SelectTimeoutError));
        let sender = senders[7].clone();
        let sending = place.start(move || sender.send(70));
        assert_eq!(first(&receivers, Instant::now() + LONG), Ok((7, 70)));
        sending.join().unwrap();
    });
}
