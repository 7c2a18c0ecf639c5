//! Many senders, one receiver; the counterpart of `std::sync::mpsc`, with its errors.
//!
//! A thin layer over [`crate::channel`], which has more: several receivers, reserved slots.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use crate::channel;

pub use crate::channel::SendTimeoutError;
pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

/// What the receivers of [`mpsc`](self), [`mpmc`](super::mpmc) and [`spsc`](super::spsc) have in
/// common: the methods with std's errors, the iterators, and the formatting.
macro_rules! receiver {
    () => {
        impl<T> Receiver<T> {
            /// Receives a message if there is one now.
            ///
            /// # Errors
            ///
            /// If the channel is empty; as disconnected if the other side has gone as well.
            pub fn try_recv(&self) -> Result<T, TryRecvError> {
                $crate::park::count_try();
                self.0.try_receive().map_err(|error| match error {
                    $crate::channel::Refused::NotNow => TryRecvError::Empty,
                    $crate::channel::Refused::Disconnected => TryRecvError::Disconnected,
                })
            }

            /// Receives a message, waiting for one.
            ///
            /// # Errors
            ///
            /// If the channel is empty and the other side has gone.
            ///
            /// # Cancellation
            ///
            /// A cancelled coroutine unwinds here, and no message was taken.
            pub fn recv(&self) -> Result<T, RecvError> {
                self.0.recv().map_err(|_| RecvError)
            }

            /// Receives a message, waiting for one for at most `timeout`.
            ///
            /// # Errors
            ///
            /// If no message came in time, or the channel is empty and the other side has gone.
            ///
            /// # Cancellation
            ///
            /// A cancelled coroutine unwinds here, and no message was taken.
            pub fn recv_timeout(
                &self,
                timeout: std::time::Duration,
            ) -> Result<T, RecvTimeoutError> {
                self.recv_until($crate::util::clock::Deadline::after(timeout))
            }

            /// Receives a message, waiting for one until `deadline` at the latest.
            ///
            /// # Errors
            ///
            /// As for [`recv_timeout`](Self::recv_timeout).
            ///
            /// # Cancellation
            ///
            /// A cancelled coroutine unwinds here, and no message was taken.
            pub fn recv_deadline(
                &self,
                deadline: std::time::Instant,
            ) -> Result<T, RecvTimeoutError> {
                self.recv_until($crate::util::clock::Deadline::at(deadline))
            }

            /// Receives a message, waiting until `deadline`.
            fn recv_until(
                &self,
                deadline: $crate::util::clock::Deadline,
            ) -> Result<T, RecvTimeoutError> {
                self.0.recv_until(deadline).map_err(|error| match error {
                    $crate::channel::Refused::NotNow => RecvTimeoutError::Timeout,
                    $crate::channel::Refused::Disconnected => RecvTimeoutError::Disconnected,
                })
            }

            /// Receives until the channel is empty and the other side has gone, waiting in between.
            pub fn iter(&self) -> Iter<'_, T> {
                Iter { rx: self }
            }

            /// Receives what is there now.
            pub fn try_iter(&self) -> TryIter<'_, T> {
                TryIter { rx: self }
            }
        }

        impl<T> std::fmt::Debug for Receiver<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad("Receiver { .. }")
            }
        }

        /// Receives until the channel is closed; see [`Receiver::iter`].
        #[derive(Debug)]
        pub struct Iter<'a, T: 'a> {
            rx: &'a Receiver<T>,
        }

        /// Receives what is there; see [`Receiver::try_iter`].
        #[derive(Debug)]
        pub struct TryIter<'a, T: 'a> {
            rx: &'a Receiver<T>,
        }

        /// Receives until the channel is closed, and owns the receiver.
        #[derive(Debug)]
        pub struct IntoIter<T> {
            rx: Receiver<T>,
        }

        impl<T> Iterator for Iter<'_, T> {
            type Item = T;

            fn next(&mut self) -> Option<T> {
                self.rx.recv().ok()
            }
        }

        impl<T> Iterator for TryIter<'_, T> {
            type Item = T;

            fn next(&mut self) -> Option<T> {
                self.rx.try_recv().ok()
            }
        }

        impl<T> Iterator for IntoIter<T> {
            type Item = T;

            fn next(&mut self) -> Option<T> {
                self.rx.recv().ok()
            }
        }

        impl<'a, T> IntoIterator for &'a Receiver<T> {
            type Item = T;
            type IntoIter = Iter<'a, T>;

            fn into_iter(self) -> Iter<'a, T> {
                self.iter()
            }
        }

        impl<T> IntoIterator for Receiver<T> {
            type Item = T;
            type IntoIter = IntoIter<T>;

            fn into_iter(self) -> IntoIter<T> {
                IntoIter { rx: self }
            }
        }
    };
}
pub(super) use receiver;

/// Receiving by a future, for the receivers that are a thin layer over the general one.
macro_rules! recv_async {
    () => {
        impl<T> Receiver<T> {
            /// The general receiver.
            pub(crate) fn inner(&self) -> &$crate::channel::Receiver<T> {
                &self.0
            }

            /// Receives a message, as a future that any executor can poll. If that is dropped no
            /// message was taken.
            ///
            /// # Errors
            ///
            /// If the channel is empty and the other side has gone.
            pub fn recv_async(
                &self,
            ) -> impl std::future::Future<Output = Result<T, RecvError>> + use<'_, T> {
                let received = self.0.recv_async();
                async move { received.await.map_err(|_| RecvError) }
            }
        }
    };
}
pub(super) use recv_async;

/// Makes a channel that holds as many messages as there is memory for, so that sending never waits.
///
/// # Examples
///
/// ```
/// use may::{coroutine::spawn, sync::mpsc};
///
/// let (sender, receiver) = mpsc::channel();
/// spawn(move || (0..3).for_each(|i| sender.send(i).unwrap()));
/// assert_eq!(receiver.iter().sum::<i32>(), 3);
/// ```
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = channel::unbounded();
    (Sender(sender), Receiver(receiver))
}

/// Makes a channel that holds at most `bound` messages; with zero, each message passes from a
/// sender to a receiver that is there at the same time.
///
/// # Examples
///
/// ```
/// use may::{coroutine::spawn, sync::mpsc};
///
/// let (sender, receiver) = mpsc::sync_channel(1);
/// spawn(move || (0..3).for_each(|i| sender.send(i).unwrap()));
/// assert_eq!(receiver.iter().sum::<i32>(), 3);
/// ```
#[must_use]
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let (sender, receiver) = channel::bounded(bound);
    (SyncSender(sender), Receiver(receiver))
}

/// The sending side of a [`channel()`]; the counterpart of `std::sync::mpsc::Sender`.
pub struct Sender<T>(channel::Sender<T>);

impl<T> Sender<T> {
    /// The general sender.
    pub(crate) fn inner(&self) -> &channel::Sender<T> {
        &self.0
    }

    /// Sends a message, without waiting. If more than a hundred wait for the receiver already,
    /// others get a turn now and then; a coroutine that is cancelled may unwind there, and that
    /// message was not sent.
    ///
    /// # Errors
    ///
    /// The message comes back if the receiver has gone.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.0
            .send(message)
            .map_err(|channel::SendError(message)| SendError(message))
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

/// The sending side of a [`sync_channel`]; the counterpart of `std::sync::mpsc::SyncSender`.
pub struct SyncSender<T>(channel::Sender<T>);

impl<T> SyncSender<T> {
    /// The general sender.
    pub(crate) fn inner(&self) -> &channel::Sender<T> {
        &self.0
    }

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

    /// Sends a message, waiting for room for at most `timeout`.
    ///
    /// # Errors
    ///
    /// The message comes back if there was no room in time, or if the receiver has gone.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and the message was not sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use may::sync::mpsc::{self, SendTimeoutError};
    ///
    /// let (sender, _receiver) = mpsc::sync_channel(0);
    /// let error = sender.send_timeout(1, Duration::from_micros(500)).unwrap_err();
    /// assert_eq!(error, SendTimeoutError::Timeout(1));
    /// ```
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

    /// Sends a message, as a future that any executor can poll. It waits for room.
    ///
    /// # Errors
    ///
    /// The message comes back if the receiver has gone.
    pub fn send_async(
        &self,
        message: T,
    ) -> impl Future<Output = Result<(), SendError<T>>> + use<'_, T> {
        let sent = self.0.send_async(message);
        async move {
            sent.await
                .map_err(|channel::SendError(message)| SendError(message))
        }
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

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> SyncSender<T> {
        SyncSender(self.0.clone())
    }
}

impl<T> fmt::Debug for SyncSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SyncSender { .. }")
    }
}

/// The right to send one message, which gives itself back when it is dropped; from
/// [`op::reserve`](crate::op::reserve) or an arm of a `select!`.
#[must_use]
pub struct SendRight<T>(channel::SendRight<T>);

impl<T> SendRight<T> {
    /// The same with the errors of std.
    pub(crate) fn new(right: channel::SendRight<T>) -> SendRight<T> {
        SendRight(right)
    }

    /// Sends the message, without waiting.
    ///
    /// # Errors
    ///
    /// The message comes back if all receivers have gone.
    pub fn send(self, message: T) -> Result<(), SendError<T>> {
        self.0
            .send(message)
            .map_err(|channel::SendError(message)| SendError(message))
    }
}

impl<T> fmt::Debug for SendRight<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SendRight { .. }")
    }
}

/// The receiving side of either; the counterpart of `std::sync::mpsc::Receiver`. There is one. It
/// may be shared by reference, as in May 0.3 and unlike std's: each message goes to one of those
/// that receive.
pub struct Receiver<T>(channel::Receiver<T>);

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

receiver!();
recv_async!();
