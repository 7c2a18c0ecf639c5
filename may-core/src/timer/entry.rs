//! One timer as its wheel sees it, and the list that links timers into a slot.
//!
//! The memory of an entry belongs to the waiter: it is a field of something on the waiting
//! coroutine's stack, so a timer costs no allocation. The price is the contract of
//! [`Wheel::insert`](super::Wheel::insert): the entry stays where it is until it fired or was
//! removed.
//!
//! All fields are cells, and no function here keeps a reference to an entry beyond its own body
//! (rule R5): the owner may look at its entry at any time.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomPinned;
use std::ptr::NonNull;

/// Link to a neighbour in a list.
type Link = Cell<Option<NonNull<Entry>>>;

/// One timer: a deadline and the links of the slot in which it waits.
pub(crate) struct Entry {
    /// Points to the entry that was inserted after this one.
    next: Link,
    /// Points to the entry that was inserted before this one.
    previous: Link,
    /// Tells when the timer fires, in nanoseconds since the start of the wheel's clock.
    deadline: Cell<u64>,
    /// Tells in which list of the wheel the entry is linked.
    pub(super) place: Cell<ListId>,
    /// Tells during which `advance` the entry was put on the overdue list.
    pub(super) stamp: Cell<u16>,
    /// Forbids `&mut Entry` to claim that there is no other pointer, since the neighbours have one.
    _pinned: PhantomPinned,
}

impl Entry {
    /// Creates a timer that is in no wheel.
    pub(crate) const fn new(deadline_ns: u64) -> Self {
        Self {
            next: Cell::new(None),
            previous: Cell::new(None),
            deadline: Cell::new(deadline_ns),
            place: Cell::new(ListId::NOWHERE),
            stamp: Cell::new(0),
            _pinned: PhantomPinned,
        }
    }

    /// Tells when the timer fires.
    pub(crate) fn deadline(&self) -> u64 {
        self.deadline.get()
    }

    /// Moves the deadline of a timer that is in no wheel.
    pub(crate) fn set_deadline(&self, deadline_ns: u64) {
        assert!(
            !self.is_linked(),
            "the deadline of a linked timer decides where it is linked"
        );
        self.deadline.set(deadline_ns);
    }

    /// Tells whether a wheel holds this timer: it was inserted, and neither fired nor was removed.
    pub(crate) fn is_linked(&self) -> bool {
        self.place.get() != ListId::NOWHERE
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("deadline", &self.deadline())
            .field("linked", &self.is_linked())
            .finish_non_exhaustive()
    }
}

/// Names the list that an entry is in: nowhere, the overdue list, or a slot of a level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ListId(u16);

impl ListId {
    /// Is the place of an entry that no wheel holds.
    pub(super) const NOWHERE: Self = Self(u16::MAX);
    /// Is the place of an entry that was late when it was inserted.
    pub(super) const OVERDUE: Self = Self(u16::MAX - 1);

    /// Names slot `slot` of level `level`.
    #[inline]
    pub(super) const fn in_level(level: usize, slot: usize) -> Self {
        debug_assert!(level < 256 && slot < 256);
        Self((level << 8 | slot) as u16)
    }

    /// Returns the level, if the place is in one.
    #[inline]
    pub(super) const fn level(self) -> usize {
        (self.0 >> 8) as usize
    }

    /// Returns the slot within the level, if the place is in one.
    #[inline]
    pub(super) const fn slot(self) -> usize {
        (self.0 & 0xff) as usize
    }
}

/// A queue of entries, first in first out, from which any entry can be taken in constant time.
pub(super) struct List {
    /// Points to the entry that was pushed first.
    first: Link,
    /// Points to the entry that was pushed last.
    last: Link,
}

impl List {
    pub(super) const fn new() -> Self {
        Self {
            first: Cell::new(None),
            last: Cell::new(None),
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.first.get().is_none()
    }

    /// Returns the entry that was pushed first.
    #[inline]
    pub(super) fn first(&self) -> Option<NonNull<Entry>> {
        self.first.get()
    }

    /// Returns the only entry, if there is exactly one.
    #[inline]
    pub(super) fn only(&self) -> Option<NonNull<Entry>> {
        if self.first.get() == self.last.get() {
            self.first.get()
        } else {
            None
        }
    }

    /// Links an entry at the end.
    ///
    /// # Safety
    ///
    /// The entry is valid, in no list, and stays valid and where it is as long as it is in this
    /// one; so are and do all that are linked already.
    #[inline]
    pub(super) unsafe fn push(&self, entry: NonNull<Entry>) {
        // SAFETY: (I3, R5) the caller upholds the contract for the entry; the reference ends with
        // this function.
        let new = unsafe { entry.as_ref() };
        let last = self.last.replace(Some(entry));
        new.previous.set(last);
        new.next.set(None);
        match last {
            // SAFETY: (I3) a linked entry is alive by the contract under which it was pushed.
            Some(last) => unsafe { last.as_ref() }.next.set(Some(entry)),
            None => self.first.set(Some(entry)),
        }
    }

    /// Unlinks an entry, wherever it stands.
    ///
    /// # Safety
    ///
    /// The entry is linked in this list, and all that are linked are valid.
    #[inline]
    pub(super) unsafe fn unlink(&self, entry: NonNull<Entry>) {
        // SAFETY: (I3, R5) the caller upholds the contract for the entry; the reference ends with
        // this function.
        let old = unsafe { entry.as_ref() };
        let (previous, next) = (old.previous.take(), old.next.take());
        match previous {
            // SAFETY: (I3) a neighbour is linked and thus alive.
            Some(previous) => unsafe { previous.as_ref() }.next.set(next),
            None => self.first.set(next),
        }
        match next {
            // SAFETY: (I3) a neighbour is linked and thus alive.
            Some(next) => unsafe { next.as_ref() }.previous.set(previous),
            None => self.last.set(previous),
        }
    }
}
