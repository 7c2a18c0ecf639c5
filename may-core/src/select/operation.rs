//! From what users write in an arm to an event: the constructors, and what they can be called with.
//!
//! How an argument leads to what the operation is for is the same for all; see [`super::reach`]. Here is what each operation is for. (For
//! those of input and output that is in `io/operation.rs`.)

use super::reach::{Reach, ReachMut};
use crate::channel::{Receiver, RecvEvent, SendEvent, Sender};
use crate::event::{Finish, RawEvent};
use crate::io::event::IoEvent;
use crate::io::{AcceptFrom, ReadFrom, WriteTo};
use crate::process::{Child, ExitEvent};
use crate::signal::{SignalEvent, Signals};
use crate::spawn::{JoinEvent, JoinHandle, ScopedJoinHandle};
use crate::sync::{
    AcquireEvent, CancelToken, FlagEvent, LockEvent, Mutex, Notify, NotifyEvent, Semaphore,
    SyncFlag,
};
use crate::time::{Interval, TickEvent};

/// What `recv(..)` can receive from.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be received from",
    label = "not the receiving end of a channel",
    note = "pass the `Receiver` half"
)]
pub trait RecvFrom {
    /// The event.
    type Event<'a>: RawEvent + Finish
    where
        Self: 'a;

    /// The event of receiving something.
    #[doc(hidden)]
    fn recv_event(&self) -> Self::Event<'_>;
}

impl<T> RecvFrom for Receiver<T> {
    type Event<'a>
        = RecvEvent<'a, T>
    where
        T: 'a;

    fn recv_event(&self) -> RecvEvent<'_, T> {
        RecvEvent::new(self)
    }
}

impl RecvFrom for Signals {
    type Event<'a> = SignalEvent<'a>;

    fn recv_event(&self) -> SignalEvent<'_> {
        SignalEvent::new(self)
    }
}

/// What `send(..)` can send to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to",
    label = "not the sending end of a channel",
    note = "pass the `Sender` half"
)]
pub trait SendTo {
    /// The messages.
    type Message;

    /// The event of getting the right to send one.
    #[doc(hidden)]
    fn send_event(&self) -> SendEvent<'_, Self::Message>;
}

impl<T> SendTo for Sender<T> {
    type Message = T;

    fn send_event(&self) -> SendEvent<'_, T> {
        SendEvent::new(self)
    }
}

/// What `wait(..)` can wait for.
#[diagnostic::on_unimplemented(
    message = "`wait` cannot wait for `{Self}`",
    label = "not a flag, token, notification or child process",
    note = "a `Barrier` cannot be an arm, as its wait cannot be taken back"
)]
pub trait Waitable {
    /// The event.
    type Event<'a>: RawEvent + Finish<Output = ()>
    where
        Self: 'a;

    /// The event.
    #[doc(hidden)]
    fn wait_event(&self) -> Self::Event<'_>;
}

impl Waitable for SyncFlag {
    type Event<'a> = FlagEvent<'a>;

    fn wait_event(&self) -> FlagEvent<'_> {
        FlagEvent::new(self)
    }
}

impl Waitable for CancelToken {
    type Event<'a> = FlagEvent<'a>;

    fn wait_event(&self) -> FlagEvent<'_> {
        FlagEvent::of_token(self)
    }
}

impl Waitable for Notify {
    type Event<'a> = NotifyEvent<'a>;

    fn wait_event(&self) -> NotifyEvent<'_> {
        NotifyEvent::new(self)
    }
}

impl Waitable for Child {
    type Event<'a> = ExitEvent<'a>;

    fn wait_event(&self) -> ExitEvent<'_> {
        ExitEvent::new(self)
    }
}

/// What `join(..)` can join.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be joined",
    label = "not the handle of a coroutine"
)]
pub trait Joinable {
    /// What the coroutine returns.
    type Value;

    /// The event of the coroutine's end.
    #[doc(hidden)]
    fn join_event(&mut self) -> JoinEvent<'_, Self::Value>;
}

impl<T> Joinable for JoinHandle<T> {
    type Value = T;

    fn join_event(&mut self) -> JoinEvent<'_, T> {
        JoinEvent::new(self)
    }
}

impl<T> Joinable for ScopedJoinHandle<'_, T> {
    type Value = T;

    fn join_event(&mut self) -> JoinEvent<'_, T> {
        JoinEvent::new(self.handle())
    }
}

/// The event of receiving from `from`.
pub fn recv<'a, R>(from: R) -> Option<<R::Thing as RecvFrom>::Event<'a>>
where
    R: Reach<'a, Thing: RecvFrom>,
{
    from.reach().map(RecvFrom::recv_event)
}

/// The event of getting the right to send to `to`.
pub fn send<'a, R>(to: R) -> Option<SendEvent<'a, <R::Thing as SendTo>::Message>>
where
    R: Reach<'a, Thing: SendTo>,
{
    to.reach().map(SendTo::send_event)
}

/// The event of a flag, a token, a notification or a process.
pub fn wait<'a, R>(of: R) -> Option<<R::Thing as Waitable>::Event<'a>>
where
    R: Reach<'a, Thing: Waitable>,
{
    of.reach().map(Waitable::wait_event)
}

/// The event of a token's being cancelled.
pub fn cancelled_by<'a>(token: impl Reach<'a, Thing = CancelToken>) -> Option<FlagEvent<'a>> {
    token.reach().map(FlagEvent::of_token)
}

/// The event of taking a permit.
pub fn acquire<'a>(semaphore: impl Reach<'a, Thing = Semaphore>) -> Option<AcquireEvent<'a>> {
    acquire_many(semaphore, 1)
}

/// The event of taking several permits at once.
pub fn acquire_many<'a>(
    semaphore: impl Reach<'a, Thing = Semaphore>,
    permits: usize,
) -> Option<AcquireEvent<'a>> {
    let semaphore = semaphore.reach()?;
    Some(AcquireEvent::new(semaphore, permits))
}

/// The event of taking a lock.
pub fn lock<'a, T: ?Sized + 'a>(
    lock: impl Reach<'a, Thing = Mutex<T>>,
) -> Option<LockEvent<'a, T>> {
    lock.reach().map(LockEvent::new)
}

/// The event of a coroutine's end.
pub fn join<'a, H>(handle: H) -> Option<JoinEvent<'a, <H::Thing as Joinable>::Value>>
where
    H: ReachMut<'a, Thing: Joinable>,
{
    handle.reach_mut().map(Joinable::join_event)
}

/// The event of an interval's next tick.
pub fn tick<'a>(interval: impl ReachMut<'a, Thing = Interval>) -> Option<TickEvent<'a>> {
    interval.reach_mut().map(TickEvent::new)
}

/// The event of the next connection.
pub fn accept<L: AcceptFrom + ?Sized>(listener: &L) -> Option<IoEvent<'_, L::Connection>> {
    listener.accept_event()
}

/// The event of reading something.
pub fn read<'a>(
    stream: &'a (impl ReadFrom + ?Sized),
    buffer: &'a mut [u8],
) -> Option<IoEvent<'a, usize>> {
    stream.read_event(buffer)
}

/// The event of writing something.
pub fn write<'a>(
    stream: &'a (impl WriteTo + ?Sized),
    buffer: &'a [u8],
) -> Option<IoEvent<'a, usize>> {
    stream.write_event(buffer)
}

/// The event of there being something to read.
pub fn readable(stream: &(impl ReadFrom + ?Sized)) -> Option<IoEvent<'_, ()>> {
    stream.readable_event()
}

/// The event of there being room to write.
pub fn writable(stream: &(impl WriteTo + ?Sized)) -> Option<IoEvent<'_, ()>> {
    stream.writable_event()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::time::Duration;

    use crate::process::{ExitEvent, told_by_signal};
    use crate::select::{Mode, after, select};
    use crate::spawn::{scope, spawn};

    #[test]
    fn several_wait_for_a_child_of_whose_end_only_a_signal_tells() {
        let rounds = spawn(|| {
            for _ in 0..50 {
                let mut child = told_by_signal();
                let mut time = after(Duration::from_millis(1));
                let mut exit = ExitEvent::new(&child);
                let won = select(&mut [&mut exit, &mut time], Mode::Fair);
                assert_eq!(won, Some(1), "it lives");
                drop(exit);
                let closed = AtomicBool::new(false);
                let stdin = child.stdin.take();
                scope(|scope| {
                    for _ in 0..3 {
                        scope.spawn(|| {
                            let mut exit = ExitEvent::new(&child);
                            assert_eq!(select(&mut [&mut exit], Mode::Fair), Some(0));
                            assert!(closed.load(SeqCst));
                        });
                    }
                    crate::park::yield_now();
                    closed.store(true, SeqCst);
                    drop(stdin);
                });
                assert!(child.wait().unwrap().success());
            }
        });
        rounds.join().unwrap();
    }
}
