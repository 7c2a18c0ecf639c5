//! Operations: what can block, as a value that has not happened yet.
//!
//! A primitive has one implementation of [`Operation`], and everything that waits uses it: a call
//! that blocks, with or without a deadline, a call that only tries, a future, an arm of `select!`,
//! an entry of [`Select`](crate::select::Select).
//!
//! ```text
//!              attempt: it can happen now
//!        +----------------------------------------------------> the outcome
//!        |                                                        ^
//!   wait +-> register ... committed ..... withdraw: it happens    |
//!        ^               | time is up         |  +----------------+
//!        |               | cancelled          |
//!        +---------------+--------------------+ withdraw: it has not happened
//!
//!   a future that is dropped: abandon; what it was woken for goes to the next one
//! ```
//!
//! These are the five steps of a wait (`wait/mod.rs`), which `wait.rs` and the future carry out;
//! `select/engine.rs` carries them out for several operations at once, and is an operation itself.
//!
//! * [`mod@wait`]: the loop of all that blocks
//! * [`future`]: an operation as a future
//! * [`listed`], [`queued`]: the building blocks of primitives, which own the nodes
//! * [`timed`]: that of what happens by itself at a time
//! * [`combine`], [`first`]: operations that are made of others
//! * [`when`](mod@when): operations of users' own

mod combine;
mod first;
mod future;
mod listed;
mod queued;
mod timed;
mod wait;
mod when;

use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use crate::park;
use crate::util::clock::Deadline;
use crate::util::must_return::must_return;

pub use crate::wait::Registration;
pub(crate) use combine::operation;
pub use combine::{Boxed, Guard, Map, guard};
#[doc(hidden)]
pub use first::{Arm, Finish};
pub use first::{First, Mode, Parts, Row, first, first_of};
pub(crate) use first::{Order, Several};
pub use future::OpFuture;
pub(crate) use listed::{Listed, Listing};
pub(crate) use queued::{Queued, Queueing};
pub(crate) use timed::{Known, Timed, Timing};
pub(crate) use wait::{wait, wait_for, wait_until};
pub use when::{Signal, When, when, when_any};

/// Who carries out an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A coroutine or a thread that blocks: it may be suspended for a moment, until a sender that
    /// is making a message has made it.
    Blocks,
    /// A future that is polled: it is never suspended.
    Polls,
}

/// What an operation needs of a wait for it.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// When the operation becomes possible by itself.
    pub(crate) due: Deadline,
    /// A cancellation of the caller is an outcome of the operation.
    pub(crate) cancellation: park::Cancellation,
    /// In how many places the waiter is registered.
    nodes: u32,
    /// See [`Awaited`](park::Awaited).
    kind: &'static str,
    /// As `kind`.
    place: usize,
}

impl Needs {
    /// Nothing at all.
    pub(crate) const NONE: Needs = Needs {
        due: Deadline::NEVER,
        cancellation: park::Cancellation::Unwinds,
        nodes: 0,
        kind: "",
        place: 0,
    };

    /// Nothing but that the waiter is committed.
    pub(crate) const NOTHING: Needs = Needs {
        nodes: 1,
        ..Needs::NONE
    };

    /// That the wait ends at a time.
    pub(crate) const fn due(due: Deadline) -> Needs {
        Needs {
            due,
            ..Needs::NOTHING
        }
    }

    /// That a cancellation is an error where nothing can be unwound.
    pub(crate) const fn cancellation_as_error() -> Needs {
        Needs {
            cancellation: park::Cancellation::IsError,
            ..Needs::NOTHING
        }
    }

    /// That a cancellation is an outcome.
    pub(crate) const fn cancellation_as_outcome() -> Needs {
        Needs {
            cancellation: park::Cancellation::IsOutcome,
            ..Needs::NOTHING
        }
    }

    /// The same, of an operation of that kind on what lies at `place`, for those who want to know
    /// what a caller waits for.
    #[inline]
    pub(crate) fn waits_for<P: ?Sized>(self, kind: &'static str, place: &P) -> Needs {
        Needs {
            kind,
            place: std::ptr::from_ref(place).addr(),
            ..self
        }
    }

    /// Whether a cancellation is an outcome.
    pub(crate) fn takes_cancellation(&self) -> bool {
        self.cancellation == park::Cancellation::IsOutcome
    }

    /// What both need.
    #[must_use]
    pub fn and(self, other: Needs) -> Needs {
        let (kind, place) = match (self.kind, other.kind) {
            ("", _) => (other.kind, other.place),
            (_, "") => (self.kind, self.place),
            _ => ("select", 0),
        };
        Needs {
            kind,
            place,
            due: self.due.min(other.due),
            cancellation: self.cancellation.max(other.cancellation),
            nodes: self.nodes.saturating_add(other.nodes),
        }
    }

    /// Makes sure that one wait is enough for it.
    #[inline]
    fn check(&self) {
        if self.nodes > MOST_NODES {
            too_many(self.nodes);
        }
    }
}

impl Default for Needs {
    fn default() -> Needs {
        Needs::NOTHING
    }
}

/// In how many places one waiter can be registered: a commit leaves a number of 16 bits.
const MOST_NODES: u32 = u16::MAX as u32;

#[cold]
fn too_many(nodes: u32) -> ! {
    panic!("an operation waits for {nodes} things; it can wait for {MOST_NODES} at most")
}

/// A call that may block, as a value that has not happened yet.
///
/// There is a function for each call of May that blocks, under the name that it has in `select!`:
/// `op::recv(&receiver)`, `op::lock(&mutex)`, `op::accept(&listener)`. The value does nothing until
/// it is waited for, which can be done in five ways, once:
///
/// | | |
/// |---|---|
/// | [`wait`](Operation::wait) | blocks until it has happened |
/// | [`wait_timeout`](Operation::wait_timeout), [`wait_until`](Operation::wait_until) | the same with a limit |
/// | [`try_now`](Operation::try_now) | it happens now or not at all |
/// | `.await` | in a future, on any executor |
/// | [`select!`](../may/macro.select.html) with `on(operation)`, [`Select::on`](crate::select::Select::on) | it is the first of several that happens |
///
/// An operation that was not the first, whose time is over, whose caller was cancelled, or that was
/// dropped, has not happened: no message was taken or sent, no lock or permit is held.
///
/// Operations compose: [`map`](Operation::map), [`first`], [`first_of`] and [`guard`] make
/// operations of operations. So a library can return `impl Operation<Output = Job>`, and its user
/// decides how to wait. (The idea is that of the events of Concurrent ML: John Reppy, *Concurrent
/// Programming in ML*, 1999.)
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use may::{channel::{Receiver, unbounded}, op::{self, Operation}, sync::Mutex};
///
/// /// The next job: an urgent one, or one that was sent.
/// fn next_job<'a>(
///     urgent: &'a Mutex<Vec<String>>,
///     jobs: &'a Receiver<String>,
/// ) -> impl Operation<Output = Option<String>> {
///     op::first((
///         op::lock(urgent).map(|urgent| urgent.unwrap().pop()),
///         op::recv(jobs).map(Result::ok),
///     ))
/// }
///
/// let urgent = Mutex::new(vec!["repair".to_owned()]);
/// let (_sender, jobs) = unbounded();
/// let job = next_job(&urgent, &jobs).wait_timeout(Duration::from_secs(1));
/// assert_eq!(job, Some(Some("repair".to_owned())));
/// ```
///
/// # Implementing it
///
/// Most operations of one's own are functions that combine others; [`when`](crate::op::when) makes
/// one of a closure and a [`Signal`]. A type may also implement the trait itself, by calling the
/// steps of the operations that it is made of. It needs no `unsafe` for that, and cannot do harm by
/// it: an operation that calls the steps of its parts out of their order, or forgets to withdraw
/// one of them, ends the process. `IntoFuture` is the same for all:
///
/// ```
/// use std::pin::Pin;
/// use may::channel::{Receiver, RecvError};
/// use may::op::{self, Caller, OpFuture, Operation, Registration};
///
/// /// Receives, and counts.
/// struct Counted<'a, T> {
///     recv: Pin<Box<op::Recv<'a, T>>>,
///     count: &'a mut usize,
/// }
///
/// impl<T> Operation for Counted<'_, T> {
///     fn attempt(mut self: Pin<&mut Self>, by: Caller) -> Option<Self::Output> {
///         let output = self.recv.as_mut().attempt(by)?;
///         *self.count += 1;
///         Some(output)
///     }
///
///     fn register(mut self: Pin<&mut Self>, by: &Registration) -> bool {
///         self.recv.as_mut().register(by)
///     }
///
///     fn withdraw(mut self: Pin<&mut Self>, by: Caller) -> Option<Self::Output> {
///         let output = self.recv.as_mut().withdraw(by)?;
///         *self.count += 1;
///         Some(output)
///     }
///
///     fn abandon(mut self: Pin<&mut Self>) {
///         self.recv.as_mut().abandon();
///     }
///
///     fn is_committed(&self) -> bool {
///         self.recv.is_committed()
///     }
/// }
///
/// impl<T> IntoFuture for Counted<'_, T> {
///     type Output = Result<T, RecvError>;
///     type IntoFuture = OpFuture<Self>;
///
///     fn into_future(self) -> OpFuture<Self> {
///         OpFuture::new(self)
///     }
/// }
///
/// let (sender, receiver) = may::channel::unbounded();
/// sender.send("a").unwrap();
/// let mut count = 0;
/// let counted = Counted { recv: Box::pin(op::recv(&receiver)), count: &mut count };
/// assert_eq!(counted.wait(), Ok("a"));
/// assert_eq!(count, 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operation",
    label = "not something that can be waited for",
    note = "operations are made by the functions of `may::op`, as in `op::recv(&receiver)`"
)]
#[must_use = "an operation does nothing until it is waited for"]
pub trait Operation: IntoFuture<IntoFuture = OpFuture<Self>> + Sized {
    /// Carries the operation out if that is possible now.
    fn attempt(self: Pin<&mut Self>, by: Caller) -> Option<Self::Output>;

    /// Registers the waiter in each queue from which its wait may be ended; true if the operation
    /// is found to be possible, whether or not the waiter was registered.
    /// [`attempt`](Operation::attempt) has failed just before.
    ///
    /// The caller's wait is open: this must not block, and a panic in it ends the process.
    fn register(self: Pin<&mut Self>, by: &Registration) -> bool;

    /// Takes the waiter out of all queues, after the wait. If it was ended through this operation,
    /// that is carried out, unless another caller was faster.
    fn withdraw(self: Pin<&mut Self>, by: Caller) -> Option<Self::Output>;

    /// As [`withdraw`](Operation::withdraw), for an operation that is no longer wanted: what it was
    /// woken for goes to the next one.
    fn abandon(self: Pin<&mut Self>);

    /// Whether the wait, which is over, was ended through this operation: of one that is made of
    /// others, through one of them. [`first`] asks, to withdraw the others before.
    fn is_committed(&self) -> bool;

    /// What the operation needs of a wait: of one that is made of others, what all of them need.
    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    /// Whether the operation can ever happen. If it cannot, its arm of a `select!` is disabled.
    fn is_enabled(&self) -> bool {
        true
    }

    /// The outcome if the caller is cancelled, where [`needs`](Operation::needs) says that there is
    /// one.
    #[doc(hidden)]
    fn cancelled(self: Pin<&mut Self>) -> Option<Self::Output> {
        None
    }

    /// As [`withdraw`](Operation::withdraw), for a caller that waits for nothing else and tries
    /// again at once. So what need not be done in one step with the end of the wait is left to
    /// that.
    #[doc(hidden)]
    #[inline]
    fn withdraw_alone(self: Pin<&mut Self>) -> Option<Self::Output> {
        self.withdraw(Caller::Blocks)
    }

    /// What happens if the time is over: a last look at what may be possible without a
    /// notification.
    #[doc(hidden)]
    fn at_deadline(self: Pin<&mut Self>) -> Option<Self::Output> {
        None
    }

    /// Counts a call that waits for the operation, and gives others their turn now and then.
    #[doc(hidden)]
    #[inline]
    fn spend_budget(&self) {
        park::spend_budget();
    }

    /// Tries the operation, and registers the waiter of a wait that is opened for this if it cannot
    /// happen now: in one step, if the operation is in one place only.
    #[doc(hidden)]
    #[inline(always)]
    fn attempt_or_register<'r>(
        mut self: Pin<&mut Self>,
        open: impl FnOnce(Needs) -> &'r Registration,
    ) -> Attempted<Self::Output> {
        match self.as_mut().attempt(Caller::Blocks) {
            Some(output) => Attempted::Happened(output),
            None => {
                let by = open(self.needs());
                // Others have pointers into the caller's frame from here on.
                Attempted::Registered {
                    ready: must_return(|| self.register(by)),
                }
            }
        }
    }

    /// Blocks until the operation has happened.
    ///
    /// # Panics
    ///
    /// Panics where blocking is a bug: inside
    /// [`forbid_blocking`](crate::coroutine::forbid_blocking), and in a waker that a worker calls.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and the operation has not happened.
    #[inline]
    fn wait(self) -> Self::Output {
        let never = Deadline::NEVER;
        wait::wait_for(pin!(self), never).expect("there is no deadline")
    }

    /// Blocks until the operation has happened, for at most `timeout`. `None` if it has not
    /// happened.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Operation::wait).
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Operation::wait).
    #[inline]
    fn wait_timeout(self, timeout: Duration) -> Option<Self::Output> {
        wait::wait_for(pin!(self), Deadline::after(timeout))
    }

    /// Blocks until the operation has happened, until `deadline` at the latest. `None` if it has
    /// not happened.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Operation::wait).
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Operation::wait).
    #[inline]
    fn wait_until(self, deadline: Instant) -> Option<Self::Output> {
        wait::wait_for(pin!(self), Deadline::at(deadline))
    }

    /// Carries the operation out if that is possible without waiting. `None` if it has not
    /// happened.
    #[inline]
    fn try_now(self) -> Option<Self::Output> {
        park::count_try();
        pin!(self).attempt(Caller::Blocks)
    }

    /// The same operation behind a pointer, with a type that says only what its outcome is: for a
    /// list of operations of different types.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{channel::unbounded, op::{self, Operation}, sync::SyncFlag};
    ///
    /// let (sender, receiver) = unbounded();
    /// let flag = SyncFlag::new();
    /// sender.send(5).unwrap();
    /// let mut all = vec![op::wait(&flag).map(|()| 0).boxed()];
    /// all.push(op::recv(&receiver).map(|number| number.unwrap()).boxed());
    /// assert_eq!(op::first_of(all).wait(), (1, 5));
    /// ```
    fn boxed<'a>(self) -> Boxed<'a, Self::Output>
    where
        Self: 'a,
    {
        Boxed::new(self)
    }

    /// The operation whose outcome is what `f` makes of this one's. `f` runs when the operation has
    /// happened; it may block.
    #[inline]
    fn map<F, R>(self, f: F) -> Map<Self, F>
    where
        F: FnOnce(Self::Output) -> R,
    {
        Map::new(self, f)
    }
}

/// What became of an operation that was tried.
#[doc(hidden)]
#[derive(Debug)]
pub enum Attempted<T> {
    /// It has happened.
    Happened(T),
    /// It was not possible, and is registered.
    Registered {
        /// It is found to be possible by now.
        ready: bool,
    },
}
