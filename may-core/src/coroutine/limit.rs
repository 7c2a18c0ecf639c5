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

use std::cell::Cell;

use super::current;
use super::header::Header;
use crate::util::clock::Deadline;

/// What counts for the waits of one coroutine or thread.
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

thread_local! {
    /// The limit of a plain thread.
    static OF_THREAD: Cell<Limit> = const { Cell::new(Limit::NONE) };
    /// Whether a plain thread is behind a shield.
    static SHIELDED: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f` with the limit of the caller, coroutine or thread.
fn with_cell<R>(f: impl FnOnce(&Cell<Limit>) -> R) -> R {
    match current::coroutine() {
        // SAFETY: (docs/safety.md, R1) the running coroutine's block lives while it runs.
        Some(coroutine) => f(&unsafe { coroutine.as_ref() }.limit),
        None => OF_THREAD.with(f),
    }
}

/// Sets the limit of the caller, and what tells `yield_now` of it.
fn set(limit: Limit) {
    with_cell(|cell| cell.set(limit));
    if let Some(coroutine) = current::coroutine() {
        // SAFETY: (docs/safety.md, R1) as above.
        unsafe { coroutine.as_ref() }
            .limited
            .set(!limit.deadline.is_never());
    }
}

/// The deadline that the waits of a coroutine have because of its limits.
#[inline]
pub(crate) fn of_coroutine(header: &Header) -> Deadline {
    match header.limited.get() {
        true => header.limit.get().deadline,
        false => Deadline::NEVER,
    }
}

/// The same for the calling thread, which is no worker.
pub(crate) fn of_thread() -> Deadline {
    match SHIELDED.get() {
        true => Deadline::NEVER,
        false => OF_THREAD.get().deadline,
    }
}

/// Runs `f` on a plain thread, whose waits no limit ends meanwhile.
pub(crate) fn shield_thread<R>(f: impl FnOnce() -> R) -> R {
    /// Puts the mark back to what it was, also if `f` unwinds.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            SHIELDED.set(self.0);
        }
    }
    let _restore = Restore(SHIELDED.replace(true));
    f()
}

/// The payload for a wait of the caller that has reached its limit.
pub(crate) fn reached() -> Reached {
    Reached {
        owner: with_cell(Cell::get).owner,
    }
}

/// A limit in force, from [`enter`] until it is dropped.
#[derive(Debug)]
pub(crate) struct Frame {
    outer: Limit,
}

/// Puts a limit on the caller's waits.
pub(crate) fn enter(deadline: Deadline) -> Frame {
    let outer = with_cell(Cell::get);
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
