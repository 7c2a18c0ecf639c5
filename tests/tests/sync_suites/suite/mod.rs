//! The behaviours of `std::sync`. The module that includes this one names the implementation
//! `sync`, and `everywhere` what runs a body where it is to be tested.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use may::coroutine;
use may_tests::{Place, Started, eventually, message};

use super::{everywhere, sync};

/// Asserts that types have the auto traits of those of the same names in std.
macro_rules! same_auto_traits {
    ($($($name:ident)::+ [$($arguments:tt)*]),+) => {$(
        assert_eq!(
            same_auto_traits!(@of super::sync::$($name)::+<$($arguments)*>),
            same_auto_traits!(@of std::sync::$($name)::+<$($arguments)*>),
            "Send, Sync, Unpin, UnwindSafe, RefUnwindSafe of {}",
            stringify!($($name)::+<$($arguments)*>)
        );
    )+};
    (@of $type:ty) => {
        [
            may_tests::has!($type: Send),
            may_tests::has!($type: Sync),
            may_tests::has!($type: Unpin),
            may_tests::has!($type: std::panic::UnwindSafe),
            may_tests::has!($type: std::panic::RefUnwindSafe),
        ]
    };
}

mod barrier;
mod condvar;
mod either_channel;
mod lazy_lock;
mod mpsc;
mod mutex;
mod once;
mod once_lock;
mod rwlock;
mod sync_channel;

/// Longer than any test takes: who waits that long is woken by something else.
const LONG: Duration = Duration::from_secs(600);

/// Gives what must not happen the time to happen. (Whether it would have is up to the scheduler, so
/// this finds faults but never raises a false alarm.)
fn a_moment() {
    coroutine::sleep(Duration::from_millis(2));
}

/// Starts a helper and returns when it is about to do its work.
fn start_one<T: Send + 'static>(
    place: &Place,
    f: impl FnOnce() -> T + Send + 'static,
) -> Started<T> {
    let started = Flag::default();
    let says = started.clone();
    let helper = place.start(move || {
        says.raise();
        f()
    });
    started.wait();
    helper
}

/// Starts `count` helpers.
fn start_many<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
    place: &Place,
    count: usize,
    mut helper: impl FnMut(usize) -> F,
) -> Vec<Started<T>> {
    (0..count).map(|i| place.start(helper(i))).collect()
}

/// Waits for all of them.
fn join_all<T>(helpers: Vec<Started<T>>) -> Vec<T> {
    helpers.into_iter().map(Started::join).collect()
}

/// Runs `f` and returns what it panicked with.
#[track_caller]
fn panic_of<T>(f: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it was to panic"),
        Err(payload) => message(&*payload),
    }
}

/// Asserts that an error is shown as std's is, and has no other one as its source.
#[track_caller]
fn same_error(ours: impl Error, stds: impl Error) {
    same_text(&ours, &stds);
    assert!(ours.source().is_none() && stds.source().is_none());
}

/// Asserts that something is shown as std's is.
#[track_caller]
fn same_text(ours: impl Debug + Display, stds: impl Debug + Display) {
    assert_eq!(ours.to_string(), stds.to_string());
    same_debug(ours, stds);
}

/// Asserts that something is shown to the programmer as std's is.
#[track_caller]
fn same_debug(ours: impl Debug, stds: impl Debug) {
    // Whether a placeholder is in quotes has changed between versions of std.
    let plain = |text: String| text.replace("\"<", "<").replace(">\"", ">");
    assert_eq!(plain(format!("{ours:?}")), plain(format!("{stds:?}")));
    assert_eq!(plain(format!("{ours:#?}")), plain(format!("{stds:#?}")));
}

/// Something that is said once and that others wait for.
#[derive(Clone, Default)]
struct Flag(Arc<AtomicBool>);

impl Flag {
    fn raise(&self) {
        self.0.store(true, SeqCst);
    }

    fn is_raised(&self) -> bool {
        self.0.load(SeqCst)
    }

    #[track_caller]
    fn wait(&self) {
        eventually("the flag is raised", || self.is_raised());
    }
}

/// Counts.
#[derive(Clone, Debug, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    /// Adds one and returns how many there were.
    fn add(&self) -> usize {
        self.0.fetch_add(1, SeqCst)
    }

    /// Takes one away.
    fn sub(&self) {
        self.0.fetch_sub(1, SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }

    #[track_caller]
    fn wait_for(&self, count: usize) {
        eventually("the count is reached", || self.get() == count);
    }
}

/// A value that counts when it is dropped.
#[derive(Debug)]
struct Dropped(Count);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add();
    }
}
