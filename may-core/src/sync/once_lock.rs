//! A value that is written once; the counterpart of `std::sync::OnceLock`.

use std::cell::UnsafeCell;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use super::once::Once;
use crate::operation::{Operation, Queued, Queueing, operation};
use crate::wait::WaitQueue;

/// A place that is filled once and read by all; the counterpart of `std::sync::OnceLock`, with the
/// same methods.
///
/// An initializer that panics or is cancelled leaves it empty.
///
/// # Examples
///
/// ```
/// use may::sync::OnceLock;
///
/// static LIMIT: OnceLock<u32> = OnceLock::new();
/// assert_eq!(LIMIT.get(), None);
/// assert_eq!(*LIMIT.get_or_init(|| 10), 10);
/// assert_eq!(LIMIT.set(11), Err(11));
/// ```
pub struct OnceLock<T> {
    once: Once,
    /// There is a value if `once` is completed. (Not a `MaybeUninit`: it would need a destructor
    /// here, and values that borrow from what is dropped before the lock would not be allowed.)
    value: UnsafeCell<Option<T>>,
}

// SAFETY: (R5) the value is written by one thread, read by others and dropped by any.
unsafe impl<T: Sync + Send> Sync for OnceLock<T> {}
// SAFETY: (R5) the lock owns its value.
unsafe impl<T: Send> Send for OnceLock<T> {}

impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}
impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}

impl<T> OnceLock<T> {
    const_unless_modelled! {
        /// Makes an empty one.
        #[must_use]
        pub fn new() -> OnceLock<T> {
            OnceLock {
                once: Once::new(),
                value: UnsafeCell::new(None),
            }
        }
    }

    /// The value, if it is there.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        match self.once.is_completed() {
            // SAFETY: (R5) `once` is completed, so there are no writers any more.
            true => unsafe { (*self.value.get()).as_ref() },
            false => None,
        }
    }

    /// The value, if it is there, for a caller that owns the place exclusively.
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    /// Waits until the place is filled.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    #[inline]
    pub fn wait(&self) -> &T {
        Queued::block(Filling(self))
    }

    /// Waits until the place is filled, for at most `timeout`; `None` if it is not filled in time.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use may::sync::OnceLock;
    ///
    /// let limit = OnceLock::new();
    /// assert_eq!(limit.wait_timeout(Duration::from_micros(500)), None);
    /// limit.set(10).unwrap();
    /// assert_eq!(limit.wait_timeout(Duration::from_micros(500)), Some(&10));
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> Option<&T> {
        Filled::new(self).wait_timeout(timeout)
    }

    /// Waits until the place is filled, until `deadline` at the latest; `None` if it is not filled
    /// by then.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    pub fn wait_deadline(&self, deadline: Instant) -> Option<&T> {
        Filled::new(self).wait_until(deadline)
    }

    /// Fills it.
    ///
    /// # Errors
    ///
    /// The value comes back if there is one already.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine that has to wait for another caller's initializer unwinds here.
    #[inline]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| value.take().expect("an initializer runs once"));
        match value {
            None => Ok(()),
            Some(value) => Err(value),
        }
    }

    /// The value, made by `f` if there is none. If several callers come at once, one of them runs
    /// its own initializer, and the others wait for it.
    ///
    /// # Panics
    ///
    /// Goes on with a panic of `f`. One that calls this again for the same place waits for itself.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine that waits for another caller's initializer unwinds here; one that is
    /// cancelled in its own leaves the place empty.
    #[inline]
    pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        self.once.call_once_force(|_| {
            let value = f();
            // SAFETY: (R5) `once` runs one initializer at a time, and there are no readers before
            // it has ended.
            unsafe { *self.value.get() = Some(value) };
        });
        self.get().expect("an initializer has returned")
    }

    /// Gives the value out.
    #[inline]
    pub fn into_inner(mut self) -> Option<T> {
        self.take()
    }

    /// Gives the value out and leaves the place empty.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        self.once.reset();
        self.value.get_mut().take()
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => debug.field(value),
            None => debug.field(&format_args!("<uninit>")),
        };
        debug.finish()
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> OnceLock<T> {
        self.get()
            .cloned()
            .map_or_else(OnceLock::new, OnceLock::from)
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> OnceLock<T> {
        let lock = OnceLock::new();
        lock.get_or_init(|| value);
        lock
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &OnceLock<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

/// The place's being filled.
struct Filling<'a, T>(&'a OnceLock<T>);

impl<'a, T> Queueing for Filling<'a, T> {
    type Output = &'a T;

    fn kind(&self) -> &'static str {
        "once"
    }

    fn queue(&self) -> &WaitQueue {
        self.0.once.waiters()
    }

    #[inline]
    fn attempt(&mut self) -> Option<&'a T> {
        self.0.get()
    }

    fn is_ready(&self) -> bool {
        self.0.once.is_completed()
    }

    fn spend_budget(&self) {}
}

operation! {
    /// A place's being filled; from [`op::wait`](crate::op::wait).
    pub struct Filled['a, T]['a, T] => &'a T
    as FilledKind FilledProjection {
        Filled(Queued<Filling<'a, T>>),
    }
}

impl<'a, T> Filled<'a, T> {
    /// That of one place.
    pub(crate) fn new(lock: &'a OnceLock<T>) -> Filled<'a, T> {
        let operation = Queued::new(Filling(lock));
        Filled {
            kind: FilledKind::Filled { operation },
        }
    }
}
