//! "Which coroutine am I?": two words of the thread, one for the coroutine that runs on it and one
//! for its worker's home.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use super::header::Header;
use super::home::Home;

/// What runs on this thread.
struct Context {
    coroutine: Cell<*mut Header>,
    home: Cell<*const Home>,
}

thread_local! {
    static CONTEXT: Context =
        const { Context { coroutine: Cell::new(ptr::null_mut()), home: Cell::new(ptr::null()) } };
}

/// The coroutine that calls this, if it is one.
#[inline]
pub(crate) fn coroutine() -> Option<NonNull<Header>> {
    CONTEXT.with(|context| NonNull::new(context.coroutine.get()))
}

/// The home of the worker whose thread this is, or null.
#[inline]
pub(crate) fn home() -> *const Home {
    CONTEXT.with(|context| context.home.get())
}

/// Says which coroutine runs on this thread from now on. For the worker, around each resume.
#[inline]
pub(crate) fn set_coroutine(coroutine: *mut Header) {
    CONTEXT.with(|context| context.coroutine.set(coroutine));
}

/// Says whose home this thread serves. For the worker, once at its start and once at its end.
pub(crate) fn set_home(home: *const Home) {
    CONTEXT.with(|context| context.home.set(home));
}
