//! Times and ticks of an interval as events.

use std::time::Instant;

use super::interval::Interval;
use crate::event::{Due, Finish, RawEvent, TaskEvent};
use crate::util::clock::Deadline;
use crate::wait::Registration;

/// A time, as an event.
#[derive(Debug)]
pub struct AfterEvent(Deadline);

impl AfterEvent {
    /// The event that happens at `deadline`.
    pub(crate) fn new(deadline: Deadline) -> AfterEvent {
        AfterEvent(deadline)
    }
}

impl RawEvent for AfterEvent {
    fn offer(&mut self) -> bool {
        self.0.has_elapsed()
    }

    fn register(&mut self, _by: &Registration, _arm: u16) -> bool {
        false
    }

    fn withdraw(&mut self) {}

    fn due(&self) -> Due {
        Due(self.0)
    }
}

impl TaskEvent for AfterEvent {
    fn relinquish(&mut self) {}
}

impl Finish for AfterEvent {
    type Output = ();

    fn finish(self) {}
}

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

impl TaskEvent for TickEvent<'_> {
    fn relinquish(&mut self) {}
}

impl Finish for TickEvent<'_> {
    type Output = Instant;

    fn finish(self) -> Instant {
        self.tick.expect("the operation has happened")
    }
}
