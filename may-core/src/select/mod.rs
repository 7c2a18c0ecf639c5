//! Waiting for the first of several operations.
//!
//! The macro `select!` of the facade expands to a call of [`select`] over the events of its arms; [`Select`] is for a set that is
//! known only at run time.
//!
//! * [`engine`]: the loop: offer, register, wait, withdraw, confirm
//! * [`expansion`]: what else an expansion of `select!` needs
//! * [`operation`]: from what users write in an arm to an event
//! * [`reach`]: from what they name there to what the operation is for
//! * [`own`]: times, and the caller's own cancellation
//! * [`signal`]: events of users' own
//! * [`dynamic`]: the type [`Select`]
//! * [`cqueue`]: the completion queues of May 0.3

pub mod cqueue;
mod dynamic;
mod engine;
#[doc(hidden)]
pub mod expansion;
mod operation;
mod own;
mod reach;
mod signal;

pub use crate::spawn::{run, run_expression};
pub use crate::time::AfterEvent;
pub use dynamic::{Select, SelectTimeoutError, Selected, TrySelectError};
pub use engine::{Mode, select, select_or_default};
pub use operation::{
    Joinable, RecvFrom, SendTo, Waitable, accept, acquire, acquire_many, cancelled_by, join, lock,
    read, readable, recv, send, tick, wait, writable, write,
};
pub use own::{MaybeDuration, MaybeInstant, OwnCancellation, after, at, cancelled, never};
pub use reach::{Reach, ReachMut};
pub use signal::{Event, OnEvent, Signal, on};
