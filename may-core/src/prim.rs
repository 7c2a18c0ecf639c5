//! The atomics that concurrent protocols are written with: std's, or a model checker's.
//!
//! A file that carries a protocol (commit word, wait queue, inbox, sleep and wake) takes its atomics, its locks and its
//! thread parking from here, so that the model in `tests/tests/model_*.rs` runs the very same file under loom when the
//! workspace is built with `--cfg may_loom`. The name is not `loom` because `RUSTFLAGS` reach every dependency, and
//! some of them have a meaning of their own for `cfg(loom)`.

#[cfg(not(may_loom))]
pub(crate) use std::{
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    thread::{
        Thread, current as current_thread, park as park_thread, park_timeout as park_thread_timeout,
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

/// Stores a value, released, and then issues a sequentially consistent fence.
#[inline]
pub(crate) fn store_and_fence(place: &AtomicUsize, value: usize) {
    if cfg!(all(target_arch = "x86_64", not(may_loom))) {
        // There every locked instruction is a full fence, and cheaper than one. (crossbeam-epoch does the same.)
        place.swap(value, Ordering::SeqCst);
        std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
    } else {
        place.store(value, Ordering::Release);
        fence(Ordering::SeqCst);
    }
}
