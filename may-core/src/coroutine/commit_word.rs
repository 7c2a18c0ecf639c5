//! The word that decides how a wait ends.
//!
//! Every waiter (a coroutine, an OS thread, a future) has one commit word. A wait opens it, and
//! exactly one compare-and-swap closes it again: by an operation on one of the queues in which the
//! waiter is registered, by the deadline, by a cancellation, or by the waiter itself, which takes
//! the wait back. The winner knows that no other won, so nothing is lost and nothing happens
//! twice.
//!
//! ```text
//!                 open                         one CAS wins
//!   Closed(any) --------> Waiting(generation) --------------> Committed(arm)   an operation, or `unpark`
//!       ^                                     --------------> TimedOut         the worker's timer
//!       |                                     --------------> Cancelled        `cancel`
//!       |                                     --------------> Withdrawn        the waiter itself, or shutdown
//!       +-------------------------------------------------------- next `open`
//! ```
//!
//! Each opening counts the *generation* up, so a waker that comes late to an earlier wait fails its
//! compare-and-swap instead of ending the wrong one. 40 bits of it pass in three days if a
//! coroutine waits four million times a second *and* a waker sleeps for exactly that long between
//! two instructions, under a queue lock; that is accepted.
//!
//! There is no state for "still on its way to sleep". A coroutine never changes its worker, and its
//! worker looks into the run queue and the inbox only after the coroutine has switched away; so a
//! winner may queue it at once, and the coroutine, having opened its word and lost the right to
//! take the wait back, suspends exactly once. (The design this project started from had such a
//! state; it cost one read-modify-write per wait and bought nothing.)
//!
//! The flags of an opening say who may close it: [`Openness::cancellable`] admits a cancellation
//! and [`Openness::unparkable`] admits `unpark`, which knows no queue and no generation.

use std::fmt;

use crate::prim::{AtomicU64, Ordering};
use crate::util::must_return::must_return;

/// Bits of the state.
const STATE_MASK: u64 = 0b111;
/// The wait is open.
const WAITING: u64 = 1;
/// An operation won.
const COMMITTED: u64 = 2;
/// The deadline won.
const TIMED_OUT: u64 = 3;
/// A cancellation won.
const CANCELLED: u64 = 4;
/// The waiter took the wait back.
const WITHDRAWN: u64 = 5;
/// A cancellation may close the wait.
const CANCELLABLE: u64 = 1 << 3;
/// `unpark` may close the wait.
const UNPARKABLE: u64 = 1 << 4;
/// The operation that won is not done yet: see [`CommitWord::commit_held`].
const HELD: u64 = 1 << 5;
/// Where the number of the arm that won is kept.
const ARM_SHIFT: u32 = 8;
/// Bits of the arm.
const ARM_MASK: u64 = 0xffff << ARM_SHIFT;
/// Where the generation starts.
const GENERATION_SHIFT: u32 = 24;

/// Who, apart from the queues and the deadline, may close a wait.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Openness {
    /// A cancellation of the coroutine ends the wait.
    pub(crate) cancellable: bool,
    /// `unpark` ends the wait.
    pub(crate) unparkable: bool,
}

/// One opening of a commit word: what a committer has to present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The operation on the node with this arm number won.
    Committed(u16),
    /// The deadline won.
    TimedOut,
    /// A cancellation won.
    Cancelled,
    /// The waiter took the wait back before another thread won.
    Withdrawn,
}

/// See the module's documentation.
pub(crate) struct CommitWord(AtomicU64);

impl CommitWord {
    /// A word that no wait has opened yet.
    pub(crate) fn new() -> CommitWord {
        CommitWord(AtomicU64::new(WITHDRAWN))
    }

    /// Opens the word for the waiter's next wait. Waiter only, and only while the word is closed.
    ///
    /// A plain store is enough: while the word is closed no other thread writes to it. What other
    /// threads must see of it they see through the lock of the queue in which the ticket is
    /// registered; for `cancel` and `unpark`, which come without a queue, the waiter issues a
    /// sequentially consistent fence after opening and looks at their flags again.
    #[inline]
    pub(crate) fn open(&self, openness: Openness) -> Ticket {
        let before = self.0.load(Ordering::Relaxed);
        if before & STATE_MASK == WAITING {
            waits_already();
        }
        let generation = (before >> GENERATION_SHIFT).wrapping_add(1);
        let mut word = generation << GENERATION_SHIFT | WAITING;
        if openness.cancellable {
            word |= CANCELLABLE;
        }
        if openness.unparkable {
            word |= UNPARKABLE;
        }
        self.0.store(word, Ordering::Release);
        Ticket(word)
    }

    /// Closes the word for the operation on the node with number `arm`; false if the wait has ended
    /// already.
    #[inline]
    pub(crate) fn commit(&self, ticket: Ticket, arm: u16) -> bool {
        self.close(ticket.0, COMMITTED | u64::from(arm) << ARM_SHIFT)
    }

    /// As [`commit`](CommitWord::commit), for an operation of which a part is still to be done:
    /// what the waiter was woken for is not there before [`release`](CommitWord::release). For
    /// futures, which may be polled meanwhile.
    pub(crate) fn commit_held(&self, ticket: Ticket, arm: u16) -> bool {
        self.close(ticket.0, HELD | COMMITTED | u64::from(arm) << ARM_SHIFT)
    }

    /// Says that the operation which has closed the word by `commit_held` is done.
    pub(crate) fn release(&self) {
        // Release: what was done before is visible to the waiter that finds the word not held.
        self.0.fetch_and(!HELD, Ordering::Release);
    }

    /// Whether the operation that has closed the word is not done yet. Waiter only.
    pub(crate) fn is_held(&self) -> bool {
        self.0.load(Ordering::Acquire) & HELD != 0
    }

    /// Closes the word because the deadline has passed; false if the wait has ended already.
    pub(crate) fn time_out(&self, ticket: Ticket) -> bool {
        self.close(ticket.0, TIMED_OUT)
    }

    /// Takes the wait back; false if it has ended already. Waiter only.
    pub(crate) fn withdraw(&self, ticket: Ticket) -> bool {
        self.close(ticket.0, WITHDRAWN)
    }

    /// Closes the word, whatever wait it is in, if that one can be cancelled.
    ///
    /// The caller has set the cancel flag and issued a sequentially consistent fence before.
    pub(crate) fn cancel(&self) -> bool {
        self.close_open(CANCELLABLE, CANCELLED)
    }

    /// Closes the word if it waits in `park`.
    ///
    /// The caller has left the token and issued a sequentially consistent fence before.
    pub(crate) fn unpark(&self) -> bool {
        self.close_open(UNPARKABLE, COMMITTED)
    }

    /// Closes the word whatever it waits for, so that committers always pass it by (a coroutine
    /// that was given up).
    pub(crate) fn abandon(&self) -> bool {
        self.close_open(0, WITHDRAWN)
    }

    /// How the wait with `ticket` ended, or `None` if it has not. Waiter only.
    pub(crate) fn outcome(&self, ticket: Ticket) -> Option<Outcome> {
        // Acquire: what the winner did before it committed is visible to the waiter.
        let word = self.0.load(Ordering::Acquire);
        debug_assert_eq!(word >> GENERATION_SHIFT, ticket.0 >> GENERATION_SHIFT);
        match word & STATE_MASK {
            COMMITTED => Some(Outcome::Committed(((word & ARM_MASK) >> ARM_SHIFT) as u16)),
            TIMED_OUT => Some(Outcome::TimedOut),
            CANCELLED => Some(Outcome::Cancelled),
            WITHDRAWN => Some(Outcome::Withdrawn),
            _ => None,
        }
    }

    /// Whether a wait is open.
    pub(crate) fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed) & STATE_MASK == WAITING
    }

    /// The ticket of the wait that is open, for models that play the timer.
    #[cfg(may_loom)]
    pub(crate) fn open_ticket(&self) -> Option<Ticket> {
        let word = self.0.load(Ordering::Acquire);
        (word & STATE_MASK == WAITING).then_some(Ticket(word))
    }

    /// The one compare-and-swap that ends a wait.
    #[inline]
    fn close(&self, open: u64, outcome: u64) -> bool {
        let closed = (open & !(STATE_MASK | ARM_MASK)) | outcome;
        // Release: the waiter sees what the winner did before. Acquire: a winner that goes on to
        // touch the waiter sees what the waiter did before it opened the word.
        self.0
            .compare_exchange(open, closed, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Closes the current wait, if it is open and has all of `flags`.
    fn close_open(&self, flags: u64, outcome: u64) -> bool {
        loop {
            let word = self.0.load(Ordering::Relaxed);
            if word & STATE_MASK != WAITING || word & flags != flags {
                return false;
            }
            if self.close(word, outcome) {
                return true;
            }
        }
    }
}

/// Ends the process: what is to wait waits already. The two waits could not be told apart.
#[cold]
fn waits_already() -> ! {
    must_return(|| {
        panic!(
            "a wait was begun inside another one of the same coroutine or thread\n\
             help: `Operation::register` must not block"
        )
    })
}

impl fmt::Debug for CommitWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.0.load(Ordering::Relaxed);
        let state = match word & STATE_MASK {
            WAITING => "Waiting",
            COMMITTED => "Committed",
            TIMED_OUT => "TimedOut",
            CANCELLED => "Cancelled",
            _ => "Withdrawn",
        };
        f.debug_struct("CommitWord")
            .field("state", &state)
            .field("generation", &(word >> GENERATION_SHIFT))
            .finish()
    }
}
