//! A lock for many readers or one writer: readers and writers take turns.
//!
//! A caller may wait by a call, a limit of time, a future or a select; it may be cancelled, and
//! its time may run out. A writer may become a reader. The coroutine that fuzzes takes rights, too.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, TryLockError, TryLockResult};
use std::time::Duration;

use may::future::block_on;
use may::select;
use may::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    Read,
    Write,
}

use Right::{Read, Write};

/// What a holder does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Drops,
    Panics,
    Downgrades,
}

enum Guard<'a> {
    Read(RwLockReadGuard<'a, ()>),
    Write(RwLockWriteGuard<'a, ()>),
}

impl Guard<'_> {
    /// Gives the right to write up for one to read, if it is one to write.
    fn downgrade(self) -> Self {
        match self {
            Guard::Write(guard) => Guard::Read(RwLockWriteGuard::downgrade(guard)),
            Guard::Read(guard) => Guard::Read(guard),
        }
    }
}

/// A lock as it should be.
#[derive(Debug, Default)]
struct Model {
    readers: BTreeSet<usize>,
    writer: Option<usize>,
    waiting_readers: BTreeSet<usize>,
    waiting_writers: VecDeque<usize>,
    poisoned: bool,
}

impl Model {
    /// Whether a caller need not wait.
    fn admits(&self, right: Right) -> bool {
        match right {
            Read => self.writer.is_none() && self.waiting_writers.is_empty(),
            Write => self.writer.is_none() && self.readers.is_empty(),
        }
    }

    /// Lets a caller in, or makes it wait.
    fn enter(&mut self, number: usize, right: Right) {
        match (right, self.admits(right)) {
            (Read, true) => drop(self.readers.insert(number)),
            (Read, false) => drop(self.waiting_readers.insert(number)),
            (Write, true) => self.writer = Some(number),
            (Write, false) => self.waiting_writers.push_back(number),
        }
    }

    /// Takes a holder or a waiter away.
    fn leave(&mut self, number: usize) {
        self.readers.remove(&number);
        self.waiting_readers.remove(&number);
        self.waiting_writers.retain(|waiter| *waiter != number);
        if self.writer == Some(number) {
            self.writer = None;
            self.let_readers_in();
        }
        if self.admits(Read) {
            self.let_readers_in();
        }
        if self.admits(Write) {
            self.writer = self.waiting_writers.pop_front();
        }
    }

    fn downgrade(&mut self, number: usize) {
        self.writer = None;
        self.readers.insert(number);
        self.let_readers_in();
    }

    fn let_readers_in(&mut self) {
        self.readers.append(&mut self.waiting_readers);
    }

    fn holders(&self) -> BTreeSet<usize> {
        self.readers.iter().copied().chain(self.writer).collect()
    }

    /// The coroutines that have not ended.
    fn present(&self) -> BTreeSet<usize> {
        let mut present = self.holders();
        present.extend(&self.waiting_readers);
        present.extend(&self.waiting_writers);
        present.remove(&FUZZER);
        present
    }
}

fn read(lock: &RwLock<()>, way: u64) -> RwLockReadGuard<'_, ()> {
    guard(match way {
        0 => lock.read(),
        1 => timeout(DAY, || lock.read()).expect("in a day"),
        2 => block_on(lock.read_async()),
        _ => select! {
            result = read_lock(lock) => result,
            after(DAY) => unreachable!(),
        },
    })
}

fn write(lock: &RwLock<()>, way: u64) -> RwLockWriteGuard<'_, ()> {
    guard(match way {
        0 => lock.write(),
        1 => timeout(DAY, || lock.write()).expect("in a day"),
        2 => block_on(lock.write_async()),
        _ => select! {
            result = write_lock(lock) => result,
            after(DAY) => unreachable!(),
        },
    })
}

/// The ways to take a right.
fn take(lock: &RwLock<()>, right: Right, way: u64) -> Guard<'_> {
    match right {
        Read => Guard::Read(read(lock, way)),
        Write => Guard::Write(write(lock, way)),
    }
}

/// The guard of a right that was free, whether or not the lock is poisoned.
fn tried<T>(result: TryLockResult<T>) -> Option<T> {
    match result {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Keeps a right until told how to give it back.
fn hold(mut guard: Guard<'_>, place: Place<How>) -> Done {
    loop {
        match place.stay() {
            How::Downgrades => guard = guard.downgrade(),
            How::Drops => break drop(guard),
            How::Panics => break drop_in_panic(guard),
        }
    }
    Done::GaveBack
}

/// One sequence of operations.
struct Round<'a> {
    lock: &'a Arc<RwLock<()>>,
    own: Option<Guard<'a>>,
    model: Model,
    waiters: Waiters<Done>,
    holders: Holders<How>,
    /// What has to end in this step, and how; nothing is the result of one that is cancelled.
    ends: Vec<(usize, Option<Done>)>,
    log: Vec<String>,
}

impl Round<'_> {
    fn start(&mut self, right: Right, way: u64) {
        let (lock, place) = (self.lock.clone(), self.holders.place(self.waiters.next));
        let number = self
            .waiters
            .start(move || hold(take(&lock, right, way), place));
        self.log.push(format!("{number}: {right:?} by {way}"));
        self.model.enter(number, right);
    }

    /// Starts an operation whose time runs out if it has to wait.
    fn start_limited(&mut self, right: Right, limit: Duration) {
        let (lock, place) = (self.lock.clone(), self.holders.place(self.waiters.next));
        let number = self.waiters.start(move || {
            timeout(limit, || take(&lock, right, 0))
                .map_or(Done::TimedOut, |guard| hold(guard, place))
        });
        self.log
            .push(format!("{number}: {right:?} within {limit:?}"));
        if self.model.admits(right) {
            return self.model.enter(number, right);
        }
        let handle = &self.waiters.handles[&number];
        eventually("its time runs out", || handle.is_finished());
        self.ends.push((number, Some(Done::TimedOut)));
    }

    fn try_to_take(&mut self, right: Right) {
        if self.own.is_some() {
            return;
        }
        self.own = match right {
            Read => tried(self.lock.try_read()).map(Guard::Read),
            Write => tried(self.lock.try_write()).map(Guard::Write),
        };
        let is_admitted = self.model.admits(right);
        self.log.push(format!("try {right:?}: {is_admitted}"));
        assert_eq!(self.own.is_some(), is_admitted, "{:#?}", self.log);
        if is_admitted {
            self.model.enter(FUZZER, right);
        }
    }

    /// Gives one right back, or downgrades it if it can be.
    fn give_back(&mut self, random: &mut Random, how: How) {
        let Some(holder) = one_of(random, &self.model.holders()) else {
            return;
        };
        let writes = self.model.writer == Some(holder);
        let how = if how == How::Downgrades && !writes {
            How::Drops
        } else {
            how
        };
        self.log.push(format!("{holder}: {how:?}"));
        match holder {
            FUZZER => self.give_own_back(how),
            _ => self.holders.tell(holder, how),
        }
        if how == How::Downgrades {
            return self.model.downgrade(holder);
        }
        self.model.poisoned |= how == How::Panics && writes;
        self.model.leave(holder);
        if holder != FUZZER {
            self.ends.push((holder, Some(Done::GaveBack)));
        }
    }

    fn give_own_back(&mut self, how: How) {
        let guard = self.own.take().expect("the model says that it is there");
        match how {
            How::Downgrades => self.own = Some(guard.downgrade()),
            How::Drops => drop(guard),
            How::Panics => drop_in_panic(guard),
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

    /// Cancels a waiter that may have been given the right in the same step.
    fn give_own_back_and_cancel(&mut self, random: &mut Random) {
        if self.own.is_some() {
            self.log.push("the own right goes".to_owned());
            self.own = None;
            self.model.leave(FUZZER);
            self.cancel_one(random);
        }
    }

    fn step(&mut self, random: &mut Random) {
        let right = if random.below(2) == 0 { Read } else { Write };
        match random.below(16) {
            0..5 => self.start(right, random.below(4)),
            5 => self.start_limited(right, Duration::ZERO),
            6 => self.start_limited(right, SHORT),
            7 => self.try_to_take(right),
            8..10 => self.give_back(random, How::Drops),
            10 => self.give_back(random, How::Panics),
            11 => self.give_back(random, How::Downgrades),
            12 => self.cancel_one(random),
            13 => self.give_own_back_and_cancel(random),
            14 => {
                // The right may be given back while the one that is cancelled is in the queue.
                self.cancel_one(random);
                self.give_back(random, How::Drops);
            }
            _ => {
                self.lock.clear_poison();
                self.model.poisoned = false;
            }
        }
    }

    /// Compares the lock with the model.
    fn compare(&mut self) {
        let ended = self.waiters.settle();
        let (model, log) = (&self.model, &self.log);
        self.ends.sort_by_key(|(number, _)| *number);
        assert_eq!(ended, self.ends, "{log:#?}\n{model:?}");
        self.ends.clear();
        let mut inside = self.holders.inside();
        inside.extend(self.own.as_ref().map(|_| FUZZER));
        assert_eq!(inside, model.holders(), "{log:#?}\n{model:?}");
        let waiting = BTreeSet::from_iter(self.waiters.waiting());
        assert_eq!(waiting, model.present(), "{log:#?}\n{model:?}");
        assert_eq!(self.lock.is_poisoned(), model.poisoned, "{log:#?}");
    }
}

pub(crate) fn round(mut random: Random) {
    let lock = Arc::new(RwLock::new(()));
    let mut round = Round {
        lock: &lock,
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
