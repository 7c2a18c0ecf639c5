//! The deadlines of futures (R11).
//!
//! A coroutine's deadline lies in the wheel of its worker, which no other thread touches. A future
//! is polled and dropped on any thread. So each worker has a second wheel, under a lock, for the
//! futures that are polled on it (and, dealt out in turn, for those that are polled on plain
//! threads). Setting and clearing an alarm takes the lock. The entry lies in the future's counted
//! block, which stays until the alarm is cleared or has gone off.
//!
//! The time of the first alarm is repeated outside the lock. The worker looks at it where it looks
//! at its own wheel. *No alarm is overlooked*: the thread that sets the earliest alarm stores its
//! time and then rouses the worker, by the protocol of `coroutine/home.rs`. Either the worker sees
//! the time before it sleeps, or it is woken.
//!
//! An alarm that goes off ends the future's wait by the commit word, as every deadline does. When a
//! worker ends, all its alarms go off: the futures find that their time has not come yet, and set
//! them elsewhere.

use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::task::TaskBlock;
use super::waiter::Wake;
use crate::coroutine::commit_word::Ticket;
use crate::coroutine::home::Home;
use crate::timer::{Entry, Wheel};
use crate::util::clock::Deadline;

/// The deadline of one future's wait. Lies in its block.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Alarm {
    /// First, so that its address is the alarm's, and with that the block's. Guarded by the lock of
    /// the alarms.
    entry: Entry,
    /// Which wait it ends. Guarded by the same lock.
    ticket: Cell<Option<Ticket>>,
}

// SAFETY: (R11) the fields are touched under the lock of the alarms among which they are.
unsafe impl Sync for Alarm {}
// SAFETY: (R11) as above; one that is set is pinned in its counted block.
unsafe impl Send for Alarm {}

impl Alarm {
    /// An alarm that is not set.
    pub(super) fn new() -> Alarm {
        Alarm {
            entry: Entry::new(0),
            ticket: Cell::new(None),
        }
    }

    /// What the wheel links: a pointer that leads to the whole block.
    fn entry(block: &Arc<TaskBlock>) -> NonNull<Entry> {
        NonNull::new(Arc::as_ptr(block).cast_mut().cast()).expect("an `Arc` is not null")
    }
}

/// See the module's documentation.
pub(crate) struct Alarms {
    state: Mutex<State>,
    /// When the first alarm goes off, or earlier.
    first: AtomicU64,
    /// The worker that looks.
    home: Arc<Home>,
}

/// What the lock guards.
struct State {
    wheel: Wheel,
    /// Whom to wake when the lock has been left; kept for its memory.
    fired: Vec<Wake>,
    /// The worker has ended: no thread looks at the wheel any more.
    closed: bool,
}

// SAFETY: (R11) the wheel is used under the lock, and what is linked in it stays until it is taken
// out under the lock.
unsafe impl Send for State {}

impl Alarms {
    /// The alarms of the worker with this home.
    pub(crate) fn new(home: Arc<Home>, now: u64) -> Arc<Alarms> {
        Arc::new(Alarms {
            state: Mutex::new(State {
                wheel: Wheel::new(now),
                fired: Vec::new(),
                closed: false,
            }),
            first: AtomicU64::new(Deadline::NEVER.nanoseconds()),
            home,
        })
    }

    /// The state; nothing in here panics halfway through a change, so poison means nothing.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the alarm of a future's wait, which is not set; false if no worker would look at it any
    /// more.
    ///
    /// # Safety
    ///
    /// The caller has it cleared before it gives up its reference to the block, or never gives that
    /// up.
    pub(crate) unsafe fn set(
        &self,
        block: &Arc<TaskBlock>,
        ticket: Ticket,
        deadline: Deadline,
    ) -> bool {
        let state = self.state();
        if state.closed {
            return false;
        }
        block.alarm.ticket.set(Some(ticket));
        block.alarm.entry.set_deadline(deadline.nanoseconds());
        // SAFETY: (R11) the block is counted, so it stays where it is until the alarm is cleared.
        unsafe { state.wheel.insert(Alarm::entry(block)) };
        let is_first = deadline.nanoseconds() < self.first.load(Ordering::Relaxed);
        if is_first {
            self.first.store(deadline.nanoseconds(), Ordering::Relaxed);
        }
        drop(state);
        if is_first {
            self.home.wake_if_asleep();
        }
        true
    }

    /// Clears the alarm of a future's wait, if it has not gone off.
    ///
    /// # Safety
    ///
    /// If it was set, then with these.
    pub(crate) unsafe fn clear(&self, block: &Arc<TaskBlock>) {
        // The time of the first alarm stays: the worker finds out when it comes, and later ones
        // that are set until then, as a server does for each request, need not rouse it.
        // SAFETY: (R11) as promised by the caller.
        unsafe { self.state().wheel.remove(Alarm::entry(block)) };
    }

    /// When the first alarm goes off, or earlier.
    #[inline]
    pub(crate) fn first(&self) -> Deadline {
        Deadline::from_nanoseconds(self.first.load(Ordering::Relaxed))
    }

    /// Has those go off whose time has come. For the worker, outside its coroutines.
    #[inline]
    pub(crate) fn fire(&self, now: u64) {
        if self.first.load(Ordering::Relaxed) <= now {
            self.go_off(self.state(), now);
        }
    }

    /// Has all of them go off, because the worker ends.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        self.go_off(state, Deadline::NEVER.nanoseconds());
    }

    /// Ends the waits whose time has come, then wakes the futures.
    #[cold]
    fn go_off(&self, mut locked: MutexGuard<'_, State>, now: u64) {
        let state = &mut *locked;
        let mut fired = std::mem::take(&mut state.fired);
        state.wheel.advance(now, |entry| {
            // SAFETY: (R11) the entry is the first field of a block. The future that has set the
            // alarm counts the block, and would need the lock to clear the alarm.
            let block = unsafe {
                let block = entry.cast::<TaskBlock>().as_ptr();
                Arc::increment_strong_count(block);
                Arc::from_raw(block)
            };
            let ended = block.alarm.ticket.take();
            if ended.is_some_and(|ticket| block.word.time_out(ticket)) {
                fired.push(Wake::Task(block));
            }
        });
        let first = state.wheel.next_deadline();
        let first = first.unwrap_or(Deadline::NEVER.nanoseconds());
        self.first.store(first, Ordering::Relaxed);
        drop(locked);
        fired.drain(..).for_each(Wake::fire);
        self.state().fired = fired;
    }
}

impl fmt::Debug for Alarms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarms")
            .field("first", &self.first())
            .finish_non_exhaustive()
    }
}
