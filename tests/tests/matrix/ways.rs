//! Every function that blocks, and the ways in which the same can be waited for: each row is a
//! test, and a line of `docs/operations.md`.
//!
//! A function whose documentation has a section on cancellation is in a row, or in [`OTHERS`] with
//! the reason why there is no operation for it.

use std::collections::BTreeSet;
use std::io::{IoSliceMut, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use may::channel::{self, bounded};
use may::coroutine::{self, JoinHandle, TaskGroup, spawn};
use may::future::{block_on, timeout};
use may::net::{TcpListener, TcpStream, UdpSocket};
use may::op::Select;
use may::op::{self, Operation};
use may::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use may::select;
use may::sync::{
    Arc, CancelToken, LazyLock, Mutex, Notify, Once, OnceLock, RwLock, Semaphore, SyncFlag,
    broadcast, mpmc, mpsc, oneshot, spsc, watch,
};
use may_tests::everywhere;
use may_tests::net::{Temporary, pair};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::documented::Documented;
use crate::rows::ELSEWHERE;

/// Longer than it takes to see that nothing happens.
const SOON: Duration = Duration::from_millis(1);

/// How often an operation happens after it was made possible once.
#[derive(PartialEq)]
enum Happens {
    /// What it takes is gone then.
    Once,
    /// What it waits for stays, or comes back with what it gives.
    Again,
}

/// A line of the documentation.
struct Line {
    /// The functions that the row covers, as [`Documented`] names them.
    covers: &'static [&'static str],
    blocks: &'static str,
    deadline: &'static str,
    tries: &'static str,
    awaited: &'static str,
    operation: &'static str,
    arm: &'static str,
}

/// One test, and one line, for each operation. `$state` makes what is waited for, `$operation` the
/// operation on it, and `$ready` lets it happen once.
macro_rules! ways {
    ($(
        $name:ident {
            covers: [$($covers:literal),* $(,)?],
            blocks: $blocks:literal,
            deadline: $deadline:literal,
            tries: $tries:literal,
            awaited: $awaited:literal,
            operation: $written:literal,
            arm: $arm:literal,
            happens: $happens:ident,
            state: $state:expr,
            wait: |$s:ident| $operation:expr,
            ready: |$r:ident| $ready:expr,
        }
    )+) => {
        const LINES: &[Line] = &[$(
            Line {
                covers: &[$($covers),*],
                blocks: $blocks,
                deadline: $deadline,
                tries: $tries,
                awaited: $awaited,
                operation: $written,
                arm: $arm,
            },
        )+];

        $(
            #[test]
            #[allow(unused_mut, unused_variables, reason = "not every operation changes its state")]
            fn $name() {
                everywhere(|_| {
                    // It cannot happen, and has not.
                    {
                        let mut state = $state;
                        let $s = &mut state;
                        assert!($operation.try_now().is_none());
                        assert!($operation.wait_timeout(SOON).is_none());
                        assert!($operation.wait_until(Instant::now() + SOON).is_none());
                        assert!(block_on(timeout(SOON, $operation)).is_err());
                        let first = op::first((
                            $operation.map(|_| true),
                            op::guard(|| op::after(SOON)).map(|()| false),
                        ));
                        assert!(!first.wait());
                        select! {
                            _ = on($operation) => panic!("it cannot happen"),
                            after(SOON) => {}
                        }
                    }
                    // It can, and happens once, in whatever way.
                    for way in 0..7 {
                        let mut state = $state;
                        {
                            let $r = &mut state;
                            $ready;
                        }
                        let $s = &mut state;
                        match way {
                            0 => happened($operation.wait()),
                            1 => happened($operation.wait_timeout(may_tests::HANG_AFTER).unwrap()),
                            2 => {
                                let deadline = Instant::now() + may_tests::HANG_AFTER;
                                happened($operation.wait_until(deadline).unwrap());
                            }
                            3 => may_tests::eventually("it happens", || {
                                $operation.try_now().is_some()
                            }),
                            4 => happened(block_on(async { $operation.await })),
                            5 => select! { _ = on($operation) => {} },
                            _ => {
                                let first = op::first_of([$operation]);
                                assert_eq!(first.wait().0, 0);
                            }
                        }
                        if Happens::$happens == Happens::Once {
                            let $s = &mut state;
                            assert!($operation.try_now().is_none(), "it happens once");
                        }
                    }
                });
            }
        )+
    };
}

/// Takes an outcome, whatever it is.
fn happened<T>(_: T) {}

/// A lock that is held.
fn held<L: 'static, G>(lock: L, hold: fn(&'static L) -> G) -> (&'static L, Option<G>) {
    let lock = Box::leak(Box::new(lock));
    (lock, Some(hold(lock)))
}

/// A socket of datagrams that has no room for another one.
struct FullReceiver {
    receiver: UnixDatagram,
    sender: UnixDatagram,
    _path: Temporary,
}

impl FullReceiver {
    fn new() -> FullReceiver {
        let path = Temporary::new();
        let receiver = UnixDatagram::bind(&path.0).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let full = FullReceiver {
            receiver,
            sender,
            _path: path,
        };
        while let Some(sent) = op::send_to(&full.sender, b"word", full.address()).try_now() {
            assert_eq!(sent.unwrap(), 4);
        }
        full
    }

    fn address(&self) -> may::os::unix::net::SocketAddr {
        self.receiver.local_addr().unwrap()
    }
}

/// A listener that has no room for another connection.
struct FullListener {
    listener: TcpListener,
    address: SocketAddr,
    _waiting: TcpStream,
}

impl FullListener {
    fn new() -> FullListener {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).unwrap();
        socket.listen(0).unwrap();
        let listener = TcpListener::try_from(std::net::TcpListener::from(socket)).unwrap();
        let address = listener.local_addr().unwrap();
        FullListener {
            _waiting: TcpStream::connect(address).unwrap(),
            listener,
            address,
        }
    }
}

/// The same within the machine.
struct FullUnixListener {
    listener: UnixListener,
    path: Temporary,
    _waiting: UnixStream,
}

impl FullUnixListener {
    fn new() -> FullUnixListener {
        let path = Temporary::new();
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.bind(&SockAddr::unix(&path.0).unwrap()).unwrap();
        socket.listen(0).unwrap();
        let listener = std::os::unix::net::UnixListener::from(OwnedFd::from(socket));
        FullUnixListener {
            _waiting: UnixStream::connect(&path.0).unwrap(),
            listener: UnixListener::try_from(listener).unwrap(),
            path,
        }
    }
}

ways! {
    receiving {
        covers: [
            "channel/receiver.rs Receiver::recv",
            "channel/receiver.rs Receiver::recv_timeout",
            "channel/receiver.rs Receiver::recv_deadline",
        ],
        blocks: "`channel::Receiver::recv`",
        deadline: "`recv_timeout`, `recv_deadline`",
        tries: "`try_recv`",
        awaited: "`recv_async`",
        operation: "`op::recv(&rx)`",
        arm: "`recv(rx)`",
        happens: Once,
        state: bounded::<u32>(1),
        wait: |s| op::recv(&s.1),
        ready: |s| s.0.try_send(1).unwrap(),
    }
    sending {
        covers: [
            "channel/sender.rs Sender::send",
            "channel/sender.rs Sender::send_timeout",
            "channel/sender.rs Sender::send_deadline",
        ],
        blocks: "`channel::Sender::send`",
        deadline: "`send_timeout`, `send_deadline`",
        tries: "`try_send`",
        awaited: "`send_async`",
        operation: "`op::send(&tx, message)`",
        arm: "`send(tx, message)`",
        happens: Once,
        state: {
            let (tx, rx) = bounded(1);
            tx.send(0).unwrap();
            (tx, rx)
        },
        wait: |s| op::send(&s.0, 1),
        ready: |s| assert!(s.1.try_recv().is_ok()),
    }
    reserving {
        covers: [
            "channel/sender.rs Sender::reserve",
            "channel/sender.rs Sender::reserve_timeout",
            "channel/sender.rs Sender::reserve_deadline",
        ],
        blocks: "`channel::Sender::reserve`",
        deadline: "`reserve_timeout`, `reserve_deadline`",
        tries: "`try_reserve`",
        awaited: "–",
        operation: "`op::reserve(&tx)`",
        arm: "`reserve(tx)`, `send(tx, message)`",
        happens: Again,
        state: {
            let (tx, rx) = bounded(1);
            tx.send(0).unwrap();
            (tx, rx)
        },
        wait: |s| op::reserve(&s.0),
        ready: |s| assert!(s.1.try_recv().is_ok()),
    }
    receiving_of_mpsc {
        covers: [
            "sync/mpsc.rs Receiver::recv",
            "sync/mpsc.rs Receiver::recv_timeout",
            "sync/mpsc.rs Receiver::recv_deadline",
        ],
        blocks: "`mpsc::Receiver::recv`",
        deadline: "`recv_timeout`, `recv_deadline`",
        tries: "`try_recv`",
        awaited: "`recv_async`",
        operation: "`op::recv(&rx)`",
        arm: "`recv(rx)`",
        happens: Once,
        state: mpsc::channel::<u32>(),
        wait: |s| op::recv(&s.1),
        ready: |s| s.0.send(1).unwrap(),
    }
    sending_of_mpsc {
        covers: [
            "sync/mpsc.rs SyncSender::send",
            "sync/mpsc.rs SyncSender::send_timeout",
            "sync/mpsc.rs SyncSender::send_deadline",
        ],
        blocks: "`mpsc::SyncSender::send`",
        deadline: "`send_timeout`, `send_deadline`",
        tries: "`try_send`",
        awaited: "`send_async`",
        operation: "`op::send(&tx, message)`",
        arm: "`send(tx, message)`",
        happens: Once,
        state: {
            let (tx, rx) = mpsc::sync_channel(1);
            tx.send(0).unwrap();
            (tx, rx)
        },
        wait: |s| op::send(&s.0, 1),
        ready: |s| assert!(s.1.try_recv().is_ok()),
    }
    receiving_of_mpmc {
        covers: [
            "sync/mpmc.rs Receiver::recv",
            "sync/mpmc.rs Receiver::recv_timeout",
            "sync/mpmc.rs Receiver::recv_deadline",
        ],
        blocks: "`mpmc::Receiver::recv`",
        deadline: "`recv_timeout`, `recv_deadline`",
        tries: "`try_recv`",
        awaited: "`recv_async`",
        operation: "`op::recv(&rx)`",
        arm: "`recv(rx)`",
        happens: Once,
        state: mpmc::channel::<u32>(),
        wait: |s| op::recv(&s.1),
        ready: |s| s.0.send(1).unwrap(),
    }
    sending_of_mpmc {
        covers: [
            "sync/mpmc.rs Sender::send",
            "sync/mpmc.rs Sender::send_timeout",
            "sync/mpmc.rs Sender::send_deadline",
        ],
        blocks: "`mpmc::Sender::send`",
        deadline: "`send_timeout`, `send_deadline`",
        tries: "`try_send`",
        awaited: "–",
        operation: "`op::send(&tx, message)`",
        arm: "`send(tx, message)`",
        happens: Once,
        state: {
            let (tx, rx) = mpmc::sync_channel(1);
            tx.send(0).unwrap();
            (tx, rx)
        },
        wait: |s| op::send(&s.0, 1),
        ready: |s| assert!(s.1.try_recv().is_ok()),
    }
    receiving_of_spsc {
        covers: [
            "sync/spsc.rs Receiver::recv",
            "sync/spsc.rs Receiver::recv_timeout",
            "sync/spsc.rs Receiver::recv_deadline",
        ],
        blocks: "`spsc::Receiver::recv`",
        deadline: "`recv_timeout`, `recv_deadline`",
        tries: "`try_recv`",
        awaited: "`recv_async`",
        operation: "`op::recv(&rx)`",
        arm: "`recv(rx)`",
        happens: Once,
        state: spsc::channel::<u32>(),
        wait: |s| op::recv(&s.1),
        ready: |s| s.0.send(1).unwrap(),
    }
    receiving_of_oneshot {
        covers: [
            "sync/oneshot.rs Receiver::recv",
            "sync/oneshot.rs Receiver::recv_timeout",
            "sync/oneshot.rs Receiver::recv_deadline",
        ],
        blocks: "`oneshot::Receiver::recv`",
        deadline: "`recv_timeout`, `recv_deadline`",
        tries: "`try_recv`",
        awaited: "`rx.await`, `recv_async`",
        operation: "`op::recv(&rx)`",
        arm: "`recv(rx)`",
        happens: Again,
        state: {
            let (tx, rx) = oneshot::channel::<u32>();
            (Some(tx), rx)
        },
        wait: |s| op::recv(&s.1),
        ready: |s| s.0.take().unwrap().send(1).unwrap(),
    }
    the_end_of_a_oneshot {
        covers: [
            "sync/oneshot.rs Sender::wait_closed",
            "sync/oneshot.rs Sender::wait_closed_timeout",
            "sync/oneshot.rs Sender::wait_closed_deadline",
        ],
        blocks: "`oneshot::Sender::wait_closed`",
        deadline: "`wait_closed_timeout`, `wait_closed_deadline`",
        tries: "`is_closed`",
        awaited: "–",
        operation: "`op::closed(&tx)`",
        arm: "`closed(tx)`",
        happens: Again,
        state: {
            let (tx, rx) = oneshot::channel::<u32>();
            (tx, Some(rx))
        },
        wait: |s| op::closed(&s.0),
        ready: |s| s.1 = None,
    }
    receiving_of_broadcast {
        covers: [
            "sync/broadcast.rs Receiver::recv",
            "sync/broadcast.rs Receiver::recv_timeout",
            "sync/broadcast.rs Receiver::recv_deadline",
        ],
        blocks: "`broadcast::Receiver::recv`",
        deadline: "`recv_timeout`, `recv_deadline`",
        tries: "`try_recv`",
        awaited: "`recv_async`",
        operation: "`op::recv(&rx)`",
        arm: "`recv(rx)`",
        happens: Once,
        state: broadcast::channel::<u32>(4),
        wait: |s| op::recv(&s.1),
        ready: |s| assert_eq!(s.0.send(1).unwrap(), 1),
    }
    changes_of_watch {
        covers: [
            "sync/watch.rs Receiver::changed",
            "sync/watch.rs Receiver::changed_timeout",
            "sync/watch.rs Receiver::changed_deadline",
        ],
        blocks: "`watch::Receiver::changed`",
        deadline: "`changed_timeout`, `changed_deadline`",
        tries: "`has_changed`",
        awaited: "`changed_async`",
        operation: "`op::changed(&rx)`",
        arm: "`changed(rx)`",
        happens: Once,
        state: watch::channel(0),
        wait: |s| op::changed(&s.1),
        ready: |s| s.0.send(1).unwrap(),
    }
    the_end_of_watch {
        covers: [
            "sync/watch.rs Sender::wait_closed",
            "sync/watch.rs Sender::wait_closed_timeout",
            "sync/watch.rs Sender::wait_closed_deadline",
        ],
        blocks: "`watch::Sender::wait_closed`",
        deadline: "`wait_closed_timeout`, `wait_closed_deadline`",
        tries: "`is_closed`",
        awaited: "–",
        operation: "`op::closed(&tx)`",
        arm: "`closed(tx)`",
        happens: Again,
        state: {
            let (tx, rx) = watch::channel(0);
            (tx, Some(rx))
        },
        wait: |s| op::closed(&s.0),
        ready: |s| s.1 = None,
    }
    a_mutex {
        covers: [
            "sync/mutex.rs Mutex::lock",
            "sync/mutex.rs Mutex::lock_timeout",
            "sync/mutex.rs Mutex::lock_deadline",
        ],
        blocks: "`Mutex::lock`",
        deadline: "`lock_timeout`, `lock_deadline`",
        tries: "`try_lock`",
        awaited: "`lock_async`",
        operation: "`op::lock(&mutex)`",
        arm: "`lock(mutex)`",
        happens: Again,
        state: held(Mutex::new(0), |lock| lock.lock().unwrap()),
        wait: |s| op::lock(s.0),
        ready: |s| s.1 = None,
    }
    reading_a_lock {
        covers: [
            "sync/rwlock/mod.rs RwLock::read",
            "sync/rwlock/mod.rs RwLock::read_timeout",
            "sync/rwlock/mod.rs RwLock::read_deadline",
        ],
        blocks: "`RwLock::read`",
        deadline: "`read_timeout`, `read_deadline`",
        tries: "`try_read`",
        awaited: "`read_async`",
        operation: "`op::read_lock(&lock)`",
        arm: "`read_lock(lock)`",
        happens: Again,
        state: held(RwLock::new(0), |lock| lock.write().unwrap()),
        wait: |s| op::read_lock(s.0),
        ready: |s| s.1 = None,
    }
    writing_a_lock {
        covers: [
            "sync/rwlock/mod.rs RwLock::write",
            "sync/rwlock/mod.rs RwLock::write_timeout",
            "sync/rwlock/mod.rs RwLock::write_deadline",
        ],
        blocks: "`RwLock::write`",
        deadline: "`write_timeout`, `write_deadline`",
        tries: "`try_write`",
        awaited: "`write_async`",
        operation: "`op::write_lock(&lock)`",
        arm: "`write_lock(lock)`",
        happens: Again,
        state: held(RwLock::new(0), |lock| lock.read().unwrap()),
        wait: |s| op::write_lock(s.0),
        ready: |s| s.1 = None,
    }
    permits {
        covers: [
            "sync/semaphore.rs Semaphore::acquire",
            "sync/semaphore.rs Semaphore::acquire_many",
            "sync/semaphore.rs Semaphore::acquire_timeout",
            "sync/semaphore.rs Semaphore::acquire_deadline",
        ],
        blocks: "`Semaphore::acquire`, `acquire_many`",
        deadline: "`acquire_timeout`, `acquire_deadline`",
        tries: "`try_acquire`, `try_acquire_many`",
        awaited: "`acquire_async`, `acquire_many_async`",
        operation: "`op::acquire(&semaphore)`, `op::acquire_many(&semaphore, n)`",
        arm: "`acquire(semaphore)`, `acquire(semaphore, n)`",
        happens: Again,
        state: Semaphore::new(0),
        wait: |s| op::acquire_many(s, 2),
        ready: |s| s.add_permits(2),
    }
    permits_that_do_not_borrow {
        covers: [
            "sync/semaphore.rs Semaphore::acquire_owned",
            "sync/semaphore.rs Semaphore::acquire_many_owned",
            "sync/semaphore.rs Semaphore::acquire_owned_timeout",
            "sync/semaphore.rs Semaphore::acquire_owned_deadline",
        ],
        blocks: "`Semaphore::acquire_owned`, `acquire_many_owned`",
        deadline: "`acquire_owned_timeout`, `acquire_owned_deadline`",
        tries: "`try_acquire_owned`, `try_acquire_many_owned`",
        awaited: "`acquire_owned_async`",
        operation: "`op::acquire_owned(semaphore, n)`",
        arm: "`acquire_owned(semaphore)`, `acquire_owned(semaphore, n)`",
        happens: Again,
        state: Arc::new(Semaphore::new(0)),
        wait: |s| op::acquire_owned(s.clone(), 1),
        ready: |s| s.add_permits(1),
    }
    a_flag {
        covers: [
            "sync/sync_flag.rs SyncFlag::wait",
            "sync/sync_flag.rs SyncFlag::wait_timeout",
            "sync/sync_flag.rs SyncFlag::wait_deadline",
        ],
        blocks: "`SyncFlag::wait`",
        deadline: "`wait_timeout`, `wait_deadline`",
        tries: "`is_fired`",
        awaited: "`wait_async`",
        operation: "`op::wait(&flag)`",
        arm: "`wait(flag)`",
        happens: Again,
        state: SyncFlag::new(),
        wait: |s| op::wait(s),
        ready: |s| s.fire(),
    }
    a_token {
        covers: [
            "sync/cancel_token.rs CancelToken::wait",
            "sync/cancel_token.rs CancelToken::wait_timeout",
            "sync/cancel_token.rs CancelToken::wait_deadline",
        ],
        blocks: "`CancelToken::wait`",
        deadline: "`wait_timeout`, `wait_deadline`",
        tries: "`is_cancelled`",
        awaited: "`wait_async`",
        operation: "`op::wait(&token)`",
        arm: "`cancelled(token)`, `wait(token)`",
        happens: Again,
        state: CancelToken::new(),
        wait: |s| op::wait(s),
        ready: |s| s.cancel(),
    }
    a_notification {
        covers: [
            "sync/notify.rs Notify::wait",
            "sync/notify.rs Notify::wait_timeout",
            "sync/notify.rs Notify::wait_deadline",
        ],
        blocks: "`Notify::wait`",
        deadline: "`wait_timeout`, `wait_deadline`",
        tries: "–",
        awaited: "`wait_async`",
        operation: "`op::wait(&notify)`",
        arm: "`wait(notify)`",
        happens: Once,
        state: Notify::new(),
        wait: |s| op::wait(s),
        ready: |s| s.notify_one(),
    }
    what_is_filled_once {
        covers: [
            "sync/once_lock.rs OnceLock::wait",
            "sync/once_lock.rs OnceLock::wait_timeout",
            "sync/once_lock.rs OnceLock::wait_deadline",
        ],
        blocks: "`OnceLock::wait`",
        deadline: "`wait_timeout`, `wait_deadline`",
        tries: "`get`",
        awaited: "–",
        operation: "`op::wait(&once_lock)`",
        arm: "`wait(once_lock)`",
        happens: Again,
        state: OnceLock::<u32>::new(),
        wait: |s| op::wait(s),
        ready: |s| s.set(1).unwrap(),
    }
    what_another_makes {
        covers: [],
        blocks: "`LazyLock::force`, while another makes the value",
        deadline: "–",
        tries: "`LazyLock::get`",
        awaited: "–",
        operation: "`op::wait(&lazy_lock)`",
        arm: "`wait(lazy_lock)`",
        happens: Again,
        state: <LazyLock<u32>>::new(|| 1),
        wait: |s| op::wait(s),
        ready: |s| assert_eq!(*LazyLock::force(s), 1),
    }
    what_runs_once {
        covers: [
            "sync/once.rs Once::wait",
            "sync/once.rs Once::wait_timeout",
            "sync/once.rs Once::wait_deadline",
        ],
        blocks: "`Once::wait`",
        deadline: "`wait_timeout`, `wait_deadline`",
        tries: "`is_completed`",
        awaited: "–",
        operation: "`op::wait(&once)`",
        arm: "`wait(once)`",
        happens: Again,
        state: Once::new(),
        wait: |s| op::wait(s),
        ready: |s| s.call_once(|| {}),
    }
    the_end_of_a_coroutine {
        covers: [
            "spawn/handle.rs JoinHandle::join",
            "spawn/handle.rs JoinHandle::wait",
            "spawn/scope.rs ScopedJoinHandle::join",
            "spawn/handle.rs JoinHandle::join_timeout",
            "spawn/handle.rs JoinHandle::join_deadline",
            "spawn/handle.rs JoinHandle::wait_timeout",
            "spawn/handle.rs JoinHandle::wait_deadline",
            "spawn/scope.rs ScopedJoinHandle::join_timeout",
            "spawn/scope.rs ScopedJoinHandle::join_deadline",
        ],
        blocks: "`JoinHandle::join`, `wait`",
        deadline: "`join_timeout`, `join_deadline`",
        tries: "`is_finished`",
        awaited: "`handle.await`",
        operation: "`op::join(&mut handle)`",
        arm: "`join(handle)`",
        happens: Again,
        state: {
            let flag = Arc::new(SyncFlag::new());
            let for_child = flag.clone();
            let child: JoinHandle<()> = spawn(move || for_child.wait());
            (flag, child)
        },
        wait: |s| op::join(&mut s.1),
        ready: |s| s.0.fire(),
    }
    the_next_of_a_group {
        covers: [
            "spawn/group.rs TaskGroup::join_next",
            "spawn/group.rs TaskGroup::join_next_timeout",
            "spawn/group.rs TaskGroup::join_next_deadline",
        ],
        blocks: "`TaskGroup::join_next`",
        deadline: "`join_next_timeout`, `join_next_deadline`",
        tries: "`try_join_next`",
        awaited: "–",
        operation: "`op::join_next(&mut group)`",
        arm: "`join_next(group)`",
        happens: Again,
        state: {
            let flag = Arc::new(SyncFlag::new());
            let for_member = flag.clone();
            let mut group = TaskGroup::new();
            group.spawn(move || for_member.wait());
            (flag, group)
        },
        wait: |s| op::join_next(&mut s.1),
        ready: |s| s.0.fire(),
    }
    connections {
        covers: [],
        blocks: "`TcpListener::accept`, `UnixListener::accept`",
        deadline: "–",
        tries: "`set_nonblocking`",
        awaited: "`accept_async`",
        operation: "`op::accept(&listener)`",
        arm: "`accept(listener)`",
        happens: Once,
        state: (TcpListener::bind("127.0.0.1:0").unwrap(), None::<TcpStream>),
        wait: |s| op::accept(&s.0),
        ready: |s| s.1 = Some(TcpStream::connect(s.0.local_addr().unwrap()).unwrap()),
    }
    bytes {
        covers: [],
        blocks: "`Read::read`, of streams",
        deadline: "`set_read_timeout`",
        tries: "`set_nonblocking`",
        awaited: "the traits of tokio and futures",
        operation: "`op::read(&stream, &mut buffer)`",
        arm: "`read(stream, &mut buffer)`",
        happens: Once,
        state: (pair(), [0; 8]),
        wait: |s| op::read(&s.0.0, &mut s.1),
        ready: |s| (&s.0.1).write_all(b"word").unwrap(),
    }
    datagrams {
        covers: [],
        blocks: "`UdpSocket::recv`, `UnixDatagram::recv`",
        deadline: "`set_read_timeout`",
        tries: "`set_nonblocking`",
        awaited: "`poll_recv`",
        operation: "`op::read(&socket, &mut buffer)`",
        arm: "`read(socket, &mut buffer)`",
        happens: Once,
        state: (UdpSocket::bind("127.0.0.1:0").unwrap(), [0; 8]),
        wait: |s| op::read(&s.0, &mut s.1),
        ready: |s| assert_eq!(s.0.send_to(b"word", s.0.local_addr().unwrap()).unwrap(), 4),
    }
    bytes_in_several_buffers {
        covers: [],
        blocks: "`Read::read_vectored`, `Write::write_vectored`, of streams",
        deadline: "`set_read_timeout`, `set_write_timeout`",
        tries: "`set_nonblocking`",
        awaited: "the traits of tokio and futures",
        operation: "`op::read_vectored(&stream, &mut buffers)`, `op::write_vectored(&stream, &buffers)`",
        arm: "`read_vectored(stream, &mut buffers)`, `write_vectored(stream, &buffers)`",
        happens: Once,
        state: (pair(), [(); 2].map(|()| IoSliceMut::new(Box::leak(Box::new([0; 2]))))),
        wait: |s| op::read_vectored(&s.0.0, &mut s.1),
        ready: |s| (&s.0.1).write_all(b"word").unwrap(),
    }
    bytes_that_stay {
        covers: [],
        blocks: "`TcpStream::peek`, `UdpSocket::peek`",
        deadline: "`set_read_timeout`",
        tries: "`set_nonblocking`",
        awaited: "–",
        operation: "`op::peek(&stream, &mut buffer)`",
        arm: "`peek(stream, &mut buffer)`",
        happens: Again,
        state: (pair(), [0; 8]),
        wait: |s| op::peek(&s.0.0, &mut s.1),
        ready: |s| (&s.0.1).write_all(b"word").unwrap(),
    }
    datagrams_and_their_senders {
        covers: [],
        blocks: "`UdpSocket::recv_from`, `UnixDatagram::recv_from`",
        deadline: "`set_read_timeout`",
        tries: "`set_nonblocking`",
        awaited: "`poll_recv_from`",
        operation: "`op::recv_from(&socket, &mut buffer)`",
        arm: "`recv_from(socket, &mut buffer)`",
        happens: Once,
        state: (UdpSocket::bind("127.0.0.1:0").unwrap(), [0; 8]),
        wait: |s| op::recv_from(&s.0, &mut s.1),
        ready: |s| assert_eq!(s.0.send_to(b"word", s.0.local_addr().unwrap()).unwrap(), 4),
    }
    datagrams_to_an_address {
        covers: [],
        blocks: "`UdpSocket::send_to`, `UnixDatagram::send_to_addr`",
        deadline: "`set_write_timeout`",
        tries: "`set_nonblocking`",
        awaited: "`UdpSocket::poll_send_to`",
        operation: "`op::send_to(&socket, &buffer, address)`",
        arm: "`send_to(socket, &buffer, address)`",
        happens: Once,
        state: FullReceiver::new(),
        wait: |s| op::send_to(&s.sender, b"word", s.address()),
        ready: |s| assert_eq!(s.receiver.recv(&mut [0; 8]).unwrap(), 4),
    }
    connecting {
        covers: [],
        blocks: "`TcpStream::connect`, `UnixStream::connect`",
        deadline: "`connect_timeout`",
        tries: "–",
        awaited: "–",
        operation: "`op::connect(address)`",
        arm: "`connect(address)`",
        happens: Once,
        state: FullListener::new(),
        wait: |s| op::connect(s.address),
        ready: |s| drop(s.listener.accept().unwrap()),
    }
    connecting_within_the_machine {
        covers: [],
        blocks: "`UnixStream::connect_addr`",
        deadline: "–",
        tries: "–",
        awaited: "–",
        operation: "`op::connect(&address)`, `op::connect(&*path)`",
        arm: "`connect(address)`",
        happens: Once,
        state: FullUnixListener::new(),
        wait: |s| op::connect(&*s.path.0),
        ready: |s| drop(s.listener.accept().unwrap()),
    }
    readiness {
        covers: [],
        blocks: "`wait_readable`, `wait_writable`",
        deadline: "by an argument",
        tries: "–",
        awaited: "–",
        operation: "`op::readable(&stream)`, `op::writable(&stream)`",
        arm: "`readable(stream)`, `writable(stream)`",
        happens: Again,
        state: pair(),
        wait: |s| op::readable(&s.0),
        ready: |s| (&s.1).write_all(b"word").unwrap(),
    }
    ticks {
        covers: ["time/interval.rs Interval::tick"],
        blocks: "`Interval::tick`",
        deadline: "–",
        tries: "–",
        awaited: "`tick_async`",
        operation: "`op::tick(&mut interval)`",
        arm: "`tick(interval)`",
        happens: Once,
        state: {
            const LONG: Duration = Duration::from_secs(1000);
            may::time::interval_at(Instant::now() + LONG, LONG)
        },
        wait: |s| op::tick(s),
        ready: |s| *s = may::time::interval_at(Instant::now(), Duration::from_secs(1000)),
    }
    something_of_ones_own {
        covers: [],
        blocks: "what a program does by itself",
        deadline: "–",
        tries: "–",
        awaited: "–",
        operation: "`op::when(&signal, take)`",
        arm: "`on(..)`",
        happens: Once,
        state: (op::Signal::new(), std::sync::Mutex::new(None::<u32>)),
        wait: |s| op::when(&s.0, || s.1.lock().unwrap().take()),
        ready: |s| {
            *s.1.lock().unwrap() = Some(1);
            s.0.notify();
        },
    }
}

/// The functions for which there is no operation, and why: the beginnings of their names.
const OTHERS: &[(&str, &str)] = &[
    (
        "channel/sender.rs SendPermit::send",
        "`SendPermit::send`: the slot is there; in a rendezvous channel it is `send`",
    ),
    (
        "channel/clock.rs",
        "the clock's channels are received from by `recv`",
    ),
    (
        "copy/",
        "`copy_bidirectional`: what it has copied cannot be taken back",
    ),
    (
        "future/",
        "`block_on` and `future::spawn`: what a future does between two polls cannot be taken back",
    ),
    (
        "park/mod.rs park",
        "`park`, `park_timeout`: the token belongs to a coroutine or a thread, and a future, which any of them may poll, has none; `op::wait(&notify)` is for several things",
    ),
    ("park/mod.rs yield_now", "`yield_now` waits for nothing"),
    (
        "runtime/",
        "`Runtime::run`, `shutdown`: they end what they wait for",
    ),
    ("select/", "`select!` and `Select` wait for operations"),
    ("serve/", "`serve`: it has served connections"),
    ("spawn/call.rs", "a call with `join` runs a coroutine"),
    (
        "spawn/group.rs TaskGroup::join_all",
        "`TaskGroup::join_all`: `op::join_next(&mut group)` in a loop",
    ),
    (
        "spawn/scope.rs scope",
        "`scope`: its children borrow from the caller, and have to end",
    ),
    ("spawn/join.rs", "`join!`: as `scope`"),
    (
        "sync/barrier.rs",
        "`Barrier::wait`: the last to come cannot end all waits in one step, so an arm that loses to another one may have counted",
    ),
    (
        "sync/condvar.rs",
        "`Condvar::wait`: it gives the lock up, which cannot be taken back",
    ),
    (
        "sync/lazy_lock.rs",
        "`LazyLock::force`, if nobody has made the value: it runs code of the program's",
    ),
    (
        "sync/once.rs Once::call_once",
        "`Once::call_once`, `call_once_force`: they run code of the program's",
    ),
    (
        "sync/once.rs Once::wait_force",
        "`Once::wait_force`: `op::wait(&once_lock)` also waits on if an initializer panics",
    ),
    (
        "sync/once_lock.rs",
        "`OnceLock::get_or_init`, `set`: they run code of the program's",
    ),
    (
        "sync/wait_group.rs",
        "`WaitGroup::wait`: `op::wait(&group.leave())`",
    ),
    (
        "sync/watch.rs Receiver::borrow",
        "`watch::Receiver::borrow`: it waits for a moment, while the value is changed",
    ),
    (
        "sync/watch.rs Receiver::wait_for",
        "`watch::Receiver::wait_for`: `op::changed(&rx)` in a loop",
    ),
    (
        "sync/watch.rs Sender::",
        "`watch::Sender::send`: it waits for a moment, while a receiver borrows the value",
    ),
    (
        "time/mod.rs sleep",
        "`sleep`, `sleep_until`: `op::after(duration)`, `op::at(instant)`",
    ),
    (
        "time/timeout.rs",
        "`timeout`: it runs code of the program's; `op.wait_timeout(duration)` is for an operation",
    ),
    ("coroutine/", "cancellation itself"),
];

/// The table of the documentation.
fn table() -> String {
    let mut table = String::from(
        "| blocks | with a deadline | tries | awaited | operation | arm of `select!` |\n|---|---|---|---|---|---|\n",
    );
    for line in LINES {
        let cells = [
            line.blocks,
            line.deadline,
            line.tries,
            line.awaited,
            line.operation,
            line.arm,
        ];
        table += &format!("| {} |\n", cells.join(" | "));
    }
    table
}

/// The list of what is no operation.
fn list() -> String {
    OTHERS
        .iter()
        .map(|(_, reason)| format!("* {reason}\n"))
        .collect()
}

#[test]
fn the_documentation_has_the_table_and_every_function_is_in_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = root.join("docs/operations.md");
    let document = std::fs::read_to_string(&path).unwrap_or_default();
    // Where a line of the document ends does not matter.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let document = words(&document);
    for part in [table(), list()] {
        assert!(
            document.contains(&words(&part)),
            "docs/operations.md does not have this:\n{part}"
        );
    }
    let mut found = Documented::below(&root.join("may-core/src")).functions;
    let covered: BTreeSet<&str> = LINES.iter().flat_map(|line| line.covers).copied().collect();
    let unknown: Vec<_> = covered
        .iter()
        .filter(|name| !found.contains(**name))
        .collect();
    assert!(
        unknown.is_empty(),
        "rows of functions that do not exist: {unknown:#?}"
    );
    let others = OTHERS.iter().map(|(name, _)| name);
    let others: Vec<&str> = others.chain(ELSEWHERE).copied().collect();
    found.retain(|name| {
        !covered.contains(name.as_str()) && !others.iter().any(|prefix| name.starts_with(prefix))
    });
    assert!(
        found.is_empty(),
        "neither an operation nor a reason: {found:#?}"
    );
}

#[test]
fn a_set_takes_every_operation() {
    let (tx, rx) = channel::unbounded();
    let (lock, flag) = (Mutex::new(0), SyncFlag::new());
    let mut all = Select::biased();
    all.on(|| op::wait(&flag), |()| "flag");
    all.on(|| op::recv(&rx), |_| "message");
    all.on(|| op::lock(&lock), |_| "lock");
    assert_eq!(all.wait().value, "lock");
    tx.send(()).unwrap();
    assert_eq!(all.wait().value, "message");
    flag.fire();
    assert_eq!(all.wait().value, "flag");
    drop(all);
    coroutine::yield_now();
}
