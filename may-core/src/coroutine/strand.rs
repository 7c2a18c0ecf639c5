//! What a coroutine and a plain thread have in common: the state of one line of execution, which
//! runs code that may block.
//!
//! A strand is a part of the coroutine's header, or of the thread's block (`thread.rs`). How its
//! waits end, how it is cancelled, limited, shielded, and whether it unwinds is written once, for
//! strands. (The word is that of Quasar, which had the same for the fibers and threads of Java.)
//!
//! Fields are of two kinds: *shared* ones are atomics; the strand's *own* ones are cells that only
//! the thread touches on which it runs. That thread stays the same (I1).

use std::cell::Cell;
use std::ptr;
use std::sync::atomic;

use super::commit_word::CommitWord;
use super::limit::Limit;
use super::unwinding::Unwinding;
use crate::prim::{AtomicU32, Ordering};

/// See the module's documentation.
///
/// The order is for the cache: the first eight bytes lie in the line of the header that a switch
/// touches, the others in the line that a wake-up touches.
#[repr(C)]
pub(crate) struct Strand {
    /// Shared: what was asked of the strand (`request.rs`), and in a header what `header.rs` adds.
    pub(crate) flags: AtomicU32,
    /// Own: a shield is in force.
    pub(super) shielded: Cell<bool>,
    /// Own: a `forbid_blocking` section is open, or a wait, which is not suspended yet.
    pub(super) forbids: Cell<bool>,
    /// Own: there is a limit below.
    pub(super) limited: Cell<bool>,
    /// Own: whether and why it was unwinding when that was last looked at; see `unwinding.rs`.
    pub(super) unwinding: Cell<Unwinding>,

    /// Shared: decides how the current wait ends.
    pub(crate) word: CommitWord,
    /// Own: what the current wait is for; it lies in the frame that waits. It is there while the
    /// strand is suspended with its commit word open, and of no meaning otherwise.
    waits_for: Cell<*const Awaited>,
    /// Own: until when waits may last, whatever they wait for.
    pub(super) limit: Cell<Limit>,
}

// SAFETY: (I1) shared fields are atomics, and the strand's own ones are touched by the thread only
// on which it runs.
unsafe impl Sync for Strand {}
// SAFETY: (I1) as above.
unsafe impl Send for Strand {}

/// What a wait is for, for those who want to know why a coroutine does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// What would have to happen: `recv`, `lock`, `read`, ..
    pub kind: &'static str,
    /// Where: the address of what the caller waits at, which is the same for all that wait there.
    /// Zero if that is nowhere, or at several places.
    pub place: usize,
    /// When the wait began, in nanoseconds of the runtime's clock: a fraction of a millisecond
    /// early, or longer if a coroutine has kept the worker. Zero on a plain thread.
    pub since: u64,
}

impl Strand {
    /// The strand of a coroutine or thread that has not run yet.
    #[inline]
    pub(super) fn new() -> Strand {
        Strand {
            flags: AtomicU32::new(0),
            shielded: Cell::new(false),
            forbids: Cell::new(false),
            limited: Cell::new(false),
            unwinding: Cell::new(Unwinding::No),
            word: CommitWord::new(),
            waits_for: Cell::new(ptr::null()),
            limit: Cell::new(Limit::NONE),
        }
    }

    /// Whether all of `flags` are set, seeing what was done before they were.
    #[inline]
    pub(crate) fn has(&self, flags: u32) -> bool {
        self.flags.load(Ordering::Acquire) & flags == flags
    }

    /// Whether blocking is an error now.
    #[inline]
    pub(crate) fn forbids_blocking(&self) -> bool {
        self.forbids.get()
    }

    /// Says whether blocking is an error now.
    #[inline]
    pub(crate) fn set_forbids_blocking(&self, forbids: bool) {
        self.forbids.set(forbids);
    }

    /// Notes what the wait is for that begins now. It stays where it is until the wait is over.
    #[inline]
    pub(crate) fn set_waits_for(&self, awaited: &Awaited) {
        self.waits_for.set(awaited);
    }

    /// What the strand waits for; `None` if it does not wait.
    ///
    /// # Safety
    ///
    /// This is the thread on which the strand runs, and it is suspended.
    pub(crate) unsafe fn waits_for(&self) -> Option<Awaited> {
        // SAFETY: (I2) the frame that has opened the word is left when the wait is over, which is
        // not before the strand has gone on.
        self.word
            .is_open()
            .then(|| unsafe { *self.waits_for.get() })
    }
}

/// A number that no strand has had. A thread takes them a thousand at a time.
#[inline]
pub(crate) fn next_id() -> u64 {
    const BATCH: u64 = 1024;
    static NEXT: atomic::AtomicU64 = atomic::AtomicU64::new(0);
    thread_local! {
        static MINE: Cell<u64> = const { Cell::new(0) };
    }
    let mut id = MINE.get();
    if id.is_multiple_of(BATCH) {
        id = NEXT.fetch_add(BATCH, atomic::Ordering::Relaxed);
    }
    MINE.set(id + 1);
    id + 1
}
