//! What an expansion of `select!` needs besides the events and the engine.

use crate::event::Finish;
use crate::select::Mode;

pub use Outcome::{Other, This};

/// The outcome of one of several arms: of the first, or of one of the others. The others are nested, and the last one stands alone.
///
/// Not an enum in the expansion: the bodies of the arms would see it.
#[derive(Debug)]
pub enum Outcome<A, B> {
    /// That of the first arm.
    This(A),
    /// That of another one.
    Other(B),
}

/// The mode without `biased`.
pub const FAIR: Mode = Mode::Fair;
/// The mode with `biased`.
pub const BIASED: Mode = Mode::Biased;

/// Takes the outcome out of an event that has happened.
#[inline]
pub fn finish<E: Finish>(event: E) -> E::Output {
    event.finish()
}

/// Ends a select that would wait for ever.
///
/// # Panics
///
/// Always; `arms` are named.
#[cold]
#[track_caller]
pub fn all_disabled(arms: &[&str]) -> ! {
    panic!(
        "every arm of this `select!` is disabled, so it would wait for ever: `{}`\n\
         help: add a `default` arm",
        arms.join("`, `")
    )
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
