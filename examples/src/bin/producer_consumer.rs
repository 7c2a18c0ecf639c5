//! Producers and a consumer, written for threads and run on coroutines.
//!
//! Only the imports tell. With `use std::thread;` and `use crossbeam_channel as channel;` in their
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

/// How many items each producer makes.
const ITEMS: u64 = 1000;

/// How many items the channel holds before producers have to wait.
const CAPACITY: usize = 16;

fn main() {
    let (sums, (count, sum)) = produce_and_consume(3);
    for (number, sum) in sums.iter().enumerate() {
        println!("producer {number} made {ITEMS} items, their sum is {sum}");
    }
    println!("the consumer took {count} items, their sum is {sum}");
}

/// Returns each producer's sum, and how many items the consumer took, with their sum.
pub fn produce_and_consume(producers: u64) -> (Vec<u64>, (u64, u64)) {
    let (sender, receiver) = channel::bounded(CAPACITY);
    let consumer = thread::spawn(move || {
        // Ends when the last producer has dropped its sender.
        let add = |(count, sum), item: u64| (count + 1, sum + item);
        receiver.iter().fold((0, 0), add)
    });
    let produce = |number| {
        let sender = sender.clone();
        thread::spawn(move || {
            let items = number * ITEMS..(number + 1) * ITEMS;
            for item in items.clone() {
                sender.send(item).expect("the consumer waits for all");
            }
            items.sum()
        })
    };
    let producers: Vec<_> = (0..producers).map(produce).collect();
    drop(sender);

    let sums = producers
        .into_iter()
        .map(|producer| producer.join().expect("no panic"));
    (sums.collect(), consumer.join().expect("no panic"))
}
