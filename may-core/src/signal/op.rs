//! The next signal as an operation.

use std::io;

use super::{Signal, Signals, pipe, relay};
use crate::io::Descriptor;
use crate::io::call::{cancelled, register};
use crate::operation::{Needs, Queued, Queueing, operation};
use crate::reactor::Direction;
use crate::sys::signal_counter::Inlet;
use crate::wait::WaitQueue;

/// Receiving a signal.
pub(crate) struct Receiving<'a> {
    signals: &'a Signals,
    pipe: &'static Descriptor<Inlet>,
    /// Events cannot be had.
    failed: Option<io::Error>,
}

impl<'a> Receiving<'a> {
    pub(crate) fn new(signals: &'a Signals) -> Receiving<'a> {
        Receiving {
            signals,
            pipe: pipe().expect("it was opened when the receiver was made"),
            failed: None,
        }
    }
}

impl Queueing for Receiving<'_> {
    type Output = io::Result<Signal>;

    fn kind(&self) -> &'static str {
        "signal"
    }

    fn queue(&self) -> &WaitQueue {
        self.pipe.polled().source().queue(Direction::Read)
    }

    fn prepare(&mut self) -> bool {
        self.failed = register(self.pipe.polled()).err();
        self.failed.is_some()
    }

    fn attempt(&mut self) -> Option<io::Result<Signal>> {
        // Also if it was woken for signals of others, who are to hear of them.
        relay(self.pipe);
        match self.failed.take() {
            Some(error) => Some(Err(error)),
            None => self.signals.try_recv().map(Ok),
        }
    }

    fn is_ready(&self) -> bool {
        self.signals.has_some()
    }

    fn pass_on(&mut self) {
        relay(self.pipe);
        self.queue().wake_one();
    }

    fn needs(&self) -> Needs {
        Needs::cancellation_as_error()
    }

    fn cancelled(&mut self) -> Option<io::Result<Signal>> {
        Some(Err(cancelled()))
    }
}

operation! {
    /// The next signal; from [`op::recv`](crate::op::recv).
    pub struct NextSignal['a]['a] => io::Result<Signal>
    as NextSignalKind NextSignalProjection {
        Receive(Queued<Receiving<'a>>),
    }
}

impl<'a> NextSignal<'a> {
    pub(crate) fn new(signals: &'a Signals) -> NextSignal<'a> {
        let operation = Queued::new(Receiving::new(signals));
        NextSignal {
            kind: NextSignalKind::Receive { operation },
        }
    }
}
