//! A place for the waker of whoever polls something.
//!
//! The poll sets it and then looks at what it waits for; whoever has something to tell makes that visible and then takes the waker out
//! and calls it. The place has a lock, so one of the two comes first: either the waker that is found is the newest, or the look sees the
//! change. No wake-up is lost; one too many may come, which futures must bear anyway.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use crate::coroutine::unwinding;
use crate::util::spin::SpinLock;

/// See the module's documentation.
pub(crate) struct WakerPlace(SpinLock<Option<Waker>>);

impl WakerPlace {
    /// A place without a waker.
    pub(crate) fn new() -> WakerPlace {
        WakerPlace(SpinLock::new(None))
    }

    /// Leaves the waker of whoever polls now, in place of that of earlier polls.
    pub(crate) fn set(&self, waker: &Waker) {
        let current = self.0.lock().take();
        // Wakers are the user's code, which runs outside the lock.
        let new = match current {
            Some(current) if current.will_wake(waker) => current,
            other => {
                drop(other);
                waker.clone()
            }
        };
        let replaced = self.0.lock().replace(new);
        drop(replaced);
    }

    /// Takes the waker out and calls it, if there is one.
    ///
    /// It is the user's code: what it raises ends here, as with a destructor whose value nobody waits for, and where it runs outside
    /// coroutines a call that would block panics (R4).
    pub(crate) fn wake(&self) {
        let Some(waker) = self.0.lock().take() else {
            return;
        };
        let before = unwinding::mark_of_caller();
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            unwinding::begins(before);
            // The payload's own destructor may panic, too; somewhere this must end.
            std::mem::forget(payload);
        }
    }
}

impl fmt::Debug for WakerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("WakerPlace { .. }")
    }
}
