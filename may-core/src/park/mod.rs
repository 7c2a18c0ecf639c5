//! Blocking: the one place where a coroutine or a thread stops and goes on (I2).
//!
//! A wait is a [`Wait`]: opening the caller's commit word, and suspending until that is closed.
//! Operations have their loop in `operation/wait.rs`; what has no queue is here: [`park()`],
//! [`yield_now`] and [`sleep_until`].
//!
//! # Cancellation
//!
//! A wait of a coroutine raises [`Cancelled`](crate::coroutine::Cancelled) if cancellation was
//! requested before it or ends it. If an operation won the commit word, the cancellation waits for
//! the next wait: *cancelled means it did not happen*. Every caller that was woken tries its
//! operation before it waits again, so a wake-up is never swallowed by a cancellation.

mod budget;
mod hook;

use std::cell::Cell;
use std::pin::{Pin, pin};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use crate::coroutine::commit_word::{Openness, Outcome, Ticket};
use crate::coroutine::current::{self, with_strand};
use crate::coroutine::header::Header;
use crate::coroutine::home;
use crate::coroutine::strand::Strand;
use crate::coroutine::thread::ThreadBlock;
use crate::coroutine::{cancel, limit, request, unwinding};
use crate::prim;
use crate::util::clock::Deadline;
use crate::wait::{Node, Registration, Seat, StandIn, Timeout, WaitQueue, Waiter, Wake};
use crate::worker::with_local;

pub use crate::coroutine::strand::Awaited;
pub(crate) use budget::{
    budget_is_spent, count_try, poll_budget, spend_budget, spend_budget_if, spend_budget_of_lock,
};

/// The caller that blocks, together with what keeps it alive meanwhile.
enum Blocker {
    /// The coroutine that runs on this thread.
    Coroutine(NonNull<Header>),
    /// This thread, which is no worker or runs no coroutine.
    Thread(Arc<ThreadBlock>),
}

impl Blocker {
    /// The caller.
    ///
    /// # Panics
    ///
    /// Panics where blocking is a bug: inside `forbid_blocking`, and in a worker's own code, where
    /// a `Waker` may get to.
    #[inline(always)]
    fn current() -> Blocker {
        match Header::current() {
            Some(coroutine) => {
                // SAFETY: (R1) the running coroutine's block lives while it runs.
                let header = unsafe { coroutine.as_ref() };
                refuse_if_forbidden(&header.strand);
                refuse_foreign_stack(header);
                Blocker::Coroutine(coroutine)
            }
            None => {
                if current::is_worker() {
                    refuse("a call would have blocked a worker outside its coroutines");
                }
                let block = ThreadBlock::current();
                refuse_if_forbidden(&block.strand);
                Blocker::Thread(block)
            }
        }
    }

    /// The caller as queues see it.
    #[inline]
    fn waiter(&self) -> Waiter {
        match self {
            Blocker::Coroutine(coroutine) => Waiter::Coroutine(*coroutine),
            Blocker::Thread(block) => Waiter::thread(block),
        }
    }

    /// The caller's state.
    #[inline]
    fn strand(&self) -> &Strand {
        match self {
            // SAFETY: (R1) the running coroutine's block lives while it runs.
            Blocker::Coroutine(coroutine) => unsafe { &coroutine.as_ref().strand },
            Blocker::Thread(block) => &block.strand,
        }
    }

    /// Suspends until the wait with `ticket` has ended, and says how.
    ///
    /// For a coroutine this suspends exactly once, also if the wait has ended by now: the committer
    /// that ended it sends the coroutine home, and that entry in the run queue must find it
    /// suspended.
    #[inline(always)]
    fn suspend(&self, ticket: Ticket, deadline: Deadline) -> Outcome {
        match self {
            Blocker::Coroutine(coroutine) => suspend_coroutine(*coroutine, ticket, deadline),
            Blocker::Thread(block) => suspend_thread(block, ticket, deadline),
        }
    }
}

/// Whether a cancellation of the caller was requested and may be raised now. If it was and may not,
/// because another coroutine of this thread unwinds, the worker will deliver it later.
#[inline]
fn must_end(strand: &Strand) -> bool {
    strand.has(request::CANCELLED) && or_defer(cancel::is_deliverable(strand))
}

/// The deadline of a wait of the caller that is to end at `deadline`, if a limit around the caller
/// is not earlier.
#[inline]
fn limited(strand: &Strand, deadline: Deadline) -> Limited {
    let limit = match limit::of(strand) {
        Deadline::NEVER => Deadline::NEVER,
        limit => when_deliverable(strand, limit),
    };
    Limited {
        deadline: deadline.min(limit),
        by_limit: limit < deadline,
    }
}

/// The limit of a strand as far as it may be raised now. While another coroutine unwinds on this
/// thread it may be in a while, so the caller comes back.
#[cold]
fn when_deliverable(strand: &Strand, limit: Deadline) -> Deadline {
    /// How often it looks.
    const AGAIN: Duration = Duration::from_millis(1);
    match cancel::is_wanted(strand) {
        false => Deadline::NEVER,
        true if cancel::is_deliverable(strand) => limit,
        true => limit.max(Deadline::after(AGAIN)),
    }
}

/// The deadline of one wait.
#[derive(Clone, Copy)]
struct Limited {
    deadline: Deadline,
    /// It is that of a limit around the caller, not the wait's own.
    by_limit: bool,
}

/// To be called before children are started that have to end before the caller's frame goes: panics
/// in a worker's own code, where a waker may get to, since the wait for them could neither be
/// carried out nor be left.
pub(crate) fn before_children() {
    if current::is_worker() {
        refuse("a call would have blocked a worker outside its coroutines");
    }
}

/// To be called before a call has others begin what it will wait for: panics where a call that
/// blocks would, and raises what is due.
pub(crate) fn before_handing_over() {
    match Blocker::current() {
        Blocker::Coroutine(coroutine) => {
            // SAFETY: (R1) the running coroutine's block lives while it runs.
            let header = unsafe { coroutine.as_ref() };
            if header.is_special() {
                raise_due(&header.strand);
            }
        }
        Blocker::Thread(block) => raise_due(&block.strand),
    }
}

/// Tells the worker to end the wait of a cancelled coroutine again later, if nothing may be raised
/// in it now.
#[cold]
fn or_defer(deliverable: bool) -> bool {
    if !deliverable {
        unwinding::defer_cancellation();
    }
    deliverable
}

/// Panics, in debug builds, if the caller would suspend on a stack that is neither its own nor one
/// of `with_stack`. What brought that stack keeps a note of it for the thread, which is wrong for
/// the coroutines that run next (R0).
#[inline(always)]
fn refuse_foreign_stack(header: &Header) {
    #[cfg(all(debug_assertions, unix, not(any(may_asan, may_loom))))]
    if !header.is_on_own_stack() {
        panic!(
            "a coroutine would have suspended on a stack that is not May's, inside a generator of another crate or `stacker`\n\
             help: use a coroutine and a channel in place of the generator, or block outside it; see docs/caveats.md"
        );
    }
    let _ = header;
}

/// Panics if the caller must not block.
#[inline(always)]
fn refuse_if_forbidden(strand: &Strand) {
    if strand.forbids_blocking() {
        refuse_forbidden(strand);
    }
}

#[cold]
fn refuse_forbidden(strand: &Strand) -> ! {
    refuse(match strand.word.is_open() {
        true => "`Operation::register` would have blocked, or the waker or `Drop` that it ran",
        false => "a call inside `forbid_blocking` would have blocked",
    })
}

/// The panic of a call that must not block.
#[cold]
fn refuse(what: &str) -> ! {
    panic!("{what}: move the blocking call out of the section, or use a call that does not block")
}

/// Suspends a coroutine until its wait has ended.
#[inline(always)]
fn suspend_coroutine(coroutine: NonNull<Header>, ticket: Ticket, deadline: Deadline) -> Outcome {
    // SAFETY: (I2) the coroutine is the one that runs here, and its block lives while it does; the
    // committer that ends the wait sends it home, once.
    let header = unsafe { coroutine.as_ref() };
    // SAFETY: (I2) as above.
    let switch = || unsafe { switch(coroutine) };
    if deadline.is_never() {
        switch();
    } else if !(deadline.has_elapsed() && header.strand.word.time_out(ticket)) {
        let timeout = pin!(Timeout::new(deadline.nanoseconds(), coroutine, ticket));
        let timeout = NonNull::from(&*timeout);
        // SAFETY: (I3) the timeout is pinned in this frame and cleared before the frame goes, on
        // the same worker (I1).
        with_local(|local| unsafe {
            local
                .expect("coroutines run on workers")
                .set_timeout(timeout)
        });
        switch();
        // SAFETY: (I3) as above.
        with_local(|local| unsafe {
            local
                .expect("a coroutine keeps its worker")
                .clear_timeout(timeout);
        });
    }
    header
        .strand
        .word
        .outcome(ticket)
        .expect("a coroutine is resumed when its wait has ended")
}

/// Switches to the worker, and returns when the coroutine has been sent home.
///
/// # Safety
///
/// The coroutine is the one that runs here, and it is sent home once.
#[inline(always)]
unsafe fn switch(coroutine: NonNull<Header>) {
    // SAFETY: (R1) the running coroutine's block lives while it runs.
    let header = unsafe { coroutine.as_ref() };
    let one_unwinds = unwinding::note_suspend(&header.strand);
    if one_unwinds && hook::waits(coroutine) {
        return;
    }
    // SAFETY: (I2) as promised by the caller.
    unsafe { header.suspend() };
}

/// Parks a thread until its wait has ended.
fn suspend_thread(block: &ThreadBlock, ticket: Ticket, deadline: Deadline) -> Outcome {
    loop {
        if let Some(outcome) = block.strand.word.outcome(ticket) {
            return outcome;
        }
        match deadline.remaining() {
            None => prim::park_thread(),
            Some(left) if left.is_zero() => drop(block.strand.word.time_out(ticket)),
            Some(left) => prim::park_thread_timeout(left),
        }
    }
}

/// What a cancellation of the caller does to its wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cancellation {
    /// It unwinds the caller. In builds without unwinding it does nothing.
    Unwinds,
    /// The same, but in builds without unwinding it is an error of the operation.
    IsError,
    /// It is an outcome of the operation.
    IsOutcome,
}

impl Cancellation {
    /// Whether a call that waits returns if the caller is cancelled.
    fn is_returned(self) -> bool {
        match self {
            Cancellation::Unwinds => false,
            Cancellation::IsError => cfg!(panic = "abort"),
            Cancellation::IsOutcome => true,
        }
    }
}

/// A wait of the caller that is open: step by step, for `operation/wait.rs`, which has the loop.
pub(crate) struct Wait {
    blocker: Blocker,
    awaited: Awaited,
    registration: Registration,
    cancellation: Cancellation,
    cancellable: bool,
}

impl Awaited {
    /// What a wait that begins now is for.
    #[inline]
    pub(crate) fn now(kind: &'static str, place: usize) -> Awaited {
        Awaited {
            kind,
            place,
            since: home::recently(),
        }
    }
}

/// How a wait has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Ended {
    /// A committer has committed the caller.
    Committed,
    /// The caller has found that there may be nothing to wait for.
    Ready,
    /// The deadline has passed.
    TimedOut,
    /// A limit around the caller has been reached.
    LimitReached,
    /// The caller is cancelled.
    Cancelled,
}

impl Wait {
    /// Opens the caller's commit word, for a wait for `awaited`.
    ///
    /// # Panics
    ///
    /// Panics where blocking is a bug.
    #[inline(always)]
    pub(crate) fn open(awaited: Awaited, cancellation: Cancellation, unparkable: bool) -> Wait {
        let blocker = Blocker::current();
        let strand = blocker.strand();
        let cancellable =
            (cfg!(panic = "unwind") || cancellation.is_returned()) && cancel::is_wanted(strand);
        let ticket = strand.word.open(Openness {
            cancellable,
            unparkable,
        });
        // Whatever registers the wait must not suspend: a committer would find the caller in a
        // queue already.
        strand.set_forbids_blocking(true);
        Wait {
            registration: Registration::new(blocker.waiter(), ticket),
            blocker,
            awaited,
            cancellation,
            cancellable,
        }
    }

    /// What operations are registered with. They have pointers to it, so from then on the wait does
    /// not move.
    #[inline]
    pub(crate) fn registration(&self) -> &Registration {
        &self.registration
    }

    /// Suspends the caller until its wait has ended, by `deadline` at the latest; if there may be
    /// nothing to wait for, the wait is taken back, unless it has ended by now.
    #[inline(always)]
    pub(crate) fn end(&self, deadline: Deadline, ready: bool) -> Ended {
        let strand = self.blocker.strand();
        strand.set_forbids_blocking(false);
        let limited = limited(strand, deadline);
        let ticket = self.registration.ticket;
        strand.set_waits_for(&self.awaited);
        // Pairs with the fences of those that cancel.
        self.registration.fence_once();
        let cancelled = self.cancellable && !ready && must_end(strand);
        let outcome = if (ready || cancelled) && strand.word.withdraw(ticket) {
            Outcome::Withdrawn
        } else {
            self.blocker.suspend(ticket, limited.deadline)
        };
        self.registration.note(outcome);
        match outcome {
            Outcome::Committed(_) => Ended::Committed,
            Outcome::TimedOut if limited.by_limit => Ended::LimitReached,
            Outcome::TimedOut => Ended::TimedOut,
            Outcome::Withdrawn if ready => Ended::Ready,
            Outcome::Cancelled | Outcome::Withdrawn => Ended::Cancelled,
        }
    }

    /// Whether a cancellation is for the operation to return.
    pub(crate) fn takes_cancellation(&self) -> bool {
        self.cancellation.is_returned()
    }

    /// Raises the cancellation or the limit that has ended the wait, if that may be done now;
    /// otherwise the caller waits on. No operation is registered any more.
    #[inline]
    pub(crate) fn deliver(&self, ended: Ended) {
        match ended {
            Ended::Committed | Ended::Ready | Ended::TimedOut => {}
            Ended::LimitReached => self.deliver_limit(),
            Ended::Cancelled => self.deliver_cancellation(),
        }
    }

    /// Raises the cancellation that has ended the wait, or defers it.
    #[cold]
    fn deliver_cancellation(&self) {
        if or_defer(cancel::is_deliverable_after_wait(self.blocker.strand())) {
            cancel::raise();
        }
    }

    /// Raises the limit that has ended the wait, if that may be done now.
    #[cold]
    fn deliver_limit(&self) {
        if cancel::is_deliverable_after_wait(self.blocker.strand()) {
            cancel::raise_limit();
        }
    }
}

/// How a wait for a notification has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Notified {
    /// By a notification; with a grant, if so.
    By {
        /// What the caller waits for is kept for it.
        granted: bool,
    },
    /// The caller was not woken, and the deadline has not passed.
    No,
    /// By the deadline.
    TimedOut,
}

/// Waits once in `queue` until the caller is woken or `deadline` passes. When the caller has been
/// registered `change` makes a change, outside every lock, and returns the waiter that is to be
/// woken for that.
///
/// Waking may run user code, which must not happen while the wait is open. In that case the
/// caller's wait is taken back, and a stand-in keeps its place while it wakes; so a notification
/// after the change finds it in the queue at any time.
#[inline]
pub(crate) fn wait_after<D: Copy>(
    queue: &WaitQueue<D>,
    data: D,
    deadline: Deadline,
    change: impl FnOnce() -> Option<Wake>,
) -> Notified {
    let stand_in = pin!(StandIn::new(queue));
    let stand_in = stand_in.as_ref();
    let mut owed = Owed(None);
    let register = |node: Pin<&Node<D>>| {
        // SAFETY: (I2) `wait_once` withdraws it from the same queue.
        unsafe { queue.register(node) };
        match change() {
            Some(wake) if wake.runs_user_code() => {
                owed.0 = Some(wake);
                stand_in.relieve(node, data);
            }
            Some(wake) => wake.fire(),
            None => {}
        }
        stand_in.is_used()
    };
    let notified = wait_once(queue, data, deadline, register, || stand_in.is_used());
    drop(owed);
    match stand_in.is_used() {
        true => wait_after_stand_in(stand_in, queue, data, deadline),
        false => notified,
    }
}

/// The half of [`wait_after`] for a caller that had to run user code.
#[cold]
fn wait_after_stand_in<D>(
    stand_in: Pin<&StandIn<'_, D>>,
    queue: &WaitQueue<D>,
    data: D,
    deadline: Deadline,
) -> Notified {
    let granted = Cell::new(None);
    let register = |node: Pin<&Node<D>>| {
        if !stand_in.give_back(node) {
            granted.set(Some(node.is_granted()));
        }
        granted.get().is_some()
    };
    // A cancellation or a limit is left to the next wait if there was a notification, which is not
    // lost then.
    let notified = wait_once(queue, data, deadline, register, || granted.get().is_some());
    match granted.get() {
        Some(granted) => Notified::By { granted },
        None => notified,
    }
}

/// A waiter that is woken when this is dropped.
struct Owed(Option<Wake>);

impl Drop for Owed {
    #[inline]
    fn drop(&mut self) {
        if let Some(wake) = self.0.take() {
            wake.fire();
        }
    }
}

/// One wait with a node that `register` links in `queue`, unless that says that there is nothing to
/// wait for. If `is_over` says in the end that there was not, a cancellation or a limit is left to
/// the next wait.
#[inline(always)]
fn wait_once<D>(
    queue: &WaitQueue<D>,
    data: D,
    deadline: Deadline,
    register: impl FnOnce(Pin<&Node<D>>) -> bool,
    is_over: impl FnOnce() -> bool,
) -> Notified {
    let awaited = Awaited::now("condvar", ptr::from_ref(queue).addr());
    let wait = Wait::open(awaited, Cancellation::Unwinds, false);
    let by = wait.registration();
    // The node is withdrawn on every way out of this frame, and nothing unwinds before that.
    let node = pin!(Node::new(by.waiter, by.ticket, 1, Seat::NEW, data));
    let node = node.as_ref();
    let ready = register(node);
    let ended = wait.end(deadline, ready);
    if ended == Ended::Committed {
        let granted = node.is_granted();
        return Notified::By { granted };
    }
    // SAFETY: (I2) if it was registered, then there.
    unsafe { queue.withdraw(node) };
    match ended {
        _ if is_over() => Notified::No,
        Ended::TimedOut => Notified::TimedOut,
        ended => {
            wait.deliver(ended);
            Notified::No
        }
    }
}

/// Whether the caller is a coroutine whose cancellation was requested, and is not behind a shield
/// or unwinding.
pub(crate) fn is_cancelled() -> bool {
    with_strand(|strand| strand.has(request::CANCELLED) && cancel::is_wanted(strand))
}

/// Whether the caller may block.
pub(crate) fn may_block() -> bool {
    !current::is_worker() && !with_strand(Strand::forbids_blocking)
}

/// Leaves the end of the caller's wait to the claimant, which gets the wake-up. The caller, which
/// may block, then suspends by [`wait_for_claimant`], and nothing else ends that.
///
/// The caller's commit word is opened and closed at once, so that no other side can commit it.
pub(crate) fn claim_caller() -> Wake {
    let blocker = Blocker::current();
    let word = &blocker.strand().word;
    let ticket = word.open(Openness::default());
    let committed = word.commit(ticket, 0);
    debug_assert!(committed, "no other side knows of this wait");
    // SAFETY: (I2) the caller is the waiter.
    unsafe { blocker.waiter().wake() }
}

/// Suspends a caller that was claimed until the wake-up is fired. `is_claimed` says whether it has
/// yet to be, which matters to a thread: its sleep may end by itself.
pub(crate) fn wait_for_claimant(is_claimed: impl Fn() -> bool) {
    match Header::current() {
        Some(coroutine) => {
            // SAFETY: (I2) the coroutine runs here; the claimant has the wake-up and sends it home,
            // once.
            unsafe { switch(coroutine) };
            debug_assert!(!is_claimed(), "the claim ends before the wake-up");
        }
        None => {
            while is_claimed() {
                prim::park_thread();
            }
        }
    }
}

/// Waits until the caller's token is left, or `deadline` passes, and takes the token.
fn park_until(deadline: Deadline) {
    loop {
        if take_token() {
            return;
        }
        let wait = Wait::open(Awaited::now("park", 0), Cancellation::Unwinds, true);
        // Pairs with the fence of `unpark`.
        wait.registration().fence();
        let taken = request::take_token(wait.blocker.strand());
        let ended = wait.end(deadline, taken);
        match ended {
            Ended::Committed => {
                take_token();
                return;
            }
            Ended::TimedOut | Ended::Ready => return,
            // A token that was taken meanwhile counts.
            Ended::LimitReached | Ended::Cancelled if taken => return,
            ended => wait.deliver(ended),
        }
    }
}

/// Takes the caller's token, if it is there.
fn take_token() -> bool {
    request::take_token(Blocker::current().strand())
}

/// Blocks the caller until its token is there, and takes it; like `std::thread::park` for
/// coroutines and threads alike.
///
/// The token is left by [`Coroutine::unpark`](crate::spawn::Coroutine::unpark), before or after the
/// call. Like std's this may return without a token, so callers check what they wait for in a loop.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here.
///
/// # Examples
///
/// ```
/// use may::coroutine;
///
/// let sleeper = coroutine::spawn(coroutine::park);
/// sleeper.coroutine().unpark();
/// sleeper.join().unwrap();
/// ```
pub fn park() {
    park_until(Deadline::NEVER);
}

/// Like [`park`], for at most `timeout`. Any duration will do, from zero to `Duration::MAX`.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// may::coroutine::park_timeout(Duration::from_micros(500));
/// ```
pub fn park_timeout(timeout: Duration) {
    park_until(Deadline::after(timeout));
}

/// Blocks the caller until `deadline`.
pub(crate) fn sleep_until(deadline: Deadline) {
    loop {
        let wait = Wait::open(Awaited::now("sleep", 0), Cancellation::Unwinds, false);
        match wait.end(deadline, false) {
            Ended::TimedOut => return,
            ended => wait.deliver(ended),
        }
    }
}

/// Lets the other runnable coroutines of this worker run first; on a plain thread the same as
/// `std::thread::yield_now`.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here.
///
/// # Examples
///
/// ```
/// may::coroutine::yield_now();
/// ```
#[inline(always)]
pub fn yield_now() {
    // Inlined, because a call and a return around the switch would cost more than the switch
    // (worker/run.rs).
    let Some(coroutine) = Header::current() else {
        return yield_thread();
    };
    // SAFETY: (R1) the running coroutine's block lives while it runs.
    let header = unsafe { coroutine.as_ref() };
    refuse_foreign_stack(header);
    if header.is_special() {
        before_yield(header);
    }
    with_local(|local| {
        if let Some(local) = local {
            local.enqueue(coroutine);
        }
    });
    // SAFETY: (I2) a coroutine runs on a worker, so the lines above sent it home.
    unsafe { switch(coroutine) };
}

/// What [`yield_now`] is on a plain thread.
#[cold]
fn yield_thread() {
    with_strand(raise_due);
    std::thread::yield_now();
}

/// The rare half of [`yield_now`]: delivers a cancellation or a limit, or refuses to suspend.
#[cold]
fn before_yield(header: &Header) {
    refuse_if_forbidden(&header.strand);
    raise_due(&header.strand);
}

/// Raises a cancellation that was requested, or a limit that was reached.
#[cold]
fn raise_due(strand: &Strand) {
    if cancel::is_due(strand) {
        cancel::raise();
    }
    if limit::of(strand).has_elapsed() && cancel::is_deliverable(strand) {
        cancel::raise_limit();
    }
}

/// How many timers the caller's worker has set. For tests of what waits leave behind.
#[doc(hidden)]
#[must_use]
pub fn timers() -> usize {
    with_local(|local| local.map_or(0, |local| local.timers()))
}

/// What the coroutines of the caller's worker wait for, each with its number. For tests, and for
/// what will show it to users.
#[doc(hidden)]
#[must_use]
pub fn waits() -> Vec<(u64, Awaited)> {
    with_local(|local| local.map_or_else(Vec::new, |local| local.waits()))
}

/// How many coroutines of the caller's runtime have started and not ended. For tests of what is
/// left behind.
#[doc(hidden)]
#[must_use]
pub fn coroutines() -> usize {
    with_local(|local| local.map_or(0, |local| local.shared().alive()))
}

/// Whether the caller is a coroutine outside `forbid_blocking`.
#[cold]
fn may_suspend() -> bool {
    current::is_coroutine() && !with_strand(Strand::forbids_blocking)
}
