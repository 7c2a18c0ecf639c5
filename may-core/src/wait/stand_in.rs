//! A node that keeps the place of a waiter that is busy.
//!
//! A waiter that must run user code between registering and waiting cannot have an open wait
//! meanwhile: the user code may itself wait. So it exchanges its node for this one, under the lock
//! of the queue, and exchanges it back afterwards. The stand-in is a task that is never polled: a
//! committer closes its commit word and finds no waker. A stand-in that has left the queue was
//! notified, and that counts for the waiter.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::node::{Node, Seat};
use super::queue::WaitQueue;
use super::task::TaskBlock;
use crate::coroutine::commit_word::Openness;

/// See the module's documentation. It leaves the queue when it is dropped.
pub(crate) struct StandIn<'a, D> {
    queue: &'a WaitQueue<D>,
    /// The block keeps the commit word of the node.
    node: OnceCell<(Arc<TaskBlock>, Node<D>)>,
    /// The node has come to the queue in the place of another.
    used: Cell<bool>,
}

impl<'a, D> StandIn<'a, D> {
    /// A stand-in that keeps no waiter's place yet.
    #[inline]
    pub(crate) fn new(queue: &'a WaitQueue<D>) -> StandIn<'a, D> {
        StandIn {
            queue,
            node: OnceCell::new(),
            used: Cell::new(false),
        }
    }

    /// Takes the place of `node`, which is the caller's, if that is in the queue still; if not, its
    /// wait has ended. For once.
    #[cold]
    pub(crate) fn relieve(self: Pin<&Self>, node: Pin<&Node<D>>, data: D) {
        let block = TaskBlock::new();
        let ticket = block.word.open(Openness::default());
        let mine = Node::new(TaskBlock::waiter(&block), ticket, 0, Seat::NEW, data);
        let _ = self.get_ref().node.set((block, mine));
        let mine = self.node().expect("it was just made");
        // SAFETY: (I2) the wait of this node is open, and the node leaves the queue when this
        // value, which is pinned, is dropped. The caller's node is in no other queue.
        self.used.set(unsafe { self.queue.exchange(node, mine) });
    }

    /// Whether this keeps a waiter's place, or did and was notified.
    #[inline]
    pub(crate) fn is_used(&self) -> bool {
        self.used.get()
    }

    /// Gives the place back to the waiter, by another node, which gets what a notification has left
    /// if there was one meanwhile; false if there was.
    pub(crate) fn give_back(self: Pin<&Self>, node: Pin<&Node<D>>) -> bool {
        let mine = self.node().expect("it keeps a waiter's place");
        // SAFETY: (I2) if this node is in a queue, then in this one; the caller withdraws its own.
        let waits = unsafe { self.queue.exchange(mine, node) };
        if !waits {
            node.granted.set(mine.granted.get());
        }
        waits
    }

    /// The node where it is.
    fn node(self: Pin<&Self>) -> Option<Pin<&Node<D>>> {
        // SAFETY: (I2) the node is a part of this value, is not moved out of it, and is unlinked by
        // the destructor.
        self.get_ref()
            .node
            .get()
            .map(|(_, node)| unsafe { Pin::new_unchecked(node) })
    }
}

impl<D> Drop for StandIn<'_, D> {
    #[inline]
    fn drop(&mut self) {
        if let Some((_, node)) = self.node.get() {
            // SAFETY: (I2) the node is where it was linked, and if it is in a queue, then in this
            // one.
            unsafe { self.queue.withdraw(Pin::new_unchecked(node)) };
        }
    }
}

impl<D> fmt::Debug for StandIn<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("StandIn { .. }")
    }
}
