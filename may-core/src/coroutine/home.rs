//! Where a wake-up of a coroutine is sent: the run queue and the inbox of its worker, and the means
//! to wake it.
//!
//! # Falling asleep and being woken
//!
//! ```text
//!   worker                                  any other thread
//!   1  state = ASLEEP                       a  push into the inbox (or publish other work)
//!   2  fence                                b  fence
//!   3  look for work once more; if there    c  if state is ASLEEP: swap NOTIFIED in; who gets
//!      is some, state = AWAKE and go on        ASLEEP out of it calls the operating system
//!   4  sleep in the operating system
//!   5  state = AWAKE
//! ```
//!
//! The two fences are sequentially consistent, so one of them comes first. If it is the worker's,
//! then *c* sees `ASLEEP` and the sleep of step 4 ends; if it is the other one's, then step 3 sees
//! the work. A call to the operating system is made only when the worker really sleeps or is about
//! to, and once per sleep. Because the operating system's waker stays signalled until the worker
//! has slept, a call between 3 and 4 is not lost either.

use std::fmt;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::current;
use super::header::Header;
use super::sleep::SleepState;
use crate::queue::{Fifo, Inbox};
use crate::util::clock;

/// How long ago the last maintenance of a worker is that counts as held up: several times as long
/// as otherwise.
const HELD_UP_AFTER: u64 = 500_000;

/// See the module's documentation.
pub(crate) struct Home {
    /// Coroutines woken by this worker itself; the owner's.
    runnable: Fifo<Header>,
    /// Coroutines woken by other threads, and unstarted ones that other threads bind to this
    /// worker.
    inbox: Inbox<Header>,
    /// Whether the worker sleeps.
    pub(crate) sleep: SleepState,
    /// The time of the last maintenance, of which there are several a millisecond unless a
    /// coroutine computes.
    last_maintenance: AtomicU64,
    /// Ends a sleep in the operating system.
    waker: mio::Waker,
}

// SAFETY: (I1) `runnable` is touched by the owner's thread only, which `send` and the worker check.
unsafe impl Sync for Home {}
// SAFETY: (I1) the home is made on the thread that starts its worker and handed over.
unsafe impl Send for Home {}

impl Home {
    /// The home of a worker that sleeps in the poll to which `waker` belongs.
    pub(crate) fn new(waker: mio::Waker) -> Arc<Home> {
        Arc::new(Home {
            runnable: Fifo::new(),
            inbox: Inbox::new(),
            sleep: SleepState::new(),
            last_maintenance: AtomicU64::new(0),
            waker,
        })
    }

    /// The home of the worker whose thread this is, or null.
    #[inline]
    fn current() -> *const Home {
        current::home().cast()
    }

    /// Says whose home this thread serves. For the worker, once at its start and once at its end.
    pub(crate) fn set_current(home: *const Home) {
        current::set_home(home.cast());
    }

    /// Sends a coroutine to the worker: the run queue if this is the worker's thread, the inbox
    /// otherwise.
    ///
    /// # Safety
    ///
    /// `home` is alive until the coroutine runs on, and the coroutine is suspended (or about to be,
    /// on this thread) and in no queue.
    #[inline]
    pub(crate) unsafe fn send(home: NonNull<Home>, coroutine: NonNull<Header>) {
        if ptr::eq(Home::current(), home.as_ptr()) {
            // SAFETY: (I1) this is the owner's thread.
            unsafe { home.as_ref().runnable.push(coroutine) };
        } else {
            // SAFETY: (R9) the caller upholds the contract.
            unsafe { Home::send_from_outside(home, coroutine) };
        }
    }

    /// Sends a coroutine from another thread.
    ///
    /// # Safety
    ///
    /// As for [`Home::send`].
    unsafe fn send_from_outside(home: NonNull<Home>, coroutine: NonNull<Header>) {
        // The moment the coroutine is pushed it may run on and its worker may stop, so the home is
        // held meanwhile (R9).
        // SAFETY: (R9) homes are made by `Arc::new`, and this one is alive until the push.
        let home = unsafe {
            Arc::increment_strong_count(home.as_ptr());
            Arc::from_raw(home.as_ptr())
        };
        // SAFETY: (I3) the caller upholds the contract for the coroutine.
        unsafe { home.inbox.push(coroutine) };
        home.wake_if_asleep();
    }

    /// Notes the time of a maintenance. Owner only.
    pub(crate) fn set_last_maintenance(&self, now: u64) {
        self.last_maintenance.store(now, Ordering::Relaxed);
    }

    /// The time of the last maintenance. Owner only.
    pub(crate) fn last_maintenance(&self) -> u64 {
        self.last_maintenance.load(Ordering::Relaxed)
    }

    /// Whether a coroutine that computes keeps the worker, which is another one than the caller's,
    /// from running what is sent to it. A hint.
    ///
    /// # Safety
    ///
    /// The home is alive.
    #[inline]
    pub(crate) unsafe fn is_held_up(home: *const Home) -> bool {
        // SAFETY: (R9) the caller upholds the contract for the home.
        !ptr::eq(Home::current(), home) && unsafe { &*home }.is_computing()
    }

    /// The half of [`Home::is_held_up`] for the workers of others.
    fn is_computing(&self) -> bool {
        self.sleep.is_awake()
            && clock::now().saturating_sub(self.last_maintenance()) > HELD_UP_AFTER
    }

    /// Wakes the worker if it sleeps, and returns whether it did. The caller has made its work
    /// visible before.
    pub(crate) fn wake_if_asleep(&self) -> bool {
        let asleep = self.sleep.notify();
        if asleep {
            self.wake();
        }
        asleep
    }

    /// Ends a sleep in the operating system; for a caller to which `SleepState::notify` has
    /// returned true.
    pub(crate) fn wake(&self) {
        // An error here would be the loss of an eventfd that is open and never full.
        self.waker
            .wake()
            .expect("the waker of a worker works as long as the worker");
    }

    /// The run queue. Owner only.
    pub(crate) fn runnable(&self) -> &Fifo<Header> {
        &self.runnable
    }

    /// The inbox.
    pub(crate) fn inbox(&self) -> &Inbox<Header> {
        &self.inbox
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home")
            .field("sleep", &self.sleep)
            .finish_non_exhaustive()
    }
}

/// About what time it is. On a worker this reads no clock: it is the time of the last maintenance.
#[inline]
pub(crate) fn recently() -> u64 {
    if cfg!(may_loom) {
        return 0;
    }
    // SAFETY: (R9) the thread's own home is alive while the thread is a worker.
    match unsafe { Home::current().as_ref() } {
        Some(home) => home.last_maintenance(),
        None => clock::now(),
    }
}

/// Makes the waker of a poll.
pub(crate) fn waker(poll: &mio::Poll, token: mio::Token) -> io::Result<mio::Waker> {
    mio::Waker::new(poll.registry(), token)
}
