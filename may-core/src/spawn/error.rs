//! What a join says about a coroutine that did not return.

use std::any::Any;
use std::fmt;

use crate::coroutine::Cancelled;
use crate::stack::OutOfStacks;

/// The result of a join: what the coroutine returned, or the payload with which it unwound.
///
/// The payload is the panic's, as for threads; or [`Cancelled`], or [`OutOfStacks`]. [`JoinError`]
/// tells them apart.
pub type Result<T> = std::thread::Result<T>;

/// A join's payload, told apart.
///
/// # Examples
///
/// ```
/// use may::coroutine::{self, JoinError, spawn};
///
/// let handle = spawn(coroutine::park);
/// handle.cancel();
/// match handle.join().map_err(JoinError::from) {
///     Err(JoinError::Cancelled) => {}
///     other => panic!("{other:?}"),
/// }
/// ```
#[non_exhaustive]
pub enum JoinError {
    /// The coroutine was cancelled.
    Cancelled,
    /// There was no stack for the coroutine, so it never ran.
    OutOfStacks(OutOfStacks),
    /// The coroutine panicked, with this payload.
    Panicked(Box<dyn Any + Send + 'static>),
}

impl JoinError {
    /// The message of a panic, if its payload is a text, as that of `panic!` is.
    #[must_use]
    pub fn panic_message(&self) -> Option<&str> {
        let JoinError::Panicked(payload) = self else {
            return None;
        };
        payload
            .downcast_ref::<&'static str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
    }
}

impl From<Box<dyn Any + Send + 'static>> for JoinError {
    fn from(payload: Box<dyn Any + Send + 'static>) -> JoinError {
        if payload.is::<Cancelled>() {
            JoinError::Cancelled
        } else if let Some(&error) = payload.downcast_ref::<OutOfStacks>() {
            JoinError::OutOfStacks(error)
        } else {
            JoinError::Panicked(payload)
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Cancelled => f.write_str("Cancelled"),
            JoinError::OutOfStacks(error) => f.debug_tuple("OutOfStacks").field(error).finish(),
            JoinError::Panicked(_) => f
                .debug_tuple("Panicked")
                .field(&self.panic_message().unwrap_or(".."))
                .finish(),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Cancelled => fmt::Display::fmt(&Cancelled, f),
            JoinError::OutOfStacks(error) => fmt::Display::fmt(error, f),
            JoinError::Panicked(_) => match self.panic_message() {
                Some(message) => write!(f, "the coroutine panicked: {message}"),
                None => f.write_str("the coroutine panicked"),
            },
        }
    }
}

impl std::error::Error for JoinError {}
