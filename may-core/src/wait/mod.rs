//! Who waits for what: waiters, their nodes, and the queues in which the nodes stand.
//!
//! This layer is data; `park/` is the action. A wait takes five steps (I2), the same for every
//! primitive:
//!
//! 1. **offer**: the caller tries its operation; most of the time that is all.
//! 2. **register**: the waiter opens its commit word and links a node into the queue of what it
//!    waits for, then issues a sequentially consistent fence and tries, or looks, once more.
//! 3. **park**: the waiter suspends.
//! 4. **withdraw**: in whatever way the wait ended, the node leaves its queue under the queue's
//!    lock before its frame does.
//! 5. **confirm**: the waiter that was committed carries out its operation, and starts anew if
//!    another caller was faster.
//!
//! A primitive whose state lies under a lock of its own keeps its list of nodes in there: then
//! looking and registering are one step, and so are changing and committing, and there is nothing
//! to overlook. For a primitive whose state is atomics: the other side makes its change (a message,
//! a free slot, a readiness bit), issues a sequentially consistent fence, and commits a waiter if
//! the queue has one. No wake-up is lost: of the two fences one comes first, so either the other
//! side finds the node, or the waiter finds the change.
//!
//! * [`waiter`]: a coroutine, an OS thread or a task, and waking it
//! * [`node`]: a waiter's entry in one queue
//! * [`entry`]: one wait, and the places of its nodes
//! * [`stand_in`]: a node that keeps the place of a waiter that is busy
//! * [`queue`]: the queue, its lock, and committing
//! * [`timeout`]: the deadline of a wait
//! * [`task`]: what a future has in its place
//! * [`waker`]: a place for the waker of the last poll
//! * [`alarms`]: the deadlines of futures

pub(crate) mod alarms;
pub(crate) mod entry;
pub(crate) mod node;
pub(crate) mod queue;
pub(crate) mod stand_in;
pub(crate) mod task;
pub(crate) mod timeout;
pub(crate) mod waiter;
pub(crate) mod waker;

pub(crate) use alarms::Alarms;
pub use entry::Registration;
pub(crate) use entry::{Committed, Entry};
pub(crate) use node::{Node, Seat};
pub(crate) use queue::{WaitList, WaitQueue};
pub(crate) use stand_in::StandIn;
pub(crate) use task::TaskBlock;
pub(crate) use timeout::Timeout;
pub(crate) use waiter::{Waiter, Wake, Wakes};
pub(crate) use waker::WakerPlace;
