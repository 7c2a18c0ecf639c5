//! What a coroutine is.
//!
//! ```text
//!   spawn             first run        wait, yield           end
//!   -----> unstarted -----------> running <-------> suspended -----> ended
//!          a block                a block and a stack                a block, until the last
//!                                                                    handle is gone
//! ```
//!
//! * [`block`]: the memory of one coroutine, recycled through the worker that spawned it
//! * [`header`]: the part of that memory that every thread may look at, and references to it
//! * [`commit_word`]: the word that decides how a wait ends
//! * [`request`]: what may be asked of a waiter without knowing what it waits for
//! * [`frame`]: resuming and suspending
//! * [`home`], [`sleep`]: where a wake-up is sent, and whether the worker there sleeps
//! * [`current`]: which coroutine runs on this thread
//! * [`cancel`], [`unwinding`]: unwinding on request, and who unwinds
//! * `panic_count`: the panics that std counts on a worker's thread
//! * [`limit`]: deadlines around code
//! * [`report`]: a panic is reported under the coroutine's name
//! * [`locals`]: coroutine-local storage

pub(crate) mod block;
pub(crate) mod cancel;
pub(crate) mod commit_word;
pub(crate) mod current;
pub(crate) mod frame;
pub(crate) mod header;
pub(crate) mod home;
pub(crate) mod limit;
pub(crate) mod locals;
#[cfg(all(unix, panic = "unwind", not(any(may_loom, may_tsan))))]
pub(crate) mod panic_count;
pub(crate) mod report;
pub(crate) mod request;
pub(crate) mod sleep;
pub(crate) mod unwinding;

pub use cancel::{Cancelled, forbid_blocking, panicking, shield};
pub use locals::{AccessError, LocalKey, OnThread};
