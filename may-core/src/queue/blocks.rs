//! A queue between one producer and one consumer, which grows by blocks.
//!
//! Each side has a place in the queue that the other does not touch, so they share three words
//! only: how many values were put in, the link from one block to the next, which is written before
//! the count that covers it, and an empty block that goes back from the consumer to the producer.
//! Putting in is one read-modify-write, taking out is none.
//!
//! The count is put out with a full fence ([`prim::store_and_fence`]), so the producer may look
//! right afterwards whether a waiter is there.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::mem::MaybeUninit;
use std::ptr;

use crossbeam_utils::CachePadded;

use crate::prim::{self, AtomicPtr, AtomicUsize, Ordering};

/// How many values fit into a block.
const BLOCK: usize = 64;

/// Some places in a row.
struct Block<T> {
    values: [UnsafeCell<MaybeUninit<T>>; BLOCK],
    /// The block behind this one.
    next: AtomicPtr<Block<T>>,
}

impl<T> Block<T> {
    fn new() -> *mut Block<T> {
        Box::into_raw(Box::new(Block {
            values: [const { UnsafeCell::new(MaybeUninit::uninit()) }; BLOCK],
            next: AtomicPtr::new(ptr::null_mut()),
        }))
    }
}

/// The position of one side in the queue.
struct Cursor<T> {
    /// How many values it has put in, or taken out.
    count: Cell<usize>,
    /// The block of the last one.
    block: Cell<*mut Block<T>>,
    /// The consumer's: how many values it knows to be there.
    known: Cell<usize>,
    /// The producer's: whether the consumer was a whole block behind when the last one was begun.
    behind: Cell<bool>,
}

/// See the module's documentation.
pub(crate) struct Blocks<T> {
    producer: CachePadded<Cursor<T>>,
    consumer: CachePadded<Cursor<T>>,
    /// How many values were put in.
    published: CachePadded<AtomicUsize>,
    /// A block that the producer may use again, or null.
    spare: AtomicPtr<Block<T>>,
}

// SAFETY: (R5) values cross from one side to the other; the places are each for one side only, as
// the methods ask.
unsafe impl<T: Send> Sync for Blocks<T> {}
// SAFETY: (R5) the queue owns its values.
unsafe impl<T: Send> Send for Blocks<T> {}

impl<T> Blocks<T> {
    pub(crate) fn new() -> Blocks<T> {
        let block = Block::new();
        let place = || {
            CachePadded::new(Cursor {
                count: Cell::new(0),
                block: Cell::new(block),
                known: Cell::new(0),
                behind: Cell::new(false),
            })
        };
        Blocks {
            producer: place(),
            consumer: place(),
            published: CachePadded::new(AtomicUsize::new(0)),
            spare: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Puts a value in. When this returns a full fence has been issued after it.
    ///
    /// # Safety
    ///
    /// The caller is the producer: no two calls overlap.
    #[inline]
    pub(crate) unsafe fn push(&self, value: T) {
        let count = self.producer.count.get();
        let at = count % BLOCK;
        if at == 0 && count > 0 {
            self.append();
        }
        // SAFETY: (R5) the place is the producer's until the count says otherwise, and its block is
        // freed by the consumer only after it.
        unsafe { (*(*self.producer.block.get()).values[at].get()).write(value) };
        self.producer.count.set(count + 1);
        prim::store_and_fence(&self.published, count + 1);
    }

    /// Goes on to a new block. Producer only.
    #[cold]
    fn append(&self) {
        let spare = self.spare.swap(ptr::null_mut(), Ordering::Acquire);
        // A consumer that keeps up has given a block back by now, unless there was only one so far.
        let is_second = self.producer.count.get() == BLOCK;
        self.producer.behind.set(spare.is_null() && !is_second);
        let block = if spare.is_null() { Block::new() } else { spare };
        // SAFETY: (R5) a spare block belongs to the producer alone, and the producer's own is freed
        // after its successor is in use.
        unsafe {
            (*block).next.store(ptr::null_mut(), Ordering::Relaxed);
            // Relaxed: the count that is put out next carries it.
            (*self.producer.block.get())
                .next
                .store(block, Ordering::Relaxed);
        }
        self.producer.block.set(block);
    }

    /// Takes the oldest value out.
    ///
    /// # Safety
    ///
    /// The caller is the consumer: no two calls overlap.
    #[inline]
    pub(crate) unsafe fn pop(&self) -> Option<T> {
        let count = self.consumer.count.get();
        if count == self.consumer.known.get() {
            // Acquire: pairs with the producer's store, which comes after the value.
            self.consumer
                .known
                .set(self.published.load(Ordering::Acquire));
            if count == self.consumer.known.get() {
                return None;
            }
        }
        let at = count % BLOCK;
        if at == 0 && count > 0 {
            self.advance();
        }
        self.consumer.count.set(count + 1);
        // SAFETY: (R5) the count says that the value is there, and it is taken once.
        Some(unsafe { (*(*self.consumer.block.get()).values[at].get()).assume_init_read() })
    }

    /// Goes on to the next block, and gives the old one back. Consumer only.
    #[cold]
    fn advance(&self) {
        let block = self.consumer.block.get();
        // SAFETY: (R5) there is a value in the next block, so the producer has linked it and left
        // this one.
        unsafe {
            self.consumer
                .block
                .set((*block).next.load(Ordering::Relaxed));
            let before = self.spare.swap(block, Ordering::AcqRel);
            if !before.is_null() {
                drop(Box::from_raw(before));
            }
        }
    }

    /// Whether the consumer is, or was a moment ago, some dozens of values behind. Producer only.
    #[inline]
    pub(crate) fn is_behind(&self) -> bool {
        self.producer.behind.get()
    }

    /// Whether there is nothing to take out. Consumer only.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.consumer.count.get() == self.published.load(Ordering::Relaxed)
    }
}

impl<T> Drop for Blocks<T> {
    fn drop(&mut self) {
        /// Frees the blocks, also if a value's destructor panics.
        struct Free<'a, T>(&'a Blocks<T>);
        impl<T> Drop for Free<'_, T> {
            fn drop(&mut self) {
                // SAFETY: (R5) nothing else uses the queue, and all its values have been taken or
                // leaked.
                unsafe {
                    let mut block = self.0.consumer.block.get();
                    while !block.is_null() {
                        let next = (*block).next.load(Ordering::Relaxed);
                        drop(Box::from_raw(block));
                        block = next;
                    }
                    let spare = self.0.spare.load(Ordering::Acquire);
                    if !spare.is_null() {
                        drop(Box::from_raw(spare));
                    }
                }
            }
        }
        let _free = Free(self);
        // SAFETY: (R5) nothing else uses the queue.
        while let Some(value) = unsafe { self.pop() } {
            drop(value);
        }
    }
}

impl<T> fmt::Debug for Blocks<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocks")
            .field("published", &self.published.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn values_come_out_as_they_went_in() {
        let queue = Blocks::new();
        let (mut sent, mut received) = (0, 0);
        // SAFETY: (R5) this thread is both sides.
        unsafe {
            for most in [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 10 * BLOCK, 3] {
                while sent - received < most {
                    queue.push(sent);
                    sent += 1;
                }
                while sent - received > most / 3 {
                    assert_eq!(queue.pop(), Some(received));
                    received += 1;
                }
            }
            while let Some(value) = queue.pop() {
                assert_eq!(value, received);
                received += 1;
            }
        }
        assert_eq!(sent, received);
        assert!(queue.is_empty());
    }

    #[test]
    fn each_value_is_dropped_once() {
        let value = Arc::new(());
        let queue = Blocks::new();
        // SAFETY: (R5) this thread is both sides.
        unsafe {
            (0..5 * BLOCK).for_each(|_| queue.push(value.clone()));
            (0..2 * BLOCK + 1).for_each(|_| drop(queue.pop()));
        }
        assert_eq!(Arc::strong_count(&value), 3 * BLOCK);
        drop(queue);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn a_producer_and_a_consumer_meet_on_two_threads() {
        const VALUES: usize = if cfg!(miri) { 500 } else { 200_000 };
        let queue = Blocks::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // SAFETY: (R5) this thread is the producer.
                (0..VALUES).for_each(|value| unsafe { queue.push(value) });
            });
            let mut expected = 0;
            while expected < VALUES {
                // SAFETY: (R5) this thread is the consumer.
                match unsafe { queue.pop() } {
                    Some(value) => {
                        assert_eq!(value, expected);
                        expected += 1;
                    }
                    None => std::thread::yield_now(),
                }
            }
        });
    }
}
