//! What an expansion of `select!` needs besides the events and the engine.

use std::convert::Infallible;
use std::mem::ManuallyDrop;
use std::pin::Pin;

use crate::operation::{Finish, Mode};

pub use Outcome::{Other, This};

/// The outcome of one of several arms: of the first, or of one of the others, which are nested.
/// Behind the last one there is none.
///
/// Not an enum in the expansion: the bodies of the arms would see it.
#[derive(Debug)]
pub enum Outcome<A, B> {
    /// That of the first arm.
    This(A),
    /// That of another one.
    Other(B),
}

/// The outcome of the last arm.
pub fn last<A>(outcome: A) -> Outcome<A, Infallible> {
    This(outcome)
}

/// What can be [held](hold).
pub trait Hold {
    /// The same without destructors.
    type Held;

    /// Takes the destructors away.
    fn hold(self) -> Self::Held;
}

impl<A, B: Hold> Hold for Outcome<A, B> {
    type Held = Outcome<ManuallyDrop<A>, B::Held>;

    #[inline]
    fn hold(self) -> Self::Held {
        match self {
            This(outcome) => This(ManuallyDrop::new(outcome)),
            Other(others) => Other(others.hold()),
        }
    }
}

impl Hold for Infallible {
    type Held = Infallible;

    fn hold(self) -> Infallible {
        self
    }
}

/// Makes what the bodies are chosen by. It has no destructor, so whichever body runs, the compiler
/// knows that nothing of what the other arms would have got (a guard, a right to send) is still
/// borrowed. The first thing that a body does is [`take`].
#[inline]
pub fn hold<O: Hold>(outcome: O) -> O::Held {
    outcome.hold()
}

/// Takes the outcome of an arm.
#[inline]
pub fn take<A>(held: ManuallyDrop<A>) -> A {
    ManuallyDrop::into_inner(held)
}

/// The mode without `biased`.
pub const FAIR: Mode = Mode::Fair;
/// The mode with `biased`.
pub const BIASED: Mode = Mode::Biased;

/// Takes the outcome out of an arm that has happened.
#[inline]
pub fn finish<A: Finish>(arm: Pin<&mut A>) -> A::Output {
    arm.finish()
}

/// Ends a select that would wait forever.
///
/// # Panics
///
/// Always; `arms` are named.
#[cold]
#[track_caller]
pub fn all_disabled(arms: &[&str]) -> ! {
    panic!(
        "every arm of this `select!` is disabled, so it would wait forever: `{}`\n\
         help: add a `default` arm",
        arms.join("`, `")
    )
}

/// The same where a `default` is compiled away: of the type of its outcome, since nothing else says
/// then of what type the outcomes are.
///
/// # Panics
///
/// Always.
#[cold]
#[track_caller]
pub fn all_disabled_without_default(arms: &[&str]) {
    all_disabled(arms)
}

/// Stands where nothing comes to: in arms that are not compiled, or could not be read.
///
/// # Panics
///
/// Always.
#[cold]
#[track_caller]
pub fn unreachable_arm() -> ! {
    unreachable!("an arm that does not exist has won")
}
