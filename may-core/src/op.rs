//! Operations: the calls that block, as values that have not happened yet.
//!
//! What an operation is, and the ways in which one is waited for, is in [`Operation`]. Here is a
//! function for each call of May that can be taken back: what has not happened leaves no trace.
//!
//! | operation | happens when | outcome |
//! |---|---|---|
//! | [`recv`]`(&receiver)` | there is a message, a signal, or the other side has gone | that |
//! | [`send`]`(&sender, message)` | the message is in the channel, or with a receiver | `Err` with the message if all receivers have gone |
//! | [`reserve`]`(&sender)` | there is room | the right to send, without waiting |
//! | [`changed`]`(&watcher)` | the watched value is one that was not seen | |
//! | [`closed`]`(&sender)` | the receivers have gone | |
//! | [`lock`]`(&mutex)` | it is free | the guard |
//! | [`read_lock`]`(&lock)`, [`write_lock`]`(&lock)` | the lock admits it | the guard |
//! | [`acquire`]`(&semaphore)`, [`acquire_many`], [`acquire_owned`] | the permits are there | the permit |
//! | [`wait`]`(&flag)` | a flag is raised, a token cancelled, a notification comes, a child ends; another has set up what is set up once | the value of a `OnceLock` or a `LazyLock` |
//! | [`join`]`(&mut handle)` | the coroutine has ended | its result |
//! | [`join_next`]`(&mut group)` | a coroutine of the group has ended, or there are none | its result |
//! | [`after`]`(duration)`, [`at`]`(instant)` | the time has come | |
//! | [`tick`]`(&mut interval)` | the next tick is due | its time |
//! | [`accept`]`(&listener)` | a connection is there | it, and the peer's address |
//! | [`read`]`(&stream, &mut buffer)`, [`write()`]`(&stream, &buffer)` | some bytes were moved | how many |
//! | [`read_vectored`]`(&stream, &mut buffers)`, [`write_vectored`]`(&stream, &buffers)` | some bytes were moved | how many |
//! | [`peek`]`(&stream, &mut buffer)` | there are bytes, which stay there | how many |
//! | [`recv_from`]`(&socket, &mut buffer)` | a datagram is there | its length, and the sender's address |
//! | [`send_to`]`(&socket, &buffer, address)` | there is room for a datagram | its length |
//! | [`connect`]`(address)` | the connection is open | the stream |
//! | [`readable`]`(&stream)`, [`writable`]`(&stream)` | a call would not wait | |
//! | [`when`]`(&signal, f)` | `f` returns something | that |
//! | [`first`]`((a, b, ..))`, [`first_of`]`(all)` | the first of them happens | its outcome |
//! | [`guard`]`(f)` | the operation that `f` makes, when it is waited for, happens | its outcome |
//! | [`never()`] | never | |

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::channel::{Receiver, RecvError, SendError, Sender};
use crate::io::{AcceptFrom, DatagramIo, PeekIo, ReadFrom, WriteTo};
use crate::net::{self, TcpStream};
use crate::process::{Child, Exited};
use crate::reactor::Direction;
use crate::signal::Signals;
use crate::spawn::{JoinHandle, ScopedJoinHandle, TaskGroup};
use crate::sync::{
    Arc, CancelToken, LazyLock, Mutex, Notify, Once, OnceLock, RwLock, Semaphore, SyncFlag,
    broadcast, mpmc, mpsc, oneshot, spsc, watch,
};
use crate::sys::buffer::ReadBuffer;
use crate::time::Interval;
use crate::util::clock::Deadline;

pub use crate::channel::{Recv, Reserve, SendMessage, SendRight};
pub use crate::io::{IoCall, IoOperation, Ready, Transfer};
pub use crate::operation::{
    Boxed, Caller, First, Guard, Map, Needs, OpFuture, Operation, Parts, Registration, Row, Signal,
    When, first, first_of, guard, when, when_any,
};
pub use crate::signal::NextSignal;
pub use crate::spawn::{JoinNext, Joined};
pub use crate::sync::{
    Acquire, AcquireOwned, Completed, Filled, Lock, Made, Notified, Raised, ReadLock, WriteLock,
};
pub use crate::time::{After, Tick};

/// Receiving a message, or a signal.
///
/// # Examples
///
/// ```
/// use may::{channel::unbounded, op::{self, Operation}};
///
/// let (sender, receiver) = unbounded();
/// sender.send(1).unwrap();
/// assert_eq!(op::recv(&receiver).try_now(), Some(Ok(1)));
/// assert_eq!(op::recv(&receiver).try_now(), None);
/// ```
pub fn recv<R: RecvFrom + ?Sized>(receiver: &R) -> R::Operation<'_> {
    receiver.recv_operation()
}

/// Sending a message. The message comes back if all receivers have gone. If the operation has not
/// happened the message is dropped with it. (A future on a rendezvous channel may be dropped when a
/// receiver has just taken its message.)
///
/// # Examples
///
/// ```
/// use may::{channel::bounded, op::{self, Operation}};
///
/// let (sender, receiver) = bounded(1);
/// assert_eq!(op::send(&sender, 1).try_now(), Some(Ok(())));
/// assert_eq!(op::send(&sender, 2).try_now(), None);
/// assert_eq!(receiver.recv(), Ok(1));
/// ```
pub fn send<S: SendTo + ?Sized>(sender: &S, message: S::Message) -> S::Operation<'_> {
    sender.send_operation(message)
}

/// What [`send`] can send to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to",
    label = "not the sending end of a channel",
    note = "pass the `Sender` half"
)]
pub trait SendTo {
    /// The messages.
    type Message;
    /// The operation of sending a message.
    type Operation<'a>: Operation
    where
        Self: 'a;
    /// The operation of getting the right to send one.
    type Reserve<'a>: Operation
    where
        Self: 'a;

    /// The operation of sending a message.
    #[doc(hidden)]
    fn send_operation(&self, message: Self::Message) -> Self::Operation<'_>;

    /// The operation of getting the right to send one.
    #[doc(hidden)]
    fn reserve_operation(&self) -> Self::Reserve<'_>;
}

impl<T> SendTo for Sender<T> {
    type Message = T;
    type Operation<'a>
        = SendMessage<'a, T>
    where
        T: 'a;
    type Reserve<'a>
        = Reserve<'a, T>
    where
        T: 'a;

    #[inline]
    fn send_operation(&self, message: T) -> SendMessage<'_, T> {
        SendMessage::new(self, message)
    }

    fn reserve_operation(&self) -> Reserve<'_, T> {
        Reserve::new(self)
    }
}

/// What sending is with the errors of std.
type SendWithStdError<'a, T> =
    Map<SendMessage<'a, T>, fn(Result<(), SendError<T>>) -> Result<(), mpsc::SendError<T>>>;
/// What getting the right to send is with them.
type ReserveWithStdError<'a, T> = Map<Reserve<'a, T>, fn(SendRight<T>) -> mpsc::SendRight<T>>;

/// Implements [`SendTo`] for what is a thin layer over the general sender.
macro_rules! send_to {
    ($($sender:ty),+) => {$(
        #[diagnostic::do_not_recommend]
        impl<T> SendTo for $sender {
            type Message = T;
            type Operation<'a>
                = SendWithStdError<'a, T>
            where
                T: 'a;
            type Reserve<'a>
                = ReserveWithStdError<'a, T>
            where
                T: 'a;

            fn send_operation(&self, message: T) -> SendWithStdError<'_, T> {
                let send = SendMessage::new(self.inner(), message);
                send.map(|sent| sent.map_err(|error| mpsc::SendError(error.into_inner())))
            }

            fn reserve_operation(&self) -> ReserveWithStdError<'_, T> {
                Reserve::new(self.inner()).map(mpsc::SendRight::new)
            }
        }
    )+};
}

send_to!(mpsc::Sender<T>, mpsc::SyncSender<T>, mpmc::Sender<T>);

/// Getting the right to send a message that is made later: a slot of the channel or, in a
/// rendezvous channel, a receiver that waits for the message and for nothing else. The right gives
/// itself back when it is dropped.
///
/// # Examples
///
/// ```
/// use may::{channel::bounded, op::{self, Operation}};
///
/// let (sender, receiver) = bounded(1);
/// let right = op::reserve(&sender).wait();
/// right.send("made only when there was room").unwrap();
/// assert!(receiver.recv().is_ok());
/// ```
pub fn reserve<S: SendTo + ?Sized>(sender: &S) -> S::Reserve<'_> {
    sender.reserve_operation()
}

/// What `recv(..)` can receive from.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be received from",
    label = "not the receiving end of a channel",
    note = "pass the `Receiver` half"
)]
pub trait RecvFrom {
    /// The operation.
    type Operation<'a>: Operation
    where
        Self: 'a;

    /// The operation of receiving something.
    #[doc(hidden)]
    fn recv_operation(&self) -> Self::Operation<'_>;
}

impl<T> RecvFrom for Receiver<T> {
    type Operation<'a>
        = Recv<'a, T>
    where
        T: 'a;

    #[inline]
    fn recv_operation(&self) -> Recv<'_, T> {
        Recv::new(self)
    }
}

/// What a message is with the errors of std.
type WithStdError<'a, T> =
    Map<Recv<'a, T>, fn(Result<T, RecvError>) -> Result<T, std::sync::mpsc::RecvError>>;

impl<T> RecvFrom for mpsc::Receiver<T> {
    type Operation<'a>
        = WithStdError<'a, T>
    where
        T: 'a;

    fn recv_operation(&self) -> WithStdError<'_, T> {
        Recv::new(self.inner()).map(|received| received.map_err(|RecvError| mpsc::RecvError))
    }
}

impl<T> RecvFrom for mpmc::Receiver<T> {
    type Operation<'a>
        = WithStdError<'a, T>
    where
        T: 'a;

    fn recv_operation(&self) -> WithStdError<'_, T> {
        Recv::new(self.inner()).map(|received| received.map_err(|RecvError| mpmc::RecvError))
    }
}

impl<T> RecvFrom for spsc::Receiver<T> {
    type Operation<'a>
        = spsc::Recv<T, &'a spsc::Receiver<T>>
    where
        T: 'a;

    fn recv_operation(&self) -> spsc::Recv<T, &spsc::Receiver<T>> {
        spsc::Recv::new(self)
    }
}

impl<T> RecvFrom for oneshot::Receiver<T> {
    type Operation<'a>
        = oneshot::Recv<T, &'a oneshot::Receiver<T>>
    where
        T: 'a;

    fn recv_operation(&self) -> oneshot::Recv<T, &oneshot::Receiver<T>> {
        oneshot::Recv::new(self)
    }
}

impl<T: Clone> RecvFrom for broadcast::Receiver<T> {
    type Operation<'a>
        = broadcast::Recv<'a, T>
    where
        T: 'a;

    fn recv_operation(&self) -> broadcast::Recv<'_, T> {
        broadcast::Recv::new(self)
    }
}

impl RecvFrom for Signals {
    type Operation<'a> = NextSignal<'a>;

    fn recv_operation(&self) -> NextSignal<'_> {
        NextSignal::new(self)
    }
}

/// A change of a watched value, which counts as seen then. An error if all senders have gone.
pub fn changed<T>(receiver: &watch::Receiver<T>) -> watch::Changed<'_, T> {
    watch::Changed::new(receiver)
}

/// The receivers' having gone, of a [`oneshot`] or a [`watch`] channel.
pub fn closed<S: Closable>(sender: &S) -> S::Operation<'_> {
    sender.closed_operation()
}

/// What [`closed`] can wait for.
#[diagnostic::on_unimplemented(
    message = "nobody can wait until the other side of `{Self}` has gone",
    label = "not the sender of a `oneshot` or a `watch` channel"
)]
pub trait Closable {
    /// The operation.
    type Operation<'a>: Operation<Output = ()>
    where
        Self: 'a;

    /// The operation.
    #[doc(hidden)]
    fn closed_operation(&self) -> Self::Operation<'_>;
}

impl<T> Closable for watch::Sender<T> {
    type Operation<'a>
        = watch::Closed<'a, T>
    where
        T: 'a;

    fn closed_operation(&self) -> watch::Closed<'_, T> {
        watch::Closed::new(self)
    }
}

impl<T> Closable for oneshot::Sender<T> {
    type Operation<'a>
        = oneshot::Closed<'a, T>
    where
        T: 'a;

    fn closed_operation(&self) -> oneshot::Closed<'_, T> {
        oneshot::Closed::new(self)
    }
}

/// Taking a lock. The outcome is that of [`Mutex::lock`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use may::{op::{self, Operation}, sync::Mutex};
///
/// let lock = Mutex::new(5);
/// let held = lock.lock().unwrap();
/// assert!(op::lock(&lock).wait_timeout(Duration::from_millis(1)).is_none());
/// drop(held);
/// assert_eq!(*op::lock(&lock).wait().unwrap(), 5);
/// ```
pub fn lock<T: ?Sized>(lock: &Mutex<T>) -> Lock<'_, T> {
    Lock::new(lock)
}

/// Taking a right to read. The outcome is that of [`RwLock::read`].
pub fn read_lock<T: ?Sized>(lock: &RwLock<T>) -> ReadLock<'_, T> {
    ReadLock::new(lock)
}

/// Taking the right to write. The outcome is that of [`RwLock::write`].
pub fn write_lock<T: ?Sized>(lock: &RwLock<T>) -> WriteLock<'_, T> {
    WriteLock::new(lock)
}

/// Taking a permit.
pub fn acquire(semaphore: &Semaphore) -> Acquire<'_> {
    acquire_many(semaphore, 1)
}

/// Taking `n` permits at once.
pub fn acquire_many(semaphore: &Semaphore, n: usize) -> Acquire<'_> {
    Acquire::new(semaphore, n)
}

/// Taking `n` permits at once that do not borrow.
pub fn acquire_owned(semaphore: Arc<Semaphore>, n: usize) -> AcquireOwned {
    AcquireOwned::new(semaphore, n)
}

/// Waiting for a [`SyncFlag`], a [`CancelToken`], a [`Notify`] or
/// the end of a [`Child`], whose status [`Child::wait`] returns at once then; or until another
/// has filled a [`OnceLock`], or made the value of a [`LazyLock`], or run a [`Once`].
///
/// The outcome is the value for a [`OnceLock`] and a [`LazyLock`], and `()` for the others. An
/// initializer that panics leaves a [`OnceLock`] empty, and the wait goes on; for a [`LazyLock`]
/// and a [`Once`] the wait ends with a panic, as each use of them does from then on. The operation
/// runs no initializer: of a [`LazyLock`] that is never used it never happens.
///
/// # Examples
///
/// ```
/// use may::{coroutine::scope, op::{self, Operation}, sync::SyncFlag};
///
/// let started = SyncFlag::new();
/// scope(|s| {
///     s.spawn(|| op::wait(&started).wait());
///     started.fire();
/// });
/// ```
pub fn wait<W: Waitable + ?Sized>(of: &W) -> W::Operation<'_> {
    of.wait_operation()
}

/// What `wait(..)` can wait for.
#[diagnostic::on_unimplemented(
    message = "`wait` cannot wait for `{Self}`",
    label = "not a flag, token, notification, child process or what is set up once",
    note = "a `Barrier` cannot be an arm, as its wait cannot be taken back"
)]
pub trait Waitable {
    /// The operation.
    type Operation<'a>: Operation
    where
        Self: 'a;

    /// The operation.
    #[doc(hidden)]
    fn wait_operation(&self) -> Self::Operation<'_>;
}

impl Waitable for SyncFlag {
    type Operation<'a> = Raised<'a>;

    fn wait_operation(&self) -> Raised<'_> {
        Raised::new(self)
    }
}

impl Waitable for CancelToken {
    type Operation<'a> = Raised<'a>;

    fn wait_operation(&self) -> Raised<'_> {
        Raised::new(self.flag())
    }
}

impl Waitable for Notify {
    type Operation<'a> = Notified<'a>;

    fn wait_operation(&self) -> Notified<'_> {
        Notified::new(self)
    }
}

impl Waitable for Child {
    type Operation<'a> = Map<Exited<'a>, fn(std::io::Result<()>)>;

    fn wait_operation(&self) -> Self::Operation<'_> {
        // Waiting for the child tells what is wrong, if something is.
        Exited::new(self).map(drop)
    }
}

impl Waitable for Once {
    type Operation<'a> = Completed<'a>;

    fn wait_operation(&self) -> Completed<'_> {
        Completed::new(self)
    }
}

impl<T> Waitable for OnceLock<T> {
    type Operation<'a>
        = Filled<'a, T>
    where
        T: 'a;

    fn wait_operation(&self) -> Filled<'_, T> {
        Filled::new(self)
    }
}

impl<T, F> Waitable for LazyLock<T, F> {
    type Operation<'a>
        = Made<'a, T, F>
    where
        T: 'a,
        F: 'a;

    fn wait_operation(&self) -> Made<'_, T, F> {
        Made::new(self)
    }
}

/// The end of the next member of a group. The outcome is that of [`TaskGroup::join_next`].
///
/// # Examples
///
/// ```
/// use may::{coroutine::TaskGroup, op::{self, Operation}, sync::CancelToken};
///
/// let stop = CancelToken::new();
/// let mut group = TaskGroup::new();
/// group.spawn(|| 6 * 7);
/// let next = op::first((
///     op::join_next(&mut group),
///     op::wait(&stop).map(|()| None),
/// ));
/// assert_eq!(next.wait().unwrap().unwrap(), 42);
/// ```
pub fn join_next<T>(group: &mut TaskGroup<T>) -> JoinNext<'_, T> {
    JoinNext::new(group)
}

/// What `join(..)` can join.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be joined",
    label = "not the handle of a coroutine"
)]
pub trait Joinable {
    /// What the coroutine returns.
    type Value;

    /// The operation of the coroutine's end.
    #[doc(hidden)]
    fn join_operation(&mut self) -> Joined<Self::Value, &mut JoinHandle<Self::Value>>;
}

impl<T> Joinable for JoinHandle<T> {
    type Value = T;

    fn join_operation(&mut self) -> Joined<T, &mut JoinHandle<T>> {
        Joined::new(self)
    }
}

impl<T> Joinable for ScopedJoinHandle<'_, T> {
    type Value = T;

    fn join_operation(&mut self) -> Joined<T, &mut JoinHandle<T>> {
        Joined::new(self.handle())
    }
}

/// The end of a coroutine. The handle can be joined as long as the operation has not happened.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use may::{coroutine, op::{self, Operation}};
///
/// let mut handle = coroutine::spawn(coroutine::park);
/// assert!(op::join(&mut handle).wait_timeout(Duration::from_millis(1)).is_none());
/// handle.coroutine().unpark();
/// op::join(&mut handle).wait().unwrap();
/// ```
pub fn join<H: Joinable>(handle: &mut H) -> Joined<H::Value, &mut JoinHandle<H::Value>> {
    handle.join_operation()
}

/// A time that comes `duration` after this call. One that begins when it is waited for is made by
/// [`guard`].
pub fn after(duration: Duration) -> After {
    After::new(Deadline::after(duration))
}

/// A time.
pub fn at(instant: Instant) -> After {
    After::new(Deadline::at(instant))
}

/// The next tick of an interval.
pub fn tick(interval: &mut Interval) -> Tick<'_> {
    Tick::new(interval)
}

/// What never happens.
pub fn never() -> After {
    After::new(Deadline::NEVER)
}

/// The next connection. Unlike the listener's `accept`, it does not wait when there are no
/// descriptors left, but is an error then.
///
/// # Panics
///
/// Panics if the listener is an `Option` that is `None`.
pub fn accept<L: AcceptFrom + ?Sized>(
    listener: &L,
) -> IoOperation<'_, impl IoCall<Output = L::Connection>> {
    listener.accept_operation().expect(MISSING)
}

/// Reading as much as there is, into `buffer`; from a socket of datagrams, receiving one.
///
/// # Panics
///
/// Panics if the stream is an `Option` that is `None`.
pub fn read<'a, S: ReadFrom + ?Sized>(
    stream: &'a S,
    buffer: &'a mut [u8],
) -> IoOperation<'a, Transfer<'a, S::Raw, ReadBuffer<'a>>> {
    stream.reader().expect(MISSING).read_operation(buffer)
}

/// Writing as much of `buffer` as there is room for; to a socket of datagrams, sending one.
///
/// # Panics
///
/// Panics if the stream is an `Option` that is `None`.
pub fn write<'a, S: WriteTo + ?Sized>(
    stream: &'a S,
    buffer: &'a [u8],
) -> IoOperation<'a, Transfer<'a, S::Raw, &'a [u8]>> {
    stream.writer().expect(MISSING).write_operation(buffer)
}

/// Reading into several buffers, one after the other; otherwise as [`read`].
///
/// # Panics
///
/// Panics if the stream is an `Option` that is `None`.
pub fn read_vectored<'a, 'b, S: ReadFrom + ?Sized>(
    stream: &'a S,
    buffers: &'a mut [IoSliceMut<'b>],
) -> IoOperation<'a, Transfer<'a, S::Raw, &'a mut [IoSliceMut<'b>]>> {
    let reader = stream.reader().expect(MISSING);
    reader.read_vectored_operation(buffers)
}

/// Writing from several buffers, one after the other; otherwise as [`write()`].
///
/// # Panics
///
/// Panics if the stream is an `Option` that is `None`.
pub fn write_vectored<'a, 'b, S: WriteTo + ?Sized>(
    stream: &'a S,
    buffers: &'a [IoSlice<'b>],
) -> IoOperation<'a, Transfer<'a, S::Raw, &'a [IoSlice<'b>]>> {
    let writer = stream.writer().expect(MISSING);
    writer.write_vectored_operation(buffers)
}

/// Reading from a [`TcpStream`], or receiving from a [`UdpSocket`](net::UdpSocket), without taking
/// away what is read: the next read finds it again.
///
/// # Panics
///
/// Panics if the stream is an `Option` that is `None`.
///
/// # Examples
///
/// ```
/// use may::net::{TcpListener, TcpStream};
/// use may::op::{self, Operation};
/// use std::io::Write;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut client = TcpStream::connect(listener.local_addr()?)?;
/// let (server, _) = listener.accept()?;
/// client.write_all(b"x")?;
/// let mut byte = [0];
/// assert_eq!(op::peek(&server, &mut byte).wait()?, 1);
/// assert_eq!(op::read(&server, &mut byte).wait()?, 1);
/// # std::io::Result::Ok(())
/// ```
pub fn peek<'a, S: ReadFrom<Raw: PeekIo> + ?Sized>(
    stream: &'a S,
    buffer: &'a mut [u8],
) -> IoOperation<'a, Transfer<'a, S::Raw, ReadBuffer<'a>>> {
    stream.reader().expect(MISSING).peek_operation(buffer)
}

/// Receiving a datagram. The outcome is how long it is, and where it comes from. What does not fit
/// into the buffer is lost.
///
/// # Panics
///
/// Panics if the socket is an `Option` that is `None`.
///
/// # Examples
///
/// ```
/// use may::net::UdpSocket;
/// use may::op::{self, Operation};
/// use std::time::Duration;
///
/// let socket = UdpSocket::bind("127.0.0.1:0")?;
/// let (myself, mut buffer) = (socket.local_addr()?, [0; 16]);
/// let soon = Duration::from_millis(1);
/// assert!(op::recv_from(&socket, &mut buffer).wait_timeout(soon).is_none());
///
/// assert_eq!(op::send_to(&socket, b"word", myself).wait()?, 4);
/// assert_eq!(op::recv_from(&socket, &mut buffer).wait()?, (4, myself));
/// # std::io::Result::Ok(())
/// ```
pub fn recv_from<'a, S: ReadFrom<Raw: DatagramIo> + ?Sized>(
    socket: &'a S,
    buffer: &'a mut [u8],
) -> IoOperation<'a, impl IoCall<Output = (usize, <S::Raw as DatagramIo>::Address)>> {
    let reader = socket.reader().expect(MISSING);
    reader.receive_from_operation(buffer)
}

/// Sending a datagram to an address. The outcome is its length. It happens when there is room for
/// the datagram; within the machine, in the socket that has the address.
///
/// # Panics
///
/// Panics if the socket is an `Option` that is `None`.
///
/// # Examples
///
/// See [`recv_from`].
pub fn send_to<'a, S: WriteTo<Raw: DatagramIo> + ?Sized>(
    socket: &'a S,
    buffer: &'a [u8],
    address: <S::Raw as DatagramIo>::Address,
) -> <S::Raw as DatagramIo>::SendTo<'a> {
    let descriptor = socket.writer().expect(MISSING);
    DatagramIo::send_to_operation(descriptor, buffer, address)
}

/// Opening a connection to an address: to that of a TCP listener, a [`SocketAddr`]; on Unix also to
/// the path or the address of a listener within the machine. The outcome is the stream.
///
/// The socket is made by this call and belongs to the operation until that has happened. If it has
/// not happened, the socket is closed with the operation.
///
/// A host name is no address, because looking one up blocks a thread:
/// [`to_socket_addrs`](crate::net::ToSocketAddrs::to_socket_addrs) makes addresses of one.
///
/// # Examples
///
/// ```
/// use may::net::TcpListener;
/// use may::op::{self, Operation};
/// use std::io;
/// use std::time::Duration;
///
/// let listeners = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
/// let [one, other] = [listeners[0].local_addr()?, listeners[1].local_addr()?];
/// // Whichever answers first.
/// let first = op::first((op::connect(one), op::connect(other)));
/// let stream = first.wait_timeout(Duration::from_secs(5)).expect("one of them answers")?;
/// assert!([one, other].contains(&stream.peer_addr()?));
/// # io::Result::Ok(())
/// ```
pub fn connect<A: ConnectTo>(address: A) -> A::Operation {
    address.connect_operation()
}

/// What [`connect`] can connect to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an address that can be connected to",
    label = "neither a `SocketAddr` nor, on Unix, a path or the address of a Unix socket",
    note = "`to_socket_addrs` makes addresses of a host name"
)]
pub trait ConnectTo {
    /// The stream.
    type Stream;
    /// The operation.
    type Operation: Operation<Output = io::Result<Self::Stream>>;

    /// The operation of connecting.
    #[doc(hidden)]
    fn connect_operation(self) -> Self::Operation;
}

impl ConnectTo for SocketAddr {
    type Stream = TcpStream;
    type Operation = net::Connect;

    fn connect_operation(self) -> net::Connect {
        net::Connect::new(self)
    }
}

#[cfg(unix)]
mod unix {
    use std::path::Path;

    use super::ConnectTo;
    use crate::os::unix::net::{Connect, SocketAddr, UnixStream};

    impl ConnectTo for &SocketAddr {
        type Stream = UnixStream;
        type Operation = Connect;

        fn connect_operation(self) -> Connect {
            Connect::new(Ok(self.clone()))
        }
    }

    impl ConnectTo for &Path {
        type Stream = UnixStream;
        type Operation = Connect;

        fn connect_operation(self) -> Connect {
            Connect::new(SocketAddr::from_pathname(self))
        }
    }
}

/// There being something to read.
///
/// # Panics
///
/// Panics if the stream is an `Option` that is `None`.
pub fn readable<S: ReadFrom + ?Sized>(stream: &S) -> IoOperation<'_, Ready<'_, S::Raw>> {
    stream
        .reader()
        .expect(MISSING)
        .ready_operation(Direction::Read)
}

/// There being room to write.
///
/// # Panics
///
/// Panics if the stream is an `Option` that is `None`.
pub fn writable<S: WriteTo + ?Sized>(stream: &S) -> IoOperation<'_, Ready<'_, S::Raw>> {
    stream
        .writer()
        .expect(MISSING)
        .ready_operation(Direction::Write)
}

/// What is said where there is no stream.
const MISSING: &str =
    "an operation needs its stream or listener, which is `None` here; use `op::never`";
