//! rayon, which only forks and joins: the mark for computing in parallel.

use std::time::{Duration, Instant};

use rayon::{
    ThreadPool, ThreadPoolBuilder,
    iter::{IntoParallelIterator, ParallelIterator},
};

use crate::{
    case::FIB_CUTOFF,
    peer::{Peer, fib_in_place},
};

/// A pool with as many threads as were asked for.
struct Rayon(ThreadPool);

/// Starts it.
pub(super) fn start(workers: usize) -> Box<dyn Peer> {
    Box::new(Rayon(
        ThreadPoolBuilder::new()
            .num_threads(workers)
            .build()
            .unwrap(),
    ))
}

impl Peer for Rayon {
    fn fib_join(&self, n: u64) -> Option<(u64, Duration)> {
        Some(self.0.install(|| {
            let begin = Instant::now();
            (fib_join(n), begin.elapsed())
        }))
    }

    fn skynet(&self, leaves: u64) -> Option<(u64, Duration)> {
        Some(self.0.install(|| {
            let begin = Instant::now();
            (skynet(0, leaves), begin.elapsed())
        }))
    }
}

/// Runs both branches with `join`.
fn fib_join(n: u64) -> u64 {
    if n < FIB_CUTOFF {
        return fib_in_place(n);
    }
    let (other, this) = rayon::join(|| fib_join(n - 1), || fib_join(n - 2));
    this + other
}

/// Sums up `size` numbers from `first`.
fn skynet(first: u64, size: u64) -> u64 {
    if size == 1 {
        return first;
    }
    let part = size / 10;
    (0..10)
        .into_par_iter()
        .map(|index| skynet(first + index * part, part))
        .sum()
}
