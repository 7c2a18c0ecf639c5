//! The lock for sections of a few instructions: linking a node, taking it out again.
//!
//! No user code runs inside it and it is not held across a wait, so a holder is gone after some
//! nanoseconds unless the operating system took its processor away; for that case a waiting thread
//! gives up its own processor after a while.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};

#[cfg(not(may_loom))]
mod raw {
    use crossbeam_utils::Backoff;

    use crate::prim::{AtomicBool, Ordering, StdUnsafeCell};

    /// A flag that says whether the lock is held, and the value that it guards.
    pub(super) struct Raw<T> {
        locked: AtomicBool,
        value: StdUnsafeCell<T>,
    }

    impl<T> Raw<T> {
        pub(super) const fn new(value: T) -> Raw<T> {
            Raw {
                locked: AtomicBool::new(false),
                value: StdUnsafeCell::new(value),
            }
        }

        #[inline]
        pub(super) fn enter(&self) -> *mut T {
            if self.locked.swap(true, Ordering::Acquire) {
                self.enter_contended();
            }
            self.value.get()
        }

        #[cold]
        fn enter_contended(&self) {
            // With growing pauses: looking all the time takes the cache line away from the holder,
            // and made a channel that both of two workers use four times as slow. In the end it
            // gives up the processor, which the holder may need.
            let backoff = Backoff::new();
            loop {
                backoff.snooze();
                if !self.locked.load(Ordering::Relaxed)
                    && !self.locked.swap(true, Ordering::Acquire)
                {
                    return;
                }
            }
        }

        #[inline]
        pub(super) fn leave(&self) {
            self.locked.store(false, Ordering::Release);
        }
    }
}

/// Under the model checker a lock of its own stands in: it knows that a waiting thread makes no
/// progress.
#[cfg(may_loom)]
mod raw {
    use crate::prim::StdUnsafeCell;
    use std::cell::Cell;

    pub(super) struct Raw<T> {
        lock: loom::sync::Mutex<()>,
        guard: Cell<Option<loom::sync::MutexGuard<'static, ()>>>,
        value: StdUnsafeCell<T>,
    }

    impl<T> Raw<T> {
        pub(super) fn new(value: T) -> Raw<T> {
            Raw {
                lock: loom::sync::Mutex::new(()),
                guard: Cell::new(None),
                value: StdUnsafeCell::new(value),
            }
        }

        pub(super) fn enter(&self) -> *mut T {
            let guard = self.lock.lock().unwrap();
            // SAFETY: (models) the guard is dropped by `leave`, before the lock it borrows.
            let guard = unsafe {
                std::mem::transmute::<
                    loom::sync::MutexGuard<'_, ()>,
                    loom::sync::MutexGuard<'static, ()>,
                >(guard)
            };
            self.guard.set(Some(guard));
            self.value.get()
        }

        pub(super) fn leave(&self) {
            drop(self.guard.take());
        }
    }
}

/// A value that one thread at a time looks at, for a moment.
pub(crate) struct SpinLock<T>(raw::Raw<T>);

// SAFETY: (R5) the lock hands the value to one thread at a time, so sharing it needs no more than
// `Send`.
unsafe impl<T: Send> Sync for SpinLock<T> {}
// SAFETY: (R5) the lock owns its value.
unsafe impl<T: Send> Send for SpinLock<T> {}

// No user code runs inside, so no panic leaves the value in between.
impl<T> UnwindSafe for SpinLock<T> {}
impl<T> RefUnwindSafe for SpinLock<T> {}

impl<T> SpinLock<T> {
    #[cfg(not(may_loom))]
    pub(crate) const fn new(value: T) -> SpinLock<T> {
        SpinLock(raw::Raw::new(value))
    }

    #[cfg(may_loom)]
    pub(crate) fn new(value: T) -> SpinLock<T> {
        SpinLock(raw::Raw::new(value))
    }

    /// Waits until the lock is free, and takes it.
    #[inline]
    pub(crate) fn lock(&self) -> SpinGuard<'_, T> {
        SpinGuard {
            value: self.0.enter(),
            lock: self,
        }
    }
}

impl<T> fmt::Debug for SpinLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpinLock").finish_non_exhaustive()
    }
}

/// The right to the value of a [`SpinLock`], given back when dropped.
pub(crate) struct SpinGuard<'a, T> {
    lock: &'a SpinLock<T>,
    value: *mut T,
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: (R5) the guard is the only one, and the lock it borrows owns the value.
        unsafe { &*self.value }
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: (R5) the guard is the only one and is borrowed mutably.
        unsafe { &mut *self.value }
    }
}

impl<T> Drop for SpinGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.0.leave();
    }
}
