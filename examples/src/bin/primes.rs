//! Counting primes in parallel, against the sequential way and against rayon.
//!
//! The range is cut into parts of equal length, which take different times: large numbers are
//! harder. A coroutine for each part in one `scope` is all it takes, since workers without work
//! take parts that nobody has begun.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin primes
//! counting the primes below 5000000, best of 3 rounds
//!   sequential   641.3 ms   348513 primes
//!   may          322.0 ms   348513 primes   1.99 times as fast as sequential
//!   rayon        321.8 ms   348513 primes   1.99 times as fast as sequential
//! ```

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use may::{coroutine, go};
use may_examples::Arguments;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

/// What `--help` prints.
const HELP: &str = "\
Counts primes three ways: sequential, with coroutines, with rayon.

Usage: primes [options]

  --below N    the end of the range (default 5000000)
  --rounds N   how often to count; the best time is shown (default 3)
  --workers N  threads for both parallel versions (default: one for each CPU)
  --help       show this text";

/// How many numbers one coroutine looks at.
const PART: u64 = 10_000;

fn main() {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let below: u64 = args.value("below", 5_000_000);
    let rounds: usize = args.value("rounds", 3);
    let rayon = rayon::ThreadPoolBuilder::new()
        .num_threads(args.value("workers", 0)) // 0: one for each CPU
        .build()
        .expect("threads can be started");

    println!("counting the primes below {below}, best of {rounds} rounds");
    let (sequential, count) = best_of(rounds, || count_primes(0..below));
    println!(
        "  sequential {:>8.1} ms   {count} primes",
        sequential.as_secs_f64() * 1e3
    );
    let show = |name: &str, (time, count): (Duration, usize)| {
        println!(
            "  {name:<10} {:>8.1} ms   {count} primes   {:.2} times as fast as sequential",
            time.as_secs_f64() * 1e3,
            sequential.as_secs_f64() / time.as_secs_f64()
        );
    };
    let with_may = || {
        go!(move || count_with_may(below))
            .join()
            .expect("it does not panic")
    };
    show("may", best_of(rounds, with_may));
    show(
        "rayon",
        best_of(rounds, || rayon.install(|| count_with_rayon(below))),
    );
}

/// Counts with a coroutine for each part.
fn count_with_may(below: u64) -> usize {
    coroutine::scope(|scope| {
        let counts: Vec<_> = parts(below)
            .map(|part| scope.spawn(move || count_primes(part)))
            .collect();
        counts
            .into_iter()
            .map(|count| count.join().expect("it does not panic"))
            .sum()
    })
}

/// Counts with a rayon job for each part.
fn count_with_rayon(below: u64) -> usize {
    let parts: Vec<_> = parts(below).collect();
    parts.into_par_iter().map(count_primes).sum()
}

/// Cuts the numbers below `below` into parts.
fn parts(below: u64) -> impl Iterator<Item = Range<u64>> {
    (0..below)
        .step_by(PART as usize)
        .map(move |first| first..below.min(first + PART))
}

/// Counts the primes in a range, one number after the other.
fn count_primes(numbers: Range<u64>) -> usize {
    numbers.filter(|&number| is_prime(number)).count()
}

/// Tries all divisors that could be the smallest.
fn is_prime(number: u64) -> bool {
    if number < 4 {
        return number >= 2;
    }
    if number.is_multiple_of(2) {
        return false;
    }
    let mut divisor = 3;
    while divisor * divisor <= number {
        if number.is_multiple_of(divisor) {
            return false;
        }
        divisor += 2;
    }
    true
}

/// Measures how long `count` takes, and gives its result too.
fn best_of(rounds: usize, count: impl Fn() -> usize) -> (Duration, usize) {
    let results = (0..rounds.max(1)).map(|_| {
        let begin = Instant::now();
        let primes = count();
        (begin.elapsed(), primes)
    });
    results.min().expect("there is a round")
}
