//! Times and the ticks of an interval as operations.

use std::time::Instant;

use super::interval::Interval;
use crate::operation::{Timed, Timing, operation};
use crate::util::clock::Deadline;

/// A time.
struct At(Deadline);

impl Timing for At {
    type Output = ();

    fn kind(&self) -> &'static str {
        "sleep"
    }

    fn attempt(&mut self) -> Option<()> {
        self.0.has_elapsed().then_some(())
    }

    fn due(&self) -> Deadline {
        self.0
    }
}

operation! {
    /// A time's having come; from [`op::after`](crate::op::after) and [`op::at`](crate::op::at).
    pub struct After[][] => ()
    as AfterKind AfterProjection {
        At(Timed<At>),
    }
}

impl After {
    pub(crate) fn new(deadline: Deadline) -> After {
        let operation = Timed::new(At(deadline));
        After {
            kind: AfterKind::At { operation },
        }
    }
}

/// The next tick.
struct Next<'a>(&'a mut Interval);

impl Timing for Next<'_> {
    type Output = Instant;

    fn kind(&self) -> &'static str {
        "tick"
    }

    fn attempt(&mut self) -> Option<Instant> {
        self.0.try_tick()
    }

    fn due(&self) -> Deadline {
        Deadline::at(self.0.next_tick())
    }
}

operation! {
    /// An interval's next tick; from [`op::tick`](crate::op::tick).
    pub struct Tick['a]['a] => Instant
    as TickKind TickProjection {
        Next(Timed<Next<'a>>),
    }
}

impl<'a> Tick<'a> {
    pub(crate) fn new(interval: &'a mut Interval) -> Tick<'a> {
        let operation = Timed::new(Next(interval));
        Tick {
            kind: TickKind::Next { operation },
        }
    }
}
