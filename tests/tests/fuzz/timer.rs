//! Timers: none is early, none is lost, and one that is not wanted any more leaves nothing.
//!
//! An operation waits for a time in one of many ways; in some of them a message may come before.
//! It may be cancelled. The coroutine that fuzzes lets time pass. The clock is the real one: a seed
//! decides what is done, and only nearly when.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use may::channel::{self, Receiver, RecvTimeoutError, Sender};
use may::coroutine::{sleep, sleep_until};
use may::future::{self, block_on};
use may::op::{self, Operation};
use may::select;
use may::time::{MissedTicks, interval_at, timeout, timeout_at};
use may_tests::{Random, eventually};

use super::Waiters;

const DAY: Duration = Duration::from_secs(86_400);
const WAYS: u64 = 12;
/// Of the ways, those before this one end for a message, too.
const HEARING: u64 = 5;

/// What an operation has come to, and when.
#[derive(Clone, Copy, Debug)]
enum Done {
    Time(Instant),
    Message,
}

/// Waits for a time or for a message.
fn hear(until: Instant, messages: &Receiver<()>, way: u64) -> Option<()> {
    match way {
        0 => select! {
            message = recv(messages) => message.ok(),
            after(until.saturating_duration_since(Instant::now())) => None,
        },
        1 => {
            let clock = channel::at(until);
            select! {
                message = recv(messages) => message.ok(),
                time = recv(clock) => {
                    assert_eq!(time, Ok(until));
                    None
                }
            }
        }
        2 => match messages.recv_deadline(until) {
            Ok(()) => Some(()),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => unreachable!("the sender is there"),
        },
        3 => timeout_at(until, || messages.recv()).ok()?.ok(),
        _ => op::first((
            op::recv(messages).map(Result::ok),
            op::at(until).map(|_| None),
            op::after(DAY).map(|_| unreachable!()),
        ))
        .wait(),
    }
}

/// Waits for a time only.
fn wait(start: Instant, until: Instant, way: u64) {
    match way {
        0 => sleep_until(until),
        1 => block_on(future::sleep_until(until)),
        2 => assert!(timeout_at(until, || channel::never::<()>().recv()).is_err()),
        3 => assert_eq!(channel::at(until).recv(), Ok(until)),
        4 => assert!(timeout_at(until, || timeout(DAY, || sleep(DAY))).is_err()),
        5 => assert!(timeout(DAY, || timeout_at(until, || sleep(DAY))).is_ok_and(|is| is.is_err())),
        _ => tick(start, until, way),
    }
}

/// Takes the ticks of an interval, the last of which is at `until`.
fn tick(start: Instant, until: Instant, way: u64) {
    const TICKS: u32 = 3;
    let period = until.saturating_duration_since(start) / TICKS;
    if period.is_zero() {
        return sleep_until(until);
    }
    let mut ticks = interval_at(start + period, period).missed_ticks(MissedTicks::Burst);
    for number in 1..=TICKS {
        let tick = select! {
            tick = tick(ticks) => tick,
            after(DAY) => unreachable!(),
        };
        assert_eq!(tick, start + period * number, "way {way}");
        assert!(tick <= Instant::now());
    }
    // The division rounds down.
    sleep_until(until);
}

/// An operation as it should be.
#[derive(Debug)]
struct Timer {
    until: Instant,
    hears: bool,
    told: bool,
    cancelled: bool,
}

/// One sequence of operations.
struct Round {
    start: Instant,
    timers: BTreeMap<usize, Timer>,
    tell: BTreeMap<usize, Sender<()>>,
    waiters: Waiters<Done>,
    log: Vec<String>,
}

impl Round {
    /// How long the sequence has run, for the log.
    fn so_far(&self, until: Instant) -> Duration {
        until.saturating_duration_since(self.start)
    }

    fn start(&mut self, until: Instant, way: u64) {
        let (start, (tell, messages)) = (self.start, channel::bounded(1));
        let number = self.waiters.start(move || {
            let message = match way {
                0..HEARING => hear(until, &messages, way),
                _ => {
                    wait(start, until, way - HEARING);
                    None
                }
            };
            message.map_or_else(|| Done::Time(Instant::now()), |()| Done::Message)
        });
        let at = self.so_far(until);
        self.log
            .push(format!("{number} waits until {at:?} by {way}"));
        let timer = Timer {
            until,
            hears: way < HEARING,
            told: false,
            cancelled: false,
        };
        self.timers.insert(number, timer);
        self.tell.insert(number, tell);
    }

    /// One of the operations that have not ended.
    fn one(&self, random: &mut Random) -> Option<usize> {
        let index = random.below(self.timers.len().max(1) as u64);
        self.timers.keys().nth(index as usize).copied()
    }

    fn tell_one(&mut self, random: &mut Random) {
        if let Some(number) = self.one(random) {
            // There is room for one, and it may have ended.
            let _ = self.tell[&number].try_send(());
            let timer = self.timers.get_mut(&number).expect("it is one of them");
            timer.told = true;
            self.log.push(format!("{number} is told"));
        }
    }

    fn cancel_one(&mut self, random: &mut Random) {
        if let Some(number) = self.one(random) {
            self.waiters.cancel(number);
            let timer = self.timers.get_mut(&number).expect("it is one of them");
            timer.cancelled = true;
            self.log.push(format!("{number} is cancelled"));
        }
    }

    /// Lets time pass, to that of one of the operations or to any other.
    fn pass(&mut self, random: &mut Random) {
        let soon = Instant::now() + Duration::from_micros(random.below(300));
        let until = (self.one(random).map(|number| self.timers[&number].until))
            .filter(|until| *until < Instant::now() + DAY / 2)
            .unwrap_or(soon);
        self.log.push(format!("it is {:?}", self.so_far(until)));
        sleep_until(until);
    }

    fn step(&mut self, random: &mut Random) {
        match random.below(16) {
            0..7 => {
                let micros = random.below(10) * random.below(100);
                let until = Instant::now() + Duration::from_micros(micros);
                self.start(until, random.below(WAYS));
            }
            // Some are there to be taken back.
            7 | 8 => self.start(self.start + DAY, random.below(WAYS)),
            9 | 10 => self.tell_one(random),
            11 | 12 => self.cancel_one(random),
            13 => {
                // All may come at the same time.
                self.pass(random);
                self.tell_one(random);
                self.cancel_one(random);
            }
            _ => self.pass(random),
        }
    }

    /// Compares the operations with the model.
    fn compare(&mut self) {
        let now = Instant::now();
        for (number, timer) in &self.timers {
            if timer.until <= now || (timer.told && timer.hears) || timer.cancelled {
                let handle = &self.waiters.handles[number];
                eventually("it ends", || handle.is_finished());
            }
        }
        for (number, done) in self.waiters.settle() {
            let timer = self.timers.remove(&number).expect("it ends once");
            let is_right = match done {
                Some(Done::Time(now)) => timer.until <= now,
                Some(Done::Message) => timer.told && timer.hears,
                None => timer.cancelled,
            };
            assert!(is_right, "{number}: {done:?}, {timer:?}, {:#?}", self.log);
        }
        let waiting = Vec::from_iter(self.timers.keys().copied());
        assert_eq!(self.waiters.waiting(), waiting, "{:#?}", self.log);
    }
}

pub(crate) fn round(mut random: Random) {
    let mut round = Round {
        start: Instant::now(),
        timers: BTreeMap::new(),
        tell: BTreeMap::new(),
        waiters: Waiters::new(),
        log: Vec::new(),
    };
    for _ in 0..random.below(40) {
        round.step(&mut random);
        round.compare();
    }
    for number in round.waiters.waiting() {
        round.waiters.cancel(number);
        let timer = round.timers.get_mut(&number).expect("it has not ended");
        timer.cancelled = true;
    }
    round.compare();
}
