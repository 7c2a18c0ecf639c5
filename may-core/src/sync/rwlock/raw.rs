//! The lock without a value: who is inside, and who waits.
//!
//! The state lies under a lock of a few instructions. Whoever leaves hands the right over to those who are next, before he wakes them;
//! the compare-and-swap on a waiter's commit word decides whether it takes the right or is passed by because its wait has ended, so the
//! right is never given to somebody who does not want it any more. (A future may be dropped after that; it gives the right back.)
//!
//! A writer that waits holds readers up. So one that leaves without the right gives the lock to those who are next.

use crate::park::{self, Waited};
use crate::util::clock::Deadline;
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Entry, Registration, Turn, WaitList, Wakes};

/// Who is inside and who waits.
#[derive(Debug)]
struct State {
    readers: usize,
    writer: bool,
    /// The readers that wait are let in, although a writer waits, too.
    readers_turn: bool,
    waiting_readers: WaitList,
    waiting_writers: WaitList,
}

impl State {
    /// Those who wait to read.
    fn waiting_readers(&mut self) -> &mut WaitList {
        &mut self.waiting_readers
    }

    /// Those who wait to write.
    fn waiting_writers(&mut self) -> &mut WaitList {
        &mut self.waiting_writers
    }

    /// Whether no reader has to wait.
    fn admits_reader(&self) -> bool {
        !self.writer && self.waiting_writers.is_empty()
    }

    /// Whether no writer has to wait.
    fn admits_writer(&self) -> bool {
        !self.writer && self.readers == 0
    }

    /// Lets a reader in if none has to wait.
    fn admit_reader(&mut self) -> bool {
        let admitted = self.admits_reader();
        self.readers += usize::from(admitted);
        admitted
    }

    /// Lets a writer in if nobody is inside.
    fn admit_writer(&mut self) -> bool {
        let admitted = self.admits_writer();
        self.writer |= admitted;
        admitted
    }

    /// Gives the lock to those who are next, as many as `wakes` can hold.
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
pub(super) struct Raw(SpinLock<State>);

/// Gives the lock to others when it is dropped: a writer that waits holds readers up, and does so no longer when it leaves.
struct Settle<'a>(&'a Raw);

impl Drop for Settle<'_> {
    fn drop(&mut self) {
        self.0.settle(self.0.0.lock());
    }
}

impl Raw {
    const_unless_modelled! {
        /// A lock that nobody holds.
        pub(super) fn new() -> Raw {
            Raw(SpinLock::new(State::UNLOCKED))
        }
    }

    /// Takes a right to read if nobody writes or waits to write; true if so.
    #[inline]
    pub(super) fn try_read(&self) -> bool {
        self.0.lock().admit_reader()
    }

    /// Takes the right to write if nobody is inside; true if so.
    #[inline]
    pub(super) fn try_write(&self) -> bool {
        self.0.lock().admit_writer()
    }

    /// Waits for the right to read.
    #[inline]
    pub(super) fn read(&self) {
        let turn = Turn::until(Deadline::NEVER);
        loop {
            let mut state = self.0.lock();
            if state.admit_reader()
                || park::wait_in(&self.0, state, State::waiting_readers, (), &turn) == Waited::Woken
            {
                return;
            }
        }
    }

    /// Waits for the right to write.
    #[inline]
    pub(super) fn write(&self) {
        let mut state = self.0.lock();
        if !state.admit_writer() {
            self.write_contended(state);
        }
    }

    /// Waits for the right to write, which somebody else has.
    #[cold]
    fn write_contended<'a>(&'a self, mut state: SpinGuard<'a, State>) {
        let settle = Settle(self);
        let turn = Turn::until(Deadline::NEVER);
        while park::wait_in(&self.0, state, State::waiting_writers, (), &turn) != Waited::Woken {
            state = self.0.lock();
            if state.admit_writer() {
                drop(state);
                break;
            }
        }
        // It has the lock, so there is nobody to give it to.
        std::mem::forget(settle);
    }

    /// Registers a future that is to read; true if it need not wait. Whoever ends its wait has let it in.
    pub(super) fn register_reader(&self, entry: &mut Entry, by: &Registration, arm: u16) -> bool {
        let mut state = self.0.lock();
        let ready = state.admits_reader();
        if !ready {
            // SAFETY: (docs/safety.md, R6) the future has it unlinked from this list before the entry goes.
            unsafe { entry.link(&mut state.waiting_readers, by, arm, ()) };
        }
        ready
    }

    /// Takes such a future out again.
    pub(super) fn withdraw_reader(&self, entry: &mut Entry) {
        if entry.is_used() {
            // SAFETY: (docs/safety.md, R6) it was linked there.
            unsafe { entry.unlink(&mut self.0.lock().waiting_readers) };
        }
    }

    /// Registers a future that is to write; true if it need not wait. Whoever ends its wait has let it in.
    pub(super) fn register_writer(&self, entry: &mut Entry, by: &Registration, arm: u16) -> bool {
        let mut state = self.0.lock();
        let ready = state.admits_writer();
        if !ready {
            // SAFETY: (docs/safety.md, R6) the future has it unlinked from this list before the entry goes.
            unsafe { entry.link(&mut state.waiting_writers, by, arm, ()) };
        }
        ready
    }

    /// Takes such a future out again; it holds readers up no longer.
    pub(super) fn withdraw_writer(&self, entry: &mut Entry) {
        if entry.is_used() {
            let mut state = self.0.lock();
            // SAFETY: (docs/safety.md, R6) it was linked there.
            unsafe { entry.unlink(&mut state.waiting_writers) };
            self.settle(state);
        }
    }

    /// Gives the lock to those who are next.
    #[cold]
    fn settle<'a>(&'a self, mut state: SpinGuard<'a, State>) {
        let mut wakes = Wakes::default();
        loop {
            state.grant(&mut wakes);
            drop(state);
            let full = wakes.is_full();
            wakes.fire();
            if !full {
                return;
            }
            state = self.0.lock();
        }
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
}

impl State {
    /// Nobody holds the lock, and nobody waits.
    const UNLOCKED: State = State {
        readers: 0,
        writer: false,
        readers_turn: false,
        waiting_readers: WaitList::new(),
        waiting_writers: WaitList::new(),
    };
}
