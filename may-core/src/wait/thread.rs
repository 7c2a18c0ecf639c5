//! What an OS thread has in place of a coroutine's header: a commit word, the token of `unpark`, and a way to wake it.
//!
//! The block is counted. A waker clones the reference under the lock of the queue in which it found the thread, because
//! a thread that sees its word closed goes on at once, without waiting for the waker.

use std::ptr::NonNull;
use std::sync::Arc;

use super::waiter::Waiter;
use crate::coroutine::commit_word::CommitWord;
use crate::coroutine::header::next_id;
use crate::coroutine::request;
use crate::prim::{self, AtomicU32, Thread, current_thread};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct ThreadBlock {
    /// Decides how the thread's current wait ends.
    pub(crate) word: CommitWord,
    /// What was asked of the thread (`coroutine/request.rs`).
    pub(crate) flags: AtomicU32,
    /// The handle that wakes the thread out of std's `park`.
    thread: Thread,
    /// The number that no coroutine and no other thread has.
    id: u64,
}

impl ThreadBlock {
    /// The block of the thread that calls this.
    pub(crate) fn current() -> Arc<ThreadBlock> {
        prim::thread_local! {
            static BLOCK: Arc<ThreadBlock> = Arc::new(ThreadBlock::new());
        }
        // In the destructors of thread locals the block may be gone: one for the moment does for waiting, too.
        BLOCK
            .try_with(Arc::clone)
            .unwrap_or_else(|_| Arc::new(ThreadBlock::new()))
    }

    /// A block of the current thread.
    pub(crate) fn new() -> ThreadBlock {
        ThreadBlock {
            word: CommitWord::new(),
            flags: AtomicU32::new(0),
            thread: current_thread(),
            id: next_id(),
        }
    }

    /// The thread as queues see it.
    #[inline]
    pub(crate) fn waiter(this: &Arc<ThreadBlock>) -> Waiter {
        // Not from a reference: the waker of the thread counts the block.
        Waiter::Thread(NonNull::new(Arc::as_ptr(this).cast_mut()).expect("an `Arc` is not null"))
    }

    /// The number that no coroutine and no other thread has.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The thread's name.
    pub(crate) fn name(&self) -> Option<&str> {
        self.thread.name()
    }

    /// Ends the sleep of the thread, which looks at its commit word then.
    pub(crate) fn wake(&self) {
        self.thread.unpark();
    }

    /// Leaves the token that ends the thread's current `park`, or its next one.
    pub(crate) fn unpark(&self) {
        if request::unpark(&self.flags, &self.word) {
            self.wake();
        }
    }
}
