//! What can be waited for together with other things: the operations that `select!` knows.
//!
//! An event is an operation in the five steps of a wait (`wait/mod.rs`), one method for each. The engine (`select/`) calls them on
//! several events in turn; who blocks on one thing only calls the operation itself.
//!
//! * [`future`]: an event as a future

use std::any::Any;

use crate::util::clock::Deadline;
use crate::wait::Registration;

mod future;

pub use future::{EventFuture, TaskEvent};

/// An operation that may win a `select!` or lose it without a trace. Implemented by this crate only: the engine relies on it that an
/// entry that was linked by `register` is unlinked by `withdraw`, and that no method runs user code while it holds a lock.
///
/// The engine borrows an event from before `register` until after `withdraw`, so that entries in it stay where they are; a future that
/// waits for one is pinned. `register` runs no user code at all: the caller's wait is open.
pub trait RawEvent {
    /// Tries the operation; true if it has happened. The outcome stays in the event.
    fn offer(&mut self) -> bool;

    /// Registers the waiter, to be committed with the number `arm`; true if the operation is found to be possible, whether or not the
    /// waiter was registered.
    fn register(&mut self, by: &Registration, arm: u16) -> bool;

    /// Makes sure that the waiter is registered no longer.
    fn withdraw(&mut self);

    /// Carries the operation out after the waiter was committed through this event; false if somebody was faster.
    fn confirm(&mut self) -> bool {
        self.offer()
    }

    /// When the operation becomes possible by itself.
    #[doc(hidden)]
    fn due(&self) -> Due {
        Due(Deadline::NEVER)
    }

    /// Whether the event can ever happen.
    fn is_enabled(&self) -> bool {
        true
    }

    /// Whether the event is the caller's own cancellation.
    fn is_own_cancellation(&self) -> bool {
        false
    }

    /// Starts what the event needs to happen at all. Before the first registration; may panic.
    ///
    /// # Safety
    ///
    /// Before the event goes or is leaked, the caller takes the outcome, or calls [`cancel_child`](RawEvent::cancel_child) and
    /// [`wait_for_child`](RawEvent::wait_for_child); also if it unwinds itself.
    unsafe fn start(&mut self) {}

    /// Whether there may be a coroutine that must not outlive the select.
    fn has_child(&self) -> bool {
        false
    }

    /// Cancels that coroutine, because the event has lost.
    fn cancel_child(&self) {}

    /// Waits for the end of that coroutine. Nothing ends this wait, and nothing of the user's runs in it.
    fn wait_for_child(&self) {}

    /// Drops the result of that coroutine, which has ended; or returns what it raised, if it panicked. The result is the user's: this
    /// may panic.
    fn discard_child(&mut self) -> Option<Box<dyn Any + Send>> {
        None
    }
}

/// A time on the runtime's scale.
#[derive(Clone, Copy, Debug)]
pub struct Due(pub(crate) Deadline);

/// An event that may be missing, which never happens.
impl<E: RawEvent> RawEvent for Option<E> {
    fn offer(&mut self) -> bool {
        self.as_mut().is_some_and(E::offer)
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        self.as_mut().is_some_and(|event| event.register(by, arm))
    }

    fn withdraw(&mut self) {
        if let Some(event) = self {
            event.withdraw();
        }
    }

    fn confirm(&mut self) -> bool {
        self.as_mut().is_some_and(E::confirm)
    }

    fn due(&self) -> Due {
        self.as_ref().map_or(Due(Deadline::NEVER), E::due)
    }

    fn is_enabled(&self) -> bool {
        self.as_ref().is_some_and(E::is_enabled)
    }

    fn is_own_cancellation(&self) -> bool {
        self.as_ref().is_some_and(E::is_own_cancellation)
    }

    unsafe fn start(&mut self) {
        if let Some(event) = self {
            // SAFETY: (docs/safety.md, I3) as promised by the caller.
            unsafe { event.start() };
        }
    }

    fn has_child(&self) -> bool {
        self.as_ref().is_some_and(E::has_child)
    }

    fn cancel_child(&self) {
        if let Some(event) = self {
            event.cancel_child();
        }
    }

    fn wait_for_child(&self) {
        if let Some(event) = self {
            event.wait_for_child();
        }
    }

    fn discard_child(&mut self) -> Option<Box<dyn Any + Send>> {
        self.as_mut().and_then(E::discard_child)
    }
}

/// What an event that has happened leaves to its arm.
pub trait Finish {
    /// The outcome.
    type Output;

    /// Takes it out.
    fn finish(self) -> Self::Output;
}

impl<E: Finish> Finish for Option<E> {
    type Output = E::Output;

    fn finish(self) -> E::Output {
        self.expect("an event that is missing does not happen")
            .finish()
    }
}
