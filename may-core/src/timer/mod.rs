//! The timers of one worker: a hierarchical timing wheel over entries that live on the stacks of
//! those who wait.
//!
//! A runtime sets far more timers than ever fire, since almost every deadline guards something that
//! succeeds in time. So inserting and removing are what counts: both are a handful of instructions,
//! allocate nothing, and do not depend on the number of timers. Wheels go back to G. Varghese and
//! A. Lauck, "Hashed and Hierarchical Timing Wheels: Data Structures for the Efficient
//! Implementation of a Timer Facility", SOSP 1987 (scheme 7 is the hierarchy).
//!
//! # Levels
//!
//! Time is a `u64` in nanoseconds since an arbitrary start, read as eleven digits of six bits. The
//! wheel keeps an *origin*, a time that no waiting deadline lies before, and a timer goes to the
//! level of the **highest digit in which its deadline differs from the origin**, there to the slot
//! that this digit names:
//!
//! ```text
//!               10    9     8      7      6     5     4     3      2     1     0      level
//!              36 y 208 d 3.3 d  73 min  69 s  1.1 s 17 ms 262 us 4.1 us 64 ns 1 ns   width of a slot
//!            +-----+-----+------+------+-----+-----+-----+------+------+-----+-----+
//!   origin   |  0  |  0  |  0   |  0   |  1  | 12  | 40  |  7   |  63  | 20  |  5  |
//!   deadline |  0  |  0  |  0   |  0   |  1  | 15  |  3  |  0   |  9   | 41  | 30  |  -> level 5, slot 15
//!            +-----+-----+------+------+-----+-----+-----+------+------+-----+-----+
//!                                         ^     ^
//!                                    still equal  first difference
//!
//!   level 5    slots  0 . . . . . . . . . . . 12 . . # . . . . . . . . 63
//!                     [ past, thus empty      ]     |
//!                                                   +-> entry <-> entry <-> entry     (on their owners' stacks)
//! ```
//!
//! Choosing the level by the highest differing digit is what a radix heap does (R. Ahuja, K.
//! Mehlhorn, J. Orlin and R. Tarjan, "Faster Algorithms for the Shortest Path Problem", JACM 1990),
//! and what the wheels of Linux and tokio do in their ways. It makes the wheel cover all of time
//! and gives an order for free: within a level slots to the right come later, and everything on a
//! level comes later than everything on the levels below. So the first timer is in the first
//! occupied slot of the lowest occupied level, found with two bit scans.
//!
//! # Passing of time
//!
//! The radix heap's second idea is that the origin need not follow the clock. [`Wheel::advance`]
//! does nothing while the first slot's earliest deadline is still to come. When that is due, the
//! origin jumps to it, and the timers of this one slot are dealt out again: all of them agree with
//! the new origin in the digit that held them there, so each goes down at least one level, and no
//! timer moves more than ten times in its life, however long the worker slept. A slot of level 0
//! spans one nanosecond, so what is in it is due together; a slot with one timer needs no dealing
//! out either. A timer therefore fires when its deadline is not later than the given time, and
//! never before.
//!
//! When the first slot has not begun yet, the origin is brought up to date for free, which keeps
//! new timers low.
//!
//! Each slot remembers a lower bound of its deadlines, which is exact until the earliest is
//! removed. After that a worker may wake for a timer that is no longer there, but then the slot is
//! dealt out and its bounds are exact again: no waiter is woken early more often than there are
//! levels.
//!
//! # Overdue timers
//!
//! A timer that is due when it is inserted goes to a list of its own, which the next `advance`
//! fires first. The clock to compare with is the last one that `advance` was given. So a timer that
//! `fire` itself inserts waits for the next call, even if it is due: a coroutine that sets timers
//! of no length cannot keep its worker in `advance`.

mod entry;
mod level;

use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;

pub(crate) use self::entry::Entry;
use self::entry::ListId;
use self::level::{Level, SLOT_BITS, SLOTS, Slot};

/// Counts the levels: enough digits to tell any two times apart.
const LEVELS: usize = u64::BITS.div_ceil(SLOT_BITS) as usize;

/// The timers of one worker.
///
/// Belongs to one thread, and all its fields are cells: `fire` and everything else that runs on the
/// worker may use the wheel at any time.
pub(crate) struct Wheel {
    /// Has bit `i` set while level `i` holds a timer.
    occupied: Cell<u16>,
    /// Numbers the calls of `advance`, so that one call can tell the timers that were inserted
    /// while it ran.
    ///
    /// May wrap: a timer that is mistaken for a new one fires one call later.
    stamp: Cell<u16>,
    /// Counts the timers.
    len: Cell<usize>,
    /// Is a time that no deadline in `levels` lies before, and not later than `now`.
    origin: Cell<u64>,
    /// Is the latest time that `advance` was given; all deadlines in `levels` were later when they
    /// were inserted.
    now: Cell<u64>,
    /// Holds the timers that were due when they were inserted.
    overdue: Slot,
    /// Holds all others, by the highest digit in which they differ from `origin`.
    levels: [Level; LEVELS],
}

impl Wheel {
    pub(crate) const fn new(now_ns: u64) -> Self {
        Self {
            occupied: Cell::new(0),
            stamp: Cell::new(0),
            len: Cell::new(0),
            origin: Cell::new(now_ns),
            now: Cell::new(now_ns),
            overdue: Slot::new(),
            levels: [const { Level::new() }; LEVELS],
        }
    }

    /// Counts the timers that have neither fired nor been removed.
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets a timer.
    ///
    /// If its deadline has passed, the next [`advance`](Self::advance) fires it.
    ///
    /// # Safety
    ///
    /// The entry is valid, in no wheel, and stays valid and where it is until it fired or was
    /// removed (I3).
    ///
    /// The pointer comes back in `advance`: if the entry is a field of something larger that is to
    /// be reached from it, the pointer must have been made from one to the whole.
    #[inline]
    pub(crate) unsafe fn insert(&self, entry: NonNull<Entry>) {
        // SAFETY: (I3, R5) the caller upholds the contract for the entry; the reference ends before
        // all else runs.
        let new = unsafe { entry.as_ref() };
        debug_assert!(!new.is_linked(), "this timer is in a wheel already");
        let deadline = new.deadline();
        self.len.set(self.len.get() + 1);
        if deadline <= self.now.get() {
            new.place.set(ListId::OVERDUE);
            new.stamp.set(self.stamp.get());
            // SAFETY: (I3) the caller's contract is the one that the slot needs.
            unsafe { self.overdue.add(entry, deadline) };
        } else {
            // SAFETY: (I3) as above; no deadline after `now` is before `origin`.
            unsafe { self.place(entry) };
        }
    }

    /// Cancels a timer; returns whether it was still waiting.
    ///
    /// # Safety
    ///
    /// The entry is valid and in no other wheel.
    #[inline]
    pub(crate) unsafe fn remove(&self, entry: NonNull<Entry>) -> bool {
        // SAFETY: (I3, R5) the caller upholds the contract for the entry; the reference ends before
        // all else runs.
        if !unsafe { entry.as_ref() }.is_linked() {
            return false;
        }
        // SAFETY: (I3) it is linked, and the caller says that it is so in this wheel.
        unsafe { self.unlink(entry) };
        true
    }

    /// Returns when to call [`advance`](Self::advance) next: never later than the first deadline,
    /// and mostly that.
    ///
    /// May be earlier if timers were removed; each such call brings the wheel at least one level
    /// closer to the truth.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        if !self.overdue.is_empty() {
            return Some(self.overdue.earliest());
        }
        let (level, slot) = self.first_occupied()?;
        Some(self.levels[level].slot(slot).earliest())
    }

    /// Fires every timer whose deadline is not later than `now_ns`, those that were late when they
    /// were inserted first and the others in the order of their deadlines.
    ///
    /// A timer is out of the wheel when `fire` gets it. `fire` may insert and remove timers, also
    /// this one; what it inserts fires in a later call. If it panics, the timer that it was given
    /// counts as fired and all others wait for the next call. The clock does not run backwards: an
    /// earlier time than the last one fires nothing.
    #[inline]
    pub(crate) fn advance(&self, now_ns: u64, fire: impl FnMut(NonNull<Entry>)) {
        if now_ns < self.now.get() {
            return;
        }
        self.now.set(now_ns);
        // What a worker finds nearly always when it looks between two coroutines: nothing is due.
        if self.next_deadline().is_some_and(|next| next <= now_ns) {
            self.expire(now_ns, fire);
        }
        self.catch_up(now_ns);
    }

    /// Does the work of [`advance`](Self::advance) when something may be due.
    #[cold]
    fn expire(&self, now_ns: u64, mut fire: impl FnMut(NonNull<Entry>)) {
        // What `fire` inserts carries the new stamp if it is due already.
        let stamp = self.stamp.get().wrapping_add(1);
        self.stamp.set(stamp);

        while let Some(entry) = self.overdue.first() {
            // SAFETY: (I3, R5) a linked entry is alive; the reference ends with this statement.
            if unsafe { entry.as_ref() }.stamp.get() == stamp {
                break;
            }
            // SAFETY: (I3) the entry is the first of a list of this wheel.
            unsafe { self.unlink(entry) };
            fire(entry);
        }

        while let Some((level, index)) = self.first_occupied() {
            let slot = self.levels[level].slot(index);
            let earliest = slot.earliest();
            if earliest > now_ns {
                break;
            }
            // On level 0 all timers of a slot have the same deadline, and a single one has that of
            // the bound.
            let due = if level == 0 {
                slot.first()
            } else {
                slot.only()
            };
            match due {
                Some(entry) => {
                    // SAFETY: (I3) the entry is in a list of this wheel.
                    unsafe { self.unlink(entry) };
                    fire(entry);
                }
                None => self.deal_out(level, index, earliest),
            }
        }
    }

    /// Moves the origin to the earliest deadline of the first slot, and the timers of that slot to
    /// lower levels.
    fn deal_out(&self, level: usize, index: usize, earliest: u64) {
        // All other timers stay where they belong: those of this level differ from the new origin
        // in the same digit as from the old one, those above too, and there are none below.
        self.origin.set(earliest);
        let slot = self.levels[level].slot(index);
        while let Some(entry) = slot.first() {
            // SAFETY: (I3) the entry is the first of a list of this wheel, thus not fired and
            // alive. It does not come back to this slot, since it agrees with the new origin in the
            // digit of this level.
            unsafe {
                self.levels[level].take(index, entry);
                self.place(entry);
            }
        }
        self.forget_empty_level(level);
    }

    /// Moves the origin up to `now_ns` if no timer has to move for it.
    #[inline]
    fn catch_up(&self, now_ns: u64) {
        if let Some((level, slot)) = self.first_occupied() {
            let digits_below = SLOT_BITS * level as u32;
            let earliest = self.levels[level].slot(slot).earliest();
            if now_ns >> digits_below >= earliest >> digits_below {
                return;
            }
            // The first slot has not begun. Then no other has either, and the digits above are as
            // they were.
        }
        self.origin.set(now_ns);
    }

    /// Returns the level and slot that hold the first deadline.
    #[inline]
    fn first_occupied(&self) -> Option<(usize, usize)> {
        match self.occupied.get() {
            0 => None,
            bits => {
                let level = bits.trailing_zeros() as usize;
                Some((level, self.levels[level].first_occupied()?))
            }
        }
    }

    /// Links a timer where its deadline belongs, which is not before the origin.
    ///
    /// # Safety
    ///
    /// That of [`insert`](Self::insert).
    #[inline]
    unsafe fn place(&self, entry: NonNull<Entry>) {
        // SAFETY: (I3, R5) the caller upholds the contract for the entry; the reference ends before
        // all else runs.
        let new = unsafe { entry.as_ref() };
        let deadline = new.deadline();
        debug_assert!(
            deadline >= self.origin.get(),
            "a timer in the past has no slot"
        );
        // The lowest bit stands in for "no difference", which belongs to level 0 too.
        let difference = (deadline ^ self.origin.get()) | 1;
        let level = (difference.ilog2() / SLOT_BITS) as usize;
        let slot = (deadline >> (SLOT_BITS * level as u32)) as usize % SLOTS;
        new.place.set(ListId::in_level(level, slot));
        self.occupied.set(self.occupied.get() | 1 << level);
        // SAFETY: (I3) the caller's contract is the one that the level needs.
        unsafe { self.levels[level].add(slot, entry, deadline) };
    }

    /// Takes a timer out of wherever it is linked.
    ///
    /// # Safety
    ///
    /// The entry is linked in this wheel.
    #[inline]
    unsafe fn unlink(&self, entry: NonNull<Entry>) {
        // SAFETY: (I3, R5) a linked entry is alive; the reference ends with this statement.
        let place = unsafe { entry.as_ref() }.place.replace(ListId::NOWHERE);
        self.len.set(self.len.get() - 1);
        if place == ListId::OVERDUE {
            // SAFETY: (I3) the entry is linked, and its place says that it is so here.
            unsafe { self.overdue.take(entry) };
        } else {
            // SAFETY: (I3) as above.
            unsafe { self.levels[place.level()].take(place.slot(), entry) };
            self.forget_empty_level(place.level());
        }
    }

    /// Clears the mark of a level that has become empty.
    #[inline]
    fn forget_empty_level(&self, level: usize) {
        if self.levels[level].is_empty() {
            self.occupied.set(self.occupied.get() & !(1 << level));
        }
    }
}

impl fmt::Debug for Wheel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wheel")
            .field("len", &self.len())
            .field("next_deadline", &self.next_deadline())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
