//! A work queue that several processes share through Redis: more processes do more work, and any of
//! them may be killed.
//!
//! ```text
//! $ cargo run --release --bin work_queue -- produce --jobs 10000 &
//! $ cargo run --release --bin work_queue -- work &
//! $ cargo run --release --bin work_queue -- work --until-empty
//! worker 4711-18c2: 5012 finished, 0 taken over, 0 dropped, 0 failed, 0 left
//! $ cargo run --release --bin work_queue -- check
//! jobs added             10000
//! effect applied once    10000
//! ...
//! ```
//!
//! What a job does is not the point here: it counts the steps of the Collatz sequence of a number.
//! [`may_apps::queue`] says what is promised and how it is kept.

use std::{
    error::Error,
    fmt::Display,
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    process,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::{Args, Parser, Subcommand};
use may::{coroutine, go};
use may_apps::{
    queue::{Job, Keys, Producer, Report, Settings, Worker},
    redis::{Client, Pool},
};
use may_http_example::stop_at_interrupt;

/// Work queue: jobs that producers and workers in several processes share through Redis.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

/// Where the queue is.
#[derive(Args)]
struct Place {
    /// The URL of the server.
    #[arg(
        long = "redis",
        global = true,
        value_parser = |url: &str| Client::new(url, REPLY_LIMIT),
        default_value = "redis://127.0.0.1:6379/0"
    )]
    client: Client,
    /// The queue.
    #[arg(long, global = true, default_value = "work")]
    queue: String,
}

/// What to do.
#[derive(Subcommand)]
enum Command {
    /// Adds jobs. Run again with the same name, it goes on where it was.
    Produce(Produce),
    /// Does jobs, until ctrl-c.
    Work(Work),
    /// Says what became of the jobs; fails unless each has had its effect exactly once.
    Check,
}

/// How to add jobs.
#[derive(Args)]
struct Produce {
    /// The producer's name, for one process at a time.
    #[arg(long, default_value = "producer")]
    name: String,
    /// How many jobs the producer has in all.
    #[arg(long, default_value_t = 1000)]
    jobs: u64,
    /// How many unfinished jobs the queue may hold.
    #[arg(long, default_value = "10000")]
    room: NonZeroU64,
}

/// How to do jobs.
#[derive(Args)]
struct Work {
    /// The worker's name, which nobody else may have; by default it is made up.
    #[arg(long)]
    name: Option<String>,
    /// Jobs done at once.
    #[arg(long, default_value = "8")]
    at_once: NonZeroUsize,
    /// Connections to the server.
    #[arg(long, default_value = "4")]
    connections: NonZeroUsize,
    /// How long each job waits beside its computing.
    #[arg(long, default_value_t = 0)]
    pause_ms: u64,
    /// After how long a silence the jobs go to others.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(10..))]
    lease_ms: u64,
    /// How often a job may be begun.
    #[arg(long, default_value = "5")]
    attempts: NonZeroU32,
    /// End when nothing is left to do.
    #[arg(long)]
    until_empty: bool,
}

/// For how long the server may be silent.
const REPLY_LIMIT: Duration = Duration::from_secs(5);

/// For how long a request waits for a connection of the pool.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long jobs may go on after ctrl-c.
const GRACE: Duration = Duration::from_secs(10);

fn main() {
    let Options { command, place } = Options::parse();
    let keys = Keys::new(&place.queue);
    let result = match command {
        Command::Produce(options) => produce(options, place.client, keys),
        Command::Work(options) => work(options, place.client, keys),
        Command::Check => check(&place.client, &keys),
    };
    if let Err(error) = result {
        eprintln!("work_queue: {error}");
        process::exit(1);
    }
}

/// Adds jobs.
fn produce(options: Produce, client: Client, keys: Keys) -> Result<(), Box<dyn Error>> {
    let Produce { name, jobs, room } = options;
    let pool = Arc::new(Pool::new(client, 1, PATIENCE));
    let producer = Producer::new(pool, keys, name.clone(), room.get());
    let added = producer.add_up_to(jobs, |number| payload(&name, number))?;
    println!("producer {name}: {added} added, {jobs} in all");
    Ok(())
}

/// Does jobs.
fn work(options: Work, client: Client, keys: Keys) -> Result<(), Box<dyn Error>> {
    let name = options.name.unwrap_or_else(made_up_name);
    let settings = Settings {
        name: name.clone(),
        at_once: options.at_once.get(),
        lease: Duration::from_millis(options.lease_ms),
        attempts: options.attempts.get(),
        until_empty: options.until_empty,
        grace: GRACE,
    };
    let pause = Duration::from_millis(options.pause_ms);

    // One more, which waits for jobs most of the time.
    let connections = options.connections.get() + 1;
    let pool = Arc::new(Pool::new(client, connections, PATIENCE));
    let worker = Worker::new(pool, keys, settings, move |job| perform(job, pause));
    let stopping = stop_at_interrupt()?;
    println!("worker {name}: ready");
    let working = go!(move || worker.run(&stopping));
    let tally = working.join().expect("a worker does not panic")?;
    println!("worker {name}: {tally}");
    Ok(())
}

/// Says what became of the jobs.
fn check(client: &Client, keys: &Keys) -> Result<(), Box<dyn Error>> {
    let report = Report::take(&mut client.connect()?, keys, |producer, number| {
        steps(&payload(producer, number)).expect("payloads are numbers")
    })?;
    println!("{report}");
    match report.is_complete() {
        true => Ok(()),
        false => Err("not every job has had its effect exactly once".into()),
    }
}

/// Does a job.
fn perform(job: &Job, pause: Duration) -> Result<String, String> {
    if !pause.is_zero() {
        coroutine::sleep(pause);
    }
    steps(&job.payload)
}

/// Counts the steps of a number's Collatz sequence.
fn steps(number: &str) -> Result<String, String> {
    let describe =
        |error: &dyn Display| format!("'{number}' is not a number to count for: {error}");
    let mut number = number.parse::<u64>().map_err(|error| describe(&error))?;
    if number == 0 {
        return Err("zero never gets to one".to_owned());
    }
    let mut steps = 0u64;
    while number != 1 {
        number = match number % 2 {
            0 => number / 2,
            _ => number
                .checked_mul(3)
                .and_then(|tripled| tripled.checked_add(1))
                .ok_or("the sequence grows too large")?,
        };
        steps += 1;
    }
    Ok(steps.to_string())
}

/// What job `number` of a producer is: always the same number, up to a million.
fn payload(producer: &str, number: u64) -> String {
    let seed = producer.bytes().fold(number, |seed, byte| {
        (seed ^ u64::from(byte))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    });
    (1 + seed % 1_000_000).to_string()
}

/// A name that no other worker has: the number of the process, and when it started.
fn made_up_name() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    format!("{}-{:x}", process::id(), now.unwrap_or_default().as_nanos())
}
