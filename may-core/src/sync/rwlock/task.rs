//! Taking a right to read or to write, by a future.
//!
//! The right is handed over with the end of the wait, so a future that is dropped after that gives it back. Between having happened and
//! `finish`, which makes the guard, there is nothing that could raise: the adapter (`event/future.rs`) calls one after the other.

use std::fmt;
use std::sync::LockResult;

use super::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use crate::event::{EventFuture, Finish, RawEvent, TaskEvent};
use crate::wait::{Entry, Registration};

/// Takes a right to read; from [`RwLock::read_async`].
pub type ReadFuture<'a, T> = EventFuture<ReadTask<'a, T>>;
/// Takes the right to write; from [`RwLock::write_async`].
pub type WriteFuture<'a, T> = EventFuture<WriteTask<'a, T>>;

/// Taking a right to read, by a future.
pub struct ReadTask<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    entry: Entry,
}

impl<'a, T: ?Sized> ReadTask<'a, T> {
    /// Taking a right to read of one lock.
    pub(super) fn new(lock: &'a RwLock<T>) -> ReadTask<'a, T> {
        ReadTask {
            lock,
            entry: Entry::new(),
        }
    }
}

impl<T: ?Sized> RawEvent for ReadTask<'_, T> {
    fn offer(&mut self) -> bool {
        self.lock.raw.try_read()
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        self.lock.raw.register_reader(&mut self.entry, by, arm)
    }

    fn withdraw(&mut self) {
        self.lock.raw.withdraw_reader(&mut self.entry);
    }

    fn confirm(&mut self) -> bool {
        // Whoever ended the wait has let this one in.
        true
    }
}

impl<T: ?Sized> TaskEvent for ReadTask<'_, T> {
    fn relinquish(&mut self) {
        self.lock.raw.release_read();
    }
}

impl<'a, T: ?Sized> Finish for ReadTask<'a, T> {
    type Output = LockResult<RwLockReadGuard<'a, T>>;

    fn finish(self) -> Self::Output {
        self.lock.read_guard()
    }
}

impl<T: ?Sized> fmt::Debug for ReadTask<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("ReadTask { .. }")
    }
}

/// Taking the right to write, by a future.
pub struct WriteTask<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    entry: Entry,
}

impl<'a, T: ?Sized> WriteTask<'a, T> {
    /// Taking the right to write of one lock.
    pub(super) fn new(lock: &'a RwLock<T>) -> WriteTask<'a, T> {
        WriteTask {
            lock,
            entry: Entry::new(),
        }
    }
}

impl<T: ?Sized> RawEvent for WriteTask<'_, T> {
    fn offer(&mut self) -> bool {
        self.lock.raw.try_write()
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        self.lock.raw.register_writer(&mut self.entry, by, arm)
    }

    fn withdraw(&mut self) {
        self.lock.raw.withdraw_writer(&mut self.entry);
    }

    fn confirm(&mut self) -> bool {
        // Whoever ended the wait has let this one in.
        true
    }
}

impl<T: ?Sized> TaskEvent for WriteTask<'_, T> {
    fn relinquish(&mut self) {
        self.lock.raw.release_write(0);
    }
}

impl<'a, T: ?Sized> Finish for WriteTask<'a, T> {
    type Output = LockResult<RwLockWriteGuard<'a, T>>;

    fn finish(self) -> Self::Output {
        self.lock.write_guard()
    }
}

impl<T: ?Sized> fmt::Debug for WriteTask<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("WriteTask { .. }")
    }
}
