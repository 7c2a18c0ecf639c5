//! The node of an operation that waits, and what all the operations of one wait have in common.
//!
//! A wait has one [`Registration`]. It lies where the wait is made: in the frame of a caller that blocks, or in a future. Each place
//! where the caller waits has an [`Entry`], which lies in the operation. The operation is pinned, so a linked node stays where it is.
//!
//! The registration lasts until every entry that was linked by it has been cleared. It counts them, and [`Registration::end`] ends the
//! process if one is left: the node would have a pointer to a waiter that goes on, and may be gone the next moment. So an operation
//! that was written wrongly, by a user of May for example, cannot do harm (R6).

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::ptr::NonNull;

use super::node::{Node, Seat};
use super::queue::{WaitList, WaitQueue};
use super::waiter::Waiter;
use crate::coroutine::cancel::must_return;
use crate::coroutine::commit_word::{Outcome, Ticket};
use crate::prim::{Ordering, fence};

/// One wait, to be registered in several places.
pub struct Registration {
    pub(crate) waiter: Waiter,
    pub(crate) ticket: Ticket,
    /// The number of the next node. Zero is that of the caller's token.
    next: Cell<u16>,
    /// How many entries have been linked and not been cleared.
    entries: Cell<u32>,
    /// The number of the node through which the wait was ended.
    committed: Cell<Option<u16>>,
    /// A sequentially consistent fence was issued since the wait was opened.
    fenced: Cell<bool>,
}

impl Registration {
    /// The registration of a wait that was just opened.
    #[inline]
    pub(crate) fn new(waiter: Waiter, ticket: Ticket) -> Registration {
        Registration {
            waiter,
            ticket,
            next: Cell::new(1),
            entries: Cell::new(0),
            committed: Cell::new(None),
            fenced: Cell::new(false),
        }
    }

    /// Issues the fence between registering and looking once more; it pairs with the fences of those who wake and of those who cancel.
    #[inline]
    pub(crate) fn fence(&self) {
        fence(Ordering::SeqCst);
        self.fenced.set(true);
    }

    /// Makes sure that there was such a fence since the wait was opened.
    #[inline]
    pub(crate) fn fence_once(&self) {
        if !self.fenced.get() {
            self.fence();
        }
    }

    /// Notes how the wait has ended, for those that look at their entries now.
    #[inline]
    pub(crate) fn note(&self, outcome: Outcome) {
        if let Outcome::Committed(number) = outcome {
            self.committed.set(Some(number));
        }
    }

    /// Makes sure that no entry is linked by this any more.
    #[inline]
    pub(crate) fn end(&self) {
        if self.entries.get() > 0 {
            leaked();
        }
    }
}

/// Ends the process: see the module's documentation.
#[cold]
fn leaked() -> ! {
    must_return(|| {
        panic!(
            "an `Operation` has not withdrawn all that it had registered when its wait was over\n\
             help: `withdraw` and `abandon` of an operation that is made of others call those of each of them"
        )
    })
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").finish_non_exhaustive()
    }
}

/// What an entry finds when the wait was ended through it.
pub(crate) struct Committed<D> {
    /// What the caller waited for is kept for it (a *grant*, `queue.rs`).
    pub(crate) granted: bool,
    /// What the node told the other side, which may have noted something there.
    pub(crate) data: D,
}

/// The place of a node, from registering to withdrawing; it keeps the seat for the next time.
pub(crate) struct Entry<D = ()> {
    linked: Option<Linked<D>>,
    seat: Seat,
}

/// A node, and the registration that it belongs to, which lives as long as the node is here.
struct Linked<D> {
    node: Node<D>,
    by: NonNull<Registration>,
}

// SAFETY: (docs/safety.md, R6) what others do with a linked node they do under the lock of its list, and so does the owner, whatever
// thread it has come to; it never looks at `data`, which is for them. The registration moves with its entries.
unsafe impl<D> Send for Entry<D> {}
// SAFETY: (docs/safety.md, R6) a shared entry gives access to nothing but its seat: its methods that do take it exclusively.
unsafe impl<D> Sync for Entry<D> {}

impl<D> Entry<D> {
    /// An entry that is linked nowhere.
    #[inline]
    pub(crate) fn new() -> Entry<D> {
        Entry {
            linked: None,
            seat: Seat::NEW,
        }
    }

    /// An entry that comes before all others.
    pub(crate) fn ahead() -> Entry<D> {
        Entry {
            linked: None,
            seat: Seat::AHEAD,
        }
    }

    /// The place among those who wait.
    #[inline]
    pub(crate) fn seat(&self) -> Seat {
        self.seat
    }

    /// Makes a node for a registration.
    #[inline]
    fn renew(&mut self, by: &Registration, data: D) -> Pin<&Node<D>> {
        let number = by.next.get();
        by.next.set(
            number
                .checked_add(1)
                .expect("a wait is for 65,535 things at most"),
        );
        by.entries.set(by.entries.get() + 1);
        let node = Node::new(by.waiter, by.ticket, number, self.seat, data);
        let by = NonNull::from(by);
        let linked = self.linked.insert(Linked { node, by });
        // SAFETY: (docs/safety.md, I2) the entry is pinned by contract until it is unlinked.
        unsafe { Pin::new_unchecked(&linked.node) }
    }

    /// Links a node in `list`, whose lock is held.
    ///
    /// # Safety
    ///
    /// The entry is not linked; it is pinned; it is unlinked from the same list, or cleared, before it goes; and the registration's wait
    /// is open.
    #[inline]
    pub(crate) unsafe fn link(&mut self, list: &mut WaitList<D>, by: &Registration, data: D) {
        let node = self.renew(by, data);
        // SAFETY: (docs/safety.md, I2) as promised by the caller.
        unsafe { list.register(node) };
    }

    /// Takes the node out of `list`, whose lock is held, if it is still there.
    ///
    /// # Safety
    ///
    /// If the entry is linked, then in this list.
    pub(crate) unsafe fn unlink(&mut self, list: &mut WaitList<D>) {
        if let Some(node) = self.pinned() {
            // SAFETY: (docs/safety.md, I2) as promised by the caller.
            unsafe { list.withdraw(node) };
        }
        self.clear();
    }

    /// Links a node in `queue`.
    ///
    /// # Safety
    ///
    /// As for [`Entry::link`].
    #[inline]
    pub(crate) unsafe fn link_in(&mut self, queue: &WaitQueue<D>, by: &Registration, data: D) {
        let node = self.renew(by, data);
        // SAFETY: (docs/safety.md, I2) as promised by the caller.
        unsafe { queue.register(node) };
    }

    /// Takes the node out of `queue`, if it is still there.
    ///
    /// # Safety
    ///
    /// If the entry is linked, then in this queue.
    pub(crate) unsafe fn unlink_from(&mut self, queue: &WaitQueue<D>) {
        if let Some(node) = self.pinned() {
            // SAFETY: (docs/safety.md, I2) as promised by the caller.
            unsafe { queue.withdraw(node) };
        }
        self.clear();
    }

    /// Whether there is a node, which has to be unlinked or taken.
    #[inline]
    pub(crate) fn is_linked(&self) -> bool {
        self.linked.is_some()
    }

    /// Whether the wait, which has ended, was ended through this entry.
    #[inline]
    pub(crate) fn is_committed(&self) -> bool {
        self.linked.as_ref().is_some_and(|linked| {
            // SAFETY: (docs/safety.md, R6) the registration lives until the entry is cleared.
            unsafe { linked.by.as_ref() }.committed.get() == Some(linked.node.arm)
        })
    }

    /// Takes what the other side has left, if the wait was ended through this entry. It has taken the node out of its list.
    #[inline]
    pub(crate) fn take_committed(&mut self) -> Option<Committed<D>> {
        match self.is_committed() {
            true => self.clear(),
            false => None,
        }
    }

    /// The node where it is.
    #[inline]
    fn pinned(&self) -> Option<Pin<&Node<D>>> {
        // SAFETY: (docs/safety.md, I2) the entry is pinned by contract until it is unlinked.
        self.linked
            .as_ref()
            .map(|linked| unsafe { Pin::new_unchecked(&linked.node) })
    }

    /// Drops a node that is in no list, and remembers what it has got. (Until then it may be somebody else's to touch.)
    #[inline]
    fn clear(&mut self) -> Option<Committed<D>> {
        let Linked { node, by } = self.linked.take()?;
        // SAFETY: (docs/safety.md, R6) the registration lives until the entry is cleared, which is now.
        let by = unsafe { by.as_ref() };
        by.entries.set(by.entries.get() - 1);
        self.seat = Seat(node.seat.get());
        Some(Committed {
            granted: node.is_granted(),
            data: node.data,
        })
    }
}

impl<D> fmt::Debug for Entry<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the node: others may be at it.
        f.pad("Entry { .. }")
    }
}
