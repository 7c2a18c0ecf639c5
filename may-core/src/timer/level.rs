//! One level of the wheel: 64 slots, and a word with one bit for each slot that holds anything.

use std::cell::Cell;
use std::ptr::NonNull;

use super::entry::{Entry, List};

/// Counts the bits of a deadline that one level looks at.
pub(super) const SLOT_BITS: u32 = 6;

/// Counts the slots of a level, one for each bit of the occupancy word.
pub(super) const SLOTS: usize = 1 << SLOT_BITS;

/// The timers whose deadlines share a prefix of bits.
pub(super) struct Slot {
    /// Links the timers in the order in which they came.
    entries: List,
    /// Is a lower bound of all deadlines in the slot, and means nothing while the slot is empty.
    ///
    /// Exact unless timers were removed: finding the next smallest would mean to look at all
    /// others.
    earliest: Cell<u64>,
}

impl Slot {
    pub(super) const fn new() -> Self {
        Self {
            entries: List::new(),
            earliest: Cell::new(0),
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the timer that came first.
    #[inline]
    pub(super) fn first(&self) -> Option<NonNull<Entry>> {
        self.entries.first()
    }

    /// Returns the only timer, if there is exactly one.
    #[inline]
    pub(super) fn only(&self) -> Option<NonNull<Entry>> {
        self.entries.only()
    }

    /// Returns a lower bound of all deadlines in the slot, which must not be empty.
    #[inline]
    pub(super) fn earliest(&self) -> u64 {
        debug_assert!(!self.is_empty(), "an empty slot has no earliest deadline");
        self.earliest.get()
    }

    /// Adds a timer.
    ///
    /// # Safety
    ///
    /// That of [`List::push`].
    #[inline]
    pub(super) unsafe fn add(&self, entry: NonNull<Entry>, deadline: u64) {
        if self.is_empty() || deadline < self.earliest.get() {
            self.earliest.set(deadline);
        }
        // SAFETY: (I3) the caller's contract is that of `push`.
        unsafe { self.entries.push(entry) };
    }

    /// Takes a timer out.
    ///
    /// # Safety
    ///
    /// That of [`List::unlink`].
    #[inline]
    pub(super) unsafe fn take(&self, entry: NonNull<Entry>) {
        // SAFETY: (I3) the caller's contract is that of `unlink`.
        unsafe { self.entries.unlink(entry) };
        if let Some(only) = self.only() {
            // Unlinking has just written to this neighbour, so here an exact bound costs next to
            // nothing.
            // SAFETY: (I3) a linked entry is alive.
            self.earliest.set(unsafe { only.as_ref() }.deadline());
        }
    }
}

/// A ring of slots.
pub(super) struct Level {
    /// Has bit `i` set while slot `i` holds a timer.
    occupied: Cell<u64>,
    /// Holds the timers, by the digit of their deadline that belongs to this level.
    slots: [Slot; SLOTS],
}

impl Level {
    pub(super) const fn new() -> Self {
        Self {
            occupied: Cell::new(0),
            slots: [const { Slot::new() }; SLOTS],
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.occupied.get() == 0
    }

    /// Returns the number of the first slot that holds a timer.
    #[inline]
    pub(super) fn first_occupied(&self) -> Option<usize> {
        match self.occupied.get() {
            0 => None,
            bits => Some(bits.trailing_zeros() as usize),
        }
    }

    #[inline]
    pub(super) fn slot(&self, index: usize) -> &Slot {
        &self.slots[index]
    }

    /// Adds a timer to a slot and marks the slot.
    ///
    /// # Safety
    ///
    /// That of [`List::push`].
    #[inline]
    pub(super) unsafe fn add(&self, index: usize, entry: NonNull<Entry>, deadline: u64) {
        self.occupied.set(self.occupied.get() | 1 << index);
        // SAFETY: (I3) the caller's contract is that of `add`.
        unsafe { self.slots[index].add(entry, deadline) };
    }

    /// Takes a timer out of its slot and clears the mark if it was the last.
    ///
    /// # Safety
    ///
    /// That of [`List::unlink`], for the list of this slot.
    #[inline]
    pub(super) unsafe fn take(&self, index: usize, entry: NonNull<Entry>) {
        let slot = &self.slots[index];
        // SAFETY: (I3) the caller's contract is that of `take`.
        unsafe { slot.take(entry) };
        if slot.is_empty() {
            self.occupied.set(self.occupied.get() & !(1 << index));
        }
    }
}
