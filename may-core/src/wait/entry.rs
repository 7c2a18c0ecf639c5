//! The node of an operation that waits, and what all the operations of one wait have in common.
//!
//! A wait has one [`Registration`]. It lies where the wait is made: in the frame of a caller that
//! blocks, or in a future. Each place where the caller waits has an [`Entry`], which lies in the
//! operation. The operation is pinned, so a linked node stays where it is.
//!
//! Operations are written by users of May, too, who may write them wrongly. So nothing here relies
//! on their order of calls (R7). Each linked entry has a pointer to its registration, and through
//! its node others have one to the waiter. Three checks keep both alive:
//!
//! * A registration that is dropped while an entry is linked by it ends the process. So it outlives
//!   its entries, however the wait's frame is left.
//! * An entry is linked once until it is cleared, or the process ends. So no list has a node twice.
//! * An entry is cleared after the wait has ended, by the thread that has ended it, or the process
//!   ends. So the count is changed by one thread at a time, and no packet or node goes while
//!   another thread may be at it.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::atomic::{self, AtomicUsize};

use super::node::{Node, Seat};
use super::queue::{WaitList, WaitQueue};
use super::waiter::Waiter;
use crate::coroutine::commit_word::{Outcome, Ticket};
use crate::coroutine::current::thread_number;
use crate::prim::{Ordering, fence};
use crate::util::must_return::must_return;

/// One wait, to be registered in several places.
pub struct Registration {
    pub(crate) waiter: Waiter,
    pub(crate) ticket: Ticket,
    /// The number of the next node. Zero is that of the caller's token.
    next: Cell<u32>,
    /// How many entries have been linked and not been cleared.
    entries: Cell<u32>,
    /// The number of the node through which the wait was ended.
    committed: Cell<Option<u16>>,
    /// A sequentially consistent fence was issued since the wait was opened.
    fenced: Cell<bool>,
    /// The number of the thread that has ended the wait, and takes the entries out now. Zero while
    /// the wait lasts.
    ended_by: AtomicUsize,
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
            ended_by: AtomicUsize::new(0),
        }
    }

    /// Issues the fence between registering and looking once more; it pairs with the fences of
    /// those that wake and of those that cancel.
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

    /// Notes how the wait has ended, for the entries, which the caller takes out now.
    #[inline]
    pub(crate) fn note(&self, outcome: Outcome) {
        if let Outcome::Committed(number) = outcome {
            self.committed.set(Some(number));
        }
        // Another thread that looks finds a number that is not its own.
        self.ended_by
            .store(thread_number(), atomic::Ordering::Relaxed);
    }

    /// Whether the caller has ended the wait.
    #[inline]
    fn is_ended(&self) -> bool {
        self.ended_by.load(atomic::Ordering::Relaxed) == thread_number()
    }
}

impl Drop for Registration {
    #[inline]
    fn drop(&mut self) {
        if self.entries.get() > 0 {
            misused(
                "an `Operation` has not withdrawn all that it had registered when its wait was over\n\
                 help: `withdraw` and `abandon` of an operation that is made of others call those of each of them",
            );
        }
    }
}

/// Ends the process: see the module's documentation.
#[cold]
pub(crate) fn misused(how: &str) -> ! {
    must_return(|| panic!("{how}"))
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

// SAFETY: (R6) what others do with a linked node they do under the lock of its list, and so does
// the owner, whatever thread it has come to; it never looks at `data`, which is for them. The
// registration is touched by one thread at a time: by the waiter's while the wait lasts, which
// alone has a reference to it, and then by the one that has ended the wait, which is asked for
// before (R7).
unsafe impl<D> Send for Entry<D> {}
// SAFETY: (R6) a shared entry gives access to its seat, and to `is_committed`, which asks for that
// thread, too.
unsafe impl<D> Sync for Entry<D> {}

impl<D: Clone> Entry<D> {
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

    /// The place among those that wait.
    #[inline]
    pub(crate) fn seat(&self) -> Seat {
        self.seat
    }

    /// Makes a node for a registration.
    #[inline]
    fn renew(&mut self, by: &Registration, data: D) -> Pin<&Node<D>> {
        if self.linked.is_some() {
            misused(
                "an `Operation` was registered twice in one wait\n\
                 help: `register` calls that of each of its parts once",
            );
        }
        let number = u16::try_from(by.next.get()).expect("a wait is for 65,535 things at most");
        by.next.set(u32::from(number) + 1);
        by.entries.set(by.entries.get() + 1);
        let node = Node::new(by.waiter, by.ticket, number, self.seat, data);
        let by = NonNull::from(by);
        let linked = self.linked.insert(Linked { node, by });
        // SAFETY: (I2) the entry is pinned by contract until it is unlinked.
        unsafe { Pin::new_unchecked(&linked.node) }
    }

    /// Links a node in `list`, whose lock is held.
    ///
    /// # Safety
    ///
    /// The entry is not linked; it is pinned; it is unlinked from the same list, or cleared, before
    /// it goes; and the registration's wait is open.
    #[inline]
    pub(crate) unsafe fn link(&mut self, list: &mut WaitList<D>, by: &Registration, data: D) {
        let node = self.renew(by, data);
        // SAFETY: (I2) as promised by the caller.
        unsafe { list.register(node) };
    }

    /// Takes the node out of `list`, whose lock is held, if it is still there.
    ///
    /// # Safety
    ///
    /// If the entry is linked, then in this list.
    pub(crate) unsafe fn unlink(&mut self, list: &mut WaitList<D>) {
        self.check();
        if let Some(node) = self.pinned() {
            // SAFETY: (I2) as promised by the caller.
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
        // SAFETY: (I2) as promised by the caller.
        unsafe { queue.register(node) };
    }

    /// Takes the node out of `queue`, if it is still there.
    ///
    /// # Safety
    ///
    /// If the entry is linked, then in this queue.
    pub(crate) unsafe fn unlink_from(&mut self, queue: &WaitQueue<D>) {
        self.check();
        if let Some(node) = self.pinned() {
            // SAFETY: (I2) as promised by the caller.
            unsafe { queue.withdraw(node) };
        }
        self.clear();
    }

    /// Whether there is a node, which has to be unlinked or taken.
    #[inline]
    pub(crate) fn is_linked(&self) -> bool {
        self.linked.is_some()
    }

    /// Whether the caller has ended the wait, and it was ended through this entry.
    #[inline]
    pub(crate) fn is_committed(&self) -> bool {
        self.linked.as_ref().is_some_and(|linked| {
            // SAFETY: (R7) the registration outlives the entries that are linked by it.
            let by = unsafe { linked.by.as_ref() };
            by.is_ended() && by.committed.get() == Some(linked.node.arm)
        })
    }

    /// Makes sure that the caller has ended the wait, if the entry is linked.
    #[inline]
    fn check(&self) {
        // SAFETY: (R7) as above.
        let ended = |linked: &Linked<D>| unsafe { linked.by.as_ref() }.is_ended();
        if !self.linked.as_ref().is_none_or(ended) {
            misused(
                "an `Operation` was used or dropped by others while it was waited for\n\
                 help: keep the parts of an operation to itself, and change them in its own methods only",
            );
        }
    }

    /// Makes sure that the entry is not linked.
    #[inline]
    pub(crate) fn check_unlinked(&self) {
        if self.linked.is_some() {
            misused(
                "an `Operation` was tried while it was waited for\n\
                 help: call its `withdraw` before, as is done after each wait",
            );
        }
    }

    /// Takes what the other side has left, if the wait was ended through this entry. It has taken
    /// the node out of its list.
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
        // SAFETY: (I2) the entry is pinned by contract until it is unlinked.
        self.linked
            .as_ref()
            .map(|linked| unsafe { Pin::new_unchecked(&linked.node) })
    }

    /// Forgets a node that is in no list, and remembers what it has got. (Until then others may
    /// be at it.)
    #[inline]
    fn clear(&mut self) -> Option<Committed<D>> {
        let Linked { node, by } = self.linked.as_ref()?;
        // SAFETY: (R7) the registration outlives the entries that are linked by it, of which this
        // is one.
        let by = unsafe { by.as_ref() };
        by.entries.set(by.entries.get() - 1);
        self.seat = Seat(node.seat.get());
        let committed = Committed {
            granted: node.is_granted(),
            data: node.data.clone(),
        };
        self.linked = None;
        Some(committed)
    }
}

impl<D> fmt::Debug for Entry<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the node: others may be at it.
        f.pad("Entry { .. }")
    }
}
