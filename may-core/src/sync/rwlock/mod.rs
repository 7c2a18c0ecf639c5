//! A lock for many readers or one writer that blocks the coroutine, not its thread; the counterpart
//! of `std::sync::RwLock`.
//!
//! * [`raw`]: the lock without a value, and how a right passes from one to the next
//! * [`op`]: taking a right, as an operation
//!
//! Fairness: readers and writers take turns. A reader that comes while a writer waits, waits, too.
//! When a writer leaves, all readers that wait are let in. When the last of them leaves, the writer
//! that has waited longest is let in. So no caller starves: a reader waits for one writer at most,
//! a writer for the writers before it and one group of readers before each. (Brandenburg and
//! Anderson call this *phase-fair*, in "Spin-based reader-writer synchronization for multiprocessor
//! real-time systems", 2010.) It follows that a holder that locks again for reading may wait
//! forever, if a writer has come in between; std documents the same.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;
use std::sync::{LockResult, TryLockError, TryLockResult};
use std::time::{Duration, Instant};

use self::raw::Raw;
use super::part::{Exclusive, Held, Part};
use super::poison::{Entered, Flag, checked, in_time};
use crate::operation::{OpFuture, Operation};
use crate::park;

mod op;
mod raw;

pub use op::{ReadFuture, ReadLock, WriteFuture, WriteLock};

/// A lock around a value that many may read or one may write; the counterpart of
/// `std::sync::RwLock`, with the same methods, errors and poisoning.
///
/// Waiting for it blocks the coroutine, and its worker runs others meanwhile; a plain thread just
/// waits. It may be held across calls that block. Readers and writers take turns, so neither
/// starve.
///
/// # Poisoning
///
/// A lock is poisoned if a *writer* panics while holding it, as std's; not if it was cancelled, and
/// not by a coroutine that happens to share its worker with one that panics.
///
/// # Examples
///
/// ```
/// use may::sync::RwLock;
///
/// let lock = RwLock::new(5);
/// {
///     let (one, two) = (lock.read().unwrap(), lock.read().unwrap());
///     assert_eq!(*one + *two, 10);
/// }
/// *lock.write().unwrap() += 1;
/// assert_eq!(lock.into_inner().unwrap(), 6);
/// ```
pub struct RwLock<T: ?Sized> {
    raw: Raw,
    poison: Flag,
    value: UnsafeCell<T>,
}

// SAFETY: (R5) the lock hands the value to one writer or to several readers, on whatever thread.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// SAFETY: (R5) the lock owns its value.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}

// Poisoning tells those that come after a panic, as with std's.
impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}

impl<T> RwLock<T> {
    const_unless_modelled! {
        /// Makes a lock that is free.
        ///
        /// # Examples
        ///
        /// ```
        /// static LIMITS: may::sync::RwLock<(u32, u32)> = may::sync::RwLock::new((0, 10));
        ///
        /// assert_eq!(LIMITS.read().unwrap().1, 10);
        /// ```
        pub fn new(value: T) -> RwLock<T> {
            RwLock {
                raw: Raw::new(),
                poison: Flag::new(),
                value: UnsafeCell::new(value),
            }
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

impl<T: ?Sized> RwLock<T> {
    /// Waits until there is no writer, and takes a right to read.
    ///
    /// A caller that holds the lock already may wait forever.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the guard is in the error.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine that would have to wait unwinds here, and has not taken the lock.
    #[inline]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        ReadLock::block(self)
    }

    /// Waits until there is no writer, for at most `timeout`, and takes a right to read.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it could not be taken in time. `Poisoned` if the lock is poisoned; the guard
    /// is in the error.
    ///
    /// # Cancellation
    ///
    /// As for [`read`](RwLock::read).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use may::sync::RwLock;
    ///
    /// let lock = RwLock::new(5);
    /// let reader = lock.read_timeout(Duration::from_secs(1)).unwrap();
    /// assert!(lock.write_timeout(Duration::from_micros(500)).is_err());
    /// # drop(reader);
    /// ```
    pub fn read_timeout(&self, timeout: Duration) -> TryLockResult<RwLockReadGuard<'_, T>> {
        in_time(ReadLock::new(self).wait_timeout(timeout))
    }

    /// Waits until there is no writer, until `deadline` at the latest, and takes a right to read.
    ///
    /// # Errors
    ///
    /// As for [`read_timeout`](RwLock::read_timeout).
    ///
    /// # Cancellation
    ///
    /// As for [`read`](RwLock::read).
    pub fn read_deadline(&self, deadline: Instant) -> TryLockResult<RwLockReadGuard<'_, T>> {
        in_time(ReadLock::new(self).wait_until(deadline))
    }

    /// Takes a right to read, as a future that any executor can poll.
    ///
    /// Its place in the queue is taken by the first poll; it is given up, and a right that had been
    /// handed to it is given back, if it is dropped. The guard is not `Send`, so it can be held
    /// across an `.await` only where the future stays on its thread: with
    /// [`block_on`](crate::future::block_on), for example.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the guard is in the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{future::block_on, sync::RwLock};
    ///
    /// let lock = RwLock::new(5);
    /// block_on(async {
    ///     *lock.write_async().await.unwrap() += 1;
    ///     assert_eq!(*lock.read_async().await.unwrap(), 6);
    /// });
    /// ```
    pub fn read_async(&self) -> ReadFuture<'_, T> {
        OpFuture::new(ReadLock::new(self))
    }

    /// Takes a right to read if no caller writes or waits to write.
    ///
    /// # Errors
    ///
    /// If a caller writes or waits to write, or if the lock is poisoned; in that case the guard is
    /// in the error.
    #[inline]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        park::count_try();
        if self.raw.try_read() {
            Ok(self.read_guard()?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Waits until there is no other holder of the lock, and takes the right to write.
    ///
    /// A caller that holds the lock already waits forever.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the guard is in the error.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine that would have to wait unwinds here, and has not taken the lock.
    #[inline]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        WriteLock::block(self)
    }

    /// Waits until there is no other holder of the lock, for at most `timeout`, and takes the right
    /// to write.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it could not be taken in time. `Poisoned` if the lock is poisoned; the guard
    /// is in the error.
    ///
    /// # Cancellation
    ///
    /// As for [`write`](RwLock::write).
    pub fn write_timeout(&self, timeout: Duration) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        in_time(WriteLock::new(self).wait_timeout(timeout))
    }

    /// Waits until there is no other holder of the lock, until `deadline` at the latest, and takes
    /// the right to write.
    ///
    /// # Errors
    ///
    /// As for [`write_timeout`](RwLock::write_timeout).
    ///
    /// # Cancellation
    ///
    /// As for [`write`](RwLock::write).
    pub fn write_deadline(&self, deadline: Instant) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        in_time(WriteLock::new(self).wait_until(deadline))
    }

    /// Takes the right to write, as a future that any executor can poll; otherwise as
    /// [`read_async`](RwLock::read_async). While it waits readers that come wait behind it, also if
    /// it is not polled.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the guard is in the error.
    pub fn write_async(&self) -> WriteFuture<'_, T> {
        OpFuture::new(WriteLock::new(self))
    }

    /// Takes the right to write if the lock is free.
    ///
    /// # Errors
    ///
    /// If the lock is held, or if it is poisoned; in that case the guard is in the error.
    #[inline]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        park::count_try();
        if self.raw.try_write() {
            Ok(self.write_guard()?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Whether a writer panicked while holding the lock. Unless the caller holds it the answer may
    /// be outdated.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Declares the value to be in order again.
    #[inline]
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The value, for a caller that owns the lock exclusively.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the value is in the error.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let poisoned = self.is_poisoned();
        checked(poisoned, self.value.get_mut())
    }

    /// The guard of a caller that has a right to read.
    #[inline]
    fn read_guard(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        let guard = RwLockReadGuard {
            // SAFETY: (R5) the address of a field is not null.
            value: unsafe { NonNull::new_unchecked(self.value.get()) },
            raw: &self.raw,
        };
        checked(self.is_poisoned(), guard)
    }

    /// The guard of a caller that has the right to write.
    #[inline]
    fn write_guard(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        let guard = RwLockWriteGuard {
            lock: self,
            entered: self.poison.enter(),
            not_send: PhantomData,
        };
        checked(self.is_poisoned(), guard)
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => debug.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => debug.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => debug.field("data", &format_args!("<locked>")),
        };
        debug
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}

/// A right to read the value of an [`RwLock`], given back when dropped; the counterpart of
/// `std::sync::RwLockReadGuard`.
#[must_use = "the lock is given back at once if the guard is not kept"]
pub struct RwLockReadGuard<'a, T: ?Sized + 'a> {
    /// The value or a part of it. A pointer, so that the guard is not `Send`, as std's.
    value: NonNull<T>,
    raw: &'a Raw,
}

// SAFETY: (R5) a shared guard gives access to a shared value only.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// Narrows the guard to a part of the value. An associated function, so that it does not hide a
    /// method of the value's.
    pub fn map<U: ?Sized>(
        this: RwLockReadGuard<'a, T>,
        f: impl FnOnce(&T) -> &U,
    ) -> MappedRwLockReadGuard<'a, U> {
        MappedRwLockReadGuard(
            project(this, |value| Some(f(value)))
                .unwrap_or_else(|_| unreachable!("the projection is total")),
        )
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// The guard, if there is none.
    pub fn filter_map<U: ?Sized>(
        this: RwLockReadGuard<'a, T>,
        f: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<MappedRwLockReadGuard<'a, U>, RwLockReadGuard<'a, T>> {
        project(this, f).map(MappedRwLockReadGuard)
    }
}

/// A guard for a part of what `guard` gives access to.
fn project<'a, T: ?Sized, U: ?Sized>(
    guard: RwLockReadGuard<'a, T>,
    f: impl FnOnce(&T) -> Option<&U>,
) -> Result<RwLockReadGuard<'a, U>, RwLockReadGuard<'a, T>> {
    let Some(value) = f(&guard).map(NonNull::from) else {
        return Err(guard);
    };
    let raw = guard.raw;
    // The right goes over to the new guard.
    std::mem::forget(guard);
    Ok(RwLockReadGuard { value, raw })
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: (R5) there is no writer while there is a guard, and the lock that it borrows owns
        // the value.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.raw.release_read();
    }
}

/// A right to read a part of a value, from [`RwLockReadGuard::map`].
#[must_use = "the lock is given back at once if the guard is not kept"]
pub struct MappedRwLockReadGuard<'a, T: ?Sized + 'a>(RwLockReadGuard<'a, T>);

impl<'a, T: ?Sized> MappedRwLockReadGuard<'a, T> {
    /// Narrows the guard further.
    pub fn map<U: ?Sized>(
        this: MappedRwLockReadGuard<'a, T>,
        f: impl FnOnce(&T) -> &U,
    ) -> MappedRwLockReadGuard<'a, U> {
        RwLockReadGuard::map(this.0, f)
    }

    /// Narrows the guard further, if there is such a part.
    ///
    /// # Errors
    ///
    /// The guard, if there is none.
    pub fn filter_map<U: ?Sized>(
        this: MappedRwLockReadGuard<'a, T>,
        f: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<MappedRwLockReadGuard<'a, U>, MappedRwLockReadGuard<'a, T>> {
        RwLockReadGuard::filter_map(this.0, f).map_err(MappedRwLockReadGuard)
    }
}

impl<T: ?Sized> Deref for MappedRwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The right to write the value of an [`RwLock`], given back when dropped; the counterpart of
/// `std::sync::RwLockWriteGuard`.
#[must_use = "the lock is given back at once if the guard is not kept"]
pub struct RwLockWriteGuard<'a, T: ?Sized + 'a> {
    lock: &'a RwLock<T>,
    entered: Entered,
    /// Not `Send`, as std's: code may rely on giving a lock back where it was taken.
    not_send: PhantomData<*const ()>,
}

// SAFETY: (R5) a shared guard gives access to a shared value only.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Exchanges the right to write for a right to read, so that no other caller writes in between.
    /// Readers that wait are let in.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut guard = lock.write().unwrap();
    /// *guard += 1;
    /// let guard = RwLockWriteGuard::downgrade(guard);
    /// assert_eq!(*guard, *lock.read().unwrap());
    /// ```
    pub fn downgrade(this: RwLockWriteGuard<'a, T>) -> RwLockReadGuard<'a, T> {
        let lock = this.lock;
        lock.poison.leave(this.entered);
        std::mem::forget(this);
        lock.raw.release_write(1);
        RwLockReadGuard {
            // SAFETY: (R5) the address of a field is not null.
            value: unsafe { NonNull::new_unchecked(lock.value.get()) },
            raw: &lock.raw,
        }
    }

    /// Narrows the guard to a part of the value. An associated function, so that it does not hide a
    /// method of the value's.
    pub fn map<U: ?Sized>(
        mut this: RwLockWriteGuard<'a, T>,
        f: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedRwLockWriteGuard<'a, U> {
        let value = NonNull::from(f(&mut this));
        // SAFETY: (R5) the part was borrowed from the guard, whose right goes over to the part.
        MappedRwLockWriteGuard(unsafe { Part::new(value, this.into_held()) })
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// The guard, if there is none.
    pub fn filter_map<U: ?Sized>(
        mut this: RwLockWriteGuard<'a, T>,
        f: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedRwLockWriteGuard<'a, U>, RwLockWriteGuard<'a, T>> {
        match f(&mut this).map(NonNull::from) {
            // SAFETY: (R5) as above.
            Some(value) => Ok(MappedRwLockWriteGuard(unsafe {
                Part::new(value, this.into_held())
            })),
            None => Err(this),
        }
    }

    /// The right without the value.
    fn into_held(self) -> Held<'a, Raw> {
        let RwLockWriteGuard { lock, entered, .. } = *ManuallyDrop::new(self);
        Held {
            raw: &lock.raw,
            poison: &lock.poison,
            entered,
        }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: (R5) there is one guard, and the lock that it borrows owns the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: (R5) there is one guard, and it is borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.poison.leave(self.entered);
        self.lock.raw.release_write(0);
    }
}

impl Exclusive for Raw {
    fn give_up(&self) {
        self.release_write(0);
    }
}

/// The right to write a part of a value, from [`RwLockWriteGuard::map`].
#[must_use = "the lock is given back at once if the guard is not kept"]
pub struct MappedRwLockWriteGuard<'a, T: ?Sized + 'a>(Part<'a, T, Raw>);

impl<'a, T: ?Sized> MappedRwLockWriteGuard<'a, T> {
    /// Narrows the guard further.
    pub fn map<U: ?Sized>(
        this: MappedRwLockWriteGuard<'a, T>,
        f: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedRwLockWriteGuard<'a, U> {
        MappedRwLockWriteGuard(this.0.map(f))
    }

    /// Narrows the guard further, if there is such a part.
    ///
    /// # Errors
    ///
    /// The guard, if there is none.
    pub fn filter_map<U: ?Sized>(
        this: MappedRwLockWriteGuard<'a, T>,
        f: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedRwLockWriteGuard<'a, U>, MappedRwLockWriteGuard<'a, T>> {
        this.0
            .filter_map(f)
            .map(MappedRwLockWriteGuard)
            .map_err(MappedRwLockWriteGuard)
    }
}

impl<T: ?Sized> Deref for MappedRwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> DerefMut for MappedRwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

super::transparent_formatting!(
    RwLockReadGuard,
    RwLockWriteGuard,
    MappedRwLockReadGuard,
    MappedRwLockWriteGuard
);
