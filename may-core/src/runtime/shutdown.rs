//! Waiting for a runtime's end, as everything here waits: a coroutine of another runtime is
//! suspended, a thread sleeps.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::coroutine::shield;
use crate::operation;
use crate::util::clock::Deadline;
use crate::worker::Shared;

/// How long threads have at least to end when their workers have.
const THREAD_GRACE: Duration = Duration::from_millis(50);

/// The error of a shutdown that left something behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownError {
    coroutines: usize,
    /// Threads of workers that have ended.
    threads: usize,
}

impl ShutdownError {
    /// How many coroutines were given up.
    #[must_use]
    pub fn coroutines(&self) -> usize {
        self.coroutines
    }
}

impl fmt::Display for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.threads > 0 {
            return write!(
                f,
                "all coroutines have ended, but the threads of {} workers had not when the time for the shutdown was over\n\
                 help: look for destructors of thread-locals that take long, or wait for the caller",
                self.threads
            );
        }
        write!(
            f,
            "{} coroutines had not ended when the time for the shutdown was over, and were given up\n\
             help: look for long computations, and for blocking calls in destructors and shields",
            self.coroutines
        )
    }
}

impl std::error::Error for ShutdownError {}

/// Waits until the workers of a runtime that stops have ended, and their threads with them.
///
/// # Errors
///
/// If the time is over: gives up what is left.
pub(super) fn end(shared: &Arc<Shared>, timeout: Duration) -> Result<(), ShutdownError> {
    let deadline = Deadline::after(timeout);
    if !wait_until(shared, deadline, Shared::have_ended) {
        return Err(ShutdownError {
            coroutines: shared.give_up(),
            threads: 0,
        });
    }
    let Some(joining) = shared.begin_joining() else {
        // The threads end by themselves.
        return Ok(());
    };
    let deadline = deadline.max(Deadline::after(THREAD_GRACE));
    if !wait_until(shared, deadline, |shared| shared.unjoined() == 0) {
        return Err(ShutdownError {
            coroutines: 0,
            threads: shared.unjoined(),
        });
    }
    // It is about to end; with it the runtime's last descriptors are closed.
    let _ = joining.join();
    Ok(())
}

/// Waits until no coroutine is left; false if it is `deadline` before.
pub(super) fn await_quiet(shared: &Shared, deadline: Deadline) -> bool {
    wait_until(shared, deadline, Shared::is_quiet)
}

/// Waits until something is so of which the waiters are told; false if it is `deadline` before.
///
/// Behind a shield: a caller that is cancelled meanwhile owns the runtime, whose destructor would
/// wait for it.
fn wait_until(shared: &Shared, deadline: Deadline, is_so: impl Fn(&Shared) -> bool) -> bool {
    shield(|| operation::wait_until("shutdown", &shared.waiters, deadline, || is_so(shared)))
}
