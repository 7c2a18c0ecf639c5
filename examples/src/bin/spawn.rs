//! Starting coroutines: what `spawn` takes and what `join` gives back.
//!
//! `may::coroutine` has the shape of `std::thread`, so there is little to learn: `spawn` starts a
//! function, `join` waits for its result, and a panic arrives at `join` as an error. What is new is
//! the price: a hundred thousand coroutines are nothing special.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin spawn
//! 6 * 7 = 42, computed by a coroutine
//! "worker bee" has run
//! one coroutine panicked: no honey today
//! 100000 coroutines started and joined in 14.36 ms; their results add up to 4999950000
//! ```

use std::{panic, time::Instant};

use may::{
    coroutine::{self, Builder},
    go,
};
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
Starts coroutines and joins them.

Usage: spawn [options]

  --count N    how many coroutines to start at the end (default 100000)
  --workers N  threads that run the coroutines (default: one for each CPU)
  --help       show this text";

fn main() {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let count: u64 = args.value("count", 100_000);

    // `spawn` takes a closure and returns a handle. `go!(f)` is short for it.
    let answer = coroutine::spawn(|| 6 * 7);
    println!(
        "6 * 7 = {}, computed by a coroutine",
        answer.join().expect("it does not panic")
    );

    // A `Builder` names a coroutine and sizes its stack. `go!(builder, f)` is short for
    // `builder.spawn(f)`; unlike `spawn` it tells when the system has no room for another one.
    let builder = Builder::new()
        .name("worker bee".to_owned())
        .stack_size(64 * 1024);
    let bee = go!(builder, || coroutine::current().name().map(str::to_owned)).expect("room for it");
    println!(
        "{:?} has run",
        bee.join()
            .expect("it does not panic")
            .expect("it has a name")
    );

    // A panic ends only its own coroutine, and its handle has the payload.
    let lazy = go!(|| panic::resume_unwind(Box::new("no honey today")));
    let payload = lazy.join().map(|()| "nothing").expect_err("it panics");
    println!(
        "one coroutine panicked: {}",
        payload.downcast_ref::<&str>().expect("a text")
    );

    // Many of them, from a coroutine: those that it starts run on its own worker, and on others
    // when that one is behind.
    let begin = Instant::now();
    let sum: u64 = go!(move || {
        let handles: Vec<_> = (0..count).map(|number| go!(move || number)).collect();
        handles
            .into_iter()
            .map(|handle| handle.join().expect("it does not panic"))
            .sum()
    })
    .join()
    .expect("it does not panic");
    println!(
        "{count} coroutines started and joined in {:.2} ms; their results add up to {sum}",
        begin.elapsed().as_secs_f64() * 1e3
    );
}
