//! The operations on what has its state and its waiters under one lock: looking and registering are
//! one step, and so are changing and committing.

use std::fmt;
use std::pin::{Pin, pin};

use super::wait::wait_after;
use super::{Attempted, Caller, Needs, OpFuture, Operation};
use crate::park;
use crate::util::clock::Deadline;
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Committed, Entry, Registration, Seat, WaitList, Wake};

/// What is different in each of them. No method runs user code under the lock.
pub(crate) trait Listing {
    /// The outcome.
    type Output;
    /// What the lock guards.
    type State;
    /// What a node tells the other side.
    type Data: Clone;
    /// A waiter that was woken without a grant tries again like any other; nothing was handed over
    /// to it.
    const TRIES_AGAIN: bool = false;

    /// See [`Needs::waits_for`].
    fn kind(&self) -> &'static str;

    /// The lock; always the same one.
    fn lock(&self) -> &SpinLock<Self::State>;

    /// Those that wait.
    fn list(state: &mut Self::State) -> &mut WaitList<Self::Data>;

    /// What the node of a waiter tells the other side. Called under the lock.
    fn data(&self, state: &mut Self::State, by: &Registration) -> Self::Data;

    /// Carries the operation out if that is possible now; if not the lock comes back, so that the
    /// caller may wait.
    fn attempt(&self, by: Caller, seat: Seat) -> Result<Self::Output, SpinGuard<'_, Self::State>>;

    /// As [`attempt`](Listing::attempt), for a caller that will not wait.
    #[inline]
    fn try_now(&self, by: Caller, seat: Seat) -> Option<Self::Output> {
        self.attempt(by, seat).ok()
    }

    /// Whether the operation is possible now, for a caller that will wait if it is not.
    fn is_ready(&self, state: &mut Self::State, seat: Seat, by: &Registration) -> bool;

    /// What is to be done when the node has been linked; the wake-up is fired after the lock is
    /// left. Only a future may have one: its wait is open, but the caller's own is not.
    #[inline]
    fn linked(&self, state: &mut Self::State, by: &Registration) -> Option<Wake> {
        let _ = (state, by);
        None
    }

    /// Carries the operation out after the wait was ended for it, unless another caller was faster.
    /// If nothing is handed over that is to try again.
    #[inline]
    fn complete(
        &self,
        by: Caller,
        seat: Seat,
        committed: Committed<Self::Data>,
    ) -> Option<Self::Output> {
        let _ = committed;
        self.try_now(by, seat)
    }

    /// Passes on what the wait was ended for, as the operation is not wanted any more. If all
    /// waiters were woken there is nothing to do.
    fn pass_on(&self, committed: Committed<Self::Data>) {
        let _ = committed;
    }

    /// Sees to those that waited behind one that has left the list without having been committed;
    /// and says whether the operation has happened all the same.
    #[inline]
    fn leave<'a>(&'a self, state: SpinGuard<'a, Self::State>) -> Option<Self::Output> {
        drop(state);
        None
    }

    /// See [`Operation::spend_budget`].
    #[inline]
    fn spend_budget(&self) {
        park::spend_budget();
    }
}

/// What a wait for such an operation needs.
#[inline]
fn needs_of<L: Listing>(listing: &L) -> Needs {
    Needs::NOTHING.waits_for(listing.kind(), listing.lock())
}

/// Such an operation, with its node.
pub(crate) struct Listed<L: Listing> {
    /// Dropped after `drop` has unlinked the entry.
    listing: L,
    /// Linked in the list of `listing` and no other. It is pinned with this value, and unlinked
    /// before it goes.
    entry: Entry<L::Data>,
}

// SAFETY: (R6) a shared reference gives access to nothing that changes: what does takes the
// operation exclusively.
unsafe impl<L: Listing + Send> Sync for Listed<L> {}

impl<L: Listing> Listed<L> {
    /// An operation that has not waited yet.
    #[inline]
    pub(crate) fn new(listing: L) -> Listed<L> {
        Listed {
            listing,
            entry: Entry::new(),
        }
    }

    /// One that comes before all others that wait.
    pub(crate) fn ahead(listing: L) -> Listed<L> {
        Listed {
            listing,
            entry: Entry::ahead(),
        }
    }

    /// Blocks until an operation has happened. The same as to wait for [`Listed::new`], but nothing
    /// is laid out before the first attempt, which is the one that most calls need.
    #[inline(always)]
    pub(crate) fn block(listing: &L) -> L::Output {
        Listed::block_until(listing, Deadline::NEVER).expect("there is no deadline")
    }

    /// As [`block`](Listed::block), until `deadline` at the latest.
    #[inline(always)]
    pub(crate) fn block_until(listing: &L, deadline: Deadline) -> Option<L::Output> {
        listing.spend_budget();
        match listing.attempt(Caller::Blocks, Seat::NEW) {
            Ok(output) => Some(output),
            Err(state) => {
                let register = |operation: Pin<&mut Listed<&L>>, by: &Registration| {
                    let (listing, entry) = operation.parts();
                    Listed::link(listing, entry, state, by);
                    false
                };
                wait_after(pin!(Listed::new(listing)), deadline, register)
            }
        }
    }

    /// What is different in this one.
    #[inline]
    pub(crate) fn listing(&self) -> &L {
        &self.listing
    }

    /// The parts, of which the entry stays where it is.
    #[inline]
    fn parts(self: Pin<&mut Self>) -> (&L, &mut Entry<L::Data>) {
        // SAFETY: (I2) nothing is moved out of what is borrowed here.
        let this = unsafe { self.get_unchecked_mut() };
        (&this.listing, &mut this.entry)
    }

    /// Links the node.
    #[inline(always)]
    fn link(
        listing: &L,
        entry: &mut Entry<L::Data>,
        mut state: SpinGuard<'_, L::State>,
        by: &Registration,
    ) {
        let data = listing.data(&mut state, by);
        // SAFETY: (I2) the entry is pinned with the operation, and `unlink` takes it out of the
        // same list: `drop` calls that at the latest, if the process has not ended (R7).
        unsafe { entry.link(L::list(&mut state), by, data) };
        let wake = listing.linked(&mut state, by);
        drop(state);
        if let Some(wake) = wake {
            wake.fire();
        }
    }

    /// Takes the node out of the list, if it is there.
    #[inline]
    fn unlink(listing: &L, entry: &mut Entry<L::Data>) -> Option<L::Output> {
        if !entry.is_linked() {
            return None;
        }
        let mut state = listing.lock().lock();
        // SAFETY: (I2) it was linked in this list.
        unsafe { entry.unlink(L::list(&mut state)) };
        listing.leave(state)
    }
}

/// An operation that is borrowed.
impl<L: Listing> Listing for &L {
    type Output = L::Output;
    type State = L::State;
    type Data = L::Data;
    const TRIES_AGAIN: bool = L::TRIES_AGAIN;

    fn kind(&self) -> &'static str {
        (**self).kind()
    }

    #[inline]
    fn lock(&self) -> &SpinLock<L::State> {
        (**self).lock()
    }

    #[inline]
    fn list(state: &mut L::State) -> &mut WaitList<L::Data> {
        L::list(state)
    }

    #[inline]
    fn data(&self, state: &mut L::State, by: &Registration) -> L::Data {
        (**self).data(state, by)
    }

    #[inline]
    fn attempt(&self, by: Caller, seat: Seat) -> Result<L::Output, SpinGuard<'_, L::State>> {
        (**self).attempt(by, seat)
    }

    #[inline]
    fn try_now(&self, by: Caller, seat: Seat) -> Option<L::Output> {
        (**self).try_now(by, seat)
    }

    #[inline]
    fn is_ready(&self, state: &mut L::State, seat: Seat, by: &Registration) -> bool {
        (**self).is_ready(state, seat, by)
    }

    #[inline]
    fn linked(&self, state: &mut L::State, by: &Registration) -> Option<Wake> {
        (**self).linked(state, by)
    }

    #[inline(always)]
    fn complete(&self, by: Caller, seat: Seat, committed: Committed<L::Data>) -> Option<L::Output> {
        (**self).complete(by, seat, committed)
    }

    fn pass_on(&self, committed: Committed<L::Data>) {
        (**self).pass_on(committed);
    }

    #[inline]
    fn leave<'a>(&'a self, state: SpinGuard<'a, L::State>) -> Option<L::Output> {
        (**self).leave(state)
    }

    #[inline]
    fn spend_budget(&self) {
        (**self).spend_budget();
    }
}

impl<L: Listing> Operation for Listed<L> {
    #[inline]
    fn attempt(self: Pin<&mut Self>, by: Caller) -> Option<L::Output> {
        let (listing, entry) = self.parts();
        // While it waits, what it waits with may be in the hands of another.
        entry.check_unlinked();
        listing.try_now(by, entry.seat())
    }

    #[inline(always)]
    fn attempt_or_register<'r>(
        self: Pin<&mut Self>,
        open: impl FnOnce(Needs) -> &'r Registration,
    ) -> Attempted<L::Output> {
        let (listing, entry) = self.parts();
        match listing.attempt(Caller::Blocks, entry.seat()) {
            Ok(output) => Attempted::Happened(output),
            Err(state) => {
                Self::link(listing, entry, state, open(needs_of(listing)));
                Attempted::Registered { ready: false }
            }
        }
    }

    fn register(self: Pin<&mut Self>, by: &Registration) -> bool {
        let (listing, entry) = self.parts();
        let mut state = listing.lock().lock();
        let ready = listing.is_ready(&mut state, entry.seat(), by);
        if !ready {
            Self::link(listing, entry, state, by);
        }
        ready
    }

    #[inline]
    fn withdraw(self: Pin<&mut Self>, by: Caller) -> Option<L::Output> {
        let (listing, entry) = self.parts();
        match entry.take_committed() {
            Some(committed) => listing.complete(by, entry.seat(), committed),
            None => Self::unlink(listing, entry),
        }
    }

    #[inline(always)]
    fn withdraw_alone(self: Pin<&mut Self>) -> Option<L::Output> {
        let (listing, entry) = self.parts();
        match entry.take_committed() {
            Some(committed) if L::TRIES_AGAIN && !committed.granted => None,
            Some(committed) => listing.complete(Caller::Blocks, entry.seat(), committed),
            None => Self::unlink(listing, entry),
        }
    }

    fn abandon(self: Pin<&mut Self>) {
        let (listing, entry) = self.parts();
        match entry.take_committed() {
            Some(committed) => listing.pass_on(committed),
            None => drop(Self::unlink(listing, entry)),
        }
    }

    fn is_committed(&self) -> bool {
        self.entry.is_committed()
    }

    fn needs(&self) -> Needs {
        needs_of(&self.listing)
    }

    #[inline]
    fn spend_budget(&self) {
        self.listing.spend_budget();
    }
}

impl<L: Listing> Drop for Listed<L> {
    #[inline]
    fn drop(&mut self) {
        // Nothing is linked, unless its owner has not called `withdraw` or `abandon`, or a panic
        // has left it.
        Self::unlink(&self.listing, &mut self.entry);
    }
}

impl<L: Listing> IntoFuture for Listed<L> {
    type Output = L::Output;
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}

impl<L: Listing> fmt::Debug for Listed<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the entry: others may be at its node.
        f.pad("Listed { .. }")
    }
}
