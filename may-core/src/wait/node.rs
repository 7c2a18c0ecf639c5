//! A waiter's entry in one queue. It lives on the waiter's stack, so waiting allocates nothing.

use std::cell::Cell;
use std::marker::PhantomPinned;

use super::waiter::Waiter;
use crate::coroutine::commit_word::Ticket;
use crate::util::clock::Deadline;
use crate::util::list::{Linked, Links};

/// How long a caller waits, and where it stands: the same for all the waits that it takes until its operation has succeeded.
///
/// Somebody who was woken and found that another was faster has not had its turn; it goes back to where it stood, or whoever empties
/// a channel would be first in line again before those who were woken beside it have even looked.
#[derive(Debug)]
pub(crate) struct Turn {
    /// When the caller gives up.
    pub(crate) deadline: Deadline,
    /// The caller returns an error if it is cancelled and cannot be unwound.
    pub(crate) cancelled_by_error: bool,
    /// The seat from the first wait on.
    seat: Cell<u64>,
    /// The last wait was ended together with what it was for, which is kept for the caller.
    granted: Cell<bool>,
}

/// The seat before all others.
pub(super) const AHEAD: u64 = 1;

impl Turn {
    /// The turn of a caller who has not waited yet.
    #[inline]
    pub(crate) fn until(deadline: Deadline) -> Turn {
        Turn {
            deadline,
            cancelled_by_error: false,
            seat: Cell::new(0),
            granted: Cell::new(false),
        }
    }

    /// The turn of a caller that comes before all others.
    pub(crate) fn ahead() -> Turn {
        let turn = Turn::until(Deadline::NEVER);
        turn.seat.set(AHEAD);
        turn
    }

    /// The turn of a caller who will return an error if it is cancelled and cannot be unwound.
    pub(crate) fn cancelled_by_error(mut self) -> Turn {
        self.cancelled_by_error = true;
        self
    }

    /// The seat; zero before the first wait.
    pub(super) fn seat(&self) -> u64 {
        self.seat.get()
    }

    /// Keeps what the node has got in a wait that is over: the seat, and whether what it was for is the caller's.
    #[inline]
    pub(crate) fn keep<D>(&self, node: &Node<D>) {
        self.seat.set(node.seat.get());
        self.granted.set(node.granted.get());
    }

    /// Keeps what another turn has got.
    pub(crate) fn keep_of(&self, other: &Turn) {
        self.seat.set(other.seat.get());
        self.granted.set(other.granted.get());
    }

    /// Whether the last wait was ended together with what it was for (a *grant*, `queue.rs`), which is the caller's to use
    /// or to give back. True once.
    #[inline]
    pub(crate) fn take_granted(&self) -> bool {
        self.granted.take()
    }
}

/// One opened wait, as it stands in one queue.
#[derive(Debug)]
pub(crate) struct Node<D = ()> {
    /// The queue's; guarded by its lock.
    links: Links<Node<D>>,
    /// Whether the node is in its queue; guarded by the queue's lock.
    pub(super) queued: Cell<bool>,
    /// Who waits.
    pub(super) waiter: Waiter,
    /// For which of his waits.
    pub(super) ticket: Ticket,
    /// The number that a commit through this node leaves in the commit word.
    pub(super) arm: u16,
    /// Its place among the others; zero until it has one. Guarded by the queue's lock.
    pub(super) seat: Cell<u64>,
    /// The waiter was woken before, and somebody else was faster.
    pub(super) again: bool,
    /// The wait was ended together with what it was for. Guarded by the queue's lock.
    pub(super) granted: Cell<bool>,
    /// What the other side must know of the wait: how much is asked for, where to put it.
    pub(super) data: D,
    /// A queued node must not move.
    _pinned: PhantomPinned,
}

// SAFETY: (docs/safety.md, I2) each node has links of its own.
unsafe impl<D> Linked for Node<D> {
    fn links(&self) -> &Links<Node<D>> {
        &self.links
    }
}

impl<D> Node<D> {
    /// A node that is in no queue yet.
    pub(crate) fn new(waiter: Waiter, ticket: Ticket, arm: u16, turn: &Turn, data: D) -> Node<D> {
        Node {
            links: Links::new(),
            queued: Cell::new(false),
            waiter,
            ticket,
            arm,
            seat: Cell::new(turn.seat.get()),
            again: turn.seat.get() != 0,
            granted: Cell::new(false),
            data,
            _pinned: PhantomPinned,
        }
    }
}
