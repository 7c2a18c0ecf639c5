//! A lock that blocks the coroutine, not its thread; the counterpart of `std::sync::Mutex`.
//!
//! ```text
//!               lock                          another one comes
//!   UNLOCKED ----------> LOCKED ------------------------------------> CONTENDED
//!       ^                  |                                          |      ^
//!       +------------------+------------------- unlock ---------------+      | unlock with a grant:
//!                                                wakes one waiter     +------+ the waiter that is woken has the lock
//! ```
//!
//! Locking is one compare-and-swap and unlocking one subtraction, as long as there are no waiters.
//! A caller that finds the lock held swaps `CONTENDED` in, before each wait and also when it was
//! woken and gets the lock, since there may be more like it. So the holder that finds `CONTENDED`
//! knows that it has to wake a waiter. (The states are those of Drepper's "Futexes Are Tricky",
//! 2011, with a wait queue in place of the futex.)
//!
//! *No wake-up is lost.* A waiter marks the lock as contended and registers in one section of the
//! queue's lock, and a holder that finds the mark looks at the queue and unlocks in one section. So
//! either the waiter finds the lock free, or the holder finds the waiter. A waiter that was woken
//! and is then cancelled has tried the lock in between, so either it had it, or it left `CONTENDED`
//! for the holder to find.
//!
//! Fairness: a caller that comes just when the lock is given up may get it before the waiter that
//! was woken for it, which then goes back to its place in the queue: the longest waiting is woken
//! first, each time. If that one has waited in vain, the holder does not unlock, now and then, but
//! hands the lock over (a *grant*, `wait/queue.rs`).
//!
//! A notification of a condition variable may come with the *promise* of the lock: the one that was
//! notified is the next to have it. If it is not there yet when the lock is given up, the lock
//! stays locked, and *vacant*, until it comes.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::pin;
use std::ptr::NonNull;
use std::sync::{LockResult, TryLockError, TryLockResult};
use std::time::{Duration, Instant};

use super::part::{Exclusive, Held, Part};
use super::poison::{Entered, Flag, checked, in_time};
use crate::operation::{Caller, Listed, Listing, OpFuture, Operation, operation, wait};
use crate::park;
use crate::prim::{AtomicU32, Ordering};
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Committed, Registration, Seat, WaitList, Wake};

/// The lock is free.
const UNLOCKED: u32 = 0;
/// The lock is held and has no waiters.
const LOCKED: u32 = 1;
/// The lock is held and others may wait.
const CONTENDED: u32 = 2;

/// The lock without a value.
pub(super) struct Raw {
    state: AtomicU32,
    queue: SpinLock<Queue>,
}

/// Who is to have the lock next.
struct Queue {
    waiters: WaitList,
    /// How many have been promised the lock and do not have it yet.
    promised: u32,
    /// The lock is locked and has no holder: it is kept for one of those.
    vacant: bool,
}

impl Raw {
    const_unless_modelled! {
        /// A lock that is free.
        fn new() -> Raw {
            Raw {
                state: AtomicU32::new(UNLOCKED),
                queue: SpinLock::new(Queue {
                    waiters: WaitList::new(),
                    promised: 0,
                    vacant: false,
                }),
            }
        }
    }

    /// Takes the lock if it is free; true if so.
    #[inline]
    pub(super) fn try_acquire(&self) -> bool {
        // Acquire: pairs with the release of the previous holder.
        self.state
            .compare_exchange(UNLOCKED, LOCKED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Waits for the lock and takes it.
    #[inline]
    pub(super) fn acquire(&self) {
        if !self.try_acquire() {
            self.acquire_contended();
        }
    }

    /// The half of [`Raw::acquire`] for a lock that another caller holds.
    #[cold]
    fn acquire_contended(&self) {
        Listed::block(&Acquiring(self));
    }

    /// Takes the lock if it is free; true if so. In any case it says from then on that others may
    /// wait.
    fn acquire_or_contend(&self) -> bool {
        self.state.swap(CONTENDED, Ordering::Acquire) == UNLOCKED
    }

    /// As [`acquire_or_contend`](Raw::acquire_or_contend), for a waiter that was woken. The one
    /// that has woken it may not have unlocked yet, which it does in the same section of the
    /// queue's lock: it would wipe out the mark.
    fn acquire_or_contend_after_release(&self) -> bool {
        let _queue = self.queue.lock();
        self.acquire_or_contend()
    }

    /// Whether the lock is free. If it is held it says from then on that others may wait.
    fn is_free_or_contend(&self) -> bool {
        self.state
            .compare_exchange(LOCKED, CONTENDED, Ordering::Relaxed, Ordering::Relaxed)
            .is_err_and(|state| state == UNLOCKED)
    }

    /// Gives the lock back. The holder only.
    #[inline]
    pub(super) fn release(&self) {
        // `CONTENDED` becomes `LOCKED`, and so the lock is still held. Release: pairs with the next
        // acquisition.
        if self.state.fetch_sub(1, Ordering::Release) != LOCKED
            && let Some(wake) = self.release_contended()
        {
            wake.fire();
        }
    }

    /// As [`Raw::release`], but the caller fires the wake-up that is returned.
    #[inline]
    fn release_owing(&self) -> Option<Wake> {
        match self.state.fetch_sub(1, Ordering::Release) {
            LOCKED => None,
            _ => self.release_contended(),
        }
    }

    /// The half of [`Raw::release`] for a lock for which others wait.
    #[cold]
    fn release_contended(&self) -> Option<Wake> {
        self.pass_on(&mut self.queue.lock())
    }

    /// Gives the lock to a waiter to which it was promised, or hands it over, or unlocks it; and
    /// ends the wait of the first waiter.
    #[inline]
    fn pass_on(&self, queue: &mut Queue) -> Option<Wake> {
        // Before a waiter is told that it has the lock: it may give it back at once.
        self.state.store(CONTENDED, Ordering::Relaxed);
        queue.vacant = queue.promised > 0;
        if queue.vacant {
            // The one to which the lock was promised comes by itself, or waits in front of the
            // others.
            return queue.waiters.wake_first_ahead();
        }
        let mut granted = false;
        let wake = queue.waiters.call_first(|| granted = true);
        if !granted {
            self.state.store(UNLOCKED, Ordering::Release);
        }
        wake
    }

    /// Promises the lock to a waiter, which takes it by [`acquire_promised`](Raw::acquire_promised)
    /// whatever happens.
    pub(super) fn promise(&self) {
        let mut queue = self.queue.lock();
        queue.promised += 1;
        // If the lock is free, it is kept from now on.
        queue.vacant |= self.acquire_or_contend();
    }

    /// Takes a promise back. The caller fires the wake-up that is returned.
    pub(super) fn break_promise(&self) -> Option<Wake> {
        let mut queue = self.queue.lock();
        queue.promised -= 1;
        match queue.vacant {
            true => self.pass_on(&mut queue),
            false => None,
        }
    }

    /// Waits for the lock, which the caller has been promised, and takes it. The caller is behind a
    /// shield.
    pub(super) fn acquire_promised(&self) {
        wait(pin!(Listed::ahead(AcquiringPromised(self))));
    }
}

/// What has a lock, and what the holder gets.
trait Locked {
    /// What the holder gets.
    type Guard;

    /// The lock.
    fn raw(&self) -> &Raw;

    /// What the holder gets, for a caller that has just become the holder.
    fn guard(&self) -> Self::Guard;

    /// Counts a call, as every operation does.
    fn spend_budget();
}

impl Locked for &Raw {
    type Guard = ();

    fn raw(&self) -> &Raw {
        self
    }

    fn guard(&self) {}

    // The caller has, or waits in a condition variable.
    fn spend_budget() {}
}

impl<'a, T: ?Sized> Locked for &'a Mutex<T> {
    type Guard = LockResult<MutexGuard<'a, T>>;

    #[inline]
    fn raw(&self) -> &Raw {
        &self.raw
    }

    #[inline]
    fn guard(&self) -> Self::Guard {
        Mutex::guard(self)
    }

    #[inline]
    fn spend_budget() {
        park::spend_budget_of_lock();
    }
}

/// Taking the lock.
struct Acquiring<L>(L);

impl<L: Locked> Listing for Acquiring<L> {
    type Output = L::Guard;
    type State = Queue;
    type Data = ();
    const TRIES_AGAIN: bool = true;

    fn kind(&self) -> &'static str {
        "lock"
    }

    fn lock(&self) -> &SpinLock<Queue> {
        &self.0.raw().queue
    }

    fn list(queue: &mut Queue) -> &mut WaitList {
        &mut queue.waiters
    }

    fn data(&self, _queue: &mut Queue, _by: &Registration) {}

    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<L::Guard, SpinGuard<'_, Queue>> {
        let queue = self.0.raw().queue.lock();
        match self.0.raw().acquire_or_contend() {
            true => Ok(self.0.guard()),
            false => Err(queue),
        }
    }

    #[inline]
    fn try_now(&self, _by: Caller, _seat: Seat) -> Option<L::Guard> {
        self.0.raw().try_acquire().then(|| self.0.guard())
    }

    fn is_ready(&self, _queue: &mut Queue, _seat: Seat, _by: &Registration) -> bool {
        self.0.raw().is_free_or_contend()
    }

    fn complete(&self, _by: Caller, _seat: Seat, committed: Committed<()>) -> Option<L::Guard> {
        let acquired = committed.granted || self.0.raw().acquire_or_contend_after_release();
        acquired.then(|| self.0.guard())
    }

    fn pass_on(&self, committed: Committed<()>) {
        // If the lock is free it is the next one's turn, and it is if it was handed over to this
        // one; if it is held, its holder is told that others wait.
        if committed.granted || self.0.raw().acquire_or_contend_after_release() {
            self.0.raw().release();
        }
    }

    #[inline]
    fn spend_budget(&self) {
        L::spend_budget();
    }
}

/// Taking the lock, which was promised. It happens, whatever else does.
struct AcquiringPromised<'a>(&'a Raw);

impl Listing for AcquiringPromised<'_> {
    type Output = ();
    type State = Queue;
    type Data = ();
    const TRIES_AGAIN: bool = true;

    fn kind(&self) -> &'static str {
        "lock"
    }

    fn lock(&self) -> &SpinLock<Queue> {
        &self.0.queue
    }

    fn list(queue: &mut Queue) -> &mut WaitList {
        &mut queue.waiters
    }

    fn data(&self, _queue: &mut Queue, _by: &Registration) {}

    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<(), SpinGuard<'_, Queue>> {
        let mut queue = self.0.queue.lock();
        if !queue.vacant {
            return Err(queue);
        }
        queue.vacant = false;
        queue.promised -= 1;
        Ok(())
    }

    fn is_ready(&self, queue: &mut Queue, _seat: Seat, _by: &Registration) -> bool {
        queue.vacant
    }

    fn pass_on(&self, _committed: Committed<()>) {
        unreachable!("it is waited for until it has happened")
    }

    fn spend_budget(&self) {}
}

/// Takes a lock; from [`Mutex::lock_async`].
pub type LockFuture<'a, T> = OpFuture<Lock<'a, T>>;

operation! {
    /// Taking a lock; from [`op::lock`](crate::op::lock).
    pub struct Lock['a, T: ?Sized]['a, T] => LockResult<MutexGuard<'a, T>>
    as LockKind LockProjection {
        Lock(Listed<Acquiring<&'a Mutex<T>>>),
    }
}

impl<'a, T: ?Sized> Lock<'a, T> {
    /// Taking one lock.
    pub(crate) fn new(lock: &'a Mutex<T>) -> Lock<'a, T> {
        let operation = Listed::new(Acquiring(lock));
        Lock {
            kind: LockKind::Lock { operation },
        }
    }
}

/// A lock around a value; the counterpart of `std::sync::Mutex`, with the same methods, errors and
/// poisoning.
///
/// Waiting for it blocks the coroutine, and its worker runs others meanwhile; a plain thread just
/// waits. It may be held across calls that block.
///
/// # Poisoning
///
/// A lock whose holder panics is poisoned, as std's. One that is released because its holder was
/// *cancelled* is not; nor is it poisoned by a coroutine that happens to share its worker with one
/// that panics.
///
/// # Examples
///
/// ```
/// use may::{coroutine::scope, sync::Mutex};
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
    pub(super) raw: Raw,
    poison: Flag,
    value: UnsafeCell<T>,
}

// SAFETY: (R5) the lock hands the value to one holder at a time, so sharing it needs no more than
// `Send`.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// SAFETY: (R5) the lock owns its value.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}

// Poisoning tells those that come after a panic, as with std's.
impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

impl<T> Mutex<T> {
    const_unless_modelled! {
        /// Makes a lock that is free.
        ///
        /// # Examples
        ///
        /// ```
        /// static COUNT: may::sync::Mutex<u32> = may::sync::Mutex::new(0);
        ///
        /// *COUNT.lock().unwrap() += 1;
        /// ```
        pub fn new(value: T) -> Mutex<T> {
            Mutex {
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

impl<T: ?Sized> Mutex<T> {
    /// Waits until no other caller holds the lock, and takes it.
    ///
    /// A caller that holds it already waits forever.
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
        park::spend_budget_of_lock();
        self.raw.acquire();
        self.guard()
    }

    /// Waits until no other caller holds the lock, for at most `timeout`, and takes it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the lock was held by others all the time. `Poisoned` if the lock is
    /// poisoned; the guard is in the error.
    ///
    /// # Cancellation
    ///
    /// As for [`lock`](Mutex::lock).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use may::sync::{Mutex, TryLockError};
    ///
    /// let lock = Mutex::new(5);
    /// let held = lock.lock().unwrap();
    /// let error = lock.lock_timeout(Duration::from_micros(500)).unwrap_err();
    /// assert!(matches!(error, TryLockError::WouldBlock));
    /// # drop(held);
    /// ```
    pub fn lock_timeout(&self, timeout: Duration) -> TryLockResult<MutexGuard<'_, T>> {
        in_time(Lock::new(self).wait_timeout(timeout))
    }

    /// Waits until no other caller holds the lock, until `deadline` at the latest, and takes it.
    ///
    /// # Errors
    ///
    /// As for [`lock_timeout`](Mutex::lock_timeout).
    ///
    /// # Cancellation
    ///
    /// As for [`lock`](Mutex::lock).
    pub fn lock_deadline(&self, deadline: Instant) -> TryLockResult<MutexGuard<'_, T>> {
        in_time(Lock::new(self).wait_until(deadline))
    }

    /// Takes the lock, as a future that any executor can poll.
    ///
    /// The guard is not `Send`, so it can be held across an `.await` only where the future stays on
    /// its thread: with [`block_on`](crate::future::block_on), for example.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the guard is in the error.
    pub fn lock_async(&self) -> LockFuture<'_, T> {
        OpFuture::new(Lock::new(self))
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    ///
    /// If it is held, or if it is poisoned; in that case the guard is in the error.
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        park::count_try();
        if self.raw.try_acquire() {
            Ok(self.guard()?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Whether a holder panicked while it held the lock. Unless the caller holds it the answer may
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

    /// The guard of a caller that has taken the lock.
    #[inline]
    pub(super) fn guard(&self) -> LockResult<MutexGuard<'_, T>> {
        let guard = MutexGuard {
            lock: self,
            entered: self.poison.enter(),
            not_send: PhantomData,
        };
        checked(self.is_poisoned(), guard)
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

/// The right to the value of a [`Mutex`], given back when dropped; the counterpart of
/// `std::sync::MutexGuard`.
#[must_use = "the lock is given back at once if the guard is not kept"]
pub struct MutexGuard<'a, T: ?Sized + 'a> {
    lock: &'a Mutex<T>,
    entered: Entered,
    /// Not `Send`, as std's: code may rely on giving a lock back where it was taken.
    not_send: PhantomData<*const ()>,
}

// SAFETY: (R5) a shared guard gives access to a shared value only.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: (R5) there is one guard at a time, and the lock that it borrows owns the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: (R5) there is one guard at a time, and it is borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.poison.leave(self.entered);
        self.lock.raw.release();
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Gives the lock back. The caller fires the wake-up that is returned.
    pub(super) fn give_back(this: MutexGuard<'a, T>) -> Option<Wake> {
        let this = ManuallyDrop::new(this);
        this.lock.poison.leave(this.entered);
        this.lock.raw.release_owing()
    }

    /// The lock to which the guard belongs.
    pub(super) fn lock(this: &MutexGuard<'a, T>) -> &'a Mutex<T> {
        this.lock
    }

    /// Narrows the guard to a part of the value. An associated function, so that it does not hide a
    /// method of the value's.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::sync::{Mutex, MutexGuard};
    ///
    /// let pair = Mutex::new((1, 2));
    /// let mut second = MutexGuard::map(pair.lock().unwrap(), |pair| &mut pair.1);
    /// *second += 1;
    /// drop(second);
    /// assert_eq!(*pair.lock().unwrap(), (1, 3));
    /// ```
    pub fn map<U: ?Sized>(
        mut this: MutexGuard<'a, T>,
        f: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U> {
        let value = NonNull::from(f(&mut this));
        // SAFETY: (R5) the part was borrowed from the guard, whose right goes over to the part.
        MappedMutexGuard(unsafe { Part::new(value, this.into_held()) })
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// The guard, if there is none.
    pub fn filter_map<U: ?Sized>(
        mut this: MutexGuard<'a, T>,
        f: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedMutexGuard<'a, U>, MutexGuard<'a, T>> {
        match f(&mut this).map(NonNull::from) {
            // SAFETY: (R5) the part was borrowed from the guard, whose right goes over to the part.
            Some(part) => Ok(MappedMutexGuard(unsafe {
                Part::new(part, this.into_held())
            })),
            None => Err(this),
        }
    }

    /// The right without the value.
    fn into_held(self) -> Held<'a, Raw> {
        let MutexGuard { lock, entered, .. } = *ManuallyDrop::new(self);
        Held {
            raw: &lock.raw,
            poison: &lock.poison,
            entered,
        }
    }
}

impl Exclusive for Raw {
    fn give_up(&self) {
        self.release();
    }
}

/// The right to a part of a value, from [`MutexGuard::map`].
#[must_use = "the lock is given back at once if the guard is not kept"]
pub struct MappedMutexGuard<'a, T: ?Sized + 'a>(Part<'a, T, Raw>);

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// Narrows the guard further.
    pub fn map<U: ?Sized>(
        this: MappedMutexGuard<'a, T>,
        f: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U> {
        MappedMutexGuard(this.0.map(f))
    }

    /// Narrows the guard further, if there is such a part.
    ///
    /// # Errors
    ///
    /// The guard, if there is none.
    pub fn filter_map<U: ?Sized>(
        this: MappedMutexGuard<'a, T>,
        f: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedMutexGuard<'a, U>, MappedMutexGuard<'a, T>> {
        this.0
            .filter_map(f)
            .map(MappedMutexGuard)
            .map_err(MappedMutexGuard)
    }
}

impl<T: ?Sized> Deref for MappedMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> DerefMut for MappedMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

super::transparent_formatting!(MutexGuard, MappedMutexGuard);
