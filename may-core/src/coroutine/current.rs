//! "Who am I?": two words of the thread, one for the coroutine that runs on it and one for its
//! worker.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use super::strand::Strand;
use super::thread::ThreadBlock;

/// What runs on this thread.
struct Context {
    /// The strand of the coroutine that runs.
    strand: Cell<*const Strand>,
    /// Where the worker is sent what it is to run; null on a thread that is no worker.
    home: Cell<*const ()>,
}

thread_local! {
    static CONTEXT: Context =
        const { Context { strand: Cell::new(ptr::null()), home: Cell::new(ptr::null()) } };
}

/// The strand of the coroutine that calls this, if it is one.
#[inline]
pub(super) fn coroutine() -> Option<NonNull<Strand>> {
    CONTEXT.with(|context| NonNull::new(context.strand.get().cast_mut()))
}

/// A number that no other thread has while this one lives.
#[inline]
pub(crate) fn thread_number() -> usize {
    CONTEXT.with(|context| ptr::from_ref(context).addr())
}

/// Whether the caller is a coroutine.
#[inline]
pub(crate) fn is_coroutine() -> bool {
    coroutine().is_some()
}

/// Whether the caller is a worker's own code, outside its coroutines.
#[inline]
pub(crate) fn is_worker() -> bool {
    !is_coroutine() && !home().is_null()
}

/// The address of the home of the worker whose thread this is, or null.
#[inline]
pub(super) fn home() -> *const () {
    CONTEXT.with(|context| context.home.get())
}

/// Says which coroutine runs on this thread from now on.
#[inline]
pub(super) fn set_coroutine(strand: *const Strand) {
    CONTEXT.with(|context| context.strand.set(strand));
}

/// Says whose home this thread serves.
pub(super) fn set_home(home: *const ()) {
    CONTEXT.with(|context| context.home.set(home));
}

/// Runs `f` on the strand of the caller, coroutine or thread.
#[inline]
pub(crate) fn with_strand<R>(f: impl FnOnce(&Strand) -> R) -> R {
    match coroutine() {
        // SAFETY: (R1) the running coroutine's block lives while it runs.
        Some(strand) => f(unsafe { strand.as_ref() }),
        None => ThreadBlock::with(|block| f(&block.strand)),
    }
}
