//! Waiting for something of which no event tells, by trying again after pauses.

use std::time::Duration;

use crate::park;
use crate::util::clock::Deadline;

/// Pauses, each twice the one before.
#[derive(Debug)]
pub(crate) struct Pause {
    next: Duration,
    longest: Duration,
}

impl Pause {
    /// Pauses from the first of these lengths up to the second.
    pub(crate) fn new((first, longest): (Duration, Duration)) -> Pause {
        Pause {
            next: first,
            longest,
        }
    }

    /// Waits for the next pause, or until `deadline`.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds.
    pub(crate) fn wait(&mut self, deadline: Deadline) {
        park::sleep_until(Deadline::after(self.next).min(deadline));
        self.next = (self.next * 2).min(self.longest);
    }
}
