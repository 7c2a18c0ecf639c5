//! A call on a descriptor as an operation: the descriptor's readiness ends the wait, and the caller carries the call out.

use std::io;

use super::attempt::{More, Outcome, cancelled, carry_out, register};
use super::descriptor::Polled;
use crate::operation::{Needs, Queued, Queueing, operation};
use crate::reactor::Direction;
use crate::wait::WaitQueue;

/// A call on a descriptor, which does not block.
pub trait Call {
    /// What it returns.
    type Output;

    /// Carries it out.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `WouldBlock` if it has to wait.
    fn call(&mut self) -> io::Result<(Self::Output, More)>;
}

impl<R, F: FnMut() -> io::Result<(R, More)>> Call for F {
    type Output = R;

    #[inline]
    fn call(&mut self) -> io::Result<(R, More)> {
        self()
    }
}

/// Any call.
pub type AnyCall<'a, R> = Box<dyn FnMut() -> io::Result<(R, More)> + 'a>;

/// A call on a descriptor.
pub(super) struct Calling<'a, C> {
    polled: &'a Polled,
    direction: Direction,
    call: C,
    /// A descriptor that was set to non-blocking is not waited for.
    obeys_nonblocking: bool,
    /// Events cannot be had.
    failed: Option<io::Error>,
}

impl<'a, C: Call> Calling<'a, C> {
    /// A call that waits, whatever the descriptor was set to.
    #[inline]
    pub(super) fn new(polled: &'a Polled, direction: Direction, call: C) -> Calling<'a, C> {
        Calling {
            polled,
            direction,
            call,
            obeys_nonblocking: false,
            failed: None,
        }
    }

    /// A call that says `WouldBlock` if the descriptor was set to non-blocking.
    #[inline]
    pub(super) fn obeying(polled: &'a Polled, direction: Direction, call: C) -> Calling<'a, C> {
        Calling {
            obeys_nonblocking: true,
            ..Calling::new(polled, direction, call)
        }
    }

    /// Whether the caller would rather have `WouldBlock` than wait.
    #[inline]
    fn refuses(&self) -> bool {
        self.obeys_nonblocking && self.polled.is_nonblocking()
    }
}

impl<C: Call> Queueing for Calling<'_, C> {
    type Output = io::Result<C::Output>;

    fn kind(&self) -> &'static str {
        match self.direction {
            Direction::Read => "read",
            Direction::Write => "write",
        }
    }

    #[inline]
    fn queue(&self) -> &WaitQueue {
        self.polled.source().queue(self.direction)
    }

    fn prepare(&mut self) -> bool {
        self.failed = register(self.polled).err();
        self.failed.is_some()
    }

    #[inline]
    fn attempt(&mut self) -> Option<io::Result<C::Output>> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        let source = self.polled.source();
        loop {
            let seen = source.look();
            // What is known of a descriptor of which no events arrive may be outdated. One that was set to non-blocking is called whatever
            // is known of it: its user asks what is the case now, and the event that would say so may not have been fetched yet.
            let registered = source.is_registered();
            if registered && !seen.is_ready(self.direction) && !self.refuses() {
                return None;
            }
            match carry_out(source, self.direction, seen, &mut self.call) {
                Outcome::Done(result) => return Some(result),
                Outcome::Blocked(error) if self.refuses() => return Some(Err(error)),
                Outcome::Blocked(_) => {
                    source.clear_blocked(self.direction, seen);
                    if !registered {
                        return None;
                    }
                }
            }
        }
    }

    #[inline]
    fn is_ready(&self) -> bool {
        self.polled.source().look().is_ready(self.direction) || self.refuses()
    }

    fn pass_on(&mut self) {
        self.queue().wake_one();
    }

    #[inline]
    fn needs(&self) -> Needs {
        Needs::cancellation_as_error()
    }

    fn cancelled(&mut self) -> Option<io::Result<C::Output>> {
        Some(Err(cancelled()))
    }

    /// A last call, because the event may be there and not fetched yet: a caller that waits for a nanosecond gets what is there, as with std.
    fn at_deadline(&mut self) -> Option<io::Result<C::Output>> {
        let source = self.polled.source();
        let seen = source.look();
        match carry_out(source, self.direction, seen, &mut self.call) {
            Outcome::Done(result) => Some(result),
            Outcome::Blocked(_) => {
                source.clear_blocked(self.direction, seen);
                None
            }
        }
    }
}

operation! {
    /// A call on a descriptor. No byte is moved if it has not happened.
    pub struct IoOperation['a, C: Call]['a, C] => io::Result<<C as Call>::Output>
    as IoKind IoProjection {
        Call(Queued<Calling<'a, C>>),
    }
}

/// One of any call, for streams of all kinds.
pub type AnyIo<'a, R> = IoOperation<'a, AnyCall<'a, R>>;

impl<'a, C: Call> IoOperation<'a, C> {
    /// The operation of a call, which waits whatever the descriptor was set to.
    pub(crate) fn new(polled: &'a Polled, direction: Direction, call: C) -> IoOperation<'a, C> {
        let operation = Queued::new(Calling::new(polled, direction, call));
        IoOperation {
            kind: IoKind::Call { operation },
        }
    }
}
