//! A deadline around any blocking code.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::coroutine::limit::{self, Reached};
use crate::coroutine::unwinding;
use crate::util::clock::Deadline;

/// The error of [`timeout`]: the time was up before the code had ended, which was unwound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elapsed;

impl Elapsed {
    /// The error of a future's limit.
    pub(crate) fn new() -> Elapsed {
        Elapsed
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time limit was reached before the operation had ended")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for std::io::Error {
    fn from(elapsed: Elapsed) -> std::io::Error {
        std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed)
    }
}

/// Runs `f`, whatever blocks in it, for at most `duration`.
///
/// When the time is up, the call in which `f` is blocked unwinds up to here, as it does when a
/// coroutine is cancelled: destructors run, locks are given back and not poisoned, a scope inside
/// cancels its children and waits for them. *Timed out means it did not happen*: a message that has
/// been received is not lost, one that has not been sent is still the caller's (unless `f` owned
/// it). Code that does not block is not interrupted, and if `f` gets to its end its value counts,
/// however late.
///
/// Limits nest: the earliest one counts, and each ends at the call that set it. Works on plain
/// threads, too. Behind a [`shield`](crate::coroutine::shield) nothing is interrupted. Coroutines
/// that `f` starts have no limit of their own.
///
/// # Errors
///
/// If the time was up first.
///
/// # Panics
///
/// Goes on with a panic of `f`. Panics in programs built with `panic = "abort"`, where nothing can
/// be unwound.
///
/// # Cancellation
///
/// As `f`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use may::{channel, time::timeout};
///
/// let (_sender, receiver) = channel::bounded::<u32>(1);
/// let answer = timeout(Duration::from_millis(1), || {
///     // any number of blocking calls, at any depth
///     receiver.recv()
/// });
/// assert!(answer.is_err());
/// ```
pub fn timeout<T>(duration: Duration, f: impl FnOnce() -> T) -> Result<T, Elapsed> {
    run(Deadline::after(duration), f)
}

/// As [`timeout`], until `deadline`.
///
/// # Errors
///
/// If the time was up first.
///
/// # Panics
///
/// As [`timeout`].
///
/// # Cancellation
///
/// As `f`.
pub fn timeout_at<T>(deadline: Instant, f: impl FnOnce() -> T) -> Result<T, Elapsed> {
    run(Deadline::at(deadline), f)
}

fn run<T>(deadline: Deadline, f: impl FnOnce() -> T) -> Result<T, Elapsed> {
    if cfg!(panic = "abort") {
        panic!(
            "`timeout` unwinds what it interrupts: build with `panic = \"unwind\"`, or give the calls in it timeouts of their own"
        );
    }
    let before = unwinding::mark_of_caller();
    let frame = limit::enter(deadline);
    // What `f` leaves half done can be seen after its unwinding either way.
    let result = catch_unwind(AssertUnwindSafe(f));
    match result {
        Ok(value) => Ok(value),
        Err(payload)
            if payload
                .downcast_ref()
                .is_some_and(|reached: &Reached| frame.owns(reached)) =>
        {
            unwinding::set_mark(before);
            Err(Elapsed)
        }
        Err(payload) => {
            drop(frame);
            unwinding::resume(payload)
        }
    }
}
