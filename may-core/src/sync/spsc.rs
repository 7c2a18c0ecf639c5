//! One sender, one receiver: neither can be cloned or shared, which makes this the cheapest way to
//! hand values over.
//!
//! The messages lie in a queue that needs no lock ([`crate::queue::Blocks`]); only the receiver
//! ever waits. *No wake-up is lost*: the sender puts a message out with a full fence and then looks
//! whether the receiver waits, and the receiver looks for a message once more after it was
//! registered, with a fence in between.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::channel::Refused;
use crate::operation::{OpFuture, Queued, Queueing, operation};
use crate::park;
use crate::prim::{AtomicU32, Ordering, fence};
use crate::queue::Blocks;
use crate::util::clock::Deadline;
use crate::wait::WaitQueue;

pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError};

/// What both sides share.
struct Shared<T> {
    messages: Blocks<T>,
    /// The receiver, if it waits; several of one worker's coroutines may use it by turns.
    receiver: WaitQueue,
    /// One of the bits below for each side that is gone.
    gone: AtomicU32,
}

/// The sender is gone.
const SENDER: u32 = 1;
/// The receiver is gone.
const RECEIVER: u32 = 2;

impl<T> Shared<T> {
    /// Whether a side is gone; if it is the sender, its last message is visible.
    fn is_gone(&self, side: u32) -> bool {
        self.gone.load(Ordering::Acquire) & side != 0
    }
}

/// Makes a channel that holds as many messages as there is memory for, so that sending never waits.
///
/// # Examples
///
/// ```
/// use may::{coroutine::spawn, sync::spsc};
///
/// let (sender, receiver) = spsc::channel();
/// spawn(move || (0..3).for_each(|i| sender.send(i).unwrap()));
/// assert_eq!(receiver.iter().sum::<i32>(), 3);
/// ```
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        messages: Blocks::new(),
        receiver: WaitQueue::new(),
        gone: AtomicU32::new(0),
    });
    (
        Sender(shared.clone(), PhantomData),
        Receiver(Consumer(shared), PhantomData),
    )
}

/// The sending side.
pub struct Sender<T>(Arc<Shared<T>>, PhantomData<Cell<()>>);

impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Sender<T> {
    /// Sends a message, without waiting. If dozens wait for the receiver already, others get a turn
    /// now and then; a coroutine that is cancelled may unwind there, and that message was not sent.
    ///
    /// # Errors
    ///
    /// The message comes back if the receiver has gone.
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        park::spend_budget_if(|| self.0.messages.is_behind());
        if self.0.is_gone(RECEIVER) {
            return Err(SendError(message));
        }
        // SAFETY: (R5) there is one sender, which is not `Sync`.
        unsafe { self.0.messages.push(message) };
        self.0.receiver.wake_one_after_fence();
        Ok(())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.gone.fetch_or(SENDER, Ordering::AcqRel);
        // All: the receiver is not `Sync`, but coroutines of one worker may share it.
        self.0.receiver.wake_all();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}

/// The receiving side.
pub struct Receiver<T>(Consumer<T>, PhantomData<Cell<()>>);

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

super::mpsc::receiver!();

impl<T> Receiver<T> {
    /// Receives a message, as a future that any executor can poll. If that is dropped no message
    /// was taken.
    ///
    /// # Errors
    ///
    /// If the channel is empty and the sender has gone.
    pub fn recv_async(&mut self) -> RecvFuture<'_, T> {
        OpFuture::new(Recv::new(self))
    }
}

/// What receives; not to be used by two at once.
#[doc(hidden)]
pub struct Consumer<T>(Arc<Shared<T>>);

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Consumer { .. }")
    }
}

impl<T> Consumer<T> {
    /// Takes a message if there is one.
    #[inline]
    fn pop(&self) -> Option<T> {
        // SAFETY: (R5) there is one receiver, which is not `Sync`.
        unsafe { self.0.messages.pop() }
    }

    /// Receives a message if there is one now.
    #[inline]
    fn try_receive(&self) -> Result<T, Refused> {
        if let Some(message) = self.pop() {
            return Ok(message);
        }
        match self.0.is_gone(SENDER) {
            // Its last message may have come since.
            true => self.pop().ok_or(Refused::Disconnected),
            false => Err(Refused::NotNow),
        }
    }

    /// Whether there is something to receive, or never will be.
    fn is_ready(&self) -> bool {
        !self.0.messages.is_empty() || self.0.is_gone(SENDER)
    }

    /// Receives a message, waiting for one.
    #[inline]
    fn recv(&self) -> Result<T, RecvError> {
        Queued::block(Receiving::of(self))
    }

    /// Receives a message, waiting until `deadline`.
    #[inline]
    fn recv_until(&self, deadline: Deadline) -> Result<T, Refused> {
        match Queued::block_until(Receiving::of(self), deadline) {
            Some(received) => received.map_err(|RecvError| Refused::Disconnected),
            None => Err(Refused::NotNow),
        }
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.0.gone.fetch_or(RECEIVER, Ordering::AcqRel);
        // What comes from now on is dropped with the queue.
        fence(Ordering::SeqCst);
        while let Some(message) = self.pop() {
            drop(message);
        }
    }
}

/// A way to the consumer.
pub trait Receives<T> {
    /// The consumer.
    #[doc(hidden)]
    fn consumer(&self) -> &Consumer<T>;
}

impl<T> Receives<T> for &Consumer<T> {
    #[inline]
    fn consumer(&self) -> &Consumer<T> {
        self
    }
}

impl<T> Receives<T> for &Receiver<T> {
    #[inline]
    fn consumer(&self) -> &Consumer<T> {
        &self.0
    }
}

impl<T> Receives<T> for &mut Receiver<T> {
    #[inline]
    fn consumer(&self) -> &Consumer<T> {
        &self.0
    }
}

/// Receiving a message.
struct Receiving<T, R> {
    receiver: R,
    _messages: PhantomData<T>,
}

impl<T, R: Receives<T>> Receiving<T, R> {
    /// Receiving by way of `receiver`.
    #[inline]
    fn of(receiver: R) -> Receiving<T, R> {
        Receiving {
            receiver,
            _messages: PhantomData,
        }
    }
}

impl<T, R: Receives<T>> Queueing for Receiving<T, R> {
    type Output = Result<T, RecvError>;

    fn kind(&self) -> &'static str {
        "recv"
    }

    #[inline]
    fn queue(&self) -> &WaitQueue {
        &self.receiver.consumer().0.receiver
    }

    #[inline]
    fn attempt(&mut self) -> Option<Result<T, RecvError>> {
        match self.receiver.consumer().try_receive() {
            Ok(message) => Some(Ok(message)),
            Err(Refused::Disconnected) => Some(Err(RecvError)),
            Err(Refused::NotNow) => None,
        }
    }

    #[inline]
    fn is_ready(&self) -> bool {
        self.receiver.consumer().is_ready()
    }

    fn pass_on(&mut self) {
        // The receiver is not `Sync`, but coroutines of one worker may share it: the message is for
        // another one.
        self.receiver.consumer().0.receiver.wake_one();
    }
}

/// Receives a message; from [`Receiver::recv_async`].
pub type RecvFuture<'a, T> = OpFuture<Recv<T, &'a mut Receiver<T>>>;

operation! {
    /// Receiving a message, with a receiver that is borrowed; from [`op::recv`](crate::op::recv).
    /// If it is borrowed exclusively, the operation may go to another thread.
    pub struct Recv[T, R: Receives<T>][T, R] => Result<T, RecvError>
    as RecvKind RecvProjection {
        Recv(Queued<Receiving<T, R>>),
    }
}

impl<T, R: Receives<T>> Recv<T, R> {
    /// Receiving with one receiver.
    #[inline]
    pub(crate) fn new(receiver: R) -> Recv<T, R> {
        let operation = Queued::new(Receiving::of(receiver));
        Recv {
            kind: RecvKind::Recv { operation },
        }
    }
}
