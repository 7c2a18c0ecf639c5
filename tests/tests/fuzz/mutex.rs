//! A mutex: it has one holder, and the caller that has waited longest is next.
//!
//! A caller may wait by a call, a limit of time, a future or a select; it may be cancelled, and
//! its time may run out. The coroutine that fuzzes takes the lock, too.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, TryLockError};
use std::time::Duration;

use may::future::block_on;
use may::select;
use may::sync::{Mutex, MutexGuard};
use may::time::timeout;
use may_tests::{Random, eventually};

use super::{Holders, Place, Waiters, drop_in_panic, guard, one_of};

const DAY: Duration = Duration::from_secs(86_400);
const SHORT: Duration = Duration::from_micros(50);
/// The number of the coroutine that fuzzes.
const FUZZER: usize = usize::MAX;

/// What an operation has come to.
#[derive(Debug, PartialEq, Eq)]
enum Done {
    GaveBack,
    TimedOut,
}

/// How a holder gives the lock back.
#[derive(Clone, Copy, Debug)]
enum How {
    Drops,
    Panics,
}

/// A mutex as it should be.
#[derive(Debug, Default)]
struct Model {
    holder: Option<usize>,
    queue: VecDeque<usize>,
    poisoned: bool,
}

impl Model {
    /// Lets a caller in, or has it wait.
    fn enter(&mut self, number: usize) {
        self.queue.push_back(number);
        self.settle();
    }

    /// Takes a holder or a waiter away.
    fn leave(&mut self, number: usize) {
        self.holder = self.holder.filter(|holder| *holder != number);
        self.queue.retain(|waiter| *waiter != number);
        self.settle();
    }

    fn settle(&mut self) {
        self.holder = self.holder.or_else(|| self.queue.pop_front());
    }

    /// The coroutines that have not ended.
    fn present(&self) -> BTreeSet<usize> {
        let holder = self.holder.filter(|holder| *holder != FUZZER);
        self.queue.iter().copied().chain(holder).collect()
    }
}

/// The ways to lock.
fn lock(mutex: &Mutex<()>, way: u64) -> MutexGuard<'_, ()> {
    guard(match way {
        0 => mutex.lock(),
        1 => timeout(DAY, || mutex.lock()).expect("in a day"),
        2 => block_on(mutex.lock_async()),
        _ => select! {
            result = lock(mutex) => result,
            after(DAY) => unreachable!(),
        },
    })
}

/// Keeps the lock until told how to give it back.
fn hold(guard: MutexGuard<'_, ()>, place: Place<How>) -> Done {
    match place.stay() {
        How::Drops => drop(guard),
        How::Panics => drop_in_panic(guard),
    }
    Done::GaveBack
}

/// One sequence of operations.
struct Round<'a> {
    mutex: &'a Arc<Mutex<()>>,
    own: Option<MutexGuard<'a, ()>>,
    model: Model,
    waiters: Waiters<Done>,
    holders: Holders<How>,
    /// What has to end in this step, and how; nothing is the result of one that is cancelled.
    ends: Vec<(usize, Option<Done>)>,
    log: Vec<String>,
}

impl Round<'_> {
    fn start(&mut self, way: u64) {
        let (mutex, place) = (self.mutex.clone(), self.holders.place(self.waiters.next));
        let number = self.waiters.start(move || hold(lock(&mutex, way), place));
        self.model.enter(number);
        self.log.push(format!("{number} locks by {way}"));
    }

    /// Starts an operation whose time runs out if it has to wait.
    fn start_limited(&mut self, limit: Duration) {
        let (mutex, place) = (self.mutex.clone(), self.holders.place(self.waiters.next));
        let has_to_wait = self.model.holder.is_some();
        let number = self.waiters.start(move || {
            timeout(limit, || guard(mutex.lock()))
                .map_or(Done::TimedOut, |guard| hold(guard, place))
        });
        self.log.push(format!("{number} locks within {limit:?}"));
        if has_to_wait {
            let handle = &self.waiters.handles[&number];
            eventually("its time runs out", || handle.is_finished());
            self.ends.push((number, Some(Done::TimedOut)));
        } else {
            self.model.enter(number);
        }
    }

    /// Tries to take the lock; returns whether it was free.
    fn try_lock(&mut self) -> bool {
        self.own = match self.mutex.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        self.own.is_some()
    }

    fn expect_try_lock(&mut self) {
        if self.model.holder == Some(FUZZER) {
            return;
        }
        let is_free = self.model.holder.is_none();
        self.log.push(format!("try_lock: {is_free}"));
        assert_eq!(self.try_lock(), is_free, "{:#?}", self.log);
        if is_free {
            self.model.enter(FUZZER);
        }
    }

    fn give_back(&mut self, how: How) {
        let Some(holder) = self.model.holder else {
            return;
        };
        self.log.push(format!("{holder} gives it back: {how:?}"));
        self.model.leave(holder);
        if holder == FUZZER {
            self.own = None;
            return;
        }
        self.holders.tell(holder, how);
        self.ends.push((holder, Some(Done::GaveBack)));
        self.model.poisoned |= matches!(how, How::Panics);
    }

    /// Takes the lock between its release and the run of the one that was woken, if it is not kept
    /// for that one. Either way it is that one's turn then.
    fn take_ahead(&mut self) {
        if self.model.holder == Some(FUZZER) {
            self.give_back(How::Drops);
            self.try_lock();
            self.own = None;
        }
    }

    fn cancel(&mut self, victim: usize) {
        self.log.push(format!("{victim} is cancelled"));
        self.waiters.cancel(victim);
        self.ends.push((victim, None));
        self.model.leave(victim);
    }

    fn cancel_one(&mut self, random: &mut Random) {
        if let Some(victim) = one_of(random, &self.model.present()) {
            self.cancel(victim);
        }
    }

    fn step(&mut self, random: &mut Random) {
        match random.below(16) {
            0..5 => self.start(random.below(4)),
            5 => self.start_limited(Duration::ZERO),
            6 => self.start_limited(SHORT),
            7 => self.expect_try_lock(),
            8..11 => self.give_back(How::Drops),
            11 => self.give_back(How::Panics),
            12 => self.take_ahead(),
            13 => self.cancel_one(random),
            14 => {
                // The one that is cancelled may have been woken.
                self.give_back(How::Drops);
                self.cancel_one(random);
            }
            _ => {
                self.mutex.clear_poison();
                self.model.poisoned = false;
            }
        }
    }

    /// Compares the mutex with the model.
    fn compare(&mut self) {
        let ended = self.waiters.settle();
        let (model, log) = (&self.model, &self.log);
        self.ends.sort_by_key(|(number, _)| *number);
        assert_eq!(ended, self.ends, "{log:#?}\n{model:?}");
        self.ends.clear();
        let is_own = model.holder == Some(FUZZER);
        let inside: Vec<usize> = model.holder.into_iter().filter(|_| !is_own).collect();
        assert_eq!(
            Vec::from_iter(self.holders.inside()),
            inside,
            "{log:#?}\n{model:?}"
        );
        assert_eq!(self.own.is_some(), is_own, "{log:#?}\n{model:?}");
        let waiting = BTreeSet::from_iter(self.waiters.waiting());
        assert_eq!(waiting, model.present(), "{log:#?}\n{model:?}");
        assert_eq!(self.mutex.is_poisoned(), model.poisoned, "{log:#?}");
    }
}

pub(crate) fn round(mut random: Random) {
    let mutex = Arc::new(Mutex::new(()));
    let mut round = Round {
        mutex: &mutex,
        own: None,
        model: Model::default(),
        waiters: Waiters::new(),
        holders: Holders::new(),
        ends: Vec::new(),
        log: Vec::new(),
    };
    for _ in 0..random.below(40) {
        round.step(&mut random);
        round.compare();
    }
    for number in round.model.present() {
        round.cancel(number);
    }
    round.compare();
}
