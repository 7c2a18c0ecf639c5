//! Code that blocks its thread, beside an echo server that does not notice.
//!
//! A call that blocks its thread blocks every coroutine on it. `may::unblock` makes it on a thread
//! of a pool instead, and only the calling coroutine waits. This measures the round trips of an echo
//! server while many jobs block their threads: on the pool, and then where they should not be.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin pool_blocking
//! alone:                                 81735 round trips, half within 11 us, 99% within 24 us
//! beside 64 jobs of 50 ms on the pool:   79184 round trips, half within 11 us, 99% within 26 us
//! beside 4 jobs of 50 ms on the workers: 56 round trips, half within 12 us, 99% within 100328 us
//! a job was given up after 10 ms, when nobody wanted to wait for it any more
//! ```

use std::{
    io::{self, Read, Write},
    net::Ipv4Addr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use may::{
    coroutine,
    net::{TcpListener, TcpStream},
    sync::SyncFlag,
    time::timeout,
    unblock, unblock_detached,
};
use may_examples::{Arguments, Histogram};

/// What `--help` prints.
const HELP: &str = "\
Measures an echo server while jobs block their threads.

Usage: pool_blocking [options]

  --jobs N     how many jobs block at the same time (default 64)
  --millis N   for how many milliseconds each of them blocks (default 50)
  --waves N    how often, one after the other (default 20)
  --p99 N      fail if 1% of the round trips take longer than this many microseconds beside the pool
  --workers N  threads that run the coroutines (default: one for each CPU)
  --help       show this text";

fn main() {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let jobs: usize = args.value("jobs", 64);
    let blocks = Duration::from_millis(args.value("millis", 50));
    let waves: usize = args.value("waves", 20);

    let few = jobs.min(4);
    let millis = blocks.as_millis();
    let alone = measure(|| coroutine::sleep(blocks * waves as u32));
    print("alone:", &alone);
    let beside = measure(|| {
        for _ in 0..waves {
            at_once(jobs, || unblock(|| thread::sleep(blocks)));
        }
    });
    print(
        &format!("beside {jobs} jobs of {millis} ms on the pool:"),
        &beside,
    );
    // The same without the pool: whoever shares a worker with such a job waits for it.
    let held_up = measure(|| at_once(few, || thread::sleep(blocks)));
    print(
        &format!("beside {few} jobs of {millis} ms on the workers:"),
        &held_up,
    );

    // A job that may never end is given up with `unblock_detached`: it keeps its thread, and its
    // result is dropped.
    let begin = Instant::now();
    let answer = timeout(Duration::from_millis(10), || {
        unblock_detached(|| thread::sleep(Duration::from_secs(3600)))
    });
    assert!(answer.is_err());
    println!(
        "a job was given up after {} ms, when nobody wanted to wait for it any more",
        begin.elapsed().as_millis()
    );

    if let Some(most) = args.optional("p99") {
        let p99 = beside.percentile(99.0);
        if p99 > Duration::from_micros(most) {
            eprintln!(
                "99% took {} us, which is more than {most} us",
                p99.as_micros()
            );
            std::process::exit(1);
        }
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

/// Measures the round trips of an echo server for as long as `meanwhile` runs.
fn measure(meanwhile: impl FnOnce() + Send) -> Histogram {
    let times = Histogram::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let (connected, over) = (SyncFlag::new(), AtomicBool::new(false));
    coroutine::scope(|scope| {
        scope.spawn(|| {
            let (stream, _) = listener.accept().expect("a connection");
            io::copy(&mut &stream, &mut &stream).expect("an echo");
        });
        scope.spawn(|| {
            let mut stream = TcpStream::connect(address).expect("a connection");
            stream.set_nodelay(true).expect("a socket");
            let mut answer = [0; 64];
            while !over.load(Ordering::Relaxed) {
                let begin = Instant::now();
                stream.write_all(&[b'x'; 64]).expect("a server");
                stream.read_exact(&mut answer).expect("an echo");
                times.record(begin.elapsed());
                connected.fire();
            }
        });
        scope.spawn(|| {
            connected.wait();
            meanwhile();
            over.store(true, Ordering::Relaxed);
        });
    });
    times
}

/// Prints one line of the result.
fn print(what: &str, times: &Histogram) {
    println!(
        "{what:<38} {} round trips, half within {} us, 99% within {} us",
        times.count(),
        times.percentile(50.0).as_micros(),
        times.percentile(99.0).as_micros()
    );
}
