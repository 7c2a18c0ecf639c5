//! Which of a worker's coroutines are unwinding, and why.
//!
//! std counts panics per thread, and a coroutine may suspend while it unwinds: a destructor that runs because of a panic
//! or a cancellation may block. Its worker takes the count off the thread then (`panic_count.rs`), so `thread::panicking()` is exact.
//!
//! Where that cannot be done everybody who runs on that thread meanwhile sees `thread::panicking()`. So the worker notes,
//! each time it resumes a coroutine, whether somebody who is suspended unwinds. If nobody does, `thread::panicking()` is exact
//! until the next switch. If somebody does, only the mark on the coroutine itself counts, which is set when its unwinding begins:
//! by the panic hook, by `cancel::raise`, and at the latest when it suspends. A lock of ours is poisoned by marked coroutines only.
//!
//! A cancellation must not be raised in a coroutine that unwinds already: that would abort the process. So one that has suspended
//! beside somebody who unwinds, itself without a mark, is marked as unsure, and nothing is raised in it before the last of them is
//! gone. One that has suspended before is sure, and is cancelled at once: a destructor that cancels and joins a neighbour must not
//! wait for itself. A cancellation that had to wait is noted, and the worker delivers it (`defer_cancellation`, `take_deferred`): the wait
//! that it was to end goes on meanwhile, and would have nobody else to end it.
//!
//! What is left uncertain, both only beside somebody whose count could not be taken off the thread: a coroutine that calls
//! `std::panic::resume_unwind` itself, which runs no hook, is not seen to unwind; and one that has caught its own panic after a
//! suspension is seen to unwind still.

use std::cell::Cell;
use std::panic::resume_unwind;

use super::cancel;
use super::current;
use super::header::Header;

/// The mark on a coroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwinding {
    /// It was not unwinding when it last suspended.
    No,
    /// When it last suspended somebody else unwound, and perhaps it did, too.
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
    /// Whether somebody who was suspended on this thread unwound when the running coroutine was resumed.
    static UNWINDING: Cell<bool> = const { Cell::new(false) };
    /// The mark of a plain thread: why it unwinds, if it does.
    static OF_THREAD: Cell<Unwinding> = const { Cell::new(Unwinding::No) };
    /// Whether a cancellation on this thread's worker had to wait for one of them.
    static DEFERRED: Cell<bool> = const { Cell::new(false) };
}

/// Notes whether somebody who is suspended on this thread unwinds. For the worker, before each resume.
#[inline(always)]
pub(crate) fn note_resume() {
    let unwinding = std::thread::panicking();
    if UNWINDING.get() != unwinding {
        UNWINDING.set(unwinding);
    }
}

/// Whether `header`, which runs on this thread, is unwinding.
pub(crate) fn is_unwinding(header: &Header) -> bool {
    std::thread::panicking() && (header.unwinding.get().is_marked() || !UNWINDING.get())
}

/// Marks the running coroutine, or the plain thread, whose unwinding begins.
pub(crate) fn set_mark(unwinding: Unwinding) {
    match current::coroutine() {
        // SAFETY: (docs/safety.md, R1) the running coroutine's block lives while it runs.
        Some(coroutine) => unsafe { coroutine.as_ref() }.unwinding.set(unwinding),
        None => OF_THREAD.set(unwinding),
    }
}

/// The mark of the caller, for [`set_mark`] to put back when an unwinding that has begun since has been caught.
pub(crate) fn mark_of_caller() -> Unwinding {
    match current::coroutine() {
        // SAFETY: (docs/safety.md, R1) the running coroutine's block lives while it runs.
        Some(coroutine) => unsafe { coroutine.as_ref() }.unwinding.get(),
        None => OF_THREAD.get(),
    }
}

/// Goes on with what was caught, as `resume_unwind` does, and marks the caller as that payload asks.
pub(crate) fn resume(payload: Box<dyn std::any::Any + Send>) -> ! {
    set_mark(if cancel::is_request(&*payload) {
        Unwinding::ByCancellation
    } else {
        Unwinding::ByPanic
    });
    resume_unwind(payload)
}

/// Whether the caller, a coroutine or plain thread, unwinds because of a panic, so that what it was doing is half done.
///
/// A cancellation unwinds, too, but it happens at calls that are documented to do so, and what is dropped then is in order.
#[inline]
pub(crate) fn is_by_panic() -> bool {
    std::thread::panicking() && is_by_panic_here()
}

/// The rare half of [`is_by_panic`]: somebody on this thread is unwinding.
#[cold]
fn is_by_panic_here() -> bool {
    match current::coroutine() {
        Some(coroutine) => {
            // SAFETY: (docs/safety.md, R1) the running coroutine's block lives while it runs.
            let header = unsafe { coroutine.as_ref() };
            is_unwinding(header) && header.unwinding.get() != Unwinding::ByCancellation
        }
        // A worker's own code does not unwind; a coroutine that unwinds is suspended.
        None => current::home().is_null() && OF_THREAD.get() != Unwinding::ByCancellation,
    }
}

/// Notes that a cancellation on this worker waits until nobody is suspended while unwinding.
pub(crate) fn defer_cancellation() {
    DEFERRED.set(true);
}

/// Whether a cancellation was deferred and can be delivered now; true once. For the worker, outside its coroutines.
#[inline]
pub(crate) fn take_deferred() -> bool {
    DEFERRED.get() && !std::thread::panicking() && DEFERRED.replace(false)
}

/// Marks the coroutine `header`, which is about to suspend, as unwinding if it is; says whether anybody on this thread is.
#[inline(always)]
pub(crate) fn note_suspend(header: &Header) -> bool {
    let somebody_unwinds = std::thread::panicking();
    if somebody_unwinds {
        mark(header);
    } else if header.unwinding.get() != Unwinding::No {
        header.unwinding.set(Unwinding::No);
    }
    somebody_unwinds
}

/// The rare half of [`note_suspend`]: somebody on this thread is unwinding.
#[cold]
fn mark(header: &Header) {
    if !header.unwinding.get().is_marked() {
        let unsure = UNWINDING.get();
        header.unwinding.set(if unsure {
            Unwinding::Unsure
        } else {
            Unwinding::ByPanic
        });
    }
}
