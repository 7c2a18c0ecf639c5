//! Sleeping, regular times, limits around other calls, and the channels of the clock.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use may::channel::{self, Receiver};
use may::coroutine;
use may::time::{self, Interval};

use crate::row::{DAYS, Row, Subject, deadline, hangs, or_max, sleeps, waits_in_time};
use crate::subject::{Both, Slot};

const RECV: &str = "channel/receiver.rs Receiver::recv";
const RECV_TIMEOUT: &str = "channel/receiver.rs Receiver::recv_timeout";
const RECV_DEADLINE: &str = "channel/receiver.rs Receiver::recv_deadline";

pub(crate) fn rows() -> Vec<Row> {
    [sleeping(), regularly(), limited(), of_the_clock()]
        .into_iter()
        .flatten()
        .collect()
}

/// No other wakes one that waits for the clock.
fn nobody<S>(_: &S) {}

fn sleeping() -> Vec<Row> {
    Subject::new("the clock", || (), nobody).rows([
        sleeps("time/mod.rs sleep", |(), timeout| {
            coroutine::sleep(or_max(timeout));
            false
        }),
        sleeps("time/mod.rs sleep_until", |(), timeout| {
            coroutine::sleep_until(deadline(timeout));
            false
        }),
    ])
}

/// A tick that was not taken is the next one.
fn regularly() -> Vec<Row> {
    type Ticks = Slot<Option<(Interval, Instant)>>;
    Subject::new("an interval", || Ticks::new(None), nobody).rows([sleeps(
        "time/interval.rs Interval::tick",
        |ticks: &Ticks, timeout| {
            ticks.with(|ticks| {
                let (interval, due) = ticks.get_or_insert_with(|| {
                    let due = deadline(timeout);
                    (time::interval_at(due, DAYS), due)
                });
                assert_eq!(interval.tick(), *due, "no tick was lost");
                false
            })
        },
    )])
}

fn limited() -> Vec<Row> {
    Subject::new(
        "a call that waits",
        || Both::new(channel::bounded::<i32>(4)),
        |c| c.tx.get().try_send(1).unwrap(),
    )
    .closed_by(|c| drop(c.tx.take()))
    .rows([
        waits_in_time("time/timeout.rs timeout", |c, timeout| {
            time::timeout(or_max(timeout), || c.rx.get().recv().is_ok()).unwrap_or(false)
        }),
        waits_in_time("time/timeout.rs timeout_at", |c, timeout| {
            time::timeout_at(deadline(timeout), || c.rx.get().recv().is_ok()).unwrap_or(false)
        }),
    ])
}

/// A channel that is made by the first call, which knows when its message is to come; so the next
/// call finds what the first one has left.
type Clock = OnceLock<Receiver<Instant>>;

/// The calls that wait for the message of a channel.
macro_rules! until_due {
    ($make:expr) => {
        [
            sleeps(RECV, |clock: &Clock, timeout| {
                let clock = clock.get_or_init(|| $make(timeout));
                assert!(clock.recv().is_ok());
                false
            }),
            sleeps(RECV_TIMEOUT, |clock: &Clock, timeout| {
                let clock = clock.get_or_init(|| $make(timeout));
                assert!(clock.recv_timeout(Duration::MAX).is_ok());
                false
            }),
        ]
    };
}

/// The calls whose own time is over before a message comes.
macro_rules! until_over {
    ($make:expr) => {
        [
            sleeps(RECV_TIMEOUT, |clock: &Clock, timeout| {
                let clock = clock.get_or_init(|| $make(None));
                clock.recv_timeout(or_max(timeout)).is_ok()
            }),
            sleeps(RECV_DEADLINE, |clock: &Clock, timeout| {
                let clock = clock.get_or_init(|| $make(None));
                clock.recv_deadline(deadline(timeout)).is_ok()
            }),
        ]
    };
}

/// A channel with one message, after the timeout.
fn at(timeout: Option<Duration>) -> Receiver<Instant> {
    channel::at(deadline(timeout))
}

/// A channel whose first message comes after the timeout.
fn tick(timeout: Option<Duration>) -> Receiver<Instant> {
    channel::tick(timeout.map_or(DAYS, |timeout| timeout.min(DAYS)))
}

/// A channel without messages.
fn never(_: Option<Duration>) -> Receiver<Instant> {
    channel::never()
}

fn of_the_clock() -> Vec<Row> {
    let subject = |of| Subject::new(of, Clock::new, nobody);
    let hang = hangs(RECV, |clock: &Clock, _| {
        clock.get_or_init(channel::never).recv().is_ok()
    });
    [
        subject("a message at a time").rows(until_due!(at)),
        subject("a message at a time too late").rows(until_over!(at)),
        subject("ticks").rows(until_due!(tick)),
        subject("ticks too far apart").rows(until_over!(tick)),
        subject("a channel without messages").rows(until_over!(never)),
        subject("a channel without messages").rows([hang]),
    ]
    .into_iter()
    .flatten()
    .collect()
}
