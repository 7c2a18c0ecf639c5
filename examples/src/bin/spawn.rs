//! Starting coroutines: what `spawn` takes and what `join` gives back.
//!
//! `may::coroutine` has the shape of `std::thread`: `spawn` starts a function, `join` waits for its
//! result, and a panic arrives at `join` as an error. What is new is the price: a hundred thousand
//! coroutines are nothing special.
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

fn main() {
    // `spawn` takes a closure and returns a handle. `go!(f)` is short for it.
    let answer = coroutine::spawn(|| 6 * 7).join().unwrap();
    println!("6 * 7 = {answer}, computed by a coroutine");

    // A `Builder` names a coroutine and sizes its stack. `go!(builder, f)` is short for
    // `builder.spawn(f)`; unlike `spawn` it tells when the system has no room for another one.
    let builder = Builder::new()
        .name("worker bee".to_owned())
        .stack_size(64 * 1024);
    let bee = go!(builder, || coroutine::current().name().map(str::to_owned)).expect("room for it");
    println!("{:?} has run", bee.join().unwrap().expect("it has a name"));

    // A panic ends only its own coroutine, and its handle has the payload.
    let lazy = go!(|| panic::resume_unwind(Box::new("no honey today")));
    let payload = lazy.join().map(|()| "nothing").expect_err("it panics");
    let message = payload.downcast_ref::<&str>().expect("a text");
    println!("one coroutine panicked: {message}");

    let begin = Instant::now();
    let sum = go!(|| sum_of_many(100_000)).join().unwrap();
    println!(
        "100000 coroutines started and joined in {:.2} ms; their results add up to {sum}",
        begin.elapsed().as_secs_f64() * 1e3
    );
}

/// Starts `count` coroutines from a coroutine. They run on its own worker, and on others when that
/// one is behind.
fn sum_of_many(count: u64) -> u64 {
    let handles: Vec<_> = (0..count).map(|number| go!(move || number)).collect();
    handles
        .into_iter()
        .map(|handle| handle.join().unwrap())
        .sum()
}
