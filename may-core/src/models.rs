//! What the models in `tests/tests/model_*.rs` reach of the production code; built under
//! `--cfg may_loom` only.
//!
//! Thin wrappers, since the types themselves are private: each method calls the function of the
//! same name.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use loom::thread::{self, JoinHandle};

use crate::coroutine::Cancelled;
use crate::coroutine::commit_word::Ticket;
use crate::coroutine::request;
use crate::coroutine::sleep;
use crate::coroutine::thread::ThreadBlock;
use crate::operation::{self, Queueing};
use crate::park;
use crate::prim::{AtomicPtr, GRANTS};
use crate::queue::{self, Queued};
use crate::util::clock;
use crate::wait::WaitQueue;
use crate::worker::{idle, orders};

/// A timeout that is one, and is played by [`Waiter::time_out`]: the models have no time.
pub const LONG: Duration = Duration::from_secs(1_000_000);

/// A thread of a model, which plays a coroutine: it can be cancelled and timed out, too.
#[derive(Clone, Debug)]
pub struct Waiter(Arc<ThreadBlock>);

impl Waiter {
    /// The thread that calls this.
    #[must_use]
    pub fn current() -> Waiter {
        Waiter(ThreadBlock::current())
    }

    /// Plays `JoinHandle::cancel`.
    pub fn cancel(&self) {
        if request::cancel(&self.0.strand) {
            self.0.wake();
        }
    }

    /// Plays the worker's timer: ends the wait that is open now, if there is one; true if it did.
    pub fn time_out(&self) -> bool {
        self.deadline().is_some_and(Deadline::pass)
    }

    /// The deadline of the wait that is open now, if there is one; it may come late.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        let ticket = self.0.strand.word.open_ticket()?;
        Some(Deadline {
            waiter: self.clone(),
            ticket,
        })
    }

    /// Plays `Coroutine::unpark`.
    pub fn unpark(&self) {
        self.0.unpark();
    }
}

/// The deadline of one wait.
#[derive(Debug)]
pub struct Deadline {
    waiter: Waiter,
    ticket: Ticket,
}

impl Deadline {
    /// Plays the worker's timer: ends the wait to which the deadline belongs, if that is still
    /// open; true if it was.
    #[must_use]
    pub fn pass(self) -> bool {
        let ended = self.waiter.0.strand.word.time_out(self.ticket);
        if ended {
            self.waiter.0.wake();
        }
        ended
    }
}

/// Checks a model twice: in one no waiter gets a grant, in the other each that may have one, also
/// if it has not waited in vain.
pub fn with_and_without_grants(model: impl Fn() + Send + Sync + 'static) {
    let model = Arc::new(model);
    for grants in [false, true] {
        GRANTS.set(grants);
        let model = model.clone();
        loom::model(move || model());
    }
    GRANTS.set(false);
}

/// What happens to a waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// It is cancelled.
    Cancellation,
    /// Its time is up, and then it is cancelled.
    Deadline,
}

impl Disturbance {
    /// Starts a thread that ends a wait of the caller.
    #[must_use]
    pub fn begin(self) -> JoinHandle<()> {
        let waiter = Waiter::current();
        thread::spawn(move || {
            if self == Disturbance::Deadline {
                waiter.time_out();
            }
            // Also after a deadline, which may pass between two waits and then ends none: the
            // caller is to leave in the end.
            waiter.cancel();
        })
    }
}

/// Runs what a coroutine might run; `None` if the caller was cancelled in it.
pub fn unless_cancelled<R>(f: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => Some(result),
        Err(payload) if payload.is::<Cancelled>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The waiter was woken, or there was nothing to wait for.
    Woken,
    /// The deadline won.
    TimedOut,
    /// The cancellation was delivered.
    Cancelled,
}

/// `wait::WaitQueue`.
#[derive(Debug)]
pub struct Queue(WaitQueue);

impl Default for Queue {
    fn default() -> Queue {
        Queue(WaitQueue::new())
    }
}

impl Queue {
    /// One wait, as of every operation.
    pub fn wait(&self, is_ready: impl Fn() -> bool) -> End {
        self.wait_times(1, is_ready)
    }

    /// So many waits for one operation, which was woken in vain before the last.
    pub fn wait_times(&self, times: usize, is_ready: impl Fn() -> bool) -> End {
        let waits = Waits {
            queue: &self.0,
            left: times,
            is_ready,
        };
        unless_cancelled(|| operation::Queued::block_until(waits, clock::Deadline::after(LONG)))
            .map_or(End::Cancelled, |end| end.expect("it ends"))
    }

    /// `WaitQueue::wake_one`.
    pub fn wake_one(&self) -> bool {
        self.0.wake_one()
    }

    /// `WaitQueue::wake_all`.
    pub fn wake_all(&self) -> usize {
        self.0.wake_all()
    }

    /// Whether no node is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An operation that happens after so many waits.
struct Waits<'a, F> {
    queue: &'a WaitQueue,
    left: usize,
    is_ready: F,
}

impl<F: Fn() -> bool> Queueing for Waits<'_, F> {
    type Output = End;

    fn kind(&self) -> &'static str {
        "model"
    }

    fn queue(&self) -> &WaitQueue {
        self.queue
    }

    fn prepare(&mut self) -> bool {
        self.left -= 1;
        false
    }

    fn attempt(&mut self) -> Option<End> {
        (self.left == 0).then_some(End::Woken)
    }

    fn is_ready(&self) -> bool {
        (self.is_ready)()
    }

    fn at_deadline(&mut self) -> Option<End> {
        Some(End::TimedOut)
    }

    fn spend_budget(&self) {}
}

/// `park::park`.
pub fn park() {
    park::park();
}

/// Something that can be sent to an inbox.
#[derive(Debug)]
struct Letter {
    text: usize,
    next: AtomicPtr<Letter>,
}

// SAFETY: (models) each letter has a link of its own.
unsafe impl Queued for Letter {
    fn next(&self) -> &AtomicPtr<Letter> {
        &self.next
    }
}

/// `queue::Inbox`.
#[derive(Debug)]
pub struct Inbox(queue::Inbox<Letter>);

impl Default for Inbox {
    fn default() -> Inbox {
        Inbox(queue::Inbox::new())
    }
}

impl Inbox {
    /// `Inbox::push`.
    pub fn push(&self, text: usize) {
        let letter = Box::new(Letter {
            text,
            next: AtomicPtr::new(ptr::null_mut()),
        });
        // SAFETY: (models) the letter is freed by `take_all`.
        unsafe { self.0.push(NonNull::from(Box::leak(letter))) };
    }

    /// `Inbox::take_all`.
    pub fn take_all(&self) -> Vec<usize> {
        let mut texts = Vec::new();
        self.0.take_all(|letter| {
            // SAFETY: (models) `push` made it, and it is out of the inbox.
            texts.push(unsafe { Box::from_raw(letter.as_ptr()) }.text);
        });
        texts
    }

    /// `Inbox::is_empty`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `coroutine::sleep::SleepState`.
#[derive(Debug)]
pub struct SleepState(sleep::SleepState);

impl Default for SleepState {
    fn default() -> SleepState {
        SleepState(sleep::SleepState::new())
    }
}

impl SleepState {
    /// `SleepState::announce`.
    pub fn announce(&self) {
        self.0.announce();
    }

    /// `SleepState::end`.
    pub fn end(&self) {
        self.0.end();
    }

    /// `SleepState::notify`.
    pub fn notify(&self) -> bool {
        self.0.notify()
    }
}

/// `worker::idle::Idle`.
#[derive(Debug)]
pub struct Idle(idle::Idle);

impl Default for Idle {
    fn default() -> Idle {
        Idle(idle::Idle::new())
    }
}

impl Idle {
    /// `Idle::start_search`.
    pub fn start_search(&self, worker: usize) -> bool {
        self.0.start_search(worker)
    }

    /// `Idle::is_searcher`.
    #[must_use]
    pub fn is_searcher(&self, worker: usize) -> bool {
        self.0.is_searcher(worker)
    }

    /// `Idle::stop_search`.
    pub fn stop_search(&self, worker: usize) -> bool {
        self.0.stop_search(worker)
    }

    /// `Idle::wake_searcher`.
    pub fn wake_searcher<'a>(
        &self,
        workers: usize,
        state: impl Fn(usize) -> &'a SleepState,
        wake: impl Fn(usize),
    ) {
        self.0
            .wake_searcher(workers, |worker| &state(worker).0, wake);
    }

    /// `Idle::sleep`.
    pub fn sleep(
        &self,
        worker: usize,
        state: &SleepState,
        has_work: impl Fn() -> bool,
        has_unstarted: impl Fn() -> bool,
        wake_searcher: impl FnOnce(),
        sleep: impl FnOnce(),
    ) {
        self.0.sleep(
            worker,
            &state.0,
            has_work,
            has_unstarted,
            wake_searcher,
            sleep,
        );
    }
}

/// `worker::orders::Orders`, of a runtime with one worker.
#[derive(Debug)]
pub struct Orders(orders::Orders);

impl Default for Orders {
    fn default() -> Orders {
        let orders = orders::Orders::new();
        orders.count_in();
        Orders(orders)
    }
}

impl Orders {
    /// `Orders::stop`.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// `Orders::give_up`.
    pub fn give_up(&self, end_unclaimed: impl FnOnce()) {
        self.0.give_up(end_unclaimed);
    }

    /// `Orders::count_out`.
    pub fn count_out(&self, end_unclaimed: impl FnOnce()) {
        self.0.count_out(end_unclaimed);
    }

    /// `Orders::end_if_unclaimed`.
    pub fn end_if_unclaimed(&self, end_unclaimed: impl FnOnce()) {
        self.0.end_if_unclaimed(end_unclaimed);
    }
}
