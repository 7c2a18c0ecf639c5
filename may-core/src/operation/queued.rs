//! The operations on what has its state in atomics or elsewhere, and a queue beside it
//! (`wait/queue.rs`): a change of the state wakes from the queue afterwards, and a waiter looks at
//! the state once more after it was registered.

use std::fmt;
use std::pin::{Pin, pin};

use super::wait::wait_after;
use super::{Caller, Needs, OpFuture, Operation};
use crate::park;
use crate::util::clock::Deadline;
use crate::wait::{Entry, Registration, WaitQueue};

/// What is different in each of them.
pub(crate) trait Queueing {
    /// The outcome.
    type Output;

    /// See [`Needs::waits_for`].
    fn kind(&self) -> &'static str;

    /// Those that wait; always the same queue.
    fn queue(&self) -> &WaitQueue;

    /// Makes sure that the queue will be woken from; true if there is nothing to wait for. Before
    /// the waiter is registered.
    #[inline]
    fn prepare(&mut self) -> bool {
        false
    }

    /// Carries the operation out if that is possible now.
    fn attempt(&mut self) -> Option<Self::Output>;

    /// Whether it is possible now. Runs no user code.
    fn is_ready(&self) -> bool;

    /// Passes the wake-up on, as the operation is no longer wanted. If all waiters were woken there
    /// is nothing to do.
    fn pass_on(&mut self) {}

    /// See [`Operation::needs`].
    #[inline]
    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    /// See [`Operation::at_deadline`].
    fn at_deadline(&mut self) -> Option<Self::Output> {
        None
    }

    /// See [`Operation::cancelled`].
    fn cancelled(&mut self) -> Option<Self::Output> {
        None
    }

    /// See [`Operation::spend_budget`].
    #[inline]
    fn spend_budget(&self) {
        park::spend_budget();
    }
}

/// Such an operation, with its node.
pub(crate) struct Queued<Q: Queueing> {
    /// Dropped after `drop` has unlinked the entry.
    queueing: Q,
    /// Linked in the queue of `queueing` and no other. It is pinned with this value, and unlinked
    /// before it goes.
    entry: Entry,
}

impl<Q: Queueing> Queued<Q> {
    /// An operation that has not waited yet.
    #[inline]
    pub(crate) fn new(queueing: Q) -> Queued<Q> {
        Queued {
            queueing,
            entry: Entry::new(),
        }
    }

    /// Blocks until an operation has happened. The same as to wait for [`Queued::new`], but nothing
    /// is laid out before the first attempt, which is the one that most calls need.
    #[inline(always)]
    pub(crate) fn block(queueing: Q) -> Q::Output {
        Queued::block_until(queueing, Deadline::NEVER).expect("there is no deadline")
    }

    /// As [`block`](Queued::block), until `deadline` at the latest.
    #[inline(always)]
    pub(crate) fn block_until(mut queueing: Q, deadline: Deadline) -> Option<Q::Output> {
        queueing.spend_budget();
        match queueing.attempt() {
            Some(output) => Some(output),
            None => {
                let operation = pin!(Queued::new(queueing));
                wait_after(operation, deadline, Operation::register)
            }
        }
    }

    /// What is different in this one.
    pub(crate) fn queueing(&self) -> &Q {
        &self.queueing
    }

    /// The same, to be changed, but not replaced.
    pub(crate) fn queueing_mut(self: Pin<&mut Self>) -> &mut Q {
        self.parts().0
    }

    /// The parts, of which the entry stays where it is.
    #[inline]
    fn parts(self: Pin<&mut Self>) -> (&mut Q, &mut Entry) {
        // SAFETY: (I2) the entry is not moved out of what is borrowed here; `queueing` is not
        // pinned, and it is not replaced.
        let this = unsafe { self.get_unchecked_mut() };
        (&mut this.queueing, &mut this.entry)
    }

    /// Takes the node out of the queue, if it is there.
    #[inline]
    fn unlink(queueing: &Q, entry: &mut Entry) {
        if entry.is_linked() {
            // SAFETY: (I2) it was linked in this queue.
            unsafe { entry.unlink_from(queueing.queue()) };
        }
    }
}

impl<Q: Queueing> Operation for Queued<Q> {
    #[inline]
    fn attempt(self: Pin<&mut Self>, _by: Caller) -> Option<Q::Output> {
        self.parts().0.attempt()
    }

    #[inline]
    fn register(self: Pin<&mut Self>, by: &Registration) -> bool {
        let (queueing, entry) = self.parts();
        if queueing.prepare() {
            return true;
        }
        // SAFETY: (I2) the entry is pinned with the operation, and `unlink` takes it out of the
        // same queue: `drop` calls that at the latest, if the process has not ended (R7).
        unsafe { entry.link_in(queueing.queue(), by, ()) };
        by.fence();
        queueing.is_ready()
    }

    #[inline]
    fn withdraw(self: Pin<&mut Self>, _by: Caller) -> Option<Q::Output> {
        let (queueing, entry) = self.parts();
        if entry.take_committed().is_some() {
            return queueing.attempt();
        }
        Self::unlink(queueing, entry);
        None
    }

    fn abandon(self: Pin<&mut Self>) {
        let (queueing, entry) = self.parts();
        match entry.take_committed() {
            Some(_) => queueing.pass_on(),
            None => Self::unlink(queueing, entry),
        }
    }

    fn is_committed(&self) -> bool {
        self.entry.is_committed()
    }

    #[inline]
    fn needs(&self) -> Needs {
        let needs = self.queueing.needs();
        needs.waits_for(self.queueing.kind(), self.queueing.queue())
    }

    fn at_deadline(self: Pin<&mut Self>) -> Option<Q::Output> {
        self.parts().0.at_deadline()
    }

    fn cancelled(self: Pin<&mut Self>) -> Option<Q::Output> {
        self.parts().0.cancelled()
    }

    #[inline]
    fn spend_budget(&self) {
        self.queueing.spend_budget();
    }
}

impl<Q: Queueing> Drop for Queued<Q> {
    #[inline]
    fn drop(&mut self) {
        // Nothing is linked, unless its owner has not called `withdraw` or `abandon`, or a panic
        // has left it.
        Self::unlink(&self.queueing, &mut self.entry);
    }
}

impl<Q: Queueing> IntoFuture for Queued<Q> {
    type Output = Q::Output;
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}

impl<Q: Queueing> fmt::Debug for Queued<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the entry: others may be at its node.
        f.pad("Queued { .. }")
    }
}
