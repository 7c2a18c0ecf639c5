//! The first of several operations.
//!
//! *Exactly one happens.* An operation is carried out in `attempt` or `withdraw` only, by the
//! caller, when no node of the others is in any queue; or by the one that commits the waiter,
//! through one node, after which no other can. So a caller that is active commits others and cannot
//! be committed itself: two selects that want each other need no lock on both and no order of
//! locks. If they look for each other at the same moment both find the other registered, withdraw
//! and try again; the commit word of the one that is still registered decides.
//!
//! *No wake-up is lost.* A wake-up goes to one operation, by the number that the commit leaves in
//! the word, and that one is carried out at once; so it uses the wake-up or finds that a faster
//! caller did. A wait that ends in another way was not committed.

use std::any::Any;
use std::fmt;
use std::pin::Pin;

use super::{Caller, Needs, OpFuture, Operation, Registration};
use crate::park;
use crate::util::random::with_random;

/// In which order operations that are possible are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// None: each of them is as likely as the others.
    Fair,
    /// As they are written.
    Biased,
}

/// One of several operations, whose type is known no longer.
pub trait Arm<R> {
    /// See [`Operation::attempt`].
    fn attempt(self: Pin<&mut Self>, by: Caller) -> Option<R>;

    /// See [`Operation::register`].
    fn register(self: Pin<&mut Self>, by: &Registration) -> bool;

    /// See [`Operation::withdraw`].
    fn withdraw(self: Pin<&mut Self>, by: Caller) -> Option<R>;

    /// See [`Operation::abandon`].
    fn abandon(self: Pin<&mut Self>);

    /// See [`Operation::is_committed`].
    fn is_committed(&self) -> bool;

    /// See [`Operation::needs`].
    fn needs(&self) -> Needs;

    /// See [`Operation::is_enabled`].
    fn is_enabled(&self) -> bool;

    /// See [`Operation::cancelled`].
    fn cancelled(self: Pin<&mut Self>) -> Option<R>;

    /// See [`Operation::at_deadline`].
    fn at_deadline(self: Pin<&mut Self>) -> Option<R> {
        None
    }

    /// See [`Operation::spend_budget`].
    fn spend_budget(&self) {
        park::spend_budget();
    }

    /// Starts what the arm needs to happen at all. Before the first registration; may panic.
    ///
    /// # Safety
    ///
    /// Before the arm goes or is leaked, the caller takes the outcome, or calls
    /// [`cancel_child`](Arm::cancel_child) and [`wait_for_child`](Arm::wait_for_child); also if it
    /// unwinds itself.
    unsafe fn start(self: Pin<&mut Self>) {}

    /// Whether there may be a coroutine that must not outlive the select.
    fn has_child(&self) -> bool {
        false
    }

    /// Cancels that coroutine, because the arm has lost.
    fn cancel_child(&self) {}

    /// Waits for the end of that coroutine. Nothing ends this wait, and nothing of the user's runs
    /// in it.
    fn wait_for_child(&self) {}

    /// Drops the result of that coroutine, which has ended; or returns what it raised, if it
    /// panicked. The result is the user's: this may panic.
    fn discard_child(self: Pin<&mut Self>) -> Option<Box<dyn Any + Send>> {
        None
    }
}

/// What an arm that has happened leaves to its body.
pub trait Finish {
    /// The outcome.
    type Output;

    /// Takes it out.
    fn finish(self: Pin<&mut Self>) -> Self::Output;
}

impl<O: Operation> Arm<O::Output> for O {
    #[inline]
    fn attempt(self: Pin<&mut Self>, by: Caller) -> Option<O::Output> {
        Operation::attempt(self, by)
    }

    #[inline]
    fn register(self: Pin<&mut Self>, by: &Registration) -> bool {
        Operation::register(self, by)
    }

    #[inline]
    fn withdraw(self: Pin<&mut Self>, by: Caller) -> Option<O::Output> {
        Operation::withdraw(self, by)
    }

    fn abandon(self: Pin<&mut Self>) {
        Operation::abandon(self);
    }

    #[inline]
    fn is_committed(&self) -> bool {
        Operation::is_committed(self)
    }

    fn needs(&self) -> Needs {
        Operation::needs(self)
    }

    fn is_enabled(&self) -> bool {
        Operation::is_enabled(self)
    }

    fn cancelled(self: Pin<&mut Self>) -> Option<O::Output> {
        Operation::cancelled(self)
    }

    fn at_deadline(self: Pin<&mut Self>) -> Option<O::Output> {
        Operation::at_deadline(self)
    }

    fn spend_budget(&self) {
        Operation::spend_budget(self);
    }
}

/// Several operations with one type of outcome.
pub trait Parts {
    /// The outcome of each.
    type Part;
    /// The outcome of the first.
    type Output;

    /// How many there are.
    #[doc(hidden)]
    fn count(&self) -> usize;

    /// One of them.
    #[doc(hidden)]
    fn part(&self, index: usize) -> &dyn Arm<Self::Part>;

    /// One of them, to be used. They are pinned with `self`.
    #[doc(hidden)]
    fn pinned(self: Pin<&mut Self>, index: usize) -> Pin<&mut dyn Arm<Self::Part>>;

    /// The outcome, if the one with this number was the first.
    #[doc(hidden)]
    fn outcome(index: usize, part: Self::Part) -> Self::Output;
}

/// What both the engine of `select!` and [`First`] do with their parts.
pub(crate) struct Several<'a, P: ?Sized> {
    pub(crate) parts: Pin<&'a mut P>,
    pub(crate) order: &'a mut Order,
}

/// In which order the parts were tried last, and are registered: of several on one queue the first
/// that is registered is committed first.
pub(crate) enum Order {
    /// As they are written.
    Written,
    /// The second of two is the first.
    Swapped,
    /// The numbers of no more parts than `select!` can have.
    Few([u16; Order::FEW]),
    /// The numbers of more parts.
    Many(Vec<u16>),
}

impl Order {
    /// For as many parts an order needs no allocation.
    const FEW: usize = 64;

    /// The numbers of this many parts, to be put in order.
    fn numbers(&mut self, parts: usize) -> &mut [u16] {
        if matches!(self, Order::Written | Order::Swapped) {
            let numbers = 0..=u16::MAX;
            *self = if parts <= Order::FEW {
                let mut few = [0; Order::FEW];
                few.iter_mut()
                    .zip(numbers)
                    .for_each(|(at, part)| *at = part);
                Order::Few(few)
            } else {
                Order::Many(numbers.take(parts).collect())
            };
        }
        match self {
            Order::Few(few) => &mut few[..parts],
            Order::Many(many) => many,
            Order::Written | Order::Swapped => unreachable!("there are numbers now"),
        }
    }

    /// The part in a place.
    fn at(&self, place: usize) -> usize {
        match self {
            Order::Written => place,
            Order::Swapped => 1 - place,
            Order::Few(few) => few[place].into(),
            Order::Many(many) => many[place].into(),
        }
    }
}

impl<P: Parts + ?Sized> Several<'_, P> {
    /// One of the parts, to be used.
    #[inline]
    fn part(&mut self, index: usize) -> Pin<&mut dyn Arm<P::Part>> {
        self.parts.as_mut().pinned(index)
    }

    /// Tries one of the parts.
    #[inline]
    fn attempt_at(&mut self, index: usize, by: Caller) -> Option<(usize, P::Part)> {
        Some((index, self.part(index).attempt(by)?))
    }

    /// Tries the parts; the number of the one that has happened, and its outcome.
    #[inline]
    pub(crate) fn attempt(&mut self, by: Caller, mode: Mode) -> Option<(usize, P::Part)> {
        match self.parts.count() {
            count if mode == Mode::Biased => {
                (0..count).find_map(|index| self.attempt_at(index, by))
            }
            // Two are the usual case, and one number decides their order.
            2 => {
                *self.order = match with_random(|random| random.below(2)) {
                    0 => Order::Written,
                    _ => Order::Swapped,
                };
                let (first, second) = (self.order.at(0), self.order.at(1));
                self.attempt_at(first, by)
                    .or_else(|| self.attempt_at(second, by))
            }
            count => self.attempt_in_random_order(count, by),
        }
    }

    /// Tries the parts in an order that is made as it is used up, by Fisher and Yates's shuffle. (A
    /// random start alone would over-serve the one behind a row of those that are never ready.)
    fn attempt_in_random_order(&mut self, count: usize, by: Caller) -> Option<(usize, P::Part)> {
        (0..count).find_map(|place| {
            // The attempt is outside of this: it may run user code, which may block (R5).
            let other = place + with_random(|random| random.below(count - place));
            let numbers = self.order.numbers(count);
            numbers.swap(place, other);
            let index = usize::from(numbers[place]);
            self.attempt_at(index, by)
        })
    }

    /// Registers the parts, up to the first that is found to be possible; true if one is.
    pub(crate) fn register(&mut self, by: &Registration) -> bool {
        (0..self.parts.count()).any(|place| {
            let index = self.order.at(place);
            self.part(index).register(by)
        })
    }

    /// Withdraws all, and last the one that was committed; its number and outcome, if it has
    /// happened.
    pub(crate) fn withdraw(&mut self, by: Caller) -> Option<(usize, P::Part)> {
        let (mut committed, mut happened) = (None, None);
        for index in 0..self.parts.count() {
            let mut part = self.part(index);
            if committed.is_none() && part.as_ref().is_committed() {
                committed = Some(index);
            } else if let Some(outcome) = part.as_mut().withdraw(by) {
                // Only of an operation that was written wrongly, and says that it was not
                // committed.
                happened = Some((index, outcome));
            }
        }
        let Some(index) = committed else {
            return happened;
        };
        let outcome = self.part(index).withdraw(by);
        outcome.map(|outcome| (index, outcome)).or(happened)
    }

    /// What all the parts need.
    pub(crate) fn needs(parts: &P) -> Needs {
        let needs = (0..parts.count()).map(|index| parts.part(index).needs());
        needs.fold(Needs::NONE, Needs::and)
    }

    /// The outcome of the caller's cancellation: of those parts for which it ranks highest.
    pub(crate) fn cancelled(&mut self) -> Option<(usize, P::Part)> {
        let rank = Several::needs(&*self.parts).cancellation;
        (0..self.parts.count()).find_map(|index| {
            let part = self.part(index);
            let ranks_highest = part.as_ref().needs().cancellation == rank;
            ranks_highest
                .then(|| part.cancelled())
                .flatten()
                .map(|outcome| (index, outcome))
        })
    }

    /// A last look at each, as the time is over.
    fn at_deadline(&mut self) -> Option<(usize, P::Part)> {
        (0..self.parts.count()).find_map(|index| Some((index, self.part(index).at_deadline()?)))
    }
}

pin_project_lite::pin_project! {
    /// The first of several operations that happens; from [`first`] and [`first_of`].
    #[must_use = "an operation does nothing until it is waited for"]
    pub struct First<P> {
        #[pin]
        parts: P,
        order: Order,
    }
}

/// The operation that happens when the first of several does; the others have not happened then.
/// `operations` is a tuple of two to twelve, with one type of outcome; [`map`](Operation::map)
/// changes that. Of several that are possible each is as likely as the others.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use may::{channel::unbounded, op::{self, Operation}};
///
/// let (sender, receiver) = unbounded();
/// sender.send(5).unwrap();
/// let soon = op::first((
///     op::recv(&receiver).map(Result::ok),
///     op::after(Duration::from_secs(5)).map(|()| None),
/// ));
/// assert_eq!(soon.wait(), Some(5));
/// ```
pub fn first<P: Parts>(operations: P) -> First<P> {
    First {
        parts: operations,
        order: Order::Written,
    }
}

/// The operation that happens when the first of any number of operations of one type does; the
/// others have not happened then. The outcome comes with the number of the operation: 0 for the
/// first, and so on. Of none it never happens.
///
/// # Panics
///
/// Panics if there are more than 65,535.
///
/// # Examples
///
/// ```
/// use may::{channel::unbounded, op::{self, Operation}};
///
/// let channels: Vec<_> = (0..3).map(|_| unbounded()).collect();
/// channels[1].0.send("hello").unwrap();
/// let any = op::first_of(channels.iter().map(|(_, receiver)| op::recv(receiver)));
/// assert_eq!(any.wait(), (1, Ok("hello")));
/// ```
pub fn first_of<O: Operation>(operations: impl IntoIterator<Item = O>) -> First<Row<O>> {
    let operations: Box<[O]> = operations.into_iter().collect();
    assert!(
        operations.len() <= usize::from(u16::MAX),
        "`first_of` was called with {} operations; it takes {} at most",
        operations.len(),
        u16::MAX
    );
    first(Row::new(operations))
}

impl<P: Parts> First<P> {
    /// The parts in their order.
    fn several(self: Pin<&mut Self>) -> Several<'_, P> {
        let this = self.project();
        Several {
            parts: this.parts,
            order: this.order,
        }
    }
}

impl<P: Parts> Operation for First<P> {
    #[inline]
    fn attempt(self: Pin<&mut Self>, by: Caller) -> Option<P::Output> {
        let (index, part) = self.several().attempt(by, Mode::Fair)?;
        Some(P::outcome(index, part))
    }

    fn register(self: Pin<&mut Self>, by: &Registration) -> bool {
        self.several().register(by)
    }

    fn withdraw(self: Pin<&mut Self>, by: Caller) -> Option<P::Output> {
        let (index, part) = self.several().withdraw(by)?;
        Some(P::outcome(index, part))
    }

    fn abandon(self: Pin<&mut Self>) {
        let mut several = self.several();
        (0..several.parts.count()).for_each(|index| several.part(index).abandon());
    }

    fn is_committed(&self) -> bool {
        (0..self.parts.count()).any(|index| self.parts.part(index).is_committed())
    }

    fn needs(&self) -> Needs {
        Several::needs(&self.parts)
    }

    fn is_enabled(&self) -> bool {
        (0..self.parts.count()).any(|index| self.parts.part(index).is_enabled())
    }

    fn cancelled(self: Pin<&mut Self>) -> Option<P::Output> {
        let (index, part) = self.several().cancelled()?;
        Some(P::outcome(index, part))
    }

    fn at_deadline(self: Pin<&mut Self>) -> Option<P::Output> {
        let (index, part) = self.several().at_deadline()?;
        Some(P::outcome(index, part))
    }
}

impl<P: Parts> IntoFuture for First<P> {
    type Output = P::Output;
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}

impl<P: Parts> fmt::Debug for First<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("First")
            .field("count", &self.parts.count())
            .finish_non_exhaustive()
    }
}

/// Any number of operations of one type; from [`first_of`].
pub struct Row<O>(Pin<Box<[O]>>);

impl<O> Row<O> {
    /// These operations.
    pub(super) fn new(operations: Box<[O]>) -> Row<O> {
        Row(operations.into())
    }
}

impl<O: Operation> Parts for Row<O> {
    type Part = O::Output;
    type Output = (usize, O::Output);

    fn count(&self) -> usize {
        self.0.len()
    }

    fn part(&self, index: usize) -> &dyn Arm<O::Output> {
        &self.0[index]
    }

    fn pinned(self: Pin<&mut Self>, index: usize) -> Pin<&mut dyn Arm<O::Output>> {
        let all = self.get_mut().0.as_mut();
        // SAFETY: (R6) the elements of a pinned slice are pinned: none of them is moved out of it.
        unsafe { all.map_unchecked_mut(|all| &mut all[index]) }
    }

    fn outcome(index: usize, part: O::Output) -> (usize, O::Output) {
        (index, part)
    }
}

impl<O> fmt::Debug for Row<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Row").field(&self.0.len()).finish()
    }
}

/// Implements [`Parts`] for tuples of one length.
macro_rules! tuple {
    ($count:literal: $($index:tt $operation:ident)+) => {
        impl<R, $($operation,)+> Parts for ($($operation,)+)
        where
            $($operation: Operation + IntoFuture<Output = R>,)+
        {
            type Part = R;
            type Output = R;

            fn count(&self) -> usize {
                $count
            }

            fn part(&self, index: usize) -> &dyn Arm<R> {
                match index {
                    $($index => &self.$index,)+
                    _ => unreachable!("there are {} operations", $count),
                }
            }

            fn pinned(self: Pin<&mut Self>, index: usize) -> Pin<&mut dyn Arm<R>> {
                // SAFETY: (R6) the fields of a pinned tuple are pinned: none of them is moved out
                // of it.
                unsafe {
                    match index {
                        $($index => self.map_unchecked_mut(|all| &mut all.$index),)+
                        _ => unreachable!("there are {} operations", $count),
                    }
                }
            }

            fn outcome(_index: usize, part: R) -> R {
                part
            }
        }
    };
}

tuple!(2: 0 A 1 B);
tuple!(3: 0 A 1 B 2 C);
tuple!(4: 0 A 1 B 2 C 3 D);
tuple!(5: 0 A 1 B 2 C 3 D 4 E);
tuple!(6: 0 A 1 B 2 C 3 D 4 E 5 F);
tuple!(7: 0 A 1 B 2 C 3 D 4 E 5 F 6 G);
tuple!(8: 0 A 1 B 2 C 3 D 4 E 5 F 6 G 7 H);
tuple!(9: 0 A 1 B 2 C 3 D 4 E 5 F 6 G 7 H 8 I);
tuple!(10: 0 A 1 B 2 C 3 D 4 E 5 F 6 G 7 H 8 I 9 J);
tuple!(11: 0 A 1 B 2 C 3 D 4 E 5 F 6 G 7 H 8 I 9 J 10 K);
tuple!(12: 0 A 1 B 2 C 3 D 4 E 5 F 6 G 7 H 8 I 9 J 10 K 11 L);
