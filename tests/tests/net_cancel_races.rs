//! Cancelling one of several who wait at a socket, in every call, while what they wait for happens: nobody else loses a wake-up,
//! and the socket goes on. (That a call that was cancelled has done nothing is shown by `net_cancel.rs`.)
//!
//! `MAY_ROUNDS` sets how often each race is run.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use may::coroutine::{self, JoinHandle, spawn};
use may::net::{TcpListener, TcpStream};
use may_tests::net::{fill, listener, pair};
use may_tests::{Random, assert_cancelled, end, eventually, on_workers, runtime, watchdog_for};

/// How many races of each kind.
fn rounds() -> u64 {
    std::env::var("MAY_ROUNDS").map_or(1_000, |rounds| rounds.parse().expect("a number"))
}

/// A call that waits, and what ends its wait.
#[derive(Clone)]
struct Scene {
    /// Makes sure that the call will wait; called while nobody does.
    prepare: Arc<dyn Fn() + Send + Sync>,
    /// Waits.
    wait: Arc<dyn Fn() + Send + Sync>,
    /// Ends the wait of one caller, or of several.
    ready: Arc<dyn Fn() + Send + Sync>,
}

impl Scene {
    fn new(
        prepare: impl Fn() + Send + Sync + 'static,
        wait: impl Fn() + Send + Sync + 'static,
        ready: impl Fn() + Send + Sync + 'static,
    ) -> Scene {
        Scene {
            prepare: Arc::new(prepare),
            wait: Arc::new(wait),
            ready: Arc::new(ready),
        }
    }

    /// Takes a connection; each ends one wait.
    fn accept() -> Scene {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        Scene::new(
            || {},
            move || drop(listener.accept().unwrap()),
            move || drop(std::net::TcpStream::connect(address).unwrap()),
        )
    }

    /// Reads a byte; each ends one wait.
    fn read() -> Scene {
        let (client, server) = pair();
        Scene::new(
            || {},
            move || assert_eq!((&server).read(&mut [0]).unwrap(), 1),
            move || (&client).write_all(b"x").unwrap(),
        )
    }

    /// Looks at a byte, which ends all waits, and is taken away before the next round.
    fn peek() -> Scene {
        let (client, server) = pair();
        let reader = server.clone();
        Scene::new(
            move || {
                reader.set_nonblocking(true).unwrap();
                while (&reader).read(&mut [0; 64]).is_ok() {}
                reader.set_nonblocking(false).unwrap();
            },
            move || assert!(server.peek(&mut [0; 64]).unwrap() > 0),
            move || (&client).write_all(b"x").unwrap(),
        )
    }

    /// Writes a byte where there is no room; reading all makes room for everybody.
    fn write() -> Scene {
        let (client, server) = pair();
        server.set_nonblocking(true).unwrap();
        let (writer, watched) = (client.clone(), client.clone());
        let make_room = move || loop {
            while (&server).read(&mut [0; 1 << 16]).is_ok() {}
            // What is under way may fill the socket once more.
            if is_writable(&watched) {
                break;
            }
            coroutine::yield_now();
        };
        Scene::new(
            move || {
                fill(&client).unwrap();
            },
            move || assert_eq!((&writer).write(b"x").unwrap(), 1),
            make_room,
        )
    }

    /// Connects; nothing needs to happen for it.
    fn connect() -> Scene {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let accept = move || while listener.accept().is_ok() {};
        Scene::new(
            accept,
            move || drop(TcpStream::connect(address).unwrap()),
            || {},
        )
    }
}

/// Whether the system says that there is room.
fn is_writable(stream: &TcpStream) -> bool {
    use std::os::fd::AsRawFd;

    let mut descriptor = libc::pollfd {
        fd: stream.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: (docs/safety.md, system calls) the structure lives across the call, and there is one.
    unsafe { libc::poll(&raw mut descriptor, 1, 0) == 1 }
}

/// Starts a waiter and returns when it has started; with one worker it waits then.
fn start_waiting(scene: &Scene) -> JoinHandle<()> {
    let started = Arc::new(AtomicBool::new(false));
    let (scene, says) = (scene.clone(), started.clone());
    let waiter = spawn(move || {
        says.store(true, SeqCst);
        (scene.wait)();
    });
    eventually("the waiter has started", || started.load(SeqCst));
    waiter
}

/// Cancels waiters that nothing else would wake, and then uses the socket.
fn cancel_while_waiting(scene: fn() -> Scene) {
    for workers in [1, 3] {
        on_workers(workers, || {
            let scene = scene();
            for _ in 0..20 {
                (scene.prepare)();
                let waiters = [(); 4].map(|()| start_waiting(&scene));
                for waiter in &waiters {
                    waiter.cancel();
                }
                for waiter in waiters {
                    assert_cancelled(waiter.join());
                }
                // Whoever comes next waits as ever.
                let next = start_waiting(&scene);
                (scene.ready)();
                next.join().unwrap();
            }
        });
    }
}

/// Cancels waiters while what they wait for happens. There are bystanders at the same socket, one of them a thread, who are not
/// cancelled: there is always one event for each, so each has to come to its end.
fn cancel_racing(scene: fn() -> Scene, seed: u64) {
    const VICTIMS: usize = 2;
    const BYSTANDERS: usize = 2;
    for workers in [1, 2] {
        let _watchdog = watchdog_for(Duration::from_secs(30 + rounds() / 20));
        let runtime = runtime(workers);
        let (taken, cancelled) = runtime.run(|| {
            let mut random = Random::new(seed);
            let scene = scene();
            let (mut taken, mut cancelled) = (0, 0);
            for round in 0..rounds() {
                (scene.prepare)();
                let mut victims = Vec::new();
                let mut bystanders = Vec::new();
                // Who stands first in the queue differs.
                for place in 0..VICTIMS + BYSTANDERS {
                    let scene = scene.clone();
                    let waiter = spawn(move || (scene.wait)());
                    if (place as u64 + round).is_multiple_of(2) {
                        victims.push(waiter);
                    } else {
                        bystanders.push(waiter);
                    }
                }
                let thread = round.is_multiple_of(8).then(|| {
                    let scene = scene.clone();
                    std::thread::spawn(move || (scene.wait)())
                });
                let events = BYSTANDERS + usize::from(thread.is_some());
                // Some rounds find them waiting, some on the way there.
                for _ in 0..random.below(4) {
                    coroutine::yield_now();
                }
                let ready = scene.ready.clone();
                let happens = spawn(move || (0..events).for_each(|_| ready()));
                for victim in &victims {
                    match random.below(3) {
                        0 => coroutine::sleep(Duration::from_micros(random.below(60))),
                        1 => (0..random.below(2_000)).for_each(|_| std::hint::spin_loop()),
                        _ => {}
                    }
                    victim.cancel();
                }
                happens.join().unwrap();
                for victim in victims {
                    match victim.join() {
                        // It has taken what was meant for a bystander.
                        Ok(()) => {
                            taken += 1;
                            (scene.ready)();
                        }
                        Err(error) => {
                            cancelled += 1;
                            assert!(error.is::<coroutine::Cancelled>());
                        }
                    }
                }
                for bystander in bystanders {
                    bystander.join().unwrap();
                }
                if let Some(thread) = thread {
                    // Joining would block this worker, whose poll it may be that wakes the thread.
                    eventually("the thread has ended", || thread.is_finished());
                    thread.join().unwrap();
                }
            }
            (taken, cancelled)
        });
        end(runtime);
        println!("{workers} workers: {taken} came before their cancellation, {cancelled} did not");
    }
}

#[test]
fn whoever_waits_to_accept_is_cancelled() {
    cancel_while_waiting(Scene::accept);
}

#[test]
fn whoever_waits_to_read_is_cancelled() {
    cancel_while_waiting(Scene::read);
}

#[test]
fn whoever_waits_to_peek_is_cancelled() {
    cancel_while_waiting(Scene::peek);
}

#[test]
fn whoever_waits_to_write_is_cancelled() {
    cancel_while_waiting(Scene::write);
}

#[test]
fn an_accept_races_with_cancellation() {
    cancel_racing(Scene::accept, 1);
}

#[test]
fn a_read_races_with_cancellation() {
    cancel_racing(Scene::read, 2);
}

#[test]
fn a_peek_races_with_cancellation() {
    cancel_racing(Scene::peek, 4);
}

#[test]
fn a_write_races_with_cancellation() {
    cancel_racing(Scene::write, 5);
}

#[test]
fn a_connect_races_with_cancellation() {
    cancel_racing(Scene::connect, 6);
}

/// The descriptor of a cancelled wait is closed with its last handle, also if that is dropped by the unwinding.
#[test]
fn a_cancelled_owner_closes_the_connection() {
    for workers in [1, 3] {
        on_workers(workers, || {
            for _ in 0..100 {
                let (mut client, mut server) = pair();
                let owner = spawn(move || server.read(&mut [0]));
                coroutine::yield_now();
                owner.cancel();
                assert_cancelled(owner.join());
                assert_eq!(client.read(&mut [0]).unwrap(), 0);
            }
        });
    }
}

/// A cancelled acceptor's backlog is served by the next one.
#[test]
fn connections_outlive_their_acceptor() {
    on_workers(2, || {
        let listener: TcpListener = listener();
        let address = listener.local_addr().unwrap();
        for _ in 0..50 {
            let clone = listener.try_clone().unwrap();
            let acceptor = spawn(move || drop(clone.accept()));
            acceptor.cancel();
            let mut client = TcpStream::connect(address).unwrap();
            if acceptor.join().is_err() {
                let (mut server, _) = listener.accept().unwrap();
                server.write_all(b"x").unwrap();
                client.read_exact(&mut [0]).unwrap();
            }
        }
    });
}
