//! Which of a worker's coroutines are unwinding.
//!
//! std counts panics per thread, and a coroutine may suspend while it unwinds: a destructor that runs because of a panic
//! or a cancellation may block. Everybody who runs on that thread meanwhile sees `thread::panicking()`. So each worker
//! counts the coroutines that are suspended in that state. While there is none, `thread::panicking()` is exact. While
//! there is one, only the mark on the coroutine itself counts, which was set when it suspended; nothing is raised on
//! this worker until the last of them is gone (`cancel::is_deliverable` asks `thread::panicking()`), and a lock of ours
//! is poisoned by marked coroutines only.

use std::cell::Cell;

use super::header::Header;

thread_local! {
    /// How many coroutines of this thread's worker are suspended while they unwind.
    static SUSPENDED: Cell<usize> = const { Cell::new(0) };
}

/// Whether `header`, which runs on this thread, is unwinding.
pub(crate) fn is_unwinding(header: &Header) -> bool {
    std::thread::panicking() && (header.unwinding.get() || SUSPENDED.get() == 0)
}

/// Runs `suspend` for the coroutine `header`, counting it as suspended while it unwinds if it does.
#[inline(always)]
pub(crate) fn around(header: &Header, suspend: impl FnOnce()) {
    if !std::thread::panicking() {
        if header.unwinding.get() {
            header.unwinding.set(false);
        }
        suspend();
    } else {
        around_panicking(header, suspend);
    }
}

/// The rare half of [`around`]: somebody on this thread is unwinding.
#[cold]
fn around_panicking(header: &Header, suspend: impl FnOnce()) {
    let unwinding = is_unwinding(header);
    header.unwinding.set(unwinding);
    SUSPENDED.set(SUSPENDED.get() + usize::from(unwinding));
    suspend();
    SUSPENDED.set(SUSPENDED.get() - usize::from(unwinding));
}
