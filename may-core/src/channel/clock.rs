//! Channels whose messages the clock sends: one at a given time, one every so often, none ever.
//!
//! There is no sender that wakes a receiver: it waits until the message is due and then takes it,
//! if no other receiver of the channel was faster. So a receiver that is cancelled or gives up
//! loses nothing.

use std::time::{Duration, Instant};

use super::error::Refused;
use crate::util::clock::{Deadline, later};
use crate::util::spin::SpinLock;

/// One message at a given time.
#[derive(Debug)]
pub(super) struct At<T> {
    due: Deadline,
    /// The message, until a receiver takes it.
    message: SpinLock<Option<T>>,
}

impl<T> At<T> {
    pub(super) fn new(due: Instant, message: T) -> At<T> {
        At {
            due: Deadline::at(due),
            message: SpinLock::new(Some(message)),
        }
    }

    /// When the message is due, if it is still there.
    pub(super) fn due(&self) -> Deadline {
        match self.message.lock().is_some() {
            true => self.due,
            false => Deadline::NEVER,
        }
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.due.has_elapsed() && self.message.lock().is_some())
    }

    /// Receives the message if it is due and there.
    pub(super) fn try_recv(&self) -> Result<T, Refused> {
        match self.due.has_elapsed() {
            true => self.message.lock().take().ok_or(Refused::NotNow),
            false => Err(Refused::NotNow),
        }
    }
}

/// A message for each period. There is at most one at a time: those that were not received in time
/// are left out.
#[derive(Debug)]
pub(super) struct Tick<T> {
    period: Duration,
    /// When the next message is due.
    next: SpinLock<Instant>,
    message: fn(Instant) -> T,
}

impl<T> Tick<T> {
    /// A channel that sends what `message` makes of the time at which it is due, for the first time
    /// at `first`.
    pub(super) fn new(first: Instant, period: Duration, message: fn(Instant) -> T) -> Tick<T> {
        Tick {
            period,
            next: SpinLock::new(first),
            message,
        }
    }

    pub(super) fn due(&self) -> Deadline {
        Deadline::at(*self.next.lock())
    }

    pub(super) fn len(&self) -> usize {
        usize::from(*self.next.lock() <= Instant::now())
    }

    /// Receives a message if one is due; otherwise tells when.
    fn take(&self) -> Result<T, Instant> {
        let now = Instant::now();
        let mut next = self.next.lock();
        let due = *next;
        if due > now {
            return Err(due);
        }
        *next = later(now, self.period);
        drop(next);
        Ok((self.message)(due))
    }

    pub(super) fn try_recv(&self) -> Result<T, Refused> {
        self.take().map_err(|_| Refused::NotNow)
    }
}
