//! Operations of users' own: something to try, and signals that say when to try again.
//!
//! *No signal is lost.* A [`Signal`] counts; the operation notes the count before it tries, and
//! looks once more after it was registered. So a signal that is given in between is seen, and one
//! that is given later finds the registration.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::first::Row;
use super::{Caller, Needs, OpFuture, Operation, Parts, Queued, Queueing, Registration, Several};
use crate::prim::{AtomicUsize, Ordering};
use crate::wait::WaitQueue;

/// Tells those that wait for an operation that was made by [`when`] to try again.
///
/// # Examples
///
/// See [`when`].
#[derive(Debug)]
pub struct Signal {
    given: AtomicUsize,
    waiters: WaitQueue,
}

impl Signal {
    /// Makes a signal without waiters.
    #[must_use]
    pub fn new() -> Arc<Signal> {
        Arc::new(Signal {
            given: AtomicUsize::new(0),
            waiters: WaitQueue::new(),
        })
    }

    /// Makes all waiters for operations with this signal try again. Change the state that makes an
    /// operation possible before this call.
    pub fn notify(&self) {
        self.given.fetch_add(1, Ordering::Release);
        self.waiters.wake_all();
    }
}

/// The operation that happens when `take` returns something: it is called when the operation is
/// waited for, and again after each [notification](Signal::notify) of `signal`. What it takes has
/// happened.
///
/// # Examples
///
/// A value that one coroutine puts in, and others take:
///
/// ```
/// use std::sync::Mutex;
/// use may::op::{self, Operation, Signal};
/// use may::sync::Arc;
///
/// struct Slot {
///     value: Mutex<Option<String>>,
///     filled: Arc<Signal>,
/// }
///
/// impl Slot {
///     fn fill(&self, value: String) {
///         *self.value.lock().unwrap() = Some(value);
///         self.filled.notify();
///     }
///
///     fn take(&self) -> impl Operation<Output = String> {
///         op::when(&self.filled, || self.value.lock().unwrap().take())
///     }
/// }
///
/// let slot = Slot { value: Mutex::new(None), filled: Signal::new() };
/// slot.fill("x".into());
/// assert_eq!(slot.take().wait(), "x");
/// ```
pub fn when<T, F: FnMut() -> Option<T>>(signal: &Arc<Signal>, take: F) -> When<F> {
    when_any([signal], take)
}

/// As [`when`], with any number of signals. Without any, it happens at once or never.
///
/// # Examples
///
/// ```
/// use may::op::{self, Operation, Signal};
///
/// let signals = [Signal::new(), Signal::new()];
/// let mut numbers = vec![1, 2];
/// assert_eq!(op::when_any(&signals, || numbers.pop()).wait(), 2);
/// ```
pub fn when_any<'s, T, F: FnMut() -> Option<T>>(
    signals: impl IntoIterator<Item = &'s Arc<Signal>>,
    take: F,
) -> When<F> {
    let noticed = signals.into_iter().map(|signal| {
        Queued::new(Noticed {
            signal: signal.clone(),
            seen: 0,
        })
    });
    When {
        take,
        signals: Row::new(noticed.collect()),
    }
}

/// That a signal has been given.
struct Noticed {
    signal: Arc<Signal>,
    /// How often it had been given before the operation was last tried.
    seen: usize,
}

impl Queueing for Noticed {
    type Output = ();

    fn kind(&self) -> &'static str {
        "when"
    }

    fn queue(&self) -> &WaitQueue {
        &self.signal.waiters
    }

    fn attempt(&mut self) -> Option<()> {
        // Acquire: what came before the signal is visible to what is tried next.
        self.seen = self.signal.given.load(Ordering::Acquire);
        None
    }

    fn is_ready(&self) -> bool {
        self.signal.given.load(Ordering::Relaxed) != self.seen
    }
}

/// An operation of a user's own; from [`when`] and [`when_any`].
#[must_use = "an operation does nothing until it is waited for"]
pub struct When<F> {
    take: F,
    signals: Row<Queued<Noticed>>,
}

// The closure is not pinned, and the signals are in a box.
impl<F> Unpin for When<F> {}

impl<F> When<F> {
    /// Carries out a step for all signals.
    fn for_each(&mut self, mut step: impl FnMut(Pin<&mut dyn super::Arm<()>>)) {
        let mut signals = Pin::new(&mut self.signals);
        (0..signals.count()).for_each(|index| step(signals.as_mut().pinned(index)));
    }

    /// Whether something is so of a signal.
    fn any(&self, holds: impl Fn(&dyn super::Arm<()>) -> bool) -> bool {
        (0..self.signals.count()).any(|index| holds(self.signals.part(index)))
    }
}

impl<T, F: FnMut() -> Option<T>> Operation for When<F> {
    fn attempt(mut self: Pin<&mut Self>, by: Caller) -> Option<T> {
        self.for_each(|signal| _ = signal.attempt(by));
        (self.take)()
    }

    fn register(mut self: Pin<&mut Self>, by: &Registration) -> bool {
        let mut given = false;
        self.for_each(|signal| given |= signal.register(by));
        given
    }

    fn withdraw(mut self: Pin<&mut Self>, by: Caller) -> Option<T> {
        let committed = self.is_committed();
        self.for_each(|signal| _ = signal.withdraw(by));
        match committed {
            true => self.attempt(by),
            false => None,
        }
    }

    fn abandon(mut self: Pin<&mut Self>) {
        self.for_each(|signal| signal.abandon());
    }

    fn is_committed(&self) -> bool {
        self.any(|signal| signal.is_committed())
    }

    fn needs(&self) -> Needs {
        Several::needs(&self.signals)
    }
}

impl<T, F: FnMut() -> Option<T>> IntoFuture for When<F> {
    type Output = T;
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}

impl<F> fmt::Debug for When<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("When")
            .field("signals", &self.signals.count())
            .finish_non_exhaustive()
    }
}
