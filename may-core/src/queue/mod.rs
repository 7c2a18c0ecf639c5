//! Queues: of pointers, through a link that the queued thing carries itself; and of values, in
//! blocks.
//!
//! | queue | of | who pushes | who takes | order |
//! |---|---|---|---|---|
//! | [`Fifo`] | pointers | its owner | its owner | first in, first out |
//! | [`Inbox`] | pointers | any thread | its owner, everything at once | as pushed |
//! | [`Blocks`] | values | one producer | one consumer | first in, first out |
//!
//! A thing carries one link, so it is in one of the first two at a time. The stealable deque of
//! coroutines that have not started is crossbeam-deque's, in `worker/`.

mod blocks;
mod fifo;
mod inbox;

pub(crate) use blocks::Blocks;
pub(crate) use fifo::Fifo;
pub(crate) use inbox::Inbox;

use crate::prim::AtomicPtr;

/// A type that carries a link to its successor.
///
/// # Safety
///
/// `next` returns the same link for the same value every time, and no two values share it.
pub(crate) unsafe trait Queued: Sized {
    /// The link to the successor; it belongs to the queue while the value is queued.
    fn next(&self) -> &AtomicPtr<Self>;
}
