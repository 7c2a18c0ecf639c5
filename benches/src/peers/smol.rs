//! smol's global executor; its number of threads comes from `SMOL_THREADS`, which the schedule
//! sets.

use std::{
    future::Future,
    hint::black_box,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use smol::{
    Task,
    channel::{self, Receiver, Sender},
    future,
    io::{AsyncReadExt, AsyncWriteExt},
    lock::{Mutex, RwLock, Semaphore},
    net::{TcpListener, TcpStream},
};

use super::ECHO_BUFFER;
use crate::{
    case::FIB_CUTOFF,
    peer::{Crowd, Flow, Locked, Parked, Peer, Start, fib_in_place},
    system::Memory,
};

/// The global executor.
struct Smol;

/// Checks that it will have as many threads as were asked for.
pub(super) fn start(workers: usize) -> Box<dyn Peer> {
    let threads = std::env::var("SMOL_THREADS").ok();
    assert_eq!(
        threads,
        Some(workers.to_string()),
        "SMOL_THREADS must say the number of workers"
    );
    Box::new(Smol)
}

/// Runs `body` as a task, which is on a worker, and waits for it.
fn run<T: Send + 'static>(body: impl Future<Output = T> + Send + 'static) -> T {
    smol::block_on(smol::spawn(body))
}

impl Peer for Smol {
    fn spawn_join(&self, total: u64, batch: u64) -> Option<Duration> {
        Some(run(async move {
            let begin = Instant::now();
            let mut handles = Vec::with_capacity(batch as usize);
            for _ in 0..total / batch {
                handles.extend((0..batch).map(|number| smol::spawn(async move { number })));
                for handle in handles.drain(..) {
                    black_box(handle.await);
                }
            }
            begin.elapsed()
        }))
    }

    fn spawn_detached(&self, total: u64, batch: u64) -> Option<Duration> {
        Some(run(async move {
            let begin = Instant::now();
            let left = Arc::new(AtomicU64::new(0));
            let (ring, done) = channel::bounded(1);
            for _ in 0..total / batch {
                left.store(batch, Ordering::Relaxed);
                let ring = Arc::new(ring.clone());
                for _ in 0..batch {
                    let (left, ring) = (Arc::clone(&left), Arc::clone(&ring));
                    smol::spawn(async move {
                        if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                            ring.try_send(()).unwrap();
                        }
                    })
                    .detach();
                }
                done.recv().await.unwrap();
            }
            begin.elapsed()
        }))
    }

    fn yield_now(&self, tasks: u64, each: u64) -> Option<Duration> {
        Some(run(async move {
            let begin = Instant::now();
            let yielding = move || async move {
                for _ in 0..each {
                    future::yield_now().await;
                }
            };
            let handles: Vec<_> = (0..tasks).map(|_| smol::spawn(yielding())).collect();
            for handle in handles {
                handle.await;
            }
            begin.elapsed()
        }))
    }

    fn ping_pong(&self, pairs: u64, each: u64, start: Start) -> Option<Duration> {
        let play = async move {
            let begin = Instant::now();
            let sides: Vec<_> = (0..pairs)
                .flat_map(|_| {
                    let (first, second) = pair(each);
                    [smol::spawn(first), smol::spawn(second)]
                })
                .collect();
            for side in sides {
                side.await;
            }
            begin.elapsed()
        };
        Some(match start {
            Start::Coroutine => run(play),
            Start::Thread => smol::block_on(play),
            Start::Apart => apart(each),
        })
    }

    fn fib(&self, n: u64) -> Option<(u64, Duration)> {
        Some(run(async move {
            let begin = Instant::now();
            (fib(n).await, begin.elapsed())
        }))
    }

    fn skynet(&self, leaves: u64) -> Option<(u64, Duration)> {
        Some(run(async move {
            let begin = Instant::now();
            (skynet(0, leaves).await, begin.elapsed())
        }))
    }

    fn parked(&self, count: u64) -> Option<Parked> {
        Some(run(async move {
            let missing = Arc::new(AtomicU64::new(count));
            let (ring, all) = channel::bounded(1);
            let ring = Arc::new(ring);
            let before = Memory::now();
            let begin = Instant::now();
            // One channel for each, since a task has nothing else that wakes it from outside.
            let bells: Arc<[(Sender<()>, Receiver<()>)]> =
                (0..count).map(|_| channel::bounded(1)).collect();
            let handles: Vec<_> = (0..count as usize)
                .map(|number| {
                    let missing = Arc::clone(&missing);
                    let (ring, bells) = (Arc::clone(&ring), Arc::clone(&bells));
                    smol::spawn(async move {
                        if missing.fetch_sub(1, Ordering::AcqRel) == 1 {
                            ring.try_send(()).unwrap();
                        }
                        bells[number].1.recv().await.unwrap();
                    })
                })
                .collect();
            all.recv().await.unwrap();
            let create = begin.elapsed();
            let parked = Memory::now();

            let begin = Instant::now();
            bells.iter().for_each(|bell| bell.0.try_send(()).unwrap());
            for handle in handles {
                handle.await;
            }
            let wake = begin.elapsed();
            drop(bells);
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
        let each = transfer.each();
        let (sender, receiver) = match transfer.capacity {
            Some(capacity) => channel::bounded(capacity),
            None => channel::unbounded(),
        };
        let senders = vec![sender; transfer.senders];
        let receivers = vec![receiver; transfer.receivers];
        Some(run(async move {
            let begin = Instant::now();
            let receivers = receivers.into_iter().map(|receiver| {
                smol::spawn(async move {
                    while let Ok(number) = receiver.recv().await {
                        black_box(number);
                    }
                })
            });
            let senders = senders.into_iter().map(|sender| {
                smol::spawn(async move {
                    for number in 0..each {
                        sender.send(number).await.unwrap();
                    }
                })
            });
            join_all(receivers.chain(senders).collect()).await;
            begin.elapsed()
        }))
    }

    fn locking(&self, crowd: Crowd) -> Option<Duration> {
        let each = crowd.each();
        let pause = move || async move {
            if crowd.yields {
                future::yield_now().await;
            }
        };
        Some(run(async move {
            let begin = Instant::now();
            let handles = match crowd.lock {
                Locked::Mutex => {
                    let lock = Arc::new(Mutex::new(0_u64));
                    start_many(crowd.writers, || {
                        let lock = Arc::clone(&lock);
                        async move {
                            for _ in 0..each {
                                let mut value = lock.lock().await;
                                *value += 1;
                                pause().await;
                            }
                        }
                    })
                }
                Locked::RwLock => {
                    let lock = Arc::new(RwLock::new(0_u64));
                    let mut handles = start_many(crowd.readers, || {
                        let lock = Arc::clone(&lock);
                        async move {
                            for _ in 0..each {
                                let value = lock.read().await;
                                black_box(*value);
                                pause().await;
                            }
                        }
                    });
                    handles.extend(start_many(crowd.writers, || {
                        let lock = Arc::clone(&lock);
                        async move {
                            for _ in 0..each {
                                let mut value = lock.write().await;
                                *value += 1;
                                pause().await;
                            }
                        }
                    }));
                    handles
                }
                Locked::Semaphore => {
                    let semaphore = Arc::new(Semaphore::new(1));
                    start_many(crowd.writers, || {
                        let semaphore = Arc::clone(&semaphore);
                        async move {
                            for _ in 0..each {
                                let permit = semaphore.acquire().await;
                                pause().await;
                                drop(permit);
                            }
                        }
                    })
                }
            };
            join_all(handles).await;
            begin.elapsed()
        }))
    }

    fn echo(&self) -> Option<SocketAddr> {
        let listener = smol::block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let addr = listener.local_addr().unwrap();
        let accept = async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                smol::spawn(echo(stream)).detach();
            }
        };
        smol::spawn(accept).detach();
        Some(addr)
    }
}

/// Makes the two sides of one pair.
fn pair(
    each: u64,
) -> (
    impl Future<Output = ()> + Send + 'static,
    impl Future<Output = ()> + Send + 'static,
) {
    let (ping, pinged) = channel::bounded(1);
    let (pong, ponged) = channel::bounded(1);
    let first = async move {
        for number in 0..each {
            ping.send(number).await.unwrap();
            black_box(ponged.recv().await.unwrap());
        }
    };
    let second = async move {
        for _ in 0..each {
            pong.send(pinged.recv().await.unwrap()).await.unwrap();
        }
    };
    (first, second)
}

/// Runs one pair on two threads, the only way to keep tasks apart.
fn apart(each: u64) -> Duration {
    let begin = Instant::now();
    let (first, second) = pair(each);
    let other = thread::spawn(move || smol::block_on(second));
    smol::block_on(first);
    other.join().unwrap();
    begin.elapsed()
}

/// Starts so many that do the same.
fn start_many<F: Future<Output = ()> + Send + 'static>(
    count: u64,
    body: impl Fn() -> F,
) -> Vec<Task<()>> {
    (0..count).map(|_| smol::spawn(body())).collect()
}

/// Waits until all have ended.
async fn join_all(handles: Vec<Task<()>>) {
    for handle in handles {
        handle.await;
    }
}

/// Starts one branch, runs the other, joins.
fn fib(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if n < FIB_CUTOFF {
            return fib_in_place(n);
        }
        let other = smol::spawn(fib(n - 1));
        let this = fib(n - 2).await;
        this + other.await
    })
}

/// Sums up `size` numbers from `first`.
fn skynet(first: u64, size: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if size == 1 {
            return first;
        }
        let part = size / 10;
        let parts: [_; 10] =
            std::array::from_fn(|index| smol::spawn(skynet(first + index as u64 * part, part)));
        let mut sum = 0;
        for part in parts {
            sum += part.await;
        }
        sum
    })
}

/// Serves one connection.
async fn echo(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = [0; ECHO_BUFFER];
    while let Ok(length) = stream.read(&mut buffer).await {
        if length == 0 || stream.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
