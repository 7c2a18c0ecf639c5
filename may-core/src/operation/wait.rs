//! The one loop of all that blocks.

use std::ops::ControlFlow;
use std::pin::Pin;

use super::{Attempted, Caller, Needs, Operation, Queued, Queueing};
use crate::park::{Awaited, Ended, Wait};
use crate::util::clock::Deadline;
use crate::util::must_return::must_return;
use crate::wait::{Registration, WaitQueue};

/// Blocks until the operation has happened, until `deadline` at the latest.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here, and the operation has not happened; unless that is one of
/// its outcomes.
#[inline(always)]
pub(crate) fn wait_for<O: Operation>(
    operation: Pin<&mut O>,
    deadline: Deadline,
) -> Option<O::Output> {
    operation.spend_budget();
    try_and_wait(operation, deadline)
}

/// As [`wait_for`], for a caller that has spent its budget and has tried the operation: `register`
/// is what registers it for the first wait.
#[inline(always)]
pub(super) fn wait_after<O: Operation>(
    mut operation: Pin<&mut O>,
    deadline: Deadline,
    register: impl FnOnce(Pin<&mut O>, &Registration) -> bool,
) -> Option<O::Output> {
    let once = Once::open(operation.needs());
    // Others have pointers into the caller's frame from here on.
    let ready = must_return(|| register(operation.as_mut(), once.wait.registration()));
    match once.end(operation.as_mut(), deadline, ready) {
        ControlFlow::Break(output) => output,
        // One wait is the rule, so the loop is not laid out here once more.
        ControlFlow::Continue(()) => try_and_wait(operation, deadline),
    }
}

/// Tries the operation and waits, by turns.
fn try_and_wait<O: Operation>(mut operation: Pin<&mut O>, deadline: Deadline) -> Option<O::Output> {
    loop {
        let mut opened = None;
        let slot = &mut opened;
        // By value, so that what is returned may borrow from it.
        let open = |needs: Needs| {
            let slot = slot;
            slot.insert(Once::open(needs)).wait.registration()
        };
        let ready = match operation.as_mut().attempt_or_register(open) {
            Attempted::Happened(output) => return Some(output),
            Attempted::Registered { ready } => ready,
        };
        let once = opened.as_ref().expect("it was opened");
        if let ControlFlow::Break(output) = once.end(operation.as_mut(), deadline, ready) {
            return output;
        }
    }
}

/// One wait for an operation.
struct Once {
    wait: Wait,
    /// When the operation becomes possible by itself.
    due: Deadline,
}

impl Once {
    #[inline(always)]
    fn open(needs: Needs) -> Once {
        needs.check();
        let awaited = Awaited::now(needs.kind, needs.place);
        Once {
            wait: Wait::open(awaited, needs.cancellation, false),
            due: needs.due,
        }
    }

    /// Waits, and withdraws the operation: what comes of that, unless it is to be tried again.
    #[inline(always)]
    fn end<O: Operation>(
        &self,
        mut operation: Pin<&mut O>,
        deadline: Deadline,
        ready: bool,
    ) -> ControlFlow<Option<O::Output>> {
        let ended = self.wait.end(deadline.min(self.due), ready);
        // Also after a time-out or a cancellation: some operations happen before the waiter is
        // told.
        let output = operation.as_mut().withdraw_alone();
        match ended {
            _ if output.is_some() => return ControlFlow::Break(output),
            // (Without any deadline it is a model that ends the wait, and the caller waits on.)
            Ended::TimedOut if !deadline.is_never() && is_over(deadline, self.due) => {
                // Its own time may have come, too.
                let happens = self.due.has_elapsed();
                let output = happens.then(|| operation.as_mut().attempt(Caller::Blocks));
                return ControlFlow::Break(output.flatten().or_else(|| operation.at_deadline()));
            }
            Ended::Cancelled if self.wait.takes_cancellation() => {
                if let outcome @ Some(_) = operation.as_mut().cancelled() {
                    return ControlFlow::Break(outcome);
                }
                self.wait.deliver(ended);
            }
            ended => self.wait.deliver(ended),
        }
        ControlFlow::Continue(())
    }
}

/// Whether a wait has timed out because of `deadline`, and not because of something that was due
/// before.
fn is_over(deadline: Deadline, due: Deadline) -> bool {
    deadline <= due || deadline.has_elapsed()
}

/// Blocks until the operation has happened.
#[inline(always)]
pub(crate) fn wait<O: Operation>(operation: Pin<&mut O>) -> O::Output {
    wait_for(operation, Deadline::NEVER).expect("there is no deadline")
}

/// Waits in `queue` until something is so, until `deadline` at the latest; whether it is. Those
/// that make it so wake from the queue after that. `is_so` runs no user code.
pub(crate) fn wait_until(
    kind: &'static str,
    queue: &WaitQueue,
    deadline: Deadline,
    is_so: impl Fn() -> bool,
) -> bool {
    Queued::block_until(Condition { kind, queue, is_so }, deadline).is_some()
}

/// Something's being so.
struct Condition<'a, F> {
    kind: &'static str,
    queue: &'a WaitQueue,
    is_so: F,
}

impl<F: Fn() -> bool> Queueing for Condition<'_, F> {
    type Output = ();

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn queue(&self) -> &WaitQueue {
        self.queue
    }

    #[inline]
    fn attempt(&mut self) -> Option<()> {
        (self.is_so)().then_some(())
    }

    #[inline]
    fn is_ready(&self) -> bool {
        (self.is_so)()
    }

    fn pass_on(&mut self) {
        unreachable!("it is waited for until it has happened")
    }

    fn at_deadline(&mut self) -> Option<()> {
        self.attempt()
    }

    // The callers have, or their wait is not one for others.
    #[inline]
    fn spend_budget(&self) {}
}
