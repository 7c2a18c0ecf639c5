//! From what users write in an arm to an event.

use std::sync::Arc;

use crate::channel::{Receiver, RecvEvent, SendEvent, Sender};
use crate::event::{Finish, RawEvent};
use crate::io::event::IoEvent;
use crate::io::{AcceptFrom, ReadFrom, WriteTo};
use crate::process::{Child, ExitEvent};
use crate::signal::{SignalEvent, Signals};
use crate::spawn::{JoinEvent, JoinHandle};
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

    /// The event of receiving something, if the receiver is there.
    #[doc(hidden)]
    fn recv_event(&self) -> Option<Self::Event<'_>>;
}

impl<T> RecvFrom for Receiver<T> {
    type Event<'a>
        = RecvEvent<'a, T>
    where
        T: 'a;

    fn recv_event(&self) -> Option<RecvEvent<'_, T>> {
        Some(RecvEvent::new(self))
    }
}

impl RecvFrom for Signals {
    type Event<'a> = SignalEvent<'a>;

    fn recv_event(&self) -> Option<SignalEvent<'_>> {
        Some(SignalEvent::new(self))
    }
}

/// What `send(..)` can send to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to",
    label = "not the sending end of a channel",
    note = "pass the `Sender` half"
)]
pub trait SendTo<'a> {
    /// The messages.
    type Message;

    /// The sender, if it is there.
    #[doc(hidden)]
    fn sender(self) -> Option<&'a Sender<Self::Message>>;
}

impl<'a, T> SendTo<'a> for &'a Sender<T> {
    type Message = T;

    fn sender(self) -> Option<&'a Sender<T>> {
        Some(self)
    }
}

/// Implements [`SendTo`] for references to pointers. The right to send outlives what the arm's argument has created, so it borrows
/// from as far inside as it can: from a reference to a reference to a sender, the sender.
macro_rules! send_through {
    ($([$($lifetime:lifetime)?] $pointer:ty, $inner:lifetime);+) => {
        $(
            impl<'a, 'outer, $($lifetime,)? R: ?Sized> SendTo<'a> for &'outer $pointer
            where
                &$inner R: SendTo<'a>,
            {
                type Message = <&$inner R as SendTo<'a>>::Message;

                fn sender(self) -> Option<&'a Sender<Self::Message>> {
                    let inner: &$inner R = self;
                    inner.sender()
                }
            }
        )+
    };
}

send_through!(['inner] &'inner R, 'inner; ['inner] &'inner mut R, 'outer; [] Arc<R>, 'outer);

impl<'a, 'outer, R> SendTo<'a> for &'outer Option<R>
where
    &'outer R: SendTo<'a>,
{
    type Message = <&'outer R as SendTo<'a>>::Message;

    fn sender(self) -> Option<&'a Sender<Self::Message>> {
        self.as_ref()?.sender()
    }
}

/// Receives through what leads to a receiver.
macro_rules! recv_through {
    ($([$($bound:tt)*] $pointer:ty, $this:ident => $inner:expr;)+) => {
        $(
            impl<R: RecvFrom $($bound)*> RecvFrom for $pointer {
                type Event<'a>
                    = R::Event<'a>
                where
                    Self: 'a;

                fn recv_event(&self) -> Option<R::Event<'_>> {
                    let $this = self;
                    $inner.recv_event()
                }
            }
        )+
    };
}

recv_through! {
    [+ ?Sized] &R, this => (**this);
    [+ ?Sized] &mut R, this => (**this);
    [+ ?Sized] Arc<R>, this => (**this);
    [] Option<R>, this => this.as_ref()?;
}

/// The event of receiving from `from`.
pub fn recv<R: RecvFrom + ?Sized>(from: &R) -> Option<R::Event<'_>> {
    from.recv_event()
}

/// The event of getting the right to send to `to`.
pub fn send<'a, S: SendTo<'a>>(to: S) -> Option<SendEvent<'a, S::Message>> {
    to.sender().map(SendEvent::new)
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

    /// The event, if what it waits for is there.
    #[doc(hidden)]
    fn event(&self) -> Option<Self::Event<'_>>;
}

impl Waitable for SyncFlag {
    type Event<'a> = FlagEvent<'a>;

    fn event(&self) -> Option<FlagEvent<'_>> {
        Some(FlagEvent::new(self))
    }
}

impl Waitable for CancelToken {
    type Event<'a> = FlagEvent<'a>;

    fn event(&self) -> Option<FlagEvent<'_>> {
        Some(FlagEvent::of_token(self))
    }
}

impl Waitable for Notify {
    type Event<'a> = NotifyEvent<'a>;

    fn event(&self) -> Option<NotifyEvent<'_>> {
        Some(NotifyEvent::new(self))
    }
}

impl Waitable for Child {
    type Event<'a> = ExitEvent<'a>;

    fn event(&self) -> Option<ExitEvent<'_>> {
        Some(ExitEvent::new(self))
    }
}

impl<W: Waitable + ?Sized> Waitable for &W {
    type Event<'a>
        = W::Event<'a>
    where
        Self: 'a;

    fn event(&self) -> Option<W::Event<'_>> {
        (**self).event()
    }
}

impl<W: Waitable + ?Sized> Waitable for Arc<W> {
    type Event<'a>
        = W::Event<'a>
    where
        Self: 'a;

    fn event(&self) -> Option<W::Event<'_>> {
        (**self).event()
    }
}

impl<W: Waitable> Waitable for Option<W> {
    type Event<'a>
        = W::Event<'a>
    where
        Self: 'a;

    fn event(&self) -> Option<W::Event<'_>> {
        self.as_ref()?.event()
    }
}

/// A reference to something that is there or not, through which what the arm gets may borrow: from as far inside as it can, since a
/// permit or a guard outlives what the arm's argument has created.
pub trait Reach<'a, T: ?Sized> {
    /// What is there.
    #[doc(hidden)]
    fn reach(self) -> Option<&'a T>;
}

impl<'a, T: ?Sized> Reach<'a, T> for &'a T {
    fn reach(self) -> Option<&'a T> {
        Some(self)
    }
}

impl<'a, T: ?Sized> Reach<'a, T> for &'_ &'a T {
    fn reach(self) -> Option<&'a T> {
        Some(*self)
    }
}

impl<'a, T: ?Sized> Reach<'a, T> for &'a Arc<T> {
    fn reach(self) -> Option<&'a T> {
        Some(self)
    }
}

impl<'a, T: ?Sized> Reach<'a, T> for &'_ &'a Arc<T> {
    fn reach(self) -> Option<&'a T> {
        Some(*self)
    }
}

impl<'a, T> Reach<'a, T> for &'a Option<T> {
    fn reach(self) -> Option<&'a T> {
        self.as_ref()
    }
}

impl<'a, T: ?Sized> Reach<'a, T> for &'_ Option<&'a T> {
    fn reach(self) -> Option<&'a T> {
        *self
    }
}

/// The event of a flag, a token or a notification.
pub fn wait<W: Waitable + ?Sized>(of: &W) -> Option<W::Event<'_>> {
    of.event()
}

/// The event of a token's being cancelled.
pub fn cancelled_by<'a>(token: impl Reach<'a, CancelToken>) -> Option<FlagEvent<'a>> {
    token.reach().map(FlagEvent::of_token)
}

/// The event of taking a permit.
pub fn acquire<'a>(semaphore: impl Reach<'a, Semaphore>) -> Option<AcquireEvent<'a>> {
    acquire_many(semaphore, 1)
}

/// The event of taking several permits at once.
pub fn acquire_many<'a>(
    semaphore: impl Reach<'a, Semaphore>,
    permits: usize,
) -> Option<AcquireEvent<'a>> {
    let semaphore = semaphore.reach()?;
    Some(AcquireEvent::new(semaphore, permits))
}

/// The event of taking a lock.
pub fn lock<'a, T: ?Sized + 'a>(lock: impl Reach<'a, Mutex<T>>) -> Option<LockEvent<'a, T>> {
    lock.reach().map(LockEvent::new)
}

/// The event of a coroutine's end.
pub fn join<T>(handle: &mut JoinHandle<T>) -> Option<JoinEvent<'_, T>> {
    Some(JoinEvent::new(handle))
}

/// The event of an interval's next tick.
pub fn tick(interval: &mut Interval) -> Option<TickEvent<'_>> {
    Some(TickEvent::new(interval))
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
