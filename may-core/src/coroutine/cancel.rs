//! Cancellation: the payload that unwinds a coroutine, when it may be raised, and the shield that
//! defers it.
//!
//! `Header::cancel` sets a sticky flag and ends the coroutine's wait if that one is open to
//! cancellation. The waiting code then raises [`Cancelled`] by `resume_unwind`: destructors run, no
//! message is printed. `docs/cancellation.md` tells the users' side.

use std::any::Any;
use std::cell::Cell;
use std::fmt;

use super::current::{self, with_strand};
use super::limit::{self, Reached};
use super::request::CANCELLED;
use super::strand::Strand;
use super::unwinding::{self, Unwinding};
use crate::util::must_return::must_return;

/// The payload with which a cancelled coroutine unwinds, and the error that its `join` returns.
///
/// # Examples
///
/// ```
/// use may::coroutine::{self, Cancelled};
///
/// let handle = coroutine::spawn(|| may::coroutine::park());
/// handle.cancel();
/// assert!(handle.join().unwrap_err().is::<Cancelled>());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the coroutine was cancelled")
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cancelled")
    }
}

impl std::error::Error for Cancelled {}

/// Whether a cancellation that was requested, or will be, may end a wait of this strand now.
///
/// Not behind a shield, and not while anything unwinds on this thread: raising a second payload
/// from a destructor would abort the process.
#[inline]
pub(crate) fn is_deliverable(strand: &Strand) -> bool {
    !strand.shielded.get() && !std::thread::panicking()
}

/// Whether a cancellation that has ended a wait of this strand, which has just been resumed from
/// it, may be raised now.
///
/// Unlike [`is_deliverable`] also while another coroutine of this thread unwinds, if it is certain
/// that it is another one.
pub(crate) fn is_deliverable_after_wait(strand: &Strand) -> bool {
    is_deliverable(strand) || (!strand.shielded.get() && strand.unwinding.get() == Unwinding::No)
}

/// Whether a wait of this strand is to be ended by a cancellation, now or as soon as no other
/// coroutine on this thread unwinds.
///
/// A wait that is ended when [`is_deliverable`] says no goes on, and the worker ends it again
/// later.
#[inline]
pub(crate) fn is_wanted(strand: &Strand) -> bool {
    !strand.shielded.get() && !unwinding::is_unwinding(strand)
}

/// Whether a cancellation was requested that may be raised now.
#[inline]
pub(crate) fn is_due(strand: &Strand) -> bool {
    strand.has(CANCELLED) && is_deliverable(strand)
}

/// Whether a payload says that the code was told to end, rather than that it failed.
pub(crate) fn is_request(payload: &(dyn Any + Send)) -> bool {
    payload.is::<Cancelled>() || payload.is::<Reached>()
}

/// Unwinds the caller up to the frame whose limit it has reached. As [`raise`] otherwise.
#[cold]
pub(crate) fn raise_limit() {
    if cfg!(panic = "unwind") {
        unwinding::resume(Box::new(limit::reached()));
    }
}

/// Unwinds the caller. Without unwinding in the build there is nothing to raise, and the
/// wait goes on.
#[cold]
pub(crate) fn raise() {
    if cfg!(panic = "unwind") {
        unwinding::resume(Box::new(Cancelled));
    }
}

/// Runs `f` with cancellation deferred: blocking calls inside it block normally, and what was
/// requested meanwhile is delivered at the first one after it.
///
/// Shields nest. On a plain thread, which cannot be cancelled, `f` just runs.
///
/// # Examples
///
/// ```
/// let saved = may::coroutine::shield(|| {
///     // write the journal entry and its commit mark, or neither
///     "both"
/// });
/// assert_eq!(saved, "both");
/// ```
pub fn shield<R>(f: impl FnOnce() -> R) -> R {
    with_mark(|strand| &strand.shielded, true, f)
}

/// Runs `f`, which waits, so that nothing keeps it from waiting: behind a shield, and also inside
/// `forbid_blocking`.
///
/// For waits on which the lifetime of a frame depends (I3). If one cannot be carried out even so,
/// the process ends: there is no other way not to go on.
pub(crate) fn insist<R>(f: impl FnOnce() -> R) -> R {
    must_return(|| shield(|| with_mark(|strand| &strand.forbids, false, f)))
}

/// Runs `f` in a section in which blocking is a bug: every call that would suspend the coroutine
/// panics.
///
/// For code that relies on strict nesting of calls on its thread, which a suspension in the middle
/// breaks: the initializer of a lazy `thread_local!`, guards that set a thread-local and restore
/// it, interpreter locks (`docs/caveats.md`). On a plain thread `f` just runs: blocking there
/// suspends no other coroutine.
///
/// # Panics
///
/// Blocking calls inside `f` panic, also those that could be satisfied at once only by chance. What
/// `f` itself raises goes on.
///
/// # Examples
///
/// ```
/// let sum = may::coroutine::forbid_blocking(|| 1 + 1);
/// assert_eq!(sum, 2);
/// ```
pub fn forbid_blocking<R>(f: impl FnOnce() -> R) -> R {
    with_mark(|strand| &strand.forbids, current::is_coroutine(), f)
}

/// Runs `f` with one of the caller's marks set or cleared.
fn with_mark<R>(mark: fn(&Strand) -> &Cell<bool>, value: bool, f: impl FnOnce() -> R) -> R {
    /// Puts the mark back to what it was, also if `f` unwinds.
    struct Restore<'a>(&'a Cell<bool>, bool);
    impl Drop for Restore<'_> {
        fn drop(&mut self) {
            self.0.set(self.1);
        }
    }
    with_strand(|strand| {
        let mark = mark(strand);
        let _restore = Restore(mark, mark.replace(value));
        f()
    })
}

/// Whether the calling coroutine (or plain thread) is unwinding.
///
/// `std::thread::panicking` counts per thread. It says the same, except on platforms where it
/// counts another coroutine of this worker that has suspended inside a destructor while it unwinds.
/// This one answers for the caller alone.
///
/// # Examples
///
/// ```
/// assert!(!may::coroutine::panicking());
/// ```
pub fn panicking() -> bool {
    std::thread::panicking() && with_strand(unwinding::is_caller_unwinding)
}
