//! The runtime of May: stackful coroutines over a fixed number of threads.
//!
//! Users depend on the facade crate `may`; this crate is where the parts live. The modules stand in
//! layers and import only from layers below their own, which `tests/tests/architecture.rs` checks:
//!
//! ```text
//! 16  serve
//! 15  runtime  select  future
//! 14  op
//! 13  copy  process
//! 12  spawn  stdio
//! 11  sync
//! 10  channel  fs  net  os  signal  time
//!  9  io  blocking
//!  8  operation
//!  7  park
//!  6  worker
//!  5  reactor
//!  4  wait
//!  3  coroutine
//!  2  stack  queue  timer  pool
//!  1  util
//!  0  prim  sys
//! ```
//!
//! Three invariants carry everything else; [`safety`] states them in full:
//!
//! * **I1** a coroutine that has started never changes its worker;
//! * **I2** there is one way to block, decided by one compare-and-swap;
//! * **I3** a stack is neither freed nor reused while a frame on it could still run or be borrowed
//!   from.

#![cfg_attr(may_tsan, feature(sanitize))]

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_vendor = "apple"
)))]
compile_error!(
    "May runs on Linux, Android, FreeBSD, macOS and the other systems of Apple; it does not run on \
     this target's operating system"
);

#[cfg(not(target_pointer_width = "64"))]
compile_error!("May runs on targets whose pointers have 64 bits; those of this target have not");

#[doc = include_str!("safety.md")]
pub mod safety {}

mod prim;
mod sys;
mod util;

mod pool;
mod queue;
mod stack;
mod timer;

pub mod coroutine;

mod wait;

mod reactor;

mod worker;

pub mod blocking;
mod operation;
pub mod park;

pub mod io;

pub mod channel;
pub mod fs;
pub mod net;
pub mod os;
pub mod signal;
pub mod sync;
pub mod time;

pub mod spawn;
pub mod stdio;

pub mod process;

pub mod copy;

#[doc(hidden)]
pub mod select;

pub mod op;

pub mod future;

pub mod runtime;

pub mod serve;

pub use stack::{ParseStackSizeError, StackSize};

#[cfg(may_loom)]
#[doc(hidden)]
pub mod models;
