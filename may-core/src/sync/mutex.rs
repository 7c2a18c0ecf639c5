//! A lock that blocks the coroutine, not its thread; the counterpart of `std::sync::Mutex`.
//!
//! ```text
//!               lock                          another one comes
//!   UNLOCKED ----------> LOCKED ------------------------------------> CONTENDED
//!       ^                  |                                              |
//!       +------------------+------------------- unlock ------------------+   wakes one waiter
//! ```
//!
//! Locking is one compare-and-swap and unlocking one swap, as long as nobody waits. Whoever finds the lock held swaps `CONTENDED`
//! in, before each wait and also when he gets the lock at last, since there may be more like him; so the holder who swaps
//! `CONTENDED` out knows that he has to wake somebody. (The states are those of Drepper's "Futexes Are Tricky", 2011, with a
//! wait queue in place of the futex.)
//!
//! *No wake-up is lost.* A waiter registers, fences, and sleeps only if it still reads `CONTENDED`. The holder swaps `UNLOCKED` in,
//! fences, and looks at the queue. If the waiter's fence is first, the holder finds it. If the holder's is first, the waiter
//! reads `UNLOCKED`, or a `CONTENDED` that a later holder put there, who has the same duty. A waiter that was woken and is
//! then cancelled has tried the lock in between, so either it had it, or it left `CONTENDED` for the holder to find.
//!
//! Not fair: whoever comes just when the lock is given up may get it before the one that was woken for it, who then waits at
//! the end of the queue.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

use super::poison::{Entered, Flag};
use crate::park;
use crate::prim::{AtomicU32, Ordering};
use crate::util::clock::Deadline;
use crate::wait::WaitQueue;

/// Nobody holds the lock.
const UNLOCKED: u32 = 0;
/// Somebody holds the lock and nobody waits.
const LOCKED: u32 = 1;
/// Somebody holds the lock and others may wait.
const CONTENDED: u32 = 2;

/// A lock around a value; the counterpart of `std::sync::Mutex`, with the same methods, errors and poisoning.
///
/// Waiting for it blocks the coroutine, and its worker runs others meanwhile; a plain thread just waits. It may be held across
/// calls that block.
///
/// # Poisoning
///
/// A lock whose holder panics is poisoned, as std's. One that is released because its holder was *cancelled* is not; nor is it
/// poisoned by a coroutine that happens to share its worker with one that panics.
///
/// # Examples
///
/// ```
/// use may_core::{spawn::scope, sync::Mutex};
///
/// let total = Mutex::new(0);
/// scope(|s| {
///     for i in 1..=10 {
///         let total = &total;
///         s.spawn(move || *total.lock().unwrap() += i);
///     }
/// });
/// assert_eq!(total.into_inner().unwrap(), 55);
/// ```
pub struct Mutex<T: ?Sized> {
    state: AtomicU32,
    poison: Flag,
    waiters: WaitQueue,
    value: UnsafeCell<T>,
}

// SAFETY: (docs/safety.md, R5) the lock hands the value to one holder at a time, so sharing it needs no more than `Send`.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// SAFETY: (docs/safety.md, R5) the lock owns its value.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}

// Poisoning tells whoever comes after a panic, as with std's.
impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

impl<T> Mutex<T> {
    /// Makes a lock that nobody holds.
    ///
    /// # Examples
    ///
    /// ```
    /// static COUNT: may_core::sync::Mutex<u32> = may_core::sync::Mutex::new(0);
    ///
    /// *COUNT.lock().unwrap() += 1;
    /// ```
    #[cfg(not(may_loom))]
    pub const fn new(value: T) -> Mutex<T> {
        Mutex {
            state: AtomicU32::new(UNLOCKED),
            poison: Flag::new(),
            waiters: WaitQueue::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// Makes a lock that nobody holds.
    #[cfg(may_loom)]
    pub fn new(value: T) -> Mutex<T> {
        Mutex {
            state: AtomicU32::new(UNLOCKED),
            poison: Flag::new(),
            waiters: WaitQueue::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// Gives the value out.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the value is in the error.
    pub fn into_inner(self) -> LockResult<T> {
        let poisoned = self.is_poisoned();
        checked(poisoned, self.value.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until nobody else holds the lock, and takes it.
    ///
    /// A caller that holds it already waits for ever.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the guard is in the error.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine that would have to wait unwinds here, and has not taken the lock.
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        if !self.acquire() {
            self.acquire_contended();
        }
        self.guard()
    }

    /// Takes the lock if nobody holds it.
    ///
    /// # Errors
    ///
    /// If somebody holds it, or if it is poisoned; in that case the guard is in the error.
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        if self.acquire() {
            Ok(self.guard()?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Whether somebody panicked while holding the lock. Unless the caller holds it the answer may be outdated.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Declares the value to be in order again.
    #[inline]
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The value, for somebody who has the lock to himself.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the value is in the error.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let poisoned = self.is_poisoned();
        checked(poisoned, self.value.get_mut())
    }

    /// Takes the lock if nobody holds it; true if so.
    #[inline]
    fn acquire(&self) -> bool {
        // Acquire: pairs with the release of whoever held it before.
        self.state
            .compare_exchange(UNLOCKED, LOCKED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Waits for the lock and takes it.
    #[cold]
    fn acquire_contended(&self) {
        while self.state.swap(CONTENDED, Ordering::Acquire) != UNLOCKED {
            let is_ready = || self.state.load(Ordering::Relaxed) != CONTENDED;
            let _ = park::wait(&self.waiters, Deadline::NEVER, is_ready);
        }
    }

    /// Gives the lock back. The holder only.
    #[inline]
    fn release(&self) {
        if self.state.swap(UNLOCKED, Ordering::Release) == CONTENDED {
            self.wake_one();
        }
    }

    /// Wakes somebody who waits for the lock.
    #[cold]
    fn wake_one(&self) {
        self.waiters.wake_one();
    }

    /// The guard of a caller who has taken the lock.
    #[inline]
    fn guard(&self) -> LockResult<MutexGuard<'_, T>> {
        let guard = MutexGuard {
            lock: self,
            entered: self.poison.enter(),
            not_send: PhantomData,
        };
        checked(self.is_poisoned(), guard)
    }
}

/// The result of whatever gives access to a value that may be poisoned.
#[inline]
fn checked<G>(poisoned: bool, access: G) -> LockResult<G> {
    if poisoned {
        Err(PoisonError::new(access))
    } else {
        Ok(access)
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => debug.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => debug.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => debug.field("data", &format_args!("<locked>")),
        };
        debug
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}

/// The right to the value of a [`Mutex`], given back when dropped; the counterpart of `std::sync::MutexGuard`.
#[must_use = "the lock is given back at once if the guard is not kept"]
pub struct MutexGuard<'a, T: ?Sized + 'a> {
    lock: &'a Mutex<T>,
    entered: Entered,
    /// Not `Send`, as std's: code may rely on giving a lock back where it was taken.
    not_send: PhantomData<*const ()>,
}

// SAFETY: (docs/safety.md, R5) a shared guard gives access to a shared value only.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: (docs/safety.md, R5) there is one guard at a time, and the lock that it borrows owns the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: (docs/safety.md, R5) there is one guard at a time, and it is borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.poison.leave(self.entered);
        self.lock.release();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
