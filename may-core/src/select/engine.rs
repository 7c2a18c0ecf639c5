//! The loop of a select, the same for all: nothing here is generic over the arms.
//!
//! ```text
//!   1  attempt    each arm is tried without waiting, in random order (or as they are written); the first success wins
//!   2  register   one node for each arm, all for the same wait; if one is ready now: withdraw all, and back to 1
//!   3  wait       one compare-and-swap on the caller's commit word decides who ends it
//!   4  withdraw   every arm, and last the one that was committed, which carries its operation out; if another caller was faster, back to 1
//! ```
//!
//! That is the first of several operations (`operation/first.rs`, which says why exactly one
//! happens and no wake-up is lost), waited for like any operation (`operation/wait.rs`). What is
//! more here: arms that run code of the user's. They do so in coroutines of their own, which are
//! started before step 2 and have ended before the select does, whether it returns or unwinds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};

use crate::coroutine::{shield, unwinding};
use crate::operation::{
    Arm, Caller, Mode, Needs, OpFuture, Operation, Order, Parts, Registration, Several, wait_for,
};
use crate::park;
use crate::spawn::task::drop_contained;
use crate::util::clock::Deadline;

/// An arm of a select: when it happens its outcome stays in it.
pub type AnyArm<'a> = Pin<&'a mut (dyn Arm<()> + 'a)>;

/// The arms of one select.
struct Arms<'a, 'b> {
    arms: &'a mut [AnyArm<'b>],
    order: Order,
    mode: Mode,
}

impl<'b> Parts for [AnyArm<'b>] {
    type Part = ();
    type Output = usize;

    fn count(&self) -> usize {
        self.len()
    }

    fn part(&self, index: usize) -> &dyn Arm<()> {
        &*self[index]
    }

    fn pinned(self: Pin<&mut Self>, index: usize) -> Pin<&mut dyn Arm<()>> {
        self.get_mut()[index].as_mut()
    }

    fn outcome(index: usize, (): ()) -> usize {
        index
    }
}

impl<'b> Arms<'_, 'b> {
    /// The arms and their order.
    fn several(&mut self) -> Several<'_, [AnyArm<'b>]> {
        Several {
            parts: Pin::new(self.arms),
            order: &mut self.order,
        }
    }

    /// Whether the caller's own cancellation is one of the arms.
    fn takes_cancellation(&self) -> bool {
        Several::needs(self.arms).takes_cancellation()
    }
}

/// The number of the first arm that happens. It borrows the arms, and is waited for in this module
/// only.
impl Operation for Arms<'_, '_> {
    fn attempt(mut self: Pin<&mut Self>, by: Caller) -> Option<usize> {
        let mode = self.mode;
        if let Some((arm, ())) = self.several().attempt(by, mode) {
            return Some(arm);
        }
        for arm in self.arms.iter_mut() {
            // SAFETY: (I3) `select` has what was started ended, whether this returns or unwinds.
            unsafe { arm.as_mut().start() };
        }
        None
    }

    fn register(mut self: Pin<&mut Self>, by: &Registration) -> bool {
        self.several().register(by)
    }

    fn withdraw(mut self: Pin<&mut Self>, by: Caller) -> Option<usize> {
        Some(self.several().withdraw(by)?.0)
    }

    fn abandon(self: Pin<&mut Self>) {
        unreachable!("a select is waited for until it has happened")
    }

    fn is_committed(&self) -> bool {
        self.arms.iter().any(|arm| arm.is_committed())
    }

    fn needs(&self) -> Needs {
        Several::needs(self.arms)
    }

    fn cancelled(mut self: Pin<&mut Self>) -> Option<usize> {
        Some(self.several().cancelled()?.0)
    }

    /// A cancellation that is one of the arms does not unwind here either.
    fn spend_budget(&self) {
        if park::budget_is_spent() {
            match self.takes_cancellation() {
                true => shield(park::yield_now),
                false => park::yield_now(),
            }
        }
    }
}

impl IntoFuture for Arms<'_, '_> {
    type Output = usize;
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}

/// Waits for the first of the arms, and returns its number; that one has happened then, and the
/// others have not. `None` if none of them can ever happen.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here, and none of them has happened; unless one of them is that
/// cancellation.
pub fn select(arms: &mut [AnyArm<'_>], mode: Mode) -> Option<usize> {
    if !arms.iter().any(|arm| arm.is_enabled()) {
        return None;
    }
    if !arms.iter().any(|arm| arm.has_child()) {
        return first(arms, mode);
    }
    // The coroutines of arms may borrow from the caller's frame. So nothing unwinds before all of
    // them have ended, and what they have left is dropped after that: its destructors may panic.
    let winner = catch_unwind(AssertUnwindSafe(|| first(arms, mode)));
    let won = winner.as_ref().ok().copied().flatten();
    let mut losers: Vec<_> = (0..)
        .zip(arms.iter_mut())
        .filter_map(|(arm, event)| (Some(arm) != won).then_some(event))
        .collect();
    losers.iter().for_each(|arm| arm.cancel_child());
    losers.iter().for_each(|arm| arm.wait_for_child());
    let discard = |arm: &mut &mut AnyArm<'_>| {
        catch_unwind(AssertUnwindSafe(|| shield(|| arm.as_mut().discard_child())))
            .unwrap_or_else(Some)
    };
    let raised: Vec<_> = losers.iter_mut().filter_map(discard).collect();
    let mut payloads = winner.err().into_iter().chain(raised);
    let Some(payload) = payloads.next() else {
        return won;
    };
    payloads.for_each(drop_contained);
    unwinding::resume(payload)
}

fn first(arms: &mut [AnyArm<'_>], mode: Mode) -> Option<usize> {
    let order = Order::Written;
    wait_for(pin!(Arms { arms, order, mode }), Deadline::NEVER)
}

/// Tries the arms, and returns the number of the one that has happened; `None` if none of them
/// could now.
pub fn select_or_default(arms: &mut [AnyArm<'_>], mode: Mode) -> Option<usize> {
    let order = Order::Written;
    let mut arms = Arms { arms, order, mode };
    Operation::spend_budget(&arms);
    let (arm, ()) = arms.several().attempt(Caller::Blocks, mode)?;
    Some(arm)
}
