//! The operations that happen by themselves when a time has come.

use std::fmt;
use std::pin::Pin;

use super::{Caller, Needs, OpFuture, Operation, Registration};
use crate::util::clock::Deadline;

/// What is different in each of them.
pub(crate) trait Timing {
    /// The outcome.
    type Output;

    /// See [`Needs::waits_for`].
    fn kind(&self) -> &'static str;

    /// Carries the operation out if its time has come.
    fn attempt(&mut self) -> Option<Self::Output>;

    /// When its time comes.
    fn due(&self) -> Deadline;
}

/// An outcome that is known from the beginning.
pub(crate) struct Known<T>(Option<T>);

impl<T> Known<T> {
    /// The operation with that outcome.
    pub(crate) fn new(outcome: T) -> Known<T> {
        Known(Some(outcome))
    }
}

impl<T> Timing for Known<T> {
    type Output = T;

    fn kind(&self) -> &'static str {
        "nothing"
    }

    fn attempt(&mut self) -> Option<T> {
        self.0.take()
    }

    fn due(&self) -> Deadline {
        Deadline::NEVER
    }
}

/// Such an operation.
pub(crate) struct Timed<T>(T);

impl<T: Timing> Timed<T> {
    /// An operation that has not been waited for yet.
    pub(crate) fn new(timing: T) -> Timed<T> {
        Timed(timing)
    }
}

// Nothing is registered anywhere, so nothing is pinned.
impl<T> Unpin for Timed<T> {}

impl<T: Timing> Operation for Timed<T> {
    fn attempt(mut self: Pin<&mut Self>, _by: Caller) -> Option<T::Output> {
        self.0.attempt()
    }

    fn register(self: Pin<&mut Self>, _by: &Registration) -> bool {
        false
    }

    fn withdraw(self: Pin<&mut Self>, _by: Caller) -> Option<T::Output> {
        None
    }

    fn abandon(self: Pin<&mut Self>) {}

    fn is_committed(&self) -> bool {
        false
    }

    fn needs(&self) -> Needs {
        Needs::due(self.0.due()).waits_for(self.0.kind(), self)
    }
}

impl<T: Timing> IntoFuture for Timed<T> {
    type Output = T::Output;
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}

impl<T> fmt::Debug for Timed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Timed { .. }")
    }
}
