//! The published `may` 0.3 with its defaults, which pin its workers to CPUs.
//!
//! It has no bounded channel: ping-pong uses its unbounded one, which never makes a sender wait.
//! For each number of senders and receivers it has a channel of its own.

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

use may03::{
    coroutine::{self, JoinHandle},
    go,
    net::{TcpListener, TcpStream},
    sync::{Condvar, Mutex, RwLock, Semphore, mpmc, mpsc, spsc},
};

use super::ECHO_BUFFER;
use crate::{
    case::FIB_CUTOFF,
    peer::{Crowd, Flow, Locked, Parked, Peer, Start, fib_in_place},
    system::Memory,
};

/// Its global scheduler.
struct May03;

/// Configures it.
pub(super) fn start(workers: usize) -> Box<dyn Peer> {
    may03::config().set_workers(workers);
    Box::new(May03)
}

/// Runs `body` as a coroutine and waits for it.
fn run<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    go!(body).join().unwrap()
}

impl Peer for May03 {
    fn spawn_join(&self, total: u64, batch: u64) -> Option<Duration> {
        Some(run(move || {
            let begin = Instant::now();
            let mut handles = Vec::with_capacity(batch as usize);
            for _ in 0..total / batch {
                handles.extend((0..batch).map(|number| go!(move || number)));
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
                    go!(move || {
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
            let handles: Vec<_> = (0..tasks).map(|_| go!(yielding)).collect();
            handles
                .into_iter()
                .for_each(|handle| handle.join().unwrap());
            begin.elapsed()
        }))
    }

    fn ping_pong(&self, pairs: u64, each: u64, start: Start) -> Option<Duration> {
        let play = move || {
            let begin = Instant::now();
            let handles: Vec<_> = (0..pairs).flat_map(|_| pair(each)).collect();
            handles
                .into_iter()
                .for_each(|handle| handle.join().unwrap());
            begin.elapsed()
        };
        match start {
            Start::Coroutine => Some(run(play)),
            Start::Thread => Some(play()),
            Start::Apart => None,
        }
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
                    go!(move || {
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

    fn transfer(&self, transfer: Flow) -> Option<Duration> {
        Some(run(move || match (transfer.senders, transfer.receivers) {
            (1, 1) => {
                let (sender, receiver) = spsc::channel();
                flow(
                    transfer,
                    (vec![sender], vec![receiver]),
                    |sender, number| sender.send(number).unwrap(),
                    |receiver| receiver.recv().ok(),
                )
            }
            (senders, 1) => {
                let (sender, receiver) = mpsc::channel();
                flow(
                    transfer,
                    (vec![sender; senders], vec![receiver]),
                    |sender, number| sender.send(number).unwrap(),
                    |receiver| receiver.recv().ok(),
                )
            }
            (senders, receivers) => {
                let (sender, receiver) = mpmc::channel();
                flow(
                    transfer,
                    (vec![sender; senders], vec![receiver; receivers]),
                    |sender, number| sender.send(number).unwrap(),
                    |receiver| receiver.recv().ok(),
                )
            }
        }))
    }

    fn select_ready(&self, messages: u64) -> Option<Duration> {
        Some(run(move || {
            let (to, from) = mpmc::channel::<u64>();
            let (_open, empty) = mpmc::channel::<u64>();
            (0..messages).for_each(|number| to.send(number).unwrap());
            let begin = Instant::now();
            for _ in 0..messages {
                may03::select! {
                    number = from.recv() => { black_box(number.unwrap()); },
                    number = empty.recv() => { black_box(number.unwrap()); }
                };
            }
            begin.elapsed()
        }))
    }

    fn select_waiting(&self, rounds: u64) -> Option<Duration> {
        Some(run(move || {
            let begin = Instant::now();
            join_all(select_by_turns(rounds));
            begin.elapsed()
        }))
    }

    fn locking(&self, crowd: Crowd) -> Option<Duration> {
        let each = crowd.each();
        let pause = move || {
            if crowd.yields {
                coroutine::yield_now();
            }
        };
        Some(run(move || {
            let begin = Instant::now();
            let handles = match crowd.lock {
                Locked::Mutex => {
                    let lock = Arc::new(Mutex::new(0_u64));
                    let write = move || {
                        for _ in 0..each {
                            let mut value = lock.lock().unwrap();
                            *value += 1;
                            pause();
                        }
                    };
                    start_many(crowd.writers, write)
                }
                Locked::RwLock => {
                    let lock = Arc::new(RwLock::new(0_u64));
                    let other = Arc::clone(&lock);
                    let read = move || {
                        for _ in 0..each {
                            let value = lock.read().unwrap();
                            black_box(*value);
                            pause();
                        }
                    };
                    let write = move || {
                        for _ in 0..each {
                            let mut value = other.write().unwrap();
                            *value += 1;
                            pause();
                        }
                    };
                    let mut handles = start_many(crowd.readers, read);
                    handles.extend(start_many(crowd.writers, write));
                    handles
                }
                Locked::Semaphore => {
                    let semaphore = Arc::new(Semphore::new(1));
                    let write = move || {
                        for _ in 0..each {
                            semaphore.wait();
                            pause();
                            semaphore.post();
                        }
                    };
                    start_many(crowd.writers, write)
                }
            };
            join_all(handles);
            begin.elapsed()
        }))
    }

    fn condvar(&self, rounds: u64) -> Option<Duration> {
        Some(run(move || {
            let begin = Instant::now();
            let shared = Arc::new((Mutex::new(false), Condvar::new()));
            let sides = [false, true].map(|own| {
                let shared = Arc::clone(&shared);
                spawn(move || {
                    let (turn, changed) = &*shared;
                    for _ in 0..rounds {
                        let mut turn = turn.lock().unwrap();
                        while *turn != own {
                            turn = changed.wait(turn).unwrap();
                        }
                        *turn = !own;
                        changed.notify_one();
                    }
                })
            });
            join_all(sides);
            begin.elapsed()
        }))
    }

    fn echo(&self) -> Option<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        go!(move || {
            for stream in listener.incoming() {
                go!(move || echo(stream.unwrap()));
            }
        });
        Some(addr)
    }
}

/// Starts the two sides of one pair.
fn pair(each: u64) -> [JoinHandle<()>; 2] {
    let (ping, pinged) = mpsc::channel();
    let (pong, ponged) = mpsc::channel();
    let first = go!(move || {
        for number in 0..each {
            ping.send(number).unwrap();
            black_box(ponged.recv().unwrap());
        }
    });
    let second = go!(move || {
        for _ in 0..each {
            pong.send(pinged.recv().unwrap()).unwrap();
        }
    });
    [first, second]
}

/// Lets all `senders` send and all `receivers` receive what comes, and waits until they are done.
fn flow<S: Send + 'static, R: Send + 'static>(
    flow: Flow,
    (senders, receivers): (Vec<S>, Vec<R>),
    send: impl Fn(&S, u64) + Copy + Send + 'static,
    receive: impl Fn(&R) -> Option<u64> + Copy + Send + 'static,
) -> Duration {
    let begin = Instant::now();
    let each = flow.each();
    let receivers = receivers.into_iter().map(|receiver| {
        spawn(move || {
            while let Some(number) = receive(&receiver) {
                black_box(number);
            }
        })
    });
    let senders = senders.into_iter().map(|sender| {
        spawn(move || {
            (0..each).for_each(|number| send(&sender, number));
        })
    });
    let handles: Vec<_> = receivers.chain(senders).collect();
    join_all(handles);
    begin.elapsed()
}

/// Starts so many that do the same.
fn start_many(count: u64, body: impl Fn() + Clone + Send + 'static) -> Vec<JoinHandle<()>> {
    (0..count).map(|_| spawn(body.clone())).collect()
}

/// Waits until all have ended.
fn join_all(handles: impl IntoIterator<Item = JoinHandle<()>>) {
    handles
        .into_iter()
        .for_each(|handle| handle.join().unwrap());
}

/// Starts one; a function, since the macro is one only in name.
fn spawn(body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    go!(body)
}

/// Starts one branch, runs the other, joins.
fn fib(n: u64) -> u64 {
    if n < FIB_CUTOFF {
        return fib_in_place(n);
    }
    let other = go!(move || fib(n - 1));
    let this = fib(n - 2);
    this + other.join().unwrap()
}

/// Runs both branches with `join!`, which returns nothing, so they write their results.
fn fib_join(n: u64) -> u64 {
    if n < FIB_CUTOFF {
        return fib_in_place(n);
    }
    let (mut other, mut this) = (0, 0);
    may03::join!(other = fib_join(n - 1), this = fib_join(n - 2));
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
        go!(move || skynet(first, part))
    });
    parts.into_iter().map(|part| part.join().unwrap()).sum()
}

/// Serves one connection.
fn echo(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = [0; ECHO_BUFFER];
    while let Ok(length) = stream.read(&mut buffer) {
        if length == 0 || stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// Starts the two sides of one pair that wait by select.
fn select_by_turns(rounds: u64) -> [JoinHandle<()>; 2] {
    let [ping, pong] = [(); 2].map(|()| [(); 2].map(|()| mpmc::channel::<u64>()));
    let ([(ping0, pinged0), (ping1, pinged1)], [(pong0, ponged0), (pong1, ponged1)]) = (ping, pong);
    // Both ends of the way back stay until the end: one that is gone would be ready, too.
    let open = [pong0.clone(), pong1.clone()];
    let first = spawn(move || {
        for number in 0..rounds {
            let ping = if number % 2 == 0 { &ping0 } else { &ping1 };
            ping.send(number).unwrap();
            may03::select! {
                number = ponged0.recv() => { black_box(number.unwrap()); },
                number = ponged1.recv() => { black_box(number.unwrap()); }
            };
        }
        drop(open);
    });
    let second = spawn(move || {
        for number in 0..rounds {
            may03::select! {
                number = pinged0.recv() => { black_box(number.unwrap()); },
                number = pinged1.recv() => { black_box(number.unwrap()); }
            };
            let pong = if number % 2 == 0 { &pong0 } else { &pong1 };
            pong.send(number).unwrap();
        }
    });
    [first, second]
}
