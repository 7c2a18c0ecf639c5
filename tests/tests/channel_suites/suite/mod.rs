//! The behaviours of crossbeam-channel's channels. The module that includes this one names the
//! implementation `channel`, and `everywhere` what runs a body where it is to be tested.
//!
//! * [`bodies`]: what more than one kind of channel does
//! * [`array`], [`list`], [`zero`]: bounded, unbounded, and without a buffer
//! * [`after`], [`tick`], [`never`]: the receivers that have no senders
//! * [`iter`], [`same_channel`]: the iterators, and what an end is
//! * [`mpmc_stress`]: all kinds at random

mod bodies;

mod after;
mod array;
mod iter;
mod list;
mod mpmc_stress;
mod never;
mod same_channel;
mod tick;
mod zero;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::coroutine;
use may_tests::{Place, Started};

use super::channel::{self, Receiver, Sender};
use super::everywhere;

/// Both ends of a channel.
type Ends<T> = (Sender<T>, Receiver<T>);

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(300);
/// Long enough to be waited for.
const SHORT: Duration = Duration::from_millis(10);

/// Starts several helpers, each with its number.
fn several<T: Send + 'static>(
    place: &Place,
    count: usize,
    f: impl Fn(usize) -> T + Clone + Send + 'static,
) -> Vec<Started<T>> {
    (0..count)
        .map(|number| {
            let f = f.clone();
            place.start(move || f(number))
        })
        .collect()
}

/// Waits for all of them.
fn join_all<T>(helpers: Vec<Started<T>>) -> Vec<T> {
    helpers.into_iter().map(Started::join).collect()
}

/// Lets the helpers come to where they wait. They need not get there: then a test sees less, but
/// does not fail.
fn let_them_wait() {
    coroutine::sleep(SHORT);
}

/// Runs `f` and asserts that it took no less than `least`.
#[track_caller]
fn not_early<T>(least: Duration, f: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = f();
    assert!(start.elapsed() >= least, "returned early");
    result
}

/// A moment that has passed.
fn past() -> Instant {
    let now = Instant::now();
    now.checked_sub(SHORT).unwrap_or(now)
}

/// A moment that will not come.
fn far() -> Instant {
    Instant::now() + LONG
}

/// A message that counts how often it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Asserts what a channel without anything in it and without senders of its own says, also about
/// what comes later.
#[track_caller]
fn assert_nothing_comes<T: std::fmt::Debug + PartialEq>(rx: &Receiver<T>) {
    use channel::{RecvTimeoutError::Timeout, TryRecvError::Empty};
    assert_eq!((rx.len(), rx.is_empty()), (0, true));
    assert_eq!(rx.try_recv(), Err(Empty));
    assert_eq!(rx.try_iter().next(), None);
    assert_eq!(rx.recv_timeout(Duration::ZERO), Err(Timeout));
    assert_eq!(rx.recv_deadline(past()), Err(Timeout));
    assert_eq!(not_early(SHORT, || rx.recv_timeout(SHORT)), Err(Timeout));
    let soon = Instant::now() + SHORT;
    assert_eq!(rx.recv_deadline(soon), Err(Timeout));
    assert!(Instant::now() >= soon, "returned early");
}
