//! The queue of those who wait for one thing: a lock of a few instructions, a list of nodes, and a count.
//!
//! Who may touch a node, and when:
//!
//! * A node is linked and unlinked under the queue's lock only. The waiter withdraws it under that lock before its frame
//!   goes, so whoever finds a node in the list while holding the lock has a live one.
//! * A committer takes the node out *before* its compare-and-swap, and does not touch it after one that succeeded: the
//!   waiter may be gone the next instant. If it fails, the wait had ended some other way, and the waiter finds its node
//!   unlinked when it comes to withdraw it.
//! * One queue lock is held at a time, and no user code runs under it; the wake-up is fired after the lock is left.
//! * First in, first out.
//!
//! `waiting` repeats the length of the list outside the lock, so that the side with nobody to wake pays for a fence and
//! a load only.

use std::fmt;
use std::pin::Pin;
use std::ptr::NonNull;

use super::node::Node;
use super::waiter::Wake;
use crate::prim::{AtomicUsize, Ordering, fence};
use crate::util::list::List;
use crate::util::spin::SpinLock;

/// The list of a queue, for the holder of the lock that guards it.
///
/// Primitives that have a lock of their own around their state put this inside it: looking at the state and registering, or
/// changing it and committing, are then one step.
#[derive(Debug)]
pub(crate) struct WaitList(List<Node>);

impl WaitList {
    /// A list in which nobody waits.
    pub(crate) const fn new() -> WaitList {
        WaitList(List::new())
    }

    /// Links `node` at the end.
    ///
    /// # Safety
    ///
    /// The node's wait is open, the node is in no list, and the waiter withdraws it before it goes away.
    #[inline]
    pub(crate) unsafe fn register(&mut self, node: Pin<&Node>) {
        node.queued.set(true);
        // SAFETY: (docs/safety.md, I2) the node is pinned, the caller withdraws it, and the list's lock is held, as this is
        // borrowed mutably.
        unsafe { self.0.push_back(NonNull::from(&*node)) };
    }

    /// Takes `node` out if it is still there; true if it was. Waiter only; after this the node may go away.
    ///
    /// # Safety
    ///
    /// If the node was registered, then in this list.
    pub(crate) unsafe fn withdraw(&mut self, node: Pin<&Node>) -> bool {
        let queued = node.queued.replace(false);
        if queued {
            // SAFETY: (docs/safety.md, I2) `queued` says that the node is in this list, and its lock is held.
            unsafe { self.0.remove(NonNull::from(&*node)) };
        }
        queued
    }

    /// Takes out the nodes up to the first whose wait can be ended, and ends that one. Returns the wake-up, which is fired
    /// after the lock is left, and how many nodes were taken out.
    #[inline]
    pub(crate) fn commit_first(&mut self) -> (Option<Wake>, usize) {
        let mut taken = 0;
        // SAFETY: (docs/safety.md, I2) the lock is held, so a node in the list is alive until it is unlinked here, and
        // until its wait is ended; nothing of it is used after that.
        unsafe {
            while let Some(node) = self.0.pop_front() {
                taken += 1;
                let node = node.as_ref();
                node.queued.set(false);
                let wake = node.waiter.wake();
                if node.waiter.word().commit(node.ticket, node.arm) {
                    return (Some(wake), taken);
                }
            }
        }
        (None, taken)
    }
}

/// A list with a lock of its own, for primitives whose state is atomics. See the module's documentation.
pub(crate) struct WaitQueue {
    nodes: SpinLock<WaitList>,
    /// The number of nodes; written under the lock.
    waiting: AtomicUsize,
}

impl WaitQueue {
    /// A queue in which nobody waits.
    #[cfg(not(may_loom))]
    pub(crate) const fn new() -> WaitQueue {
        WaitQueue {
            nodes: SpinLock::new(WaitList::new()),
            waiting: AtomicUsize::new(0),
        }
    }

    /// A queue in which nobody waits.
    #[cfg(may_loom)]
    pub(crate) fn new() -> WaitQueue {
        WaitQueue {
            nodes: SpinLock::new(WaitList::new()),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Whether nobody waits. Meaningful to a side that has made its change and issued a fence, or as a hint.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }

    /// Links `node` at the end.
    ///
    /// # Safety
    ///
    /// As for [`WaitList::register`].
    pub(crate) unsafe fn register(&self, node: Pin<&Node>) {
        let mut nodes = self.nodes.lock();
        // SAFETY: (docs/safety.md, I2) as promised by the caller.
        unsafe { nodes.register(node) };
        self.waiting
            .store(self.waiting.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Makes sure that `node` is in no list any more. Waiter only; after this the node may go away.
    ///
    /// # Safety
    ///
    /// As for [`WaitList::withdraw`].
    pub(crate) unsafe fn withdraw(&self, node: Pin<&Node>) {
        let mut nodes = self.nodes.lock();
        // SAFETY: (docs/safety.md, I2) as promised by the caller.
        let withdrawn = unsafe { nodes.withdraw(node) };
        self.count_down(usize::from(withdrawn));
    }

    /// Ends the wait of the waiter that has waited longest, and wakes it; false if nobody waits.
    ///
    /// The caller has made the change that the waiters wait for.
    #[inline]
    pub(crate) fn wake_one(&self) -> bool {
        // Pairs with the fence of a waiter between registering and looking once more.
        fence(Ordering::SeqCst);
        !self.is_empty() && self.wake_first()
    }

    /// The half of [`WaitQueue::wake_one`] that finds somebody.
    fn wake_first(&self) -> bool {
        let mut nodes = self.nodes.lock();
        let (wake, taken) = nodes.commit_first();
        self.count_down(taken);
        drop(nodes);
        wake.map(Wake::fire).is_some()
    }

    /// Ends the wait of everybody who waits now, and wakes them; returns how many.
    ///
    /// The caller has made the change that the waiters wait for.
    pub(crate) fn wake_all(&self) -> usize {
        fence(Ordering::SeqCst);
        let mut woken = 0;
        // Whoever comes back to wait again is behind those who wait now, so the count bounds the loop.
        let mut left = self.waiting.load(Ordering::Relaxed);
        while left > 0 && self.wake_first() {
            woken += 1;
            left -= 1;
        }
        woken
    }

    /// Counts nodes that were taken out. Under the lock.
    #[inline]
    fn count_down(&self, nodes: usize) {
        self.waiting.store(
            self.waiting.load(Ordering::Relaxed) - nodes,
            Ordering::Relaxed,
        );
    }
}

impl fmt::Debug for WaitQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQueue")
            .field("waiting", &self.waiting.load(Ordering::Relaxed))
            .finish()
    }
}
