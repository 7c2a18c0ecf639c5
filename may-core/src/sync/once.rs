//! Code that runs once; the counterpart of `std::sync::Once`.
//!
//! ```text
//!   INCOMPLETE --call--> RUNNING --returns--> COMPLETE
//!       ^                   |------panics---> POISONED --call_once_force--> RUNNING
//!       +-----cancelled-----+
//! ```
//!
//! A caller that changes the state away from `RUNNING` wakes all waiters. Each looks again, and if
//! there is something to run, one of them runs it. That no wake-up is lost is the wait queue's
//! business: the state is set before the queue is looked at, and looked at after the waiter was
//! registered.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use crate::coroutine::unwinding;
use crate::operation::{Map, Operation, Queued, Queueing, operation, wait_until};
use crate::prim::{AtomicU32, Ordering};
use crate::util::clock::Deadline;
use crate::wait::WaitQueue;

const INCOMPLETE: u32 = 0;
const RUNNING: u32 = 1;
const COMPLETE: u32 = 2;
const POISONED: u32 = 3;

/// Runs code once, for the caller that comes first; the counterpart of `std::sync::Once`.
///
/// An initializer that is *cancelled* leaves it as it was, so that the next caller runs its own.
///
/// # Examples
///
/// ```
/// use may::sync::Once;
///
/// static START: Once = Once::new();
/// let mut runs = 0;
/// for _ in 0..3 {
///     START.call_once(|| runs += 1);
/// }
/// assert_eq!(runs, 1);
/// ```
pub struct Once {
    state: AtomicU32,
    waiters: WaitQueue,
}

// The state tells of a panic.
impl UnwindSafe for Once {}
impl RefUnwindSafe for Once {}

/// A [`Once`] for which nothing has run yet.
#[cfg(not(may_loom))]
#[deprecated(since = "1.0.0", note = "replaced by `Once::new`, as in std")]
#[allow(clippy::declare_interior_mutable_const)] // That of std is one, too.
pub const ONCE_INIT: Once = Once::new();

/// What [`Once::call_once_force`] tells its closure.
pub struct OnceState {
    poisoned: bool,
    /// Not `Sync`, as std's.
    not_sync: PhantomData<Cell<()>>,
}

impl OnceState {
    /// Whether an initializer before this one has panicked.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }
}

impl fmt::Debug for OnceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceState")
            .field("poisoned", &self.is_poisoned())
            .finish()
    }
}

/// Sets the state when an initializer has ended, however it did.
struct Running<'a> {
    once: &'a Once,
    returned: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let state = match self.returned {
            true => COMPLETE,
            false if unwinding::is_by_panic() => POISONED,
            false => INCOMPLETE,
        };
        // Release: a caller that sees the state sees what the initializer did.
        self.once.state.store(state, Ordering::Release);
        self.once.waiters.wake_all();
    }
}

impl Once {
    const_unless_modelled! {
        /// Makes one for which nothing has run yet.
        #[must_use]
        #[allow(clippy::new_without_default)] // As std's.
        pub fn new() -> Once {
            Once {
                state: AtomicU32::new(INCOMPLETE),
                waiters: WaitQueue::new(),
            }
        }
    }

    /// Runs `f` if nothing has run before, and otherwise waits until what another caller runs has
    /// ended.
    ///
    /// # Panics
    ///
    /// Panics if an initializer has panicked before.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine that waits for another caller's initializer unwinds here; one that is
    /// cancelled in its own leaves this as it was.
    #[inline]
    #[track_caller]
    pub fn call_once<F: FnOnce()>(&self, f: F) {
        if !self.is_completed() {
            self.call(false, |_| f());
        }
    }

    /// As [`call_once`](Once::call_once), also if an initializer has panicked before; `f` is told.
    ///
    /// # Cancellation
    ///
    /// As for [`call_once`](Once::call_once).
    #[inline]
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, f: F) {
        if !self.is_completed() {
            self.call(true, f);
        }
    }

    /// Whether an initializer has returned.
    #[inline]
    pub fn is_completed(&self) -> bool {
        // Acquire: pairs with the end of the initializer.
        self.state.load(Ordering::Acquire) == COMPLETE
    }

    /// Waits until an initializer has returned.
    ///
    /// # Panics
    ///
    /// Panics if one has panicked.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    #[track_caller]
    pub fn wait(&self) {
        self.wait_for(false, Deadline::NEVER);
    }

    /// Waits until an initializer has returned, for at most `timeout`; false if none has in time.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Once::wait).
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_for(false, Deadline::after(timeout))
    }

    /// Waits until an initializer has returned, until `deadline` at the latest; false if none has
    /// by then.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Once::wait).
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    #[track_caller]
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_for(false, Deadline::at(deadline))
    }

    /// Waits until an initializer has returned, also if one has panicked.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    pub fn wait_force(&self) {
        self.wait_for(true, Deadline::NEVER);
    }

    /// Starts anew, for a caller that owns it exclusively.
    pub(super) fn reset(&mut self) {
        self.state.store(INCOMPLETE, Ordering::Relaxed);
    }

    /// Runs `f` or waits for a caller that runs its own.
    #[cold]
    #[track_caller]
    fn call(&self, force: bool, f: impl FnOnce(&OnceState)) {
        loop {
            let state = self.state.load(Ordering::Acquire);
            match state {
                COMPLETE => return,
                POISONED if !force => refuse(),
                RUNNING => self.wait_while_running(),
                _ => {
                    let begun = self.state.compare_exchange(
                        state,
                        RUNNING,
                        Ordering::Acquire,
                        Ordering::Relaxed,
                    );
                    if begun.is_ok() {
                        return self.run(state == POISONED, f);
                    }
                }
            }
        }
    }

    /// Runs the initializer.
    fn run(&self, poisoned: bool, f: impl FnOnce(&OnceState)) {
        let mut running = Running {
            once: self,
            returned: false,
        };
        f(&OnceState {
            poisoned,
            not_sync: PhantomData,
        });
        running.returned = true;
    }

    /// Waits for the end of an initializer.
    fn wait_while_running(&self) {
        let has_ended = || self.state.load(Ordering::Acquire) != RUNNING;
        wait_until("once", &self.waiters, Deadline::NEVER, has_ended);
    }

    /// Waits until an initializer has returned, until `deadline`; whether one has.
    #[track_caller]
    fn wait_for(&self, force: bool, deadline: Deadline) -> bool {
        match Queued::block_until(Completing { once: self, force }, deadline) {
            Some(false) => refuse(),
            completed => completed.is_some(),
        }
    }

    /// Those that wait.
    pub(super) fn waiters(&self) -> &WaitQueue {
        &self.waiters
    }

    /// Whether an initializer has panicked, and none has begun since.
    pub(super) fn is_poisoned(&self) -> bool {
        self.state.load(Ordering::Acquire) == POISONED
    }
}

/// An initializer's having returned: true; or, unless forced, its having panicked: false.
struct Completing<'a> {
    once: &'a Once,
    force: bool,
}

impl Queueing for Completing<'_> {
    type Output = bool;

    fn kind(&self) -> &'static str {
        "once"
    }

    fn queue(&self) -> &WaitQueue {
        &self.once.waiters
    }

    fn attempt(&mut self) -> Option<bool> {
        match self.once.state.load(Ordering::Acquire) {
            COMPLETE => Some(true),
            POISONED if !self.force => Some(false),
            _ => None,
        }
    }

    fn is_ready(&self) -> bool {
        self.once.is_completed() || (!self.force && self.once.is_poisoned())
    }

    fn spend_budget(&self) {}
}

operation! {
    /// An initializer's having returned; from [`op::wait`](crate::op::wait). It panics if one has
    /// panicked.
    pub struct Completed['a]['a] => ()
    as CompletedKind CompletedProjection {
        Completed(Map<Queued<Completing<'a>>, fn(bool)>),
    }
}

impl<'a> Completed<'a> {
    /// That of one place.
    pub(crate) fn new(once: &'a Once) -> Completed<'a> {
        let check: fn(bool) = |completed| {
            if !completed {
                refuse();
            }
        };
        let force = false;
        let operation = Queued::new(Completing { once, force }).map(check);
        Completed {
            kind: CompletedKind::Completed { operation },
        }
    }
}

/// The panic of a call that would use what an initializer has left half done.
#[cold]
#[track_caller]
fn refuse() -> ! {
    panic!("Once instance has previously been poisoned")
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}
