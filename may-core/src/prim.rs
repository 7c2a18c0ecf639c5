//! The atomics that concurrent protocols are written with: std's, or a model checker's.
//!
//! A file that carries a protocol (commit word, wait queue, inbox, sleep and wake) takes its
//! atomics, its locks and its thread parking from here, so that the model in
//! `tests/tests/model_*.rs` runs the very same file under loom when the workspace is built with
//! `--cfg may_loom`. The name is not `loom` because `RUSTFLAGS` reach every dependency, and some of
//! them have a meaning of their own for `cfg(loom)`.

#[cfg(not(may_loom))]
pub(crate) use std::{
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    thread::{
        Thread, current as current_thread, park as park_thread, park_timeout as park_thread_timeout,
    },
    thread_local,
};

#[cfg(may_loom)]
pub(crate) use loom::{
    sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    thread_local,
};

#[cfg(may_loom)]
pub(crate) use parking::{Thread, current_thread, park_thread};

#[cfg(not(any(may_loom, may_tsan)))]
pub(crate) use std::sync::atomic::fence;

/// ThreadSanitizer does not follow fences. A read-modify-write on one place orders all that these
/// fences order, and more: what is a race only because a fence is missing elsewhere is for the
/// models to find.
#[cfg(may_tsan)]
pub(crate) fn fence(order: Ordering) {
    static PLACE: AtomicUsize = AtomicUsize::new(0);
    debug_assert_eq!(order, Ordering::SeqCst);
    PLACE.fetch_add(1, order);
}

pub(crate) use std::cell::UnsafeCell as StdUnsafeCell;

#[cfg(may_loom)]
std::thread_local! {
    /// Whether it is time for a grant (`wait/queue.rs`): the model says, as it has no time. (All
    /// its threads run on one.)
    pub(crate) static GRANTS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// The model checker has no time: a deadline is played by a thread that closes the commit word.
#[cfg(may_loom)]
pub(crate) fn park_thread_timeout(_timeout: std::time::Duration) {
    park_thread();
}

/// Stores a value, released, and then issues a sequentially consistent fence.
#[inline]
pub(crate) fn store_and_fence(place: &AtomicUsize, value: usize) {
    if cfg!(all(target_arch = "x86_64", not(any(may_loom, may_tsan)))) {
        // There every locked instruction is a full fence, and cheaper than one. (crossbeam-epoch
        // does the same.)
        place.swap(value, Ordering::SeqCst);
        std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
    } else {
        place.store(value, Ordering::Release);
        fence(Ordering::SeqCst);
    }
}

/// Parking, on top of the model checker's: that one's `unpark` ends whatever its thread waits for,
/// the entry to a lock as well, while std's leaves a token if the thread is not parked. A waker may
/// well come when its thread has gone on.
#[cfg(may_loom)]
mod parking {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

    use loom::sync::atomic::{AtomicUsize, Ordering};

    const BUSY: u8 = 0;
    const PARKED: u8 = 1;
    const TOKEN: u8 = 2;

    /// What a thread and those who wake it share.
    #[derive(Debug)]
    struct Parking {
        /// Not an atomic of the model: the checker switches threads at its own atomics only.
        state: AtomicU8,
        /// The token comes with what was done before it was left.
        order: AtomicUsize,
    }

    loom::thread_local! {
        static PARKING: Arc<Parking> = Arc::new(Parking {
            state: AtomicU8::new(BUSY),
            order: AtomicUsize::new(0),
        });
    }

    /// A thread that can be unparked.
    #[derive(Clone, Debug)]
    pub(crate) struct Thread {
        thread: loom::thread::Thread,
        parking: Arc<Parking>,
    }

    impl Thread {
        pub(crate) fn unpark(&self) {
            if self.parking.state.load(Relaxed) != PARKED {
                self.parking.order.fetch_add(1, Ordering::Release);
            }
            // In the model's eyes one step.
            if self.parking.state.load(Relaxed) == PARKED {
                self.parking.state.store(BUSY, Relaxed);
                self.thread.unpark();
            } else {
                self.parking.state.store(TOKEN, Relaxed);
            }
        }

        pub(crate) fn name(&self) -> Option<&str> {
            self.thread.name()
        }
    }

    pub(crate) fn current_thread() -> Thread {
        Thread {
            thread: loom::thread::current(),
            parking: PARKING.with(Arc::clone),
        }
    }

    pub(crate) fn park_thread() {
        let parking = PARKING.with(Arc::clone);
        if parking.state.load(Relaxed) == TOKEN {
            parking.state.store(BUSY, Relaxed);
            // A read-modify-write reads the newest value.
            parking.order.fetch_add(0, Ordering::Acquire);
        } else {
            parking.state.store(PARKED, Relaxed);
            loom::thread::park();
        }
    }
}
