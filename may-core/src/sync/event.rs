//! Locks, permits and flags as arms of a `select!`, and as futures.

use std::fmt;
use std::sync::LockResult;

use super::cancel_token::CancelToken;
use super::mutex::{Mutex, MutexGuard};
use super::notify::{Begun, Notify};
use super::semaphore::{Semaphore, SemaphorePermit};
use super::sync_flag::SyncFlag;
use crate::event::{EventFuture, Finish, RawEvent, TaskEvent};
use crate::prim::{Ordering, fence};
use crate::wait::{Entry, Registration, WaitQueue};

/// Takes a lock; from [`Mutex::lock_async`].
pub type LockFuture<'a, T> = EventFuture<LockEvent<'a, T>>;
/// Takes permits; from [`Semaphore::acquire_async`].
pub type AcquireFuture<'a> = EventFuture<AcquireEvent<'a>>;
/// Ready when a flag is raised or a token cancelled; from [`SyncFlag::wait_async`] and [`CancelToken::wait_async`].
pub type FlagFuture<'a> = EventFuture<FlagEvent<'a>>;
/// Ready with a notification; from [`Notify::wait_async`].
pub type NotifyFuture<'a> = EventFuture<NotifyEvent<'a>>;

/// Taking a lock, as an arm.
pub struct LockEvent<'a, T: ?Sized> {
    lock: &'a Mutex<T>,
    entry: Entry,
    /// The lock is taken, and not yet handed over to the arm.
    held: bool,
}

impl<'a, T: ?Sized> LockEvent<'a, T> {
    /// The event of one lock.
    pub(crate) fn new(lock: &'a Mutex<T>) -> LockEvent<'a, T> {
        LockEvent {
            lock,
            entry: Entry::new(),
            held: false,
        }
    }
}

impl<T: ?Sized> RawEvent for LockEvent<'_, T> {
    fn offer(&mut self) -> bool {
        self.held = self.held || self.lock.raw.try_acquire();
        self.held
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        // Should the lock be free by now, this takes it.
        self.held = self.lock.raw.register(&mut self.entry, by, arm);
        self.held
    }

    fn withdraw(&mut self) {
        self.lock.raw.withdraw(&mut self.entry);
    }

    fn confirm(&mut self) -> bool {
        self.held = self.lock.raw.confirm(&mut self.entry);
        self.held
    }
}

impl<T: ?Sized> TaskEvent for LockEvent<'_, T> {
    fn relinquish(&mut self) {
        // If nobody holds the lock it is the next one's turn, and it is if it was handed over to this one; if somebody holds it, that
        // one is told that others wait.
        if self.lock.raw.confirm(&mut self.entry) {
            self.lock.raw.release();
        }
    }
}

impl<'a, T: ?Sized> Finish for LockEvent<'a, T> {
    type Output = LockResult<MutexGuard<'a, T>>;

    fn finish(mut self) -> Self::Output {
        debug_assert!(self.held, "the operation has happened");
        self.held = false;
        self.lock.guard()
    }
}

impl<T: ?Sized> Drop for LockEvent<'_, T> {
    fn drop(&mut self) {
        if self.held {
            self.lock.raw.release();
        }
    }
}

impl<T: ?Sized> fmt::Debug for LockEvent<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("LockEvent { .. }")
    }
}

/// Taking permits, as an arm.
#[derive(Debug)]
pub struct AcquireEvent<'a> {
    semaphore: &'a Semaphore,
    permits: usize,
    entry: Entry<usize>,
    taken: Option<SemaphorePermit<'a>>,
}

impl<'a> AcquireEvent<'a> {
    /// The event of taking so many permits at once.
    pub(crate) fn new(semaphore: &'a Semaphore, permits: usize) -> AcquireEvent<'a> {
        AcquireEvent {
            semaphore,
            permits,
            entry: Entry::new(),
            taken: None,
        }
    }
}

impl RawEvent for AcquireEvent<'_> {
    fn offer(&mut self) -> bool {
        self.taken = self.semaphore.take_by(&self.entry, self.permits);
        self.taken.is_some()
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        self.semaphore
            .register(&mut self.entry, self.permits, by, arm)
    }

    fn withdraw(&mut self) {
        self.semaphore.withdraw(&mut self.entry);
    }

    fn confirm(&mut self) -> bool {
        // Whoever ended the wait has taken the permits off for this one.
        self.taken = Some(self.semaphore.granted(self.permits));
        true
    }
}

impl TaskEvent for AcquireEvent<'_> {
    fn relinquish(&mut self) {
        drop(self.semaphore.granted(self.permits));
    }
}

impl<'a> Finish for AcquireEvent<'a> {
    type Output = SemaphorePermit<'a>;

    fn finish(self) -> SemaphorePermit<'a> {
        self.taken.expect("the operation has happened")
    }
}

/// A flag's being raised, as an arm.
#[derive(Debug)]
pub struct FlagEvent<'a> {
    flag: &'a SyncFlag,
    entry: Entry,
}

impl<'a> FlagEvent<'a> {
    /// The event of one flag.
    pub(crate) fn new(flag: &'a SyncFlag) -> FlagEvent<'a> {
        FlagEvent {
            flag,
            entry: Entry::new(),
        }
    }

    /// The event of a token's being cancelled.
    pub(crate) fn of_token(token: &'a CancelToken) -> FlagEvent<'a> {
        FlagEvent::new(token.flag())
    }

    /// Those who wait for the flag.
    fn queue(&self) -> &'a WaitQueue {
        self.flag.waiters()
    }
}

impl RawEvent for FlagEvent<'_> {
    fn offer(&mut self) -> bool {
        self.flag.is_fired()
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        let queue = self.queue();
        // SAFETY: (docs/safety.md, I2) the engine has it unlinked from this queue before the event goes.
        unsafe { self.entry.link_in(queue, by, arm) };
        // Pairs with the fence of whoever raises it.
        fence(Ordering::SeqCst);
        self.flag.is_fired()
    }

    fn withdraw(&mut self) {
        let queue = self.queue();
        if self.entry.is_used() {
            // SAFETY: (docs/safety.md, I2) it was linked there.
            unsafe { self.entry.unlink_from(queue) };
        }
    }
}

impl TaskEvent for FlagEvent<'_> {
    fn relinquish(&mut self) {}
}

impl Finish for FlagEvent<'_> {
    type Output = ();

    fn finish(self) {}
}

/// A notification, as an arm.
#[derive(Debug)]
pub struct NotifyEvent<'a> {
    notify: &'a Notify,
    entry: Entry<Begun>,
    /// The round in which it has begun to wait.
    begun: Option<u64>,
    /// The wait was ended by a notification for one.
    by_one: bool,
}

impl<'a> NotifyEvent<'a> {
    /// The event of the next notification.
    pub(crate) fn new(notify: &'a Notify) -> NotifyEvent<'a> {
        NotifyEvent {
            notify,
            entry: Entry::new(),
            begun: None,
            by_one: false,
        }
    }
}

impl RawEvent for NotifyEvent<'_> {
    fn offer(&mut self) -> bool {
        self.notify.take(self.begun)
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        self.notify
            .register(&mut self.entry, &mut self.begun, by, arm)
    }

    fn withdraw(&mut self) {
        self.by_one = self.notify.withdraw(&mut self.entry);
    }

    fn confirm(&mut self) -> bool {
        // The notification has ended the wait, and is used up by that.
        true
    }
}

impl TaskEvent for NotifyEvent<'_> {
    fn relinquish(&mut self) {
        // One that was for all has reached all.
        if self.by_one {
            self.notify.notify_one();
        }
    }
}

impl Finish for NotifyEvent<'_> {
    type Output = ();

    fn finish(self) {}
}
