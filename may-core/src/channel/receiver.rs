//! The receiving side.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvError, RecvTimeoutError, TryRecvError};

use super::buffered::{self, Buffered};
use super::clock::{At, Tick};
use super::error::Refused;
use super::iter::{Iter, TryIter};
use super::op::{Recv, RecvFuture};
use super::packet::Packet;
use super::rendezvous::{self, Rendezvous};
use crate::operation::{Listed, OpFuture, Operation, wait_for};
use crate::park;
use crate::util::clock::Deadline;

/// The receiving side of a channel. May be cloned and shared; each message goes to one receiver.
/// The channel is disconnected when the last one is dropped.
///
/// # Examples
///
/// ```
/// use may::{channel::bounded, coroutine::spawn};
///
/// let (sender, receiver) = bounded(4);
/// let workers: Vec<_> = (0..3)
///     .map(|_| {
///         let receiver = receiver.clone();
///         spawn(move || receiver.iter().sum::<u32>())
///     })
///     .collect();
/// (1..=10).for_each(|job| sender.send(job).unwrap());
/// drop(sender);
/// assert_eq!(workers.into_iter().map(|worker| worker.join().unwrap()).sum::<u32>(), 55);
/// ```
pub struct Receiver<T>(pub(super) Flavor<T>);

/// What kind of channel it is.
pub(super) enum Flavor<T> {
    Buffered(Arc<Buffered<T>>),
    Rendezvous(Arc<Rendezvous<T>>),
    At(Arc<At<T>>),
    Tick(Arc<Tick<T>>),
    Never,
}

// A message is whole or not there: no panic leaves a channel in between.
impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    /// Receives a message if there is one now; in a rendezvous channel, if a sender waits.
    ///
    /// # Errors
    ///
    /// If the channel is empty; as disconnected if all senders have gone as well.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::channel::{TryRecvError, unbounded};
    ///
    /// let (sender, receiver) = unbounded();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        park::count_try();
        self.try_receive().map_err(TryRecvError::from)
    }

    /// Receives a message if there is one now.
    #[inline]
    pub(crate) fn try_receive(&self) -> Result<T, Refused> {
        match &self.0 {
            Flavor::Buffered(channel) => channel.try_recv(),
            Flavor::Rendezvous(channel) => channel.try_recv(),
            Flavor::At(channel) => channel.try_recv(),
            Flavor::Tick(channel) => channel.try_recv(),
            Flavor::Never => Err(Refused::NotNow),
        }
    }

    /// Receives a message, waiting for one.
    ///
    /// # Errors
    ///
    /// If the channel is empty and all senders have gone.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and no message was taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{channel::{RecvError, bounded}, coroutine::spawn};
    ///
    /// let (sender, receiver) = bounded(1);
    /// spawn(move || sender.send("the only one"));
    /// assert_eq!(receiver.recv(), Ok("the only one"));
    /// assert_eq!(receiver.recv(), Err(RecvError));
    /// ```
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        match &self.0 {
            Flavor::Buffered(channel) => Listed::block(&buffered::Receiving(channel)),
            Flavor::Rendezvous(channel) => {
                Listed::block(&rendezvous::Receiving::<_, Packet<T>>::new(channel))
            }
            _ => Recv::new(self).wait(),
        }
    }

    /// Receives a message, waiting for one for at most `timeout`.
    ///
    /// # Errors
    ///
    /// If no message came in time, or the channel is empty and all senders have gone.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and no message was taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use may::channel::{RecvTimeoutError, bounded};
    ///
    /// let (_sender, receiver) = bounded::<u32>(1);
    /// let error = receiver.recv_timeout(Duration::from_micros(500));
    /// assert_eq!(error, Err(RecvTimeoutError::Timeout));
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(Deadline::after(timeout))
            .map_err(RecvTimeoutError::from)
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
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(Deadline::at(deadline))
            .map_err(RecvTimeoutError::from)
    }

    #[inline]
    pub(crate) fn recv_until(&self, deadline: Deadline) -> Result<T, Refused> {
        match wait_for(pin!(Recv::new(self)), deadline) {
            Some(received) => received.map_err(|RecvError| Refused::Disconnected),
            None => Err(Refused::NotNow),
        }
    }

    /// Receives a message, as a future that any executor can poll.
    ///
    /// # Errors
    ///
    /// If the channel is empty and all senders have gone.
    ///
    /// # Dropping the future
    ///
    /// No message was taken then: one that had been passed to it goes to the next receiver.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{channel::bounded, coroutine::spawn, future::block_on};
    ///
    /// let (sender, receiver) = bounded(1);
    /// spawn(move || sender.send(1));
    /// assert_eq!(block_on(receiver.recv_async()), Ok(1));
    /// ```
    pub fn recv_async(&self) -> RecvFuture<'_, T> {
        OpFuture::new(Recv::new(self))
    }

    /// Receives until the channel is empty and all senders have gone, waiting in between.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// Receives what is there now.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }

    /// Whether there is no message in the channel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no free slot in the channel. A rendezvous channel is always full, and
    /// empty.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match &self.0 {
            Flavor::Buffered(channel) => channel.is_full(),
            Flavor::At(_) | Flavor::Tick(_) => self.len() == 1,
            Flavor::Rendezvous(_) | Flavor::Never => true,
        }
    }

    /// How many messages are in the channel.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Flavor::Buffered(channel) => channel.len(),
            Flavor::At(channel) => channel.len(),
            Flavor::Tick(channel) => channel.len(),
            Flavor::Rendezvous(_) | Flavor::Never => 0,
        }
    }

    /// How many messages there is room for in all; `None` if there is no bound.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        match &self.0 {
            Flavor::Buffered(channel) => channel.capacity(),
            Flavor::At(_) | Flavor::Tick(_) => Some(1),
            Flavor::Rendezvous(_) | Flavor::Never => Some(0),
        }
    }

    /// Whether both receive from the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        match (&self.0, &other.0) {
            (Flavor::Buffered(a), Flavor::Buffered(b)) => Arc::ptr_eq(a, b),
            (Flavor::Rendezvous(a), Flavor::Rendezvous(b)) => Arc::ptr_eq(a, b),
            (Flavor::At(a), Flavor::At(b)) => Arc::ptr_eq(a, b),
            (Flavor::Tick(a), Flavor::Tick(b)) => Arc::ptr_eq(a, b),
            (Flavor::Never, Flavor::Never) => true,
            _ => false,
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        Receiver(match &self.0 {
            Flavor::Buffered(channel) => {
                channel.add_receiver();
                Flavor::Buffered(channel.clone())
            }
            Flavor::Rendezvous(channel) => {
                channel.add_receiver();
                Flavor::Rendezvous(channel.clone())
            }
            Flavor::At(channel) => Flavor::At(channel.clone()),
            Flavor::Tick(channel) => Flavor::Tick(channel.clone()),
            Flavor::Never => Flavor::Never,
        })
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        match &self.0 {
            Flavor::Buffered(channel) => channel.remove_receiver(),
            Flavor::Rendezvous(channel) => channel.remove_receiver(),
            Flavor::At(_) | Flavor::Tick(_) | Flavor::Never => {}
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Receiver { .. }")
    }
}
