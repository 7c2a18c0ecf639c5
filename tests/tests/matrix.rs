//! Every function that blocks, against everything that can happen to a wait.
//!
//! The functions are data ([`ROWS`]) and the happenings are tests, so a function that is missing is missing in one place; and
//! [`every_function_that_can_be_cancelled_has_a_row`] reads the sources to see that none is.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::{Duration, Instant};
use std::{fs, panic, thread};

use may::channel::{self, Receiver, Sender};
use may::coroutine::{self, Builder, Coroutine, JoinHandle, Placement};
use may::sync::Mutex;
use may_tests::{KINDS, Kind, OnDrop, Place};
use may_tests::{
    assert_cancelled, eventually, in_place, on_workers, spawn_waiting, watchdog, with_seeds,
};

const DAYS: Duration = Duration::from_secs(30 * 24 * 3600);

/// A thing that can be waited for.
trait Blocks: Send + Sync {
    /// Makes the call, with a timeout if the row has one; false if that elapsed.
    fn call(&self, timeout: Option<Duration>) -> bool;

    /// Lets one call, the current or the next one, come to its end.
    fn wake(&self);
}

/// Whether a function takes a timeout, and whether anything else ends its wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// What it waits for.
    Woken,
    /// What it waits for, or a timeout.
    WokenOrTimeout,
    /// Nothing but time.
    Timeout,
}

/// One function.
struct Row {
    /// Where it is declared: file and name.
    covers: &'static [&'static str],
    ends: Ends,
    /// Whether what `wake` did is still there if the call was cancelled instead.
    keeps: bool,
    make: fn() -> Arc<dyn Blocks>,
}

const ROWS: &[Row] = &[
    Row {
        covers: &["spawn/handle.rs join"],
        ends: Ends::Woken,
        keeps: false,
        make: || Joins::operation(),
    },
    Row {
        covers: &["spawn/scope.rs join"],
        ends: Ends::Woken,
        keeps: false,
        make: || {
            Gated::operation(|gate| {
                coroutine::scope(|s| s.spawn(|| gate.recv().is_ok()).join()).unwrap();
            })
        },
    },
    Row {
        covers: &["spawn/scope.rs scope"],
        ends: Ends::Woken,
        keeps: false,
        make: || {
            Gated::operation(|gate| coroutine::scope(|s| drop(s.spawn(|| gate.recv().is_ok()))))
        },
    },
    Row {
        covers: &["park/mod.rs park"],
        ends: Ends::Woken,
        keeps: true,
        make: || Parks::operation(),
    },
    Row {
        covers: &["park/mod.rs park_timeout"],
        ends: Ends::WokenOrTimeout,
        keeps: true,
        make: || Parks::operation(),
    },
    Row {
        covers: &["park/mod.rs yield_now"],
        ends: Ends::Woken,
        keeps: true,
        make: || Arc::new(Yields(AtomicBool::new(false))),
    },
    Row {
        covers: &["time/mod.rs sleep"],
        ends: Ends::Timeout,
        keeps: false,
        make: || Arc::new(Sleeps(coroutine::sleep)),
    },
    Row {
        covers: &["time/mod.rs sleep_until"],
        ends: Ends::Timeout,
        keeps: false,
        make: || {
            Arc::new(Sleeps(|timeout| {
                match Instant::now().checked_add(timeout) {
                    Some(deadline) => coroutine::sleep_until(deadline),
                    None => coroutine::sleep(timeout),
                }
            }))
        },
    },
    Row {
        covers: &["channel/bounded.rs recv"],
        ends: Ends::Woken,
        keeps: true,
        make: || Receives::operation(|rx, _| rx.recv().is_ok()),
    },
    Row {
        covers: &["channel/bounded.rs recv_timeout"],
        ends: Ends::WokenOrTimeout,
        keeps: true,
        make: || {
            Receives::operation(|rx, timeout| {
                rx.recv_timeout(timeout.unwrap_or(Duration::MAX)).is_ok()
            })
        },
    },
    Row {
        covers: &["channel/bounded.rs recv_deadline"],
        ends: Ends::WokenOrTimeout,
        keeps: true,
        make: || Receives::operation(|rx, timeout| rx.recv_deadline(deadline(timeout)).is_ok()),
    },
    Row {
        covers: &["channel/bounded.rs send"],
        ends: Ends::Woken,
        keeps: true,
        make: || Sends::operation(|tx, _| tx.send(1).is_ok()),
    },
    Row {
        covers: &["channel/bounded.rs send_timeout"],
        ends: Ends::WokenOrTimeout,
        keeps: true,
        make: || {
            Sends::operation(|tx, timeout| {
                tx.send_timeout(1, timeout.unwrap_or(Duration::MAX)).is_ok()
            })
        },
    },
    Row {
        covers: &["channel/bounded.rs send_deadline"],
        ends: Ends::WokenOrTimeout,
        keeps: true,
        make: || Sends::operation(|tx, timeout| tx.send_deadline(1, deadline(timeout)).is_ok()),
    },
    Row {
        covers: &["sync/mutex.rs lock"],
        ends: Ends::Woken,
        keeps: true,
        make: || Locks::operation(),
    },
];

/// Functions whose tests are elsewhere, by the beginning of their file's name: sockets and signals have matrices of their own, and
/// the budget is spent by the channels above.
const ELSEWHERE: &[&str] = &["net/", "signal/", "io/", "os/", "park/mod.rs spend_budget"];

/// The deadline after a timeout; far away instead of never.
fn deadline(timeout: Option<Duration>) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout.unwrap_or(DAYS))
        .unwrap_or(now + DAYS)
}

/// The join of a coroutine that waits for a message.
struct Joins {
    handle: StdMutex<Option<JoinHandle<()>>>,
    gate: Sender<()>,
}

impl Joins {
    fn operation() -> Arc<dyn Blocks> {
        let (tx, rx) = channel::bounded(1);
        let handle = coroutine::spawn(move || {
            let _ = rx.recv();
        });
        Arc::new(Joins {
            handle: StdMutex::new(Some(handle)),
            gate: tx,
        })
    }
}

impl Blocks for Joins {
    fn call(&self, _: Option<Duration>) -> bool {
        let handle = self.handle.lock().unwrap().take();
        handle.expect("joined once").join().is_ok()
    }

    fn wake(&self) {
        let _ = self.gate.try_send(());
    }
}

/// A call that waits for a coroutine that waits for a message.
struct Gated {
    gate: (Sender<()>, Receiver<()>),
    wait: fn(&Receiver<()>),
}

impl Gated {
    fn operation(wait: fn(&Receiver<()>)) -> Arc<dyn Blocks> {
        Arc::new(Gated {
            gate: channel::bounded(1),
            wait,
        })
    }
}

impl Blocks for Gated {
    fn call(&self, _: Option<Duration>) -> bool {
        (self.wait)(&self.gate.1);
        true
    }

    fn wake(&self) {
        let _ = self.gate.0.try_send(());
    }
}

/// `park`, used as its documentation asks: in a loop around a condition.
struct Parks {
    woken: AtomicBool,
    parked: StdMutex<Option<Coroutine>>,
}

impl Parks {
    fn operation() -> Arc<dyn Blocks> {
        Arc::new(Parks {
            woken: AtomicBool::new(false),
            parked: StdMutex::new(None),
        })
    }
}

impl Blocks for Parks {
    fn call(&self, timeout: Option<Duration>) -> bool {
        *self.parked.lock().unwrap() = Some(coroutine::current());
        let start = Instant::now();
        while !self.woken.swap(false, SeqCst) {
            match timeout {
                None => coroutine::park(),
                Some(timeout) => {
                    coroutine::park_timeout(timeout.saturating_sub(start.elapsed()));
                    if start.elapsed() >= timeout {
                        return self.woken.swap(false, SeqCst);
                    }
                }
            }
        }
        true
    }

    fn wake(&self) {
        self.woken.store(true, SeqCst);
        if let Some(parked) = &*self.parked.lock().unwrap() {
            parked.unpark();
        }
    }
}

/// `yield_now`, as long as there is nothing else to do.
struct Yields(AtomicBool);

impl Blocks for Yields {
    fn call(&self, _: Option<Duration>) -> bool {
        while !self.0.swap(false, SeqCst) {
            coroutine::yield_now();
        }
        true
    }

    fn wake(&self) {
        self.0.store(true, SeqCst);
    }
}

/// A call that only time ends.
struct Sleeps(fn(Duration));

impl Blocks for Sleeps {
    fn call(&self, timeout: Option<Duration>) -> bool {
        (self.0)(timeout.unwrap_or(Duration::MAX));
        false
    }

    fn wake(&self) {}
}

/// A channel of which nothing has been sent yet.
struct Receives {
    tx: Sender<i32>,
    rx: Receiver<i32>,
    receive: fn(&Receiver<i32>, Option<Duration>) -> bool,
}

impl Receives {
    fn operation(receive: fn(&Receiver<i32>, Option<Duration>) -> bool) -> Arc<dyn Blocks> {
        let (tx, rx) = channel::bounded(4);
        Arc::new(Receives { tx, rx, receive })
    }
}

impl Blocks for Receives {
    fn call(&self, timeout: Option<Duration>) -> bool {
        (self.receive)(&self.rx, timeout)
    }

    fn wake(&self) {
        self.tx.try_send(1).unwrap();
    }
}

/// A channel that is full.
struct Sends {
    tx: Sender<i32>,
    rx: Receiver<i32>,
    send: fn(&Sender<i32>, Option<Duration>) -> bool,
}

impl Sends {
    fn operation(send: fn(&Sender<i32>, Option<Duration>) -> bool) -> Arc<dyn Blocks> {
        let (tx, rx) = channel::bounded(2);
        tx.send(0).unwrap();
        tx.send(0).unwrap();
        Arc::new(Sends { tx, rx, send })
    }
}

impl Blocks for Sends {
    fn call(&self, timeout: Option<Duration>) -> bool {
        (self.send)(&self.tx, timeout)
    }

    fn wake(&self) {
        self.rx.try_recv().unwrap();
    }
}

/// A lock that somebody holds until he gets a message.
struct Locks {
    lock: Arc<Mutex<()>>,
    gate: Sender<()>,
}

impl Locks {
    fn operation() -> Arc<dyn Blocks> {
        let (tx, rx) = channel::bounded(1);
        let lock = Arc::new(Mutex::new(()));
        let held = Arc::new(AtomicBool::new(false));
        let (for_holder, said) = (lock.clone(), held.clone());
        coroutine::spawn(move || {
            let _held = for_holder.lock();
            said.store(true, SeqCst);
            let _ = rx.recv();
        });
        eventually("the lock is held", || held.load(SeqCst));
        Arc::new(Locks { lock, gate: tx })
    }
}

impl Blocks for Locks {
    fn call(&self, _: Option<Duration>) -> bool {
        self.lock.lock().is_ok()
    }

    fn wake(&self) {
        let _ = self.gate.try_send(());
    }
}

impl Row {
    fn name(&self) -> &'static str {
        self.covers[0]
    }

    fn has_timeout(&self) -> bool {
        self.ends != Ends::Woken
    }

    fn is_wakeable(&self) -> bool {
        self.ends != Ends::Timeout
    }
}

/// Runs `check` for each row that `applies`, in every kind of place.
fn for_rows(applies: fn(&Row) -> bool, check: impl Fn(&Place, &Row) + Send + Sync) {
    let _watchdog = watchdog();
    for row in ROWS.iter().filter(|row| applies(row)) {
        for kind in KINDS {
            in_place(kind, |place| {
                let _name = OnDrop(|| {
                    if coroutine::panicking() {
                        eprintln!("this was {} in {kind:?}", row.name());
                    }
                });
                check(place, row);
            });
        }
    }
}

/// A flag that is set right before a call: on one worker, whoever sees it set sees the caller wait.
fn started() -> (Arc<AtomicBool>, Arc<AtomicBool>) {
    let flag = Arc::new(AtomicBool::new(false));
    (flag.clone(), flag)
}

#[test]
fn what_is_ready_is_done_at_once() {
    for_rows(Row::is_wakeable, |_, row| {
        let blocks = (row.make)();
        blocks.wake();
        assert!(blocks.call(None));
    });
}

#[test]
fn what_is_ready_is_done_although_no_time_is_given() {
    for_rows(
        |row| row.ends == Ends::WokenOrTimeout,
        |_, row| {
            let blocks = (row.make)();
            blocks.wake();
            assert!(blocks.call(Some(Duration::ZERO)));
        },
    );
}

/// Has a helper wait, and `wake` it when it does.
fn woken_by(wake: fn(&Arc<dyn Blocks>)) {
    for_rows(Row::is_wakeable, |place, row| {
        for timeout in [None, Some(DAYS), Some(Duration::MAX)] {
            let blocks = (row.make)();
            let (waits, says) = started();
            let for_helper = blocks.clone();
            let helper = place.start(move || {
                says.store(true, SeqCst);
                for_helper.call(timeout)
            });
            eventually("the helper waits", || waits.load(SeqCst));
            wake(&blocks);
            assert!(helper.join(), "with timeout {timeout:?}");
        }
    });
}

#[test]
fn a_waiter_is_woken_by_a_coroutine() {
    woken_by(|blocks| {
        let blocks = blocks.clone();
        coroutine::spawn(move || blocks.wake()).join().unwrap();
    });
}

#[test]
fn a_waiter_is_woken_by_a_thread() {
    woken_by(|blocks| {
        let blocks = blocks.clone();
        let thread = thread::spawn(move || blocks.wake());
        eventually("the thread has done it", || thread.is_finished());
    });
}

/// Rows 6 of the list of what must not go wrong.
#[test]
fn timeouts_of_zero_and_a_nanosecond_and_half_a_millisecond_elapse() {
    for_rows(Row::has_timeout, |_, row| {
        for timeout in [
            Duration::ZERO,
            Duration::from_nanos(1),
            Duration::from_micros(500),
        ] {
            let blocks = (row.make)();
            let start = Instant::now();
            assert!(!blocks.call(Some(timeout)), "{timeout:?}");
            assert!(
                start.elapsed() >= timeout,
                "{timeout:?} took {:?}",
                start.elapsed()
            );
        }
    });
}

#[test]
fn timeouts_of_thirty_days_and_of_the_longest_duration_do_not_elapse() {
    let _watchdog = watchdog();
    for row in ROWS.iter().filter(|row| row.has_timeout()) {
        for workers in [1, 3] {
            on_workers(workers, || {
                for timeout in [DAYS, Duration::MAX] {
                    let blocks = (row.make)();
                    let helper = coroutine::spawn(move || blocks.call(Some(timeout)));
                    coroutine::sleep(Duration::from_millis(5));
                    assert!(!helper.is_finished(), "{} with {timeout:?}", row.name());
                    helper.cancel();
                    assert_cancelled(helper.join());
                }
            });
        }
    }
}

#[test]
fn a_cancellation_ends_the_wait() {
    let _watchdog = watchdog();
    for row in ROWS {
        for workers in [1, 3] {
            on_workers(workers, || {
                for timeout in [None, Some(DAYS)] {
                    let blocks = (row.make)();
                    let (waits, says) = started();
                    let for_helper = blocks.clone();
                    let helper = coroutine::spawn(move || {
                        says.store(true, SeqCst);
                        for_helper.call(timeout)
                    });
                    eventually("the helper waits", || waits.load(SeqCst));
                    helper.cancel();
                    assert_cancelled(helper.join());
                    if row.keeps {
                        blocks.wake();
                        assert!(blocks.call(timeout), "{}: another one can wait", row.name());
                    }
                }
            });
        }
    }
}

#[test]
fn a_cancellation_before_the_call_ends_it_where_it_would_wait() {
    let _watchdog = watchdog();
    for row in ROWS {
        on_workers(1, || {
            let blocks = (row.make)();
            let (go, going) = started();
            let helper = spawn_waiting(move || {
                // A shield, so that this is not where it is delivered.
                coroutine::shield(|| eventually("it may go on", || going.load(SeqCst)));
                blocks.call(Some(DAYS))
            });
            helper.cancel();
            go.store(true, SeqCst);
            assert_cancelled(helper.join());
        });
    }
}

#[test]
fn a_shielded_wait_is_not_cancelled_and_the_next_one_is() {
    let _watchdog = watchdog();
    for row in ROWS.iter().filter(|row| row.is_wakeable()) {
        on_workers(1, || {
            let blocks = (row.make)();
            let (waits, says) = started();
            let for_helper = blocks.clone();
            let done = Arc::new(AtomicBool::new(false));
            let said = done.clone();
            let helper = coroutine::spawn(move || {
                coroutine::shield(|| {
                    says.store(true, SeqCst);
                    said.store(for_helper.call(None), SeqCst);
                });
                coroutine::park();
            });
            eventually("the helper waits", || waits.load(SeqCst));
            helper.cancel();
            coroutine::sleep(Duration::from_millis(1));
            assert!(!helper.is_finished(), "{}", row.name());
            blocks.wake();
            assert_cancelled(helper.join());
            assert!(done.load(SeqCst), "{}", row.name());
        });
    }
}

/// Row 11: May 0.3 loses cancellations. Here the wake-up or the cancellation wins, and what the winner did not use is still there.
#[test]
fn a_cancellation_and_a_wake_up_race_and_exactly_one_wins() {
    const ROUNDS: u64 = 400;
    let _watchdog = watchdog();
    for row in ROWS.iter().filter(|row| row.is_wakeable()) {
        let (done, cancelled) = (AtomicUsize::new(0), AtomicUsize::new(0));
        for workers in [1, 2, 4] {
            on_workers(workers, || {
                with_seeds(ROUNDS, |mut random| {
                    let blocks = (row.make)();
                    let placement = Placement::Worker(random.below(workers as u64) as usize);
                    let for_helper = blocks.clone();
                    let timeout = [None, Some(DAYS)][random.below(2) as usize];
                    let helper = Builder::new()
                        .placement(placement)
                        .spawn(move || for_helper.call(timeout))
                        .unwrap();
                    for _ in 0..random.below(3) {
                        coroutine::yield_now();
                    }
                    let for_waker = blocks.clone();
                    let pause = random.below(200);
                    let waker = coroutine::spawn(move || {
                        (0..pause).for_each(|_| std::hint::spin_loop());
                        for_waker.wake();
                    });
                    if random.below(2) == 0 {
                        coroutine::yield_now();
                    }
                    (0..random.below(200)).for_each(|_| std::hint::spin_loop());
                    helper.cancel();
                    waker.join().unwrap();
                    match helper.join() {
                        Ok(woken) => {
                            assert!(woken);
                            done.fetch_add(1, SeqCst);
                        }
                        result => {
                            assert_cancelled(result);
                            cancelled.fetch_add(1, SeqCst);
                            assert!(
                                !row.keeps || blocks.call(timeout),
                                "{}: the wake-up is lost",
                                row.name()
                            );
                        }
                    }
                });
            });
        }
        println!(
            "{}: {} done, {} cancelled",
            row.name(),
            done.load(SeqCst),
            cancelled.load(SeqCst)
        );
    }
}

/// What the helper does after which its destructor runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    ByPanic,
    ByCancellation,
}

#[test]
fn a_destructor_that_runs_while_unwinding_waits_as_usual() {
    let _watchdog = watchdog();
    let leaves = [Leaves::ByPanic, Leaves::ByCancellation];
    for (row, leaves) in ROWS
        .iter()
        .flat_map(|row| leaves.map(|leaves| (row, leaves)))
    {
        for workers in [1, 3] {
            on_workers(workers, || {
                let blocks = (row.make)();
                let (waits, says) = started();
                let (ended, said) = started();
                let for_helper = blocks.clone();
                let timeout = (!row.is_wakeable()).then_some(Duration::from_micros(500));
                let helper = spawn_waiting(move || {
                    let _waits = OnDrop(|| {
                        says.store(true, SeqCst);
                        for_helper.call(timeout);
                        said.store(true, SeqCst);
                    });
                    if leaves == Leaves::ByPanic {
                        panic::resume_unwind(Box::new("a payload"));
                    }
                    coroutine::park();
                });
                helper.cancel();
                eventually("the destructor runs", || waits.load(SeqCst));
                blocks.wake();
                let payload = helper.join().unwrap_err();
                assert!(ended.load(SeqCst), "{} {leaves:?}", row.name());
                let cancelled = payload.is::<coroutine::Cancelled>();
                assert_eq!(
                    cancelled,
                    leaves == Leaves::ByCancellation,
                    "{}",
                    row.name()
                );
            });
        }
    }
}

#[test]
fn a_destructor_on_a_plain_thread_waits_as_usual() {
    let _watchdog = watchdog();
    for row in ROWS.iter().filter(|row| row.is_wakeable()) {
        in_place(Kind::Threads, |_| {
            let blocks = (row.make)();
            let (waits, says) = started();
            let for_thread = blocks.clone();
            let thread = thread::spawn(move || {
                let _waits = OnDrop(|| {
                    says.store(true, SeqCst);
                    for_thread.call(None);
                });
                panic::resume_unwind(Box::new("a payload"));
            });
            eventually("the destructor runs", || waits.load(SeqCst));
            blocks.wake();
            assert!(thread.join().is_err());
        });
    }
}

#[test]
fn inside_forbid_blocking_what_would_wait_panics() {
    let _watchdog = watchdog();
    for row in ROWS {
        on_workers(1, || {
            let blocks = (row.make)();
            let for_helper = blocks.clone();
            let helper = spawn_waiting(move || {
                coroutine::forbid_blocking(|| for_helper.call(Some(DAYS)));
            });
            // What is inside a scope is waited for all the same.
            blocks.wake();
            let payload = helper.join().unwrap_err();
            let text = may_tests::message(&*payload);
            assert!(text.contains("forbid_blocking"), "{}: {text}", row.name());
        });
    }
}

/// The functions with a section on cancellation, as `file name`.
fn documented(directory: &Path, root: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            documented(&path, root, found);
            continue;
        }
        let file = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap();
        let mut section = false;
        for line in text.lines().map(str::trim_start) {
            if line.starts_with("/// # Cancellation") {
                section = true;
            } else if section && !line.starts_with("///") && !line.starts_with("#[") {
                section = false;
                if let Some((_, rest)) = line.split_once("fn ") {
                    let name: String = rest
                        .chars()
                        .take_while(|c| c.is_alphanumeric() || *c == '_')
                        .collect();
                    found.insert(format!("{file} {name}"));
                }
            }
        }
    }
}

#[test]
fn every_function_that_can_be_cancelled_has_a_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../may-core/src");
    let mut found = BTreeSet::new();
    documented(&root, &root, &mut found);
    assert!(
        found.len() >= ROWS.len(),
        "the search finds too little: {found:?}"
    );
    found.retain(|name| {
        !ELSEWHERE
            .iter()
            .any(|elsewhere| name.starts_with(elsewhere))
    });
    let rows: BTreeSet<String> = ROWS
        .iter()
        .flat_map(|row| row.covers)
        .map(|name| (*name).to_owned())
        .collect();
    assert_eq!(found, rows);
}
