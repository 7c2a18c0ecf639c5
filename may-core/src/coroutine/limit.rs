//! Time limits around code: `time::timeout`.
//!
//! A limit is not a timer. It is a deadline that every wait inside the limited code has in addition
//! to its own; a wait that reaches it raises [`Reached`], as one that is cancelled raises
//! [`Cancelled`](super::Cancelled), under the same conditions: not behind a shield, and not while
//! unwinding. The frame that set the limit catches it.
//!
//! Limits nest. The earliest one counts, of equal ones the outermost, and only the frame that set
//! it catches what it raises; so a caller's limit is never mistaken for one of the code it calls. A
//! payload that other code has swallowed is raised again by the next wait, as long as the limit
//! is in force.

use super::current::with_strand;
use super::strand::Strand;
use crate::util::clock::Deadline;

/// What counts for the waits of one strand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// The earliest deadline of all frames.
    deadline: Deadline,
    /// Which frame set it, counted from the outermost.
    owner: u32,
    /// How many frames there are.
    depth: u32,
}

impl Limit {
    /// No limit.
    pub(crate) const NONE: Limit = Limit {
        deadline: Deadline::NEVER,
        owner: 0,
        depth: 0,
    };
}

/// The payload that a wait raises when it reaches the limit.
#[derive(Debug)]
pub(crate) struct Reached {
    /// The frame that is to catch it.
    owner: u32,
}

/// Sets the limit of the caller, and what tells `yield_now` of it.
fn set(limit: Limit) {
    with_strand(|strand| {
        strand.limit.set(limit);
        strand.limited.set(!limit.deadline.is_never());
    });
}

/// The deadline that the waits of a strand have because of its limits.
#[inline]
pub(crate) fn of(strand: &Strand) -> Deadline {
    match strand.limited.get() {
        true => strand.limit.get().deadline,
        false => Deadline::NEVER,
    }
}

/// The payload for a wait of the caller that has reached its limit.
pub(crate) fn reached() -> Reached {
    Reached {
        owner: with_strand(|strand| strand.limit.get()).owner,
    }
}

/// A limit in force, from [`enter`] until it is dropped.
#[derive(Debug)]
pub(crate) struct Frame {
    outer: Limit,
}

/// Puts a limit on the caller's waits.
pub(crate) fn enter(deadline: Deadline) -> Frame {
    let outer = with_strand(|strand| strand.limit.get());
    let depth = outer.depth + 1;
    set(match deadline < outer.deadline {
        true => Limit {
            deadline,
            owner: depth,
            depth,
        },
        false => Limit { depth, ..outer },
    });
    Frame { outer }
}

impl Frame {
    /// Whether `reached` is meant for this frame.
    pub(crate) fn owns(&self, reached: &Reached) -> bool {
        reached.owner == self.outer.depth + 1
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        set(self.outer);
    }
}
