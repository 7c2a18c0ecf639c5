//! What `#[may::main]` and `#[may::test]` expand to.

use super::value::{Runtime, RuntimeBuilder};
use crate::spawn::Builder;

/// Bytes of stack of the root coroutine: what a main thread has.
const ROOT_STACK_BYTES: usize = 8 << 20;
/// Workers of a test that says nothing: enough for coroutines to run at the same time.
const TEST_WORKERS: usize = 2;

/// The options of an attribute.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct EntryConfig {
    workers: Option<usize>,
    stack_bytes: Option<usize>,
    /// A runtime of its own, which is shut down at the end.
    isolated: bool,
}

impl EntryConfig {
    /// The defaults of `#[may::main]`.
    #[must_use]
    pub const fn main() -> EntryConfig {
        EntryConfig {
            workers: None,
            stack_bytes: None,
            isolated: false,
        }
    }

    /// The defaults of `#[may::test]`.
    #[must_use]
    pub const fn test() -> EntryConfig {
        EntryConfig {
            workers: Some(TEST_WORKERS),
            stack_bytes: None,
            isolated: true,
        }
    }

    /// `workers = N`.
    #[must_use]
    pub const fn workers(mut self, workers: usize) -> EntryConfig {
        assert!(
            workers > 0,
            "`workers` must be at least 1: `\"cores\"` uses every core"
        );
        self.workers = Some(workers);
        self
    }

    /// `workers = "cores"`.
    #[must_use]
    pub const fn all_cores(mut self) -> EntryConfig {
        self.workers = Some(0);
        self
    }

    /// `stack = SIZE`: of coroutines whose builder says nothing.
    #[must_use]
    pub const fn stack_bytes(mut self, bytes: usize) -> EntryConfig {
        self.stack_bytes = Some(bytes);
        self
    }
}

/// Runs `f` as the root coroutine and returns what it returns.
///
/// # Panics
///
/// Panics inside a coroutine, if the runtime cannot be started, and goes on with what `f` raises.
#[doc(hidden)]
#[track_caller]
pub fn enter<R: Send>(config: EntryConfig, f: impl FnOnce() -> R + Send) -> R {
    assert!(
        !crate::spawn::is_coroutine(),
        "a runtime is already running on this thread"
    );
    let root = Builder::new()
        .name("main".to_owned())
        .stack_size(ROOT_STACK_BYTES);
    if config.isolated {
        let mut builder = Runtime::builder();
        if let Some(workers) = config.workers {
            builder = builder.workers(workers);
        }
        if let Some(bytes) = config.stack_bytes {
            builder = builder.stack_size(bytes);
        }
        return start(builder).run_with(root, f);
    }
    // What cannot be changed because the runtime has started stays as it is: the program did that before `main`.
    if let Some(workers) = config.workers {
        let _ = super::config().workers(workers);
    }
    if let Some(bytes) = config.stack_bytes {
        let _ = super::config().stack_size(bytes);
    }
    Runtime::run_on_default(root, f)
}

/// Starts a runtime.
#[track_caller]
fn start(builder: RuntimeBuilder) -> Runtime {
    builder
        .build()
        .unwrap_or_else(|error| panic!("the runtime cannot be started: {error}"))
}
