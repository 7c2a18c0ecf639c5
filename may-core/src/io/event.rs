//! Input and output as arms of a `select!`: the descriptor's readiness ends the wait, and the winner carries out the call.

use std::fmt;
use std::io;

use super::attempt::{More, register};
use super::descriptor::Polled;
use crate::event::{Finish, RawEvent};
use crate::prim::{Ordering, fence};
use crate::reactor::Direction;
use crate::wait::{Entry, Registration};

/// A call on a descriptor, as an arm. No byte is moved for an arm that loses.
pub struct IoEvent<'a, R> {
    polled: &'a Polled,
    direction: Direction,
    call: Box<dyn FnMut() -> io::Result<(R, More)> + 'a>,
    entry: Entry,
    done: Option<io::Result<R>>,
}

impl<'a, R> IoEvent<'a, R> {
    /// The event of one call, which does not block.
    pub(crate) fn new(
        polled: &'a Polled,
        direction: Direction,
        call: impl FnMut() -> io::Result<(R, More)> + 'a,
    ) -> IoEvent<'a, R> {
        IoEvent {
            polled,
            direction,
            call: Box::new(call),
            entry: Entry::new(),
            done: None,
        }
    }
}

impl<R> RawEvent for IoEvent<'_, R> {
    fn offer(&mut self) -> bool {
        let source = self.polled.source();
        while self.done.is_none() {
            let seen = source.look();
            // What is known of a descriptor of which no events arrive may be outdated.
            let registered = source.is_registered();
            if registered && !seen.is_ready(self.direction) {
                return false;
            }
            match (self.call)() {
                Ok((value, more)) => {
                    let drained = more == More::No
                        && source.is_registered()
                        && source.clear_drained(self.direction, seen);
                    if !drained {
                        source.queue(self.direction).wake_one();
                    }
                    self.done = Some(Ok(value));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !registered {
                        return false;
                    }
                    source.clear_blocked(self.direction, seen);
                }
                Err(error) => {
                    source.queue(self.direction).wake_one();
                    self.done = Some(Err(error));
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

impl<R> Finish for IoEvent<'_, R> {
    type Output = io::Result<R>;

    fn finish(self) -> io::Result<R> {
        self.done.expect("the operation has happened")
    }
}

impl<R> fmt::Debug for IoEvent<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IoEvent")
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}
