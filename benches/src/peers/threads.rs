//! Threads of the operating system with crossbeam's channels and std's locks: what one would write
//! without any of the runtimes. There is no semaphore.

use std::{
    hint::black_box,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, RwLock},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::ECHO_BUFFER;
use crate::peer::{Crowd, Flow, Locked, Peer, Start};

/// Nothing is kept: threads are there already.
struct Threads;

/// Starts nothing; the system runs threads on all CPUs.
pub(super) fn start(_workers: usize) -> Box<dyn Peer> {
    Box::new(Threads)
}

impl Peer for Threads {
    fn spawn_join(&self, total: u64, batch: u64) -> Option<Duration> {
        let begin = Instant::now();
        let mut handles = Vec::with_capacity(batch as usize);
        for _ in 0..total / batch {
            handles.extend((0..batch).map(|number| thread::spawn(move || number)));
            for handle in handles.drain(..) {
                black_box(handle.join().unwrap());
            }
        }
        Some(begin.elapsed())
    }

    fn yield_now(&self, tasks: u64, each: u64) -> Option<Duration> {
        let begin = Instant::now();
        let yielding = move || (0..each).for_each(|_| thread::yield_now());
        let handles: Vec<_> = (0..tasks).map(|_| thread::spawn(yielding)).collect();
        handles
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        Some(begin.elapsed())
    }

    fn ping_pong(&self, pairs: u64, each: u64, _start: Start) -> Option<Duration> {
        let begin = Instant::now();
        let handles: Vec<_> = (0..pairs).flat_map(|_| pair(each)).collect();
        handles
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        Some(begin.elapsed())
    }

    fn transfer(&self, transfer: Flow) -> Option<Duration> {
        let (sender, receiver) = match transfer.capacity {
            Some(capacity) => crossbeam_channel::bounded(capacity),
            None => crossbeam_channel::unbounded(),
        };
        Some(flow(
            transfer,
            (
                vec![sender; transfer.senders],
                vec![receiver; transfer.receivers],
            ),
            |sender, number| sender.send(number).unwrap(),
            |receiver| receiver.recv().ok(),
        ))
    }

    fn rendezvous(&self, rounds: u64) -> Option<Duration> {
        let begin = Instant::now();
        join_all(meet(rounds));
        Some(begin.elapsed())
    }

    fn select_ready(&self, messages: u64) -> Option<Duration> {
        Some({
            let (to, from) = crossbeam_channel::unbounded::<u64>();
            let (_open, empty) = crossbeam_channel::unbounded::<u64>();
            (0..messages).for_each(|number| to.send(number).unwrap());
            let begin = Instant::now();
            for _ in 0..messages {
                crossbeam_channel::select! {
                    recv(from) -> number => { black_box(number.unwrap()); }
                    recv(empty) -> number => { black_box(number.unwrap()); }
                }
            }
            begin.elapsed()
        })
    }

    fn select_waiting(&self, rounds: u64) -> Option<Duration> {
        Some({
            let begin = Instant::now();
            join_all(select_by_turns(rounds));
            begin.elapsed()
        })
    }

    fn locking(&self, crowd: Crowd) -> Option<Duration> {
        let each = crowd.each();
        let pause = move || {
            if crowd.yields {
                thread::yield_now();
            }
        };
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
            Locked::Semaphore => return None,
        };
        join_all(handles);
        Some(begin.elapsed())
    }

    fn condvar(&self, rounds: u64) -> Option<Duration> {
        let begin = Instant::now();
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let sides = [false, true].map(|own| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
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
        Some(begin.elapsed())
    }

    fn echo(&self) -> Option<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                thread::spawn(move || echo(stream.unwrap()));
            }
        });
        Some(addr)
    }
}

/// Starts the two sides of one pair.
fn pair(each: u64) -> [JoinHandle<()>; 2] {
    let (ping, pinged) = crossbeam_channel::bounded(1);
    let (pong, ponged) = crossbeam_channel::bounded(1);
    let first = thread::spawn(move || {
        for number in 0..each {
            ping.send(number).unwrap();
            black_box(ponged.recv().unwrap());
        }
    });
    let second = thread::spawn(move || {
        for _ in 0..each {
            pong.send(pinged.recv().unwrap()).unwrap();
        }
    });
    [first, second]
}

/// Starts the two sides of one pair that meets for every message.
fn meet(rounds: u64) -> [JoinHandle<()>; 2] {
    let (ping, pinged) = crossbeam_channel::bounded(0);
    let (pong, ponged) = crossbeam_channel::bounded(0);
    let first = thread::spawn(move || {
        for number in 0..rounds {
            ping.send(number).unwrap();
            black_box(ponged.recv().unwrap());
        }
    });
    let second = thread::spawn(move || {
        for _ in 0..rounds {
            pong.send(pinged.recv().unwrap()).unwrap();
        }
    });
    [first, second]
}

/// Lets all `senders` send and all `receivers` receive what comes, and waits until they are done.
pub(super) fn flow<S: Send + 'static, R: Send + 'static>(
    flow: Flow,
    (senders, receivers): (Vec<S>, Vec<R>),
    send: impl Fn(&S, u64) + Copy + Send + 'static,
    receive: impl Fn(&R) -> Option<u64> + Copy + Send + 'static,
) -> Duration {
    let begin = Instant::now();
    let each = flow.each();
    let receivers = receivers.into_iter().map(|receiver| {
        thread::spawn(move || {
            while let Some(number) = receive(&receiver) {
                black_box(number);
            }
        })
    });
    let senders = senders.into_iter().map(|sender| {
        thread::spawn(move || {
            (0..each).for_each(|number| send(&sender, number));
        })
    });
    let handles: Vec<_> = receivers.chain(senders).collect();
    join_all(handles);
    begin.elapsed()
}

/// Starts so many that do the same.
fn start_many(count: u64, body: impl Fn() + Clone + Send + 'static) -> Vec<JoinHandle<()>> {
    (0..count).map(|_| thread::spawn(body.clone())).collect()
}

/// Waits until all have ended.
pub(super) fn join_all(handles: impl IntoIterator<Item = JoinHandle<()>>) {
    handles
        .into_iter()
        .for_each(|handle| handle.join().unwrap());
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
    let [ping, pong] = [(); 2].map(|()| [(); 2].map(|()| crossbeam_channel::unbounded::<u64>()));
    let ([(ping0, pinged0), (ping1, pinged1)], [(pong0, ponged0), (pong1, ponged1)]) = (ping, pong);
    // Both ends of the way back stay until the end: one that is gone would be ready, too.
    let open = [pong0.clone(), pong1.clone()];
    let first = thread::spawn(move || {
        for number in 0..rounds {
            let ping = if number % 2 == 0 { &ping0 } else { &ping1 };
            ping.send(number).unwrap();
            crossbeam_channel::select! {
                recv(ponged0) -> number => { black_box(number.unwrap()); }
                recv(ponged1) -> number => { black_box(number.unwrap()); }
            }
        }
        drop(open);
    });
    let second = thread::spawn(move || {
        for number in 0..rounds {
            crossbeam_channel::select! {
                recv(pinged0) -> number => { black_box(number.unwrap()); }
                recv(pinged1) -> number => { black_box(number.unwrap()); }
            }
            let pong = if number % 2 == 0 { &pong0 } else { &pong1 };
            pong.send(number).unwrap();
        }
    });
    [first, second]
}
