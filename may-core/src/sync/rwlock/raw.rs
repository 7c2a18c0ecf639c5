//! The lock without a value: who is inside, and who waits.
//!
//! The state lies under a lock of a few instructions. A holder that leaves hands the right over to
//! the waiters that are next, before it wakes them. The compare-and-swap on a waiter's commit word
//! decides whether it takes the right or is passed by because its wait has ended. So the right is
//! never given to a waiter that does not want it any more. (A future may be dropped after that; it
//! gives the right back.)
//!
//! A writer that waits holds readers up. So one that leaves without the right gives the lock to the
//! waiters that are next.

use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{WaitList, Wakes};

/// Who is inside and who waits.
#[derive(Debug)]
pub(super) struct State {
    readers: usize,
    writer: bool,
    /// The readers that wait are let in, although a writer waits, too.
    readers_turn: bool,
    pub(super) waiting_readers: WaitList,
    pub(super) waiting_writers: WaitList,
}

impl State {
    /// Whether no reader has to wait.
    pub(super) fn admits_reader(&self) -> bool {
        !self.writer && self.waiting_writers.is_empty()
    }

    /// Whether no writer has to wait.
    pub(super) fn admits_writer(&self) -> bool {
        !self.writer && self.readers == 0
    }

    /// Lets a reader in if none has to wait.
    pub(super) fn admit_reader(&mut self) -> bool {
        let admitted = self.admits_reader();
        self.readers += usize::from(admitted);
        admitted
    }

    /// Lets a writer in if no holder is inside.
    pub(super) fn admit_writer(&mut self) -> bool {
        let admitted = self.admits_writer();
        self.writer |= admitted;
        admitted
    }

    /// Gives the lock to the waiters that are next, as many as `wakes` can hold.
    fn grant(&mut self, wakes: &mut Wakes) {
        if self.writer {
            return;
        }
        if self.readers_turn || self.waiting_writers.is_empty() {
            self.grant_to_readers(wakes);
        }
        while self.readers == 0 && !self.writer {
            match self.waiting_writers.grant_first() {
                Some(Some(wake)) => {
                    self.writer = true;
                    wakes.push(wake);
                }
                Some(None) => {}
                None => return self.grant_to_readers(wakes),
            }
        }
    }

    /// Gives the lock to the readers that wait.
    fn grant_to_readers(&mut self, wakes: &mut Wakes) {
        while !wakes.is_full() {
            match self.waiting_readers.grant_first() {
                Some(Some(wake)) => {
                    self.readers += 1;
                    wakes.push(wake);
                }
                Some(None) => {}
                None => {
                    self.readers_turn = false;
                    return;
                }
            }
        }
    }
}

/// The lock without a value.
#[derive(Debug)]
pub(super) struct Raw(pub(super) SpinLock<State>);

impl Raw {
    const_unless_modelled! {
        /// A lock that is free.
        pub(super) fn new() -> Raw {
            Raw(SpinLock::new(State::UNLOCKED))
        }
    }

    /// Takes a right to read if no caller writes or waits to write; true if so.
    #[inline]
    pub(super) fn try_read(&self) -> bool {
        self.0.lock().admit_reader()
    }

    /// Takes the right to write if no holder is inside; true if so.
    #[inline]
    pub(super) fn try_write(&self) -> bool {
        self.0.lock().admit_writer()
    }

    /// Gives the lock to the waiters that are next.
    #[cold]
    pub(super) fn settle<'a>(&'a self, state: SpinGuard<'a, State>) {
        Wakes::fire_all(&self.0, state, State::grant);
    }

    /// Gives a right to read back.
    #[inline]
    pub(super) fn release_read(&self) {
        let mut state = self.0.lock();
        state.readers -= 1;
        if state.readers == 0 && !state.waiting_writers.is_empty() {
            self.settle(state);
        }
    }

    /// Gives the right to write back, or exchanges it for one to read.
    #[inline]
    pub(super) fn release_write(&self, readers: usize) {
        let mut state = self.0.lock();
        state.writer = false;
        state.readers = readers;
        if !state.waiting_readers.is_empty() || !state.waiting_writers.is_empty() {
            state.readers_turn = true;
            self.settle(state);
        }
    }

    /// Gives back the right to write of an operation that has not happened. It was no turn of a
    /// writer's, so the next turn is not the readers'.
    pub(super) fn return_write(&self) {
        let mut state = self.0.lock();
        state.writer = false;
        self.settle(state);
    }
}

impl State {
    /// The lock has no holder and no waiter.
    const UNLOCKED: State = State {
        readers: 0,
        writer: false,
        readers_turn: false,
        waiting_readers: WaitList::new(),
        waiting_writers: WaitList::new(),
    };
}
