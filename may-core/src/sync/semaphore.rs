//! A number of permits that are taken and given back.
//!
//! The count lies under a lock of a few instructions. A caller that gives permits back hands them
//! to the waiters, in the order in which they came, before they are woken. The compare-and-swap on
//! a waiter's commit word decides whether it takes them or is passed by because its wait has ended.
//!
//! Fairness: strictly first come, first served. A caller that asks for many permits is not
//! overtaken by those that ask for few, so no waiter starves.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::operation::{Caller, Listed, Listing, OpFuture, Operation, operation};
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Committed, Registration, Seat, WaitList, Wakes};

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
    /// Whether `n` permits are there for a caller with a seat. A caller that has waited before was
    /// out of the list meanwhile. So a holder that gave some back may have passed it by, and no
    /// other caller would look again for it.
    fn has(&self, n: usize, seat: Seat) -> bool {
        self.permits >= n && self.waiters.is_next(seat)
    }

    /// Takes `n` permits if they are there for a caller with a seat.
    fn take(&mut self, n: usize, seat: Seat) -> bool {
        let taken = self.has(n, seat);
        if taken {
            self.permits -= n;
        }
        taken
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

    /// Takes `n` permits at once, waiting for them. A caller that asks for more than will ever be
    /// there waits forever.
    ///
    /// # Cancellation
    ///
    /// As for [`acquire`](Semaphore::acquire).
    pub fn acquire_many(&self, n: usize) -> SemaphorePermit<'_> {
        Listed::block(&Acquiring { permits: self, n })
    }

    /// Takes `n` permits, waiting for at most `timeout`; `None` if they were not there in time.
    ///
    /// # Cancellation
    ///
    /// As for [`acquire`](Semaphore::acquire).
    pub fn acquire_timeout(&self, n: usize, timeout: Duration) -> Option<SemaphorePermit<'_>> {
        Acquire::new(self, n).wait_timeout(timeout)
    }

    /// Takes `n` permits, waiting until `deadline` at the latest; `None` if they were not there in
    /// time.
    ///
    /// # Cancellation
    ///
    /// As for [`acquire`](Semaphore::acquire).
    pub fn acquire_deadline(&self, n: usize, deadline: Instant) -> Option<SemaphorePermit<'_>> {
        Acquire::new(self, n).wait_until(deadline)
    }

    /// Takes a permit if there is one and no caller waits for it.
    pub fn try_acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits if they are there and no caller waits for them.
    pub fn try_acquire_many(&self, n: usize) -> Option<SemaphorePermit<'_>> {
        Acquire::new(self, n).try_now()
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
        Listed::block(&Acquiring { permits: self, n })
    }

    /// As [`acquire_timeout`](Semaphore::acquire_timeout), for permits that do not borrow.
    ///
    /// # Cancellation
    ///
    /// As for [`acquire`](Semaphore::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use may::sync::{Arc, Semaphore};
    ///
    /// let connections = Arc::new(Semaphore::new(1));
    /// let permit = connections.clone().acquire_owned_timeout(1, Duration::from_secs(1));
    /// assert!(permit.is_some());
    /// assert!(connections.acquire_owned_timeout(1, Duration::from_micros(500)).is_none());
    /// ```
    pub fn acquire_owned_timeout(
        self: Arc<Semaphore>,
        n: usize,
        timeout: Duration,
    ) -> Option<OwnedSemaphorePermit> {
        AcquireOwned::new(self, n).wait_timeout(timeout)
    }

    /// As [`acquire_deadline`](Semaphore::acquire_deadline), for permits that do not borrow.
    ///
    /// # Cancellation
    ///
    /// As for [`acquire`](Semaphore::acquire).
    pub fn acquire_owned_deadline(
        self: Arc<Semaphore>,
        n: usize,
        deadline: Instant,
    ) -> Option<OwnedSemaphorePermit> {
        AcquireOwned::new(self, n).wait_until(deadline)
    }

    /// As [`try_acquire`](Semaphore::try_acquire), for a permit that does not borrow.
    pub fn try_acquire_owned(self: Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Semaphore::try_acquire_many), for a permit that does not borrow.
    pub fn try_acquire_many_owned(self: Arc<Semaphore>, n: usize) -> Option<OwnedSemaphorePermit> {
        AcquireOwned::new(self, n).try_now()
    }

    /// Takes a permit, as a future that any executor can poll.
    ///
    /// Its place in the queue is taken by the first poll; it is given up, and permits that had been
    /// handed to it are given back, if it is dropped.
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
        OpFuture::new(Acquire::new(self, n))
    }

    /// As [`acquire_async`](Semaphore::acquire_async), for a permit that does not borrow.
    pub fn acquire_owned_async(self: Arc<Semaphore>) -> OpFuture<AcquireOwned> {
        OpFuture::new(AcquireOwned::new(self, 1))
    }

    /// Hands out what is there.
    #[inline]
    fn settle<'a>(&'a self, state: SpinGuard<'a, State>) {
        if !state.waiters.is_empty() {
            self.settle_waiters(state);
        }
    }

    /// Hands out what is there to those that wait.
    #[cold]
    fn settle_waiters<'a>(&'a self, state: SpinGuard<'a, State>) {
        Wakes::fire_all(&self.state, state, |state, wakes| {
            while !wakes.is_full()
                && let Some(&n) = state.waiters.first()
                && n <= state.permits
            {
                if let Some(Some(wake)) = state.waiters.grant_first() {
                    state.permits -= n;
                    wakes.push(wake);
                }
            }
        });
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

/// A way to a semaphore, and the permit that goes with it.
trait Permits {
    /// What is given back when it is dropped.
    type Permit;

    /// The semaphore.
    fn semaphore(&self) -> &Semaphore;

    /// The permit of a caller that has taken `n`.
    fn permit(&self, n: usize) -> Self::Permit;
}

impl<'a> Permits for &'a Semaphore {
    type Permit = SemaphorePermit<'a>;

    fn semaphore(&self) -> &Semaphore {
        self
    }

    fn permit(&self, n: usize) -> SemaphorePermit<'a> {
        SemaphorePermit {
            semaphore: self,
            permits: n,
        }
    }
}

impl Permits for Arc<Semaphore> {
    type Permit = OwnedSemaphorePermit;

    fn semaphore(&self) -> &Semaphore {
        self
    }

    fn permit(&self, n: usize) -> OwnedSemaphorePermit {
        OwnedSemaphorePermit {
            semaphore: self.clone(),
            permits: n,
        }
    }
}

/// Taking so many permits at once.
struct Acquiring<P> {
    permits: P,
    n: usize,
}

impl<P: Permits> Listing for Acquiring<P> {
    type Output = P::Permit;
    type State = State;
    type Data = usize;

    fn kind(&self) -> &'static str {
        "acquire"
    }

    fn lock(&self) -> &SpinLock<State> {
        &self.permits.semaphore().state
    }

    fn list(state: &mut State) -> &mut WaitList<usize> {
        &mut state.waiters
    }

    fn data(&self, _state: &mut State, _by: &Registration) -> usize {
        self.n
    }

    #[inline]
    fn attempt(&self, _by: Caller, seat: Seat) -> Result<P::Permit, SpinGuard<'_, State>> {
        let mut state = self.permits.semaphore().state.lock();
        if !state.take(self.n, seat) {
            return Err(state);
        }
        drop(state);
        Ok(self.permits.permit(self.n))
    }

    fn is_ready(&self, state: &mut State, seat: Seat, _by: &Registration) -> bool {
        state.has(self.n, seat)
    }

    fn complete(
        &self,
        _by: Caller,
        _seat: Seat,
        _committed: Committed<usize>,
    ) -> Option<P::Permit> {
        // The committer that ended the wait has taken the permits off for this one.
        Some(self.permits.permit(self.n))
    }

    fn pass_on(&self, _committed: Committed<usize>) {
        drop(self.permits.permit(self.n));
    }

    fn leave<'a>(&'a self, state: SpinGuard<'a, State>) -> Option<P::Permit> {
        // It may have held up those behind it.
        self.permits.semaphore().settle(state);
        None
    }
}

/// Takes permits; from [`Semaphore::acquire_async`].
pub type AcquireFuture<'a> = OpFuture<Acquire<'a>>;

operation! {
    /// Taking permits; from [`op::acquire`](crate::op::acquire).
    pub struct Acquire['a]['a] => SemaphorePermit<'a>
    as AcquireKind AcquireProjection {
        Acquire(Listed<Acquiring<&'a Semaphore>>),
    }
}

impl<'a> Acquire<'a> {
    /// Taking so many permits at once.
    #[inline]
    pub(crate) fn new(semaphore: &'a Semaphore, n: usize) -> Acquire<'a> {
        let permits = semaphore;
        let operation = Listed::new(Acquiring { permits, n });
        Acquire {
            kind: AcquireKind::Acquire { operation },
        }
    }
}

operation! {
    /// Taking permits that do not borrow; from [`op::acquire_owned`](crate::op::acquire_owned).
    pub struct AcquireOwned[][] => OwnedSemaphorePermit
    as AcquireOwnedKind AcquireOwnedProjection {
        Acquire(Listed<Acquiring<Arc<Semaphore>>>),
    }
}

impl AcquireOwned {
    /// Taking so many permits at once.
    pub(crate) fn new(semaphore: Arc<Semaphore>, n: usize) -> AcquireOwned {
        let permits = semaphore;
        let operation = Listed::new(Acquiring { permits, n });
        AcquireOwned {
            kind: AcquireOwnedKind::Acquire { operation },
        }
    }
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
            /// Panics if they are another semaphore's, or if both together are more than
            /// `usize::MAX`; then `other` gives its own back.
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
