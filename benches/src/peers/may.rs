//! May itself, on its default runtime.

use std::{
    hint::black_box,
    io::{Read, Write},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use may::{
    channel,
    coroutine::{self, Builder, JoinHandle, Placement},
    net::{TcpListener, TcpStream},
};

use super::ECHO_BUFFER;
use crate::{
    case::FIB_CUTOFF,
    peer::{Parked, Peer, Start, fib_in_place},
    system::Memory,
};

/// The default runtime.
struct May;

/// Configures it.
pub(super) fn start(workers: usize) -> Box<dyn Peer> {
    may::config()
        .workers(workers)
        .expect("nothing has been started yet");
    Box::new(May)
}

/// Runs `body` as a coroutine and waits for it.
fn run<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    coroutine::spawn(body).join().unwrap()
}

impl Peer for May {
    fn spawn_join(&self, total: u64, batch: u64) -> Option<Duration> {
        Some(run(move || {
            let begin = Instant::now();
            let mut handles = Vec::with_capacity(batch as usize);
            for _ in 0..total / batch {
                handles.extend((0..batch).map(|number| coroutine::spawn(move || number)));
                for handle in handles.drain(..) {
                    black_box(handle.join().unwrap());
                }
            }
            begin.elapsed()
        }))
    }

    fn spawn_detached(&self, total: u64, batch: u64) -> Option<Duration> {
        Some(run(move || {
            let begin = Instant::now();
            let left = Arc::new(AtomicU64::new(0));
            for _ in 0..total / batch {
                left.store(batch, Ordering::Relaxed);
                let starter = Arc::new(coroutine::current());
                for _ in 0..batch {
                    let (left, starter) = (Arc::clone(&left), Arc::clone(&starter));
                    coroutine::spawn(move || {
                        if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                            starter.unpark();
                        }
                    });
                }
                while left.load(Ordering::Acquire) > 0 {
                    coroutine::park();
                }
            }
            begin.elapsed()
        }))
    }

    fn yield_now(&self, tasks: u64, each: u64) -> Option<Duration> {
        Some(run(move || {
            let begin = Instant::now();
            let yielding = move || (0..each).for_each(|_| coroutine::yield_now());
            let handles: Vec<_> = (0..tasks).map(|_| coroutine::spawn(yielding)).collect();
            handles
                .into_iter()
                .for_each(|handle| handle.join().unwrap());
            begin.elapsed()
        }))
    }

    fn ping_pong(&self, pairs: u64, each: u64, start: Start) -> Option<Duration> {
        let play = move || {
            let begin = Instant::now();
            let handles: Vec<_> = (0..pairs).flat_map(|_| pair(each, start)).collect();
            handles
                .into_iter()
                .for_each(|handle| handle.join().unwrap());
            begin.elapsed()
        };
        Some(if start == Start::Thread {
            play()
        } else {
            run(play)
        })
    }

    fn fib(&self, n: u64) -> Option<(u64, Duration)> {
        Some(run(move || {
            let begin = Instant::now();
            (fib(n), begin.elapsed())
        }))
    }

    fn fib_join(&self, n: u64) -> Option<(u64, Duration)> {
        Some(run(move || {
            let begin = Instant::now();
            (fib_join(n), begin.elapsed())
        }))
    }

    fn skynet(&self, leaves: u64) -> Option<(u64, Duration)> {
        Some(run(move || {
            let begin = Instant::now();
            (skynet(0, leaves), begin.elapsed())
        }))
    }

    fn parked(&self, count: u64) -> Option<Parked> {
        Some(run(move || {
            let missing = Arc::new(AtomicU64::new(count));
            let starter = Arc::new(coroutine::current());
            let released = Arc::new(AtomicBool::new(false));
            let before = Memory::now();
            let begin = Instant::now();
            let handles: Vec<_> = (0..count)
                .map(|_| {
                    let missing = Arc::clone(&missing);
                    let starter = Arc::clone(&starter);
                    let released = Arc::clone(&released);
                    coroutine::spawn(move || {
                        if missing.fetch_sub(1, Ordering::AcqRel) == 1 {
                            starter.unpark();
                        }
                        while !released.load(Ordering::Acquire) {
                            coroutine::park();
                        }
                    })
                })
                .collect();
            while missing.load(Ordering::Acquire) > 0 {
                coroutine::park();
            }
            let create = begin.elapsed();
            let parked = Memory::now();

            let begin = Instant::now();
            released.store(true, Ordering::Release);
            handles
                .iter()
                .for_each(|handle| handle.coroutine().unpark());
            handles
                .into_iter()
                .for_each(|handle| handle.join().unwrap());
            let wake = begin.elapsed();
            Parked {
                create,
                wake,
                before,
                parked,
                after: Memory::now(),
            }
        }))
    }

    fn echo(&self) -> Option<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        coroutine::spawn(move || {
            for stream in listener.incoming() {
                coroutine::spawn(move || echo(&stream.unwrap()));
            }
        });
        Some(addr)
    }
}

/// Starts the two sides of one pair.
fn pair(each: u64, start: Start) -> [JoinHandle<()>; 2] {
    let (ping, pinged) = channel::bounded(1);
    let (pong, ponged) = channel::bounded(1);
    let first = move || {
        for number in 0..each {
            ping.send(number).unwrap();
            black_box(ponged.recv().unwrap());
        }
    };
    let second = move || {
        for _ in 0..each {
            pong.send(pinged.recv().unwrap()).unwrap();
        }
    };
    if start == Start::Apart {
        let at = |worker| Builder::new().placement(Placement::Worker(worker));
        [at(0).spawn(first).unwrap(), at(1).spawn(second).unwrap()]
    } else {
        [coroutine::spawn(first), coroutine::spawn(second)]
    }
}

/// Starts one branch, runs the other, joins.
fn fib(n: u64) -> u64 {
    if n < FIB_CUTOFF {
        return fib_in_place(n);
    }
    let other = coroutine::spawn(move || fib(n - 1));
    let this = fib(n - 2);
    this + other.join().unwrap()
}

/// Runs both branches with `join!`.
fn fib_join(n: u64) -> u64 {
    if n < FIB_CUTOFF {
        return fib_in_place(n);
    }
    let (other, this) = may::join!(fib_join(n - 1), fib_join(n - 2));
    this + other
}

/// Sums up `size` numbers from `first`.
fn skynet(first: u64, size: u64) -> u64 {
    if size == 1 {
        return first;
    }
    let part = size / 10;
    let parts: [_; 10] = std::array::from_fn(|index| {
        let first = first + index as u64 * part;
        coroutine::spawn(move || skynet(first, part))
    });
    parts.into_iter().map(|part| part.join().unwrap()).sum()
}

/// Serves one connection.
fn echo(mut stream: &TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = [0; ECHO_BUFFER];
    while let Ok(length) = stream.read(&mut buffer) {
        if length == 0 || stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}
