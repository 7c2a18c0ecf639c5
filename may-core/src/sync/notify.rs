//! Telling others that something has happened, without a value.
//!
//! A notification either ends the wait of one waiter or stays as the one token that the next waiter
//! takes. Both are decided under a lock of a few instructions, so none is lost. A waiter that is
//! cancelled or times out is passed by.

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, Instant};

use crate::operation::{Caller, Listed, Listing, OpFuture, Operation, operation};
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Committed, Registration, Seat, WaitList, Wakes};

/// Wakes one or all of those that wait; one notification is kept for a waiter that comes later.
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
    /// Counts the calls of `notify_all`, so that each ends only the waits that have begun before
    /// it.
    round: u64,
    waiters: WaitList<Begun>,
}

impl State {
    /// Whether all have been notified since a wait began: while it was out of the list, to be taken
    /// up again. So those of earlier rounds never come back to the list, and stand before all
    /// others.
    fn is_over(&self, begun: Option<u64>) -> bool {
        begun.is_some_and(|round| round != self.round)
    }
}

/// What a waiter tells.
#[derive(Clone)]
struct Begun {
    /// The round in which its wait has begun.
    round: u64,
    /// The notification that has ended its wait was for one waiter, which passes it on if it is
    /// gone by then.
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

    /// Ends the wait of the waiter that has waited longest; if there is none, the next wait ends at
    /// once. Such a token is kept once, however often this is called.
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

    /// Ends the waits of all that wait now. Leaves no token.
    pub fn notify_all(&self) {
        let mut state = self.state.lock();
        let round = state.round;
        state.round += 1;
        Wakes::fire_all(&self.state, state, |state, wakes| {
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
        });
    }

    /// Waits for a notification.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here and takes no notification with it.
    pub fn wait(&self) {
        let begun = Cell::new(None);
        Listed::block(&Waiting {
            notify: self,
            begun,
        });
    }

    /// Waits for a notification for at most `timeout`; false if there was none.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Notify::wait).
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        Notified::new(self).wait_timeout(timeout).is_some()
    }

    /// Waits for a notification until `deadline` at the latest; false if there was none.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Notify::wait).
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        Notified::new(self).wait_until(deadline).is_some()
    }

    /// Waits for a notification, as a future that any executor can poll.
    ///
    /// Its place in the queue is taken by the first poll. If it is dropped a notification for one
    /// that had reached it goes to the next.
    pub fn wait_async(&self) -> NotifyFuture<'_> {
        OpFuture::new(Notified::new(self))
    }
}

/// Waiting for a notification.
struct Waiting<'a> {
    notify: &'a Notify,
    /// The round in which the wait has begun; also if it is taken up again it has begun then: the
    /// list is in order of rounds.
    begun: Cell<Option<u64>>,
}

impl Listing for Waiting<'_> {
    type Output = ();
    type State = State;
    type Data = Begun;

    fn kind(&self) -> &'static str {
        "notify"
    }

    fn lock(&self) -> &SpinLock<State> {
        &self.notify.state
    }

    fn list(state: &mut State) -> &mut WaitList<Begun> {
        &mut state.waiters
    }

    fn data(&self, state: &mut State, _by: &Registration) -> Begun {
        let begun = self.begun.get().unwrap_or(state.round);
        self.begun.set(Some(begun));
        Begun::in_round(begun)
    }

    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<(), SpinGuard<'_, State>> {
        let mut state = self.notify.state.lock();
        match state.is_over(self.begun.get()) || std::mem::take(&mut state.token) {
            true => Ok(()),
            false => Err(state),
        }
    }

    fn is_ready(&self, state: &mut State, _seat: Seat, _by: &Registration) -> bool {
        state.token || state.is_over(self.begun.get())
    }

    fn complete(&self, _by: Caller, _seat: Seat, _committed: Committed<Begun>) -> Option<()> {
        // The notification has ended the wait, and is used up by that.
        Some(())
    }

    fn pass_on(&self, committed: Committed<Begun>) {
        // One that was for all has reached all.
        if committed.data.by_one.get() {
            self.notify.notify_one();
        }
    }
}

/// Ready with a notification; from [`Notify::wait_async`].
pub type NotifyFuture<'a> = OpFuture<Notified<'a>>;

operation! {
    /// The next notification; from [`op::wait`](crate::op::wait).
    pub struct Notified['a]['a] => ()
    as NotifiedKind NotifiedProjection {
        Notified(Listed<Waiting<'a>>),
    }
}

impl<'a> Notified<'a> {
    /// The next notification of one.
    #[inline]
    pub(crate) fn new(notify: &'a Notify) -> Notified<'a> {
        let begun = Cell::new(None);
        let operation = Listed::new(Waiting { notify, begun });
        Notified {
            kind: NotifiedKind::Notified { operation },
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
