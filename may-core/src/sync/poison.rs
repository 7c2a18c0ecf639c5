//! Which holder poisons a lock: one that gives it up because a panic unwinds through the section
//! that it protects.
//!
//! std asks `thread::panicking()` for that, which says yes to every coroutine of a worker on which
//! one is suspended inside a destructor. So the question here is whether *this* coroutine unwinds,
//! and it is because of a panic: a cancellation is raised at calls that are documented to do so,
//! like an early return, and leaves nothing half done that an early return would not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

use crate::coroutine::{panicking, unwinding};

/// Whether a holder panicked while it held the lock.
///
/// Relaxed throughout: the lock itself orders the accesses, and a caller that asks without it gets
/// a hint.
#[derive(Debug)]
pub(super) struct Flag(AtomicBool);

/// What a holder remembers of the moment in which it got the lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entered {
    /// A destructor that runs while unwinding does not poison what it locks: it may well finish its
    /// section.
    unwinding: bool,
}

impl Flag {
    /// The flag of a lock that is in order.
    pub(super) const fn new() -> Flag {
        Flag(AtomicBool::new(false))
    }

    /// Notes how the caller, which has the lock, got it.
    #[inline]
    pub(super) fn enter(&self) -> Entered {
        Entered {
            unwinding: std::thread::panicking() && panicking(),
        }
    }

    /// Sets the flag if the holder, which is about to give the lock up, has begun to panic since it
    /// got it.
    #[inline]
    pub(super) fn leave(&self, entered: Entered) {
        if !entered.unwinding && unwinding::is_by_panic() {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the flag is set.
    #[inline]
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Clears the flag.
    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The result of whatever gives access to a value that may be poisoned.
#[inline]
pub(super) fn checked<G>(poisoned: bool, access: G) -> LockResult<G> {
    if poisoned {
        Err(PoisonError::new(access))
    } else {
        Ok(access)
    }
}

/// The result of a caller that has waited for so long: as of one that only tries, if it has no
/// access.
pub(super) fn in_time<G>(access: Option<LockResult<G>>) -> TryLockResult<G> {
    match access {
        Some(access) => Ok(access?),
        None => Err(TryLockError::WouldBlock),
    }
}
