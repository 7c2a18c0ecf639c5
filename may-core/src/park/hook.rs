//! A panic hook that waits.
//!
//! Hooks share locks and lazy values of std's, which block a thread. A second coroutine that panics
//! while the hook of the first is suspended would stop the worker. Where the count of panics cannot
//! be moved (`coroutine/panic_count.rs`), its panic would even end the process. So no other
//! coroutine runs on a worker while a coroutine's hook waits. The coroutine keeps the worker, which
//! polls, counts the time and takes in wake-ups, for as long as that may be ([`PATIENCE`]). Then it
//! suspends, since what it waits for may be a neighbour.
//!
//! A destructor that runs because of a panic is to suspend at once, and std has no call that tells
//! a hook from such a destructor. But the frame that calls the hook lies on the stack while the
//! hook runs, and has gone when the stack is unwound; so its name is looked for there. That takes
//! some ten microseconds (the first time as long as it takes to read the program's symbols), and
//! concerns only a coroutine that panics and waits. In a program without symbols the name cannot be
//! found, and the worker is kept for a moment ([`DOUBT`]).

use std::backtrace::Backtrace;
use std::ptr::NonNull;
use std::thread;
use std::time::Duration;

use crate::coroutine::header::Header;
use crate::coroutine::unwinding;
use crate::util::clock::Deadline;
use crate::worker::with_local;

/// For how long a hook that waits keeps its worker.
const PATIENCE: Duration = Duration::from_secs(1);
/// For how long what may be a hook keeps it.
const DOUBT: Duration = Duration::from_millis(5);
/// The function of std's that calls hooks, or how its name ends.
const CALLS_HOOKS: &str = "panic_with_hook";
/// A function that is on the stack whenever it is looked at.
const LOOKS: &str = "keeps_its_worker_for";

/// Waits on behalf of the running coroutine, which has opened its wait or is queued, if it is in a
/// panic hook. No other coroutine runs on its worker meanwhile. True if it has been sent home by
/// then, and taken out of the queue. For a thread on which a coroutine unwinds.
#[cold]
pub(super) fn waits(coroutine: NonNull<Header>) -> bool {
    let time = if unwinding::is_by_panic() {
        keeps_its_worker_for()
    } else {
        Duration::ZERO
    };
    // What runs in the closure is the worker's own code, which holds nothing of its cells across a
    // waker (R4, R5).
    !time.is_zero()
        && with_local(|local| {
            local.is_some_and(|local| local.attend(coroutine, Deadline::after(time)))
        })
}

/// For how long a coroutine that panics and waits keeps its worker: not at all unless it is in the
/// hook.
#[inline(never)]
fn keeps_its_worker_for() -> Duration {
    let stack = Backtrace::force_capture();
    // Finding the names takes more of a stack than a coroutine may have.
    let names = thread::Builder::new().spawn(move || stack.to_string());
    let names = names.ok().and_then(|names| names.join().ok());
    match names.unwrap_or_default() {
        names if names.contains(CALLS_HOOKS) => PATIENCE,
        names if names.contains(LOOKS) => Duration::ZERO,
        _ => DOUBT,
    }
}
