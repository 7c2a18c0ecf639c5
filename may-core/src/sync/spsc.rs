//! One sender, one receiver: neither can be cloned or shared, so the types say that there are two parties.
//!
//! It is the same channel below: on one worker, where pairs mostly live, nothing would be saved by knowing that there are two, and
//! the messages are exchanged under a lock that nobody else holds.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::channel;

pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

/// Makes a channel that holds as many messages as there is memory for, so that sending never waits.
///
/// # Examples
///
/// ```
/// use may_core::{spawn::spawn, sync::spsc};
///
/// let (sender, receiver) = spsc::channel();
/// spawn(move || (0..3).for_each(|i| sender.send(i).unwrap()));
/// assert_eq!(receiver.iter().sum::<i32>(), 3);
/// ```
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    pair(channel::unbounded())
}

/// Makes a channel that holds at most `bound` messages; with zero, each message passes when both are there at the same time.
#[must_use]
pub fn sync_channel<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    pair(channel::bounded(bound))
}

/// The ends of a channel that is not shared further.
fn pair<T>(
    (sender, receiver): (channel::Sender<T>, channel::Receiver<T>),
) -> (Sender<T>, Receiver<T>) {
    (Sender(sender, PhantomData), Receiver(receiver, PhantomData))
}

/// The sending side.
pub struct Sender<T>(channel::Sender<T>, PhantomData<Cell<()>>);

impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Sender<T> {
    /// Sends a message, waiting for room.
    ///
    /// # Errors
    ///
    /// The message comes back if the receiver has gone.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and the message was not sent.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.0
            .send(message)
            .map_err(|channel::SendError(message)| SendError(message))
    }

    /// Sends a message if there is room now.
    ///
    /// # Errors
    ///
    /// The message comes back if the channel is full, or if the receiver has gone.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.0.try_send(message).map_err(|error| match error {
            channel::TrySendError::Full(message) => TrySendError::Full(message),
            channel::TrySendError::Disconnected(message) => TrySendError::Disconnected(message),
        })
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}

/// The receiving side.
pub struct Receiver<T>(channel::Receiver<T>, PhantomData<Cell<()>>);

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

super::mpsc::receiver!();
