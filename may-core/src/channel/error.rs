//! Why an operation of a channel did not happen; what all kinds of channels have in common, before each interface makes its own
//! errors of it.

use crossbeam_channel::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};

/// Why a message was not sent; it comes back.
#[derive(Debug)]
pub(crate) enum Refused<T> {
    /// There was no room, or no receiver to meet, and the time was up.
    NoRoom(T),
    /// All receivers have gone.
    Disconnected(T),
}

impl<T> Refused<T> {
    /// Whether all receivers have gone.
    pub(crate) fn is_disconnected(&self) -> bool {
        matches!(self, Refused::Disconnected(_))
    }
}

/// Why no message was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recv {
    /// There was none, and the time was up.
    Empty,
    /// There was none, and all senders have gone.
    Disconnected,
}

impl<T> From<Refused<T>> for TrySendError<T> {
    fn from(refused: Refused<T>) -> TrySendError<T> {
        match refused {
            Refused::NoRoom(message) => TrySendError::Full(message),
            Refused::Disconnected(message) => TrySendError::Disconnected(message),
        }
    }
}

impl<T> From<Refused<T>> for SendTimeoutError<T> {
    fn from(refused: Refused<T>) -> SendTimeoutError<T> {
        match refused {
            Refused::NoRoom(message) => SendTimeoutError::Timeout(message),
            Refused::Disconnected(message) => SendTimeoutError::Disconnected(message),
        }
    }
}

impl<T> From<Refused<T>> for SendError<T> {
    fn from(refused: Refused<T>) -> SendError<T> {
        let (Refused::NoRoom(message) | Refused::Disconnected(message)) = refused;
        SendError(message)
    }
}

impl From<Recv> for TryRecvError {
    fn from(error: Recv) -> TryRecvError {
        match error {
            Recv::Empty => TryRecvError::Empty,
            Recv::Disconnected => TryRecvError::Disconnected,
        }
    }
}

impl From<Recv> for RecvTimeoutError {
    fn from(error: Recv) -> RecvTimeoutError {
        match error {
            Recv::Empty => RecvTimeoutError::Timeout,
            Recv::Disconnected => RecvTimeoutError::Disconnected,
        }
    }
}

impl From<Recv> for RecvError {
    fn from(_: Recv) -> RecvError {
        RecvError
    }
}
