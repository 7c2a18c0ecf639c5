//! Code that blocks its thread, beside an echo server that does not notice.
//!
//! A call that blocks its thread blocks every coroutine on it. `may::unblock` makes it on a thread
//! of a pool instead, and only the calling coroutine waits. This measures the round trips of an
//! echo server while many jobs block their threads: on the pool, and then where they should not be.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin pool_blocking
//! alone:                79184 round trips, 99% within 24.1µs
//! jobs on the pool:     79184 round trips, 99% within 26.3µs
//! jobs on the workers:  56 round trips, 99% within 100.328ms
//! ```
//!
//! The argument, if there is one, is a bound for the second line in microseconds.

use std::{
    env,
    io::{self, Read, Write},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use may::{
    coroutine,
    net::{TcpListener, TcpStream},
    unblock,
};

/// How many jobs there are at the same time, how often, and how long each blocks its thread.
const JOBS: usize = 64;
const WAVES: u32 = 20;
const BLOCKS: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let bound = env::args()
        .nth(1)
        .map(|bound| bound.parse().expect("a number"));
    measure("alone", || coroutine::sleep(WAVES * BLOCKS)).expect("an echo");
    let jobs = || (0..WAVES).for_each(|_| at_once(JOBS, || unblock(|| thread::sleep(BLOCKS))));
    let p99 = measure("jobs on the pool", jobs).expect("an echo");
    let few_jobs = || at_once(4, || thread::sleep(BLOCKS));
    measure("jobs on the workers", few_jobs).expect("an echo");
    match bound.is_some_and(|bound| p99 > Duration::from_micros(bound)) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// Runs `job` in so many coroutines at the same time, and waits for all of them.
fn at_once(count: usize, job: impl Fn() + Sync) {
    coroutine::scope(|scope| {
        for _ in 0..count {
            scope.spawn(&job);
        }
    });
}

/// Prints how many round trips an echo server does while `work` runs; returns how long 99% of them
/// take at most.
fn measure(name: &str, work: impl FnOnce() + Send) -> io::Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    client.set_nodelay(true)?;
    let (server, _) = listener.accept()?;
    let over = AtomicBool::new(false);
    let mut times = coroutine::scope(|scope| {
        // Ends when the client has gone.
        scope.spawn(move || io::copy(&mut &server, &mut &server));
        let client = scope.spawn(|| round_trips(client, &over));
        scope.spawn(work).join().expect("it does not panic");
        over.store(true, Ordering::Relaxed);
        client.join().expect("it does not panic")
    })?;
    times.sort_unstable();
    let p99 = times[times.len() * 99 / 100];
    println!(
        "{:<21} {} round trips, 99% within {p99:?}",
        format!("{name}:"),
        times.len()
    );
    Ok(p99)
}

/// Sends and receives until it is over; returns how long each round trip took.
fn round_trips(mut stream: TcpStream, over: &AtomicBool) -> io::Result<Vec<Duration>> {
    let mut times = Vec::new();
    while times.is_empty() || !over.load(Ordering::Relaxed) {
        let begin = Instant::now();
        stream.write_all(&[b'x'; 64])?;
        stream.read_exact(&mut [0; 64])?;
        times.push(begin.elapsed());
    }
    Ok(times)
}
