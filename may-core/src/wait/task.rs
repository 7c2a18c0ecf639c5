//! What a future has in place of a coroutine's header: a commit word and the waker of its last
//! poll.
//!
//! A future is polled by turns on any threads, and may be dropped instead. Its wait lies between
//! two polls:
//!
//! ```text
//!   poll                                   the side that ends the wait
//!   1  leave the waker                     a  close the commit word, under the lock of the queue
//!   2  look at the commit word: if it is   b  leave the lock, take the waker out and call it
//!      closed, the wait is over
//! ```
//!
//! Of steps 1 and *b* one comes first (`wait/waker.rs`). If it is 1, *b* calls the newest waker. If
//! it is *b*, step 2 sees that the word is closed. So no wake-up is lost.
//!
//! The block is counted. A waker counts it under the lock of the queue in which it found the
//! future, because one that is dropped does not wait for its waker.

use std::ptr::NonNull;
use std::sync::Arc;
use std::task::Waker;

use super::alarms::Alarm;
use super::waiter::Waiter;
use super::waker::WakerPlace;
use crate::coroutine::commit_word::CommitWord;

/// See the module's documentation.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct TaskBlock {
    /// The deadline of the current wait, if it has one. First, so that its address is the block's.
    pub(super) alarm: Alarm,
    /// Decides how the future's current wait ends.
    pub(crate) word: CommitWord,
    /// Who is to be told.
    waker: WakerPlace,
}

impl TaskBlock {
    /// A block of a future that was not polled yet.
    pub(crate) fn new() -> Arc<TaskBlock> {
        Arc::new(TaskBlock {
            alarm: Alarm::new(),
            word: CommitWord::new(),
            waker: WakerPlace::new(),
        })
    }

    /// The future as queues see it.
    pub(crate) fn waiter(this: &Arc<TaskBlock>) -> Waiter {
        // Not from a reference: a committer that wakes the future counts the block.
        Waiter::Task(NonNull::new(Arc::as_ptr(this).cast_mut()).expect("an `Arc` is not null"))
    }

    /// Leaves the waker of this poll (step 1).
    pub(crate) fn set_waker(&self, waker: &Waker) {
        self.waker.set(waker);
    }

    /// Drops the waker: the future is ready, or gone. Others may still count the block, and must
    /// not be the ones that destroy the waker.
    pub(crate) fn clear_waker(&self) {
        self.waker.clear();
    }

    /// Tells the task that polled the future last (step b).
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }
}
