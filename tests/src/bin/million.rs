//! A million coroutines in one process: what each costs while all are parked, and what is left when
//! they have gone.
//!
//! Prints bytes resident each (and of page tables, which the kernel counts apart), entries of the
//! memory map, the times to create, wake and join, and the memory afterwards; ends with status 1 if
//! one of the limits is exceeded that are given. Linux only. `ci/million.sh` runs it.

use std::fs;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use may::coroutine::{self, Builder, JoinHandle};

/// How many, unless an argument says otherwise.
const COROUTINES: usize = 1_000_000;
/// The most bytes resident that each may take.
const MOST_BYTES: usize = 4_500;
/// The most entries of the memory map, of the 65,530 that the kernel allows by default.
const MOST_ENTRIES: usize = 30_000;

/// How many have started.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// A field of `/proc/self/status` in bytes.
fn status(field: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .expect("the field is there");
    let kibibytes = line.trim_start_matches(':').trim().trim_end_matches(" kB");
    kibibytes.parse::<usize>().expect("a number") * 1_024
}

/// What the process takes.
fn memory() -> usize {
    status("VmRSS")
}

/// The entries of the memory map.
fn entries() -> usize {
    fs::read_to_string("/proc/self/maps")
        .expect("Linux")
        .lines()
        .count()
}

/// Waits until `condition` holds.
fn wait(condition: impl Fn() -> bool) {
    while !condition() {
        coroutine::sleep(Duration::from_millis(1));
    }
}

fn main() -> ExitCode {
    let count = std::env::args()
        .nth(1)
        .map_or(COROUTINES, |text| text.parse().expect("a number"));
    // From a coroutine: what a worker spawns lies in pools of its own, what a plain thread spawns
    // is left to malloc.
    coroutine::spawn(move || measure(count))
        .join()
        .expect("nothing panics")
}

/// Makes the coroutines, ends them, and prints what that took.
fn measure(count: usize) -> ExitCode {
    let mut handles: Vec<JoinHandle<()>> = Vec::with_capacity(count);
    // The handles' own memory is touched before it is measured.
    let before = memory() + count * size_of::<JoinHandle<()>>();

    let start = Instant::now();
    for _ in 0..count {
        let spawned = Builder::new().spawn(|| {
            STARTED.fetch_add(1, Ordering::Relaxed);
            coroutine::park();
        });
        handles.push(spawned.expect("the runtime runs"));
    }
    wait(|| STARTED.load(Ordering::Relaxed) == count);
    let created = start.elapsed();
    let (parked, map) = (memory(), entries());
    let each = parked.saturating_sub(before) / count;
    let tables = status("VmPTE") / count;

    let start = Instant::now();
    handles
        .iter()
        .for_each(|handle| handle.coroutine().unpark());
    let woken = start.elapsed();
    let mut failed = 0;
    let mut reason = None;
    for handle in handles.drain(..) {
        if let Err(payload) = handle.join() {
            failed += 1;
            reason.get_or_insert(coroutine::JoinError::from(payload));
        }
    }
    let joined = start.elapsed();
    drop(handles);
    // Idle workers give their memory back after a moment.
    coroutine::sleep(Duration::from_millis(500));
    let after = memory();

    println!("coroutines          {count}");
    println!(
        "without a stack     {failed} {}",
        reason.map(|reason| reason.to_string()).unwrap_or_default()
    );
    println!("bytes resident each {each}");
    println!("of page tables each  {tables}");
    println!("map entries         {map}");
    println!("created and parked  {created:?}");
    println!("woken               {woken:?}");
    println!("woken and joined    {joined:?}");
    println!(
        "memory before       {} KiB",
        (before - count * size_of::<JoinHandle<()>>()) >> 10
    );
    println!("memory parked       {} KiB", parked >> 10);
    println!("memory after        {} KiB", after >> 10);

    let back = after < before + parked / 10;
    if failed == 0 && each <= MOST_BYTES && map <= MOST_ENTRIES && back {
        ExitCode::SUCCESS
    } else {
        println!("a limit is exceeded: {MOST_BYTES} bytes, {MOST_ENTRIES} entries, a tenth left");
        ExitCode::FAILURE
    }
}
