//! Everything at once, for minutes: echo over TCP, channels, locks, timers, select, cancellation,
//! panics, blocking work and futures, on two workers, under random load. Each load counts exactly.
//! After a warm-up, and again at the end, all comes to rest. Then no coroutine, timer, descriptor
//! or thread may be there that was not there before, and no more than a few entries of the memory
//! map. Resident memory must be as flat in the last quarter as it was in the second.
//!
//! Arguments: minutes (30) and a seed. Ends with status 1 if something is left, and with a panic if
//! a load counts wrong. Linux only. `ci/soak.sh` runs it.

use std::fs;
use std::io::{Read, Write};
use std::panic;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::thread;
use std::time::{Duration, Instant};

use may::coroutine::{self, Cancelled, Placement, TaskGroup};
use may::net::{Limits, TcpListener, TcpStream, serve};
use may::sync::{Barrier, CancelToken, Condvar, Mutex, RwLock, Semaphore};
use may::{Runtime, channel, future, join, select, time, unblock, unblock_detached};
use may_tests::Random;

/// How many loops there are of each load.
const LOOPS: usize = 4;
const WORKERS: usize = 2;
/// How long it takes at most until everything has gone: longer than an idle thread of the blocking
/// pool stays.
const REST: Duration = Duration::from_secs(60);
/// What resident memory may grow by from the second quarter to the last: a twentieth, and this.
const SLACK: u64 = 2 << 20;
/// What the entries of the memory map may grow by: the heap and what lies beside it meet, or do
/// not, by chance.
const MAP_SLACK: usize = 4;

/// One round of something; it has an end, and leaves nothing.
type Load = fn(&mut Random, &Shared);

const LOADS: [(&str, Load); 9] = [
    ("echo", echo),
    ("channels", channels),
    ("locks", locks),
    ("timers", timers),
    ("select", selects),
    ("cancellation", cancellation),
    ("panics", panics),
    ("unblock", blocking),
    ("futures", futures),
];

/// What the loads share.
struct Shared {
    address: std::net::SocketAddr,
    rounds: [AtomicU64; LOADS.len()],
    over: AtomicBool,
}

/// The payload of a panic that is a part of the load.
struct Meant;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let minutes: f64 = arguments
        .next()
        .map_or(30.0, |text| text.parse().expect("minutes"));
    let seed = arguments
        .next()
        .map_or_else(any_seed, |text| text.parse().expect("a seed"));
    println!("seed {seed}");
    let random = StdMutex::new(Random::new(seed));
    let runtime = Runtime::builder()
        .workers(WORKERS)
        .build()
        .expect("a runtime");
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !info.payload().is::<Meant>() {
            print(info);
        }
    }));
    let total = Duration::from_secs_f64(60.0 * minutes);
    // So that what is there once for all is there.
    run_loads(&runtime, (total / 4).min(Duration::from_secs(60)), &random);
    let before = at_rest(&runtime);
    println!("before: {before:?}");
    let memory = run_loads(&runtime, total, &random);
    let after = at_rest(&runtime);
    println!("after:  {after:?}");
    let quarter = |number: usize| {
        let samples = &memory[number * memory.len() / 4..(number + 1) * memory.len() / 4];
        samples.iter().copied().max().unwrap_or(0)
    };
    let (early, late) = (quarter(1), quarter(3));
    println!(
        "most memory: {} KiB in the second quarter, {} KiB in the last",
        early >> 10,
        late >> 10
    );
    let flat = late <= early + early / 20 + SLACK;
    runtime
        .shutdown(Duration::from_secs(20))
        .expect("nothing is left");
    match flat && after.is_within(&before) {
        true => ExitCode::SUCCESS,
        false => {
            println!("FAILED: something is left, or memory grows");
            ExitCode::FAILURE
        }
    }
}

fn any_seed() -> u64 {
    std::time::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| since.as_nanos() as u64)
}

/// Runs all loads for a while, and a server for them; returns the memory resident in each second.
fn run_loads(runtime: &Runtime, duration: Duration, random: &StdMutex<Random>) -> Vec<u64> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let shared = Shared {
        address: listener.local_addr().expect("it has one"),
        rounds: Default::default(),
        over: AtomicBool::new(false),
    };
    let stop = CancelToken::new();
    let limits = Limits::new().until(&stop);
    let samples = thread::scope(|s| {
        let sampler = s.spawn(|| sample(duration, &shared));
        runtime.run(|| {
            let server =
                coroutine::spawn(move || serve(listener, limits, |(stream, _), _| answer(&stream)));
            coroutine::scope(|loops| {
                for number in 0..LOADS.len() * LOOPS {
                    let mut random = random.lock().expect("nothing panics there").fork();
                    let shared = &shared;
                    loops.spawn(move || {
                        while !shared.over.load(Ordering::Relaxed) {
                            LOADS[number / LOOPS].1(&mut random, shared);
                            shared.rounds[number / LOOPS].fetch_add(1, Ordering::Relaxed);
                            if random.below(8) == 0 {
                                coroutine::sleep(Duration::from_micros(random.below(2_000)));
                            }
                        }
                    });
                }
            });
            stop.cancel();
            let report = server.join().expect("no panic").expect("no error");
            println!("the server: {report:?}");
        });
        sampler.join().expect("no panic")
    });
    for ((name, _), rounds) in LOADS.iter().zip(&shared.rounds) {
        println!("{:>10} rounds of {name}", rounds.load(Ordering::Relaxed));
    }
    samples
}

/// Notes the memory in each second, and then says that it is over. Ends the process if a load does
/// not get on.
fn sample(duration: Duration, shared: &Shared) -> Vec<u64> {
    let start = Instant::now();
    let mut samples = Vec::new();
    let mut seen = [(0, 0); LOADS.len()];
    while start.elapsed() < duration {
        thread::sleep(Duration::from_secs(1).min(duration.saturating_sub(start.elapsed())));
        samples.push(resident());
        for (number, seen) in seen.iter_mut().enumerate() {
            let rounds = shared.rounds[number].load(Ordering::Relaxed);
            *seen = if rounds == seen.0 {
                (rounds, seen.1 + 1)
            } else {
                (rounds, 0)
            };
            if seen.1 > 60 {
                eprintln!("no round of {} in a minute", LOADS[number].0);
                std::process::abort();
            }
        }
        if samples.len().is_multiple_of(60) {
            let rounds: Vec<u64> = shared
                .rounds
                .iter()
                .map(|rounds| rounds.load(Ordering::Relaxed))
                .collect();
            println!(
                "{} min: {} KiB, rounds {rounds:?}",
                samples.len() / 60,
                resident() >> 10
            );
        }
    }
    shared.over.store(true, Ordering::Relaxed);
    samples
}

/// Bytes of memory resident.
fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("a number") * 4096
}

/// What there is while nothing happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Inventory {
    coroutines: usize,
    timers: usize,
    descriptors: usize,
    threads: usize,
    map_entries: usize,
}

impl Inventory {
    fn take(runtime: &Runtime) -> Inventory {
        let count = |directory| fs::read_dir(directory).expect("Linux").count();
        let maps = fs::read_to_string("/proc/self/maps").expect("Linux");
        let of_worker = |worker| {
            let builder = coroutine::Builder::new().placement(Placement::Worker(worker));
            let asks = || (may_core::park::coroutines() - 1, may_core::park::timers());
            let handle = runtime.spawn_with(builder, asks).expect("it runs");
            handle.join().expect("no panic")
        };
        // The one that has been asked before may not be counted out yet.
        let coroutines = (0..20).map(|_| of_worker(0).0).min();
        let timers = (0..WORKERS).map(|worker| of_worker(worker).1).sum();
        Inventory {
            coroutines: coroutines.unwrap_or(0),
            timers,
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
            map_entries: maps.lines().count(),
        }
    }

    /// Whether there is no more of anything than there was.
    fn is_within(&self, before: &Inventory) -> bool {
        self.coroutines <= before.coroutines
            && self.timers <= before.timers
            && self.descriptors <= before.descriptors
            && self.threads <= before.threads
            && self.map_entries <= before.map_entries + MAP_SLACK
    }
}

/// What there is when nothing has changed for a while, and nothing runs.
fn at_rest(runtime: &Runtime) -> Inventory {
    let start = Instant::now();
    let (mut last, mut since) = (Inventory::take(runtime), Instant::now());
    while start.elapsed() < REST && since.elapsed() < REST / 4 {
        thread::sleep(Duration::from_millis(500));
        let now = Inventory::take(runtime);
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    last
}

/// Asserts that a join ended well, or by the cancellation that was asked for.
fn done_or_cancelled<T>(result: coroutine::Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(payload) if payload.is::<Cancelled>() => None,
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// The server's side of a connection.
fn answer(mut stream: &TcpStream) {
    let mut buffer = [0; 2048];
    loop {
        match stream.read(&mut buffer) {
            // A client that is ended in between may reset its connection.
            Ok(0) | Err(_) => return,
            Ok(count) => {
                if stream.write_all(&buffer[..count]).is_err() {
                    return;
                }
            }
        }
    }
}

/// Bytes go there and come back; now and then their sender is ended in between.
fn echo(random: &mut Random, shared: &Shared) {
    let address = shared.address;
    let mut own = random.fork();
    let client = coroutine::spawn(move || {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        for _ in 0..own.below(20) {
            let sent: Vec<u8> = (0..=own.below(3000))
                .map(|_| own.below(256) as u8)
                .collect();
            let mut received = vec![0; sent.len()];
            stream.write_all(&sent).expect("the server reads");
            stream
                .read_exact(&mut received)
                .expect("the server answers");
            assert_eq!(sent, received);
        }
    });
    if random.below(4) == 0 {
        may_tests::for_a_moment(random);
        client.cancel();
    }
    done_or_cancelled(client.join());
}

/// What was sent is received or left, also if a side is ended.
fn channels(random: &mut Random, _: &Shared) {
    let (sender, receiver) = match random.below(4) {
        0 => channel::unbounded(),
        capacity => channel::bounded(capacity as usize - 1),
    };
    let (sent, received) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut parties = Vec::new();
    for _ in 0..=random.below(4) {
        let (sender, sent, messages) = (sender.clone(), sent.clone(), random.below(200));
        parties.push(coroutine::spawn(move || {
            for message in 0..messages {
                if sender.send(message).is_err() {
                    break;
                }
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for _ in 0..=random.below(4) {
        let (receiver, received) = (receiver.clone(), received.clone());
        parties.push(coroutine::spawn(move || {
            while receiver.recv().is_ok() {
                received.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    drop(sender);
    may_tests::for_a_moment(random);
    for _ in 0..random.below(3) {
        parties[random.below(parties.len() as u64) as usize].cancel();
    }
    // A receiver is needed if all others are ended.
    let rest = receiver.iter().count() as u64;
    parties.into_iter().for_each(|party| {
        done_or_cancelled(party.join());
    });
    let counted = received.load(Ordering::Relaxed) + rest;
    assert_eq!(counted, sent.load(Ordering::Relaxed), "lost, or had twice");
}

/// Locks of all kinds around numbers.
fn locks(random: &mut Random, _: &Shared) {
    let (mutex, rwlock) = (Mutex::new(0), RwLock::new(0));
    let (semaphore, come) = (Semaphore::new(2), Condvar::new());
    let parties = 2 + random.below(4) as usize;
    let barrier = Barrier::new(parties);
    let each = random.below(50);
    coroutine::scope(|s| {
        for _ in 0..parties {
            s.spawn(|| {
                for _ in 0..each {
                    let _permit = semaphore.acquire();
                    *mutex.lock().expect("no panic") += 1;
                    *rwlock.write().expect("no panic") += 1;
                    assert!(*rwlock.read().expect("no panic") > 0);
                    come.notify_all();
                }
                barrier.wait();
            });
        }
        let all = each * parties as u64;
        let count = mutex.lock().expect("no panic");
        let count = come
            .wait_while(count, |count| *count < all)
            .expect("no panic");
        assert_eq!(*count, all);
    });
    assert_eq!(
        rwlock.into_inner().expect("no panic"),
        each * parties as u64
    );
    assert_eq!(semaphore.available_permits(), 2);
}

/// Times are not too short, and limits end what they are around.
fn timers(random: &mut Random, _: &Shared) {
    coroutine::scope(|s| {
        for _ in 0..random.below(20) {
            let pause = Duration::from_micros(random.below(3_000));
            let limit = Duration::from_micros(random.below(3_000));
            s.spawn(move || {
                let start = Instant::now();
                let result = time::timeout(limit, || coroutine::sleep(pause));
                assert!(start.elapsed() >= limit.min(pause));
                assert!(result.is_ok() || start.elapsed() >= limit);
            });
        }
        let mut interval = time::interval(Duration::from_micros(1 + random.below(500)));
        for _ in 0..random.below(5) {
            assert!(interval.tick() <= Instant::now());
        }
    });
}

/// Messages are taken by selects with many other arms; each once.
fn selects(random: &mut Random, _: &Shared) {
    let (first, from_first) = channel::bounded::<u64>(random.below(2) as usize);
    let (second, from_second) = channel::bounded::<u64>(random.below(3) as usize);
    let semaphore = Semaphore::new(1);
    let messages = random.below(100);
    let (sum, jobs) = (AtomicU64::new(0), AtomicU64::new(0));
    coroutine::scope(|s| {
        s.spawn(move || {
            for message in 1..=messages {
                select! {
                    Ok(()) = send(first, message) else { break } => {}
                    Ok(()) = send(second, message) else { break } => {}
                }
            }
        });
        for _ in 0..2 {
            s.spawn(|| {
                let (mut first, mut second) = (Some(&from_first), Some(&from_second));
                let mut ticks = time::interval(Duration::from_millis(1));
                while first.is_some() || second.is_some() {
                    let message = select! {
                        message = recv(first) => message.map_err(|_| first = None),
                        message = recv(second) => message.map_err(|_| second = None),
                        _ = tick(ticks) => Err(()),
                        after(Duration::from_millis(3)) => Err(()),
                        _permit = acquire(semaphore) if jobs.load(Ordering::Relaxed) < 3 => {
                            jobs.fetch_add(1, Ordering::Relaxed);
                            Err(())
                        }
                        () = run(coroutine::sleep(Duration::from_millis(2))) => Err(()),
                    };
                    sum.fetch_add(message.unwrap_or(0), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(sum.into_inner(), messages * (messages + 1) / 2);
    assert_eq!(semaphore.available_permits(), 1);
}

/// A tree of coroutines that is ended at any moment: all destructors have run when its root is
/// joined.
fn cancellation(random: &mut Random, _: &Shared) {
    fn grow(depth: u64, alive: &AtomicU64) {
        alive.fetch_add(1, Ordering::Relaxed);
        let _gone = may_tests::OnDrop(|| {
            alive.fetch_sub(1, Ordering::Relaxed);
        });
        coroutine::scope(|s| {
            if depth > 0 {
                s.spawn(move || grow(depth - 1, alive));
                s.spawn(move || grow(depth - 1, alive));
            }
            match depth % 3 {
                0 => coroutine::sleep(Duration::from_micros(300)),
                1 => coroutine::yield_now(),
                _ => coroutine::park_timeout(Duration::from_micros(100)),
            }
        });
    }
    let alive = Arc::new(AtomicU64::new(0));
    let (for_root, depth) = (alive.clone(), random.below(6));
    let root = coroutine::spawn(move || grow(depth, &for_root));
    may_tests::for_a_moment(random);
    root.cancel();
    done_or_cancelled(root.join());
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

/// A join learns of a panic, and poisons what it should; the others go on.
fn panics(random: &mut Random, _: &Shared) {
    let members = random.below(10);
    let chosen = random.below(10);
    let mutex = Arc::new(Mutex::new(0));
    let mut group = TaskGroup::new();
    for number in 0..members {
        let mutex = mutex.clone();
        group.spawn(move || {
            let mut count = mutex.lock().unwrap_or_else(|error| error.into_inner());
            *count += 1;
            coroutine::yield_now();
            if number == chosen {
                panic::panic_any(Meant);
            }
        });
    }
    let failed = group.join_all().into_iter().filter_map(Result::err);
    assert_eq!(
        failed.filter(|payload| payload.is::<Meant>()).count(),
        usize::from(chosen < members)
    );
    assert_eq!(mutex.is_poisoned(), chosen < members);
    let count = mutex.lock().unwrap_or_else(|error| error.into_inner());
    assert_eq!(*count, members);
}

/// Work on other threads is done once, or not begun.
fn blocking(random: &mut Random, _: &Shared) {
    let done = Arc::new(AtomicU64::new(0));
    let mut parties = Vec::new();
    for _ in 0..random.below(6) {
        let (done, pause) = (done.clone(), Duration::from_micros(random.below(200)));
        let detached = random.below(8) == 0;
        parties.push(coroutine::spawn(move || {
            let work = move || {
                thread::sleep(pause);
                done.fetch_add(1, Ordering::Relaxed);
            };
            match detached {
                true => unblock_detached(work),
                false => unblock(work),
            }
        }));
    }
    may_tests::for_a_moment(random);
    let victim = (random.below(2) == 0).then(|| parties.first()).flatten();
    if let Some(victim) = victim {
        victim.cancel();
    }
    let (cancelled, all) = (u64::from(victim.is_some()), parties.len() as u64);
    parties.into_iter().for_each(|party| {
        done_or_cancelled(party.join());
    });
    assert!(done.load(Ordering::Relaxed) + cancelled >= all);
}

/// Futures wait for coroutines, and coroutines for futures.
fn futures(random: &mut Random, _: &Shared) {
    let (sender, receiver) = channel::bounded(random.below(3) as usize);
    let messages = random.below(50);
    let pause = Duration::from_micros(random.below(500));
    let task = future::spawn(async move {
        for message in 0..messages {
            sender
                .send_async(message)
                .await
                .expect("there is a receiver");
        }
        future::sleep(pause).await;
    });
    let (sum, late) = join!(
        future::block_on(async {
            let mut sum = 0;
            while let Ok(message) = receiver.recv_async().await {
                sum += message;
            }
            sum
        }),
        future::block_on(future::timeout(pause, std::future::pending::<()>()))
    );
    assert!(late.is_err());
    assert_eq!(sum, messages * messages.saturating_sub(1) / 2);
    task.join().expect("no panic");
}
