//! The handle to a coroutine's result.

use std::fmt;
use std::time::{Duration, Instant};

use super::identity::Coroutine;
use super::op::Joined;
use super::task::Joiner;
use crate::coroutine::header::Header;
use crate::operation::{Operation, wait_until};
use crate::util::clock::Deadline;

/// The right to a coroutine's result. Dropping it detaches the coroutine, which then runs on by
/// itself.
///
/// # Examples
///
/// ```
/// let handle = may::coroutine::spawn(|| 6 * 7);
/// assert_eq!(handle.join().unwrap(), 42);
/// ```
pub struct JoinHandle<T>(pub(super) Joiner<T>);

impl<T> JoinHandle<T> {
    /// Waits until the coroutine has ended, and returns its result.
    ///
    /// # Errors
    ///
    /// The payload with which the coroutine unwound: of a panic,
    /// [`Cancelled`](crate::coroutine::Cancelled) or [`OutOfStacks`](super::OutOfStacks).
    /// [`JoinError`](super::JoinError) tells them apart.
    ///
    /// # Panics
    ///
    /// Panics if a coroutine joins itself.
    ///
    /// # Cancellation
    ///
    /// If the caller is cancelled it unwinds here; the coroutine it waited for is detached and goes
    /// on.
    pub fn join(self) -> super::Result<T> {
        wait_for_end(&self.0);
        self.0.take()
    }

    /// Waits until the coroutine has ended, for at most `timeout`, and returns its result; `None`
    /// if it has not ended in time, and the handle can still be joined.
    ///
    /// # Errors
    ///
    /// As for [`join`](JoinHandle::join).
    ///
    /// # Panics
    ///
    /// Panics if the result was taken before.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and the handle can still be joined.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use may::coroutine::{self, spawn};
    ///
    /// let mut handle = spawn(coroutine::park);
    /// assert!(handle.join_timeout(Duration::from_micros(500)).is_none());
    /// handle.coroutine().unpark();
    /// handle.join().unwrap();
    /// ```
    pub fn join_timeout(&mut self, timeout: Duration) -> Option<super::Result<T>> {
        Joined::new(self).wait_timeout(timeout)
    }

    /// As [`join_timeout`](JoinHandle::join_timeout), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// As for [`join`](JoinHandle::join).
    ///
    /// # Panics
    ///
    /// As for [`join_timeout`](JoinHandle::join_timeout).
    ///
    /// # Cancellation
    ///
    /// As for [`join_timeout`](JoinHandle::join_timeout).
    pub fn join_deadline(&mut self, deadline: Instant) -> Option<super::Result<T>> {
        Joined::new(self).wait_until(deadline)
    }

    /// Waits until the coroutine has ended, and leaves its result for [`join`](JoinHandle::join).
    ///
    /// # Panics
    ///
    /// Panics if a coroutine waits for itself.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = may::coroutine::spawn(|| 6 * 7);
    /// handle.wait();
    /// assert!(handle.is_finished());
    /// assert_eq!(handle.join().unwrap(), 42);
    /// ```
    pub fn wait(&self) {
        wait_for_end(&self.0);
    }

    /// As [`wait`](JoinHandle::wait), for at most `timeout`; false if it has not ended in time.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](JoinHandle::wait).
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_until(Deadline::after(timeout))
    }

    /// As [`wait`](JoinHandle::wait), until `deadline` at the latest; false if it has not ended in
    /// time.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](JoinHandle::wait).
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_until(Deadline::at(deadline))
    }

    /// Waits until the coroutine has ended, at most until `deadline`; whether it has.
    pub(crate) fn wait_until(&self, deadline: Deadline) -> bool {
        wait_until("join", self.0.joiners(), deadline, || self.is_finished())
    }

    /// Whether the coroutine has ended, so that [`join`](Self::join) returns at once.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.is_done()
    }

    /// Asks the coroutine to end: its current or next blocking call unwinds, destructors run, and
    /// `join` returns [`Cancelled`](crate::coroutine::Cancelled). One that has not started yet
    /// never will.
    ///
    /// The request stays in force: what the coroutine catches is raised again at the next blocking
    /// call. It does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::coroutine::{self, Cancelled, spawn};
    ///
    /// let handle = spawn(coroutine::park);
    /// handle.cancel();
    /// assert!(handle.join().unwrap_err().is::<Cancelled>());
    /// ```
    pub fn cancel(&self) {
        self.coroutine().cancel();
    }

    /// The coroutine's handle.
    #[must_use]
    pub fn coroutine(&self) -> &Coroutine {
        self.0.coroutine()
    }

    /// The coroutine's handle, under the name that `std::thread::JoinHandle` gives it.
    #[must_use]
    pub fn thread(&self) -> &Coroutine {
        self.0.coroutine()
    }
}

/// Waits until the coroutine of `joiner` has ended.
pub(crate) fn wait_for_end<T>(joiner: &Joiner<T>) {
    if joiner.is_done() {
        return;
    }
    let own = Header::current() == Some(joiner.reference().as_ptr());
    assert!(!own, "a coroutine cannot join itself");
    wait_until("join", joiner.joiners(), Deadline::NEVER, || {
        joiner.is_done()
    });
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("coroutine", self.coroutine())
            .finish_non_exhaustive()
    }
}
