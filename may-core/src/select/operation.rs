//! From what users write in an arm to the arm: the constructors, and what they can be called with.
//!
//! How an argument leads to what the operation is for is the same for all; see [`super::reach`].
//! Here is what each operation is for. (For those of input and output that is in
//! `io/operation.rs`.)

use std::io::{IoSlice, IoSliceMut};

use super::arm::OpArm;
use super::reach::{Reach, ReachMut};
use crate::io::{
    AcceptFrom, DatagramIo, IoCall, IoOperation, PeekIo, ReadFrom, Ready, Transfer, WriteTo,
};
use crate::op::{Closable, ConnectTo, Joinable, RecvFrom, SendTo, Waitable};
use crate::operation::Operation;
use crate::reactor::Direction;
use crate::spawn::{JoinHandle, JoinNext, Joined, TaskGroup};
use crate::sync::{
    Acquire, AcquireOwned, Arc, CancelToken, Lock, Mutex, Raised, ReadLock, RwLock, Semaphore,
    WriteLock, watch,
};
use crate::sys::buffer::ReadBuffer;
use crate::time::{Interval, Tick};

/// An operation as an arm, which may be missing.
type Arm<O> = Option<OpArm<O>>;

/// The arm of receiving from `from`.
#[inline]
pub fn recv<'a, R>(from: R) -> Arm<<R::Thing as RecvFrom>::Operation<'a>>
where
    R: Reach<'a, Thing: RecvFrom>,
{
    Some(OpArm::new(from.reach()?.recv_operation()))
}

/// The arm of getting the right to send to `to`, which the value of `send(..)` uses up.
pub fn reserve<'a, R>(to: R) -> Arm<<R::Thing as SendTo>::Reserve<'a>>
where
    R: Reach<'a, Thing: SendTo>,
{
    Some(OpArm::new(to.reach()?.reserve_operation()))
}

/// The arm of the receivers' having gone.
pub fn closed<'a, R>(sender: R) -> Arm<<R::Thing as Closable>::Operation<'a>>
where
    R: Reach<'a, Thing: Closable>,
{
    Some(OpArm::new(sender.reach()?.closed_operation()))
}

/// The arm of a flag, a token, a notification or a process.
pub fn wait<'a, R>(of: R) -> Arm<<R::Thing as Waitable>::Operation<'a>>
where
    R: Reach<'a, Thing: Waitable>,
{
    Some(OpArm::new(of.reach()?.wait_operation()))
}

/// The arm of a token's being cancelled.
pub fn cancelled_by<'a>(token: impl Reach<'a, Thing = CancelToken>) -> Arm<Raised<'a>> {
    Some(OpArm::new(Raised::new(token.reach()?.flag())))
}

/// The arm of taking a permit.
pub fn acquire<'a>(semaphore: impl Reach<'a, Thing = Semaphore>) -> Arm<Acquire<'a>> {
    acquire_many(semaphore, 1)
}

/// The arm of taking several permits at once.
pub fn acquire_many<'a>(
    semaphore: impl Reach<'a, Thing = Semaphore>,
    permits: usize,
) -> Arm<Acquire<'a>> {
    Some(OpArm::new(Acquire::new(semaphore.reach()?, permits)))
}

/// What leads to a semaphore that is counted, so that its permits need not borrow from it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an `Arc<Semaphore>`",
    label = "permits that do not borrow need one",
    note = "`acquire(semaphore)` is for permits that borrow"
)]
pub trait CountedSemaphore {
    /// A reference of its own, if it is there.
    #[doc(hidden)]
    fn counted(&self) -> Option<Arc<Semaphore>>;
}

impl CountedSemaphore for Arc<Semaphore> {
    fn counted(&self) -> Option<Arc<Semaphore>> {
        Some(self.clone())
    }
}

#[diagnostic::do_not_recommend]
impl<S: CountedSemaphore + ?Sized> CountedSemaphore for &S {
    fn counted(&self) -> Option<Arc<Semaphore>> {
        (**self).counted()
    }
}

#[diagnostic::do_not_recommend]
impl<S: CountedSemaphore> CountedSemaphore for Option<S> {
    fn counted(&self) -> Option<Arc<Semaphore>> {
        self.as_ref()?.counted()
    }
}

/// The arm of taking a permit that does not borrow.
pub fn acquire_owned(semaphore: &impl CountedSemaphore) -> Arm<AcquireOwned> {
    acquire_many_owned(semaphore, 1)
}

/// The arm of taking several such permits at once.
pub fn acquire_many_owned(semaphore: &impl CountedSemaphore, permits: usize) -> Arm<AcquireOwned> {
    Some(OpArm::new(AcquireOwned::new(semaphore.counted()?, permits)))
}

/// The arm of taking a lock.
pub fn lock<'a, T: ?Sized + 'a>(lock: impl Reach<'a, Thing = Mutex<T>>) -> Arm<Lock<'a, T>> {
    Some(OpArm::new(Lock::new(lock.reach()?)))
}

/// The arm of taking a right to read.
pub fn read_lock<'a, T: ?Sized + 'a>(
    lock: impl Reach<'a, Thing = RwLock<T>>,
) -> Arm<ReadLock<'a, T>> {
    Some(OpArm::new(ReadLock::new(lock.reach()?)))
}

/// The arm of taking the right to write.
pub fn write_lock<'a, T: ?Sized + 'a>(
    lock: impl Reach<'a, Thing = RwLock<T>>,
) -> Arm<WriteLock<'a, T>> {
    Some(OpArm::new(WriteLock::new(lock.reach()?)))
}

/// The arm of a change of a watched value.
pub fn changed<'a, T: 'a>(
    receiver: impl Reach<'a, Thing = watch::Receiver<T>>,
) -> Arm<watch::Changed<'a, T>> {
    Some(OpArm::new(watch::Changed::new(receiver.reach()?)))
}

/// The arm of a coroutine's end.
pub fn join<'a, H, T: 'a>(handle: H) -> Arm<Joined<T, &'a mut JoinHandle<T>>>
where
    H: ReachMut<'a, Thing: Joinable<Value = T>>,
{
    Some(OpArm::new(handle.reach_mut()?.join_operation()))
}

/// The arm of the next end in a group.
pub fn join_next<'a, T: 'a>(
    group: impl ReachMut<'a, Thing = TaskGroup<T>>,
) -> Arm<JoinNext<'a, T>> {
    Some(OpArm::new(JoinNext::new(group.reach_mut()?)))
}

/// The arm of an interval's next tick.
pub fn tick<'a>(interval: impl ReachMut<'a, Thing = Interval>) -> Arm<Tick<'a>> {
    Some(OpArm::new(Tick::new(interval.reach_mut()?)))
}

/// The arm of the next connection.
pub fn accept<L: AcceptFrom + ?Sized>(
    listener: &L,
) -> Arm<IoOperation<'_, impl IoCall<Output = L::Connection>>> {
    Some(OpArm::new(listener.accept_operation()?))
}

/// The arm of reading something.
pub fn read<'a, S: ReadFrom + ?Sized>(
    stream: &'a S,
    buffer: &'a mut [u8],
) -> Arm<IoOperation<'a, Transfer<'a, S::Raw, ReadBuffer<'a>>>> {
    Some(OpArm::new(stream.reader()?.read_operation(buffer)))
}

/// The arm of writing something.
pub fn write<'a, S: WriteTo + ?Sized>(
    stream: &'a S,
    buffer: &'a [u8],
) -> Arm<IoOperation<'a, Transfer<'a, S::Raw, &'a [u8]>>> {
    Some(OpArm::new(stream.writer()?.write_operation(buffer)))
}

/// The arm of reading into several buffers.
pub fn read_vectored<'a, 'b, S: ReadFrom + ?Sized>(
    stream: &'a S,
    buffers: &'a mut [IoSliceMut<'b>],
) -> Arm<IoOperation<'a, Transfer<'a, S::Raw, &'a mut [IoSliceMut<'b>]>>> {
    let reader = stream.reader()?;
    Some(OpArm::new(reader.read_vectored_operation(buffers)))
}

/// The arm of writing from several buffers.
pub fn write_vectored<'a, 'b, S: WriteTo + ?Sized>(
    stream: &'a S,
    buffers: &'a [IoSlice<'b>],
) -> Arm<IoOperation<'a, Transfer<'a, S::Raw, &'a [IoSlice<'b>]>>> {
    let writer = stream.writer()?;
    Some(OpArm::new(writer.write_vectored_operation(buffers)))
}

/// The arm of reading what stays there.
pub fn peek<'a, S: ReadFrom<Raw: PeekIo> + ?Sized>(
    stream: &'a S,
    buffer: &'a mut [u8],
) -> Arm<IoOperation<'a, Transfer<'a, S::Raw, ReadBuffer<'a>>>> {
    Some(OpArm::new(stream.reader()?.peek_operation(buffer)))
}

/// The arm of receiving a datagram and its sender's address.
pub fn recv_from<'a, S: ReadFrom<Raw: DatagramIo> + ?Sized>(
    socket: &'a S,
    buffer: &'a mut [u8],
) -> Arm<IoOperation<'a, impl IoCall<Output = (usize, <S::Raw as DatagramIo>::Address)>>> {
    Some(OpArm::new(socket.reader()?.receive_from_operation(buffer)))
}

/// The arm of sending a datagram to an address.
pub fn send_to<'a, S: WriteTo<Raw: DatagramIo> + ?Sized>(
    socket: &'a S,
    buffer: &'a [u8],
    address: <S::Raw as DatagramIo>::Address,
) -> Arm<<S::Raw as DatagramIo>::SendTo<'a>> {
    let send = DatagramIo::send_to_operation(socket.writer()?, buffer, address);
    Some(OpArm::new(send))
}

/// The arm of opening a connection.
pub fn connect<A: ConnectTo>(address: A) -> Arm<A::Operation> {
    Some(OpArm::new(address.connect_operation()))
}

/// The arm of there being something to read.
pub fn readable<S: ReadFrom + ?Sized>(stream: &S) -> Arm<IoOperation<'_, Ready<'_, S::Raw>>> {
    let descriptor = stream.reader()?;
    Some(OpArm::new(descriptor.ready_operation(Direction::Read)))
}

/// The arm of there being room to write.
pub fn writable<S: WriteTo + ?Sized>(stream: &S) -> Arm<IoOperation<'_, Ready<'_, S::Raw>>> {
    let descriptor = stream.writer()?;
    Some(OpArm::new(descriptor.ready_operation(Direction::Write)))
}

/// The arm of any operation.
pub fn on<O: IntoArm<K>, K>(operation: O) -> Option<OpArm<O::Operation>> {
    operation.into_arm()
}

/// What `on(..)` can wait for: an operation, or an `Option` of one.
///
/// There are two implementations for all types, which differ in `K`. So rustc has to look which one
/// holds; with one it would take that for granted, and complain at each use of its operation.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something `select!` can wait on",
    label = "not an operation",
    note = "operations are made by the functions of `may::op`, as in `op::recv(&receiver)`",
    note = "or write `run(..)` to run blocking code as an arm"
)]
pub trait IntoArm<K> {
    /// The operation.
    type Operation: Operation;

    #[doc(hidden)]
    fn into_arm(self) -> Option<OpArm<Self::Operation>>;
}

/// For an operation.
#[derive(Debug)]
pub struct There;

#[diagnostic::do_not_recommend]
impl<O: Operation> IntoArm<There> for O {
    type Operation = O;

    fn into_arm(self) -> Option<OpArm<O>> {
        Some(OpArm::new(self))
    }
}

/// For one that may be missing.
#[derive(Debug)]
pub struct MayBeMissing;

#[diagnostic::do_not_recommend]
impl<M: Missing> IntoArm<MayBeMissing> for M {
    type Operation = M::Operation;

    fn into_arm(self) -> Option<OpArm<M::Operation>> {
        self.operation().map(OpArm::new)
    }
}

/// An operation that may be missing.
pub trait Missing {
    /// The operation.
    type Operation: Operation;

    #[doc(hidden)]
    fn operation(self) -> Option<Self::Operation>;
}

impl<O: Operation> Missing for Option<O> {
    type Operation = O;

    fn operation(self) -> Option<O> {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::time::Duration;

    use std::pin::pin;

    use crate::operation::Operation;
    use crate::process::{Exited, told_by_signal};
    use crate::select::{Mode, OpArm, after, select};
    use crate::spawn::{scope, spawn};

    #[test]
    fn several_wait_for_a_child_of_whose_end_only_a_signal_tells() {
        let rounds = spawn(|| {
            for _ in 0..50 {
                let mut child = told_by_signal();
                {
                    let time = pin!(after(Duration::from_millis(1)));
                    let exit = pin!(OpArm::new(Exited::new(&child)));
                    let won = select(&mut [exit, time], Mode::Fair);
                    assert_eq!(won, Some(1), "it lives");
                }
                let closed = AtomicBool::new(false);
                let stdin = child.stdin.take();
                scope(|scope| {
                    for _ in 0..3 {
                        scope.spawn(|| {
                            Exited::new(&child).wait().unwrap();
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
