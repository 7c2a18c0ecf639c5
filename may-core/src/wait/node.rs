//! A waiter's entry in one queue. It lives on the waiter's stack, so waiting allocates nothing.

use std::cell::Cell;
use std::marker::PhantomPinned;

use super::waiter::Waiter;
use crate::coroutine::commit_word::Ticket;
use crate::util::list::{Linked, Links};

/// One opened wait, as it stands in one queue.
#[derive(Debug)]
pub(crate) struct Node {
    /// The queue's; guarded by its lock.
    links: Links<Node>,
    /// Whether the node is in its queue; guarded by the queue's lock.
    pub(super) queued: Cell<bool>,
    /// Who waits.
    pub(super) waiter: Waiter,
    /// For which of his waits.
    pub(super) ticket: Ticket,
    /// The number that a commit through this node leaves in the commit word.
    pub(super) arm: u16,
    /// A queued node must not move.
    _pinned: PhantomPinned,
}

// SAFETY: (docs/safety.md, I2) each node has links of its own.
unsafe impl Linked for Node {
    fn links(&self) -> &Links<Node> {
        &self.links
    }
}

impl Node {
    /// A node that is in no queue yet.
    pub(crate) fn new(waiter: Waiter, ticket: Ticket, arm: u16) -> Node {
        Node {
            links: Links::new(),
            queued: Cell::new(false),
            waiter,
            ticket,
            arm,
            _pinned: PhantomPinned,
        }
    }
}
