//! Input and output as arms of a `select!`, and as futures: the descriptor's readiness ends the wait, and the winner carries out the call.

use std::fmt;
use std::io;

use super::attempt::{More, Outcome, carry_out, register};
use super::descriptor::Polled;
use crate::event::{Finish, RawEvent, TaskEvent};
use crate::prim::{Ordering, fence};
use crate::reactor::Direction;
use crate::wait::{Entry, Registration};

/// A call on a descriptor, as an arm. No byte is moved for an arm that loses.
pub struct IoEvent<'a, R, C = Call<'a, R>> {
    polled: &'a Polled,
    direction: Direction,
    call: C,
    entry: Entry,
    done: Option<io::Result<R>>,
}

/// Any call, which does not block.
pub(crate) type Call<'a, R> = Box<dyn FnMut() -> io::Result<(R, More)> + 'a>;

impl<'a, R> IoEvent<'a, R> {
    /// The event of one call, which does not block.
    pub(crate) fn new(
        polled: &'a Polled,
        direction: Direction,
        call: impl FnMut() -> io::Result<(R, More)> + 'a,
    ) -> IoEvent<'a, R> {
        IoEvent::of(polled, direction, Box::new(call))
    }
}

impl<'a, R, C: FnMut() -> io::Result<(R, More)>> IoEvent<'a, R, C> {
    /// The same with its type known, which decides whether a future may go to other threads.
    pub(crate) fn of(polled: &'a Polled, direction: Direction, call: C) -> IoEvent<'a, R, C> {
        IoEvent {
            polled,
            direction,
            call,
            entry: Entry::new(),
            done: None,
        }
    }
}

impl<R, C: FnMut() -> io::Result<(R, More)>> RawEvent for IoEvent<'_, R, C> {
    fn offer(&mut self) -> bool {
        let source = self.polled.source();
        while self.done.is_none() {
            let seen = source.look();
            // What is known of a descriptor of which no events arrive may be outdated.
            let registered = source.is_registered();
            if registered && !seen.is_ready(self.direction) {
                return false;
            }
            match carry_out(source, self.direction, seen, &mut self.call) {
                Outcome::Done(result) => self.done = Some(result),
                Outcome::Blocked(_) if !registered => return false,
                Outcome::Blocked(_) => {
                    source.clear_blocked(self.direction, seen);
                }
            }
        }
        true
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        if let Err(error) = register(self.polled) {
            self.done = Some(Err(error));
            return true;
        }
        let queue = self.polled.source().queue(self.direction);
        // SAFETY: (docs/safety.md, I2) the engine has it unlinked from this queue before the event goes.
        unsafe { self.entry.link_in(queue, by, arm) };
        // Pairs with the fence of whoever dispatches events.
        fence(Ordering::SeqCst);
        self.polled.source().look().is_ready(self.direction)
    }

    fn withdraw(&mut self) {
        if self.entry.is_used() {
            let queue = self.polled.source().queue(self.direction);
            // SAFETY: (docs/safety.md, I2) it was linked there.
            unsafe { self.entry.unlink_from(queue) };
        }
    }
}

impl<R, C: FnMut() -> io::Result<(R, More)>> TaskEvent for IoEvent<'_, R, C> {
    fn relinquish(&mut self) {
        self.polled.source().queue(self.direction).wake_one();
    }
}

impl<R, C> Finish for IoEvent<'_, R, C> {
    type Output = io::Result<R>;

    fn finish(self) -> io::Result<R> {
        self.done.expect("the operation has happened")
    }
}

impl<R, C> fmt::Debug for IoEvent<'_, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IoEvent")
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}
