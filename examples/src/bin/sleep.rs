//! Sleeping: it costs a coroutine its time, and nobody else's.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin sleep
//! sorted by sleeping: 1 2 3 5 8 13 21 34
//! 10000 coroutines slept 100 ms each; all were awake after 118 ms
//! a sleep of 500 µs took 561 µs
//! ```

use std::time::{Duration, Instant};

use may::{channel, coroutine, go};
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
Shows what sleeping coroutines cost.

Usage: sleep [options]

  --count N    how many coroutines sleep at once (default 10000)
  --workers N  threads that run the coroutines (default: one for each CPU)
  --help       show this text";

fn main() {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let count: usize = args.value("count", 10_000);

    // Each number sleeps for as many milliseconds, and then says that it is there.
    let (arrived, arrivals) = channel::bounded(1);
    for number in [21, 3, 34, 1, 13, 8, 2, 5] {
        let arrived = arrived.clone();
        go!(move || {
            coroutine::sleep(Duration::from_millis(10 * number));
            arrived.send(number).expect("somebody listens");
        });
    }
    drop(arrived);
    let sorted: Vec<String> = arrivals.iter().map(|number| number.to_string()).collect();
    println!("sorted by sleeping: {}", sorted.join(" "));

    // All sleep at the same time, so together they take no longer than one.
    let pause = Duration::from_millis(100);
    let begin = Instant::now();
    let sleepers: Vec<_> = (0..count)
        .map(|_| go!(move || coroutine::sleep(pause)))
        .collect();
    for sleeper in sleepers {
        sleeper.join().expect("it does not panic");
    }
    println!(
        "{count} coroutines slept {} ms each; all were awake after {} ms",
        pause.as_millis(),
        begin.elapsed().as_millis()
    );

    // Short sleeps are short: nothing is rounded to milliseconds.
    let short = Duration::from_micros(500);
    let begin = Instant::now();
    go!(move || coroutine::sleep(short))
        .join()
        .expect("it does not panic");
    println!(
        "a sleep of {} µs took {} µs",
        short.as_micros(),
        begin.elapsed().as_micros()
    );
}
