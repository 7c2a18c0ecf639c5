//! The one loop of all that blocks.

use std::ops::ControlFlow;
use std::pin::Pin;

use super::{Attempted, Caller, Needs, Operation, Queued, Queueing};
use crate::park::{Ended, Wait};
use crate::util::clock::Deadline;
use crate::wait::WaitQueue;

/// Blocks until the operation has happened, until `deadline` at the latest.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here, and the operation has not happened; unless that is one of its outcomes.
#[inline(always)]
pub(crate) fn wait_for<O: Operation>(
    operation: Pin<&mut O>,
    deadline: Deadline,
) -> Option<O::Output> {
    operation.spend_budget();
    wait_on(operation, deadline)
}

/// As [`wait_for`], for a caller that has spent its budget.
#[inline(always)]
pub(super) fn wait_on<O: Operation>(
    mut operation: Pin<&mut O>,
    deadline: Deadline,
) -> Option<O::Output> {
    loop {
        let mut opened = None;
        let slot = &mut opened;
        let open = |needs: Needs| {
            let wait = Wait::open(needs.cancellation, needs.unparkable);
            // By value, so that what is returned may borrow from it.
            let slot = slot;
            slot.insert((needs.due, wait)).1.registration()
        };
        let ready = match operation.as_mut().attempt_or_register(open) {
            Attempted::Happened(output) => return Some(output),
            Attempted::Registered { ready } => ready,
        };
        let (due, wait) = opened.as_ref().expect("it was opened");
        let ended = wait.end(deadline.min(*due), ready);
        if let ControlFlow::Break(output) = leave(operation.as_mut(), wait, ended, deadline, *due) {
            return output;
        }
    }
}

/// Withdraws an operation after its wait; says with which outcome the call ends, if it does.
#[inline(always)]
pub(super) fn leave<O: Operation>(
    mut operation: Pin<&mut O>,
    wait: &Wait,
    ended: Ended,
    deadline: Deadline,
    due: Deadline,
) -> ControlFlow<Option<O::Output>> {
    // Also after a time-out or a cancellation: some operations happen before the waiter is told.
    let output = operation.as_mut().withdraw(Caller::Blocks);
    wait.registration().end();
    match ended {
        _ if output.is_some() => return ControlFlow::Break(output),
        // (Without any deadline it is a model that ends the wait, and the caller waits on.)
        Ended::TimedOut if deadline <= due && !deadline.is_never() => {
            return ControlFlow::Break(operation.at_deadline());
        }
        Ended::Cancelled if wait.takes_cancellation() => {
            return ControlFlow::Break(operation.cancelled());
        }
        ended => wait.deliver(ended),
    }
    ControlFlow::Continue(())
}

/// Blocks until the operation has happened.
#[inline(always)]
pub(crate) fn wait<O: Operation>(operation: Pin<&mut O>) -> O::Output {
    wait_for(operation, Deadline::NEVER).expect("there is no deadline")
}

/// Waits in `queue` until something is so, until `deadline` at the latest; whether it is. Those who make it so wake from the queue after
/// that. `is_so` runs no user code.
pub(crate) fn wait_until(queue: &WaitQueue, deadline: Deadline, is_so: impl Fn() -> bool) -> bool {
    Queued::block_until(Condition { queue, is_so }, deadline).is_some()
}

/// Something's being so.
struct Condition<'a, F> {
    queue: &'a WaitQueue,
    is_so: F,
}

impl<F: Fn() -> bool> Queueing for Condition<'_, F> {
    type Output = ();

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
