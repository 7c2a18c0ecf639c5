//! Events of users' own, without `unsafe`: something to try, and a signal that says when to try again.
//!
//! *No signal is lost.* A [`Signal`] counts; the engine notes the count before it tries the event, and looks once more after it was
//! registered. So a signal that is given in between is seen, and one that is given later finds the registration.

use std::fmt;
use std::sync::Arc;

use crate::event::{Finish, RawEvent};
use crate::prim::{AtomicUsize, Ordering, fence};
use crate::wait::{Entry, Registration, WaitQueue};

/// Tells those who wait for an [`Event`] to try again.
///
/// # Examples
///
/// See [`Event`].
#[derive(Debug)]
pub struct Signal {
    given: AtomicUsize,
    waiters: WaitQueue,
}

impl Signal {
    /// Makes a signal for which nobody waits.
    #[must_use]
    pub fn new() -> Arc<Signal> {
        Arc::new(Signal {
            given: AtomicUsize::new(0),
            waiters: WaitQueue::new(),
        })
    }

    /// Has everybody try again who waits for an event with this signal. What made the event possible comes before.
    pub fn notify(&self) {
        self.given.fetch_add(1, Ordering::Release);
        self.waiters.wake_all();
    }
}

/// Something that `select!` can wait for by `on(..)`.
///
/// # Examples
///
/// A value that somebody fills in:
///
/// ```
/// use std::sync::Mutex;
/// use may::select::{Event, Signal};
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
/// }
///
/// impl Event for &Slot {
///     type Output = String;
///
///     fn try_take(&mut self) -> Option<String> {
///         self.value.lock().unwrap().take()
///     }
///
///     fn signals(&self, add: &mut dyn FnMut(&Arc<Signal>)) {
///         add(&self.filled);
///     }
/// }
/// # let slot = Slot { value: Mutex::new(None), filled: Signal::new() };
/// # slot.fill("x".into());
/// # assert!((&mut &slot).try_take().is_some());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something `select!` can wait on",
    label = "not an `Event`",
    note = "implement `may::select::Event` for it",
    note = "or write `run(..)` to run blocking code as an arm"
)]
pub trait Event {
    /// What the arm gets.
    type Output;

    /// Takes the output if it is there, without waiting. What it takes has happened: the arm has won.
    fn try_take(&mut self) -> Option<Self::Output>;

    /// Names the signals after which [`try_take`](Event::try_take) may succeed. Asked once for each select.
    fn signals(&self, add: &mut dyn FnMut(&Arc<Signal>));

    /// Whether it can ever happen. If not, its arm is disabled; so is that of an `Option` that is `None`.
    fn is_enabled(&self) -> bool {
        true
    }
}

#[diagnostic::do_not_recommend]
impl<E: Event + ?Sized> Event for &mut E {
    type Output = E::Output;

    fn try_take(&mut self) -> Option<E::Output> {
        (**self).try_take()
    }

    fn signals(&self, add: &mut dyn FnMut(&Arc<Signal>)) {
        (**self).signals(add);
    }

    fn is_enabled(&self) -> bool {
        (**self).is_enabled()
    }
}

#[diagnostic::do_not_recommend]
impl<E: Event + ?Sized> Event for Box<E> {
    type Output = E::Output;

    fn try_take(&mut self) -> Option<E::Output> {
        (**self).try_take()
    }

    fn signals(&self, add: &mut dyn FnMut(&Arc<Signal>)) {
        (**self).signals(add);
    }

    fn is_enabled(&self) -> bool {
        (**self).is_enabled()
    }
}

/// An event that may be there. If it is not, it never happens.
#[diagnostic::do_not_recommend]
impl<E: Event> Event for Option<E> {
    type Output = E::Output;

    fn try_take(&mut self) -> Option<E::Output> {
        self.as_mut()?.try_take()
    }

    fn signals(&self, add: &mut dyn FnMut(&Arc<Signal>)) {
        if let Some(event) = self {
            event.signals(add);
        }
    }

    fn is_enabled(&self) -> bool {
        self.as_ref().is_some_and(E::is_enabled)
    }
}

/// One signal of an event.
#[derive(Debug)]
struct Watched {
    signal: Arc<Signal>,
    /// How often it had been given before the event was last tried.
    seen: usize,
    entry: Entry,
}

/// A user's event, as an arm.
pub struct OnEvent<E: Event> {
    event: E,
    /// Boxed, so that the entries stay where they are.
    signals: Box<[Watched]>,
    taken: Option<E::Output>,
}

/// The event that is a user's.
pub fn on<E: Event>(event: E) -> OnEvent<E> {
    OnEvent {
        signals: watched(&event),
        event,
        taken: None,
    }
}

/// What to watch for an event.
fn watched(event: &impl Event) -> Box<[Watched]> {
    let mut signals = Vec::new();
    event.signals(&mut |signal| {
        signals.push(Watched {
            signal: signal.clone(),
            seen: 0,
            entry: Entry::new(),
        });
    });
    signals.into_boxed_slice()
}

impl<E: Event> OnEvent<E> {
    /// Begins another select over the same event.
    pub(super) fn watch_anew(&mut self) {
        self.signals = watched(&self.event);
    }

    /// Takes the output of the event, which has happened.
    pub(super) fn take(&mut self) -> E::Output {
        self.taken.take().expect("the operation has happened")
    }
}

impl<E: Event> RawEvent for OnEvent<E> {
    fn is_enabled(&self) -> bool {
        self.event.is_enabled()
    }

    fn offer(&mut self) -> bool {
        for watched in &mut self.signals {
            // Acquire: what came before the signal is visible to what is tried now.
            watched.seen = watched.signal.given.load(Ordering::Acquire);
        }
        self.taken = self.event.try_take();
        self.taken.is_some()
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        for watched in &mut self.signals {
            // SAFETY: (docs/safety.md, R7) the engine has it unlinked from this queue, which is counted, before the event goes.
            unsafe { watched.entry.link_in(&watched.signal.waiters, by, arm) };
        }
        // Pairs with the fence of whoever gives the signal.
        fence(Ordering::SeqCst);
        self.signals
            .iter()
            .any(|watched| watched.signal.given.load(Ordering::Relaxed) != watched.seen)
    }

    fn withdraw(&mut self) {
        for watched in &mut self.signals {
            if watched.entry.is_used() {
                // SAFETY: (docs/safety.md, R7) it was linked there.
                unsafe { watched.entry.unlink_from(&watched.signal.waiters) };
            }
        }
    }
}

impl<E: Event> Finish for OnEvent<E> {
    type Output = E::Output;

    fn finish(mut self) -> E::Output {
        self.take()
    }
}

impl<E: Event> fmt::Debug for OnEvent<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("OnEvent { .. }")
    }
}
