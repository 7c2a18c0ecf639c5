//! Work that blocks its thread, done on threads that are there for it.
//!
//! For calls that May has no counterpart of: a library that does its own input and output, a
//! computation that takes long, a C function that waits. The calling coroutine waits for the
//! result, and the others of its worker run meanwhile.
//!
//! | | borrows from the caller | if the caller is cancelled while the job runs |
//! |---|---|---|
//! | [`unblock`] | yes | it waits for the job's end, and is cancelled at its next blocking call |
//! | [`unblock_detached`] | no | it unwinds at once; the job runs on, and its result is dropped |
//!
//! A job that no thread has taken yet is taken back: cancelled means that it did not happen. So the
//! queue in front of the threads is never longer than the number of waiting callers, and a bound
//! for them bounds the queue.
//!
//! Each runtime has threads of its own, at most as many as `blocking_threads` in its settings says
//! (512 without), which are called `may-blocking` and end when they have had nothing to do for ten
//! seconds. If the system has none to give, the job runs on the worker.
//!
//! A job is no part of the coroutine: [`coroutine::current`](crate::spawn::current) in it is its
//! thread, coroutine-local values are that thread's, and what blocks in it blocks that thread.
//!
//! # Protocol
//!
//! A task says in which phase it is, under a lock. A thread that takes it out of the queue goes on
//! only if it finds it waiting, and the caller takes it back only if it does; so exactly one of the
//! two has the closure. The one that finishes it leaves the result, then the phase, then wakes the
//! caller, by the ordinary protocol (`wait/mod.rs`).

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::coroutine::{cancel, current, unwinding};
use crate::operation::{Caller, Listed, Listing, wait};
use crate::park;
use crate::pool::{Job, JobKind, Pool, Submission};
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Committed, Registration, Seat, WaitList};
use crate::worker::default;

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// With the caller, before it is handed in, or after it was taken back.
    Kept,
    /// Handed in, and not begun.
    Waiting,
    /// A thread carries it out.
    Running,
    /// The result is there.
    Done,
}

/// What the caller and the thread agree upon.
struct State {
    phase: Phase,
    caller: WaitList,
}

/// A closure on its way to a thread, and its result on the way back.
struct Task<F, R> {
    state: SpinLock<State>,
    call: Mutex<Option<F>>,
    result: Mutex<Option<Result<R, Box<dyn Any + Send>>>>,
}

impl<F: FnOnce() -> R, R> Task<F, R> {
    /// A task that its caller keeps.
    fn new(call: F) -> Arc<Task<F, R>> {
        Arc::new(Task {
            state: SpinLock::new(State {
                phase: Phase::Kept,
                caller: WaitList::new(),
            }),
            call: Mutex::new(Some(call)),
            result: Mutex::new(None),
        })
    }
}

impl<F: FnOnce() -> R + Send, R: Send> Job for Task<F, R> {
    fn run(&self) {
        {
            let mut state = self.state.lock();
            if state.phase != Phase::Waiting {
                return;
            }
            state.phase = Phase::Running;
        }
        let call = lock(&self.call).take();
        let call = call.expect("the thread that begins a task has its closure");
        *lock(&self.result) = Some(catch_unwind(AssertUnwindSafe(call)));
        let mut state = self.state.lock();
        state.phase = Phase::Done;
        let (caller, _) = state.caller.wake_first();
        drop(state);
        if let Some(caller) = caller {
            caller.fire();
        }
    }
}

impl<F, R> Task<F, R> {
    /// Hands the task, which `job` is, too, to a thread of `pool` and waits for its end. If the
    /// caller is cancelled, or its time is up, a task that has not begun is taken back; one that
    /// runs is left alone, if that is what `abandons` says.
    fn run_on(&self, pool: &Arc<Pool>, kind: JobKind, job: &Arc<dyn Job>, abandons: bool) -> R {
        let running = Running {
            state: &self.state,
            pool,
            kind,
            job,
            abandons,
            ticket: Cell::new(None),
        };
        if wait(pin!(Listed::new(running))) == Phase::Running {
            // The job may borrow from the caller's frame (I3).
            cancel::insist(|| wait(pin!(Listed::new(Ending(&self.state)))));
        }
        let result = lock(&self.result).take();
        match result.expect("a job leaves its result before it is done") {
            Ok(value) => value,
            Err(payload) => unwinding::resume(payload),
        }
    }
}

/// A task's being done; or its running, if the caller is to go and a task that runs is not to be
/// abandoned.
struct Running<'a> {
    state: &'a SpinLock<State>,
    pool: &'a Arc<Pool>,
    kind: JobKind,
    job: &'a Arc<dyn Job>,
    abandons: bool,
    /// What the pool has given for the job.
    ticket: Cell<Option<Submission<'a>>>,
}

impl Listing for Running<'_> {
    type Output = Phase;
    type State = State;
    type Data = ();

    fn kind(&self) -> &'static str {
        "unblock"
    }

    fn lock(&self) -> &SpinLock<State> {
        self.state
    }

    fn list(state: &mut State) -> &mut WaitList {
        &mut state.caller
    }

    fn data(&self, _state: &mut State, _by: &Registration) {}

    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<Phase, SpinGuard<'_, State>> {
        loop {
            let mut state = self.state.lock();
            match state.phase {
                Phase::Kept => {}
                Phase::Waiting | Phase::Running => return Err(state),
                Phase::Done => return Ok(Phase::Done),
            }
            // For the first time; or it was taken back, and what was asked of the caller cannot be
            // delivered now.
            state.phase = Phase::Waiting;
            drop(state);
            let ticket = self.pool.submit(self.kind, self.job.clone());
            if ticket.is_none() {
                // No thread to be had: better to block this worker than to fail.
                self.job.run();
            }
            self.ticket.set(ticket);
        }
    }

    fn is_ready(&self, state: &mut State, _seat: Seat, _by: &Registration) -> bool {
        state.phase == Phase::Done
    }

    fn pass_on(&self, _committed: Committed<()>) {
        unreachable!("the caller waits, or takes the task back")
    }

    fn leave<'a>(&'a self, mut state: SpinGuard<'a, State>) -> Option<Phase> {
        match state.phase {
            Phase::Waiting => {
                state.phase = Phase::Kept;
                None
            }
            Phase::Running if self.abandons => None,
            Phase::Kept => None,
            phase @ (Phase::Running | Phase::Done) => Some(phase),
        }
    }

    fn spend_budget(&self) {}
}

/// A task's being done.
struct Ending<'a>(&'a SpinLock<State>);

impl Listing for Ending<'_> {
    type Output = ();
    type State = State;
    type Data = ();

    fn kind(&self) -> &'static str {
        "unblock"
    }

    fn lock(&self) -> &SpinLock<State> {
        self.0
    }

    fn list(state: &mut State) -> &mut WaitList {
        &mut state.caller
    }

    fn data(&self, _state: &mut State, _by: &Registration) {}

    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<(), SpinGuard<'_, State>> {
        let state = self.0.lock();
        match state.phase {
            Phase::Done => Ok(()),
            _ => Err(state),
        }
    }

    fn is_ready(&self, state: &mut State, _seat: Seat, _by: &Registration) -> bool {
        state.phase == Phase::Done
    }

    fn pass_on(&self, _committed: Committed<()>) {
        unreachable!("it is waited for until it has happened")
    }

    fn spend_budget(&self) {}
}

/// Drops the closure of a task, if the caller still has it, in the caller's frame: a thread that
/// has looked at a task in vain may hold it a moment longer, and must not be the one that drops
/// what borrows from that frame (I3).
struct DropsCall<'a, F>(&'a Mutex<Option<F>>);

impl<F> Drop for DropsCall<'_, F> {
    fn drop(&mut self) {
        let call = lock(self.0).take();
        drop(call);
    }
}

/// Locks a mutex of this module, under which nothing of the user's runs.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The threads of the caller's runtime; for a plain thread of the default one, if that has started
/// or can be.
fn pool() -> Option<Arc<Pool>> {
    default::with_current(|shared| shared.pool.clone()).ok()
}

/// Runs `f`, which may block its thread, on another thread, so that only the calling coroutine
/// waits. On a plain thread `f` just runs.
///
/// `f` may borrow from the caller. It runs to its end once it has begun, whatever becomes of the
/// coroutine: shutting a runtime down waits for it. For work that may be left alone when its result
/// is not needed any more see [`unblock_detached`].
///
/// See the [module's documentation](self) for the threads, and for what is different inside `f`.
///
/// # Panics
///
/// Goes on with what `f` raises.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here as long as `f` has not begun, and then it never does. After
/// that the cancellation is delivered at the next blocking call. The same goes for a
/// [`timeout`](crate::time::timeout) around the call.
///
/// # Examples
///
/// ```
/// use may::{blocking::unblock, coroutine::spawn};
///
/// let handle = spawn(|| {
///     let names = vec!["Cargo.toml", "src"];
///     // `metadata` of std blocks its thread; `names` is borrowed.
///     unblock(|| names.iter().filter(|name| std::fs::metadata(name).is_ok()).count())
/// });
/// assert!(handle.join().unwrap() <= 2);
/// ```
pub fn unblock<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    unblock_as(JobKind::General, f)
}

/// As [`unblock`], for a job of a kind.
pub(crate) fn unblock_as<R: Send>(kind: JobKind, f: impl FnOnce() -> R + Send) -> R {
    if !current::is_coroutine() {
        return f();
    }
    park::before_handing_over();
    let Some(pool) = pool() else {
        return f();
    };
    let task = Task::new(f);
    let _drops_call = DropsCall(&task.call);
    let job: Arc<dyn Job + '_> = task.clone();
    // SAFETY: (I3) the closure is called only between the phases waiting and done, and `run_on`
    // returns or unwinds only if the task is done or was taken back; and it is dropped by the call
    // or in this frame. The result is taken in this frame. What a thread holds of the task after
    // that is memory without anything in it.
    let job = unsafe { std::mem::transmute::<Arc<dyn Job + '_>, Arc<dyn Job>>(job) };
    task.run_on(&pool, kind, &job, false)
}

/// As [`unblock`], for work that need not be waited for: if the coroutine is cancelled, or the time
/// of a [`timeout`](crate::time::timeout) is up, the caller unwinds at once. `f` then runs on,
/// unattended, until it ends by itself, and its result is dropped.
///
/// Such a job keeps its thread, so many of them that never end leave none for others. On a plain
/// thread, too, `f` runs on a thread of the pool, of the default runtime.
///
/// # Panics
///
/// Goes on with what `f` raises, if the caller still waits for it. The panic is reported in any
/// case.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here. If `f` has not begun it never does; otherwise it goes on.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use may::{blocking::unblock_detached, time::timeout};
///
/// let (_sender, receiver) = std::sync::mpsc::channel::<u32>();
/// let answer = timeout(Duration::from_millis(10), || {
///     // waits forever, and blocks its thread
///     unblock_detached(move || receiver.recv())
/// });
/// assert!(answer.is_err());
/// ```
pub fn unblock_detached<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    park::before_handing_over();
    let Some(pool) = pool() else {
        return f();
    };
    let task = Task::new(f);
    let _drops_call = DropsCall(&task.call);
    let job: Arc<dyn Job> = task.clone();
    task.run_on(&pool, JobKind::General, &job, true)
}
