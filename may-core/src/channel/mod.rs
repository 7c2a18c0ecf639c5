//! Channels between coroutines and threads, with the names and errors of crossbeam-channel: a
//! program written for that compiles with the import changed.
//!
//! | channel | holds | made by |
//! |---|---|---|
//! | bounded | so many messages | [`bounded`] |
//! | unbounded | as many as there is memory for | [`unbounded`] |
//! | rendezvous | none: sender and receiver meet | [`bounded(0)`](bounded) |
//! | of the clock | one, at a time or every so often | [`after`], [`at`], [`tick`] |
//! | empty | none, ever | [`never()`] |
//!
//! Any number of senders and receivers; each message goes to one receiver. Nothing is lost with a
//! receiver that is cancelled or whose time is up.
//!
//! * [`mod@buffered`], [`buffer`]: bounded and unbounded
//! * [`rendezvous`]: the one without a buffer
//! * [`packet`]: what waiters have there while a message passes
//! * [`mod@clock`]: those whose messages the clock sends
//! * [`sender`], [`receiver`], [`iter`]: the ends that users hold
//! * [`op`]: receiving and sending as operations
//! * [`error`]: what can go wrong, before each interface makes its own errors of it

mod buffer;
mod buffered;
mod clock;
mod error;
mod iter;
mod op;
mod packet;
mod receiver;
mod rendezvous;
mod sender;

use std::sync::Arc;
use std::time::{Duration, Instant};

use buffered::Buffered;
use clock::{At, Tick};
use rendezvous::Rendezvous;

use crate::util::clock::later;

pub use crossbeam_channel::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
pub(crate) use error::Refused;
pub use iter::{IntoIter, Iter, TryIter};
pub use op::{Recv, RecvFuture, Reserve, SendFuture, SendMessage, SendRight};
pub use receiver::Receiver;
pub use sender::{SendPermit, Sender};

/// Makes a channel that holds at most `capacity` messages. With a capacity of zero it holds none:
/// each message passes from a sender to a receiver that is there at the same time.
///
/// # Examples
///
/// ```
/// use may::{channel::bounded, coroutine::spawn};
///
/// let (sender, receiver) = bounded(2);
/// let producer = spawn(move || (0..5).for_each(|i| sender.send(i).unwrap()));
/// assert_eq!(receiver.iter().sum::<i32>(), 10);
/// producer.join().unwrap();
/// ```
#[must_use]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    if capacity > 0 {
        return buffered(Some(capacity));
    }
    let channel = Arc::new(Rendezvous::new());
    (
        Sender(sender::Flavor::Rendezvous(channel.clone())),
        Receiver(receiver::Flavor::Rendezvous(channel)),
    )
}

/// Makes a channel that holds as many messages as there is memory for, so that sending never waits.
///
/// # Examples
///
/// ```
/// use may::channel::unbounded;
///
/// let (sender, receiver) = unbounded();
/// (0..1000).for_each(|i| sender.send(i).unwrap());
/// assert_eq!(receiver.len(), 1000);
/// ```
#[must_use]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    buffered(None)
}

fn buffered<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    let channel = Arc::new(Buffered::new(capacity));
    (
        Sender(sender::Flavor::Buffered(channel.clone())),
        Receiver(receiver::Flavor::Buffered(channel)),
    )
}

/// Makes a channel to which one message is sent after `duration`: the time at which it was due. It
/// is never disconnected.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use may::channel::after;
///
/// let start = Instant::now();
/// let due = after(Duration::from_millis(1)).recv().unwrap();
/// assert!(due - start >= Duration::from_millis(1));
/// ```
#[must_use]
pub fn after(duration: Duration) -> Receiver<Instant> {
    match Instant::now().checked_add(duration) {
        Some(due) => at(due),
        None => never(),
    }
}

/// Makes a channel to which one message is sent at `due`: that time. It is never disconnected.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use may::channel::at;
///
/// let due = Instant::now() + Duration::from_millis(1);
/// let receiver = at(due);
/// assert!(receiver.is_empty());
/// assert_eq!(receiver.recv(), Ok(due));
/// ```
#[must_use]
pub fn at(due: Instant) -> Receiver<Instant> {
    Receiver(receiver::Flavor::At(Arc::new(At::new(due, due))))
}

/// Makes a channel to which a message is sent every `period`: the time at which it was due. Those
/// that are not received in time are left out. It is never disconnected.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use may::channel::tick;
///
/// let ticks = tick(Duration::from_millis(1));
/// let first = ticks.recv().unwrap();
/// assert!(ticks.recv().unwrap() - first >= Duration::from_millis(1));
/// ```
#[must_use]
pub fn tick(period: Duration) -> Receiver<Instant> {
    let first = later(Instant::now(), period);
    let channel = Tick::new(first, period, |due| due);
    Receiver(receiver::Flavor::Tick(Arc::new(channel)))
}

/// Makes a channel to which no message is ever sent, and which is never disconnected.
///
/// # Examples
///
/// ```
/// use may::channel::{TryRecvError, never};
///
/// assert_eq!(never::<u32>().try_recv(), Err(TryRecvError::Empty));
/// ```
#[must_use]
pub fn never<T>() -> Receiver<T> {
    Receiver(receiver::Flavor::Never)
}
