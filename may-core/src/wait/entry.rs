//! The node of a waiter that waits for several things at once: one entry for each.

use std::fmt;
use std::pin::Pin;

use super::node::{Node, Turn};
use super::queue::{WaitList, WaitQueue};
use super::waiter::Waiter;
use crate::coroutine::commit_word::Ticket;
use crate::util::clock::Deadline;

/// One opened wait, to be registered in several places.
#[derive(Clone, Copy, Debug)]
pub struct Registration {
    pub(crate) waiter: Waiter,
    pub(crate) ticket: Ticket,
}

/// The place of a node, from registering to withdrawing; it keeps the seat for the next time.
///
/// It is pinned by contract: while it is linked its owner is borrowed by `park::wait_any`, which has it unlinked before it returns or
/// unwinds; or it lies in a pinned future, which has it unlinked before it is dropped.
pub(crate) struct Entry<D = ()> {
    node: Option<Node<D>>,
    turn: Turn,
}

// SAFETY: (docs/safety.md, R6) what others do with a linked node they do under the lock of its list, and so does the owner, whatever
// thread it has come to; it never looks at `data`, which is for them.
unsafe impl<D> Send for Entry<D> {}
// SAFETY: (docs/safety.md, R6) a shared entry gives access to nothing: its methods that do take it exclusively.
unsafe impl<D> Sync for Entry<D> {}

impl<D> Entry<D> {
    /// An entry that is linked nowhere.
    pub(crate) fn new() -> Entry<D> {
        Entry {
            node: None,
            turn: Turn::until(Deadline::NEVER),
        }
    }

    /// Makes a node for a registration.
    fn renew(&mut self, by: &Registration, arm: u16, data: D) -> Pin<&Node<D>> {
        let node = Node::new(by.waiter, by.ticket, arm, &self.turn, data);
        // SAFETY: (docs/safety.md, I2) the entry stays where it is until it is unlinked, see above.
        unsafe { Pin::new_unchecked(&*self.node.insert(node)) }
    }

    /// Links a node in `list`, whose lock is held.
    ///
    /// # Safety
    ///
    /// The entry is not linked, it stays where it is until it is unlinked from the same list, and the registration's wait is open.
    pub(crate) unsafe fn link(
        &mut self,
        list: &mut WaitList<D>,
        by: &Registration,
        arm: u16,
        data: D,
    ) {
        let node = self.renew(by, arm, data);
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

    /// Whether the wait was ended together with what it was for; once. After it was unlinked.
    pub(crate) fn take_granted(&mut self) -> bool {
        self.turn.take_granted()
    }

    /// Whether the entry, which is not linked, comes before all who wait.
    pub(crate) fn is_next_in(&self, list: &WaitList<D>) -> bool {
        list.is_next(&self.turn)
    }

    /// What the node tells, under the lock of its list.
    pub(crate) fn data(&self, _list: &mut WaitList<D>) -> Option<&D> {
        self.node.as_ref().map(|node| &node.data)
    }

    /// Whether the node's list has to be asked for it.
    pub(crate) fn is_used(&self) -> bool {
        self.node.is_some()
    }

    /// The node where it is.
    fn pinned(&self) -> Option<Pin<&Node<D>>> {
        // SAFETY: (docs/safety.md, I2) the entry stays where it is until it is unlinked, see above.
        self.node
            .as_ref()
            .map(|node| unsafe { Pin::new_unchecked(node) })
    }

    /// Drops a node that is in no list, and remembers what it has got. (Until then it may be somebody else's to touch.)
    fn clear(&mut self) {
        if let Some(node) = self.node.take() {
            self.turn.keep(&node);
        }
    }
}

impl Entry {
    /// Links a node in `queue`.
    ///
    /// # Safety
    ///
    /// As for [`Entry::link`].
    pub(crate) unsafe fn link_in(&mut self, queue: &WaitQueue, by: &Registration, arm: u16) {
        let node = self.renew(by, arm, ());
        // SAFETY: (docs/safety.md, I2) as promised by the caller.
        unsafe { queue.register(node) };
    }

    /// Takes the node out of `queue`, if it is still there.
    ///
    /// # Safety
    ///
    /// If the entry is linked, then in this queue.
    pub(crate) unsafe fn unlink_from(&mut self, queue: &WaitQueue) {
        if let Some(node) = self.pinned() {
            // SAFETY: (docs/safety.md, I2) as promised by the caller.
            unsafe { queue.withdraw(node) };
        }
        self.clear();
    }
}

impl<D> fmt::Debug for Entry<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the node: others may be at it.
        f.pad("Entry { .. }")
    }
}
