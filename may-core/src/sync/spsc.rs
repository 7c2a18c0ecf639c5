//! One sender, one receiver: neither can be cloned or shared, which makes this the cheapest way to hand values over.
//!
//! The messages lie in a queue that needs no lock ([`crate::queue::Blocks`]); only the receiver ever waits. *No wake-up is
//! lost*: the sender puts a message out with a full fence and then looks whether the receiver waits, and the receiver looks for a
//! message once more after it was registered, with a fence in between.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::channel::{self, Recv};
use crate::event::{EventFuture, Finish, RawEvent, TaskEvent};
use crate::park::{self, Waited};
use crate::prim::{AtomicU32, Ordering, fence};
use crate::queue::Blocks;
use crate::util::clock::Deadline;
use crate::wait::{Entry, Registration, Turn, WaitQueue};

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
    /// Sends a message, without waiting. If dozens wait for the receiver already, others get a turn now and then; a
    /// coroutine that is cancelled may unwind there, and that message was not sent.
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
        // SAFETY: (docs/safety.md, R5) there is one sender, which is not `Sync`.
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
    /// Receives a message, as a future that any executor can poll. If that is dropped no message was taken.
    ///
    /// # Errors
    ///
    /// If the channel is empty and the sender has gone.
    pub fn recv_async(&mut self) -> RecvFuture<'_, T> {
        EventFuture::new(RecvTask {
            consumer: &mut self.0,
            entry: Entry::new(),
            received: None,
        })
    }
}

/// What receives; not to be used by two at once.
struct Consumer<T>(Arc<Shared<T>>);

impl<T> Consumer<T> {
    /// Takes a message if there is one.
    #[inline]
    fn pop(&self) -> Option<T> {
        // SAFETY: (docs/safety.md, R5) there is one receiver, which is not `Sync`.
        unsafe { self.0.messages.pop() }
    }

    /// Receives a message if there is one now.
    #[inline]
    fn try_receive(&self) -> Result<T, Recv> {
        if let Some(message) = self.pop() {
            return Ok(message);
        }
        match self.0.is_gone(SENDER) {
            // Its last message may have come since.
            true => self.pop().ok_or(Recv::Disconnected),
            false => Err(Recv::Empty),
        }
    }

    /// Whether there is something to receive, or never will be.
    fn is_ready(&self) -> bool {
        !self.0.messages.is_empty() || self.0.is_gone(SENDER)
    }

    /// Receives a message, waiting for one.
    #[inline]
    fn recv(&self) -> Result<T, channel::RecvError> {
        self.recv_until(Deadline::NEVER)
            .map_err(channel::RecvError::from)
    }

    /// Receives a message, waiting until `deadline`.
    #[inline]
    fn recv_until(&self, deadline: Deadline) -> Result<T, Recv> {
        park::spend_budget();
        loop {
            match self.try_receive() {
                Ok(message) => return Ok(message),
                Err(Recv::Disconnected) => return Err(Recv::Disconnected),
                Err(Recv::Empty) => {}
            }
            let is_ready = || self.is_ready();
            if park::wait(&self.0.receiver, &Turn::until(deadline), is_ready) == Waited::TimedOut {
                return Err(Recv::Empty);
            }
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

/// Receives a message; from [`Receiver::recv_async`].
pub type RecvFuture<'a, T> = EventFuture<RecvTask<'a, T>>;

/// Receiving a message, by a future. It has the receiver to itself.
pub struct RecvTask<'a, T> {
    consumer: &'a mut Consumer<T>,
    entry: Entry,
    received: Option<Result<T, RecvError>>,
}

impl<T> RawEvent for RecvTask<'_, T> {
    fn offer(&mut self) -> bool {
        self.received = match self.consumer.try_receive() {
            Ok(message) => Some(Ok(message)),
            Err(Recv::Disconnected) => Some(Err(RecvError)),
            Err(Recv::Empty) => None,
        };
        self.received.is_some()
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        // SAFETY: (docs/safety.md, R6) the future has it unlinked from this queue before the entry goes.
        unsafe { self.entry.link_in(&self.consumer.0.receiver, by, arm) };
        // Pairs with the fence of the sender.
        fence(Ordering::SeqCst);
        self.consumer.is_ready()
    }

    fn withdraw(&mut self) {
        if self.entry.is_used() {
            // SAFETY: (docs/safety.md, R6) it was linked there.
            unsafe { self.entry.unlink_from(&self.consumer.0.receiver) };
        }
    }
}

impl<T> TaskEvent for RecvTask<'_, T> {
    // There is no other receiver, and the message stays where it is.
    fn relinquish(&mut self) {}
}

impl<T> Finish for RecvTask<'_, T> {
    type Output = Result<T, RecvError>;

    fn finish(self) -> Result<T, RecvError> {
        self.received.expect("the operation has happened")
    }
}

impl<T> fmt::Debug for RecvTask<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("RecvTask { .. }")
    }
}
