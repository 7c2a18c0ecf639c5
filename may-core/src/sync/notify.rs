//! Telling others that something has happened, without a value.
//!
//! A notification either ends the wait of somebody or stays as the one token that the next waiter takes; both are decided under a
//! lock of a few instructions, so none is lost. A waiter that is cancelled or times out is passed by.

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, Instant};

use super::event::{NotifyEvent, NotifyFuture};
use crate::event::EventFuture;
use crate::park::{self, Waited};
use crate::util::clock::Deadline;
use crate::util::spin::SpinLock;
use crate::wait::{Entry, Registration, Turn, WaitList, Wakes};

/// Wakes one or all of those who wait; one notification is kept for somebody who comes later.
///
/// Fairness: first come, first served.
///
/// # Examples
///
/// ```
/// use may::{coroutine::scope, sync::Notify};
///
/// let changed = Notify::new();
/// scope(|s| {
///     s.spawn(|| changed.wait());
///     changed.notify_one(); // before or after the wait has begun
/// });
/// ```
pub struct Notify {
    state: SpinLock<State>,
}

/// The token, and who waits.
struct State {
    token: bool,
    /// Counts the calls of `notify_all`, so that each ends only the waits that have begun before it.
    round: u64,
    waiters: WaitList<Begun>,
}

impl State {
    /// Whether all have been notified since a wait began: while it was out of the list, to be taken up again. So those of earlier
    /// rounds never come back to the list, and stand before all others.
    fn is_over(&self, begun: Option<u64>) -> bool {
        begun.is_some_and(|round| round != self.round)
    }
}

/// What a waiter tells.
pub(super) struct Begun {
    /// The round in which its wait has begun.
    round: u64,
    /// The notification that has ended its wait was for one, who passes it on if he is gone by then.
    by_one: Cell<bool>,
}

impl Begun {
    /// A wait that has begun in a round.
    fn in_round(round: u64) -> Begun {
        Begun {
            round,
            by_one: Cell::new(false),
        }
    }
}

impl Notify {
    const_unless_modelled! {
        /// Makes one without a token.
        #[must_use]
        pub fn new() -> Notify {
            Notify {
                state: SpinLock::new(State {
                    token: false,
                    round: 0,
                    waiters: WaitList::new(),
                }),
            }
        }
    }

    /// Ends the wait of the one who has waited longest; if nobody waits, the next wait ends at once. Such a token is kept once,
    /// however often this is called.
    pub fn notify_one(&self) {
        let mut state = self.state.lock();
        let wake = loop {
            let by_one = |begun: &Begun| begun.by_one.set(true);
            match state.waiters.offer_front(by_one, |_| {}) {
                Some(None) => {}
                Some(wake) => break wake,
                None => {
                    state.token = true;
                    break None;
                }
            }
        };
        drop(state);
        if let Some(wake) = wake {
            wake.fire();
        }
    }

    /// Ends the waits of all who wait now. Leaves no token.
    pub fn notify_all(&self) {
        let mut state = self.state.lock();
        let round = state.round;
        state.round += 1;
        let mut wakes = Wakes::default();
        loop {
            while !wakes.is_full()
                && state
                    .waiters
                    .first()
                    .is_some_and(|begun| begun.round <= round)
            {
                if let Some(Some(wake)) = state.waiters.grant_first() {
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

    /// Waits for a notification.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here and takes no notification with it.
    pub fn wait(&self) {
        self.wait_until(Deadline::NEVER);
    }

    /// Waits for a notification for at most `timeout`; false if there was none.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Notify::wait).
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_until(Deadline::after(timeout))
    }

    /// Waits for a notification until `deadline` at the latest; false if there was none.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Notify::wait).
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_until(Deadline::at(deadline))
    }

    /// Waits for a notification, as a future that any executor can poll.
    ///
    /// Its place in the queue is taken by the first poll. If it is dropped a notification for one that had reached it goes to the next.
    pub fn wait_async(&self) -> NotifyFuture<'_> {
        EventFuture::new(NotifyEvent::new(self))
    }

    /// Whether all have been notified since a wait began, or else takes the token if it is there.
    pub(super) fn take(&self, begun: Option<u64>) -> bool {
        let mut state = self.state.lock();
        state.is_over(begun) || std::mem::take(&mut state.token)
    }

    /// Registers somebody who waits for other things, too; true if there is something for it already. `begun` is the round in which
    /// its wait has begun, with the first registration.
    pub(super) fn register(
        &self,
        entry: &mut Entry<Begun>,
        begun: &mut Option<u64>,
        by: &Registration,
        arm: u16,
    ) -> bool {
        let mut state = self.state.lock();
        let ready = state.token || state.is_over(*begun);
        if !ready {
            let round = *begun.get_or_insert(state.round);
            // SAFETY: (docs/safety.md, I2) the engine has it unlinked from this list before the entry goes.
            unsafe { entry.link(&mut state.waiters, by, arm, Begun::in_round(round)) };
        }
        ready
    }

    /// Takes such a waiter out again; true if a notification for one had ended its wait.
    pub(super) fn withdraw(&self, entry: &mut Entry<Begun>) -> bool {
        if !entry.is_used() {
            return false;
        }
        let mut state = self.state.lock();
        let begun = entry.data(&mut state.waiters);
        let by_one = begun.is_some_and(|begun| begun.by_one.get());
        // SAFETY: (docs/safety.md, I2) it was linked there.
        unsafe { entry.unlink(&mut state.waiters) };
        by_one
    }

    /// Waits for a notification until `deadline`.
    fn wait_until(&self, deadline: Deadline) -> bool {
        park::spend_budget();
        let turn = Turn::until(deadline);
        // Also if the wait is taken up again, it has begun now: the list is in order of rounds.
        let mut begun = None;
        loop {
            let mut state = self.state.lock();
            if state.is_over(begun) || std::mem::take(&mut state.token) {
                return true;
            }
            let begun = Begun::in_round(*begun.get_or_insert(state.round));
            match park::wait_in(&self.state, state, |state| &mut state.waiters, begun, &turn) {
                Waited::Woken => return true,
                Waited::TimedOut => return false,
                Waited::Again | Waited::Cancelled => {}
            }
        }
    }
}

impl Default for Notify {
    fn default() -> Notify {
        Notify::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify").finish_non_exhaustive()
    }
}
