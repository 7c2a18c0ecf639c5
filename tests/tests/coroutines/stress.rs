//! Random programs: coroutines that spawn, yield, park, sleep, send, lock, panic and are cancelled,
//! on several workers at once. Nothing is lost, nothing happens twice, and the memory goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use may::channel::{self, Receiver, Sender};
use may::coroutine::{self, Builder, JoinHandle, Placement};
use may::sync::Mutex;
use may_tests::{Random, end, runtime, watchdog, watchdog_for, with_seeds};

/// What all coroutines of one program share.
struct World {
    workers: usize,
    /// Coroutines made, ended (however), and bodies dropped.
    made: AtomicUsize,
    gone: AtomicUsize,
    sent: AtomicUsize,
    received: AtomicUsize,
    tx: Sender<usize>,
    rx: Receiver<usize>,
    count: Mutex<usize>,
    counted: AtomicUsize,
}

/// Counts the end of a coroutine's body, whether it ran or not.
struct Gone(Arc<World>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.gone.fetch_add(1, SeqCst);
    }
}

/// One coroutine: some random steps.
fn live(world: &Arc<World>, mut random: Random, depth: u64) {
    let mut children: Vec<JoinHandle<()>> = Vec::new();
    for _ in 0..random.below(20) {
        match random.below(12) {
            0 | 1 if depth < 4 => children.push(spawn(world, &mut random, depth + 1)),
            2 | 3 => coroutine::yield_now(),
            4 => coroutine::park_timeout(Duration::from_nanos(random.below(50_000))),
            5 => coroutine::sleep(Duration::from_nanos(random.below(50_000))),
            6 => {
                let timeout = Duration::from_nanos(random.below(20_000));
                if world.tx.send_timeout(1, timeout).is_ok() {
                    world.sent.fetch_add(1, SeqCst);
                }
            }
            7 => {
                let timeout = Duration::from_nanos(random.below(20_000));
                if let Ok(message) = world.rx.recv_timeout(timeout) {
                    world.received.fetch_add(message, SeqCst);
                }
            }
            8 => {
                let mut count = world.count.lock().expect("no holder panics");
                *count += 1;
                if random.below(4) == 0 {
                    // Cancelled here, the lock is left, not poisoned.
                    world.counted.fetch_add(1, SeqCst);
                    coroutine::yield_now();
                } else {
                    world.counted.fetch_add(1, SeqCst);
                }
            }
            9 if !children.is_empty() => {
                let index = random.below(children.len() as u64) as usize;
                match random.below(4) {
                    0 => children[index].cancel(),
                    1 => children[index].coroutine().unpark(),
                    2 => drop(children.swap_remove(index)),
                    _ => drop(children.swap_remove(index).join()),
                }
            }
            10 if random.below(10) == 0 => std::panic::resume_unwind(Box::new("by chance")),
            _ => {
                let value = std::hint::black_box(random.below(500));
                (0..value).for_each(|_| std::hint::spin_loop());
            }
        }
    }
    if random.below(2) == 0 {
        for child in children {
            child.coroutine().unpark();
            let _ = child.join();
        }
    }
}

/// Spawns one more.
fn spawn(world: &Arc<World>, random: &mut Random, depth: u64) -> JoinHandle<()> {
    world.made.fetch_add(1, SeqCst);
    let mine = random.fork();
    let gone = Gone(world.clone());
    let placement = match random.below(4) {
        0 => Placement::Spread,
        1 => Placement::Worker(random.below(world.workers as u64) as usize),
        _ => Placement::Auto,
    };
    let spawned = Builder::new().placement(placement).spawn(move || {
        let gone = gone;
        live(&gone.0, mine, depth);
    });
    spawned.expect("the runtime runs until all have ended")
}

/// Runs one program from beginning to end.
fn program(workers: usize, random: &mut Random) {
    let runtime = runtime(workers);
    let (tx, rx) = channel::bounded(4);
    let world = Arc::new(World {
        workers,
        made: AtomicUsize::new(0),
        gone: AtomicUsize::new(0),
        sent: AtomicUsize::new(0),
        received: AtomicUsize::new(0),
        tx,
        rx,
        count: Mutex::new(0),
        counted: AtomicUsize::new(0),
    });
    runtime.run(|| {
        let roots: Vec<_> = (0..20).map(|_| spawn(&world, random, 0)).collect();
        for root in roots {
            if random.below(5) == 0 {
                root.cancel();
            }
            let _ = root.join();
        }
    });
    if random.below(2) == 0 {
        // Those that were detached are cancelled by the shutdown, or have ended.
        may_tests::eventually("all have ended", || {
            world.gone.load(SeqCst) == world.made.load(SeqCst)
        });
    }
    end(runtime);
    let made = world.made.load(SeqCst);
    assert_eq!(world.gone.load(SeqCst), made, "each body is dropped once");
    let world = Arc::into_inner(world).expect("there is no other reference");
    let left = world.rx.try_iter().sum::<usize>();
    assert_eq!(world.sent.load(SeqCst), world.received.load(SeqCst) + left);
    assert_eq!(
        world.count.into_inner().unwrap(),
        world.counted.load(SeqCst)
    );
}

#[test]
fn random_programs_lose_nothing_and_do_nothing_twice() {
    let _watchdog = watchdog_for(Duration::from_secs(120));
    with_seeds(150, |mut random| {
        let workers = 1 + random.below(4) as usize;
        program(workers, &mut random);
    });
}

/// Bytes resident.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = status.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_a_burst_goes_back() {
    let _watchdog = watchdog();
    may_tests::alone(|| {
        let runtime = runtime(2);
        let burst = || {
            let handles: Vec<_> = (0..20_000)
                .map(|_| runtime.spawn(coroutine::park))
                .collect();
            for handle in handles {
                handle.coroutine().unpark();
                handle.join().unwrap();
            }
        };
        // The first one shows what stays in the pools.
        burst();
        std::thread::sleep(Duration::from_millis(400));
        let before = resident();
        for _ in 0..10 {
            burst();
        }
        may_tests::eventually("the memory is back where it was", || {
            resident() < before + before / 4 + (4 << 20)
        });
        end(runtime);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_coroutines_whose_handles_go_while_their_worker_sleeps_goes_back() {
    let _watchdog = watchdog();
    may_tests::alone(|| {
        let runtime = runtime(1);
        runtime.run(|| coroutine::spawn(|| ()).join().unwrap());
        let before = resident();
        let handles = runtime.run(|| {
            let handles: Vec<_> = (0..200_000).map(|_| coroutine::spawn(|| ())).collect();
            may_tests::eventually("all have ended", || {
                handles.iter().all(JoinHandle::is_finished)
            });
            handles
        });
        // Long enough for the worker to have given back what it can, and to sleep.
        std::thread::sleep(Duration::from_millis(300));
        assert!(
            resident() > before + (40 << 20),
            "the handles hold 256 bytes each"
        );
        drop(handles);
        may_tests::eventually("the memory is back where it was", || {
            resident() < before + (10 << 20)
        });
        end(runtime);
    });
}

/// Row 20 of the list of what must not go wrong: May 0.3 writes to an eventfd on every spawn, and
/// allocates on every receive.
#[cfg(target_os = "linux")]
#[test]
fn spawning_and_receiving_on_a_busy_worker_makes_no_system_call() {
    let _watchdog = watchdog();
    may_tests::alone(|| {
        /// Voluntary switches of this thread, and bytes and calls that the process has written.
        fn calls() -> (u64, u64) {
            let field = |file: &str, name: &str| -> u64 {
                let text = std::fs::read_to_string(file).expect("Linux");
                let line = text
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .expect("a field");
                line.trim().parse().expect("a number")
            };
            (
                field("/proc/thread-self/status", "voluntary_ctxt_switches:"),
                field("/proc/self/io", "syscw:"),
            )
        }
        let runtime = runtime(1);
        runtime.run(|| {
            let work = || {
                for _ in 0..1_000 {
                    let (tx, rx) = channel::bounded(1);
                    let sender = coroutine::spawn(move || tx.send(1));
                    assert_eq!(rx.recv(), Ok(1));
                    sender.join().unwrap().unwrap();
                }
            };
            work();
            let before = calls();
            work();
            let after = calls();
            assert_eq!(before.1, after.1, "write(2) was called");
            assert!(
                after.0 - before.0 < 10,
                "the worker slept: {before:?} {after:?}"
            );
        });
        end(runtime);
    });
}

/// Counts allocations.
struct Counting;

/// How many there were, on threads that count.
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
thread_local! {
    static COUNTS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

// SAFETY: (system calls) everything is left to the system's allocator.
unsafe impl std::alloc::GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        if COUNTS.try_with(std::cell::Cell::get).unwrap_or(false) {
            ALLOCATIONS.fetch_add(1, SeqCst);
        }
        // SAFETY: (system calls) as above.
        unsafe { std::alloc::System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: std::alloc::Layout) {
        // SAFETY: (system calls) as above.
        unsafe { std::alloc::System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Row 20, the other half: neither a spawn nor a wait calls the allocator once the pools are warm.
#[test]
fn spawning_waiting_and_receiving_allocate_nothing() {
    let _watchdog = watchdog();
    may_tests::alone(|| {
        let runtime = runtime(1);
        runtime.run(|| {
            let (tx, rx) = channel::bounded(1);
            let lock = Arc::new(Mutex::new(0));
            let work = || {
                for _ in 0..500 {
                    let (tx, other) = (tx.clone(), lock.clone());
                    let sender = coroutine::spawn(move || {
                        *other.lock().unwrap() += 1;
                        tx.send(1).unwrap();
                    });
                    assert_eq!(rx.recv(), Ok(1));
                    coroutine::sleep(Duration::from_nanos(1));
                    coroutine::park_timeout(Duration::from_nanos(1));
                    sender.join().unwrap();
                }
            };
            work();
            COUNTS.set(true);
            work();
            COUNTS.set(false);
        });
        end(runtime);
        assert_eq!(ALLOCATIONS.load(SeqCst), 0);
    });
}
