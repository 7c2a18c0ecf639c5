//! Sleeping, limits in time, and regular times, for coroutines and plain threads alike.
//!
//! A coroutine sleeps in its worker's wheel and blocks no other. Times are precise to about a tenth
//! of a millisecond where the platform allows it.
//!
//! * [`timeout`](mod@timeout): a deadline around any blocking code
//! * [`interval`](mod@interval): something every so often; [`op`]: times and its ticks as
//!   operations

mod interval;
mod op;
mod timeout;

use std::time::{Duration, Instant};

use crate::park;
use crate::util::clock::Deadline;

pub use interval::{Interval, MissedTicks, interval, interval_at};
pub use op::{After, Tick};
pub use timeout::{Elapsed, timeout, timeout_at};

/// Blocks the caller for at least `duration`. Any duration will do; `Duration::MAX` sleeps until
/// cancelled. Zero returns at once, but is still a point at which a cancellation is delivered.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// may::time::sleep(Duration::from_micros(500));
/// assert!(start.elapsed() >= Duration::from_micros(500));
/// ```
pub fn sleep(duration: Duration) {
    park::sleep_until(Deadline::after(duration));
}

/// Blocks the caller until `deadline`; returns at once if it has passed.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let deadline = Instant::now() + Duration::from_millis(1);
/// may::time::sleep_until(deadline);
/// assert!(Instant::now() >= deadline);
/// ```
pub fn sleep_until(deadline: Instant) {
    park::sleep_until(Deadline::at(deadline));
}
