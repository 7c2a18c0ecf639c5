//! An operation as a future: the one adapter for all of them.
//!
//! It is the wait of `wait/mod.rs`, with the commit word in a counted block of the future's own
//! (`wait/task.rs`), so everything that holds for a coroutine holds here: one compare-and-swap
//! decides who ends the wait, and nothing is lost. Two things are different.
//!
//! *Between two polls no frame waits.* The future may have been committed and never be polled
//! again, but dropped. So there is a sixth step: [`abandon`](Operation::abandon) passes on what the
//! future was committed for.
//!
//! *The nodes lie in the future* and not in a frame. It is pinned from the first poll on, so they
//! stay where they are until the future is dropped, which withdraws them. A future that is leaked
//! stays registered in memory that is never freed, as pinning guarantees: a committer touches
//! memory that is still there, though what it passes is lost with the future (R6).

use std::fmt;
use std::future::Future;
use std::io;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::{Caller, Operation};
use crate::coroutine::commit_word::{Openness, Ticket};
use crate::park;
use crate::util::clock::Deadline;
use crate::util::must_return::must_return;
use crate::wait::{Alarms, Registration, TaskBlock};
use crate::worker::{self, Shared};

pin_project_lite::pin_project! {
    /// An operation as a future.
    ///
    /// It can be polled by any executor on any thread, and on coroutines by
    /// [`block_on`](crate::future::block_on). Dropped before it is ready it has not happened:
    /// messages, permits and notifications go to the next waiter. It keeps its place in the queue
    /// between two polls, and with it what it is woken for; so a future that is neither polled nor
    /// dropped holds up those behind it.
    ///
    /// Others have pointers into a future that waits. So it has to be pinned to be polled, also if
    /// its operation lies in a box:
    ///
    /// ```compile_fail,E0277
    /// use may::channel::unbounded;
    /// use may::op::{self, Operation};
    ///
    /// let (_sender, receiver) = unbounded::<i32>();
    /// let mut future = op::recv(&receiver).boxed().into_future();
    /// let moved = std::pin::Pin::new(&mut future);
    /// ```
    ///
    /// # Panics
    ///
    /// Polling it panics after it was ready.
    #[must_use = "a future does nothing unless it is polled"]
    pub struct OpFuture<O: Operation> {
        // Gone when it has happened. Before the wait, which it has to leave before that goes.
        #[pin]
        operation: Option<O>,
        // The wait that lasts or whose end has not been looked at. While there is one the operation
        // may be registered. It is pinned, also where the operation need not be, since entries have
        // pointers to the registration.
        #[pin]
        wait: Wait,
        // From the first wait on.
        block: Option<Arc<TaskBlock>>,
        // Where the alarm of the wait was set.
        alarms: Option<Arc<Alarms>>,
    }

    impl<O: Operation> PinnedDrop for OpFuture<O> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this;
            if this.as_mut().close() {
                let mut this = this.as_mut().project();
                if let Some(operation) = this.operation.as_pin_mut() {
                    operation.abandon();
                }
                this.wait.set(Wait::none());
            }
            this.clear_waker();
        }
    }
}

/// The wait of a future.
struct Wait(Option<Registration>, PhantomPinned);

// SAFETY: (R6) the registration and the entries that count in it lie in the same future, and are
// used only by the one that has that exclusively; the block that the waiter points to is counted
// and `Sync`.
unsafe impl Send for Wait {}
// SAFETY: (R6) as above: nothing is done with a shared wait.
unsafe impl Sync for Wait {}

impl Wait {
    fn none() -> Wait {
        Wait(None, PhantomPinned)
    }

    fn begun(registration: Registration) -> Wait {
        Wait(Some(registration), PhantomPinned)
    }

    /// The ticket of the wait, if there is one.
    fn ticket(&self) -> Option<Ticket> {
        self.0.as_ref().map(|registration| registration.ticket)
    }
}

impl<O: Operation> OpFuture<O> {
    /// The future of an operation. `.await` calls this for an operation by itself.
    pub fn new(operation: O) -> OpFuture<O> {
        OpFuture {
            operation: Some(operation),
            wait: Wait::none(),
            block: None,
            alarms: None,
        }
    }

    /// Begins a wait. If it turns out that there may be nothing to wait for it is taken back, if it
    /// has not been ended yet.
    fn begin(self: Pin<&mut Self>) {
        let mut this = self.project();
        let operation = this.operation.as_pin_mut().expect("it has not happened");
        let needs = operation.needs();
        needs.check();
        let block = this.block.get_or_insert_with(TaskBlock::new);
        let ticket = block.word.open(Openness::default());
        let registration = Registration::new(TaskBlock::waiter(block), ticket);
        this.wait.set(Wait::begun(registration));
        let wait = this.wait.as_ref().get_ref();
        let registration = wait.0.as_ref().expect("it has begun");
        if must_return(|| operation.register(registration)) {
            block.word.withdraw(ticket);
        } else if !needs.due.is_never() {
            *this.alarms = Some(set_alarm(block, ticket, needs.due));
        }
    }

    /// Whether the future has to wait for the end of the wait with `ticket`; for that the waker is
    /// kept.
    fn is_pending(self: Pin<&mut Self>, context: &Context<'_>, ticket: Ticket) -> bool {
        let this = self.project();
        let block = this.block.as_ref().expect("there is a wait");
        // Before the look, so that a committer after it finds the waker.
        block.set_waker(context.waker());
        let Some(outcome) = block.word.outcome(ticket) else {
            return true;
        };
        if block.word.is_held() {
            return true;
        }
        if let Some(registration) = &this.wait.0 {
            registration.note(outcome);
        }
        false
    }

    /// Drops the waker of the last poll, which must not be called from now on.
    fn clear_waker(&self) {
        if let Some(block) = &self.block {
            block.clear_waker();
        }
    }

    /// Ends the wait, if there is one, which the operation has to leave then.
    fn close(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        let (Some(registration), Some(block)) = (&this.wait.0, &this.block) else {
            return false;
        };
        let ticket = registration.ticket;
        block.word.withdraw(ticket);
        let outcome = block.word.outcome(ticket);
        registration.note(outcome.expect("the wait has ended"));
        if let Some(alarms) = this.alarms.take() {
            // SAFETY: (R11) it was set there.
            unsafe { alarms.clear(block) };
        }
        true
    }

    /// Ends the wait; the outcome if the operation has happened by that.
    fn end(mut self: Pin<&mut Self>) -> Option<O::Output> {
        if !self.as_mut().close() {
            return None;
        }
        let mut this = self.project();
        let operation = this.operation.as_pin_mut().expect("it has not happened");
        let output = operation.withdraw(Caller::Polls);
        this.wait.set(Wait::none());
        output
    }
}

/// Sets the alarm of a wait with the worker that polls; if this is none, or ends, with any of the
/// default runtime; and if that has ended, too, with the one that is there for this.
fn set_alarm(block: &Arc<TaskBlock>, ticket: Ticket, deadline: Deadline) -> Arc<Alarms> {
    let set_with = |alarms: &Arc<Alarms>| {
        // SAFETY: (R11) the future clears it before it drops its block.
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
        .expect("the timekeeper does not end")
}

impl<O: Operation> Future for OpFuture<O> {
    type Output = O::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<O::Output> {
        assert!(
            self.operation.is_some(),
            "a future was polled after it was ready"
        );
        if self.wait.0.is_none() {
            // A loop over futures that are always ready is to give others a turn, too.
            ready!(park::poll_budget(context));
        }
        let output = loop {
            if let Some(ticket) = self.wait.ticket() {
                if self.as_mut().is_pending(context, ticket) {
                    return Poll::Pending;
                }
                if let Some(output) = self.as_mut().end() {
                    break output;
                }
            }
            let operation = self.as_mut().project().operation.as_pin_mut();
            if let Some(output) = operation.and_then(|operation| operation.attempt(Caller::Polls)) {
                break output;
            }
            self.as_mut().begin();
        };
        self.as_mut().project().operation.set(None);
        self.clear_waker();
        Poll::Ready(output)
    }
}

impl<O: Operation> fmt::Debug for OpFuture<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the operation: others may be at its nodes.
        f.debug_struct("OpFuture")
            .field("waits", &self.wait.0.is_some())
            .field("is_ready", &self.operation.is_none())
            .finish_non_exhaustive()
    }
}
