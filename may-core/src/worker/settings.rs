//! The settings of a runtime: each with its documentation, its default and its check.
//!
//! [`RuntimeBuilder`] holds what was set. Three fill one in: a program for its own
//! runtime, `config()` for the default runtime, and the attributes `main` and `test` for theirs;
//! [`from_environment`] adds what the user of the program asks for. [`Settings`] has the defaults
//! in the place of what was not set.

use std::borrow::Cow;
use std::{fmt, io, mem};

use crate::stack::StackSize;
use crate::sys::thread::CAN_PIN;

/// Declares the settings, one a row: the name, the type, and the value that follows from what was
/// set, if anything was.
macro_rules! settings {
    ($($name:ident: $type:ty = $value:expr;)*) => {
        /// Settings for a [`Runtime`](crate::runtime::Runtime).
        ///
        /// | setting | in `#[may::main]`, `#[may::test]` | in the environment | default |
        /// |---|---|---|---|
        /// | [`workers`](Self::workers) | `workers` | `MAY_WORKERS` | one for each processor; two in a test |
        /// | [`stack_size`](Self::stack_size) | `stack` | `MAY_STACK` | 256 KiB |
        /// | [`thread_name`](Self::thread_name) | `name` | | `may-worker`; the name of the test |
        /// | [`pin_workers`](Self::pin_workers) | `pin` | | no |
        /// | [`blocking_threads`](Self::blocking_threads) | `blocking` | | 512 |
        /// | [`scrub_stacks`](Self::scrub_stacks) | | | no |
        ///
        /// The environment counts for the default runtime only, and only for what the program does
        /// not set, be it by [`config()`](crate::runtime::config()) or by the attribute. If both
        /// set the same, the attribute counts.
        #[derive(Clone, Debug)]
        #[must_use = "a builder does nothing until it builds"]
        pub struct RuntimeBuilder {
            $(pub(crate) $name: Option<$type>,)*
        }

        /// The settings of one runtime.
        #[derive(Debug)]
        pub(crate) struct Settings {
            $(pub(crate) $name: $type,)*
        }

        impl RuntimeBuilder {
            pub(crate) const fn new() -> RuntimeBuilder {
                RuntimeBuilder { $($name: None,)* }
            }

            /// These settings, and where nothing is set the others.
            pub(crate) fn or(self, other: RuntimeBuilder) -> RuntimeBuilder {
                RuntimeBuilder { $($name: self.$name.or(other.$name),)* }
            }

            /// These settings, and where nothing is set the defaults.
            ///
            /// # Errors
            ///
            /// If threads cannot have this name, or the system binds no threads to processors and
            /// that was asked for.
            pub(crate) fn finish(self) -> io::Result<Settings> {
                self.check_name()
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
                self.check_pin()?;
                Ok(Settings { $($name: $value(self.$name),)* })
            }
        }
    };
}

settings! {
    workers: usize = |set| at_least_one(set).unwrap_or_else(processors);
    stack_size: StackSize = Option::unwrap_or_default;
    thread_name: Cow<'static, str> = |set: Option<_>| set.unwrap_or(Cow::Borrowed(THREAD_NAME));
    pin_workers: bool = Option::unwrap_or_default;
    blocking_threads: usize = |set| at_least_one(set).unwrap_or(BLOCKING_THREADS);
    scrub_stacks: bool = Option::unwrap_or_default;
}

/// What the workers' threads are called, before the dash.
const THREAD_NAME: &str = "may-worker";
/// The most threads for blocking work: they mostly wait, so many of them cost little, and too few
/// let a name server that does not answer hold up all other work.
const BLOCKING_THREADS: usize = 512;

/// A number that was set, unless it is zero, which stands for the default.
fn at_least_one(set: Option<usize>) -> Option<usize> {
    set.filter(|&number| number > 0)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl RuntimeBuilder {
    /// Sets how many threads run coroutines; zero means one for each processor.
    pub const fn workers(mut self, workers: usize) -> RuntimeBuilder {
        self.workers = Some(workers);
        self
    }

    /// Sets how many bytes of stack a coroutine has whose builder says nothing; rounded up as by
    /// [`Builder::stack_size`](crate::spawn::Builder::stack_size). Only what is used takes memory.
    pub const fn stack_size(mut self, bytes: usize) -> RuntimeBuilder {
        self.stack_size = Some(StackSize::from_bytes(bytes));
        self
    }

    /// Sets what the workers' threads are called; a dash and a number follow. A name that contains
    /// a NUL byte is an error.
    pub fn thread_name(mut self, name: impl Into<String>) -> RuntimeBuilder {
        self.thread_name = Some(Cow::Owned(name.into()));
        self
    }

    /// Does what [`thread_name`](Self::thread_name) does, in constants.
    pub(crate) const fn set_static_thread_name(&mut self, name: &'static str) {
        // (A constant cannot drop what was there.)
        mem::forget(self.thread_name.replace(Cow::Borrowed(name)));
    }

    /// Sets whether worker n is bound to the nth processor. It helps on a machine of one's own, and
    /// hurts on a shared one. Where the system binds no threads (this is for Linux) the runtime
    /// does not start, and says so.
    ///
    /// The threads for blocking work are not bound, nor is a child process of
    /// [`process`](crate::process). One that a coroutine starts by std's own calls stays on the
    /// worker's processor.
    pub const fn pin_workers(mut self, pin: bool) -> RuntimeBuilder {
        self.pin_workers = Some(pin);
        self
    }

    /// Sets how many threads the runtime may have for work that blocks its thread, such as looking
    /// up names; zero means 512. See [`blocking`](crate::blocking).
    pub const fn blocking_threads(mut self, threads: usize) -> RuntimeBuilder {
        self.blocking_threads = Some(threads);
        self
    }

    /// Sets whether a stack's memory is given back whenever a coroutine ends, so that no secret
    /// stays in it. Costs about a microsecond per coroutine.
    pub const fn scrub_stacks(mut self, scrub: bool) -> RuntimeBuilder {
        self.scrub_stacks = Some(scrub);
        self
    }

    /// Whether threads can have the name that was set.
    pub(crate) fn check_name(&self) -> Result<(), ConfigError> {
        match &self.thread_name {
            Some(name) if has_nul(name) => Err(ConfigError::NulInName),
            _ => Ok(()),
        }
    }

    /// Whether the system can do what `pin_workers` asks for.
    fn check_pin(&self) -> io::Result<()> {
        if self.pin_workers == Some(true) && !CAN_PIN {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "workers cannot be bound to processors on this system\nhelp: leave `pin` out, or set it for Linux only",
            ));
        }
        Ok(())
    }
}

/// Whether a name contains a NUL byte, with which the system ends it.
pub(crate) const fn has_nul(name: &str) -> bool {
    let mut rest = name.as_bytes();
    while let [first, others @ ..] = rest {
        if *first == 0 {
            return true;
        }
        rest = others;
    }
    false
}

/// What `MAY_WORKERS` and `MAY_STACK` set. What they get wrong counts as not set: a library does
/// not print, and does not end a program over a variable.
pub(super) fn from_environment() -> RuntimeBuilder {
    let variable = |name| std::env::var(name).ok();
    RuntimeBuilder {
        workers: at_least_one(variable("MAY_WORKERS").and_then(|value| value.parse().ok())),
        stack_size: variable("MAY_STACK").and_then(|value| value.parse().ok()),
        ..RuntimeBuilder::new()
    }
}

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
        f.write_str(match self {
            ConfigError::AlreadyStarted => {
                "the default runtime has started already, so its settings cannot be changed\n\
                 help: call `config()` before the first `spawn`, or use `#[may::main(..)]`, or a `Runtime` of your own"
            }
            ConfigError::NulInName => {
                "the name of the workers' threads contains a NUL byte, which the system does not allow\nhelp: leave it out"
            }
        })
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_of_the_attributes_has_the_defaults() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/attributes.md");
        let attributes = std::fs::read_to_string(path).unwrap();
        let rows = attributes.lines().filter(|line| line.starts_with("| `"));
        let of = |option: &str| {
            let row = rows
                .clone()
                .find(|row| row.starts_with(&format!("| `{option}` |")))
                .unwrap();
            row.rsplit('|').nth(1).unwrap().trim().to_owned()
        };
        let settings = RuntimeBuilder::new().finish().unwrap();
        assert_eq!(of("workers"), "`\"cores\"`");
        assert_eq!(settings.workers, processors());
        assert_eq!(of("stack"), format!("`\"{}\"`", settings.stack_size));
        assert_eq!(of("blocking"), format!("`{}`", settings.blocking_threads));
        assert_eq!(of("name"), format!("`\"{}\"`", settings.thread_name));
        assert_eq!(of("pin"), format!("`{}`", settings.pin_workers));
    }
}
