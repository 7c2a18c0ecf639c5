//! The queue of runnable coroutines of one worker: no other thread sees it, so it needs no atomic
//! operation.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use super::Queued;
use crate::prim::Ordering;

/// First in, first out; single-threaded; allocates nothing.
pub(crate) struct Fifo<T> {
    head: Cell<*mut T>,
    tail: Cell<*mut T>,
}

impl<T: Queued> Fifo<T> {
    pub(crate) const fn new() -> Fifo<T> {
        Fifo {
            head: Cell::new(ptr::null_mut()),
            tail: Cell::new(ptr::null_mut()),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.get().is_null()
    }

    /// Appends `item`.
    ///
    /// # Safety
    ///
    /// `item` is in no queue and stays alive and in place until it is popped.
    #[inline]
    pub(crate) unsafe fn push(&self, item: NonNull<T>) {
        // SAFETY: (I3) the caller upholds the contract for `item`, and a queued tail is alive.
        unsafe {
            item.as_ref()
                .next()
                .store(ptr::null_mut(), Ordering::Relaxed);
            match self.tail.get().as_ref() {
                Some(tail) => tail.next().store(item.as_ptr(), Ordering::Relaxed),
                None => self.head.set(item.as_ptr()),
            }
        }
        self.tail.set(item.as_ptr());
    }

    #[inline]
    pub(crate) fn pop(&self) -> Option<NonNull<T>> {
        let item = NonNull::new(self.head.get())?;
        // SAFETY: (I3) a queued item is alive.
        let next = unsafe { item.as_ref() }.next().load(Ordering::Relaxed);
        self.head.set(next);
        if next.is_null() {
            self.tail.set(ptr::null_mut());
        }
        Some(item)
    }
}
