//! Arms that need nobody else: times, and the caller's own cancellation.

use std::time::{Duration, Instant};

use crate::event::{Finish, RawEvent};
use crate::park;
use crate::time::AfterEvent;
use crate::util::clock::Deadline;
use crate::wait::Registration;

/// The event that happens after a while; never, if there is no duration.
#[must_use]
pub fn after(duration: impl Into<Option<Duration>>) -> Option<AfterEvent> {
    let duration = duration.into()?;
    Some(AfterEvent::new(Deadline::after(duration)))
}

/// The event that happens at a time; never, if there is no time.
#[must_use]
pub fn at(instant: impl Into<Option<Instant>>) -> Option<AfterEvent> {
    let instant = instant.into()?;
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
