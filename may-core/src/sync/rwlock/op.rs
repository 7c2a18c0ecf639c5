//! Taking a right to read or to write.
//!
//! The right is handed over with the end of the wait. So an operation that is not wanted any more
//! gives it back.

use std::sync::LockResult;

use super::raw::State;
use super::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use crate::operation::{Caller, Listed, Listing, OpFuture, operation};
use crate::park;
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Committed, Registration, Seat, WaitList};

/// Taking a right to read.
struct Reading<'a, T: ?Sized>(&'a RwLock<T>);

impl<'a, T: ?Sized> Listing for Reading<'a, T> {
    type Output = LockResult<RwLockReadGuard<'a, T>>;
    type State = State;
    type Data = ();

    fn kind(&self) -> &'static str {
        "read_lock"
    }

    fn lock(&self) -> &SpinLock<State> {
        &self.0.raw.0
    }

    fn list(state: &mut State) -> &mut WaitList {
        &mut state.waiting_readers
    }

    fn data(&self, _state: &mut State, _by: &Registration) {}

    #[inline]
    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<Self::Output, SpinGuard<'_, State>> {
        let mut state = self.0.raw.0.lock();
        if !state.admit_reader() {
            return Err(state);
        }
        drop(state);
        Ok(self.0.read_guard())
    }

    fn is_ready(&self, state: &mut State, _seat: Seat, _by: &Registration) -> bool {
        state.admits_reader()
    }

    fn complete(
        &self,
        _by: Caller,
        _seat: Seat,
        _committed: Committed<()>,
    ) -> Option<Self::Output> {
        // The committer that ended the wait has let this one in.
        Some(self.0.read_guard())
    }

    fn pass_on(&self, _committed: Committed<()>) {
        self.0.raw.release_read();
    }

    #[inline]
    fn spend_budget(&self) {
        park::spend_budget_of_lock();
    }
}

/// Taking the right to write.
struct Writing<'a, T: ?Sized>(&'a RwLock<T>);

impl<'a, T: ?Sized> Listing for Writing<'a, T> {
    type Output = LockResult<RwLockWriteGuard<'a, T>>;
    type State = State;
    type Data = ();

    fn kind(&self) -> &'static str {
        "write_lock"
    }

    fn lock(&self) -> &SpinLock<State> {
        &self.0.raw.0
    }

    fn list(state: &mut State) -> &mut WaitList {
        &mut state.waiting_writers
    }

    fn data(&self, _state: &mut State, _by: &Registration) {}

    #[inline]
    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<Self::Output, SpinGuard<'_, State>> {
        let mut state = self.0.raw.0.lock();
        if !state.admit_writer() {
            return Err(state);
        }
        drop(state);
        Ok(self.0.write_guard())
    }

    fn is_ready(&self, state: &mut State, _seat: Seat, _by: &Registration) -> bool {
        state.admits_writer()
    }

    fn complete(
        &self,
        _by: Caller,
        _seat: Seat,
        _committed: Committed<()>,
    ) -> Option<Self::Output> {
        // The committer that ended the wait has let this one in.
        Some(self.0.write_guard())
    }

    fn pass_on(&self, _committed: Committed<()>) {
        self.0.raw.return_write();
    }

    fn leave<'s>(&'s self, state: SpinGuard<'s, State>) -> Option<Self::Output> {
        // A writer that waits holds readers up, and does so no longer when it leaves.
        self.0.raw.settle(state);
        None
    }

    #[inline]
    fn spend_budget(&self) {
        park::spend_budget_of_lock();
    }
}

/// Takes a right to read; from [`RwLock::read_async`].
pub type ReadFuture<'a, T> = OpFuture<ReadLock<'a, T>>;
/// Takes the right to write; from [`RwLock::write_async`].
pub type WriteFuture<'a, T> = OpFuture<WriteLock<'a, T>>;

operation! {
    /// Taking a right to read; from [`op::read_lock`](crate::op::read_lock).
    pub struct ReadLock['a, T: ?Sized]['a, T] => LockResult<RwLockReadGuard<'a, T>>
    as ReadKind ReadProjection {
        Read(Listed<Reading<'a, T>>),
    }
}

impl<'a, T: ?Sized> ReadLock<'a, T> {
    /// Waits for a right to read of one lock.
    #[inline]
    pub(super) fn block(lock: &'a RwLock<T>) -> LockResult<RwLockReadGuard<'a, T>> {
        Listed::block(&Reading(lock))
    }

    /// Taking a right to read of one lock.
    pub(crate) fn new(lock: &'a RwLock<T>) -> ReadLock<'a, T> {
        let operation = Listed::new(Reading(lock));
        ReadLock {
            kind: ReadKind::Read { operation },
        }
    }
}

operation! {
    /// Taking the right to write; from [`op::write_lock`](crate::op::write_lock).
    pub struct WriteLock['a, T: ?Sized]['a, T] => LockResult<RwLockWriteGuard<'a, T>>
    as WriteKind WriteProjection {
        Write(Listed<Writing<'a, T>>),
    }
}

impl<'a, T: ?Sized> WriteLock<'a, T> {
    /// Waits for the right to write of one lock.
    #[inline]
    pub(super) fn block(lock: &'a RwLock<T>) -> LockResult<RwLockWriteGuard<'a, T>> {
        Listed::block(&Writing(lock))
    }

    /// Taking the right to write of one lock.
    pub(crate) fn new(lock: &'a RwLock<T>) -> WriteLock<'a, T> {
        let operation = Listed::new(Writing(lock));
        WriteLock {
            kind: WriteKind::Write { operation },
        }
    }
}
