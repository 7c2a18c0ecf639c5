//! The loop of a select, the same for all: nothing here is generic over the arms.
//!
//! ```text
//!   1  offer      each arm is tried without waiting, in random order (or as they are written); the first success wins
//!   2  register   one node for each arm, all with the same ticket; if one is ready now: withdraw all, and back to 1
//!   3  wait       one compare-and-swap on the caller's commit word decides who ends it
//!   4  withdraw   every node, before anything else happens
//!   5  confirm    the arm that was committed carries its operation out; if somebody was faster, back to 1
//! ```
//!
//! *Exactly one arm happens.* An operation is carried out in step 1 or 5 only, by the caller, when no node of it is in any queue; or
//! by whoever commits it in step 3, through one node, after which nobody else can. So a select that is active, in step 1, commits
//! others and cannot be committed itself: two selects that want each other need no lock on both and no order of locks. If they look
//! for each other at the same moment both find the other registered, withdraw and try again; the commit word of whoever is still
//! registered decides.
//!
//! Arms that run code of the user's do so in coroutines of their own, which are started before step 2 and have ended before the select
//! does, whether it returns or unwinds.
//!
//! *No wake-up is lost.* A wake-up goes to one arm, by the number that the commit leaves in the word, and that arm tries its
//! operation at once; so it uses the wake-up or finds that somebody faster did. A wait that ends in another way was not committed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::coroutine::{shield, unwinding};
use crate::event::RawEvent;
use crate::park::{self, Many, WaitedForAny};
use crate::spawn::task::drop_contained;
use crate::util::clock::Deadline;
use crate::util::random::Random;
use crate::wait::Registration;

/// In which order arms that are ready are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// None: each of them is as likely as the others.
    Fair,
    /// As they are written.
    Biased,
}

/// The arms of one select.
struct Arms<'a, 'b> {
    events: &'a mut [&'b mut dyn RawEvent],
    /// In which order they were tried last, and are registered: of several arms on one queue the first that is registered is committed
    /// first.
    order: Order,
}

/// An order of arms.
enum Order {
    /// As they are written.
    Written,
    /// The second of two arms is the first.
    Swapped,
    /// The numbers of no more arms than `select!` can have.
    Few([u16; Order::FEW]),
    /// The numbers of more arms.
    Many(Vec<u16>),
}

impl Order {
    /// For as many arms an order needs no allocation.
    const FEW: usize = 64;

    /// The numbers of this many arms, to be put in order.
    fn numbers(&mut self, arms: usize) -> &mut [u16] {
        if matches!(self, Order::Written | Order::Swapped) {
            let numbers = 0..=u16::MAX;
            *self = if arms <= Order::FEW {
                let mut few = [0; Order::FEW];
                few.iter_mut().zip(numbers).for_each(|(at, arm)| *at = arm);
                Order::Few(few)
            } else {
                Order::Many(numbers.take(arms).collect())
            };
        }
        match self {
            Order::Few(few) => &mut few[..arms],
            Order::Many(many) => many,
            Order::Written | Order::Swapped => unreachable!("there are numbers now"),
        }
    }
}

impl Many for Arms<'_, '_> {
    fn register(&mut self, by: &Registration) -> bool {
        let events = &mut *self.events;
        match &self.order {
            Order::Written => (0..=u16::MAX)
                .zip(events.iter_mut())
                .any(|(arm, event)| event.register(by, arm)),
            Order::Swapped => events[1].register(by, 1) || events[0].register(by, 0),
            Order::Few(numbers) => register_as(&numbers[..events.len()], events, by),
            Order::Many(numbers) => register_as(numbers, events, by),
        }
    }

    fn withdraw(&mut self) {
        self.events.iter_mut().for_each(|event| event.withdraw());
    }
}

impl Arms<'_, '_> {
    /// Tries all arms; the number of the one that has happened.
    #[inline]
    fn offer(&mut self, mode: Mode) -> Option<usize> {
        if mode == Mode::Biased {
            return self.events.iter_mut().position(|event| event.offer());
        }
        with_random(|random| match &mut *self.events {
            // Two are the usual case, and one number decides their order.
            [first, second] => match random.below(2) {
                0 => {
                    self.order = Order::Written;
                    match first.offer() {
                        true => Some(0),
                        false => second.offer().then_some(1),
                    }
                }
                _ => {
                    self.order = Order::Swapped;
                    match second.offer() {
                        true => Some(1),
                        false => first.offer().then_some(0),
                    }
                }
            },
            events => offer_in_random_order(events, &mut self.order, random),
        })
    }

    /// When the first arm becomes possible by itself.
    fn due(&self) -> Deadline {
        let dues = self.events.iter().map(|event| event.due().0);
        dues.fold(Deadline::NEVER, Deadline::min)
    }

    /// The arm that is the caller's own cancellation.
    fn own_cancellation(&self) -> Option<usize> {
        self.events
            .iter()
            .position(|event| event.is_own_cancellation())
    }
}

/// Tries events in an order that is made as it is used up, by Fisher and Yates's shuffle. (A random start alone would over-serve the
/// one behind a row of those that are never ready.)
fn offer_in_random_order(
    events: &mut [&mut dyn RawEvent],
    order: &mut Order,
    random: &Random,
) -> Option<usize> {
    let order = order.numbers(events.len());
    for tried in 0..order.len() {
        order.swap(tried, tried + random.below(order.len() - tried));
        let arm = usize::from(order[tried]);
        if events[arm].offer() {
            return Some(arm);
        }
    }
    None
}

/// Registers events in an order, up to the first that is ready.
fn register_as(order: &[u16], events: &mut [&mut dyn RawEvent], by: &Registration) -> bool {
    order
        .iter()
        .any(|&arm| events[usize::from(arm)].register(by, arm))
}

/// Calls `f` with a generator of the thread's own.
fn with_random<R>(f: impl FnOnce(&Random) -> R) -> R {
    thread_local! {
        static RANDOM: Random = Random::new();
    }
    RANDOM.with(f)
}

/// Waits for the first of the events, and returns its number; that one has happened then, and the others have not. `None` if none of
/// them can ever happen.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here, and none of them has happened; unless one of them is that cancellation.
pub fn select(events: &mut [&mut dyn RawEvent], mode: Mode) -> Option<usize> {
    if !events.iter().any(|event| event.is_enabled()) {
        return None;
    }
    spend_budget(events);
    if !events.iter().any(|event| event.has_child()) {
        return first(events, mode);
    }
    // The coroutines of arms may borrow from the caller's frame. So nothing unwinds before all of them have ended, and what they have
    // left is dropped after that: its destructors may panic.
    let winner = catch_unwind(AssertUnwindSafe(|| first(events, mode)));
    let won = winner.as_ref().ok().copied().flatten();
    let mut losers: Vec<_> = (0..)
        .zip(events.iter_mut())
        .filter_map(|(arm, event)| (Some(arm) != won).then_some(event))
        .collect();
    losers.iter().for_each(|event| event.cancel_child());
    losers.iter().for_each(|event| event.wait_for_child());
    let discard = |event: &mut &mut &mut dyn RawEvent| {
        catch_unwind(AssertUnwindSafe(|| shield(|| event.discard_child()))).unwrap_or_else(Some)
    };
    let raised: Vec<_> = losers.iter_mut().filter_map(discard).collect();
    let mut payloads = winner.err().into_iter().chain(raised);
    let Some(payload) = payloads.next() else {
        return won;
    };
    payloads.for_each(drop_contained);
    unwinding::resume(payload)
}

/// Gives the others a turn now and then. A cancellation that is one of the events does not unwind here either.
#[inline]
fn spend_budget(events: &[&mut dyn RawEvent]) {
    if park::budget_is_spent() {
        if events.iter().any(|event| event.is_own_cancellation()) {
            shield(park::yield_now);
        } else {
            park::yield_now();
        }
    }
}

/// The loop.
fn first(events: &mut [&mut dyn RawEvent], mode: Mode) -> Option<usize> {
    let mut arms = Arms {
        events,
        order: Order::Written,
    };
    loop {
        if let Some(arm) = arms.offer(mode) {
            return Some(arm);
        }
        for event in arms.events.iter_mut() {
            // SAFETY: (docs/safety.md, I3) `select` has what was started ended, whether this returns or unwinds.
            unsafe { event.start() };
        }
        let own = arms.own_cancellation();
        let due = arms.due();
        match park::wait_any(&mut arms, due, own.is_some()) {
            WaitedForAny::Committed(arm) => {
                let arm = usize::from(arm);
                if arms.events[arm].confirm() {
                    return Some(arm);
                }
            }
            WaitedForAny::Cancelled => return own,
            WaitedForAny::TimedOut | WaitedForAny::Again => {}
        }
    }
}

/// Tries the events, and returns the number of the one that has happened; `None` if none of them could now.
pub fn select_or_default(events: &mut [&mut dyn RawEvent], mode: Mode) -> Option<usize> {
    spend_budget(events);
    let order = Order::Written;
    Arms { events, order }.offer(mode)
}
