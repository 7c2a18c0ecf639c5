//! tokio's multi-threaded runtime.

use std::{
    future::Future,
    hint::black_box,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    sync::{Mutex, Notify, RwLock, Semaphore, mpsc},
    task::{self, JoinHandle},
};

use super::ECHO_BUFFER;
use crate::{
    case::FIB_CUTOFF,
    peer::{Crowd, Flow, Locked, Parked, Peer, Start, fib_in_place},
    system::Memory,
};

/// A runtime with as many workers as were asked for.
pub(super) struct Tokio(Runtime);

/// Starts it.
pub(super) fn start(workers: usize) -> Box<dyn Peer> {
    Box::new(Tokio::new(workers))
}

impl Tokio {
    /// Starts it.
    pub(super) fn new(workers: usize) -> Tokio {
        let runtime = Builder::new_multi_thread()
            .worker_threads(workers)
            .enable_io()
            .build()
            .unwrap();
        Tokio(runtime)
    }

    /// Runs `body` as a task, which is on a worker, and waits for it.
    pub(super) fn run<T: Send + 'static>(
        &self,
        body: impl Future<Output = T> + Send + 'static,
    ) -> T {
        self.0.block_on(self.0.spawn(body)).unwrap()
    }
}

impl Peer for Tokio {
    fn spawn_join(&self, total: u64, batch: u64) -> Option<Duration> {
        Some(self.run(async move {
            let begin = Instant::now();
            let mut handles = Vec::with_capacity(batch as usize);
            for _ in 0..total / batch {
                handles.extend((0..batch).map(|number| task::spawn(async move { number })));
                for handle in handles.drain(..) {
                    black_box(handle.await.unwrap());
                }
            }
            begin.elapsed()
        }))
    }

    fn spawn_detached(&self, total: u64, batch: u64) -> Option<Duration> {
        Some(self.run(async move {
            let begin = Instant::now();
            let left = Arc::new(AtomicU64::new(0));
            let done = Arc::new(Notify::new());
            for _ in 0..total / batch {
                left.store(batch, Ordering::Relaxed);
                for _ in 0..batch {
                    let (left, done) = (Arc::clone(&left), Arc::clone(&done));
                    task::spawn(async move {
                        if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                            done.notify_one();
                        }
                    });
                }
                done.notified().await;
            }
            begin.elapsed()
        }))
    }

    fn yield_now(&self, tasks: u64, each: u64) -> Option<Duration> {
        Some(self.run(async move {
            let begin = Instant::now();
            let yielding = move || async move {
                for _ in 0..each {
                    task::yield_now().await;
                }
            };
            let handles: Vec<_> = (0..tasks).map(|_| task::spawn(yielding())).collect();
            for handle in handles {
                handle.await.unwrap();
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
                    [task::spawn(first), task::spawn(second)]
                })
                .collect();
            for side in sides {
                side.await.unwrap();
            }
            begin.elapsed()
        };
        Some(match start {
            Start::Coroutine => self.run(play),
            Start::Thread => self.0.block_on(play),
            Start::Apart => apart(each),
        })
    }

    fn fib(&self, n: u64) -> Option<(u64, Duration)> {
        Some(self.run(async move {
            let begin = Instant::now();
            (fib(n).await, begin.elapsed())
        }))
    }

    fn skynet(&self, leaves: u64) -> Option<(u64, Duration)> {
        Some(self.run(async move {
            let begin = Instant::now();
            (skynet(0, leaves).await, begin.elapsed())
        }))
    }

    fn parked(&self, count: u64) -> Option<Parked> {
        Some(self.run(async move {
            let missing = Arc::new(AtomicU64::new(count));
            let all = Arc::new(Notify::new());
            let before = Memory::now();
            let begin = Instant::now();
            let bells: Arc<[Notify]> = (0..count).map(|_| Notify::new()).collect();
            let handles: Vec<_> = (0..count as usize)
                .map(|number| {
                    let missing = Arc::clone(&missing);
                    let (all, bells) = (Arc::clone(&all), Arc::clone(&bells));
                    task::spawn(async move {
                        if missing.fetch_sub(1, Ordering::AcqRel) == 1 {
                            all.notify_one();
                        }
                        bells[number].notified().await;
                    })
                })
                .collect();
            all.notified().await;
            let create = begin.elapsed();
            let parked = Memory::now();

            let begin = Instant::now();
            bells.iter().for_each(Notify::notify_one);
            for handle in handles {
                handle.await.unwrap();
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
        let count = transfer.senders;
        Some(self.run(async move {
            let begin = Instant::now();
            let mut handles = Vec::with_capacity(count + 1);
            if let Some(capacity) = transfer.capacity {
                let (sender, mut receiver) = mpsc::channel(capacity);
                handles.push(task::spawn(async move {
                    while let Some(number) = receiver.recv().await {
                        black_box(number);
                    }
                }));
                handles.extend(vec![sender; count].into_iter().map(|sender| {
                    task::spawn(async move {
                        for number in 0..each {
                            sender.send(number).await.unwrap();
                        }
                    })
                }));
            } else {
                let (sender, mut receiver) = mpsc::unbounded_channel();
                handles.push(task::spawn(async move {
                    while let Some(number) = receiver.recv().await {
                        black_box(number);
                    }
                }));
                handles.extend(vec![sender; count].into_iter().map(|sender| {
                    task::spawn(async move {
                        for number in 0..each {
                            sender.send(number).unwrap();
                        }
                    })
                }));
            }
            join_all(handles).await;
            begin.elapsed()
        }))
    }

    fn select_ready(&self, messages: u64) -> Option<Duration> {
        Some(self.run(async move {
            let (to, mut from) = mpsc::unbounded_channel::<u64>();
            let (_open, mut empty) = mpsc::unbounded_channel::<u64>();
            (0..messages).for_each(|number| to.send(number).unwrap());
            let begin = Instant::now();
            for _ in 0..messages {
                tokio::select! {
                    number = from.recv() => { black_box(number.unwrap()); }
                    number = empty.recv() => { black_box(number.unwrap()); }
                }
            }
            begin.elapsed()
        }))
    }

    fn select_waiting(&self, rounds: u64) -> Option<Duration> {
        Some(self.run(async move {
            let begin = Instant::now();
            let (first, second) = select_by_turns(rounds);
            for side in [task::spawn(first), task::spawn(second)] {
                side.await.unwrap();
            }
            begin.elapsed()
        }))
    }

    fn locking(&self, crowd: Crowd) -> Option<Duration> {
        let each = crowd.each();
        let pause = move || async move {
            if crowd.yields {
                task::yield_now().await;
            }
        };
        Some(self.run(async move {
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
                                let permit = semaphore.acquire().await.unwrap();
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
        let listener = self.0.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let addr = listener.local_addr().unwrap();
        self.0.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                task::spawn(echo(stream));
            }
        });
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
    let (ping, mut pinged) = mpsc::channel(1);
    let (pong, mut ponged) = mpsc::channel(1);
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

/// Runs one pair on two runtimes of one thread each, the only way to keep tasks apart.
fn apart(each: u64) -> Duration {
    let begin = Instant::now();
    let (first, second) = pair(each);
    let alone = || Builder::new_current_thread().build().unwrap();
    let other = thread::spawn(move || alone().block_on(second));
    alone().block_on(first);
    other.join().unwrap();
    begin.elapsed()
}

/// Starts so many that do the same.
fn start_many<F: Future<Output = ()> + Send + 'static>(
    count: u64,
    body: impl Fn() -> F,
) -> Vec<JoinHandle<()>> {
    (0..count).map(|_| task::spawn(body())).collect()
}

/// Waits until all have ended.
pub(super) async fn join_all(handles: Vec<JoinHandle<()>>) {
    for handle in handles {
        handle.await.unwrap();
    }
}

/// Starts one branch, runs the other, joins.
fn fib(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if n < FIB_CUTOFF {
            return fib_in_place(n);
        }
        let other = task::spawn(fib(n - 1));
        let this = fib(n - 2).await;
        this + other.await.unwrap()
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
            std::array::from_fn(|index| task::spawn(skynet(first + index as u64 * part, part)));
        let mut sum = 0;
        for part in parts {
            sum += part.await.unwrap();
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

/// The two sides of one pair that wait by select.
fn select_by_turns(
    rounds: u64,
) -> (
    impl Future<Output = ()> + Send,
    impl Future<Output = ()> + Send,
) {
    let [ping, pong] = [(); 2].map(|()| [(); 2].map(|()| mpsc::unbounded_channel::<u64>()));
    let [(ping0, mut pinged0), (ping1, mut pinged1)] = ping;
    let [(pong0, mut ponged0), (pong1, mut ponged1)] = pong;
    // Both ends of the way back stay until the end: one that is gone would be ready, too.
    let open = [pong0.clone(), pong1.clone()];
    let first = async move {
        for number in 0..rounds {
            let ping = if number % 2 == 0 { &ping0 } else { &ping1 };
            ping.send(number).unwrap();
            tokio::select! {
                number = ponged0.recv() => { black_box(number.unwrap()); }
                number = ponged1.recv() => { black_box(number.unwrap()); }
            }
        }
        drop(open);
    };
    let second = async move {
        for number in 0..rounds {
            tokio::select! {
                number = pinged0.recv() => { black_box(number.unwrap()); }
                number = pinged1.recv() => { black_box(number.unwrap()); }
            }
            let pong = if number % 2 == 0 { &pong0 } else { &pong1 };
            pong.send(number).unwrap();
        }
    };
    (first, second)
}
