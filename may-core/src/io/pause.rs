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

    /// How long the next one is; it counts as waited for.
    pub(crate) fn next(&mut self) -> Duration {
        let next = self.next;
        self.next = (next * 2).min(self.longest);
        next
    }

    /// Waits for the next pause, or until `deadline`.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds.
    pub(crate) fn wait(&mut self, deadline: Deadline) {
        park::sleep_until(Deadline::after(self.next()).min(deadline));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut pause = Pause::new((Duration::from_millis(5), Duration::from_millis(30)));
        let pauses: Vec<_> = (0..5).map(|_| pause.next()).collect();
        assert_eq!(pauses, [5, 10, 20, 30, 30].map(Duration::from_millis));
    }
}
