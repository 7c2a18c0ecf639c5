//! A place where a number of coroutines and threads wait for each other; the counterpart of
//! `std::sync::Barrier`.
//!
//! Arrivals are counted under a lock of a few instructions. The last one begins the next
//! generation, and all waiters whose generation is over go on. One that is cancelled before, or a
//! future that is dropped, takes its arrival back.

use std::cell::Cell;
use std::fmt;
use std::pin::pin;
use std::time::{Duration, Instant};

use crate::operation::{Caller, Listed, Listing, OpFuture, Operation, operation, wait};
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Committed, Registration, Seat, WaitList, Wakes};

/// Lets a number of coroutines and threads go on when all of them have come; the counterpart of
/// `std::sync::Barrier`.
///
/// # Examples
///
/// ```
/// use may::{coroutine::scope, sync::Barrier};
///
/// let barrier = Barrier::new(3);
/// let leaders = scope(|s| {
///     let waits: Vec<_> = (0..3).map(|_| s.spawn(|| barrier.wait().is_leader())).collect();
///     waits.into_iter().filter_map(|wait| wait.join().ok()).filter(|leads| *leads).count()
/// });
/// assert_eq!(leaders, 1);
/// ```
pub struct Barrier {
    state: SpinLock<State>,
    size: usize,
}

/// Who has come.
struct State {
    arrived: usize,
    generation: u64,
    waiters: WaitList,
}

impl State {
    /// Begins the next generation.
    fn advance(&mut self) {
        self.arrived = 0;
        self.generation += 1;
    }
}

/// What [`Barrier::wait`] returns: whether the caller was the last to come.
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether the caller is the one of its group that was chosen, which is the last to come.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl fmt::Debug for BarrierWaitResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWaitResult")
            .field("is_leader", &self.is_leader())
            .finish()
    }
}

impl Barrier {
    const_unless_modelled! {
        /// Makes a barrier for groups of `n`. One of zero or one lets every caller pass.
        #[must_use]
        pub fn new(n: usize) -> Barrier {
            Barrier {
                state: SpinLock::new(State {
                    arrived: 0,
                    generation: 0,
                    waiters: WaitList::new(),
                }),
                size: n,
            }
        }
    }

    /// Waits until as many have called this as the barrier is made for; then it begins anew.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here and does not count, unless the others have all come.
    pub fn wait(&self) -> BarrierWaitResult {
        wait(pin!(Arrive::new(self)))
    }

    /// As [`wait`](Barrier::wait), for at most `timeout`; `None` if the others have not all come in
    /// time. The caller does not count then.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Barrier::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use may::sync::Barrier;
    ///
    /// let barrier = Barrier::new(2);
    /// assert!(barrier.wait_timeout(Duration::from_micros(500)).is_none());
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> Option<BarrierWaitResult> {
        Arrive::new(self).wait_timeout(timeout)
    }

    /// As [`wait`](Barrier::wait), until `deadline` at the latest; `None` if the others have not
    /// all come by then. The caller does not count then.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Barrier::wait).
    pub fn wait_deadline(&self, deadline: Instant) -> Option<BarrierWaitResult> {
        Arrive::new(self).wait_until(deadline)
    }

    /// As [`wait`](Barrier::wait), as a future that any executor can poll. It comes with the first
    /// poll.
    ///
    /// If it is dropped before the others have all come it does not count.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use may::{coroutine::spawn, future::block_on, sync::Barrier};
    ///
    /// let barrier = Arc::new(Barrier::new(2));
    /// let others = barrier.clone();
    /// let other = spawn(move || others.wait().is_leader());
    /// let leads = block_on(barrier.wait_async()).is_leader();
    /// assert_ne!(leads, other.join().unwrap());
    /// ```
    pub fn wait_async(&self) -> BarrierFuture<'_> {
        OpFuture::new(Arrive::new(self))
    }

    /// Wakes those whose generation is over.
    fn release(&self) {
        // One of the next generation that is woken, too, looks and waits again; the number bounds
        // the loop.
        let mut left = self.size.saturating_sub(1);
        Wakes::fire_all(&self.state, self.state.lock(), |state, wakes| {
            while left > 0 && !wakes.is_full() {
                left -= 1;
                match state.waiters.grant_first() {
                    Some(Some(wake)) => wakes.push(wake),
                    Some(None) => {}
                    None => left = 0,
                }
            }
        });
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

/// Coming, and waiting for the others. The arrival is counted as long as it is registered.
struct Arriving<'a> {
    barrier: &'a Barrier,
    /// That in which it was counted last.
    generation: Cell<u64>,
}

impl Arriving<'_> {
    /// Whether this one is the last that is missing.
    fn is_last(&self, state: &State) -> bool {
        state.arrived + 1 >= self.barrier.size
    }

    /// Whether the generation in which it was counted is over.
    fn has_passed(&self, state: &State) -> bool {
        state.generation != self.generation.get()
    }
}

impl Listing for Arriving<'_> {
    type Output = BarrierWaitResult;
    type State = State;
    type Data = ();

    fn kind(&self) -> &'static str {
        "barrier"
    }

    fn lock(&self) -> &SpinLock<State> {
        &self.barrier.state
    }

    fn list(state: &mut State) -> &mut WaitList {
        &mut state.waiters
    }

    fn data(&self, state: &mut State, _by: &Registration) {
        state.arrived += 1;
        self.generation.set(state.generation);
    }

    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<BarrierWaitResult, SpinGuard<'_, State>> {
        let mut state = self.barrier.state.lock();
        if !self.is_last(&state) {
            // It has not come before it is registered.
            return Err(state);
        }
        state.advance();
        drop(state);
        self.barrier.release();
        Ok(BarrierWaitResult(true))
    }

    fn is_ready(&self, state: &mut State, _seat: Seat, _by: &Registration) -> bool {
        self.is_last(state)
    }

    fn complete(
        &self,
        by: Caller,
        seat: Seat,
        _committed: Committed<()>,
    ) -> Option<BarrierWaitResult> {
        // If it has not passed it was woken with those of the generation before.
        let state = self.barrier.state.lock();
        self.leave(state).or_else(|| self.try_now(by, seat))
    }

    fn pass_on(&self, _committed: Committed<()>) {
        // The others have gone on, and with them this one, if it knew; if not, it counts no longer.
        let state = self.barrier.state.lock();
        self.leave(state);
    }

    fn leave<'a>(&'a self, mut state: SpinGuard<'a, State>) -> Option<BarrierWaitResult> {
        // The arrival is taken back under the same lock under which the others would have counted
        // it.
        let passed = self.has_passed(&state);
        state.arrived -= usize::from(!passed);
        passed.then_some(BarrierWaitResult(false))
    }

    fn spend_budget(&self) {}
}

/// Ready when all have come; from [`Barrier::wait_async`].
pub type BarrierFuture<'a> = OpFuture<Arrive<'a>>;

operation! {
    /// Coming to a barrier, and waiting for the others.
    pub struct Arrive['a]['a] => BarrierWaitResult
    as ArriveKind ArriveProjection {
        Arrive(Listed<Arriving<'a>>),
    }
}

impl<'a> Arrive<'a> {
    /// Coming to one barrier.
    fn new(barrier: &'a Barrier) -> Arrive<'a> {
        let generation = Cell::new(0);
        let operation = Listed::new(Arriving {
            barrier,
            generation,
        });
        Arrive {
            kind: ArriveKind::Arrive { operation },
        }
    }
}
