//! A pipeline: stages that are coroutines, bounded channels between them, and `select!` where a stage has more than one thing to wait
//! for.
//!
//! ```text
//! source ──> 4 workers ──> collector ──> sink
//! ```
//!
//! The source gives each number to the first worker that has room for it. The collector has a buffer of its own: it receives while there
//! is room in it and sends while there is something in it, whichever is possible first. A token stops everything; what was on its way is
//! counted, so nothing is lost unseen.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin pipeline
//! 10000 numbers went through 4 workers: each came out once, squared
//! their sum is 333383335000
//! stopped after 100 numbers: what the source had sent was received or left in a channel
//! ```

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use may::{
    channel::{self, Receiver, Sender},
    coroutine, go, select,
    select::Select,
    sync::CancelToken,
};
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
Sends numbers through stages that work at the same time.

Usage: pipeline [options]

  --count N    how many numbers (default 10000)
  --workers N  threads that run the coroutines (default: one for each CPU)
  --help       show this text";

/// How many workers there are.
const WORKERS: usize = 4;
/// How many numbers the collector keeps.
const CAPACITY: usize = 16;

fn main() {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let count: u64 = args.value("count", 10_000);

    let pipeline = Pipeline::start(count);
    let (mut seen, mut sum) = (vec![false; count as usize + 1], 0);
    for (number, square) in pipeline.output.iter() {
        assert!(!std::mem::replace(&mut seen[number as usize], true));
        assert_eq!(square, number * number);
        sum += square;
    }
    assert!(seen.iter().skip(1).all(|seen| *seen));
    println!("{count} numbers went through {WORKERS} workers: each came out once, squared");
    println!("their sum is {sum}");

    // Another one without an end, which is stopped from outside.
    let pipeline = Pipeline::start(u64::MAX);
    let received = pipeline.output.iter().take(100).count() as u64;
    pipeline.stop.cancel();
    let rest = pipeline.output.iter().count() as u64;
    let sent = pipeline.sent.load(Ordering::Relaxed);
    let most = (WORKERS * 2 + CAPACITY + 2) as u64;
    if (received..=received + rest + most).contains(&sent) {
        println!(
            "stopped after {received} numbers: what the source had sent was received or left in a channel"
        );
    }
}

/// A number and what the workers have made of it.
type Squared = (u64, u64);

/// A pipeline that runs.
struct Pipeline {
    output: Receiver<Squared>,
    stop: CancelToken,
    /// How many numbers the source has sent.
    sent: Arc<AtomicU64>,
}

impl Pipeline {
    /// Starts the stages. Each ends when the one before it does, or when it is told to stop.
    fn start(count: u64) -> Pipeline {
        let (stop, sent) = (CancelToken::new(), Arc::new(AtomicU64::new(0)));
        let (inputs, numbers): (Vec<_>, Vec<_>) = (0..WORKERS).map(|_| channel::bounded(1)).unzip();
        let squares = numbers.into_iter().map(|numbers| {
            let (to_collector, squares) = channel::bounded(0);
            go!(name = "worker", move || work(&numbers, &to_collector));
            squares
        });
        let squares: Vec<_> = squares.collect();
        let (merged, from_workers) = channel::bounded(0);
        go!(name = "merge", move || merge(&squares, &merged));
        let (output, sink) = channel::bounded(0);
        go!(name = "collector", move || collect(&from_workers, &output));
        go!(name = "source", {
            let (stop, sent) = (stop.clone(), sent.clone());
            move || produce(count, &inputs, &stop, &sent)
        });
        Pipeline {
            output: sink,
            stop,
            sent,
        }
    }
}

/// Gives each number to whoever has room for it first.
fn produce(count: u64, workers: &[Sender<u64>], stop: &CancelToken, sent: &AtomicU64) {
    let [a, b, c, d] = workers else {
        unreachable!("there are {WORKERS} workers")
    };
    for number in 1..=count {
        // What is not sent is not made: the value belongs to the arm that wins.
        let result = select! {
            result = send(a, number) => result,
            result = send(b, number) => result,
            result = send(c, number) => result,
            result = send(d, number) => result,
            cancelled(stop) => return,
        };
        if result.is_err() {
            return;
        }
        sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// Squares numbers.
fn work(numbers: &Receiver<u64>, squares: &Sender<Squared>) {
    for number in numbers {
        if squares.send((number, number.wrapping_mul(number))).is_err() {
            return;
        }
        coroutine::yield_now();
    }
}

/// Makes one channel of several, whose number is known only at run time.
fn merge(workers: &[Receiver<Squared>], merged: &Sender<Squared>) {
    let mut all = Select::new();
    for worker in workers {
        all.recv(worker, |squared| squared);
    }
    while !all.is_empty() {
        let selected = all.wait();
        match selected.value {
            Ok(squared) if merged.send(squared).is_ok() => {}
            Ok(_) => return,
            Err(_) => all.remove(selected.index),
        }
    }
}

/// Keeps numbers until they are wanted: `pop_front` runs only if the send wins.
fn collect(input: &Receiver<Squared>, output: &Sender<Squared>) {
    let mut queue = VecDeque::new();
    loop {
        select! {
            Ok(squared) = recv(input) else { break } if queue.len() < CAPACITY => queue.push_back(squared),
            Ok(()) = send(output, queue.pop_front().expect("it is not empty")) else { return } if !queue.is_empty() => {}
        }
    }
    // The input has ended.
    let _ = queue
        .into_iter()
        .try_for_each(|squared| output.send(squared));
}
