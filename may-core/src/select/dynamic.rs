//! A select over a set that is known only at run time.

use std::fmt;
use std::time::{Duration, Instant};

use super::engine::{Mode, select, select_or_default};
use crate::channel::{Receiver, RecvError, RecvEvent};
use crate::event::{Finish, RawEvent};
use crate::time::AfterEvent;
use crate::util::clock::Deadline;

/// Receives from the first of any number of channels that has a message.
///
/// For a fixed number of operations, of whatever kinds, `select!` reads better and costs less. All receivers have the same type of
/// message; what is received has happened when a call returns, and from the other channels nothing was taken.
///
/// # Examples
///
/// ```
/// use may_core::{channel::unbounded, select::Select};
///
/// let channels: Vec<_> = (0..3).map(|_| unbounded()).collect();
/// let mut all = Select::new();
/// for (_, receiver) in &channels {
///     all.recv(receiver);
/// }
/// channels[2].0.send("hello").unwrap();
/// let selected = all.wait();
/// assert_eq!((selected.index, selected.message), (2, Ok("hello")));
/// ```
pub struct Select<'a, T> {
    receivers: Vec<Option<&'a Receiver<T>>>,
    mode: Mode,
}

/// Which operation of a [`Select`] has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Selected<T> {
    /// The number that [`Select::recv`] has returned.
    pub index: usize,
    /// What was received: an error if that channel is empty and all its senders have gone. Such a channel is always ready, so it
    /// should be [removed](Select::remove).
    pub message: Result<T, RecvError>,
}

/// Nothing was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrySelectError;

/// Nothing was ready in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectTimeoutError;

impl fmt::Display for TrySelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("none of the operations could be carried out without waiting")
    }
}

impl fmt::Display for SelectTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("none of the operations could be carried out in time")
    }
}

impl std::error::Error for TrySelectError {}
impl std::error::Error for SelectTimeoutError {}

impl<'a, T> Select<'a, T> {
    /// Makes an empty set. Of several that are ready each is as likely as the others.
    #[must_use]
    pub fn new() -> Select<'a, T> {
        Select {
            receivers: Vec::new(),
            mode: Mode::Fair,
        }
    }

    /// Makes an empty set in which, of several that are ready, the one that was added first is taken. One that is always ready then
    /// keeps those behind it from ever having their turn.
    #[must_use]
    pub fn biased() -> Select<'a, T> {
        Select {
            mode: Mode::Biased,
            ..Select::new()
        }
    }

    /// Adds a receiver, and returns its number: 0 for the first, and so on.
    pub fn recv(&mut self, receiver: &'a Receiver<T>) -> usize {
        self.receivers.push(Some(receiver));
        self.receivers.len() - 1
    }

    /// Takes the receiver with a number out; the numbers of the others stay.
    ///
    /// # Panics
    ///
    /// Panics if no receiver has that number.
    #[track_caller]
    pub fn remove(&mut self, index: usize) {
        let receiver = self.receivers.get_mut(index).and_then(Option::take);
        assert!(receiver.is_some(), "the set has no receiver number {index}");
    }

    /// How many receivers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.receivers.iter().flatten().count()
    }

    /// Whether there are no receivers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits for the first message.
    ///
    /// # Panics
    ///
    /// Panics if the set is empty, because it would wait for ever.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and no message was taken.
    #[track_caller]
    pub fn wait(&mut self) -> Selected<T> {
        assert!(
            !self.is_empty(),
            "a select over nothing would wait for ever"
        );
        self.wait_until(Deadline::NEVER)
            .unwrap_or_else(|_| unreachable!("there is no deadline"))
    }

    /// Receives a message that is there now.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn try_wait(&mut self) -> Result<Selected<T>, TrySelectError> {
        self.run(|events, mode| select_or_default(events, mode))
            .ok_or(TrySelectError)
    }

    /// Waits for the first message for at most `timeout`.
    ///
    /// # Errors
    ///
    /// If none came in time.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Select::wait).
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<Selected<T>, SelectTimeoutError> {
        self.wait_until(Deadline::after(timeout))
    }

    /// Waits for the first message until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// If none came in time.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Select::wait).
    pub fn wait_deadline(&mut self, deadline: Instant) -> Result<Selected<T>, SelectTimeoutError> {
        self.wait_until(Deadline::at(deadline))
    }

    /// Waits until `deadline`.
    fn wait_until(&mut self, deadline: Deadline) -> Result<Selected<T>, SelectTimeoutError> {
        let mut time = AfterEvent::new(deadline);
        self.run(|events, mode| {
            let messages = events.len();
            // The time comes last, and is looked at when nothing else is ready.
            if let Some(index) = select_or_default(events, mode) {
                return Some(index);
            }
            let mut all: Vec<&mut dyn RawEvent> = Vec::with_capacity(messages + 1);
            all.extend(
                events
                    .iter_mut()
                    .map(|event| &mut **event as &mut dyn RawEvent),
            );
            all.push(&mut time);
            select(&mut all, mode).filter(|index| *index < messages)
        })
        .ok_or(SelectTimeoutError)
    }

    /// Runs `f` over the events of the set.
    fn run(
        &mut self,
        f: impl FnOnce(&mut [&mut dyn RawEvent], Mode) -> Option<usize>,
    ) -> Option<Selected<T>> {
        let mut events: Vec<Option<RecvEvent<'a, T>>> = self
            .receivers
            .iter()
            .map(|receiver| receiver.map(RecvEvent::new))
            .collect();
        let mut arms: Vec<&mut dyn RawEvent> = events
            .iter_mut()
            .map(|event| event as &mut dyn RawEvent)
            .collect();
        let index = f(&mut arms, self.mode)?;
        Some(Selected {
            index,
            message: events.swap_remove(index).finish(),
        })
    }
}

impl<T> Default for Select<'_, T> {
    fn default() -> Self {
        Select::new()
    }
}

impl<T> fmt::Debug for Select<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("receivers", &self.len())
            .finish_non_exhaustive()
    }
}
