//! A place where a number of coroutines and threads wait for each other; the counterpart of `std::sync::Barrier`.
//!
//! Arrivals are counted under a lock of a few instructions. The last one begins the next generation, and everybody whose
//! generation is over goes on. One that is cancelled before, or a future that is dropped, takes its arrival back.

use std::cell::Cell;
use std::fmt;

use crate::event::{EventFuture, Finish, RawEvent, TaskEvent};
use crate::park;
use crate::util::clock::Deadline;
use crate::util::spin::SpinLock;
use crate::wait::{Entry, Registration, Turn, WaitList, Wakes};

/// Lets a number of coroutines and threads go on when all of them have come; the counterpart of `std::sync::Barrier`.
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
    /// Those who wait for the others.
    fn waiters(&mut self) -> &mut WaitList {
        &mut self.waiters
    }

    /// Begins the next generation if `size` have come.
    fn advance(&mut self, size: usize) -> bool {
        let complete = self.arrived >= size;
        if complete {
            self.arrived = 0;
            self.generation += 1;
        }
        complete
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

/// The arrival of a caller, which takes itself back if it is dropped before the others have come.
struct Arrival<'a> {
    barrier: &'a Barrier,
    generation: u64,
    /// Whether it is counted.
    counts: Cell<bool>,
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        if !self.counts.get() {
            return;
        }
        let mut state = self.barrier.state.lock();
        if state.generation == self.generation {
            state.arrived -= 1;
        }
    }
}

impl Barrier {
    const_unless_modelled! {
        /// Makes a barrier for groups of `n`. One of zero or one lets everybody pass.
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
        let mut state = self.state.lock();
        let generation = state.generation;
        let arrival = Arrival {
            barrier: self,
            generation,
            counts: Cell::new(false),
        };
        let turn = Turn::until(Deadline::NEVER);
        while state.generation == generation {
            if !arrival.counts.replace(true) {
                state.arrived += 1;
            }
            if state.advance(self.size) {
                drop(state);
                self.release();
                return BarrierWaitResult(true);
            }
            // A caller who goes takes his arrival back under the same lock under which the others would have counted it.
            let is_over = |state: &mut State| {
                let is_over = state.generation != generation;
                if !is_over {
                    state.arrived -= 1;
                    arrival.counts.set(false);
                }
                is_over
            };
            let list = State::waiters;
            let _ = park::wait_in_unless(&self.state, state, list, (), &turn, is_over);
            state = self.state.lock();
        }
        drop(state);
        arrival.counts.set(false);
        BarrierWaitResult(false)
    }

    /// As [`wait`](Barrier::wait), as a future that any executor can poll. It comes with the first poll.
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
        EventFuture::new(BarrierTask {
            barrier: self,
            entry: Entry::new(),
            generation: 0,
            passed: false,
            leads: false,
        })
    }

    /// Wakes those whose generation is over.
    fn release(&self) {
        // One of the next generation that is woken, too, looks and waits again; the number bounds the loop.
        let mut left = self.size.saturating_sub(1);
        let mut wakes = Wakes::default();
        while left > 0 {
            let mut state = self.state.lock();
            while left > 0 && !wakes.is_full() {
                match state.waiters.grant_first() {
                    Some(Some(wake)) => wakes.push(wake),
                    Some(None) => {}
                    None => left = 1,
                }
                left -= 1;
            }
            drop(state);
            wakes.fire();
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

/// Ready when all have come; from [`Barrier::wait_async`].
pub type BarrierFuture<'a> = EventFuture<BarrierTask<'a>>;

/// Waiting for the others, by a future. Its arrival is counted as long as it is registered.
#[derive(Debug)]
pub struct BarrierTask<'a> {
    barrier: &'a Barrier,
    entry: Entry,
    /// That in which it has come.
    generation: u64,
    /// That generation is over.
    passed: bool,
    /// It was the last to come.
    leads: bool,
}

impl RawEvent for BarrierTask<'_> {
    fn offer(&mut self) -> bool {
        let mut state = self.barrier.state.lock();
        state.arrived += 1;
        self.leads = state.advance(self.barrier.size);
        match self.leads {
            true => {
                drop(state);
                self.barrier.release();
            }
            // It has not come before it is registered.
            false => state.arrived -= 1,
        }
        self.leads
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        let mut state = self.barrier.state.lock();
        let is_last = state.arrived + 1 >= self.barrier.size;
        if !is_last {
            state.arrived += 1;
            self.generation = state.generation;
            // SAFETY: (docs/safety.md, R6) the future has it unlinked from this list before the entry goes.
            unsafe { self.entry.link(&mut state.waiters, by, arm, ()) };
        }
        is_last
    }

    fn withdraw(&mut self) {
        if self.entry.is_used() {
            let mut state = self.barrier.state.lock();
            // SAFETY: (docs/safety.md, R6) it was linked there.
            unsafe { self.entry.unlink(&mut state.waiters) };
            self.passed = state.generation != self.generation;
            state.arrived -= usize::from(!self.passed);
        }
    }

    fn confirm(&mut self) -> bool {
        // If not, it was woken with those of the generation before.
        self.passed || self.offer()
    }
}

impl TaskEvent for BarrierTask<'_> {
    // The others have gone on, and with them this one, if it knew; if not, it counts no longer.
    fn relinquish(&mut self) {}
}

impl Finish for BarrierTask<'_> {
    type Output = BarrierWaitResult;

    fn finish(self) -> BarrierWaitResult {
        BarrierWaitResult(self.leads)
    }
}
