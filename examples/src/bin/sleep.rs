//! Sleeping: it holds up the coroutine that sleeps, and no other.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin sleep
//! sorted by sleeping: 1 2 3 5 8 13 21 34
//! 10000 coroutines slept 100 ms each; all were awake after 118 ms
//! ```

use std::time::{Duration, Instant};

use may::{channel, coroutine, go};

fn main() {
    // Each number sleeps for ten times as many milliseconds, and then says that it is there.
    let (arrived, arrivals) = channel::unbounded();
    for number in [21, 3, 34, 1, 13, 8, 2, 5] {
        let arrived = arrived.clone();
        go!(move || {
            coroutine::sleep(Duration::from_millis(10 * number));
            arrived.send(number).expect("main receives");
        });
    }
    drop(arrived);
    let sorted: Vec<_> = arrivals.iter().map(|number| number.to_string()).collect();
    println!("sorted by sleeping: {}", sorted.join(" "));

    // All sleep at the same time, so together they take little longer than one.
    let begin = Instant::now();
    let sleep = || coroutine::sleep(Duration::from_millis(100));
    let sleepers: Vec<_> = (0..10_000).map(|_| go!(sleep)).collect();
    for sleeper in sleepers {
        sleeper.join().expect("it does not panic");
    }
    println!(
        "10000 coroutines slept 100 ms each; all were awake after {} ms",
        begin.elapsed().as_millis()
    );
}
