//! Running a future on the coroutine or thread that calls.
//!
//! # Protocol
//!
//! ```text
//!   block_on                                  waker, on any thread
//!   1  poll: ready ends it                    a  set the mark; if it was set, another waker does the rest
//!   2  take the mark; if it was set, let      b  fence
//!      others run, and back to 1              c  wake the waiter, if there is one
//!   3  register, fence, look at the mark
//!   4  park; then back to 2
//! ```
//!
//! *No wake-up is lost.* A waker that is called during the poll leaves the mark, which step 2
//! finds. Of the two fences one comes first: either *c* finds the waiter, or step 3 finds the mark.
//! A waker that finds the mark set in step *a* can leave: the one that has set it has yet to come
//! to *c*. Taking the mark in step 2 is a read-modify-write, so what every waker did before is
//! visible to the next poll.
//!
//! The mark lies in a counted block, so a waker may outlive the call and the coroutine; it has no
//! effect then. Nothing is allocated but this block, and a thread keeps one for the next call.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::operation::{Queued, Queueing};
use crate::park;
use crate::prim::{AtomicU32, Ordering};
use crate::wait::WaitQueue;

/// What a call of [`block_on`] and its wakers share.
struct Mark {
    set: AtomicU32,
    waiter: WaitQueue,
}

impl Mark {
    fn new() -> Mark {
        Mark {
            set: AtomicU32::new(0),
            waiter: WaitQueue::new(),
        }
    }

    /// Takes the mark (step 2).
    fn take(&self) -> bool {
        // Acquire: what every waker did before is visible to the poll.
        self.set.swap(0, Ordering::AcqRel) == 1
    }

    /// Waits for the mark and takes it.
    fn wait(&self) {
        Queued::block(Marked(self));
    }
}

/// The operation that waits until the mark is set, and takes it.
struct Marked<'a>(&'a Mark);

impl Queueing for Marked<'_> {
    type Output = ();

    fn kind(&self) -> &'static str {
        "future"
    }

    fn queue(&self) -> &WaitQueue {
        &self.0.waiter
    }

    #[inline]
    fn attempt(&mut self) -> Option<()> {
        self.0.take().then_some(())
    }

    #[inline]
    fn is_ready(&self) -> bool {
        self.0.set.load(Ordering::Relaxed) == 1
    }

    fn pass_on(&mut self) {
        unreachable!("it is waited for until it has happened")
    }

    fn spend_budget(&self) {}
}

impl Wake for Mark {
    fn wake(self: Arc<Mark>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Mark>) {
        if self.set.swap(1, Ordering::AcqRel) == 0 {
            self.waiter.wake_one();
        }
    }
}

#[cfg(not(may_loom))]
thread_local! {
    /// A mark that is not in use.
    static SPARE: std::cell::Cell<Option<Arc<Mark>>> = const { std::cell::Cell::new(None) };
}

/// The mark of one call; the thread keeps it afterwards, if no waker does.
struct Lent(Arc<Mark>);

impl Lent {
    fn new() -> Lent {
        #[cfg(not(may_loom))]
        if let Ok(Some(spare)) = SPARE.try_with(std::cell::Cell::take) {
            return Lent(spare);
        }
        Lent(Arc::new(Mark::new()))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        #[cfg(not(may_loom))]
        if let Some(mark) = Arc::get_mut(&mut self.0) {
            *mark.set.get_mut() = 0;
            // Without its thread-locals the thread has no further calls.
            let _ = SPARE.try_with(|spare| spare.set(Some(self.0.clone())));
        }
    }
}

/// Runs a future to its end, blocking the calling coroutine, or plain thread, until it is ready.
///
/// The worker runs other coroutines meanwhile. The future is polled here and nowhere else, so it
/// need not be `Send`. It may be woken from any thread, by any executor or library; its wakers may
/// be kept for any time. Unlike with other executors, a future that is polled on a coroutine may
/// itself call what blocks: the coroutine waits in the middle of the poll.
///
/// A future that wakes itself lets the other coroutines run before it is polled again. May's own
/// futures do so now and then although they could be ready, so that a loop over them leaves room
/// for others; they never suspend the coroutine in the middle of a poll, whose caller may hold a
/// lock of `std::sync`.
///
/// # Panics
///
/// Goes on with a panic of the future. Panics inside
/// [`forbid_blocking`](crate::coroutine::forbid_blocking) if it would wait.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here when it would wait, and drops the future, which for futures
/// means the same: what was awaited has not happened. [`time::timeout`](crate::time::timeout())
/// ends the wait in the same way.
///
/// # Examples
///
/// ```
/// use may::future::block_on;
///
/// async fn add(a: u32, b: u32) -> u32 {
///     a + b
/// }
/// assert_eq!(block_on(add(1, 2)), 3);
/// ```
pub fn block_on<F: IntoFuture>(future: F) -> F::Output {
    park::spend_budget();
    let lent = Lent::new();
    let mark = &lent.0;
    let mut future = pin!(future.into_future());
    let waker = Waker::from(mark.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        match mark.take() {
            true if park::may_block() => park::yield_now(),
            // Where nothing may suspend, the future is polled again at once.
            true => {}
            false => mark.wait(),
        }
    }
}
