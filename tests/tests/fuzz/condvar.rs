//! A condition variable: a notification is for the one that has waited longest, and none is lost.
//!
//! A holder of the mutex waits by a call, a limit of time or a condition; it may be cancelled, and
//! its time may run out. The coroutine that fuzzes takes the mutex, too. Which of those who wait
//! for the mutex gets it is left open here: a notification may come with the promise of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex as StdMutex, TryLockError};
use std::time::Duration;

use may::channel::{Receiver, Sender, bounded};
use may::coroutine;
use may::future::block_on;
use may::sync::{Condvar, Mutex, MutexGuard};
use may::time::timeout;
use may_tests::Random;

use super::{Waiters, drop_in_panic, guard, one_of};

const DAY: Duration = Duration::from_secs(86_400);
const SHORT: Duration = Duration::from_micros(50);
/// Longer than a limit, and than the wheel of the timers is inexact.
const AFTER_LIMITS: Duration = Duration::from_millis(2);
/// The number of the coroutine that fuzzes.
const FUZZER: usize = usize::MAX;

/// What an operation has come to.
#[derive(Debug, PartialEq, Eq)]
enum Done {
    GaveBack,
    /// A limit around the wait ended it, without the mutex.
    TimedOut,
}

/// How an operation has come to have the mutex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Locked,
    Notified,
    TimedOut,
}

/// What a holder of the mutex does next.
#[derive(Clone, Copy, Debug)]
enum How {
    Drops,
    Panics,
    /// Waits until it is notified.
    Waits(u64),
    /// Waits for this long, and takes the mutex again.
    WaitsFor(Duration),
    /// Waits inside a limit, and does not take the mutex again.
    IsLimited(Duration),
}

/// An operation that waits for the mutex.
#[derive(Clone, Copy, Debug)]
struct Contender {
    entry: Entry,
    cancelled: bool,
}

/// A condition variable and its mutex as they should be.
#[derive(Debug, Default)]
struct Model {
    holder: Option<usize>,
    contenders: BTreeMap<usize, Contender>,
    /// Those who wait to be notified.
    queue: VecDeque<usize>,
    poisoned: bool,
}

impl Model {
    fn contend(&mut self, number: usize, entry: Entry) {
        let cancelled = false;
        self.contenders
            .insert(number, Contender { entry, cancelled });
    }

    fn notify_one(&mut self) {
        if let Some(number) = self.queue.pop_front() {
            self.contend(number, Entry::Notified);
        }
    }

    /// The coroutines that have not ended.
    fn present(&self) -> BTreeSet<usize> {
        let holder = self.holder.filter(|holder| *holder != FUZZER);
        let waiting = self.queue.iter().chain(self.contenders.keys()).copied();
        waiting.chain(holder).collect()
    }
}

/// The ways to wait for a notification.
fn wait<'a>(condvar: &Condvar, held: MutexGuard<'a, ()>, way: u64) -> MutexGuard<'a, ()> {
    match way {
        0 => guard(condvar.wait(held)),
        1 => {
            let (held, result) = guard(condvar.wait_timeout(held, DAY));
            assert!(!result.timed_out());
            held
        }
        2 => guard(timeout(DAY, || condvar.wait(held)).expect("in a day")),
        _ => {
            let mut waits = [true, false].into_iter();
            guard(condvar.wait_while(held, |()| waits.next() == Some(true)))
        }
    }
}

/// The things, as one operation sees them.
struct Operation {
    number: usize,
    mutex: Arc<Mutex<()>>,
    condvar: Arc<Condvar>,
    told: Receiver<How>,
    entries: Arc<StdMutex<Vec<(usize, Entry)>>>,
}

impl Operation {
    /// Takes the mutex, and does what it is told as often as it has it.
    fn run(&self, by_future: bool) -> Done {
        let mut held = guard(match by_future {
            false => self.mutex.lock(),
            true => block_on(self.mutex.lock_async()),
        });
        let mut entry = Entry::Locked;
        loop {
            let mut entries = self.entries.lock().expect("nothing panics here");
            entries.push((self.number, entry));
            drop(entries);
            let how = self.told.recv();
            match how.expect("the one that fuzzes has the sender") {
                How::Drops => break drop(held),
                How::Panics => break drop_in_panic(held),
                How::Waits(way) => {
                    held = wait(&self.condvar, held, way);
                    entry = Entry::Notified;
                }
                How::WaitsFor(limit) => {
                    let (again, result) = guard(self.condvar.wait_timeout(held, limit));
                    assert!(result.timed_out());
                    held = again;
                    entry = Entry::TimedOut;
                }
                How::IsLimited(limit) => {
                    assert!(timeout(limit, || self.condvar.wait(held)).is_err());
                    return Done::TimedOut;
                }
            }
        }
        Done::GaveBack
    }
}

/// One sequence of operations.
struct Round<'a> {
    mutex: &'a Arc<Mutex<()>>,
    condvar: Arc<Condvar>,
    own: Option<MutexGuard<'a, ()>>,
    model: Model,
    waiters: Waiters<Done>,
    tell: BTreeMap<usize, Sender<How>>,
    entries: Arc<StdMutex<Vec<(usize, Entry)>>>,
    /// What has to end in this step, and how; nothing is the result of one that is cancelled.
    ends: Vec<(usize, Option<Done>)>,
    log: Vec<String>,
}

impl Round<'_> {
    fn start(&mut self, by_future: bool) {
        let (tell, told) = bounded(1);
        let operation = Operation {
            number: self.waiters.next,
            mutex: self.mutex.clone(),
            condvar: self.condvar.clone(),
            told,
            entries: self.entries.clone(),
        };
        let number = self.waiters.start(move || operation.run(by_future));
        self.tell.insert(number, tell);
        self.model.contend(number, Entry::Locked);
        self.log.push(format!("{number} locks"));
    }

    fn try_lock(&mut self) {
        if self.own.is_some() {
            return;
        }
        self.own = match self.mutex.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        let is_free = self.model.holder.is_none();
        self.log.push(format!("try_lock: {is_free}"));
        assert_eq!(self.own.is_some(), is_free, "{:#?}", self.log);
        if is_free {
            self.model.holder = Some(FUZZER);
        }
    }

    /// Tells the holder of the mutex what to do.
    fn tell(&mut self, how: How) {
        let Some(holder) = self.model.holder.take() else {
            return;
        };
        if holder == FUZZER {
            self.log.push("the own mutex is given back".to_owned());
            self.own = None;
            return;
        }
        self.log.push(format!("{holder}: {how:?}"));
        let told = self.tell[&holder].try_send(how);
        assert!(told.is_ok(), "{holder} is told once");
        match how {
            How::Drops => self.ends.push((holder, Some(Done::GaveBack))),
            How::Panics => {
                self.ends.push((holder, Some(Done::GaveBack)));
                self.model.poisoned = true;
            }
            How::Waits(_) => self.model.queue.push_back(holder),
            How::WaitsFor(_) => {
                self.model.contend(holder, Entry::TimedOut);
                self.let_limits_pass();
            }
            How::IsLimited(_) => {
                self.ends.push((holder, Some(Done::TimedOut)));
                self.let_limits_pass();
            }
        }
    }

    /// Lets the one that was told begin to wait, and its time run out.
    fn let_limits_pass(&self) {
        self.waiters.give_turns();
        // All timers are in the wheel of one worker: this one is later.
        coroutine::sleep(AFTER_LIMITS);
    }

    fn notify_one(&mut self) {
        self.log.push("notify_one".to_owned());
        self.condvar.notify_one();
        self.model.notify_one();
    }

    fn notify_all(&mut self) {
        self.log.push("notify_all".to_owned());
        self.condvar.notify_all();
        while !self.model.queue.is_empty() {
            self.model.notify_one();
        }
    }

    fn cancel(&mut self, victim: usize) {
        self.log.push(format!("{victim} is cancelled"));
        self.waiters.cancel(victim);
        if let Some(contender) = self.model.contenders.get_mut(&victim) {
            contender.cancelled = true;
            return;
        }
        self.ends.push((victim, None));
        self.model.queue.retain(|waiter| *waiter != victim);
        self.model.holder = self.model.holder.filter(|holder| *holder != victim);
    }

    fn cancel_one(&mut self, random: &mut Random) {
        if let Some(victim) = one_of(random, &self.model.present()) {
            self.cancel(victim);
        }
    }

    fn step(&mut self, random: &mut Random) {
        match random.below(20) {
            0..4 => self.start(random.below(2) == 0),
            4..8 => self.tell(How::Waits(random.below(4))),
            8 => self.tell(How::WaitsFor(one_limit(random))),
            9 => self.tell(How::IsLimited(one_limit(random))),
            10 => self.tell(How::Drops),
            11 => self.tell(How::Panics),
            12 => self.try_lock(),
            13 | 14 => self.notify_one(),
            15 => self.notify_all(),
            16 => self.cancel_one(random),
            17 => {
                // The one that is cancelled may have been notified.
                self.notify_one();
                self.cancel_one(random);
            }
            18 => {
                // The one that is notified may have been cancelled.
                self.cancel_one(random);
                self.notify_one();
            }
            _ => {
                // Those who are notified may find the mutex taken, and then free.
                self.try_lock();
                self.notify_one();
                self.notify_one();
                self.tell(How::Drops);
                self.cancel_one(random);
            }
        }
    }

    /// Compares the condition variable and its mutex with the model.
    fn compare(&mut self) {
        let mut ended = self.waiters.settle();
        let entries = std::mem::take(&mut *self.entries.lock().expect("nothing panics here"));
        let (model, log) = (&mut self.model, &self.log);
        for (number, entry) in entries {
            let contender = model.contenders.remove(&number);
            let contender = contender.unwrap_or_else(|| panic!("{number}: {log:#?}\n{model:?}"));
            assert_eq!(entry, contender.entry, "{number}: {log:#?}\n{model:?}");
            if contender.cancelled {
                // It gives the mutex back at its next wait.
                self.ends.push((number, None));
            } else {
                assert_eq!(model.holder, None, "{number}: {log:#?}\n{model:?}");
                model.holder = Some(number);
            }
        }
        // Only one that takes the mutex again, after its wait, is not cancelled before it has it.
        let unwound =
            |contender: &Contender| contender.cancelled && contender.entry == Entry::Locked;
        let (gone, left) = std::mem::take(&mut model.contenders)
            .into_iter()
            .partition(|(_, contender)| unwound(contender));
        model.contenders = left;
        let gone: BTreeMap<usize, Contender> = gone;
        self.ends
            .extend(gone.into_keys().map(|number| (number, None)));
        ended.sort_by_key(|(number, _)| *number);
        self.ends.sort_by_key(|(number, _)| *number);
        assert_eq!(ended, self.ends, "{log:#?}\n{model:?}");
        self.ends.clear();
        let is_left_free = model.holder.is_none() && !model.contenders.is_empty();
        assert!(!is_left_free, "{log:#?}\n{model:?}");
        let waiting = BTreeSet::from_iter(self.waiters.waiting());
        assert_eq!(waiting, model.present(), "{log:#?}\n{model:?}");
        assert_eq!(self.mutex.is_poisoned(), model.poisoned, "{log:#?}");
    }
}

fn one_limit(random: &mut Random) -> Duration {
    [Duration::ZERO, SHORT][random.below(2) as usize]
}

pub(crate) fn round(mut random: Random) {
    let mutex = Arc::new(Mutex::new(()));
    let mut round = Round {
        mutex: &mutex,
        condvar: Arc::default(),
        own: None,
        model: Model::default(),
        waiters: Waiters::new(),
        tell: BTreeMap::new(),
        entries: Arc::default(),
        ends: Vec::new(),
        log: Vec::new(),
    };
    for _ in 0..random.below(40) {
        round.step(&mut random);
        round.compare();
    }
    round.own = None;
    round.model.holder = round.model.holder.filter(|holder| *holder != FUZZER);
    for number in round.model.present() {
        round.cancel(number);
    }
    round.compare();
}
