//! A select over a set that is known only at run time.

use std::fmt;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use super::arm::OpArm;
use super::engine::{AnyArm, select, select_or_default};
use crate::channel::{Receiver, Recv, RecvError, Reserve, SendError, SendRight, Sender};
use crate::operation::{Finish, Mode, Operation};
use crate::time::After;
use crate::util::clock::Deadline;

/// Carries out the first of any number of operations that is possible.
///
/// For a fixed number of operations `select!` reads better and costs less. Here each operation
/// comes with a closure that says what becomes of its outcome, so operations of different kinds
/// have one type of result in the end. When a call returns, the operation has happened and its
/// closure has run; the others have taken and sent nothing. The set is not changed: the next call
/// waits for all of them again.
///
/// # Examples
///
/// ```
/// use may::{channel::{bounded, unbounded}, op::Select};
///
/// let (alarm, alarms) = unbounded();
/// let (jobs, _work) = bounded(1);
/// let mut next = 0..;
///
/// let mut all = Select::new();
/// all.recv(&alarms, |text: Result<&str, _>| format!("received: {text:?}"));
/// all.send(&jobs, || next.next().unwrap(), |sent| format!("sent: {sent:?}"));
///
/// assert_eq!(all.wait().value, "sent: Ok(())");
/// alarm.send("fire").unwrap();
/// let selected = all.wait();
/// assert_eq!((selected.index, &*selected.value), (0, "received: Ok(\"fire\")"));
/// ```
pub struct Select<'a, R> {
    operations: Vec<Option<Box<dyn Case<R> + 'a>>>,
    mode: Mode,
}

/// Which operation of a [`Select`] has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Selected<R> {
    /// The number that the call has returned which added the operation.
    pub index: usize,
    /// What the operation's closure has made of the outcome.
    pub value: R,
}

/// An entry of the set: an operation that is made anew for each wait.
trait Case<R> {
    fn begin(&mut self) -> AnyArm<'_>;

    /// Ends the wait for the operation, which has happened.
    fn finish(&mut self) -> R;

    /// Ends the wait for the operation, which has not.
    fn end(&mut self);
}

/// An entry whose operation is made by a closure.
struct OperationCase<M, O: Operation, F> {
    make: M,
    arm: Pin<Box<Option<OpArm<O>>>>,
    then: F,
}

impl<R, O, M, F> Case<R> for OperationCase<M, O, F>
where
    O: Operation,
    M: FnMut() -> O,
    F: FnMut(O::Output) -> R,
{
    fn begin(&mut self) -> AnyArm<'_> {
        self.arm.set(Some(OpArm::new((self.make)())));
        self.arm.as_mut()
    }

    fn finish(&mut self) -> R {
        let output = self.arm.as_mut().finish();
        self.end();
        (self.then)(output)
    }

    fn end(&mut self) {
        self.arm.set(None);
    }
}

/// Nothing was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrySelectError;

/// Nothing was ready in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectTimeoutError;

impl fmt::Display for TrySelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("none of the operations could be carried out without waiting")
    }
}

impl fmt::Display for SelectTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("none of the operations could be carried out in time")
    }
}

impl std::error::Error for TrySelectError {}
impl std::error::Error for SelectTimeoutError {}

impl<'a, R> Select<'a, R> {
    /// Makes an empty set. Of several that are possible each is as likely as the others.
    #[must_use]
    pub fn new() -> Select<'a, R> {
        Select {
            operations: Vec::new(),
            mode: Mode::Fair,
        }
    }

    /// Makes an empty set in which, of several that are possible, the one that was added first is
    /// taken. One that is always possible then starves those behind it.
    #[must_use]
    pub fn biased() -> Select<'a, R> {
        Select {
            mode: Mode::Biased,
            ..Select::new()
        }
    }

    /// Adds receiving a message; returns the number of the operation: 0 for the first, and so on.
    ///
    /// `then` gets the message, or an error if the channel is empty and all its senders have gone.
    /// Such a channel is always ready, so it should be [removed](Select::remove) then.
    ///
    /// # Panics
    ///
    /// Panics if there have been 65,535 operations in the set.
    pub fn recv<T>(
        &mut self,
        receiver: &'a Receiver<T>,
        then: impl FnMut(Result<T, RecvError>) -> R + 'a,
    ) -> usize {
        self.on(|| Recv::new(receiver), then)
    }

    /// Adds sending a message; returns the number of the operation.
    ///
    /// `message` makes the message, when there is room for it, or a receiver in a rendezvous
    /// channel. If it panics nothing was sent. `then` gets the message back if all receivers have
    /// gone; the operation is always possible from then on, so it should be removed.
    ///
    /// # Panics
    ///
    /// As [`recv`](Select::recv).
    pub fn send<T>(
        &mut self,
        sender: &'a Sender<T>,
        mut message: impl FnMut() -> T + 'a,
        mut then: impl FnMut(Result<(), SendError<T>>) -> R + 'a,
    ) -> usize {
        self.on(
            || Reserve::new(sender),
            move |right: SendRight<T>| then(right.send(message())),
        )
    }

    /// Adds any [operation](crate::op); returns its number. `make` makes it, for each wait anew,
    /// and `then` gets its outcome.
    ///
    /// # Panics
    ///
    /// As [`recv`](Select::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{op::{self, Select}, sync::Mutex};
    ///
    /// let lock = Mutex::new(5);
    /// let mut all = Select::new();
    /// all.on(|| op::lock(&lock), |guard| *guard.unwrap());
    /// assert_eq!(all.wait().value, 5);
    /// ```
    pub fn on<O: Operation + 'a>(
        &mut self,
        make: impl FnMut() -> O + 'a,
        then: impl FnMut(O::Output) -> R + 'a,
    ) -> usize
    where
        O::Output: 'a,
    {
        self.add(OperationCase {
            make,
            arm: Box::pin(None),
            then,
        })
    }

    fn add(&mut self, operation: impl Case<R> + 'a) -> usize {
        let index = self.operations.len();
        assert!(
            index < usize::from(u16::MAX),
            "a set holds no more than {} operations in its life",
            u16::MAX
        );
        self.operations.push(Some(Box::new(operation)));
        index
    }

    /// Takes the operation with a number out; the numbers of the others stay.
    ///
    /// # Panics
    ///
    /// Panics if no operation has that number.
    #[track_caller]
    pub fn remove(&mut self, index: usize) {
        let operation = self.operations.get_mut(index).and_then(Option::take);
        assert!(
            operation.is_some(),
            "the set has no operation number {index}"
        );
    }

    /// How many operations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.iter().flatten().count()
    }

    /// Whether there are no operations.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits for the first operation that is possible.
    ///
    /// # Panics
    ///
    /// Panics if the set is empty, because it would wait forever.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and none of the operations has happened.
    #[track_caller]
    pub fn wait(&mut self) -> Selected<R> {
        assert!(!self.is_empty(), "a select over nothing would wait forever");
        self.run(Some(Deadline::NEVER))
            .unwrap_or_else(|| unreachable!("there is no deadline"))
    }

    /// Carries out an operation that is possible now.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn try_wait(&mut self) -> Result<Selected<R>, TrySelectError> {
        self.run(None).ok_or(TrySelectError)
    }

    /// Waits for the first operation for at most `timeout`.
    ///
    /// # Errors
    ///
    /// If none was possible in time.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Select::wait).
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<Selected<R>, SelectTimeoutError> {
        self.run(Some(Deadline::after(timeout)))
            .ok_or(SelectTimeoutError)
    }

    /// Waits for the first operation until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// If none was possible in time.
    ///
    /// # Cancellation
    ///
    /// As for [`wait`](Select::wait).
    pub fn wait_deadline(&mut self, deadline: Instant) -> Result<Selected<R>, SelectTimeoutError> {
        self.run(Some(Deadline::at(deadline)))
            .ok_or(SelectTimeoutError)
    }

    /// Carries out the first operation that is possible until `deadline`; without one, now.
    fn run(&mut self, deadline: Option<Deadline>) -> Option<Selected<R>> {
        let mut time = pin!(deadline.map(|deadline| OpArm::new(After::new(deadline))));
        let mut indices = Vec::with_capacity(self.operations.len());
        let mut arms: Vec<AnyArm<'_>> = Vec::with_capacity(self.operations.len() + 1);
        for (index, operation) in self.operations.iter_mut().enumerate() {
            if let Some(operation) = operation {
                indices.push(index);
                arms.push(operation.begin());
            }
        }
        // The time comes last, and is looked at when nothing else is ready.
        let mut arm = select_or_default(&mut arms, self.mode);
        if arm.is_none() && time.is_some() {
            arms.push(time.as_mut());
            arm = select(&mut arms, self.mode);
        }
        drop(arms);
        let happened = arm.and_then(|arm| indices.get(arm).copied());
        for (index, operation) in self.operations.iter_mut().enumerate() {
            if let Some(operation) = operation.as_mut().filter(|_| Some(index) != happened) {
                operation.end();
            }
        }
        let index = happened?;
        let operation = self.operations[index].as_mut()?;
        Some(Selected {
            index,
            value: operation.finish(),
        })
    }
}

impl<R> Default for Select<'_, R> {
    fn default() -> Self {
        Select::new()
    }
}

impl<R> fmt::Debug for Select<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("operations", &self.len())
            .finish_non_exhaustive()
    }
}
