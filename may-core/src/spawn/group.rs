//! Coroutines whose results are taken as they finish.
//!
//! Each member sends its number when it has ended, however it does, also if it never started. So
//! waiting for the next one that ends is receiving a number.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::time::{Duration, Instant};

use super::builder::spawn_failed;
use super::{Builder, Coroutine, JoinHandle, Result};
use crate::channel::{self, Receiver, Recv, RecvError, Sender};
use crate::operation::{Caller, Needs, OpFuture, Operation, Registration};
use crate::util::clock::Deadline;
use crate::worker::default;

/// A number of coroutines that belong together: their results come as they finish, and all can be
/// cancelled at once.
///
/// Members must not borrow; for those that do there is [`scope`](super::scope). Dropping the group
/// cancels those that are left and does not wait for them.
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

    /// Waits for the next member that ends, and returns its result as [`JoinHandle::join`] does;
    /// `None` if there are no members.
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
        JoinNext::new(self).wait()
    }

    /// As [`join_next`](TaskGroup::join_next), for at most `timeout`; `None` if no member has ended
    /// in time, `Some(None)` if there are no members.
    ///
    /// # Errors
    ///
    /// What the member raised.
    ///
    /// # Cancellation
    ///
    /// As for [`join_next`](TaskGroup::join_next).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use may::coroutine::{self, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// group.spawn(coroutine::park);
    /// assert!(group.join_next_timeout(Duration::from_micros(500)).is_none());
    /// group.cancel();
    /// assert!(group.join_next().unwrap().is_err());
    /// ```
    pub fn join_next_timeout(&mut self, timeout: Duration) -> Option<Option<Result<T>>> {
        JoinNext::new(self).wait_timeout(timeout)
    }

    /// As [`join_next_timeout`](TaskGroup::join_next_timeout), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// What the member raised.
    ///
    /// # Cancellation
    ///
    /// As for [`join_next`](TaskGroup::join_next).
    pub fn join_next_deadline(&mut self, deadline: Instant) -> Option<Option<Result<T>>> {
        JoinNext::new(self).wait_until(deadline)
    }

    /// Returns the result of a member that has ended, if there is one.
    ///
    /// # Errors
    ///
    /// What the member raised.
    pub fn try_join_next(&mut self) -> Option<Result<T>> {
        JoinNext::new(self).try_now().flatten()
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
        let ending = self.ending.clone();
        let at_end = move || {
            // Not `send`, which may suspend. If the group is gone no caller waits for it.
            let _ = ending.send_now(number);
        };
        let spawned =
            default::with_current(|shared| builder.spawn_with_end(shared, location, f, at_end))??;
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

pin_project_lite::pin_project! {
    /// The end of the next member of a group; from [`op::join_next`](crate::op::join_next).
    #[must_use = "an operation does nothing until it is waited for"]
    pub struct JoinNext<'a, T> {
        #[pin]
        ended: Recv<'a, u64>,
        rest: Rest<'a, T>,
    }
}

/// What a group has besides the channel.
struct Rest<'a, T> {
    members: &'a mut HashMap<u64, JoinHandle<T>>,
    deadline: &'a mut Deadline,
}

impl<'a, T> JoinNext<'a, T> {
    /// That of one group.
    pub(crate) fn new(group: &'a mut TaskGroup<T>) -> JoinNext<'a, T> {
        JoinNext {
            ended: Recv::new(&group.ended),
            rest: Rest {
                members: &mut group.members,
                deadline: &mut group.deadline,
            },
        }
    }
}

impl<T> Rest<'_, T> {
    /// The result of the member with a number that was received.
    fn take(&mut self, number: std::result::Result<u64, RecvError>) -> Option<Result<T>> {
        let number = number.expect("the group has a sender of its own");
        let member = self.members.remove(&number)?;
        Some(member.0.take())
    }

    /// Cancels all members if their time is over.
    fn look_at_deadline(&mut self) {
        if self.deadline.has_elapsed() {
            *self.deadline = Deadline::NEVER;
            self.members.values().for_each(JoinHandle::cancel);
        }
    }
}

impl<T> Operation for JoinNext<'_, T> {
    fn attempt(self: Pin<&mut Self>, by: Caller) -> Option<Option<Result<T>>> {
        let this = self.project();
        if this.rest.members.is_empty() {
            return Some(None);
        }
        this.rest.look_at_deadline();
        let number = this.ended.attempt(by)?;
        Some(this.rest.take(number))
    }

    fn register(self: Pin<&mut Self>, by: &Registration) -> bool {
        self.project().ended.register(by)
    }

    fn withdraw(self: Pin<&mut Self>, by: Caller) -> Option<Option<Result<T>>> {
        let this = self.project();
        let number = this.ended.withdraw(by)?;
        Some(this.rest.take(number))
    }

    fn abandon(self: Pin<&mut Self>) {
        self.project().ended.abandon();
    }

    fn is_committed(&self) -> bool {
        self.ended.is_committed()
    }

    fn needs(&self) -> Needs {
        let due = Needs::due(*self.rest.deadline);
        due.and(self.ended.needs()).waits_for("join", self)
    }
}

impl<T> IntoFuture for JoinNext<'_, T> {
    type Output = Option<Result<T>>;
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}

impl<T> fmt::Debug for JoinNext<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("JoinNext { .. }")
    }
}
