//! Threads of the operating system with std's channels, which have one receiver.

use std::{
    hint::black_box,
    sync::mpsc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::threads::{flow, join_all};
use crate::peer::{Flow, Peer};

/// Nothing is kept: threads are there already.
struct StdMpsc;

/// Starts nothing; the system runs threads on all CPUs.
pub(super) fn start(_workers: usize) -> Box<dyn Peer> {
    Box::new(StdMpsc)
}

impl Peer for StdMpsc {
    fn transfer(&self, transfer: Flow) -> Option<Duration> {
        Some(match transfer.capacity {
            Some(capacity) => {
                let (sender, receiver) = mpsc::sync_channel(capacity);
                flow(
                    transfer,
                    (vec![sender; transfer.senders], vec![receiver]),
                    |sender, number| sender.send(number).unwrap(),
                    |receiver| receiver.recv().ok(),
                )
            }
            None => {
                let (sender, receiver) = mpsc::channel();
                flow(
                    transfer,
                    (vec![sender; transfer.senders], vec![receiver]),
                    |sender, number| sender.send(number).unwrap(),
                    |receiver| receiver.recv().ok(),
                )
            }
        })
    }

    fn rendezvous(&self, rounds: u64) -> Option<Duration> {
        let begin = Instant::now();
        join_all(meet(rounds));
        Some(begin.elapsed())
    }
}

/// Starts the two sides of one pair that meets for every message.
fn meet(rounds: u64) -> [JoinHandle<()>; 2] {
    let (ping, pinged) = mpsc::sync_channel(0);
    let (pong, ponged) = mpsc::sync_channel(0);
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
