//! Random trees of operations, waited for in every way, dropped and cancelled at any moment: what
//! was received is what is gone.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use may::channel::{Receiver, Sender, bounded};
use may::coroutine::{self, yield_now};
use may::future::{block_on, timeout};
use may::op::{self, Boxed, Operation};
use may::select;
use may::sync::{Mutex, Semaphore};
use may_tests::{Random, on_workers, with_seeds};

/// What the operations are for.
struct Things {
    /// With and without a buffer. The receivers are ours, too, so that nothing is disconnected.
    channels: Vec<(Sender<u64>, Receiver<u64>)>,
    lock: Mutex<u64>,
    permits: Semaphore,
    /// How many messages were sent, and the sum of what was received.
    sent: AtomicU64,
    received: AtomicU64,
    /// How often the lock was taken.
    locked: AtomicU64,
}

/// What an operation has done.
enum Done<'a> {
    Received(u64),
    Sent(u64),
    Locked(may::sync::MutexGuard<'a, u64>),
    Permitted(may::sync::SemaphorePermit<'a>),
    Nothing,
}

impl Things {
    fn new() -> Things {
        Things {
            channels: [0, 1, 3].map(bounded).into(),
            lock: Mutex::new(0),
            permits: Semaphore::new(2),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            locked: AtomicU64::new(0),
        }
    }

    /// An operation on one of them; `sends` says whether it may send.
    fn leaf(&self, sends: bool, random: &mut Random) -> Boxed<'_, Done<'_>> {
        let (to, from) = &self.channels[random.below(3) as usize];
        let number = 1 + random.below(100);
        match random.below(8) {
            0..=2 => op::recv(from)
                .map(|number| Done::Received(number.unwrap()))
                .boxed(),
            3 | 4 if sends => op::send(to, number)
                .map(move |sent| {
                    sent.unwrap();
                    Done::Sent(number)
                })
                .boxed(),
            5 => op::lock(&self.lock)
                .map(|guard| Done::Locked(guard.unwrap()))
                .boxed(),
            6 => op::acquire(&self.permits).map(Done::Permitted).boxed(),
            _ => {
                let time = Duration::from_micros(random.below(200));
                op::after(time).map(|()| Done::Nothing).boxed()
            }
        }
    }

    /// A tree of operations.
    fn tree(&self, depth: u64, sends: bool, random: &mut Random) -> Boxed<'_, Done<'_>> {
        if depth == 0 {
            return self.leaf(sends, random);
        }
        match random.below(4) {
            0 => self.leaf(sends, random),
            1 => self.tree(depth - 1, sends, random).map(|done| done).boxed(),
            2 => {
                let made = Cell::new(Some(self.tree(depth - 1, sends, random)));
                op::guard(move || made.take().expect("it is made once")).boxed()
            }
            _ => {
                let parts: Vec<_> = (0..1 + random.below(4))
                    .map(|_| self.tree(depth - 1, sends, random))
                    .collect();
                op::first_of(parts).map(|(_, done)| done).boxed()
            }
        }
    }

    /// Notes what has been done.
    fn note(&self, done: Done<'_>) {
        match done {
            Done::Received(number) => drop(self.received.fetch_add(number, SeqCst)),
            Done::Sent(number) => drop(self.sent.fetch_add(number, SeqCst)),
            Done::Locked(mut guard) => {
                // Two at once would lose one of these.
                let before = *guard;
                yield_now();
                *guard = before + 1;
                self.locked.fetch_add(1, SeqCst);
            }
            Done::Permitted(permit) => {
                yield_now();
                drop(permit);
            }
            Done::Nothing => {}
        }
    }

    /// Waits for an operation in some way, or not at all.
    fn act(&self, random: &mut Random) {
        let way = random.below(7);
        // A receiver may have taken the message of a future that is dropped, which is documented:
        // then it was sent, and that is not reported.
        let tree = self.tree(3, way != 2, random);
        let time = Duration::from_micros(random.below(300));
        let done = match way {
            0 => tree.wait_timeout(time),
            1 => tree.try_now(),
            2 => block_on(timeout(time, tree)).ok(),
            3 => {
                select! {
                    done = on(tree) => Some(done),
                    after(time) => None,
                }
            }
            4 => may::time::timeout(time, || tree.wait()).ok(),
            5 => {
                drop(tree);
                None
            }
            _ => op::first((tree.map(Some), op::after(time).map(|()| None))).wait(),
        };
        // What has happened is noted, whatever is asked of the caller meanwhile.
        if let Some(done) = done {
            coroutine::shield(|| self.note(done));
        }
    }
}

#[test]
fn random_trees_of_operations_lose_nothing() {
    const EACH: usize = 150;
    for workers in [1, 2] {
        on_workers(workers, || {
            with_seeds(40, |mut random| {
                let things = Arc::new(Things::new());
                let actors: Vec<_> = (0..12)
                    .map(|_| {
                        let things = things.clone();
                        let mut random = random.fork();
                        coroutine::spawn(move || {
                            (0..EACH).for_each(|_| things.act(&mut random));
                        })
                    })
                    .collect();
                for _ in 0..4 {
                    coroutine::sleep(Duration::from_micros(random.below(3_000)));
                    actors[random.below(12) as usize].cancel();
                }
                for actor in actors {
                    if let Err(payload) = actor.join() {
                        assert!(payload.is::<may::coroutine::Cancelled>());
                    }
                }
                assert!(things.received.load(SeqCst) > 0 && things.locked.load(SeqCst) > 0);
                // A future of a rendezvous channel may have left its message there.
                let rest: u64 = things
                    .channels
                    .iter()
                    .flat_map(|(_, from)| from.try_iter())
                    .sum();
                let (sent, received) = (things.sent.load(SeqCst), things.received.load(SeqCst));
                assert_eq!(
                    sent,
                    received + rest,
                    "what was sent is received, or still there"
                );
                assert_eq!(*things.lock.try_lock().unwrap(), things.locked.load(SeqCst));
                assert_eq!(things.permits.available_permits(), 2);
            });
        });
    }
}
