//! What `#[may::main]` and `#[may::test]` expand to.
//!
//! `main` runs on the default runtime, since that is where coroutines go which plain threads spawn;
//! a test has a runtime of its own, so that tests do not meet. In both cases the calling thread
//! waits for the root coroutine, and then does what the options say about those that are left.

use std::fmt::Write as _;
use std::io;
use std::panic::Location;
use std::time::Duration;

use super::shutdown;
use super::value::Runtime;
use crate::coroutine::unwinding;
use crate::spawn::Builder;
use crate::spawn::builder::spawned;
use crate::stack::StackSize;
use crate::util::clock::Deadline;
use crate::worker::default;
use crate::worker::settings::{RuntimeBuilder, has_nul};

/// Bytes of stack of the root coroutine: what a main thread has.
const ROOT_STACK_BYTES: usize = 8 << 20;
/// Workers of a test that says nothing: enough for coroutines to run at the same time.
const TEST_WORKERS: usize = 2;
/// How long a test may take that says nothing.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long coroutines have to end after the test that spawned them, before they count as leaked:
/// those that were told to end may need a moment.
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
#[derive(Clone, Debug)]
pub struct EntryConfig {
    settings: RuntimeBuilder,
    on_exit: OnExit,
    /// Those of a test, which has a runtime of its own.
    test: Option<Test>,
}

impl EntryConfig {
    /// The defaults of `#[may::main]`.
    #[must_use]
    pub const fn main() -> EntryConfig {
        EntryConfig {
            settings: RuntimeBuilder::new(),
            on_exit: OnExit::Leave,
            test: None,
        }
    }

    /// The defaults of `#[may::test]`, for the test with this path.
    #[must_use]
    pub const fn test(path: &'static str) -> EntryConfig {
        EntryConfig {
            settings: RuntimeBuilder::new().workers(TEST_WORKERS),
            on_exit: OnExit::Cancel,
            test: Some(Test {
                path,
                timeout: TEST_TIMEOUT,
                deny_leaks: true,
            }),
        }
    }

    /// `workers = N`.
    #[must_use]
    pub const fn workers(mut self, workers: usize) -> EntryConfig {
        assert!(
            workers > 0,
            "`workers` must be at least 1: `\"cores\"` uses every core"
        );
        self.settings.workers = Some(workers);
        self
    }

    /// `workers = "cores"`.
    #[must_use]
    pub const fn all_cores(mut self) -> EntryConfig {
        self.settings.workers = Some(0);
        self
    }

    /// `stack = SIZE`.
    #[must_use]
    pub const fn stack_size(mut self, bytes: usize) -> EntryConfig {
        self.settings.stack_size = Some(StackSize::from_bytes(bytes));
        self
    }

    /// `blocking = N`.
    #[must_use]
    pub const fn blocking_threads(mut self, threads: usize) -> EntryConfig {
        assert!(threads > 0, "`blocking` must be at least 1");
        self.settings.blocking_threads = Some(threads);
        self
    }

    /// `name = ".."`.
    #[must_use]
    pub const fn thread_name(mut self, name: &'static str) -> EntryConfig {
        assert!(!has_nul(name), "`name` must not contain a NUL byte");
        self.settings.set_static_thread_name(name);
        self
    }

    /// `pin = BOOL`.
    #[must_use]
    pub const fn pin_workers(mut self, pin: bool) -> EntryConfig {
        self.settings.pin_workers = Some(pin);
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
/// Panics inside a coroutine, if the runtime cannot be started, if a test takes too long or leaves
/// coroutines behind; and goes on with what `f` raises.
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
        Some(test) => run_test(config, &test, root, f),
        None => run_main(config, root, f),
    }
}

#[track_caller]
fn run_main<R: Send + 'static>(
    config: EntryConfig,
    root: Builder,
    f: impl FnOnce() -> R + Send + 'static,
) -> R {
    // What has started before `main` stays as it is.
    let _ = default::configure(|settings| config.settings.or(settings));
    let shared = started(default::default());
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
    config: EntryConfig,
    test: &Test,
    root: Builder,
    f: impl FnOnce() -> R + Send + 'static,
) -> R {
    // std names the thread in the report of a panic, and calls a test's thread as the test.
    let named = RuntimeBuilder::new().thread_name(test.name());
    let runtime = started(config.settings.or(named).build());
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
    // They are cancelled, so that they do not go on in other tests; those that cannot be are given
    // up.
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
