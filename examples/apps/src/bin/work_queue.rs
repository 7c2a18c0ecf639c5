//! A work queue that several processes share through Redis: more processes do more work, and any of them may be killed.
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
//! What a job does is not the point here: it counts the steps of the Collatz sequence of a number. [`may_apps::queue`] says what is
//! promised and how it is kept.

use std::{
    error::Error,
    fmt::Display,
    process,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use may::{coroutine, go};
use may_apps::{
    Arguments,
    queue::{Job, Keys, Producer, Report, Settings, Worker},
    redis::{Client, Pool},
};
use may_http_example::stop_at_interrupt;

/// What `--help` prints.
const HELP: &str = "\
Work queue: jobs that producers and workers in several processes share through Redis.

Usage: work_queue COMMAND [options]

  produce  adds jobs
  work     does jobs
  check    says what became of them; fails unless each has had its effect exactly once

work_queue COMMAND --help shows the options of a command.";

/// What `produce --help` prints.
const PRODUCE: &str = "\
Adds jobs to a work queue. Run again with the same name, it goes on where it was.

Usage: work_queue produce [options]

  --redis URL   the server (default redis://127.0.0.1:6379/0)
  --queue NAME  the queue (default work)
  --name NAME   the producer's name, for one process at a time (default producer)
  --jobs N      how many jobs the producer has in all (default 1000)
  --room N      how many unfinished jobs the queue may hold (default 10000)
  --help        show this text";

/// What `work --help` prints.
const WORK: &str = "\
Does the jobs of a work queue, until ctrl-c.

Usage: work_queue work [options]

  --redis URL       the server (default redis://127.0.0.1:6379/0)
  --queue NAME      the queue (default work)
  --name NAME       the worker's name, which nobody else may have (default: made up)
  --at-once N       jobs done at once (default 8)
  --connections N   connections to the server (default 4)
  --pause-ms N      how long each job waits beside its computing (default 0)
  --lease-ms N      after how long a silence the jobs go to others (default 10000)
  --attempts N      how often a job may be begun (default 5)
  --until-empty     end when nothing is left to do
  --help            show this text";

/// What `check --help` prints.
const CHECK: &str = "\
Says what became of the jobs of a work queue.

Usage: work_queue check [options]

  --redis URL   the server (default redis://127.0.0.1:6379/0)
  --queue NAME  the queue (default work)
  --help        show this text";

/// For how long the server may be silent.
const REPLY_LIMIT: Duration = Duration::from_secs(5);

/// For how long a request waits for a connection of the pool.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long jobs may go on after ctrl-c.
const GRACE: Duration = Duration::from_secs(10);

fn main() {
    let commands = [("produce", PRODUCE), ("work", WORK), ("check", CHECK)];
    let (command, args) = Arguments::of_command(HELP, &commands);
    let client = Client::of_arguments(&args, REPLY_LIMIT);
    let keys = Keys::new(&args.value("queue", "work".to_owned()));
    let result = match command {
        "produce" => produce(&args, client, keys),
        "work" => work(&args, client, keys),
        _ => check(&client, &keys),
    };
    if let Err(error) = result {
        eprintln!("work_queue {command}: {error}");
        process::exit(1);
    }
}

/// Adds jobs.
fn produce(args: &Arguments, client: Client, keys: Keys) -> Result<(), Box<dyn Error>> {
    let name = args.value("name", "producer".to_owned());
    let jobs = args.value("jobs", 1000);
    let room = args.at_least_one("room", 10_000) as u64;
    let pool = Arc::new(Pool::new(client, 1, PATIENCE));
    let producer = Producer::new(pool, keys, name.clone(), room);
    let added = producer.add_up_to(jobs, |number| payload(&name, number))?;
    println!("producer {name}: {added} added, {jobs} in all");
    Ok(())
}

/// Does jobs.
fn work(args: &Arguments, client: Client, keys: Keys) -> Result<(), Box<dyn Error>> {
    let settings = Settings {
        name: args.optional("name").unwrap_or_else(made_up_name),
        at_once: args.at_least_one("at-once", 8),
        lease: Duration::from_millis(args.value("lease-ms", 10_000).max(10)),
        attempts: args.at_least_one("attempts", 5) as u32,
        until_empty: args.switch("until-empty"),
        grace: GRACE,
    };
    let pause = Duration::from_millis(args.value("pause-ms", 0));
    let connections = args.at_least_one("connections", 4);
    let name = settings.name.clone();

    // One more, which waits for jobs most of the time.
    let pool = Arc::new(Pool::new(client, connections + 1, PATIENCE));
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
