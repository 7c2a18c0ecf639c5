//! Producers and a consumer, written for threads and run on coroutines.
//!
//! Only the imports tell: with `use std::thread;` and `use crossbeam_channel as channel;` in their
//! place the same program runs on threads, and a test keeps it so.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin producer_consumer
//! producer 0 made 1000 items, their sum is 499500
//! producer 1 made 1000 items, their sum is 1499500
//! producer 2 made 1000 items, their sum is 2499500
//! the consumer took 3000 items, their sum is 4498500
//! ```

use may::{channel, coroutine as thread};
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
Several producers fill a bounded channel, one consumer empties it.

Usage: producer_consumer [options]

  --producers N  how many producers (default 3)
  --items N      how many items each of them makes (default 1000)
  --workers N    threads that run the coroutines (default: one for each CPU)
  --help         show this text";

/// How many items the channel holds before producers have to wait.
const CAPACITY: usize = 16;

fn main() {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let producers: u64 = args.value("producers", 3);
    let items: u64 = args.value("items", 1000);

    let (sums, taken) = produce_and_consume(producers, items);
    for (number, sum) in sums.iter().enumerate() {
        println!("producer {number} made {items} items, their sum is {sum}");
    }
    println!(
        "the consumer took {} items, their sum is {}",
        taken.0, taken.1
    );
}

/// Runs the producers and the consumer; returns each producer's sum, and how many items the
/// consumer took with their sum.
pub fn produce_and_consume(producers: u64, items: u64) -> (Vec<u64>, (u64, u64)) {
    let (sender, receiver) = channel::bounded(CAPACITY);
    let consumer = thread::spawn(move || {
        // Ends when the last producer has dropped its sender.
        receiver
            .iter()
            .fold((0, 0), |(count, sum), item: u64| (count + 1, sum + item))
    });
    let producers: Vec<_> = (0..producers)
        .map(|number| {
            let sender = sender.clone();
            thread::spawn(move || {
                let made = number * items..(number + 1) * items;
                for item in made.clone() {
                    sender.send(item).expect("the consumer waits for all");
                }
                made.sum()
            })
        })
        .collect();
    drop(sender);

    let sums = producers
        .into_iter()
        .map(|producer| producer.join().expect("no panic"))
        .collect();
    (sums, consumer.join().expect("no panic"))
}
