//! [`Runtime`]: workers that belong to a value, and end with it.

use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::shutdown::{self, ShutdownError};
use crate::coroutine::unwinding;
use crate::park;
use crate::spawn::builder::spawned;
use crate::spawn::scope::run_borrowing;
use crate::spawn::{Builder, CoroutineFn, JoinHandle, SpawnIn};
use crate::worker::{RuntimeBuilder, Shared, with_local};

/// How long dropping a runtime waits for its coroutines.
const DROP_TIMEOUT: Duration = Duration::from_secs(10);

/// A runtime of one's own, beside the default one: for tests, for libraries, for a clean end.
///
/// Coroutines that its coroutines spawn belong to it, too. Dropping it is
/// [`shutdown`](Runtime::shutdown) with ten seconds; where blocking is an error it is told to end
/// and not waited for.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use may::runtime::Runtime;
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// let handle = runtime.spawn(|| 20);
/// let sum = runtime.run(|| 22 + handle.join().unwrap());
/// assert_eq!(sum, 42);
/// runtime.shutdown(Duration::from_secs(1))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Runtime {
    shared: Arc<Shared>,
    /// Whether it was shut down, and `drop` has nothing to do.
    stopped: bool,
}

impl Runtime {
    /// Starts a runtime with default settings.
    ///
    /// # Errors
    ///
    /// If the operating system has no descriptor, no thread or no memory left. Nothing of the
    /// runtime is left behind then.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = may::runtime::Runtime::new()?;
    /// assert_eq!(runtime.run(|| "done"), "done");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> io::Result<Runtime> {
        Runtime::builder().build()
    }

    /// Settings for a runtime.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::new()
    }

    /// How many threads run coroutines.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.shared.workers()
    }

    /// Spawns a coroutine on this runtime.
    ///
    /// # Panics
    ///
    /// Panics where [`spawn_with`](Self::spawn_with) returns an error.
    ///
    /// # Examples
    ///
    /// See [`Runtime`].
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        spawned(self.spawn_with(Builder::new(), f))
    }

    /// Spawns a coroutine on this runtime as a builder says.
    ///
    /// # Errors
    ///
    /// If the runtime is being shut down, or the placement names no worker.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{coroutine::{Builder, Placement}, runtime::Runtime};
    ///
    /// let runtime = Runtime::builder().workers(2).build()?;
    /// let builder = Builder::new().placement(Placement::Worker(1));
    /// runtime.spawn_with(builder, || ())?.join().unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_with<F, T>(&self, builder: Builder, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        builder.spawn_on(&self.shared, Location::caller(), f)
    }

    /// Runs `f` as a coroutine of this runtime and waits for its end; the calling thread does
    /// nothing else meanwhile.
    ///
    /// `f` may borrow from the caller. (It must be `Send`: it runs on another thread.)
    ///
    /// # Panics
    ///
    /// Goes on with what `f` raises, and panics if the runtime is being shut down.
    ///
    /// # Examples
    ///
    /// See [`Runtime`].
    #[track_caller]
    pub fn run<F, T>(&self, f: F) -> T
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        let root = Builder::new().name("root".to_owned());
        run_borrowing(&self.shared, root, Location::caller(), f)
            .unwrap_or_else(|payload| unwinding::resume(payload))
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Ends the runtime: cancels its coroutines, waits until they have unwound, and until its
    /// threads have ended, together at most for about `timeout`. A coroutine that has not started
    /// never does; its closure is dropped, and its join returns
    /// [`Cancelled`](crate::coroutine::Cancelled).
    ///
    /// In a coroutine of another runtime the caller is suspended meanwhile. This is no point of
    /// cancellation: a runtime that was asked to end is waited for.
    ///
    /// # Errors
    ///
    /// If coroutines are left when the time is over: they computed, or blocked in a destructor, or
    /// in a shield. They are given up: their stacks and threads stay until the process ends, and a
    /// join of one of them waits as long. What has not started ends nevertheless, unless it is
    /// bound to a worker that never comes back.
    ///
    /// Also if all coroutines have ended, but threads are left, because they run destructors of
    /// thread-locals. Then [`coroutines`](ShutdownError::coroutines) is zero, and the threads end
    /// by themselves.
    ///
    /// # Panics
    ///
    /// Panics on one of the runtime's own workers, which cannot wait for itself. The runtime ends
    /// all the same, unattended. So it does where blocking is an error: in
    /// [`forbid_blocking`](crate::coroutine::forbid_blocking), and in the waker of a future that
    /// runs on a worker.
    ///
    /// # Examples
    ///
    /// See [`Runtime`].
    pub fn shutdown(mut self, timeout: Duration) -> Result<(), ShutdownError> {
        let result = self.stop(timeout);
        self.stopped = true;
        result
    }

    /// Whether this is one of the runtime's own workers.
    fn is_own_worker(&self) -> bool {
        with_local(|local| local.is_some_and(|local| local.belongs_to(&self.shared)))
    }

    fn stop(&self, timeout: Duration) -> Result<(), ShutdownError> {
        self.shared.stop();
        assert!(
            !self.is_own_worker(),
            "a runtime cannot be shut down, or dropped, by one of its own coroutines: it would wait for itself"
        );
        shutdown::end(&self.shared, timeout)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if self.stopped {
            return;
        }
        if !park::may_block() || (self.is_own_worker() && std::thread::panicking()) {
            // A panic here would be one too many. The workers end by themselves.
            return self.shared.stop();
        }
        // A destructor cannot return that something was left.
        let _ = self.stop(DROP_TIMEOUT);
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("workers", &self.workers())
            .finish_non_exhaustive()
    }
}

impl RuntimeBuilder {
    /// Starts the runtime.
    ///
    /// # Errors
    ///
    /// If the operating system has no descriptor, no thread or no memory left, or cannot bind
    /// threads to processors; `InvalidInput` if the name contains a NUL byte. Nothing of the
    /// runtime is left behind then.
    ///
    /// # Examples
    ///
    /// See [`Runtime`].
    pub fn build(self) -> io::Result<Runtime> {
        Ok(Runtime {
            shared: Shared::start(self)?,
            stopped: false,
        })
    }
}

impl<C> SpawnIn<C> for &Runtime
where
    C: CoroutineFn + Send + 'static,
    C::Output: Send + 'static,
{
    type Spawned = JoinHandle<C::Output>;

    #[track_caller]
    fn spawn_body(self, mut body: C) -> JoinHandle<C::Output> {
        let builder = body.builder();
        spawned(builder.spawn_on(&self.shared, Location::caller(), || body.run()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;
    use crate::blocking::unblock;
    use crate::sys::thread::CAN_PIN;

    #[test]
    fn a_runtime_has_no_more_blocking_threads_than_it_may() {
        static BUSY: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        let runtime = Runtime::builder()
            .workers(2)
            .blocking_threads(3)
            .build()
            .unwrap();
        let jobs: Vec<_> = (0..12)
            .map(|_| {
                runtime.spawn(|| {
                    unblock(|| {
                        MOST.fetch_max(BUSY.fetch_add(1, SeqCst) + 1, SeqCst);
                        std::thread::sleep(Duration::from_millis(10));
                        BUSY.fetch_sub(1, SeqCst);
                    });
                })
            })
            .collect();
        jobs.into_iter().for_each(|job| job.join().unwrap());
        assert_eq!(MOST.load(SeqCst), 3);
    }

    #[test]
    fn workers_are_pinned_or_the_start_says_why_not() {
        let built = Runtime::builder().workers(1).pin_workers(true).build();
        assert_eq!(built.is_ok(), CAN_PIN);
        match built {
            Ok(runtime) => {
                let processors = || std::thread::available_parallelism().unwrap().get();
                assert_eq!(runtime.run(processors), 1);
                // Threads for blocking work are not bound to the processor of a worker.
                assert_eq!(runtime.run(|| unblock(processors)), processors());
            }
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::Unsupported),
        }
    }
}
