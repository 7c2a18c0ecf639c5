//! A number of permits that are taken and given back.
//!
//! The count lies under a lock of a few instructions. Whoever gives permits back hands them to those who wait, in the order in which
//! they came, before they are woken; the compare-and-swap on a waiter's commit word decides whether it takes them or is passed by
//! because its wait has ended.
//!
//! Fairness: strictly first come, first served. Somebody who asks for many permits is not overtaken by those who ask for few, so
//! nobody starves.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event::{AcquireEvent, AcquireFuture};
use crate::event::EventFuture;
use crate::park::{self, Waited};
use crate::util::clock::Deadline;
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Entry, Registration, Turn, WaitList, Wakes};

/// Limits how many may do something at the same time.
///
/// # Examples
///
/// ```
/// use may::{coroutine::scope, sync::Semaphore};
///
/// let connections = Semaphore::new(2);
/// scope(|s| {
///     for _ in 0..10 {
///         s.spawn(|| {
///             let _permit = connections.acquire();
///             // two at a time
///         });
///     }
/// });
/// assert_eq!(connections.available_permits(), 2);
/// ```
pub struct Semaphore {
    state: SpinLock<State>,
}

/// What is there, and who waits for how much.
struct State {
    permits: usize,
    waiters: WaitList<usize>,
}

impl State {
    /// Takes `n` permits if they are there and nobody waits.
    fn take(&mut self, n: usize) -> bool {
        let taken = self.permits >= n && self.waiters.is_empty();
        if taken {
            self.permits -= n;
        }
        taken
    }
}

impl State {
    /// Whether `n` permits are there for somebody who may have waited before. It was out of the list meanwhile, so a caller that gave some
    /// back may have passed it by, and nobody would look again for it.
    fn is_ready(&self, entry: &Entry<usize>, n: usize) -> bool {
        self.permits >= n && entry.is_next_in(&self.waiters)
    }
}

/// Hands permits on when it is dropped: somebody who waits for many holds up those behind him, and does so no longer when he leaves.
struct Settle<'a>(&'a Semaphore);

impl Drop for Settle<'_> {
    fn drop(&mut self) {
        self.0.settle(self.0.state.lock());
    }
}

impl Semaphore {
    const_unless_modelled! {
        /// Makes a semaphore with so many permits.
        #[must_use]
        pub fn new(permits: usize) -> Semaphore {
            Semaphore {
                state: SpinLock::new(State {
                    permits,
                    waiters: WaitList::new(),
                }),
            }
        }
    }

    /// How many permits are there. Others may take them any moment.
    pub fn available_permits(&self) -> usize {
        self.state.lock().permits
    }

    /// Adds permits.
    ///
    /// # Panics
    ///
    /// Panics if there would be more than `usize::MAX`.
    pub fn add_permits(&self, n: usize) {
        let mut state = self.state.lock();
        match state.permits.checked_add(n) {
            Some(permits) => state.permits = permits,
            None => {
                drop(state);
                panic!("a semaphore cannot have more than `usize::MAX` permits");
            }
        }
        self.settle(state);
    }

    /// Takes a permit, waiting for one.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and has not taken any.
    pub fn acquire(&self) -> SemaphorePermit<'_> {
        self.acquire_many(1)
    }

    /// Takes `n` permits at once, waiting for them. More than will ever be there are waited for for ever.
    ///
    /// # Cancellation
    ///
    /// As for [`acquire`](Semaphore::acquire).
    pub fn acquire_many(&self, n: usize) -> SemaphorePermit<'_> {
        self.take(n, Deadline::NEVER);
        SemaphorePermit {
            semaphore: self,
            permits: n,
        }
    }

    /// Takes `n` permits, waiting for at most `timeout`; `None` if they were not there in time.
    ///
    /// # Cancellation
    ///
    /// As for [`acquire`](Semaphore::acquire).
    pub fn acquire_timeout(&self, n: usize, timeout: Duration) -> Option<SemaphorePermit<'_>> {
        self.acquire_until(n, Deadline::after(timeout))
    }

    /// Takes `n` permits, waiting until `deadline` at the latest; `None` if they were not there in time.
    ///
    /// # Cancellation
    ///
    /// As for [`acquire`](Semaphore::acquire).
    pub fn acquire_deadline(&self, n: usize, deadline: Instant) -> Option<SemaphorePermit<'_>> {
        self.acquire_until(n, Deadline::at(deadline))
    }

    /// Takes `n` permits, waiting until `deadline`.
    fn acquire_until(&self, n: usize, deadline: Deadline) -> Option<SemaphorePermit<'_>> {
        // Not `then_some`: a permit that is made is given back.
        self.take(n, deadline).then(|| SemaphorePermit {
            semaphore: self,
            permits: n,
        })
    }

    /// Takes a permit if there is one and nobody waits for it.
    pub fn try_acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits if they are there and nobody waits for them.
    pub fn try_acquire_many(&self, n: usize) -> Option<SemaphorePermit<'_>> {
        park::count_try();
        self.state.lock().take(n).then(|| self.granted(n))
    }

    /// Takes `n` permits for an arm, if they are there and nobody waits who has come before.
    pub(super) fn take_by(&self, entry: &Entry<usize>, n: usize) -> Option<SemaphorePermit<'_>> {
        let mut state = self.state.lock();
        let ready = state.is_ready(entry, n);
        if ready {
            state.permits -= n;
        }
        drop(state);
        ready.then(|| self.granted(n))
    }

    /// As [`acquire`](Semaphore::acquire), for a permit that does not borrow.
    ///
    /// # Cancellation
    ///
    /// As for [`acquire`](Semaphore::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{coroutine::spawn, sync::{Arc, Semaphore}};
    ///
    /// let connections = Arc::new(Semaphore::new(100));
    /// let permit = connections.clone().acquire_owned();
    /// spawn(move || {
    ///     let _permit = permit;
    ///     // serve
    /// });
    /// ```
    pub fn acquire_owned(self: Arc<Semaphore>) -> OwnedSemaphorePermit {
        self.acquire_many_owned(1)
    }

    /// As [`acquire_many`](Semaphore::acquire_many), for a permit that does not borrow.
    ///
    /// # Cancellation
    ///
    /// As for [`acquire`](Semaphore::acquire).
    pub fn acquire_many_owned(self: Arc<Semaphore>, n: usize) -> OwnedSemaphorePermit {
        self.take(n, Deadline::NEVER);
        OwnedSemaphorePermit {
            semaphore: self,
            permits: n,
        }
    }

    /// As [`try_acquire`](Semaphore::try_acquire), for a permit that does not borrow.
    pub fn try_acquire_owned(self: Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Semaphore::try_acquire_many), for a permit that does not borrow.
    pub fn try_acquire_many_owned(self: Arc<Semaphore>, n: usize) -> Option<OwnedSemaphorePermit> {
        park::count_try();
        let taken = self.state.lock().take(n);
        taken.then(|| OwnedSemaphorePermit {
            semaphore: self,
            permits: n,
        })
    }

    /// Takes a permit, as a future that any executor can poll.
    ///
    /// Its place in the queue is taken by the first poll; it is given up, and permits that had been handed to it are given back, if it
    /// is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{future::block_on, sync::Semaphore};
    ///
    /// let connections = Semaphore::new(1);
    /// let permit = block_on(connections.acquire_async());
    /// assert_eq!(connections.available_permits(), 0);
    /// # drop(permit);
    /// ```
    pub fn acquire_async(&self) -> AcquireFuture<'_> {
        self.acquire_many_async(1)
    }

    /// As [`acquire_async`](Semaphore::acquire_async), for `n` permits at once.
    pub fn acquire_many_async(&self, n: usize) -> AcquireFuture<'_> {
        EventFuture::new(AcquireEvent::new(self, n))
    }

    /// As [`acquire_async`](Semaphore::acquire_async), for a permit that does not borrow.
    pub async fn acquire_owned_async(self: Arc<Semaphore>) -> OwnedSemaphorePermit {
        self.acquire_async().await.forget();
        OwnedSemaphorePermit {
            semaphore: self,
            permits: 1,
        }
    }

    /// Registers somebody who waits for other things than `n` permits, too; true if they are there.
    pub(super) fn register(
        &self,
        entry: &mut Entry<usize>,
        n: usize,
        by: &Registration,
        arm: u16,
    ) -> bool {
        let mut state = self.state.lock();
        let ready = state.is_ready(entry, n);
        if !ready {
            // SAFETY: (docs/safety.md, I2) the engine has it unlinked from this list before the entry goes.
            unsafe { entry.link(&mut state.waiters, by, arm, n) };
        }
        ready
    }

    /// Takes such a waiter out again; it holds up those behind it no longer.
    pub(super) fn withdraw(&self, entry: &mut Entry<usize>) {
        if entry.is_used() {
            let mut state = self.state.lock();
            // SAFETY: (docs/safety.md, I2) it was linked there.
            unsafe { entry.unlink(&mut state.waiters) };
            self.settle(state);
        }
    }

    /// The permits that were taken off for a waiter whose wait was ended by that.
    pub(super) fn granted(&self, n: usize) -> SemaphorePermit<'_> {
        SemaphorePermit {
            semaphore: self,
            permits: n,
        }
    }

    /// Takes permits, waiting until `deadline`; false if they were not there in time.
    fn take(&self, n: usize, deadline: Deadline) -> bool {
        park::spend_budget();
        let state = self.state.lock();
        self.take_from(state, n, deadline)
    }

    /// Takes permits, with the lock.
    #[inline]
    fn take_from<'a>(
        &'a self,
        mut state: SpinGuard<'a, State>,
        n: usize,
        deadline: Deadline,
    ) -> bool {
        if state.take(n) {
            return true;
        }
        let settle = Settle(self);
        let turn = Turn::until(deadline);
        loop {
            match park::wait_in(&self.state, state, |state| &mut state.waiters, n, &turn) {
                Waited::Woken => break,
                Waited::TimedOut => return false,
                Waited::Again | Waited::Cancelled => {}
            }
            state = self.state.lock();
            // It was out of the list, so a caller that gave some back may have passed it by.
            if state.permits >= n && state.waiters.is_next(&turn) {
                state.permits -= n;
                drop(state);
                break;
            }
        }
        // It has what it asked for and held up nobody.
        std::mem::forget(settle);
        true
    }

    /// Hands out what is there.
    #[inline]
    fn settle<'a>(&'a self, state: SpinGuard<'a, State>) {
        if !state.waiters.is_empty() {
            self.settle_waiters(state);
        }
    }

    /// Hands out what is there to those who wait.
    #[cold]
    fn settle_waiters<'a>(&'a self, mut state: SpinGuard<'a, State>) {
        let mut wakes = Wakes::default();
        loop {
            while !wakes.is_full()
                && let Some(&n) = state.waiters.first()
                && n <= state.permits
            {
                if let Some(Some(wake)) = state.waiters.grant_first() {
                    state.permits -= n;
                    wakes.push(wake);
                }
            }
            drop(state);
            let full = wakes.is_full();
            wakes.fire();
            if !full {
                return;
            }
            state = self.state.lock();
        }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("permits", &self.available_permits())
            .finish_non_exhaustive()
    }
}

/// Some permits of a [`Semaphore`], given back when dropped.
#[must_use = "the permits are given back at once if this is not kept"]
#[derive(Debug)]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    permits: usize,
}

/// Some permits of a [`Semaphore`] that it keeps alive, given back when dropped.
#[must_use = "the permits are given back at once if this is not kept"]
#[derive(Debug)]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
    permits: usize,
}

/// What both kinds have.
macro_rules! permits {
    ($permit:ty, [$($generics:tt)*], $again:ident => $clone:expr) => {
        impl$($generics)* $permit {
            /// How many there are.
            #[must_use]
            pub fn num_permits(&self) -> usize {
                self.permits
            }

            /// Never gives them back: the semaphore has so many less from now on.
            pub fn forget(mut self) {
                self.permits = 0;
            }

            /// Takes `n` of them off, to be given back separately; `None` if there are not so many.
            pub fn split(&mut self, n: usize) -> Option<Self> {
                self.permits = self.permits.checked_sub(n)?;
                let $again = &*self;
                Some(Self { semaphore: $clone, permits: n })
            }

            /// Adds those of `other`.
            ///
            /// # Panics
            ///
            /// Panics if they are another semaphore's, or if both together are more than `usize::MAX`; then `other` gives its own back.
            #[track_caller]
            pub fn merge(&mut self, mut other: Self) {
                assert!(
                    std::ptr::eq::<Semaphore>(&*self.semaphore, &*other.semaphore),
                    "permits of two semaphores cannot be merged"
                );
                let both = self.permits.checked_add(other.permits);
                self.permits = both.expect("a permit cannot be for more than `usize::MAX`");
                other.permits = 0;
            }
        }

        impl$($generics)* Drop for $permit {
            fn drop(&mut self) {
                if self.permits > 0 {
                    self.semaphore.add_permits(self.permits);
                }
            }
        }
    };
}

permits!(SemaphorePermit<'a>, [<'a>], this => this.semaphore);
permits!(OwnedSemaphorePermit, [], this => this.semaphore.clone());
