//! A child's end as an operation.

use std::io;
use std::os::fd::OwnedFd;

use super::child::{Child, Exit};
use crate::io::{IoOperation, Ready};
use crate::operation::{Known, Needs, Queued, Queueing, Timed, operation};
use crate::reactor::Direction;
use crate::signal::Receiving;
use crate::sys;
use crate::wait::WaitQueue;

/// Signals tell that some child has ended. They are only a sign that there may be something to see:
/// another operation for the same child may have received the one that was for it.
struct EndBySignal<'a> {
    child: &'a Child,
    signals: Receiving<'a>,
}

impl Queueing for EndBySignal<'_> {
    type Output = io::Result<()>;

    fn kind(&self) -> &'static str {
        "child"
    }

    fn queue(&self) -> &WaitQueue {
        self.signals.queue()
    }

    fn prepare(&mut self) -> bool {
        self.signals.prepare()
    }

    fn attempt(&mut self) -> Option<io::Result<()>> {
        match self.signals.attempt() {
            Some(Err(error)) => Some(Err(error)),
            _ => sys::process::has_ended(self.child.id()).then_some(Ok(())),
        }
    }

    fn is_ready(&self) -> bool {
        self.signals.is_ready() || sys::process::has_ended(self.child.id())
    }

    fn pass_on(&mut self) {
        self.signals.pass_on();
    }

    fn needs(&self) -> Needs {
        self.signals.needs()
    }

    fn cancelled(&mut self) -> Option<io::Result<()>> {
        Some(Err(crate::io::call::cancelled()))
    }
}

operation! {
    /// A child's end; from [`op::wait`](crate::op::wait). The child has not been waited for when it
    /// happens.
    pub struct Exited['a]['a] => io::Result<()>
    as ExitedKind ExitedProjection {
        Descriptor(IoOperation<'a, Ready<'a, OwnedFd>>),
        Signals(Queued<EndBySignal<'a>>),
        // It has ended, or nothing can be found out: waiting for it will tell.
        Known(Timed<Known<io::Result<()>>>),
    }
}

impl<'a> Exited<'a> {
    pub(crate) fn new(child: &'a Child) -> Exited<'a> {
        let kind = match child.exit() {
            Ok(Exit::Descriptor(descriptor)) => ExitedKind::Descriptor {
                operation: descriptor.ready_operation(Direction::Read),
            },
            Ok(Exit::Signals(signals)) => ExitedKind::Signals {
                operation: Queued::new(EndBySignal {
                    child,
                    signals: Receiving::new(signals),
                }),
            },
            Ok(Exit::Known) | Err(_) => ExitedKind::Known {
                operation: Timed::new(Known::new(Ok(()))),
            },
        };
        Exited { kind }
    }
}
