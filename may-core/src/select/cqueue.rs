//! The completion queues of May 0.3, for programs that were written for them: coroutines that each
//! wait for something and then have one turn after the other.
//!
//! `select!` is what new programs want: its arms are operations, of which none but the winner
//! happens. Here an arm is any blocking code, in a coroutine of its own, so all of them go on
//! waiting while one of them has its turn.
//!
//! A queue is a scope, a channel for what its coroutines say, and two `oneshot`s for each turn; it
//! has no way to block of its own:
//!
//! ```text
//!   coroutine   top half; `send`: (token, turn) into the channel; waits for its turn
//!   poller                        out of the channel; gives the turn, with a way to say that it is over; waits for that
//!   coroutine   gets the turn; puts a marker into its worker's queue, behind itself; bottom half
//!   marker      runs when the coroutine waits for something or has ended, since it stays with its worker; says that the turn is over
//! ```
//!
//! *Nothing is lost at the end*: a coroutine that has sent its event gets its turn, also when the
//! queue ends and all are cancelled. *No side waits forever*: a side that is dropped before it has
//! sent something closes its channel, in all three directions.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::channel::{Receiver, Sender, unbounded};
use crate::coroutine::{cancel, forbid_blocking, shield, unwinding};
use crate::park;
use crate::spawn::task::drop_contained;
use crate::spawn::{self, Builder, Scope, ScopedJoinHandle};
use crate::sync::oneshot;
use crate::util::clock::Deadline;

/// Something has happened, and the coroutine that waited for it has had its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What [`Cqueue::add`] was given.
    pub token: usize,
    /// What [`EventSender::send`] was given.
    pub extra: usize,
}

/// Why [`Cqueue::poll`] has no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollError {
    /// None came in time.
    Timeout,
    /// All coroutines of the queue have ended, so none will come unless one is added.
    Finished,
}

impl fmt::Display for PollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PollError::Timeout => "no event came in time",
            PollError::Finished => "all coroutines of the queue have ended",
        })
    }
}

impl std::error::Error for PollError {}

/// What a coroutine of a queue says.
enum Said {
    /// Its top half has run.
    Ready { event: Event, turn: Turn },
    /// It has ended; if it panicked, with what.
    Ended(Option<Box<dyn Any + Send>>),
    /// Sent by the caller that has received the last end, to others that poll.
    Finished,
}

/// The right of a coroutine to run its bottom half, which comes with a way to say that it has.
type Turn = oneshot::Sender<oneshot::Sender<()>>;

/// A queue of events, to which coroutines can be added. Made by [`scope`].
pub struct Cqueue<'scope, 'env: 'scope> {
    scope: &'scope Scope<'scope, 'env>,
    said: Receiver<Said>,
    to_say: Sender<Said>,
    /// Coroutines that were added and whose end was not heard of.
    live: AtomicUsize,
}

/// Runs `f` with a queue of events. When `f` returns or unwinds, the coroutines of the queue are
/// cancelled and waited for; those that have sent an event have their turn first. One that has not
/// started by then never runs.
///
/// # Panics
///
/// Goes on with the panic of `f`, or else of a coroutine of the queue that was not seen by
/// [`Cqueue::poll`].
///
/// # Cancellation
///
/// As for [`spawn::scope`](crate::spawn::scope): a caller that is cancelled in `f` unwinds when all
/// coroutines have ended.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use may::{channel::unbounded, cqueue};
///
/// let (sum, channels) = (AtomicU32::new(0), [unbounded(), unbounded()]);
/// channels.iter().zip([1, 20]).for_each(|((sender, _), n)| sender.send(n).unwrap());
/// cqueue::scope(|queue| {
///     for (token, (_, receiver)) in channels.iter().enumerate() {
///         let sum = &sum;
///         queue.add(token, move |events| {
///             let number = receiver.recv().unwrap();
///             events.send(0);
///             // From here on no other of this queue has its turn, until this waits for something.
///             sum.fetch_add(number, Relaxed);
///         });
///     }
///     while let Ok(event) = queue.poll(None) {
///         println!("{} has added its number", event.token);
///     }
/// });
/// assert_eq!(sum.into_inner(), 21);
/// ```
pub fn scope<'env, F, R>(f: F) -> R
where
    F: for<'queue, 'scope> FnOnce(&'queue Cqueue<'scope, 'env>) -> R,
{
    spawn::scope(|scope| {
        let (to_say, said) = unbounded();
        let queue = Cqueue {
            scope,
            said,
            to_say,
            live: AtomicUsize::new(0),
        };
        let body = catch_unwind(AssertUnwindSafe(|| f(&queue)));
        scope.cancel();
        // Payloads are dropped after the wait: their destructors may panic.
        let panics = cancel::insist(|| queue.finish());
        let (value, raised) = match body {
            Ok(value) => (Some(value), None),
            Err(payload) => (None, Some(payload)),
        };
        let mut payloads = raised.into_iter().chain(panics);
        let first = payloads.next();
        payloads.for_each(drop_contained);
        match (first, value) {
            (None, Some(value)) => value,
            (Some(payload), _value) => unwinding::resume(payload),
            (None, None) => unreachable!("a body returns or raises"),
        }
    })
}

/// What a poll has heard of.
enum Heard {
    Event(Event),
    Panic(Box<dyn Any + Send>),
}

impl<'scope> Cqueue<'scope, '_> {
    /// Spawns a coroutine whose events have this token.
    ///
    /// It may borrow what outlives the queue. What it does before it [sends](EventSender::send) an
    /// event is its top half, which runs beside those of others; what it does after it, until it
    /// waits for something or ends, is its bottom half, and only one at a time runs.
    ///
    /// # Panics
    ///
    /// Where [`Scope::spawn`] does.
    ///
    /// # Examples
    ///
    /// See [`scope`].
    #[track_caller]
    pub fn add<F>(&self, token: usize, f: F) -> Selector<'scope>
    where
        F: FnOnce(EventSender<'_>) + Send + 'scope,
    {
        self.live.fetch_add(1, Ordering::Relaxed);
        let end = End {
            to_say: self.to_say.clone(),
            panic: None,
        };
        Selector(self.scope.spawn(move || end.after(token, f)))
    }

    /// Waits for the next event, forever or for at most `timeout`, and lets its coroutine have its
    /// turn.
    ///
    /// # Errors
    ///
    /// If no event came in time, or if none will come because all coroutines have ended.
    ///
    /// # Panics
    ///
    /// Goes on with the panic of a coroutine of this queue.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and then no event was taken.
    ///
    /// # Examples
    ///
    /// See [`scope`].
    pub fn poll(&self, timeout: Option<Duration>) -> Result<Event, PollError> {
        let deadline = timeout.map_or(Deadline::NEVER, Deadline::after);
        match self.hear(deadline)? {
            Heard::Event(event) => Ok(event),
            Heard::Panic(payload) => unwinding::resume(payload),
        }
    }

    /// Waits for an event or a panic.
    fn hear(&self, deadline: Deadline) -> Result<Heard, PollError> {
        loop {
            // Acquire: after the last end all that was sent before it is visible.
            if self.live.load(Ordering::Acquire) == 0 && self.said.is_empty() {
                return Err(PollError::Finished);
            }
            match self.said.recv_until(deadline) {
                Ok(Said::Ready { event, turn }) => {
                    let (over, is_over) = oneshot::channel();
                    if turn.send(over).is_ok() {
                        // The event is taken, so it has to be returned.
                        let _ = cancel::insist(|| is_over.recv());
                    }
                    return Ok(Heard::Event(event));
                }
                Ok(Said::Ended(panic)) => {
                    if self.live.fetch_sub(1, Ordering::AcqRel) == 1 {
                        self.say_finished();
                    }
                    let panic = panic.filter(|payload| !cancel::is_request(&**payload));
                    if let Some(payload) = panic {
                        return Ok(Heard::Panic(payload));
                    }
                }
                Ok(Said::Finished) if self.live.load(Ordering::Acquire) == 0 => {
                    self.say_finished();
                    return Err(PollError::Finished);
                }
                // A coroutine was added after it was said.
                Ok(Said::Finished) => {}
                Err(_) => return Err(PollError::Timeout),
            }
        }
    }

    /// Tells others who wait for an event that none will come.
    fn say_finished(&self) {
        say(&self.to_say, Said::Finished);
    }

    /// Lets all coroutines come to their ends; what they panicked with.
    fn finish(&self) -> Vec<Box<dyn Any + Send>> {
        let mut panics = Vec::new();
        while let Ok(heard) = self.hear(Deadline::NEVER) {
            if let Heard::Panic(payload) = heard {
                panics.push(payload);
            }
        }
        panics
    }
}

impl fmt::Debug for Cqueue<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cqueue")
            .field("live", &self.live.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

/// Says something to the queue. It neither suspends nor unwinds, so a cancellation that is due
/// cannot come between: the queue relies on the message. If the queue has gone, the message is of
/// no use.
fn say(to_say: &Sender<Said>, said: Said) {
    let _ = forbid_blocking(|| to_say.send(said));
}

/// Says that a coroutine has ended, also if it never started.
struct End {
    to_say: Sender<Said>,
    panic: Option<Box<dyn Any + Send>>,
}

impl End {
    /// Runs a coroutine of the queue to its end.
    fn after(mut self, token: usize, f: impl FnOnce(EventSender<'_>)) {
        let sender = EventSender {
            token,
            to_say: &self.to_say,
            had_last_turn: AtomicBool::new(false),
        };
        self.panic = catch_unwind(AssertUnwindSafe(|| f(sender))).err();
    }
}

impl Drop for End {
    fn drop(&mut self) {
        say(&self.to_say, Said::Ended(self.panic.take()));
    }
}

/// A coroutine of a queue.
#[derive(Debug)]
pub struct Selector<'scope>(ScopedJoinHandle<'scope, ()>);

impl Selector<'_> {
    /// Cancels the coroutine. If it has sent an event already, it still has its turn.
    pub fn remove(self) {
        self.0.cancel();
    }
}

/// With this a coroutine of a queue says that its top half has run.
pub struct EventSender<'a> {
    token: usize,
    to_say: &'a Sender<Said>,
    /// Whether there was a turn after the cancellation.
    had_last_turn: AtomicBool,
}

impl EventSender<'_> {
    /// What [`Cqueue::add`] was given.
    #[must_use]
    pub fn get_token(&self) -> usize {
        self.token
    }

    /// Sends an event, and waits for the turn.
    ///
    /// A coroutine that is cancelled has its turn all the same, so that what its top half has taken
    /// is not lost; but only once. After that it unwinds here.
    ///
    /// # Examples
    ///
    /// See [`scope`].
    pub fn send(&self, extra: usize) {
        if !self.goes_on() && self.had_last_turn.swap(true, Ordering::Relaxed) {
            cancel::raise();
        }
        let (turn, my_turn) = oneshot::channel();
        let event = Event {
            token: self.token,
            extra,
        };
        say(self.to_say, Said::Ready { event, turn });
        if let Ok(over) = shield(|| my_turn.recv()) {
            // If there can be no marker, the sender that reports the end of the turn is dropped,
            // which reports it, too.
            let _ = Builder::new().spawn_local(|| over.send(()));
        }
    }

    /// Whether the coroutine was not cancelled; asked before a top half by the macros.
    #[doc(hidden)]
    #[must_use]
    pub fn goes_on(&self) -> bool {
        !park::is_cancelled()
    }
}

impl fmt::Debug for EventSender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSender")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}
