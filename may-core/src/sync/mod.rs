//! Synchronisation between coroutines and threads, with the names and errors of `std::sync`.
//!
//! What blocks here blocks a coroutine, and its worker runs others meanwhile; on a plain thread it
//! blocks the thread. What does not block is std's own and is only re-exported, so that `use
//! may::sync::..` does for both.
//!
//! # Which one when
//!
//! | to | take |
//! |---|---|
//! | share a value | [`Mutex`]; [`RwLock`] if it is mostly read, and for long |
//! | set a value up once | [`OnceLock`], [`LazyLock`], [`Once`] |
//! | wait until a shared value has changed | [`Condvar`]; [`watch`] if only the latest value counts |
//! | hand over one value | [`oneshot`] |
//! | hand over many values, each to one | [`channel`](crate::channel); [`mpsc`] for programs written for std |
//! | hand over many values, each to all | [`broadcast`] |
//! | limit how many do something at once | [`Semaphore`] |
//! | say that something happened | [`Notify`]; once and for all: [`SyncFlag`] |
//! | wait for each other, wait until all are done | [`Barrier`], [`WaitGroup`] |
//! | tell others to end | [`CancelToken`] |
//!
//! # Modules
//!
//! * [`mutex`](mod@mutex), [`rwlock`], [`condvar`], [`poison`]: locks; [`reentrant_lock`] for the
//!   standard streams
//! * [`once`], [`once_lock`], [`lazy_lock`]: setting up once
//! * [`semaphore`], [`barrier`], [`notify`], [`sync_flag`], [`wait_group`], [`cancel_token`]:
//!   waiting for each other
//! * [`mpsc`], [`mpmc`], [`spsc`], [`oneshot`], [`watch`], [`broadcast`]: passing values

/// A constructor that is `const`, except under the model checker, whose atomics cannot be made at
/// compile time.
macro_rules! const_unless_modelled {
    ($(#[$attribute:meta])* $visibility:vis fn $($function:tt)*) => {
        #[cfg(not(may_loom))]
        $(#[$attribute])*
        $visibility const fn $($function)*

        #[cfg(may_loom)]
        $(#[$attribute])*
        $visibility fn $($function)*
    };
}

/// Guards are formatted as what they give access to.
macro_rules! transparent_formatting {
    ($($guard:ident),+) => {$(
        impl<T: ?Sized + std::fmt::Debug> std::fmt::Debug for $guard<'_, T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: ?Sized + std::fmt::Display> std::fmt::Display for $guard<'_, T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                (**self).fmt(f)
            }
        }
    )+};
}
use transparent_formatting;

mod barrier;
pub mod broadcast;
mod cancel_token;
mod condvar;
mod lazy_lock;
pub mod mpmc;
pub mod mpsc;
mod mutex;
mod notify;
mod once;
mod once_lock;
pub mod oneshot;
mod part;
mod poison;
mod reentrant_lock;
mod rwlock;
mod semaphore;
pub mod spsc;
mod sync_flag;
mod wait_group;
pub mod watch;

pub use barrier::{Arrive, Barrier, BarrierFuture, BarrierWaitResult};
pub use cancel_token::{CancelOnDrop, CancelToken};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use lazy_lock::{LazyLock, Made};
pub use mutex::{Lock, LockFuture, MappedMutexGuard, Mutex, MutexGuard};
pub use notify::{Notified, Notify, NotifyFuture};
#[cfg(not(may_loom))]
#[allow(deprecated)]
pub use once::ONCE_INIT;
pub use once::{Completed, Once, OnceState};
pub use once_lock::{Filled, OnceLock};
pub(crate) use reentrant_lock::{ReentrantLock, ReentrantLockGuard};
pub use rwlock::{
    MappedRwLockReadGuard, MappedRwLockWriteGuard, ReadFuture, ReadLock, RwLock, RwLockReadGuard,
    RwLockWriteGuard, WriteFuture, WriteLock,
};
pub use semaphore::{
    Acquire, AcquireFuture, AcquireOwned, OwnedSemaphorePermit, Semaphore, SemaphorePermit,
};
pub use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak, atomic};
pub use sync_flag::{FlagFuture, Raised, SyncFlag};
pub use wait_group::WaitGroup;
