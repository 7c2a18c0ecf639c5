//! Waiting for the first of several operations.
//!
//! The macro `select!` of the facade expands to a call of [`select`] over the events of its arms;
//! [`Select`] is for a set that is known only at run time.
//!
//! * [`engine`]: the first of several arms; [`arm`]: an operation as an arm
//! * [`expansion`]: what else an expansion of `select!` needs
//! * [`operation`]: from what users write in an arm to the arm
//! * [`reach`]: from what they name there to what the operation is for
//! * [`run`](mod@run): blocking code as an arm
//! * [`own`]: times, and the caller's own cancellation
//! * [`dynamic`]: the type [`Select`]
//! * [`cqueue`]: the completion queues of May 0.3

mod arm;
pub mod cqueue;
mod dynamic;
mod engine;
#[doc(hidden)]
pub mod expansion;
mod operation;
mod own;
mod reach;
mod run;

#[doc(hidden)]
pub use crate::operation::{Arm, Finish, Mode};
pub use arm::OpArm;
pub use dynamic::{Select, SelectTimeoutError, Selected, TrySelectError};
pub use engine::{AnyArm, select, select_or_default};
pub use operation::{
    CountedSemaphore, IntoArm, accept, acquire, acquire_many, acquire_many_owned, acquire_owned,
    cancelled_by, changed, closed, connect, join, join_next, lock, on, peek, read, read_lock,
    read_vectored, readable, recv, recv_from, reserve, send_to, tick, wait, writable, write,
    write_lock, write_vectored,
};
pub use own::{MaybeDuration, MaybeInstant, OwnCancellation, after, at, cancelled, never};
pub use reach::{Reach, ReachMut};
pub use run::{RunArm, run, run_expression};
