//! A value that is made on first use; the counterpart of `std::sync::LazyLock`.

use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::once::Once;
use crate::coroutine::cancel::shield;
use crate::operation::{Map, Operation, Queued, Queueing, operation};
use crate::wait::WaitQueue;

/// A value that the first caller that asks for it makes; the counterpart of `std::sync::LazyLock`,
/// with the same methods.
///
/// The initializer can run only once, so it runs behind a shield: a coroutine that is cancelled
/// meanwhile is cancelled after it.
///
/// # Examples
///
/// ```
/// use may::sync::LazyLock;
///
/// static SQUARES: LazyLock<Vec<u32>> = LazyLock::new(|| (0..10).map(|i| i * i).collect());
/// assert_eq!(SQUARES[3], 9);
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    /// The value if `once` is completed.
    data: UnsafeCell<Data<T, F>>,
}

/// What is there.
enum Data<T, F> {
    Initializer(F),
    Value(T),
    /// The initializer runs, or has unwound.
    Nothing,
}

// SAFETY: (R5) the value is made by one thread, read by others and dropped by any; the initializer
// crosses over.
unsafe impl<T: Sync + Send, F: Send> Sync for LazyLock<T, F> {}
// `Send` as the fields are.

impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    const_unless_modelled! {
        /// Makes one whose value `initializer` will make.
        pub fn new(initializer: F) -> LazyLock<T, F> {
            LazyLock {
                once: Once::new(),
                data: UnsafeCell::new(Data::Initializer(initializer)),
            }
        }
    }

    /// The value, which is made now unless that has been done.
    ///
    /// # Panics
    ///
    /// Goes on with a panic of the initializer, and panics each time after that.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine that waits for another caller that makes the value unwinds here.
    #[inline]
    #[track_caller]
    pub fn force(this: &LazyLock<T, F>) -> &T {
        // By force, so that the panic is that of this type: no caller makes the value when the
        // initializer has unwound.
        this.once.call_once_force(|_| {
            let data = this.data.get();
            // SAFETY: (R5) `once` runs one initializer at a time, and there are no readers before
            // it has ended.
            let before = unsafe { std::mem::replace(&mut *data, Data::Nothing) };
            let Data::Initializer(initializer) = before else {
                refuse();
            };
            let value = shield(initializer);
            // SAFETY: (R5) as above.
            unsafe { *data = Data::Value(value) };
        });
        LazyLock::get(this).unwrap_or_else(|| refuse())
    }

    /// The value, which is made now unless that has been done, for a caller that owns the lock
    /// exclusively.
    ///
    /// # Panics
    ///
    /// As for [`force`](LazyLock::force).
    #[inline]
    #[track_caller]
    pub fn force_mut(this: &mut LazyLock<T, F>) -> &mut T {
        LazyLock::force(this);
        LazyLock::get_mut(this).unwrap_or_else(|| refuse())
    }
}

impl<T, F> LazyLock<T, F> {
    /// The value, if it has been made.
    #[inline]
    pub fn get(this: &LazyLock<T, F>) -> Option<&T> {
        if !this.once.is_completed() {
            return None;
        }
        // SAFETY: (R5) `once` is completed, so there are no writers any more.
        match unsafe { &*this.data.get() } {
            Data::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The value, if it has been made, for a caller that owns the lock exclusively.
    #[inline]
    pub fn get_mut(this: &mut LazyLock<T, F>) -> Option<&mut T> {
        match this.data.get_mut() {
            Data::Value(value) => Some(value),
            _ => None,
        }
    }
}

/// The panic of a call that has nothing to return.
#[cold]
fn refuse() -> ! {
    panic!("LazyLock instance has previously been poisoned")
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T, F: FnOnce() -> T> DerefMut for LazyLock<T, F> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        LazyLock::force_mut(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> LazyLock<T> {
        LazyLock::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("LazyLock");
        match LazyLock::get(self) {
            Some(value) => debug.field(value),
            None => debug.field(&format_args!("<uninit>")),
        };
        debug.finish()
    }
}

/// The value's having been made, by another; `None` if its initializer has panicked.
struct Making<'a, T, F>(&'a LazyLock<T, F>);

impl<'a, T, F> Queueing for Making<'a, T, F> {
    type Output = Option<&'a T>;

    fn kind(&self) -> &'static str {
        "once"
    }

    fn queue(&self) -> &WaitQueue {
        self.0.once.waiters()
    }

    fn attempt(&mut self) -> Option<Option<&'a T>> {
        self.is_ready().then(|| LazyLock::get(self.0))
    }

    fn is_ready(&self) -> bool {
        self.0.once.is_completed() || self.0.once.is_poisoned()
    }

    fn spend_budget(&self) {}
}

operation! {
    /// A value's having been made, by another; from [`op::wait`](crate::op::wait). It panics if the
    /// initializer has panicked, as each use of the value does then.
    pub struct Made['a, T, F]['a, T, F] => &'a T
    as MadeKind MadeProjection {
        Made(Map<Queued<Making<'a, T, F>>, fn(Option<&'a T>) -> &'a T>),
    }
}

impl<'a, T, F> Made<'a, T, F> {
    /// That of one value.
    pub(crate) fn new(lock: &'a LazyLock<T, F>) -> Made<'a, T, F> {
        let value: fn(Option<&'a T>) -> &'a T = |value| value.unwrap_or_else(|| refuse());
        let operation = Queued::new(Making(lock)).map(value);
        Made {
            kind: MadeKind::Made { operation },
        }
    }
}
