//! Calls that wait at a descriptor, and races between what ends their wait and their cancellation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use may::coroutine::{self, JoinHandle, spawn};

use crate::{Random, assert_cancelled, end, eventually, on_workers, runtime, watchdog_for};

/// How many races of each kind: `MAY_ROUNDS`, or the few for which the ordinary run has time.
///
/// # Panics
///
/// If that is not a number.
#[must_use]
pub fn rounds() -> u64 {
    std::env::var("MAY_ROUNDS").map_or(1_000, |rounds| rounds.parse().expect("a number"))
}

/// A call that waits, and what ends its wait.
#[derive(Clone)]
pub struct Scene {
    /// Makes sure that the call will wait; called while none waits.
    prepare: Arc<dyn Fn() + Send + Sync>,
    /// Waits.
    wait: Arc<dyn Fn() + Send + Sync>,
    /// Ends the wait of one caller, or of several.
    ready: Arc<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scene").finish_non_exhaustive()
    }
}

impl Scene {
    /// The scene of these three.
    pub fn new(
        prepare: impl Fn() + Send + Sync + 'static,
        wait: impl Fn() + Send + Sync + 'static,
        ready: impl Fn() + Send + Sync + 'static,
    ) -> Scene {
        Scene {
            prepare: Arc::new(prepare),
            wait: Arc::new(wait),
            ready: Arc::new(ready),
        }
    }
}

/// Whether the system says that there is room.
///
/// # Panics
///
/// If it says nothing.
pub fn is_writable(stream: &impl std::os::fd::AsRawFd) -> bool {
    let mut descriptor = libc::pollfd {
        fd: stream.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: (system calls) the structure lives across the call, and there is one.
    unsafe { libc::poll(&raw mut descriptor, 1, 0) == 1 }
}

/// Starts a waiter and returns when it has started; with one worker it waits then.
fn start_waiting(scene: &Scene) -> JoinHandle<()> {
    let started = Arc::new(AtomicBool::new(false));
    let (scene, says) = (scene.clone(), started.clone());
    let waiter = spawn(move || {
        says.store(true, SeqCst);
        (scene.wait)();
    });
    eventually("the waiter has started", || started.load(SeqCst));
    waiter
}

/// Cancels waiters that nothing else would wake, and then uses the socket.
///
/// # Panics
///
/// If one waits forever, or does not unwind.
pub fn cancel_while_waiting(scene: fn() -> Scene) {
    for workers in [1, 3] {
        on_workers(workers, || {
            let scene = scene();
            for _ in 0..20 {
                (scene.prepare)();
                let waiters = [(); 4].map(|()| start_waiting(&scene));
                for waiter in &waiters {
                    waiter.cancel();
                }
                for waiter in waiters {
                    assert_cancelled(waiter.join());
                }
                // The next caller waits as always.
                let next = start_waiting(&scene);
                (scene.ready)();
                next.join().unwrap();
            }
        });
    }
}

/// Cancels waiters while what they wait for happens. There are bystanders at the same socket, one
/// of them a thread, who are not cancelled: there is always one event for each, so each has to come
/// to its end.
///
/// # Panics
///
/// If one does not, or one that is cancelled neither unwinds nor does what it was to do.
pub fn cancel_racing(scene: fn() -> Scene, seed: u64) {
    const VICTIMS: usize = 2;
    const BYSTANDERS: usize = 2;
    for workers in [1, 2] {
        let _watchdog = watchdog_for(Duration::from_secs(30 + rounds() / 20));
        let runtime = runtime(workers);
        let (taken, cancelled) = runtime.run(|| {
            let mut random = Random::new(seed);
            let scene = scene();
            let (mut taken, mut cancelled) = (0, 0);
            for round in 0..rounds() {
                (scene.prepare)();
                let mut victims = Vec::new();
                let mut bystanders = Vec::new();
                // Who stands first in the queue differs.
                for place in 0..VICTIMS + BYSTANDERS {
                    let scene = scene.clone();
                    let waiter = spawn(move || (scene.wait)());
                    if (place as u64 + round).is_multiple_of(2) {
                        victims.push(waiter);
                    } else {
                        bystanders.push(waiter);
                    }
                }
                let thread = round.is_multiple_of(8).then(|| {
                    let scene = scene.clone();
                    std::thread::spawn(move || (scene.wait)())
                });
                let events = BYSTANDERS + usize::from(thread.is_some());
                // Some rounds find them waiting, some on the way there.
                for _ in 0..random.below(4) {
                    coroutine::yield_now();
                }
                let ready = scene.ready.clone();
                let happens = spawn(move || (0..events).for_each(|_| ready()));
                for victim in &victims {
                    match random.below(3) {
                        0 => coroutine::sleep(Duration::from_micros(random.below(60))),
                        1 => (0..random.below(2_000)).for_each(|_| std::hint::spin_loop()),
                        _ => {}
                    }
                    victim.cancel();
                }
                happens.join().unwrap();
                for victim in victims {
                    match victim.join() {
                        // It has taken what was meant for a bystander.
                        Ok(()) => {
                            taken += 1;
                            (scene.ready)();
                        }
                        Err(error) => {
                            cancelled += 1;
                            assert!(error.is::<coroutine::Cancelled>());
                        }
                    }
                }
                for bystander in bystanders {
                    bystander.join().unwrap();
                }
                if let Some(thread) = thread {
                    // Joining would block this worker, whose poll it may be that wakes the thread.
                    eventually("the thread has ended", || thread.is_finished());
                    thread.join().unwrap();
                }
            }
            (taken, cancelled)
        });
        end(runtime);
        println!("{workers} workers: {taken} came before their cancellation, {cancelled} did not");
    }
}
