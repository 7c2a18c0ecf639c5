//! The one loop of all that blocks.

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
/// A cancelled coroutine unwinds here, and the operation has not happened; unless that is one of its outcomes.
#[inline(always)]
pub(crate) fn wait_for<O: Operation>(
    operation: Pin<&mut O>,
    deadline: Deadline,
) -> Option<O::Output> {
    operation.spend_budget();
    wait_after(
        operation,
        deadline,
        None::<fn(Pin<&mut O>, &Registration) -> bool>,
    )
}

/// As [`wait_for`], for a caller that has spent its budget. If it has tried the operation already, `first` is what registers it for the first
/// wait.
#[inline(always)]
pub(super) fn wait_after<O: Operation>(
    mut operation: Pin<&mut O>,
    deadline: Deadline,
    mut first: Option<impl FnOnce(Pin<&mut O>, &Registration) -> bool>,
) -> Option<O::Output> {
    loop {
        let mut opened = None;
        let slot = &mut opened;
        let open = |needs: Needs| {
            needs.check();
            let awaited = Awaited::now(needs.kind, needs.place);
            let wait = Wait::open(awaited, needs.cancellation, needs.unparkable);
            // By value, so that what is returned may borrow from it.
            let slot = slot;
            slot.insert((needs.due, wait)).1.registration()
        };
        let ready = match first.take() {
            Some(register) => {
                let by = open(operation.needs());
                // Others have pointers into the caller's frame from here on.
                must_return(|| register(operation.as_mut(), by))
            }
            None => match operation.as_mut().attempt_or_register(open) {
                Attempted::Happened(output) => return Some(output),
                Attempted::Registered { ready } => ready,
            },
        };
        let (due, wait) = opened.as_ref().expect("it was opened");
        let ended = wait.end(deadline.min(*due), ready);
        // Also after a time-out or a cancellation: some operations happen before the waiter is told.
        let output = operation.as_mut().withdraw_alone();
        match ended {
            _ if output.is_some() => return output,
            // (Without any deadline it is a model that ends the wait, and the caller waits on.)
            Ended::TimedOut if !deadline.is_never() && is_over(deadline, *due) => {
                // Its own time may have come, too.
                let happens = due.has_elapsed();
                let output = happens.then(|| operation.as_mut().attempt(Caller::Blocks));
                return output.flatten().or_else(|| operation.at_deadline());
            }
            Ended::Cancelled if wait.takes_cancellation() => match operation.as_mut().cancelled() {
                None => wait.deliver(ended),
                outcome => return outcome,
            },
            ended => wait.deliver(ended),
        }
    }
}

/// Whether a wait has timed out because of `deadline`, and not because of something that was due before.
fn is_over(deadline: Deadline, due: Deadline) -> bool {
    deadline <= due || deadline.has_elapsed()
}

/// Blocks until the operation has happened.
#[inline(always)]
pub(crate) fn wait<O: Operation>(operation: Pin<&mut O>) -> O::Output {
    wait_for(operation, Deadline::NEVER).expect("there is no deadline")
}

/// Waits in `queue` until something is so, until `deadline` at the latest; whether it is. Those who make it so wake from the queue after
/// that. `is_so` runs no user code.
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
