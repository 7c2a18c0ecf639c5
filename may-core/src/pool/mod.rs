//! Threads for work that blocks its thread: an elastic pool, one for each runtime.
//!
//! A job goes to an idle thread, or to a new one while there are fewer than the pool may have;
//! beyond that it queues, first come, first served. A thread that has had nothing to do for
//! [`KEEP_ALIVE`] ends, so an idle pool is an empty one.
//!
//! The threads run like the one that made the pool, and not like the worker that happened to start
//! them, whose thread may be bound to one processor: neither a computation nor a child process is
//! to stay there.
//!
//! Jobs of one kind, looking up names, may hold a part of the threads only: a name server that does
//! not answer must not keep files from being read.
//!
//! Everything is under one lock, which is held for a few instructions, and while a thread is
//! started. A caller can take its job out again until a thread has taken it. So the queue holds
//! only jobs that a caller waits for.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::sys::thread::Conduct;

/// How long a thread waits for another job before it ends.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// What the threads are called.
const THREAD_NAME: &str = "may-blocking";

/// One piece of work.
pub(crate) trait Job: Send + Sync {
    fn run(&self);
}

/// What kind of work a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobKind {
    /// Anything.
    General,
    /// Looking up a name.
    LookUp,
}

/// All kinds.
const KINDS: [JobKind; 2] = [JobKind::General, JobKind::LookUp];

/// The jobs of one kind.
#[derive(Default)]
struct Jobs {
    /// Those that no thread has taken, by their numbers: the order in which they came.
    waiting: BTreeMap<u64, Arc<dyn Job>>,
    running: usize,
}

impl Jobs {
    /// How many could run if there were threads enough.
    fn runnable(&self, most: usize) -> usize {
        self.waiting.len().min(most.saturating_sub(self.running))
    }
}

/// The jobs and the threads.
#[derive(Default)]
struct State {
    jobs: [Jobs; KINDS.len()],
    /// How many jobs have come.
    count: u64,
    idle: usize,
    threads: usize,
    /// Threads end when there is nothing to do.
    closed: bool,
}

/// See the module's documentation.
pub(crate) struct Pool {
    state: Mutex<State>,
    /// Signalled when a job comes while a thread is idle.
    work: Condvar,
    most_threads: usize,
    /// How its threads run.
    conduct: Conduct,
}

/// A job that was handed in. Takes it out of the queue, if it is still there, when it is dropped.
pub(crate) struct Submission<'a> {
    pool: &'a Pool,
    kind: JobKind,
    number: u64,
}

impl Pool {
    /// A pool of at most so many threads, and without any yet; `are_pinned` says whether the
    /// workers that will start them are bound to processors.
    pub(crate) fn new(most_threads: usize, are_pinned: bool) -> Arc<Pool> {
        Arc::new(Pool {
            state: Mutex::default(),
            work: Condvar::new(),
            most_threads: most_threads.max(1),
            conduct: Conduct::current(are_pinned),
        })
    }

    /// Hands in a job; `None` if there is no thread and none can be started.
    pub(crate) fn submit(
        self: &Arc<Pool>,
        kind: JobKind,
        job: Arc<dyn Job>,
    ) -> Option<Submission<'_>> {
        let mut state = self.lock();
        state.count += 1;
        let ticket = Submission {
            pool: self,
            kind,
            number: state.count,
        };
        state.jobs[kind as usize].waiting.insert(ticket.number, job);
        self.provide_thread(&mut state);
        let has_threads = state.threads > 0;
        drop(state);
        // (Dropping the ticket takes the job out.)
        has_threads.then_some(ticket)
    }

    /// Makes threads end as soon as they have nothing to do. Jobs may still come.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
    }

    /// How many jobs of a kind may run at once.
    fn most(&self, kind: JobKind) -> usize {
        match kind {
            JobKind::General => self.most_threads,
            JobKind::LookUp => (self.most_threads / 2).max(1),
        }
    }

    /// Provides a thread for a job that has become runnable, if there may be one.
    fn provide_thread(self: &Arc<Pool>, state: &mut State) {
        let runnable = KINDS.map(|kind| state.jobs[kind as usize].runnable(self.most(kind)));
        let runnable = runnable.iter().sum();
        if state.idle >= runnable {
            // Each runnable job has an idle thread, which was or is being told.
            self.work.notify_one();
        } else if state.threads < self.most_threads {
            let pool = self.clone();
            let started = std::thread::Builder::new()
                .name(THREAD_NAME.to_owned())
                .spawn(move || pool.serve());
            state.threads += usize::from(started.is_ok());
        }
    }

    /// Takes the job that has waited longest, of those that may run.
    fn take(&self, state: &mut State) -> Option<(JobKind, Arc<dyn Job>)> {
        let may_run = |kind: &JobKind| state.jobs[*kind as usize].runnable(self.most(*kind)) > 0;
        let first = |kind: &JobKind| state.jobs[*kind as usize].waiting.first_key_value();
        let kind = KINDS
            .into_iter()
            .filter(may_run)
            .min_by_key(|kind| first(kind).map(|(number, _)| *number))?;
        let jobs = &mut state.jobs[kind as usize];
        let (_, job) = jobs.waiting.pop_first()?;
        jobs.running += 1;
        Some((kind, job))
    }

    /// The life of one thread.
    fn serve(self: Arc<Pool>) {
        self.conduct.adopt();
        let mut state = self.lock();
        loop {
            if let Some((kind, job)) = self.take(&mut state) {
                drop(state);
                // What is dropped with a job whose caller has left may panic; its report was
                // printed.
                let done = catch_unwind(AssertUnwindSafe(|| {
                    job.run();
                    drop(job);
                }));
                if let Err(payload) = done {
                    // Its destructor may panic, too, and the pool would lose the thread.
                    mem::forget(payload);
                }
                state = self.lock();
                state.jobs[kind as usize].running -= 1;
                if kind != JobKind::General {
                    // Another one of its kind has become runnable, and this thread may take a job
                    // that came earlier.
                    self.provide_thread(&mut state);
                }
                continue;
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            let (relocked, waited) = self
                .work
                .wait_timeout(state, KEEP_ALIVE)
                .unwrap_or_else(PoisonError::into_inner);
            state = relocked;
            state.idle -= 1;
            if waited.timed_out() && state.jobs.iter().all(|jobs| jobs.waiting.is_empty()) {
                break;
            }
        }
        state.threads -= 1;
    }

    /// The state, locked; no code of the user's runs under the lock, so poison means nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Submission<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        let job = state.jobs[self.kind as usize].waiting.remove(&self.number);
        drop(state);
        // Outside the lock, as it is the user's.
        drop(job);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Pool")
            .field("threads", &state.threads)
            .field("idle", &state.idle)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::{Job, JobKind, Pool, Submission};

    /// Says that it has begun, and goes on when it is told to.
    struct Held {
        begun: Sender<usize>,
        go_on: Mutex<Receiver<()>>,
        number: usize,
    }

    impl Job for Held {
        fn run(&self) {
            self.begun.send(self.number).unwrap();
            self.go_on.lock().unwrap().recv().unwrap();
        }
    }

    /// Hands in jobs that are held, and returns what lets each go on.
    fn submit<'a>(
        pool: &'a Arc<Pool>,
        kind: JobKind,
        numbers: std::ops::Range<usize>,
        begun: &Sender<usize>,
    ) -> Vec<(Submission<'a>, Sender<()>)> {
        let job = |number| {
            let (tell, go_on) = channel();
            let job = Held {
                begun: begun.clone(),
                go_on: Mutex::new(go_on),
                number,
            };
            (pool.submit(kind, Arc::new(job)).unwrap(), tell)
        };
        numbers.map(job).collect()
    }

    /// The numbers of the next jobs to begin, in ascending order.
    fn next(begun: &Receiver<usize>, count: usize) -> Vec<usize> {
        let mut numbers: Vec<_> = (0..count)
            .map(|_| begun.recv_timeout(Duration::from_secs(30)).unwrap())
            .collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn look_ups_leave_threads_for_others() {
        let pool = Pool::new(4, false);
        let (begun, begin) = channel();
        let look_ups = submit(&pool, JobKind::LookUp, 0..5, &begun);
        assert_eq!(next(&begin, 2), [0, 1]);
        let others = submit(&pool, JobKind::General, 10..13, &begun);
        assert_eq!(next(&begin, 2), [10, 11]);
        // One thread comes free: the look-up that follows is older than the other job.
        look_ups[0].1.send(()).unwrap();
        assert_eq!(next(&begin, 1), [2]);
        // A thread that did something else takes something else, as two look-ups run.
        others[0].1.send(()).unwrap();
        assert_eq!(next(&begin, 1), [12]);
        for (_ticket, tell) in look_ups[1..].iter().chain(&others[1..]) {
            tell.send(()).unwrap();
        }
        assert_eq!(next(&begin, 2), [3, 4]);
    }

    #[test]
    fn a_look_up_that_had_to_wait_gets_an_idle_thread() {
        let pool = Pool::new(2, false);
        let (begun, begin) = channel();
        let other = submit(&pool, JobKind::General, 0..1, &begun);
        assert_eq!(next(&begin, 1), [0]);
        let look_ups = submit(&pool, JobKind::LookUp, 10..12, &begun);
        assert_eq!(next(&begin, 1), [10]);
        other[0].1.send(()).unwrap();
        // Both threads are there now, but only one look-up may run.
        assert!(begin.recv_timeout(Duration::from_millis(50)).is_err());
        look_ups[0].1.send(()).unwrap();
        assert_eq!(next(&begin, 1), [11]);
        look_ups[1].1.send(()).unwrap();
    }

    #[test]
    fn a_panic_that_nobody_catches_takes_no_thread_away() {
        /// Panics when it is dropped, with another one of its kind, so many times.
        struct Panics(usize);
        impl Drop for Panics {
            fn drop(&mut self) {
                if let Some(left) = self.0.checked_sub(1) {
                    std::panic::resume_unwind(Box::new(Panics(left)));
                }
            }
        }
        impl Job for Panics {
            fn run(&self) {}
        }
        let pool = Pool::new(1, false);
        let (begun, begin) = channel();
        let ticket = pool.submit(JobKind::General, Arc::new(Panics(3)));
        let next_one = submit(&pool, JobKind::General, 0..1, &begun);
        assert_eq!(next(&begin, 1), [0]);
        next_one[0].1.send(()).unwrap();
        drop(ticket);
    }

    #[test]
    fn a_job_whose_ticket_is_dropped_is_not_run() {
        let pool = Pool::new(1, false);
        let (begun, begin) = channel();
        let mut jobs = submit(&pool, JobKind::General, 0..3, &begun);
        assert_eq!(next(&begin, 1), [0]);
        drop(jobs.remove(1));
        jobs[0].1.send(()).unwrap();
        assert_eq!(next(&begin, 1), [2]);
        jobs[1].1.send(()).unwrap();
        pool.close();
        drop(jobs);
        let start = std::time::Instant::now();
        while pool.lock().threads > 0 {
            assert!(start.elapsed() < Duration::from_secs(5), "a thread stays");
            std::thread::yield_now();
        }
    }
}
