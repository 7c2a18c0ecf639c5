//! Synchronisation between coroutines and threads, with the names and errors of `std::sync`.
//!
//! What blocks here blocks a coroutine, and its worker runs others meanwhile; on a plain thread it blocks the thread. What does
//! not block is std's own and is only re-exported, so that `use may::sync::..` does for both.
//!
//! * [`mutex`](mod@mutex): a lock with poisoning
//! * [`poison`]: who poisons a lock

mod mutex;
mod poison;

pub use mutex::{Mutex, MutexGuard};
pub use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak, atomic};
