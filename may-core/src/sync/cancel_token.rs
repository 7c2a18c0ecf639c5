//! Asking a tree of activities to end.
//!
//! A token has a flag that can be waited for, and weak references to its children; cancelling
//! raises the flags of the whole tree below. A child that is made while its parent is cancelled
//! either is in the list that the canceller takes, or sees the flag: the list is changed under a
//! lock, and the flag is raised before that lock is taken.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::sync_flag::FlagFuture;
use super::sync_flag::SyncFlag;

/// Tells any number of coroutines and threads to end, and those that belong to them.
///
/// A token does not end anything by itself: its holders wait for it, mostly as one arm of a
/// `select!`, or ask now and then. Clones are the same token; a [`child`](CancelToken::child) is
/// cancelled with its parent, but not the other way round.
///
/// # Examples
///
/// ```
/// use may::{coroutine::spawn, sync::CancelToken};
///
/// let shutdown = CancelToken::new();
/// let request = shutdown.child();
/// let worker = spawn(move || request.wait());
/// shutdown.cancel();
/// worker.join().unwrap();
/// ```
#[derive(Clone)]
pub struct CancelToken(Arc<Node>);

/// A token in its tree.
struct Node {
    /// Kept, so that what is above reaches what is below, though this token itself has no holder.
    parent: Option<Arc<Node>>,
    cancelled: SyncFlag,
    /// std's lock: it is held for a moment, and its holder does not suspend meanwhile.
    children: Mutex<Children>,
}

/// Children, some of which may be gone.
#[derive(Default)]
struct Children {
    nodes: Vec<Weak<Node>>,
    /// How many there may be before those that are gone are looked for.
    limit: usize,
}

impl Node {
    fn new(parent: Option<Arc<Node>>) -> Arc<Node> {
        Arc::new(Node {
            parent,
            cancelled: SyncFlag::new(),
            children: Mutex::default(),
        })
    }

    fn children(&self) -> MutexGuard<'_, Children> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A loop instead of recursion, for trees of any depth.
        let mut parent = self.parent.take();
        while let Some(node) = parent {
            parent = Arc::into_inner(node).and_then(|mut node| node.parent.take());
        }
    }
}

impl Children {
    /// Adds one, after making room among those that are gone, now and then.
    fn add(&mut self, child: &Arc<Node>) {
        if self.nodes.len() >= self.limit {
            self.nodes.retain(|node| node.strong_count() > 0);
            self.limit = (2 * self.nodes.len()).max(8);
        }
        self.nodes.push(Arc::downgrade(child));
    }
}

impl CancelToken {
    /// Makes a token without a parent.
    #[must_use]
    pub fn new() -> CancelToken {
        CancelToken(Node::new(None))
    }

    /// Makes a token that is cancelled when this one is.
    #[must_use]
    pub fn child(&self) -> CancelToken {
        let child = Node::new(Some(self.0.clone()));
        let mut children = self.0.children();
        if self.is_cancelled() {
            child.cancelled.fire();
        } else {
            children.add(&child);
        }
        CancelToken(child)
    }

    /// Cancels this token and all below it.
    pub fn cancel(&self) {
        let mut nodes = vec![self.0.clone()];
        // A list instead of recursion, for trees of any depth.
        while let Some(node) = nodes.pop() {
            node.cancelled.fire();
            let children = std::mem::take(&mut node.children().nodes);
            nodes.extend(children.iter().filter_map(Weak::upgrade));
        }
    }

    /// What is raised when the token is cancelled.
    pub(crate) fn flag(&self) -> &SyncFlag {
        &self.0.cancelled
    }

    /// Whether the token is cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.is_fired()
    }

    /// Waits until the token is cancelled.
    ///
    /// # Cancellation
    ///
    /// A coroutine that is itself cancelled while it would have to wait unwinds here.
    pub fn wait(&self) {
        self.0.cancelled.wait();
    }

    /// Waits until the token is cancelled, for at most `timeout`; false if it was not.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](CancelToken::wait).
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.0.cancelled.wait_timeout(timeout)
    }

    /// Waits until the token is cancelled, until `deadline` at the latest; false if it was not.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](CancelToken::wait).
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.0.cancelled.wait_deadline(deadline)
    }

    /// Waits until the token is cancelled, as a future that any executor can poll.
    pub fn wait_async(&self) -> FlagFuture<'_> {
        self.flag().wait_async()
    }

    /// Cancels the token when the guard is dropped, for instance because of a panic.
    pub fn drop_guard(self) -> CancelOnDrop {
        CancelOnDrop(Some(self))
    }
}

impl Default for CancelToken {
    fn default() -> CancelToken {
        CancelToken::new()
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}

/// Cancels a token when it is dropped; from [`CancelToken::drop_guard`].
#[must_use = "the token is cancelled at once if the guard is not kept"]
#[derive(Debug)]
pub struct CancelOnDrop(Option<CancelToken>);

impl CancelOnDrop {
    /// Takes the token out, which is not cancelled then.
    #[must_use]
    pub fn disarm(mut self) -> CancelToken {
        self.0.take().expect("it is there until now")
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(token) = &self.0 {
            token.cancel();
        }
    }
}
