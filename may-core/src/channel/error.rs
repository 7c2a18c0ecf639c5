//! Why an operation of a channel did not happen; what all kinds of channels have in common, before
//! each interface makes its own errors of it.

use crossbeam_channel::{RecvError, RecvTimeoutError, TryRecvError, TrySendError};

/// Why no message was sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There was no room, no message, or no other side, and the time was up.
    NotNow,
    /// The other side has gone, and no message is left.
    Disconnected,
}

impl Refused {
    /// The error of a call that tries to send.
    pub(crate) fn try_send<T>(self, message: T) -> TrySendError<T> {
        match self {
            Refused::NotNow => TrySendError::Full(message),
            Refused::Disconnected => TrySendError::Disconnected(message),
        }
    }
}

impl From<Refused> for TryRecvError {
    fn from(refused: Refused) -> TryRecvError {
        match refused {
            Refused::NotNow => TryRecvError::Empty,
            Refused::Disconnected => TryRecvError::Disconnected,
        }
    }
}

impl From<Refused> for RecvTimeoutError {
    fn from(refused: Refused) -> RecvTimeoutError {
        match refused {
            Refused::NotNow => RecvTimeoutError::Timeout,
            Refused::Disconnected => RecvTimeoutError::Disconnected,
        }
    }
}

impl From<Refused> for RecvError {
    fn from(_: Refused) -> RecvError {
        RecvError
    }
}
