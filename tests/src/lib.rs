//! What the tests of May share: running a body in every kind of place, waiting for conditions,
//! seeds, and a watchdog that turns a hang into a failure.

pub mod executor;
pub mod net;
pub mod parity;
pub mod scene;

use std::fmt::Debug;
use std::panic::Location;
use std::pin::pin;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use may::Runtime;
use may::coroutine;
use may_core::select::{Arm, Finish, Mode, after, select};

/// After how long a test counts as hanging.
pub const HANG_AFTER: Duration = Duration::from_secs(60);
/// How long a runtime of a test may take to end.
const SHUTDOWN: Duration = Duration::from_secs(20);

/// A limit that counts only the time in which the machine runs. A virtual machine may stand still
/// for a minute, while its clock goes on.
struct Patience {
    left: Duration,
    looked: Instant,
}

impl Patience {
    /// How often one looks. What is longer than two steps is not counted.
    const STEP: Duration = Duration::from_millis(100);

    fn new(limit: Duration) -> Patience {
        Patience {
            left: limit,
            looked: Instant::now(),
        }
    }

    /// Whether the limit is reached.
    fn is_over(&mut self) -> bool {
        let since = self.looked.elapsed();
        self.looked += since;
        self.left = self.left.saturating_sub(since.min(2 * Patience::STEP));
        self.left.is_zero()
    }
}

/// Ends the process, naming the test, if it is not dropped in time.
#[derive(Debug)]
pub struct Watchdog {
    _alive: mpsc::Sender<()>,
}

/// Watches the test that calls this.
#[must_use = "the watch ends when the watchdog is dropped"]
#[track_caller]
pub fn watchdog() -> Watchdog {
    watchdog_for(HANG_AFTER)
}

/// Watches the test that calls this, with another limit.
#[must_use = "the watch ends when the watchdog is dropped"]
#[track_caller]
pub fn watchdog_for(limit: Duration) -> Watchdog {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    watchdog_of(format!("{test} ({})", Location::caller()), limit)
}

/// Watches a part of a test, which is named in the message.
#[must_use = "the watch ends when the watchdog is dropped"]
pub fn watchdog_of(what: String, limit: Duration) -> Watchdog {
    let (alive, watched) = mpsc::channel();
    thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(move || {
            let mut patience = Patience::new(limit);
            while watched.recv_timeout(Patience::STEP) == Err(mpsc::RecvTimeoutError::Timeout) {
                if patience.is_over() {
                    let text = format!("\n{what} hangs: it has not ended within {limit:?}\n");
                    // Not `eprintln`: what that writes is captured by the harness, and lost with
                    // the process.
                    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
                    std::process::abort();
                }
            }
        })
        .expect("a thread for the watchdog");
    Watchdog { _alive: alive }
}

/// Waits until `condition` holds; on a coroutine others run meanwhile.
///
/// # Panics
///
/// Panics if that takes very long.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let mut patience = Patience::new(HANG_AFTER / 2);
    while !condition() {
        assert!(!patience.is_over(), "never came true: {what}");
        coroutine::sleep(Duration::from_micros(50));
    }
}

/// Spawns a coroutine and returns when it has started. On a runtime of one worker it waits then, or
/// has ended: nothing comes between the start and the first call that waits.
#[track_caller]
pub fn spawn_waiting<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
) -> coroutine::JoinHandle<T> {
    let started = Arc::new(AtomicBool::new(false));
    let says = started.clone();
    let handle = coroutine::spawn(move || {
        says.store(true, Ordering::SeqCst);
        f()
    });
    eventually("the coroutine has started", || {
        started.load(Ordering::SeqCst)
    });
    handle
}

/// Where a body runs, and where the helpers run that it starts.
#[derive(Clone, Debug)]
pub struct Place {
    kind: Kind,
    started: Arc<AtomicUsize>,
    runtime: Option<Arc<Runtime>>,
}

/// The kinds of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everything in coroutines of as many workers.
    Coroutines(usize),
    /// Everything on plain threads.
    Threads,
    /// The body on a plain thread, its helpers in coroutines and on threads by turns.
    Mixed,
}

/// All of them.
pub const KINDS: [Kind; 4] = [
    Kind::Coroutines(1),
    Kind::Coroutines(3),
    Kind::Threads,
    Kind::Mixed,
];

/// A helper that was started.
#[derive(Debug)]
#[must_use = "what fails in a helper shows when it is joined"]
pub enum Started<T> {
    /// In a coroutine.
    Coroutine(coroutine::JoinHandle<T>),
    /// On a thread.
    Thread(thread::JoinHandle<T>),
}

impl<T> Started<T> {
    /// Waits for its end and goes on with what it raised.
    ///
    /// # Panics
    ///
    /// If the helper did.
    pub fn join(self) -> T {
        let result = match self {
            Started::Coroutine(coroutine) => coroutine.join(),
            Started::Thread(thread) => thread.join(),
        };
        result.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
    }
}

impl Place {
    /// What kind of place this is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Starts a helper.
    pub fn start<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Started<T> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        match self.kind {
            Kind::Coroutines(_) => Started::Coroutine(coroutine::spawn(f)),
            Kind::Mixed if number.is_multiple_of(2) => {
                Started::Coroutine(self.runtime.as_ref().expect("a runtime").spawn(f))
            }
            Kind::Threads | Kind::Mixed => Started::Thread(thread::spawn(f)),
        }
    }
}

/// Runs `body` in every kind of place.
///
/// # Panics
///
/// If the body does, or if a runtime does not end.
#[track_caller]
pub fn everywhere(body: impl Fn(&Place) + Send + Sync) {
    let _watchdog = watchdog();
    for kind in KINDS {
        in_place(kind, &body);
    }
}

/// Runs `body` on plain threads: for an implementation whose calls would block the workers of a
/// runtime.
///
/// # Panics
///
/// If the body does.
#[track_caller]
pub fn on_threads(body: impl Fn(&Place) + Send + Sync) {
    let _watchdog = watchdog();
    in_place(Kind::Threads, body);
}

/// Runs `body` in one kind of place.
///
/// # Panics
///
/// If the body does, or if a runtime does not end.
pub fn in_place(kind: Kind, body: impl Fn(&Place) + Send + Sync) {
    let workers = match kind {
        Kind::Coroutines(workers) => workers,
        Kind::Mixed => 2,
        Kind::Threads => {
            return body(&Place {
                kind,
                started: Arc::default(),
                runtime: None,
            });
        }
    };
    let runtime = Arc::new(runtime(workers));
    let for_helpers = (kind == Kind::Mixed).then(|| runtime.clone());
    let place = Place {
        kind,
        started: Arc::default(),
        runtime: for_helpers,
    };
    match kind {
        Kind::Mixed => body(&place),
        _ => runtime.run(|| body(&place)),
    }
    drop(place);
    end(Arc::into_inner(runtime).expect("helpers are joined before the body ends"));
}

/// A runtime with so many workers.
///
/// # Panics
///
/// If it cannot be started.
#[must_use]
pub fn runtime(workers: usize) -> Runtime {
    Runtime::builder()
        .workers(workers)
        .build()
        .expect("a runtime starts")
}

/// Ends a runtime.
///
/// # Panics
///
/// If something does not end.
pub fn end(runtime: Runtime) {
    runtime.shutdown(SHUTDOWN).expect("everything ends");
}

/// Runs `body` as a coroutine of a runtime with so many workers.
///
/// # Panics
///
/// If the body does, or if the runtime does not end.
#[track_caller]
pub fn on_workers<T: Send>(workers: usize, body: impl FnOnce() -> T + Send) -> T {
    let _watchdog = watchdog();
    let runtime = runtime(workers);
    let result = runtime.run(body);
    end(runtime);
    result
}

/// A small generator of numbers that can be had again from its seed (Marsaglia's xorshift64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator that starts with `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    /// A generator for another user.
    #[must_use]
    pub fn fork(&mut self) -> Random {
        Random::new(self.below(u64::MAX))
    }
}

/// Lets others run for a while: for not at all, until they all wait, or for some time; then the
/// caller goes on at any moment.
pub fn for_a_moment(random: &mut Random) {
    match random.below(4) {
        0 => {}
        1 => coroutine::yield_now(),
        _ => coroutine::sleep(Duration::from_micros(random.below(60))),
    }
    (0..random.below(20_000)).for_each(|_| std::hint::spin_loop());
}

/// Moments that lie anywhere in a call, however long that takes on this machine today: the time in
/// which they lie grows with each call that was ended before it had happened, and shrinks with each
/// that had, so that a good third of them happen.
#[derive(Debug)]
pub struct Moments(Mutex<Duration>);

impl Moments {
    /// The first lie in so much time.
    #[must_use]
    pub fn new(first: Duration) -> Moments {
        Moments(Mutex::new(first))
    }

    /// When to end the next call.
    ///
    /// # Panics
    ///
    /// If a thread has panicked in here.
    pub fn next(&self, random: &mut Random) -> Duration {
        let within = *self.0.lock().expect("nothing panics here");
        within.mul_f64(random.below(1000) as f64 / 1000.0)
    }

    /// Says whether it had happened by then.
    ///
    /// # Panics
    ///
    /// If a thread has panicked in here.
    pub fn learn(&self, happened: bool) {
        let mut within = self.0.lock().expect("nothing panics here");
        let factor = if happened { 0.85 } else { 1.1 };
        let limits = (Duration::from_micros(1), Duration::from_millis(100));
        *within = within.mul_f64(factor).clamp(limits.0, limits.1);
    }
}

/// Runs `body` with one seed after the other; the one from `MAY_TEST_SEED` only, if that is set.
/// The seed that fails is printed.
pub fn with_seeds(rounds: u64, body: impl Fn(Random)) {
    /// Prints the seed if the body unwinds.
    struct Print(u64);
    impl Drop for Print {
        fn drop(&mut self) {
            if thread::panicking() {
                eprintln!("this was with MAY_TEST_SEED={}", self.0);
            }
        }
    }
    if let Some(seed) = std::env::var("MAY_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
    {
        return body(Random::new(seed));
    }
    let first = std::time::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| since.as_nanos() as u64);
    for round in 0..rounds {
        let print = Print(first.wrapping_add(round));
        body(Random::new(print.0));
    }
}

/// Runs `body` with one seed after the other, for `MAY_FUZZ_SECONDS`, or for the second for which
/// the ordinary run has time. Seeds as in [`with_seeds`].
pub fn fuzz(target: &str, body: impl Fn(Random)) {
    let seconds = std::env::var("MAY_FUZZ_SECONDS").ok();
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(1);
    let (start, rounds) = (Instant::now(), AtomicUsize::new(0));
    let is_over = || start.elapsed() >= Duration::from_secs(seconds);
    let mut left = true;
    while left {
        with_seeds(100, |random| {
            body(random);
            rounds.fetch_add(1, Ordering::Relaxed);
        });
        left = !is_over() && std::env::var_os("MAY_TEST_SEED").is_none();
    }
    println!("{target}: {} rounds", rounds.into_inner());
}

/// The variable that tells a process that it is such a child.
const CHILD: &str = "MAY_TEST_CHILD";

/// Whether this is the process of a [`rerun`].
#[must_use]
pub fn is_rerun() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// A command that runs the test that calls this once more, alone in a process of its own, where
/// [`is_rerun`] holds.
///
/// # Panics
///
/// If this is not the thread of a test.
#[must_use]
pub fn rerun() -> Command {
    let test = thread::current();
    let name = test.name().expect("the harness names the threads of tests");
    let mut command = Command::new(std::env::current_exe().expect("the path of the test"));
    command
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1");
    command
}

/// Runs `body`, of the test that calls this, alone in a process of its own, and returns what that
/// process wrote and whether it succeeded. In that process this does not return.
///
/// # Panics
///
/// If there can be no process, or this is not the thread of a test.
pub fn child(environment: &[(&str, &str)], body: impl FnOnce()) -> (String, bool) {
    if is_rerun() {
        body();
        leave();
    }
    let output = rerun()
        .envs(environment.iter().copied())
        .output()
        .expect("a process for the test");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text.push_str(&format!("the process ended: {}\n", output.status));
    (text, output.status.success())
}

/// Ends the process as a success, without what std does at its end: there the alternate signal
/// stack of the main thread is unmapped, also if it is another thread that ends the process, and a
/// signal that the main thread has yet to handle kills it.
fn leave() -> ! {
    let _ = std::io::Write::flush(&mut std::io::stdout());
    #[cfg(unix)]
    // SAFETY: the call takes a number and does not return.
    unsafe {
        libc::_exit(0)
    }
    #[cfg(not(unix))]
    std::process::exit(0)
}

/// Runs `body`, of the test that calls this, alone in a process of its own.
///
/// # Panics
///
/// If it fails there.
pub fn alone(body: impl FnOnce()) {
    let (text, succeeded) = child(&[], body);
    assert!(succeeded, "{text}");
}

/// The payload of a panic as text.
#[must_use]
pub fn message(payload: &(dyn std::any::Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no text".to_owned())
}

/// Asserts that a join ended with a cancellation.
///
/// # Panics
///
/// If it did not.
#[track_caller]
pub fn assert_cancelled<T: Debug>(result: coroutine::Result<T>) {
    match result {
        Ok(value) => panic!("not cancelled, but returned {value:?}"),
        Err(payload) => assert!(
            payload.is::<coroutine::Cancelled>(),
            "not cancelled, but panicked: {}",
            message(&*payload)
        ),
    }
}

/// Runs its closure when it is dropped: a destructor.
#[derive(Debug)]
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Whether a type has a trait, found out at run time so that "has not" can be asserted, too: the
/// inherent constant wins over the trait's where its bound holds.
#[macro_export]
macro_rules! has {
    ($type:ty: $bound:path) => {{
        #[allow(dead_code, reason = "used where the bound does not hold")]
        trait No {
            const HAS: bool = false;
        }
        #[allow(dead_code, reason = "only its constants are used")]
        struct Probe<T: ?Sized>(std::marker::PhantomData<T>);
        impl<T: ?Sized> No for Probe<T> {}
        #[allow(dead_code, reason = "used where the bound holds")]
        impl<T: ?Sized + $bound> Probe<T> {
            const HAS: bool = true;
        }
        <Probe<$type>>::HAS
    }};
}

/// Waits for an arm of a `select!`, called below the macro, for so long; its outcome if it happens.
pub fn arm_within<A: Arm<()> + Finish>(limit: Duration, arm: A) -> Option<A::Output> {
    let (mut arm, time) = (pin!(arm), pin!(after(limit)));
    let happened = select(&mut [arm.as_mut(), time], Mode::Biased) == Some(0);
    happened.then(|| arm.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_is_named_and_ended() {
        if is_rerun() {
            let _watchdog = watchdog_of("a loop".to_owned(), 3 * Patience::STEP);
            loop {
                thread::park();
            }
        }
        let output = rerun().output().expect("the test can be run again");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        assert!(text.contains("a loop hangs"), "{text}");
    }

    #[test]
    fn a_machine_that_stands_still_does_not_count() {
        let mut patience = Patience::new(HANG_AFTER);
        patience.looked -= HANG_AFTER;
        assert!(!patience.is_over());
        assert!(patience.left > HANG_AFTER / 2);
    }
}
