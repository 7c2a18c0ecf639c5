//! Waiting for an event without blocking: the one adapter that makes a future of every operation.
//!
//! ```text
//!              offer: it can happen now
//!        +-------------------------------------------------> Ready
//!        |                                                     ^
//!   poll +-> register, Pending ...... poll: committed -> withdraw, confirm
//!        ^                              |                      |
//!        |                              | time is up           | somebody was faster
//!        +------------------------------+----------------------+
//!
//!   drop: withdraw; if it had been committed, relinquish: what it was woken for goes to the next one
//! ```
//!
//! It is the wait of `wait/mod.rs`, with the commit word in a counted block of the future's own (`wait/task.rs`), so everything that
//! holds for a coroutine holds here: one compare-and-swap decides who ends the wait, and nothing is lost. Two things are different.
//!
//! *Between two polls nobody waits.* The future may have been committed and never be polled again, but dropped. So there is a sixth step:
//! [`relinquish`](TaskEvent::relinquish) passes on what the future was committed for.
//!
//! *The nodes lie in the future* and not in a frame. It is pinned from the first poll on, so they stay where they are until the future
//! is dropped, which withdraws them. A future that is leaked stays registered for ever, in memory that is never freed, as pinning
//! promises: whoever commits it touches memory that is still there, though what it passes is lost with the future (R6).

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::{Finish, RawEvent};
use crate::coroutine::commit_word::{Openness, Outcome, Ticket};
use crate::park;
use crate::util::clock::Deadline;
use crate::wait::{Alarms, Registration, TaskBlock};
use crate::worker::{self, Shared};

/// An operation that a future may wait for: one that may lose also after it was committed. Implemented by this crate only.
///
/// Nobody touches the event after `withdraw`, also if it was committed: a claimant, at whose mercy a coroutine would be, keeps what he
/// needs by a count of his own. Unlike for an arm, `register` may wake others: it is not the caller's wait that is open, but the future's.
pub trait TaskEvent: RawEvent + Finish {
    /// Whether whoever has committed the waiter is not done yet; he wakes it when he is.
    fn is_held(&self) -> bool {
        false
    }

    /// Passes on what the waiter was committed for, as it will not confirm. After `withdraw`.
    fn relinquish(&mut self);
}

/// An operation as a future.
///
/// It can be polled by any executor on any thread, and on coroutines by [`block_on`](crate::future::block_on). Dropped before it is
/// ready it has not happened: messages, permits and notifications go to whoever is next. It keeps its place in the queue between two
/// polls, and with it what it is woken for; so a future that is neither polled nor dropped holds up those behind it.
///
/// # Panics
///
/// Polling it panics after it was ready.
#[must_use = "a future does nothing unless it is polled"]
pub struct EventFuture<E: TaskEvent> {
    /// Gone when it has happened.
    event: Option<E>,
    /// From the first wait on.
    block: Option<Arc<TaskBlock>>,
    /// The wait that lasts or whose end has not been looked at. While there is one the event may be registered.
    wait: Option<Ticket>,
    /// Where the alarm of that wait was set.
    alarms: Option<Arc<Alarms>>,
}

impl<E: TaskEvent> EventFuture<E> {
    /// The future of an event.
    pub(crate) fn new(event: E) -> EventFuture<E> {
        EventFuture {
            event: Some(event),
            block: None,
            wait: None,
            alarms: None,
        }
    }

    /// Begins a wait. If it turns out that there may be nothing to wait for it is taken back, if nobody has ended it yet.
    ///
    /// # Safety
    ///
    /// The future stays where it is until it is dropped.
    unsafe fn begin(&mut self) {
        let block = self.block.get_or_insert_with(TaskBlock::new);
        let ticket = block.word.open(Openness::default());
        self.wait = Some(ticket);
        let event = self.event.as_mut().expect("the event has not happened");
        let deadline = event.due().0;
        let ready = event.register(
            &Registration {
                waiter: TaskBlock::waiter(block),
                ticket,
            },
            0,
        );
        if ready {
            block.word.withdraw(ticket);
        } else if !deadline.is_never() {
            self.alarms = Some(set_alarm(block, ticket, deadline));
        }
    }

    /// Whether the future has to wait for the end of the wait with `ticket`; for that the waker is kept.
    fn is_pending(&self, context: &Context<'_>, ticket: Ticket) -> bool {
        let (Some(block), Some(event)) = (&self.block, &self.event) else {
            unreachable!("there is a wait");
        };
        // Before the look, so that whoever ends the wait after it finds the waker.
        block.set_waker(context.waker());
        match block.word.outcome(ticket) {
            None => true,
            Some(Outcome::Committed(_)) => event.is_held(),
            Some(_) => false,
        }
    }

    /// Drops the waker of the last poll, which nobody may call from now on.
    fn clear_waker(&self) {
        if let Some(block) = &self.block {
            block.clear_waker();
        }
    }

    /// Ends the wait, if there is one, and takes the event out of all queues; true if it was committed.
    fn end(&mut self) -> bool {
        let (Some(ticket), Some(block)) = (self.wait.take(), &self.block) else {
            return false;
        };
        let outcome = match block.word.withdraw(ticket) {
            true => Outcome::Withdrawn,
            false => block.word.outcome(ticket).expect("the wait has ended"),
        };
        if let Some(alarms) = self.alarms.take() {
            // SAFETY: (docs/safety.md, R11) it was set there.
            unsafe { alarms.clear(block) };
        }
        if let Some(event) = &mut self.event {
            event.withdraw();
        }
        matches!(outcome, Outcome::Committed(_))
    }
}

/// Sets the alarm of a wait with the worker that polls; if this is none, or ends, with any of the default runtime; and if that has
/// ended, too, with the one that is there for this.
fn set_alarm(block: &Arc<TaskBlock>, ticket: Ticket, deadline: Deadline) -> Arc<Alarms> {
    let set_with = |alarms: &Arc<Alarms>| {
        // SAFETY: (docs/safety.md, R11) the future clears it before it drops its block.
        let set = unsafe { alarms.set(block, ticket, deadline) };
        set.then(|| alarms.clone())
    };
    let of = |runtime: io::Result<Arc<Shared>>| match runtime {
        Ok(shared) => set_with(shared.any_alarms()),
        Err(error) => panic!("no runtime could be started to look after a deadline: {error}"),
    };
    let mine = worker::with_local(|local| local.map(|local| local.alarms().clone()));
    mine.as_ref()
        .and_then(set_with)
        .or_else(|| of(worker::default::default()))
        .or_else(|| of(worker::default::timekeeper()))
        .expect("nobody ends the timekeeper")
}

impl<E: TaskEvent> Future for EventFuture<E> {
    type Output = E::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<E::Output> {
        // SAFETY: (docs/safety.md, R6) nothing is moved out of the future while it is registered.
        let this = unsafe { self.get_unchecked_mut() };
        assert!(
            this.event.is_some(),
            "a future was polled after it was ready"
        );
        if this.wait.is_none() {
            // A loop over futures that are always ready is to give others a turn, too.
            ready!(park::poll_budget(context));
        }
        loop {
            if let Some(ticket) = this.wait {
                if this.is_pending(context, ticket) {
                    return Poll::Pending;
                }
                if this.end() && this.event.as_mut().is_some_and(E::confirm) {
                    break;
                }
            }
            if this.event.as_mut().is_some_and(E::offer) {
                break;
            }
            // SAFETY: (docs/safety.md, R6) the future is pinned.
            unsafe { this.begin() };
        }
        let event = this.event.take().expect("the event has just happened");
        let output = event.finish();
        this.clear_waker();
        Poll::Ready(output)
    }
}

impl<E: TaskEvent> Drop for EventFuture<E> {
    fn drop(&mut self) {
        if self.end()
            && let Some(event) = &mut self.event
        {
            event.relinquish();
        }
        self.clear_waker();
    }
}

impl<E: TaskEvent> fmt::Debug for EventFuture<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the event: others may be at its nodes.
        f.debug_struct("EventFuture")
            .field("waits", &self.wait.is_some())
            .field("is_ready", &self.event.is_none())
            .finish_non_exhaustive()
    }
}
