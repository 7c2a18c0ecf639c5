//! Work that blocks its thread, done on threads that are there for it.
//!
//! A small elastic pool: a job goes to an idle thread, or to a new one while there are fewer than the runtime of the caller
//! allows; beyond that it queues. There is one pool for the process: a runtime that allows few threads finds those that others
//! have started, and uses them. A thread that has had nothing to do for [`KEEP_ALIVE`] ends, so an idle pool is an empty one.
//!
//! The caller waits by the ordinary protocol (`wait/mod.rs`): the job stores its result, then wakes whoever waits for it. The
//! wait is shielded from cancellation, because the job may borrow from the caller's frame (I3).

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::coroutine::{cancel, current, unwinding};
use crate::park;
use crate::util::clock::Deadline;
use crate::wait::{Turn, WaitQueue};
use crate::worker::with_local;

/// How long a thread waits for another job before it ends.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// One piece of work; never unwinds.
type Job = Box<dyn FnOnce() + Send>;

/// The jobs that wait for a thread, and the threads.
struct Pool {
    jobs: VecDeque<Job>,
    idle: usize,
    threads: usize,
}

/// The one pool of the process.
static POOL: Mutex<Pool> = Mutex::new(Pool {
    jobs: VecDeque::new(),
    idle: 0,
    threads: 0,
});
/// Signalled when a job comes while a thread is idle.
static WORK: Condvar = Condvar::new();

/// The pool, locked; no code of the user's runs under the lock, so poison means nothing.
fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands a job to a thread, of which there may be `most`; gives it back if there is none and none can be started.
fn submit(job: Job, most: usize) -> Result<(), Job> {
    let mut pool = pool();
    pool.jobs.push_back(job);
    if pool.idle >= pool.jobs.len() {
        WORK.notify_one();
        return Ok(());
    }
    if pool.threads < most {
        let started = std::thread::Builder::new()
            .name("may-blocking".into())
            .spawn(serve);
        match started {
            Ok(_) => pool.threads += 1,
            // Without threads nobody would ever come to the job.
            Err(_) if pool.threads == 0 => {
                return pool.jobs.pop_back().map_or(Ok(()), Err);
            }
            Err(_) => {}
        }
    }
    Ok(())
}

/// How many threads the runtime of the calling coroutine allows.
fn most_threads() -> usize {
    with_local(|local| local.map_or(1, |local| local.shared().settings.blocking_threads))
}

/// The life of one of the pool's threads.
fn serve() {
    let mut locked = pool();
    loop {
        if let Some(job) = locked.jobs.pop_front() {
            drop(locked);
            job();
            locked = pool();
            continue;
        }
        locked.idle += 1;
        let (relocked, waited) = WORK
            .wait_timeout(locked, KEEP_ALIVE)
            .unwrap_or_else(PoisonError::into_inner);
        locked = relocked;
        locked.idle -= 1;
        if waited.timed_out() && locked.jobs.is_empty() {
            locked.threads -= 1;
            return;
        }
    }
}

/// Where a job leaves its result.
struct Packet<R> {
    result: Mutex<Option<Result<R, Box<dyn Any + Send>>>>,
    done: AtomicBool,
    caller: WaitQueue,
}

/// Runs `f`, which may block its thread, so that only the calling coroutine waits. On a plain thread `f` just runs.
///
/// `f` runs to its end even if the coroutine is cancelled meanwhile; what it raises goes on in the caller.
pub(crate) fn unblock<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    if current::coroutine().is_none() {
        return f();
    }
    park::assert_may_block();
    let packet = Arc::new(Packet {
        result: Mutex::new(None),
        done: AtomicBool::new(false),
        caller: WaitQueue::new(),
    });
    let for_job = packet.clone();
    let job: Box<dyn FnOnce() + Send + '_> = Box::new(move || {
        let result = catch_unwind(AssertUnwindSafe(f));
        *for_job
            .result
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(result);
        for_job.done.store(true, Ordering::Release);
        for_job.caller.wake_all();
    });
    // SAFETY: (docs/safety.md, I3) the wait below ends only when the job has dropped `f` and left its result, and a shielded
    // wait neither unwinds nor times out; so what the job borrows outlives it.
    let job = unsafe { std::mem::transmute::<Box<dyn FnOnce() + Send + '_>, Job>(job) };
    if let Err(job) = submit(job, most_threads()) {
        // No thread to be had: better to block this worker than to fail.
        job();
    }
    let is_done = || packet.done.load(Ordering::Acquire);
    cancel::insist(|| {
        while !is_done() {
            let _ = park::wait(&packet.caller, &Turn::until(Deadline::NEVER), is_done);
        }
    });
    let result = packet
        .result
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match result.expect("a job leaves its result before it is done") {
        Ok(value) => value,
        Err(payload) => unwinding::resume(payload),
    }
}
