//! A place for the waker of the task that polls something.
//!
//! The poll sets the waker and then looks at what it waits for. The other side makes its change
//! visible, and then takes the waker out and calls it. The place has a lock, so one of the two
//! comes first: either the waker that is found is the newest, or the look sees the change. No
//! wake-up is lost; one too many may come, which futures must bear anyway.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use crate::coroutine::{cancel::shield, unwinding};
use crate::util::spin::SpinLock;

/// See the module's documentation.
pub(crate) struct WakerPlace(SpinLock<Option<Waker>>);

impl WakerPlace {
    /// A place without a waker.
    pub(crate) fn new() -> WakerPlace {
        WakerPlace(SpinLock::new(None))
    }

    /// Leaves the waker of this poll, in place of that of earlier polls.
    pub(crate) fn set(&self, waker: &Waker) {
        let current = self.0.lock().take();
        // Wakers are the user's code, which runs outside the lock.
        let new = match current {
            Some(current) if current.will_wake(waker) => current,
            other => {
                other.into_iter().for_each(discard);
                waker.clone()
            }
        };
        let replaced = self.0.lock().replace(new);
        replaced.into_iter().for_each(discard);
    }

    /// Takes the waker out and calls it, if there is one.
    pub(crate) fn wake(&self) {
        let waker = self.0.lock().take();
        if let Some(waker) = waker {
            contained(|| waker.wake());
        }
    }

    /// Takes the waker out and drops it, if there is one: no task waits now.
    pub(crate) fn clear(&self) {
        let waker = self.0.lock().take();
        waker.into_iter().for_each(discard);
    }
}

impl Drop for WakerPlace {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Drops a waker.
fn discard(waker: Waker) {
    contained(|| drop(waker));
}

/// Calls a waker, or drops one. Either is user code that runs in the middle of another caller's
/// operation:
///
/// * What it raises ends here, after the panic hook has reported it, so that others get their
///   wake-ups and the worker lives.
/// * The cancellation, or a limit, of the coroutine that happens to run it does not cut it short.
/// * Where it runs outside coroutines a call that would block panics (R4).
fn contained(f: impl FnOnce()) {
    let before = unwinding::mark_of_caller();
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| shield(f))) {
        unwinding::set_mark(before);
        // The payload's own destructor may panic, too; somewhere this must end.
        std::mem::forget(payload);
    }
}

impl fmt::Debug for WakerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("WakerPlace { .. }")
    }
}
