//! The next signal as an arm of a `select!`.

use std::fmt;
use std::io;

use super::{Signal, Signals, pipe, relay};
use crate::event::{Finish, RawEvent};
use crate::io::attempt::register;
use crate::io::descriptor::Descriptor;
use crate::prim::{Ordering, fence};
use crate::reactor::Direction;
use crate::sys::signal_counter::Inlet;
use crate::wait::{Entry, Registration, WaitQueue};

/// Receiving a signal, as an arm.
pub struct SignalEvent<'a> {
    signals: &'a Signals,
    pipe: &'static Descriptor<Inlet>,
    entry: Entry,
    received: Option<io::Result<Signal>>,
}

impl<'a> SignalEvent<'a> {
    /// The event of the next signal.
    pub(crate) fn new(signals: &'a Signals) -> SignalEvent<'a> {
        SignalEvent {
            signals,
            pipe: pipe().expect("it was opened when the receiver was made"),
            entry: Entry::new(),
            received: None,
        }
    }

    /// Takes no notice of a signal that was received: for those to whom it only says that there may be something to see.
    pub(crate) fn forget(&mut self) {
        self.received = None;
    }

    /// Those who wait for the pipe.
    fn queue(&self) -> &'static WaitQueue {
        self.pipe.polled().source().queue(Direction::Read)
    }
}

impl RawEvent for SignalEvent<'_> {
    fn offer(&mut self) -> bool {
        // Also if it was woken for signals of others, who are to hear of them.
        relay(self.pipe);
        if self.received.is_none() {
            self.received = self.signals.try_recv().map(Ok);
        }
        self.received.is_some()
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        if let Err(error) = register(self.pipe.polled()) {
            self.received = Some(Err(error));
            return true;
        }
        let queue = self.queue();
        // SAFETY: (docs/safety.md, I2) the engine has it unlinked from this queue before the event goes.
        unsafe { self.entry.link_in(queue, by, arm) };
        // Pairs with the fence of whoever relays.
        fence(Ordering::SeqCst);
        self.signals.has_some()
    }

    fn withdraw(&mut self) {
        if self.entry.is_used() {
            let queue = self.queue();
            // SAFETY: (docs/safety.md, I2) it was linked there.
            unsafe { self.entry.unlink_from(queue) };
        }
    }
}

impl Finish for SignalEvent<'_> {
    type Output = io::Result<Signal>;

    fn finish(self) -> io::Result<Signal> {
        self.received.expect("the operation has happened")
    }
}

impl fmt::Debug for SignalEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SignalEvent { .. }")
    }
}
