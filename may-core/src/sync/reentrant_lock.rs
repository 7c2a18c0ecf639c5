//! A lock that its holder may take again: the lock of the standard streams.
//!
//! The holder is a coroutine, or a plain thread, and not a thread as in std: two coroutines of one
//! worker exclude each other.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};

use super::Mutex;
use crate::coroutine::header::Header;
use crate::coroutine::thread::ThreadBlock;
use crate::park;

/// What [`ReentrantLock::owner`] says if the lock is free.
const NOBODY: u64 = 0;

/// See the module's documentation. Its value is shared by the guards of one holder, so it is not to
/// be changed but through a cell.
pub(crate) struct ReentrantLock<T> {
    lock: Mutex<()>,
    /// The number of the holder. Only the holder itself can find its own number in it.
    owner: AtomicU64,
    /// How often the holder holds it. Only the holder uses this.
    depth: Cell<usize>,
    value: T,
}

// SAFETY: (R5) the lock gives the value and the depth to one coroutine or thread at a time, as
// `Mutex` does.
unsafe impl<T: Send> Sync for ReentrantLock<T> {}
impl<T> UnwindSafe for ReentrantLock<T> {}
impl<T> RefUnwindSafe for ReentrantLock<T> {}

/// The lock, held; stays with its coroutine.
pub(crate) struct ReentrantLockGuard<'a, T> {
    lock: &'a ReentrantLock<T>,
    _stays: PhantomData<*const ()>,
}

// SAFETY: (R5) it gives shared access to the value only.
unsafe impl<T: Sync> Sync for ReentrantLockGuard<'_, T> {}

impl<T> ReentrantLock<T> {
    /// A lock that is free.
    pub(crate) fn new(value: T) -> ReentrantLock<T> {
        ReentrantLock {
            lock: Mutex::new(()),
            owner: AtomicU64::new(NOBODY),
            depth: Cell::new(0),
            value,
        }
    }

    /// Waits for the lock and takes it, or takes it once more.
    pub(crate) fn lock(&self) -> ReentrantLockGuard<'_, T> {
        park::spend_budget_of_lock();
        let me = caller();
        if self.owner.load(Ordering::Relaxed) != me {
            self.lock.raw.acquire();
        }
        self.enter(me)
    }

    /// Takes the lock, or takes it once more, if no other holds it.
    pub(crate) fn try_lock(&self) -> Option<ReentrantLockGuard<'_, T>> {
        let me = caller();
        let may_enter = self.owner.load(Ordering::Relaxed) == me || self.lock.raw.try_acquire();
        may_enter.then(|| self.enter(me))
    }

    /// Notes that the caller holds the lock.
    fn enter(&self, me: u64) -> ReentrantLockGuard<'_, T> {
        self.owner.store(me, Ordering::Relaxed);
        self.depth.set(self.depth.get() + 1);
        ReentrantLockGuard {
            lock: self,
            _stays: PhantomData,
        }
    }
}

/// The number of the calling coroutine or thread, which no other ever has.
fn caller() -> u64 {
    match Header::current() {
        // SAFETY: (R1) the running coroutine's block lives while it runs.
        Some(coroutine) => unsafe { coroutine.as_ref() }.id(),
        None => ThreadBlock::current().id(),
    }
}

impl<T> Deref for ReentrantLockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.lock.value
    }
}

impl<T> Drop for ReentrantLockGuard<'_, T> {
    fn drop(&mut self) {
        let depth = self.lock.depth.get() - 1;
        self.lock.depth.set(depth);
        if depth == 0 {
            self.lock.owner.store(NOBODY, Ordering::Relaxed);
            self.lock.lock.raw.release();
        }
    }
}

impl<T> fmt::Debug for ReentrantLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("ReentrantLockGuard { .. }")
    }
}
