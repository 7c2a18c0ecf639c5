//! Arms that do not depend on others: times, and the caller's own cancellation.

use std::pin::Pin;
use std::time::{Duration, Instant};

use super::arm::OpArm;
use crate::operation::{Caller, Needs, OpFuture, Operation, Registration};
use crate::park;
use crate::time::After;
use crate::util::clock::Deadline;

/// What `after(..)` can be called with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a duration",
    label = "neither a `Duration` nor an `Option` of one",
    note = "write it with its unit, as in `Duration::from_millis(5)`"
)]
pub trait MaybeDuration {
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

/// The arm that happens after a while; never, if there is no duration.
#[must_use]
pub fn after(duration: impl MaybeDuration) -> Option<OpArm<After>> {
    let duration = duration.duration()?;
    Some(OpArm::new(After::new(Deadline::after(duration))))
}

/// The arm that happens at a time; never, if there is no time.
#[must_use]
pub fn at(instant: impl MaybeInstant) -> Option<OpArm<After>> {
    let instant = instant.instant()?;
    Some(OpArm::new(After::new(Deadline::at(instant))))
}

/// The arm that never happens.
#[must_use]
pub fn never() -> Option<OpArm<After>> {
    None
}

/// The arm that happens when the calling coroutine is cancelled.
#[must_use]
pub fn cancelled() -> OpArm<OwnCancellation> {
    OpArm::new(OwnCancellation(()))
}

/// The caller's own cancellation.
#[derive(Debug)]
pub struct OwnCancellation(());

impl Operation for OwnCancellation {
    fn attempt(self: Pin<&mut Self>, _by: Caller) -> Option<()> {
        park::is_cancelled().then_some(())
    }

    fn register(self: Pin<&mut Self>, _by: &Registration) -> bool {
        false
    }

    fn withdraw(self: Pin<&mut Self>, _by: Caller) -> Option<()> {
        None
    }

    fn abandon(self: Pin<&mut Self>) {}

    fn is_committed(&self) -> bool {
        false
    }

    fn needs(&self) -> Needs {
        Needs::cancellation_as_outcome()
    }

    fn cancelled(self: Pin<&mut Self>) -> Option<()> {
        Some(())
    }
}

impl IntoFuture for OwnCancellation {
    type Output = ();
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
