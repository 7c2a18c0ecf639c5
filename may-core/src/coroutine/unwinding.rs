//! Which of a worker's coroutines are unwinding, and why.
//!
//! std counts panics per thread, and a coroutine may suspend while it unwinds: a destructor that
//! runs because of a panic or a cancellation may block. Its worker takes the count off the thread
//! then (`panic_count.rs`), so `thread::panicking()` is exact.
//!
//! Where that cannot be done, each coroutine that runs on that thread meanwhile sees
//! `thread::panicking()`. So the worker notes, each time it resumes a coroutine, whether a
//! suspended one unwinds. If none does, `thread::panicking()` is exact until the next switch. If
//! one does, only the mark on the coroutine itself counts. The mark is set when the unwinding
//! begins: by the panic hook, by `cancel::raise`, and at the latest when the coroutine suspends.
//! Our locks are poisoned by marked coroutines only.
//!
//! A cancellation must not be raised in a coroutine that unwinds already: that would abort the
//! process. A coroutine without a mark that suspends while another one unwinds is marked as unsure,
//! and nothing is raised in it until no suspended coroutine unwinds. A coroutine that suspended
//! before is sure, and is cancelled at once: a destructor that cancels and joins another coroutine
//! must not wait for itself. A cancellation that cannot be raised is deferred, and the worker
//! delivers it later (`defer_cancellation`, `take_deferred`): the wait that it was to end goes on
//! meanwhile, and nothing else would end it.
//!
//! Two cases are left uncertain, both only while a count could not be taken off the thread. A
//! coroutine that calls `std::panic::resume_unwind` itself, which runs no hook, is not seen to
//! unwind. And a coroutine that has caught its own panic after a suspension is still seen to
//! unwind.

use std::cell::Cell;
use std::panic::resume_unwind;

use super::cancel;
use super::current::{self, with_strand};
use super::strand::Strand;

/// The mark on a coroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwinding {
    /// It was not unwinding when it last suspended.
    No,
    /// When it last suspended another coroutine unwound, and perhaps it did, too.
    Unsure,
    /// A panic unwinds it.
    ByPanic,
    /// A cancellation unwinds it, or a limit.
    ByCancellation,
}

impl Unwinding {
    /// Whether it says that the coroutine unwinds.
    fn is_marked(self) -> bool {
        matches!(self, Unwinding::ByPanic | Unwinding::ByCancellation)
    }
}

thread_local! {
    /// Whether a suspended coroutine of this thread unwound when the running one was resumed.
    static UNWINDING: Cell<bool> = const { Cell::new(false) };
    /// Whether a cancellation on this thread's worker had to wait for one of them.
    static DEFERRED: Cell<bool> = const { Cell::new(false) };
}

/// Notes whether a suspended coroutine of this thread unwinds. For the worker, before each resume.
#[inline(always)]
pub(crate) fn note_resume() {
    let unwinding = std::thread::panicking();
    if UNWINDING.get() != unwinding {
        UNWINDING.set(unwinding);
    }
}

/// Whether `strand`, which runs on this thread, is unwinding.
pub(crate) fn is_unwinding(strand: &Strand) -> bool {
    std::thread::panicking() && (strand.unwinding.get().is_marked() || !UNWINDING.get())
}

/// Marks the caller, whose unwinding begins.
pub(crate) fn set_mark(unwinding: Unwinding) {
    with_strand(|strand| strand.unwinding.set(unwinding));
}

/// The mark of the caller, for [`set_mark`] to put back when an unwinding that has begun since has
/// been caught.
pub(crate) fn mark_of_caller() -> Unwinding {
    with_strand(|strand| strand.unwinding.get())
}

/// Goes on with what was caught, as `resume_unwind` does, and marks the caller as that payload
/// asks.
pub(crate) fn resume(payload: Box<dyn std::any::Any + Send>) -> ! {
    set_mark(if cancel::is_request(&*payload) {
        Unwinding::ByCancellation
    } else {
        Unwinding::ByPanic
    });
    resume_unwind(payload)
}

/// Whether the caller unwinds because of a panic, so that what it was
/// doing is half done.
///
/// A cancellation unwinds, too, but it happens at calls that are documented to do so, and what is
/// dropped then is in order.
#[inline]
pub(crate) fn is_by_panic() -> bool {
    std::thread::panicking() && is_by_panic_here()
}

/// The rare half of [`is_by_panic`]: a coroutine of this thread is unwinding.
#[cold]
fn is_by_panic_here() -> bool {
    with_strand(|strand| {
        is_caller_unwinding(strand) && strand.unwinding.get() != Unwinding::ByCancellation
    })
}

/// Whether the caller, whose strand this is, is unwinding.
pub(crate) fn is_caller_unwinding(strand: &Strand) -> bool {
    // A worker's own code does not unwind; a coroutine that unwinds is suspended.
    is_unwinding(strand) && !current::is_worker()
}

/// Defers a cancellation on this worker until no suspended coroutine unwinds.
pub(crate) fn defer_cancellation() {
    DEFERRED.set(true);
}

/// Whether a cancellation was deferred and can be delivered now; true once. For the worker, outside
/// its coroutines.
#[inline]
pub(crate) fn take_deferred() -> bool {
    DEFERRED.get() && !std::thread::panicking() && DEFERRED.replace(false)
}

/// Marks a coroutine, which is about to suspend, as unwinding if it is; says whether any coroutine
/// of this thread is.
#[inline(always)]
pub(crate) fn note_suspend(strand: &Strand) -> bool {
    let one_unwinds = std::thread::panicking();
    if one_unwinds {
        mark(strand);
    } else if strand.unwinding.get() != Unwinding::No {
        strand.unwinding.set(Unwinding::No);
    }
    one_unwinds
}

/// The rare half of [`note_suspend`]: a coroutine of this thread is unwinding.
#[cold]
fn mark(strand: &Strand) {
    if !strand.unwinding.get().is_marked() {
        let unsure = UNWINDING.get();
        strand.unwinding.set(if unsure {
            Unwinding::Unsure
        } else {
            Unwinding::ByPanic
        });
    }
}
