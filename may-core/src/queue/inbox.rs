//! What other threads send to a worker: many push, the owner takes everything at once.
//!
//! The protocol is Treiber's stack (1986) without its pop, and so without its ABA problem: a
//! producer links its item in front of the head with a compare-and-swap, the owner swaps the head
//! for null and reverses what it got, which puts the items into the order in which they were
//! pushed.
//!
//! The inbox carries no wake-up of its own. Push is a read-modify-write with release order and is
//! followed by the sleep/wake handshake of the worker (`coroutine/home.rs`), which is where no
//! wake-up is lost.

use std::ptr::{self, NonNull};

use super::Queued;
use crate::prim::{AtomicPtr, Ordering};

/// Many producers, one consumer, unbounded, allocates nothing.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    head: AtomicPtr<T>,
}

impl<T: Queued> Inbox<T> {
    pub(crate) fn new() -> Inbox<T> {
        Inbox {
            head: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Whether nothing is there; another thread may push the moment after.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.load(Ordering::Acquire).is_null()
    }

    /// Sends `item` to the owner.
    ///
    /// # Safety
    ///
    /// `item` is in no queue and stays alive and in place until the owner has taken it.
    pub(crate) unsafe fn push(&self, item: NonNull<T>) {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: (I3) the item is the caller's until the exchange below succeeds.
            unsafe { item.as_ref() }
                .next()
                .store(head, Ordering::Relaxed);
            // Release: the owner sees the link and everything that was done to the item before.
            match self.head.compare_exchange_weak(
                head,
                item.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(current) => head = current,
            }
        }
    }

    /// Takes everything and hands it to `each` in the order in which it was pushed. For the owner,
    /// and for the thread that clears up behind one that may never come back: what the swap has
    /// taken no other thread sees.
    pub(crate) fn take_all(&self, mut each: impl FnMut(NonNull<T>)) {
        // Acquire: pairs with the release of every push that this swap takes.
        let mut newest = self.head.swap(ptr::null_mut(), Ordering::Acquire);
        let mut oldest = ptr::null_mut();
        while let Some(item) = NonNull::new(newest) {
            // SAFETY: (I3) a queued item is alive, and after the swap its link is ours.
            let link = unsafe { item.as_ref() }.next();
            newest = link.load(Ordering::Relaxed);
            link.store(oldest, Ordering::Relaxed);
            oldest = item.as_ptr();
        }
        while let Some(item) = NonNull::new(oldest) {
            // The link is read first: `each` may queue the item elsewhere.
            // SAFETY: (I3) as above.
            oldest = unsafe { item.as_ref() }.next().load(Ordering::Relaxed);
            each(item);
        }
    }
}
