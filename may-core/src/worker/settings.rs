//! What a runtime is started with.

use std::{fmt, io};

use crate::stack::StackSize;

/// The most threads for blocking work, if nothing else is said: they mostly wait, so many of them cost little, and too few
/// let a name server that does not answer hold up everybody.
const BLOCKING_THREADS: usize = 512;

/// The settings of one runtime.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How many workers there are.
    pub(crate) workers: usize,
    /// Stack of coroutines whose builder names none.
    pub(crate) stack_size: StackSize,
    /// What the workers' threads are called; a dash and a number follow.
    pub(crate) thread_name: String,
    /// Whether worker n is bound to the nth processor.
    pub(crate) pin_workers: bool,
    /// How many threads there may be for work that blocks.
    pub(crate) blocking_threads: usize,
    /// Whether a stack's memory is given back each time a coroutine ends, so that no secret stays in it.
    pub(crate) scrub_stacks: bool,
}

/// A name for threads contains a NUL byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NulInName;

impl fmt::Display for NulInName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of the workers' threads contains a NUL byte, which the system does not allow\nhelp: leave it out")
    }
}

impl std::error::Error for NulInName {}

impl From<NulInName> for io::Error {
    fn from(error: NulInName) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

impl Settings {
    /// Whether threads can have this name.
    pub(crate) fn check_name(name: &str) -> Result<(), NulInName> {
        if name.contains('\0') {
            Err(NulInName)
        } else {
            Ok(())
        }
    }

    /// Sets the number of workers; zero means one for each processor.
    pub(crate) fn set_workers(&mut self, workers: usize) {
        self.workers = if workers == 0 { processors() } else { workers };
    }

    /// Sets the most threads for blocking work; zero means as many as without this call.
    pub(crate) fn set_blocking_threads(&mut self, threads: usize) {
        self.blocking_threads = if threads == 0 {
            BLOCKING_THREADS
        } else {
            threads
        };
    }
}

/// How many processors the process may use.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            workers: processors(),
            stack_size: StackSize::DEFAULT,
            thread_name: "may-worker".to_owned(),
            pin_workers: false,
            blocking_threads: BLOCKING_THREADS,
            scrub_stacks: false,
        }
    }
}
