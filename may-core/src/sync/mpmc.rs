//! Many senders, many receivers, with the errors of `std::sync::mpsc`; as std's own `mpmc`, which
//! is not stable yet.
//!
//! A thin layer over [`crate::channel`], which has the same with the errors of crossbeam-channel.

use std::fmt;
use std::time::{Duration, Instant};

use crate::channel;

pub use super::mpsc::SendRight;
pub use crate::channel::SendTimeoutError;
pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

/// Makes a channel that holds as many messages as there is memory for, so that sending never waits.
///
/// # Examples
///
/// ```
/// use may::{coroutine::scope, sync::mpmc};
///
/// let (jobs, queue) = mpmc::channel();
/// scope(|s| {
///     for _ in 0..2 {
///         let queue = queue.clone();
///         s.spawn(move || queue.iter().for_each(|job: u32| drop(job)));
///     }
///     (0..10).for_each(|job| jobs.send(job).unwrap());
///     drop(jobs);
/// });
/// ```
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = channel::unbounded();
    (Sender(sender), Receiver(receiver))
}

/// Makes a channel that holds at most `bound` messages; with zero, each message passes from a
/// sender to a receiver that is there at the same time.
#[must_use]
pub fn sync_channel<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = channel::bounded(bound);
    (Sender(sender), Receiver(receiver))
}

/// The sending side. May be cloned and shared.
pub struct Sender<T>(channel::Sender<T>);

impl<T> Sender<T> {
    /// The general sender.
    pub(crate) fn inner(&self) -> &channel::Sender<T> {
        &self.0
    }

    /// Sends a message if there is room now.
    ///
    /// # Errors
    ///
    /// The message comes back if the channel is full, or if all receivers have gone.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.0.try_send(message).map_err(|error| match error {
            channel::TrySendError::Full(message) => TrySendError::Full(message),
            channel::TrySendError::Disconnected(message) => TrySendError::Disconnected(message),
        })
    }

    /// Sends a message, waiting for room.
    ///
    /// # Errors
    ///
    /// The message comes back if all receivers have gone.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and the message was not sent.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.0
            .send(message)
            .map_err(|channel::SendError(message)| SendError(message))
    }

    /// Sends a message, waiting for room for at most `timeout`.
    ///
    /// # Errors
    ///
    /// The message comes back if there was no room in time, or if all receivers have gone.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and the message was not sent.
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.0.send_timeout(message, timeout)
    }

    /// Sends a message, waiting for room until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// As for [`send_timeout`](Self::send_timeout).
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and the message was not sent.
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.0.send_deadline(message, deadline)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender(self.0.clone())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}

/// The receiving side. May be cloned and shared; each message goes to one receiver.
pub struct Receiver<T>(channel::Receiver<T>);

super::mpsc::receiver!();
super::mpsc::recv_async!();

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        Receiver(self.0.clone())
    }
}

/// What both ends tell of the channel.
macro_rules! state {
    ($end:ident) => {
        impl<T> $end<T> {
            /// Whether there is no message in the channel.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// Whether there is no free slot in the channel. A rendezvous channel is always full,
            /// and empty.
            #[must_use]
            pub fn is_full(&self) -> bool {
                self.0.is_full()
            }

            /// How many messages are in the channel.
            #[must_use]
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// How many messages there is room for in all; `None` if there is no bound.
            #[must_use]
            pub fn capacity(&self) -> Option<usize> {
                self.0.capacity()
            }

            /// Whether both are of the same channel.
            #[must_use]
            pub fn same_channel(&self, other: &$end<T>) -> bool {
                self.0.same_channel(&other.0)
            }
        }
    };
}

state!(Sender);
state!(Receiver);
