//! Quick sort in parallel: `join!` runs its branches at the same time, and they may borrow.
//!
//! For a program that only computes, rayon is the better choice. This is for computing beside
//! serving in one program.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin quick_sort
//! 5000000 numbers were sorted in 141 ms by one thread, in 93 ms by coroutines
//! ```

use std::time::{Duration, Instant};

use may::{go, join};

/// How many numbers are sorted.
const COUNT: usize = 5_000_000;
/// Parts shorter than this are sorted by one coroutine.
const PARALLEL_FROM: usize = 64 * 1024;

fn main() {
    let one = time(|mut numbers| {
        numbers.sort_unstable();
        numbers
    });
    let many = time(|mut numbers| {
        let sorting = go!(move || {
            sort(&mut numbers);
            numbers
        });
        sorting.join().expect("it does not panic")
    });
    println!(
        "{COUNT} numbers were sorted in {} ms by one thread, in {} ms by coroutines",
        one.as_millis(),
        many.as_millis()
    );
}

/// Sorts the two sides of the median at the same time.
fn sort(numbers: &mut [u64]) {
    if numbers.len() < PARALLEL_FROM {
        return numbers.sort_unstable();
    }
    let (low, _, high) = numbers.select_nth_unstable(numbers.len() / 2);
    join!(sort(low), sort(high));
}

/// Returns how long `sort` takes, and checks its result.
fn time(sort: impl Fn(Vec<u64>) -> Vec<u64>) -> Duration {
    // Numbers that look random and are the same in every run.
    let numbers = (0..COUNT as u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let numbers = numbers.collect();
    let begin = Instant::now();
    let sorted = sort(numbers);
    let time = begin.elapsed();
    assert!(sorted.is_sorted());
    time
}
