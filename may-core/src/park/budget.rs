//! The budget of a coroutine's turn: how many calls that need not wait it may make before the
//! others of its worker have theirs, so that no busy peer keeps a worker to itself.

use std::task::{Context, Poll};

use super::{may_suspend, yield_now};
use crate::coroutine::{current, shield};
use crate::worker::{self, with_local};

/// Counts a call that may succeed at once; a coroutine whose budget is spent gives the others a
/// turn first, so that no busy peer keeps a worker to itself.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here if its budget is spent.
#[inline]
pub(crate) fn spend_budget() {
    if budget_is_spent() {
        give_turn();
    }
}

/// Lets the others run first. It is seldom called, so the switch is not worth a place in each
/// caller.
#[cold]
fn give_turn() {
    yield_now();
}

/// As [`spend_budget`], for a call that never waits: callers hold std's locks across those, and the
/// next coroutine that wants such a lock would stop the worker. So with the budget spent the caller
/// goes on, unless others are so far behind that `is_due` wants them to run.
#[inline]
pub(crate) fn spend_budget_if(is_due: impl FnOnce() -> bool) {
    if budget_is_spent_and(is_due) {
        give_turn();
    }
}

/// As [`spend_budget`], for a call that waits only if it has to, and unwinds only then.
#[inline]
pub(crate) fn spend_budget_of_lock() {
    if budget_is_spent() {
        yield_behind_shield();
    }
}

/// Counts a call that tries something and never waits. Since it is to return at once, it gives the
/// others a turn only if they have not had any for a long time.
#[inline]
pub(crate) fn count_try() {
    if worker::has_tried_for_long() && may_suspend() {
        yield_behind_shield();
    }
}

/// Lets the others run first; the caller's cancellation can wait.
#[cold]
fn yield_behind_shield() {
    shield(yield_now);
}

/// Counts such a call; true if the caller is to give the others a turn.
#[inline]
pub(crate) fn budget_is_spent() -> bool {
    budget_is_spent_and(|| true)
}

/// Counts such a call; true if the caller is to give the others a turn, and `is_due` says so, too.
#[inline]
fn budget_is_spent_and(is_due: impl FnOnce() -> bool) -> bool {
    !worker::spend() && is_due() && may_give_turn()
}

/// Whether a caller whose budget is spent may suspend. The worker is to have a look at the time
/// then.
#[cold]
fn may_give_turn() -> bool {
    with_local(|local| {
        if let Some(local) = local {
            local.check_maintenance();
        }
    });
    may_suspend()
}

/// As [`spend_budget`], for the poll of a future: with the budget spent the future wakes itself and
/// is pending, so its executor can let others run. (A poll does not suspend by itself. Its caller
/// may hold a lock of std's, as the halves of `tokio::io::split` do, and the next coroutine of this
/// worker would stop the thread on it.)
#[inline]
pub(crate) fn poll_budget(context: &Context<'_>) -> Poll<()> {
    if worker::spend() {
        return Poll::Ready(());
    }
    with_local(|local| {
        if let Some(local) = local {
            local.check_maintenance();
            // Also a caller that polls again at once, and suspends nowhere, gets on.
            local.renew_budget();
        }
    });
    if !current::is_coroutine() {
        return Poll::Ready(());
    }
    context.waker().wake_by_ref();
    Poll::Pending
}
