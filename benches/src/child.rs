//! One measurement, in a process of its own.
//!
//! It prints what it found as lines of a name and a number, which the schedule reads.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use crate::{
    case::Work,
    options::Task,
    peer::{Parked, Peer},
    system::{self, Memory},
};

/// How long a measurement repeats its work at least.
const ENOUGH: Duration = Duration::from_millis(100);

/// The same for a quick look.
const ENOUGH_QUICK: Duration = Duration::from_millis(30);

/// How many waiting coroutines the peers that cannot hold a million are asked for.
const FEWER_PARKED: u64 = 30_000;

/// Runs one measurement and prints its figures.
pub(crate) fn measure(task: &Task) -> Result<(), String> {
    let work = if task.quick {
        task.case.work.smaller()
    } else {
        task.case.work
    };
    let peer = (task.peer.start)(task.workers);
    match work {
        Work::Parked { count } => {
            // may 0.3 ends the process at about 32,000: two map entries for each stack.
            let count = if task.peer.name == "may-0.3" {
                count.min(FEWER_PARKED)
            } else {
                count
            };
            print_parked(
                &peer.parked(count).ok_or("this peer does not do that")?,
                count,
            );
        }
        _ => {
            let enough = if task.quick { ENOUGH_QUICK } else { ENOUGH };
            repeat(peer.as_ref(), thinned(work, task.peer.name), enough)?;
        }
    }
    println!("peak {}", Memory::peak_of(std::process::id()));
    Ok(())
}

/// The peers that run plain threads.
const PLAIN_THREADS: &[&str] = &["threads", "std-mpsc", "flume"];

/// Gives plain threads less of the same work: each start and each wait is many times dearer.
fn thinned(work: Work, peer: &str) -> Work {
    if !PLAIN_THREADS.contains(&peer) {
        return work;
    }
    match work {
        Work::SpawnJoin { total, batch } => Work::SpawnJoin {
            total: total / 20,
            batch,
        },
        Work::PingPong { .. } | Work::Rendezvous { .. } | Work::Condvar { .. } => work.smaller(),
        Work::Locking(crowd) if crowd.yields => work.smaller(),
        other => other,
    }
}

/// Repeats the work until there was enough of it, and prints the time for each operation.
fn repeat(peer: &dyn Peer, work: Work, enough: Duration) -> Result<(), String> {
    run(peer, work.smaller())?;

    let (mut operations, mut time) = (0, Duration::ZERO);
    let (begin, cpu_before) = (Instant::now(), system::cpu_time());
    while begin.elapsed() < enough {
        time += run(peer, work)?;
        operations += work.operations();
    }
    let cpu = system::cpu_time() - cpu_before;
    println!("time {}", time.as_nanos() as f64 / operations as f64);
    println!("cpu {}", cpu.as_nanos() as f64 / operations as f64);
    Ok(())
}

/// Does the work once.
fn run(peer: &dyn Peer, work: Work) -> Result<Duration, String> {
    let time = match work {
        Work::SpawnJoin { total, batch } => peer.spawn_join(total, batch.min(total)),
        Work::SpawnDetached { total, batch } => peer.spawn_detached(total, batch.min(total)),
        Work::Yield { tasks, yields } => peer.yield_now(tasks, yields / tasks),
        Work::PingPong {
            pairs,
            rounds,
            start,
        } => peer.ping_pong(pairs, rounds / pairs, start),
        Work::Fib { n } => checked(peer.fib(black_box(n)), fibonacci(n)),
        Work::FibJoin { n } => checked(peer.fib_join(black_box(n)), fibonacci(n)),
        Work::Skynet { leaves } => checked(peer.skynet(leaves), leaves * (leaves - 1) / 2),
        Work::Transfer(flow) => peer.transfer(flow),
        Work::Rendezvous { rounds } => peer.rendezvous(rounds),
        Work::SelectReady { messages } => peer.select_ready(messages),
        Work::SelectWaiting { rounds } => peer.select_waiting(rounds),
        Work::Locking(crowd) => peer.locking(crowd),
        Work::Condvar { rounds } => peer.condvar(rounds),
        Work::Echo { .. } | Work::Parked { .. } => unreachable!("these are measured otherwise"),
    };
    time.ok_or_else(|| "this peer does not do that".to_owned())
}

/// What `fib` must compute, in so little time that it does not count.
fn fibonacci(n: u64) -> u64 {
    (0..n).fold((0, 1), |(this, next), _| (next, this + next)).0
}

/// Takes the time of a computation whose result must be right.
fn checked(result: Option<(u64, Duration)>, expected: u64) -> Option<Duration> {
    let (value, time) = result?;
    assert_eq!(value, expected, "a peer has computed something wrong");
    Some(time)
}

/// Prints what waiting coroutines cost.
fn print_parked(parked: &Parked, count: u64) {
    let each = |bytes: u64| bytes as f64 / count as f64;
    let total = parked.create + parked.wake;
    println!("time {}", total.as_nanos() as f64 / count as f64);
    println!("count {count}");
    println!("create_s {}", parked.create.as_secs_f64());
    println!("wake_s {}", parked.wake.as_secs_f64());
    println!(
        "resident {}",
        each(parked.parked.resident - parked.before.resident)
    );
    println!(
        "page_tables {}",
        each(parked.parked.page_tables - parked.before.page_tables)
    );
    println!("mappings {}", parked.parked.mappings);
    println!("before {}", parked.before.resident);
    println!("after {}", parked.after.resident);
}
