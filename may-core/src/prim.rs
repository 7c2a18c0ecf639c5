//! The atomics that concurrent protocols are written with: std's, or a model checker's.
//!
//! A file that carries a protocol (commit word, wait queue, inbox, sleep and wake) takes its atomics, its locks and its
//! thread parking from here, so that the model in `tests/tests/model_*.rs` runs the very same file under loom when the
//! workspace is built with `--cfg may_loom`. The name is not `loom` because `RUSTFLAGS` reach every dependency, and
//! some of them have a meaning of their own for `cfg(loom)`.

#[cfg(not(may_loom))]
pub(crate) use std::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    thread::{
        Thread, current as current_thread, park as park_thread,
        park_timeout as park_thread_timeout, yield_now as yield_thread,
    },
    thread_local,
};

#[cfg(may_loom)]
pub(crate) use loom::{
    sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    thread::{Thread, current as current_thread, park as park_thread},
    thread_local,
};

pub(crate) use std::cell::UnsafeCell as StdUnsafeCell;

/// The model checker has no time: a deadline is played by a thread that closes the commit word.
#[cfg(may_loom)]
pub(crate) fn park_thread_timeout(_timeout: std::time::Duration) {
    park_thread();
}
