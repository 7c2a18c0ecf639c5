//! A sum in parallel, written for `std::thread` and run on coroutines.
//!
//! Only the imports tell that this is not std: with `use std::thread;` in their place the same
//! program runs on threads, and a test keeps it so.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin parallel_sum
//! the squares of 1 to 1000000 add up to 333333833333500000, in 8 parts as in one
//! ```

use may::coroutine as thread;
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
Adds up squares in parts that are summed at the same time.

Usage: parallel_sum [options]

  --count N    how many squares (default 1000000)
  --parts N    how many parts (default 8)
  --workers N  threads that run the coroutines (default: one for each CPU)
  --help       show this text";

fn main() {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let count: u64 = args.value("count", 1_000_000);
    let parts: usize = args.value("parts", 8);

    let squares: Vec<u64> = (1..=count).map(|number| number * number).collect();
    let sum = parallel_sum(&squares, parts);
    assert_eq!(sum, squares.iter().sum());
    println!("the squares of 1 to {count} add up to {sum}, in {parts} parts as in one");
}

/// Adds up `numbers` in so many parts at the same time.
pub fn parallel_sum(numbers: &[u64], parts: usize) -> u64 {
    let length = numbers.len().div_ceil(parts.max(1)).max(1);
    thread::scope(|scope| {
        let sums: Vec<_> = numbers
            .chunks(length)
            .map(|part| scope.spawn(move || part.iter().sum::<u64>()))
            .collect();
        sums.into_iter()
            .map(|sum| sum.join().expect("adding does not panic"))
            .sum()
    })
}
