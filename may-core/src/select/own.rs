//! Arms that need nobody else: times, and the caller's own cancellation.

use std::time::{Duration, Instant};

use crate::event::{Finish, RawEvent};
use crate::park;
use crate::time::AfterEvent;
use crate::util::clock::Deadline;
use crate::wait::Registration;

/// What `after(..)` can be called with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a duration",
    label = "neither a `Duration` nor an `Option` of one",
    note = "write it with its unit, as in `Duration::from_millis(5)`"
)]
pub trait MaybeDuration {
    /// The duration, if it is there.
    #[doc(hidden)]
    fn duration(self) -> Option<Duration>;
}

impl MaybeDuration for Duration {
    fn duration(self) -> Option<Duration> {
        Some(self)
    }
}

impl MaybeDuration for Option<Duration> {
    fn duration(self) -> Option<Duration> {
        self
    }
}

/// What `at(..)` can be called with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an instant",
    label = "neither an `Instant` nor an `Option` of one",
    note = "`after(duration)` is for a time that counts from now"
)]
pub trait MaybeInstant {
    /// The instant, if it is there.
    #[doc(hidden)]
    fn instant(self) -> Option<Instant>;
}

impl MaybeInstant for Instant {
    fn instant(self) -> Option<Instant> {
        Some(self)
    }
}

impl MaybeInstant for Option<Instant> {
    fn instant(self) -> Option<Instant> {
        self
    }
}

/// The event that happens after a while; never, if there is no duration.
#[must_use]
pub fn after(duration: impl MaybeDuration) -> Option<AfterEvent> {
    let duration = duration.duration()?;
    Some(AfterEvent::new(Deadline::after(duration)))
}

/// The event that happens at a time; never, if there is no time.
#[must_use]
pub fn at(instant: impl MaybeInstant) -> Option<AfterEvent> {
    let instant = instant.instant()?;
    Some(AfterEvent::new(Deadline::at(instant)))
}

/// The event that never happens.
#[must_use]
pub fn never() -> Option<AfterEvent> {
    None
}

/// The caller's own cancellation, as an arm.
#[derive(Debug)]
pub struct OwnCancellation(());

/// The event that happens when the calling coroutine is cancelled.
#[must_use]
pub fn cancelled() -> Option<OwnCancellation> {
    Some(OwnCancellation(()))
}

impl RawEvent for OwnCancellation {
    fn offer(&mut self) -> bool {
        park::is_cancelled()
    }

    fn register(&mut self, _by: &Registration, _arm: u16) -> bool {
        false
    }

    fn withdraw(&mut self) {}

    fn is_own_cancellation(&self) -> bool {
        true
    }
}

impl Finish for OwnCancellation {
    type Output = ();

    fn finish(self) {}
}
