//! The runtime of May: stackful coroutines over a fixed number of threads.
//!
//! Users depend on the facade crate `may`; this crate is where the parts live. The modules stand in layers and import
//! only from layers below their own, which `tests/tests/architecture.rs` checks:
//!
//! ```text
//! 10  runtime
//!  9  spawn
//!  8  channel  net  signal  sync  time
//!  7  io
//!  6  park  blocking
//!  5  worker
//!  4  reactor
//!  3  wait
//!  2  coroutine
//!  1  stack  queue  timer
//!  0  prim  sys  util
//! ```
//!
//! Three invariants carry everything else; `docs/safety.md` states them in full:
//!
//! * **I1** a coroutine that has started never changes its worker;
//! * **I2** there is one way to block, decided by one compare-and-swap;
//! * **I3** a stack is neither freed nor reused while a frame on it could still run or be borrowed from.

mod prim;
mod sys;
mod util;

mod queue;
mod stack;
mod timer;

pub mod coroutine;

mod wait;

mod reactor;

mod worker;

mod blocking;
pub mod park;

mod io;

pub mod channel;
pub mod net;
pub mod signal;
pub mod sync;
pub mod time;

pub mod spawn;

pub mod runtime;

pub use stack::{ParseStackSizeError, StackSize};

#[cfg(may_loom)]
#[doc(hidden)]
pub mod models;
