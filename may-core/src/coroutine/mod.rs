//! What a coroutine is.
//!
//! ```text
//!   spawn             first run        wait, yield           end
//!   -----> unstarted -----------> running <-------> suspended -----> ended
//!          a block                a block and a stack                a block, until the last
//!                                                                    handle is gone
//! ```
//!
//! What holds for plain threads, too:
//!
//! * [`strand`]: the state of what runs code that may block
//! * [`commit_word`]: the word that decides how a wait ends
//! * [`request`]: what may be asked of a strand without knowing what it waits for
//! * [`thread`]: what a plain thread has in place of a header
//! * [`current`]: what runs on this thread
//! * [`cancel`], [`unwinding`]: unwinding on request, and which strands unwind
//! * [`limit`]: deadlines around code
//!
//! What coroutines have alone:
//!
//! * [`block`]: the memory of one coroutine, recycled through the worker that spawned it
//! * [`header`]: the part of that memory that every thread may look at, and references to it
//! * [`frame`]: resuming and suspending
//! * [`home`], [`sleep`]: where a wake-up is sent, and whether the worker there sleeps
//! * `panic_count`: the panics that std counts on a worker's thread
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
pub(crate) mod strand;
pub(crate) mod thread;
pub(crate) mod unwinding;

pub use cancel::{Cancelled, forbid_blocking, panicking, shield};
pub use locals::{AccessError, LocalKey, OnThread};
