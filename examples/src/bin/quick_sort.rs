//! Quick sort in parallel, against the sequential one and against rayon.
//!
//! `join!` runs its branches at the same time and waits for all of them; they may borrow. This is
//! rayon's home ground, where nothing ever waits for input: it shows that coroutines do well there
//! too, so that computing and serving can live in one program.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin quick_sort
//! sorting 5000000 numbers, best of 3 rounds
//!   sequential   402.1 ms
//!   may          211.7 ms   1.90 times as fast as sequential
//!   rayon        209.5 ms   1.92 times as fast as sequential
//! ```

use std::time::{Duration, Instant};

use may::coroutine;
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
Quick sort three ways: sequential, with coroutines, with rayon.

Usage: quick_sort [options]

  --count N    how many numbers to sort (default 5000000)
  --rounds N   how often to sort them; the best time counts (default 3)
  --workers N  threads for both parallel versions (default: one for each CPU)
  --help       show this text";

/// Parts shorter than this are sorted by one coroutine.
const PARALLEL_FROM: usize = 4096;

fn main() {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let count: usize = args.value("count", 5_000_000);
    let rounds: usize = args.value("rounds", 3);
    let rayon = rayon::ThreadPoolBuilder::new()
        .num_threads(args.value("workers", 0)) // 0: one for each CPU
        .build()
        .expect("threads can be started");

    let numbers = random_numbers(count);
    println!("sorting {count} numbers, best of {rounds} rounds");
    let sequential = best_of(rounds, &numbers, sort_sequential);
    println!("  sequential {:>8.1} ms", sequential.as_secs_f64() * 1e3);
    let show = |name: &str, time: Duration| {
        println!(
            "  {name:<10} {:>8.1} ms   {:.2} times as fast as sequential",
            time.as_secs_f64() * 1e3,
            sequential.as_secs_f64() / time.as_secs_f64()
        );
    };
    // The first coroutine, from which all others come; this thread only waits for it.
    let with_may = |numbers: &mut [u64]| {
        coroutine::scope(|scope| {
            scope.spawn(|| sort_with_may(numbers));
        });
    };
    show("may", best_of(rounds, &numbers, with_may));
    show(
        "rayon",
        best_of(rounds, &numbers, |part| {
            rayon.install(|| sort_with_rayon(part))
        }),
    );
}

/// Sorts in the calling thread or coroutine.
fn sort_sequential(numbers: &mut [u64]) {
    if numbers.len() < 2 {
        return;
    }
    let (low, high) = partition(numbers);
    sort_sequential(low);
    sort_sequential(high);
}

/// Sorts the two sides at the same time: `join!` starts a coroutine for all branches but the first.
fn sort_with_may(numbers: &mut [u64]) {
    if numbers.len() < PARALLEL_FROM {
        return sort_sequential(numbers);
    }
    let (low, high) = partition(numbers);
    may::join!(sort_with_may(low), sort_with_may(high));
}

/// Sorts the two sides as rayon's jobs.
fn sort_with_rayon(numbers: &mut [u64]) {
    if numbers.len() < PARALLEL_FROM {
        return sort_sequential(numbers);
    }
    let (low, high) = partition(numbers);
    rayon::join(|| sort_with_rayon(low), || sort_with_rayon(high));
}

/// Splits at a pivot: everything on the left is at most as large as it, everything on the right at
/// least as large, and it is in its place between them.
fn partition(numbers: &mut [u64]) -> (&mut [u64], &mut [u64]) {
    // The median of three keeps sorted input from being the worst case.
    let (middle, last) = (numbers.len() / 2, numbers.len() - 1);
    let mut candidates = [0, middle, last];
    candidates.sort_unstable_by_key(|&index| numbers[index]);
    numbers.swap(candidates[1], last);

    let pivot = numbers[last];
    let mut boundary = 0;
    for index in 0..last {
        if numbers[index] < pivot {
            numbers.swap(index, boundary);
            boundary += 1;
        }
    }
    numbers.swap(boundary, last);
    let (low, rest) = numbers.split_at_mut(boundary);
    (low, &mut rest[1..])
}

/// Measures how long `sort` takes on a copy of `numbers`, and checks what it did.
fn best_of(rounds: usize, numbers: &[u64], sort: impl Fn(&mut [u64])) -> Duration {
    let times = (0..rounds.max(1)).map(|_| {
        let mut numbers = numbers.to_vec();
        let begin = Instant::now();
        sort(&mut numbers);
        let time = begin.elapsed();
        assert!(numbers.is_sorted());
        time
    });
    times.min().expect("there is a round")
}

/// Makes numbers that look random and are the same in every run.
fn random_numbers(count: usize) -> Vec<u64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    std::iter::repeat_with(next).take(count).collect()
}
