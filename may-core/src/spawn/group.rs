//! Coroutines whose results are taken as they finish.
//!
//! Each member has a guard that sends its number when it is dropped, which happens when the member ends, however it does, also if it
//! never started. So waiting for whoever finishes next is receiving a number.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::panic::Location;
use std::time::Instant;

use super::builder::spawn_failed;
use super::{Builder, Coroutine, JoinHandle, Result};
use crate::channel::{self, Receiver, Sender};
use crate::coroutine::cancel::shield;
use crate::util::clock::Deadline;
use crate::worker::default;

/// A number of coroutines that belong together: their results come as they finish, and all can be cancelled at once.
///
/// Members must not borrow; for those that do there is [`scope`](super::scope). Dropping the group cancels those that are left and
/// does not wait for them.
///
/// # Examples
///
/// The first of several that succeeds:
///
/// ```
/// use may::coroutine::TaskGroup;
///
/// let mut mirrors = TaskGroup::new();
/// for mirror in ["a", "b", "c"] {
///     mirrors.spawn(move || if mirror == "b" { Ok(mirror) } else { Err("not found") });
/// }
/// let found = std::iter::from_fn(|| mirrors.join_next()).find_map(|end| end.ok()?.ok());
/// assert_eq!(found, Some("b"));
/// mirrors.cancel(); // the others
/// ```
pub struct TaskGroup<T> {
    members: HashMap<u64, JoinHandle<T>>,
    /// The number of the next member.
    next: u64,
    ended: Receiver<u64>,
    ending: Sender<u64>,
    deadline: Deadline,
}

/// Sends its number when it is dropped.
struct Member {
    number: u64,
    ending: Sender<u64>,
}

impl Drop for Member {
    fn drop(&mut self) {
        // Not `send`, at which a cancellation could be delivered. If the group is gone nobody wants to know.
        let _ = self.ending.send_now(self.number);
    }
}

impl<T> TaskGroup<T> {
    /// Makes a group without members.
    #[must_use]
    pub fn new() -> TaskGroup<T> {
        let (ending, ended) = channel::unbounded();
        TaskGroup {
            members: HashMap::new(),
            next: 0,
            ended,
            ending,
            deadline: Deadline::NEVER,
        }
    }

    /// Has the members that are left cancelled at `deadline`, by the call that waits for them then.
    #[must_use]
    pub fn deadline(mut self, deadline: Instant) -> TaskGroup<T> {
        self.deadline = Deadline::at(deadline);
        self
    }

    /// How many members there are whose results were not taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether all results were taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Cancels all members. Their results are still to be taken.
    pub fn cancel(&self) {
        self.members.values().for_each(JoinHandle::cancel);
    }

    /// Waits for the next member that ends, and returns its result as [`JoinHandle::join`] does; `None` if there are none.
    ///
    /// When the deadline of the group passes, the members that are left are cancelled.
    ///
    /// # Errors
    ///
    /// What the member raised.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and no result was taken.
    pub fn join_next(&mut self) -> Option<Result<T>> {
        if self.is_empty() {
            return None;
        }
        let number = self.ended.recv_until(self.deadline).or_else(|_| {
            self.deadline = Deadline::NEVER;
            self.cancel();
            self.ended.recv_until(Deadline::NEVER)
        });
        self.take(number.expect("the group has a sender of its own"))
    }

    /// Returns the result of a member that has ended, if there is one.
    ///
    /// # Errors
    ///
    /// What the member raised.
    pub fn try_join_next(&mut self) -> Option<Result<T>> {
        let number = self.ended.try_recv().ok()?;
        self.take(number)
    }

    /// Waits for all members, and returns their results in the order in which they ended.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here; the members that are left are cancelled, too.
    #[must_use]
    pub fn join_all(mut self) -> Vec<Result<T>> {
        std::iter::from_fn(|| self.join_next()).collect()
    }

    /// The result of a member whose guard is gone.
    fn take(&mut self, number: u64) -> Option<Result<T>> {
        let member = self.members.remove(&number)?;
        // It has nothing left to do but to end; a result that was begun to be taken is not lost to a cancellation.
        Some(shield(|| member.join()))
    }
}

impl<T: Send + 'static> TaskGroup<T> {
    /// Spawns a member.
    ///
    /// # Panics
    ///
    /// Panics where [`spawn`](super::spawn) does.
    #[track_caller]
    pub fn spawn(&mut self, f: impl FnOnce() -> T + Send + 'static) -> &Coroutine {
        match self.spawn_member(Builder::new(), Location::caller(), f) {
            Ok(number) => self.members[&number].coroutine(),
            Err(error) => spawn_failed(&error),
        }
    }

    /// Spawns a member as a builder says.
    ///
    /// # Errors
    ///
    /// As for [`Builder::spawn`].
    #[track_caller]
    pub fn spawn_with(
        &mut self,
        builder: Builder,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<&Coroutine> {
        let number = self.spawn_member(builder, Location::caller(), f)?;
        Ok(self.members[&number].coroutine())
    }

    /// Spawns a member; its number.
    fn spawn_member(
        &mut self,
        builder: Builder,
        location: &'static Location<'static>,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<u64> {
        let number = self.next;
        let member = Member {
            number,
            ending: self.ending.clone(),
        };
        let f = move || {
            let _member = member;
            f()
        };
        let spawned = default::with_current(|shared| builder.spawn_on(shared, location, f))??;
        self.next += 1;
        self.members.insert(number, spawned);
        Ok(number)
    }
}

impl<T> Default for TaskGroup<T> {
    fn default() -> TaskGroup<T> {
        TaskGroup::new()
    }
}

impl<T> Drop for TaskGroup<T> {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl<T> fmt::Debug for TaskGroup<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("members", &self.members.len())
            .finish_non_exhaustive()
    }
}
