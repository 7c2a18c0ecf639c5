//! Threads of the operating system with crossbeam's channels: what one would write without any of
//! the runtimes.

use std::{
    hint::black_box,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::ECHO_BUFFER;
use crate::peer::{Peer, Start};

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
