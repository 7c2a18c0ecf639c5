//! What an OS thread has in place of a coroutine's header: a strand, and a way to wake it.
//!
//! The block is counted. A waker clones the reference under the lock of the queue in which it found
//! the thread, because a thread that sees its word closed goes on at once, without waiting for the
//! waker.

use std::fmt;
use std::sync::Arc;

use super::request;
use super::strand::{Strand, next_id};
use crate::prim::{self, Thread, current_thread};

/// See the module's documentation.
pub(crate) struct ThreadBlock {
    pub(crate) strand: Strand,
    /// The handle that wakes the thread out of std's `park`.
    thread: Thread,
    id: u64,
}

impl ThreadBlock {
    /// The block of the thread that calls this.
    pub(crate) fn current() -> Arc<ThreadBlock> {
        ThreadBlock::with(Arc::clone)
    }

    /// Runs `f` on the block of the thread that calls this.
    pub(super) fn with<R>(f: impl FnOnce(&Arc<ThreadBlock>) -> R) -> R {
        prim::thread_local! {
            static BLOCK: Arc<ThreadBlock> = ThreadBlock::new();
        }
        let mut f = Some(f);
        let mut call = |block: &Arc<ThreadBlock>| (f.take().expect("it is called once"))(block);
        match BLOCK.try_with(&mut call) {
            Ok(result) => result,
            // In the destructors of thread locals the block may be gone: one for the moment does
            // for waiting, too.
            Err(_) => call(&ThreadBlock::new()),
        }
    }

    fn new() -> Arc<ThreadBlock> {
        Arc::new(ThreadBlock {
            strand: Strand::new(),
            thread: current_thread(),
            id: next_id(),
        })
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
        if request::unpark(&self.strand) {
            self.wake();
        }
    }
}

impl fmt::Debug for ThreadBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadBlock")
            .field("id", &self.id)
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
