//! A tick of an interval as an arm of a `select!`.

use std::time::Instant;

use super::interval::Interval;
use crate::event::{Due, Finish, RawEvent};
use crate::util::clock::Deadline;
use crate::wait::Registration;

/// A tick, as an arm.
#[derive(Debug)]
pub struct TickEvent<'a> {
    interval: &'a mut Interval,
    tick: Option<Instant>,
}

impl<'a> TickEvent<'a> {
    /// The event of an interval's next tick.
    pub(crate) fn new(interval: &'a mut Interval) -> TickEvent<'a> {
        TickEvent {
            interval,
            tick: None,
        }
    }
}

impl RawEvent for TickEvent<'_> {
    fn offer(&mut self) -> bool {
        self.tick = self.interval.try_tick();
        self.tick.is_some()
    }

    fn register(&mut self, _by: &Registration, _arm: u16) -> bool {
        false
    }

    fn withdraw(&mut self) {}

    fn due(&self) -> Due {
        Due(Deadline::at(self.interval.next_tick()))
    }
}

impl Finish for TickEvent<'_> {
    type Output = Instant;

    fn finish(self) -> Instant {
        self.tick.expect("the operation has happened")
    }
}
