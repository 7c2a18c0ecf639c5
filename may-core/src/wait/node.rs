//! A waiter's entry in one queue. It lives on the waiter's stack, so waiting allocates nothing.

use std::cell::Cell;
use std::marker::PhantomPinned;

use super::waiter::Waiter;
use crate::coroutine::commit_word::Ticket;
use crate::util::list::{Linked, Links};

/// The place of an operation among those that wait: zero before it has waited.
///
/// A waiter that was woken and found that another caller was faster has not had its turn. It goes
/// back to where it stood. Otherwise a receiver that empties a channel would be first in line again
/// before those that were woken beside it have even looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat(pub(super) u64);

impl Seat {
    /// That of an operation that has not waited yet.
    pub(crate) const NEW: Seat = Seat(0);
    /// The seat before all others.
    pub(crate) const AHEAD: Seat = Seat(1);
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
    /// For which of the waiter's waits.
    pub(super) ticket: Ticket,
    /// The number that a commit through this node leaves in the commit word.
    pub(super) arm: u16,
    /// Its place among the others; zero until it has one. Guarded by the queue's lock.
    pub(super) seat: Cell<u64>,
    /// The waiter was woken before, and another caller was faster.
    pub(super) again: bool,
    /// The wait was ended together with what it was for. Guarded by the queue's lock.
    pub(super) granted: Cell<bool>,
    /// What the other side must know of the wait: how much is asked for, where to put it.
    pub(super) data: D,
    /// A queued node must not move.
    _pinned: PhantomPinned,
}

// SAFETY: (I2) each node has links of its own.
unsafe impl<D> Linked for Node<D> {
    fn links(&self) -> &Links<Node<D>> {
        &self.links
    }
}

impl<D> Node<D> {
    /// A node that is in no queue yet.
    pub(crate) fn new(waiter: Waiter, ticket: Ticket, arm: u16, seat: Seat, data: D) -> Node<D> {
        Node {
            links: Links::new(),
            queued: Cell::new(false),
            waiter,
            ticket,
            arm,
            seat: Cell::new(seat.0),
            again: seat != Seat::NEW,
            granted: Cell::new(false),
            data,
            _pinned: PhantomPinned,
        }
    }

    /// Whether the wait, which is over, was ended together with what it was for. Waiter only, when
    /// the node is in no queue.
    #[inline]
    pub(crate) fn is_granted(&self) -> bool {
        self.granted.get()
    }
}
