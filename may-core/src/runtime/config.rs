//! Settings of the default runtime, the one that the free functions use.

use std::fmt;

use crate::stack::StackSize;
use crate::worker::{NulInName, Settings, default};

/// The error of a setting that cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The default runtime has started already.
    AlreadyStarted,
    /// The name contains a NUL byte, which the name of a thread may not.
    NulInName,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::AlreadyStarted => f.write_str(
                "the default runtime has started already, so its settings cannot be changed\n\
                 help: call `config()` before the first `spawn`, or use `#[may::main(..)]`, or a `Runtime` of your own",
            ),
            ConfigError::NulInName => fmt::Display::fmt(&NulInName, f),
        }
    }
}

impl std::error::Error for ConfigError {}

/// What [`config`] returns: each method changes one setting, at once.
#[derive(Clone, Copy, Debug)]
pub struct Config(());

/// Changes the settings with which the default runtime will start.
///
/// It starts when it is first needed. If it cannot start then, the settings stay for the next attempt. Without this function, `MAY_WORKERS` and `MAY_STACK` count; without those, there is a
/// worker for each processor and a stack has 256 KiB, of which only what is used takes memory.
///
/// # Examples
///
/// ```
/// may::runtime::config().workers(2)?.stack_size(128 * 1024)?;
/// # Ok::<(), may::runtime::ConfigError>(())
/// ```
#[must_use]
pub fn config() -> Config {
    Config(())
}

impl Config {
    /// Sets how many threads run coroutines; zero means one for each processor.
    ///
    /// # Errors
    ///
    /// If the runtime has started.
    pub fn workers(self, workers: usize) -> Result<Config, ConfigError> {
        self.change(|settings| settings.set_workers(workers))
    }

    /// Sets how many bytes of stack a coroutine has whose builder says nothing; rounded up as by
    /// [`Builder::stack_size`](crate::spawn::Builder::stack_size).
    ///
    /// # Errors
    ///
    /// If the runtime has started.
    pub fn stack_size(self, bytes: usize) -> Result<Config, ConfigError> {
        self.change(|settings| settings.stack_size = StackSize::from_bytes(bytes))
    }

    /// Sets what the workers' threads are called; a dash and a number follow.
    ///
    /// # Errors
    ///
    /// If the runtime has started, or the name contains a NUL byte.
    pub fn thread_name(self, name: impl Into<String>) -> Result<Config, ConfigError> {
        let name = name.into();
        Settings::check_name(&name).map_err(|NulInName| ConfigError::NulInName)?;
        self.change(|settings| settings.thread_name = name)
    }

    /// Sets whether worker n is bound to the nth processor. Off unless asked for: it helps on a machine of one's own, and hurts
    /// on a shared one. Where the system binds no threads (this is for Linux) the runtime does not start, and says so.
    ///
    /// # Errors
    ///
    /// If the runtime has started.
    pub fn pin_workers(self, pin: bool) -> Result<Config, ConfigError> {
        self.change(|settings| settings.pin_workers = pin)
    }

    /// Sets how many threads there may be for work that blocks its thread, such as looking up names; what comes beyond that
    /// waits for its turn. Zero means 512, as does not calling this. They start when they are needed, and end when they have
    /// had nothing to do for ten seconds.
    ///
    /// # Errors
    ///
    /// If the runtime has started.
    pub fn blocking_threads(self, threads: usize) -> Result<Config, ConfigError> {
        self.change(|settings| settings.set_blocking_threads(threads))
    }

    /// Sets whether a stack's memory is given back whenever a coroutine ends, so that no secret stays in it. Costs about a
    /// microsecond per coroutine.
    ///
    /// # Errors
    ///
    /// If the runtime has started.
    pub fn scrub_stacks(self, scrub: bool) -> Result<Config, ConfigError> {
        self.change(|settings| settings.scrub_stacks = scrub)
    }

    /// Changes one setting.
    fn change(self, change: impl FnOnce(&mut Settings)) -> Result<Config, ConfigError> {
        if default::configure(change) {
            Ok(self)
        } else {
            Err(ConfigError::AlreadyStarted)
        }
    }
}
