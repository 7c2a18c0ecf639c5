//! What `#[may::main]` and `#[may::test]` expand to.
//!
//! `main` runs on the default runtime, since that is where coroutines go which plain threads spawn; a test has a runtime of its
//! own, so that tests do not meet. In both cases the calling thread waits for the root coroutine, and then does what the options
//! say about those that are left.

use std::fmt::Write as _;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::shutdown;
use super::value::Runtime;
use crate::coroutine::unwinding;
use crate::spawn::Builder;
use crate::spawn::builder::spawned;
use crate::util::clock::Deadline;
use crate::worker::{Shared, default};

/// Bytes of stack of the root coroutine: what a main thread has.
const ROOT_STACK_BYTES: usize = 8 << 20;
/// Workers of a test that says nothing: enough for coroutines to run at the same time.
const TEST_WORKERS: usize = 2;
/// How long a test may take that says nothing.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long coroutines have to end after the test that spawned them, before they count as leaked: those that were told to end
/// may need a moment.
const LEAK_GRACE: Duration = Duration::from_millis(250);
/// How long coroutines have to unwind after a test that took too long.
const TIMEOUT_GRACE: Duration = Duration::from_secs(1);
/// How long coroutines have to unwind when `main` cancels them.
const CANCEL_GRACE: Duration = Duration::from_secs(10);

/// What becomes of the coroutines that are left when the root coroutine has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnExit {
    /// They end with the process, as threads do.
    Leave,
    /// They are cancelled, and waited for while they unwind.
    Cancel,
    /// They are waited for.
    Join,
}

/// What only tests have.
#[derive(Clone, Copy, Debug)]
struct Test {
    /// The path of the test, with the crate in front.
    path: &'static str,
    timeout: Duration,
    /// Whether coroutines that are left make the test fail.
    deny_leaks: bool,
}

/// The options of an attribute.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct EntryConfig {
    workers: Option<usize>,
    stack_bytes: Option<usize>,
    blocking: Option<usize>,
    name: Option<&'static str>,
    pin: Option<bool>,
    on_exit: OnExit,
    /// Those of a test, which has a runtime of its own.
    test: Option<Test>,
}

impl EntryConfig {
    /// The defaults of `#[may::main]`.
    #[must_use]
    pub const fn main() -> EntryConfig {
        EntryConfig {
            workers: None,
            stack_bytes: None,
            blocking: None,
            name: None,
            pin: None,
            on_exit: OnExit::Leave,
            test: None,
        }
    }

    /// The defaults of `#[may::test]`, for the test with this path.
    #[must_use]
    pub const fn test(path: &'static str) -> EntryConfig {
        EntryConfig {
            workers: Some(TEST_WORKERS),
            on_exit: OnExit::Cancel,
            test: Some(Test {
                path,
                timeout: TEST_TIMEOUT,
                deny_leaks: true,
            }),
            ..EntryConfig::main()
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

    /// `blocking = N`: threads for blocking work.
    #[must_use]
    pub const fn blocking(mut self, threads: usize) -> EntryConfig {
        assert!(threads > 0, "`blocking` must be at least 1");
        self.blocking = Some(threads);
        self
    }

    /// `name = ".."`: what the workers' threads are called.
    #[must_use]
    pub const fn name(mut self, name: &'static str) -> EntryConfig {
        let mut at = 0;
        while at < name.len() {
            assert!(
                name.as_bytes()[at] != 0,
                "`name` must not contain a NUL byte"
            );
            at += 1;
        }
        self.name = Some(name);
        self
    }

    /// `pin = true`: each worker is bound to a processor.
    #[must_use]
    pub const fn pin(mut self, pin: bool) -> EntryConfig {
        self.pin = Some(pin);
        self
    }

    /// `on_exit = "leave"`.
    #[must_use]
    pub const fn leave_on_exit(mut self) -> EntryConfig {
        self.on_exit = OnExit::Leave;
        self
    }

    /// `on_exit = "cancel"`.
    #[must_use]
    pub const fn cancel_on_exit(mut self) -> EntryConfig {
        self.on_exit = OnExit::Cancel;
        self
    }

    /// `on_exit = "join"`.
    #[must_use]
    pub const fn join_on_exit(mut self) -> EntryConfig {
        self.on_exit = OnExit::Join;
        self
    }

    /// `timeout = ".."`: of a test.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> EntryConfig {
        assert!(!timeout.is_zero(), "`timeout` must be more than 0");
        if let Some(test) = &mut self.test {
            test.timeout = timeout;
        }
        self
    }

    /// `leak = "deny"`: in a test.
    #[must_use]
    pub const fn deny_leaks(mut self) -> EntryConfig {
        if let Some(test) = &mut self.test {
            test.deny_leaks = true;
        }
        self
    }

    /// `leak = "allow"`: in a test.
    #[must_use]
    pub const fn allow_leaks(mut self) -> EntryConfig {
        if let Some(test) = &mut self.test {
            test.deny_leaks = false;
        }
        self
    }

    /// Starts a runtime with these settings.
    #[track_caller]
    fn start(&self) -> Runtime {
        let mut builder = Runtime::builder();
        if let Some(workers) = self.workers {
            builder = builder.workers(workers);
        }
        if let Some(bytes) = self.stack_bytes {
            builder = builder.stack_size(bytes);
        }
        if let Some(threads) = self.blocking {
            builder = builder.blocking_threads(threads);
        }
        // std names the thread in the report of a panic, and calls a test's thread as the test.
        if let Some(name) = self.name.or(self.test.map(|test| test.name())) {
            builder = builder.thread_name(name);
        }
        if let Some(pin) = self.pin {
            builder = builder.pin_workers(pin);
        }
        started(builder.build())
    }

    /// Starts the default runtime with these settings. What cannot be changed because it has started stays as it is: the program
    /// did that before `main`.
    #[track_caller]
    fn start_default(&self) -> Arc<Shared> {
        let config = super::config();
        if let Some(workers) = self.workers {
            let _ = config.workers(workers);
        }
        if let Some(bytes) = self.stack_bytes {
            let _ = config.stack_size(bytes);
        }
        if let Some(threads) = self.blocking {
            let _ = config.blocking_threads(threads);
        }
        if let Some(name) = self.name {
            let _ = config.thread_name(name);
        }
        if let Some(pin) = self.pin {
            let _ = config.pin_workers(pin);
        }
        started(default::default())
    }
}

/// What was started, or a panic at the caller's place.
#[track_caller]
fn started<T>(result: io::Result<T>) -> T {
    match result {
        Ok(started) => started,
        Err(error) => panic!("the runtime cannot be started: {error}"),
    }
}

/// Runs `f` as the root coroutine and returns what it returns.
///
/// # Panics
///
/// Panics inside a coroutine, if the runtime cannot be started, if a test takes too long or leaves coroutines behind; and goes on
/// with what `f` raises.
#[doc(hidden)]
#[track_caller]
pub fn enter<R: Send + 'static>(config: EntryConfig, f: impl FnOnce() -> R + Send + 'static) -> R {
    assert!(
        !crate::spawn::is_coroutine(),
        "a runtime is already running on this thread"
    );
    let root = Builder::new()
        .name("main".to_owned())
        .stack_size(ROOT_STACK_BYTES);
    match config.test {
        Some(test) => run_test(&config, &test, root, f),
        None => run_main(&config, root, f),
    }
}

/// Runs `f` on the default runtime.
#[track_caller]
fn run_main<R: Send + 'static>(
    config: &EntryConfig,
    root: Builder,
    f: impl FnOnce() -> R + Send + 'static,
) -> R {
    let shared = config.start_default();
    let result = spawned(root.spawn_on(&shared, Location::caller(), f)).join();
    match config.on_exit {
        OnExit::Leave => {}
        OnExit::Cancel => {
            shared.stop();
            // What has not unwound by then ends with the process.
            let _ = shutdown::end(&shared, CANCEL_GRACE);
        }
        OnExit::Join => drop(shutdown::await_quiet(&shared, Deadline::NEVER)),
    }
    result.unwrap_or_else(|payload| unwinding::resume(payload))
}

/// Runs `f` on a runtime of its own, for a limited time.
#[track_caller]
fn run_test<R: Send + 'static>(
    config: &EntryConfig,
    test: &Test,
    root: Builder,
    f: impl FnOnce() -> R + Send + 'static,
) -> R {
    let runtime = config.start();
    let deadline = Deadline::after(test.timeout);
    let handle = spawned(root.spawn_on(runtime.shared(), Location::caller(), f));
    if !handle.wait_until(deadline) {
        fail(runtime, test.too_long("had not ended"));
    }
    let result = handle.join();
    if config.on_exit == OnExit::Join {
        if !shutdown::await_quiet(runtime.shared(), deadline) {
            fail(runtime, test.too_long("had ended, but not its coroutines,"));
        }
    } else if test.deny_leaks && result.is_ok() {
        let grace = Deadline::after(LEAK_GRACE);
        if !shutdown::await_quiet(runtime.shared(), grace) && runtime.shared().alive() > 0 {
            fail(runtime, test.leaked());
        }
    }
    if config.on_exit == OnExit::Leave {
        // Its threads go on until the process ends.
        std::mem::forget(runtime);
    }
    result.unwrap_or_else(|payload| unwinding::resume(payload))
}

/// Fails a test, and says how many coroutines were alive.
#[track_caller]
fn fail(runtime: Runtime, (mut message, help): (String, &str)) -> ! {
    let alive = match runtime.shared().alive() {
        1 => "1 coroutine is still alive".to_owned(),
        alive => format!("{alive} coroutines are still alive"),
    };
    let _ = write!(message, ": {alive}\nhelp: {help}");
    // They are cancelled, so that they do not go on in other tests; those that cannot be are given up.
    let _ = runtime.shutdown(TIMEOUT_GRACE);
    panic!("{message}")
}

impl Test {
    /// The name of the test, as the test harness writes it.
    fn name(&self) -> &'static str {
        self.path
            .split_once("::")
            .map_or(self.path, |(_, name)| name)
    }

    /// The message for a test of which something `had not ended` in time.
    fn too_long(&self, what: &str) -> (String, &'static str) {
        (
            format!("the test `{}` {what} after {:?}", self.name(), self.timeout),
            "look for what it waits for, or give it more time: `#[may::test(timeout = \"5m\")]`",
        )
    }

    /// The message for a test that left coroutines behind.
    fn leaked(&self) -> (String, &'static str) {
        (
            format!("the test `{}` left coroutines behind", self.name()),
            "join or cancel them, spawn them in a scope, or allow it: `#[may::test(leak = \"allow\")]`",
        )
    }
}
