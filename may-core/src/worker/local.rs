//! What a worker owns, and "which worker am I?".
//!
//! Everything in here belongs to one thread. It is reached by shared references whose fields are
//! cells, and no such reference lives across a resume, a suspension or a call of user code (R5): a
//! coroutine that goes on after a wait, or user code that spawns, comes back to the same worker
//! from inside.

use std::cell::{Cell, UnsafeCell};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_deque::Worker;

use super::queues::Unstarted;
use super::shared::{Peer, Shared};
use super::siblings::Siblings;
use crate::coroutine::block::BlockPool;
use crate::coroutine::header::Header;
use crate::coroutine::home::Home;
use crate::queue::Fifo;
use crate::reactor::Driver;
use crate::stack::{OutOfStacks, PoolConfig, Stack, StackPool, StackSize};
use crate::timer::Wheel;
use crate::util::clock::{self, Deadline};
use crate::util::list::List;
use crate::util::random::Random;
use crate::wait::{Alarms, Timeout};

/// How many calls a coroutine may make that succeed at once before it gives others a turn.
const BUDGET: i32 = 128;
/// How long the coroutines of a worker may go without a turn because one of them tries something
/// that never waits.
const LONGEST_TRIES: Duration = Duration::from_millis(10);

/// See the module's documentation.
pub(crate) struct Local {
    pub(super) shared: Arc<Shared>,
    pub(super) index: usize,
    pub(super) home: Arc<Home>,
    pub(super) driver: Driver,
    pub(super) deque: Worker<Unstarted>,
    pub(super) wheel: Wheel,
    pub(super) stacks: StackPool,
    pub(super) blocks: BlockPool,
    /// The coroutines that have started and not ended.
    pub(super) live: UnsafeCell<List<Header>>,
    pub(super) live_count: Cell<usize>,
    /// Unstarted coroutines for which there was no stack.
    pub(super) awaiting_stack: Fifo<Header>,
    /// When they have waited long enough; never if there are none.
    pub(super) stack_deadline: Cell<Deadline>,
    /// Why there was none, the last time.
    pub(super) stack_error: Cell<Option<OutOfStacks>>,
    pub(super) random: Random,
    /// Switches since the last maintenance.
    pub(super) switches: Cell<u32>,
    /// After how many of them the next one is.
    pub(super) interval: Cell<u32>,
    /// Coroutines started. Every so many the oldest has its turn.
    pub(super) starts: Cell<u32>,
    /// What the coroutines do that were spawned and started one after the other. `None` if none was
    /// started since the last one was spawned.
    pub(super) siblings: Cell<Option<Siblings>>,
    /// Whether the coroutines that live have been cancelled because the runtime stops.
    pub(super) cancelled: Cell<bool>,
}

thread_local! {
    /// The worker that runs on this thread.
    static LOCAL: Cell<*const Local> = const { Cell::new(ptr::null()) };
    /// What is left of the running coroutine's budget. Here, where one instruction counts it down.
    static LEFT: Cell<i32> = const { Cell::new(BUDGET) };
    /// How many calls that try something there may be until the next look at the clock.
    static TRIES: Cell<i32> = const { Cell::new(BUDGET) };
}

/// Runs `f` on the worker of this thread, if it is one. `f` is ours: it neither suspends nor calls
/// user code (R5).
#[inline]
pub(crate) fn with_local<R>(f: impl FnOnce(Option<&Local>) -> R) -> R {
    // SAFETY: (R5) the pointer is set while the worker's frame stands, and `f` ends before it does.
    f(unsafe { LOCAL.get().as_ref() })
}

impl Local {
    /// Runs a worker until its runtime stops. The whole life of the thread.
    pub(crate) fn run(shared: Arc<Shared>, index: usize, driver: Driver, deque: Worker<Unstarted>) {
        crate::sys::thread::request_precise_timers();
        if shared.settings.pin_workers {
            crate::sys::thread::pin_to_processor(index);
        }
        let _alternate_stack = crate::stack::overflow::prepare_thread();
        let now = clock::now();
        let local = Local {
            index,
            home: shared.peers[index].home.clone(),
            driver,
            deque,
            wheel: Wheel::new(now),
            stacks: StackPool::new(PoolConfig {
                scrub: shared.settings.scrub_stacks,
            }),
            blocks: BlockPool::new(Arc::downgrade(&shared.peers[index].home)),
            live: UnsafeCell::new(List::new()),
            live_count: Cell::new(0),
            awaiting_stack: Fifo::new(),
            stack_deadline: Cell::new(Deadline::NEVER),
            stack_error: Cell::new(None),
            random: Random::new(),
            switches: Cell::new(0),
            interval: Cell::new(1),
            starts: Cell::new(0),
            siblings: Cell::new(None),
            cancelled: Cell::new(false),
            shared,
        };
        // SAFETY: (R1) the pool stays in this frame until `leave` below.
        unsafe { local.blocks.enter() };
        Home::set_current(Arc::as_ptr(&local.home));
        local.home.set_last_maintenance(now);
        LOCAL.set(&local);
        local.work();
        LOCAL.set(ptr::null());
        Home::set_current(ptr::null());
        BlockPool::leave();
        local.driver.close();
        local.alarms().close();
        let shared = local.shared.clone();
        drop(local);
        shared.count_out_worker();
    }

    #[inline]
    pub(crate) fn belongs_to(&self, shared: &Shared) -> bool {
        ptr::eq(&*self.shared, shared)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The worker as others see it.
    pub(super) fn peer(&self) -> &Peer {
        &self.shared.peers[self.index]
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    /// The deadlines of futures that are polled on this worker.
    pub(crate) fn alarms(&self) -> &Arc<Alarms> {
        &self.peer().alarms
    }

    /// Queues a coroutine of this worker behind those that are runnable: one that is to start here
    /// and nowhere else, or the running one, which suspends next.
    #[inline]
    pub(crate) fn enqueue(&self, coroutine: NonNull<Header>) {
        // SAFETY: (I1) this is the owner's thread; neither a running coroutine nor one that was not
        // scheduled is in a queue.
        unsafe { self.home.runnable().push(coroutine) };
    }

    /// Sets a timeout of the running coroutine's wait.
    ///
    /// # Safety
    ///
    /// The timeout stays where it is until it fired or was cleared.
    #[inline]
    pub(crate) unsafe fn set_timeout(&self, timeout: NonNull<Timeout>) {
        // SAFETY: (I3) the caller upholds the contract for the entry.
        unsafe { self.wheel.insert(Timeout::entry(timeout)) };
    }

    /// Clears a timeout, whether it fired or not.
    ///
    /// # Safety
    ///
    /// The timeout was set with this worker.
    #[inline]
    pub(crate) unsafe fn clear_timeout(&self, timeout: NonNull<Timeout>) {
        // SAFETY: (I3) the caller upholds the contract for the entry.
        unsafe { self.wheel.remove(Timeout::entry(timeout)) };
    }

    pub(crate) fn timers(&self) -> usize {
        self.wheel.len()
    }

    /// Takes a stack for a part of the running coroutine.
    ///
    /// # Errors
    ///
    /// If the system has no memory for it.
    pub(crate) fn take_stack(&self, size: StackSize) -> Result<Stack, OutOfStacks> {
        self.stacks.take(size)
    }

    /// Why there was no stack for a coroutine, the last time.
    pub(crate) fn stack_error(&self) -> Option<OutOfStacks> {
        self.stack_error.get()
    }

    /// Takes such a stack back.
    pub(crate) fn give_stack_back(&self, stack: Stack) {
        self.stacks.give_back(stack);
    }

    /// Whether the last maintenance was long ago, although there is something to run. If so, the
    /// next one is soon.
    fn is_overdue(&self) -> bool {
        let passed = clock::now().saturating_sub(self.home.last_maintenance());
        let is_overdue = passed > LONGEST_TRIES.as_nanos() as u64;
        if is_overdue {
            self.check_maintenance();
        }
        is_overdue
    }

    /// Gives the coroutine that runs next a full budget.
    #[inline]
    pub(crate) fn renew_budget(&self) {
        LEFT.set(BUDGET);
    }
}

/// Counts a call that succeeded at once; true if the running coroutine may make it, and if not it
/// is to give others a turn.
#[inline]
pub(crate) fn spend() -> bool {
    let left = LEFT.get() - 1;
    LEFT.set(left);
    left >= 0 || !is_worker()
}

/// Whether this thread is one. What others count does not matter, so they may count for long.
#[cold]
fn is_worker() -> bool {
    let is_worker = !LOCAL.get().is_null();
    LEFT.set(if is_worker { 0 } else { i32::MAX });
    is_worker
}

/// Counts a call that tries something; true if such calls have kept the others from running for
/// long.
#[inline]
pub(crate) fn has_tried_for_long() -> bool {
    let left = TRIES.get() - 1;
    TRIES.set(left);
    left < 0 && is_time_to_stop_trying()
}

/// The half of [`has_tried_for_long`] that looks at the clock.
#[cold]
fn is_time_to_stop_trying() -> bool {
    TRIES.set(BUDGET);
    with_local(|local| local.is_some_and(Local::is_overdue))
}
