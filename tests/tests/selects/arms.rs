//! `select!` over each operation, in both forms; what the operations do is tested in
//! `operations.rs`.

use std::cell::Cell;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use may::coroutine::{self, JoinHandle, spawn};
use may::net::{TcpListener, TcpStream};
use may::op;
use may::sync::{
    Arc, CancelToken, LazyLock, Mutex, Notify, Once, OnceLock, Semaphore, SyncFlag, WaitGroup,
    mpmc, mpsc, oneshot, watch,
};
use may::time::{Interval, interval};
use may::{channel, select};
use may_tests::{OnDrop, everywhere, on_workers};

const LONG: Duration = Duration::from_secs(30);

#[test]
fn locks_permits_and_flags() {
    everywhere(|_| {
        let (mutex, semaphore, flag) = (Mutex::new(1), Semaphore::new(3), SyncFlag::new());
        let (notify, token) = (Notify::new(), CancelToken::new());
        select! {
            guard = lock(mutex) => *guard.unwrap() += 1,
            after(LONG) => panic!("the lock is free"),
        }
        let one = select! { permit = acquire(semaphore) => permit, after(LONG) => unreachable!() };
        let two =
            select! { permit = semaphore.acquire(2) => permit, after(LONG) => unreachable!() };
        assert_eq!((one.num_permits(), two.num_permits()), (1, 2));
        let taken = select! {
            _ = acquire(semaphore) => true,
            wait(flag) => true,
            wait(notify) => true,
            cancelled(token) => true,
            default => false,
        };
        assert!(!taken);
        flag.fire();
        select! { wait(flag) => {}, after(LONG) => panic!("it is raised") }
        notify.notify_one();
        select! { notify.wait() => {}, after(LONG) => panic!("it was notified") }
        token.cancel();
        select! { cancelled(token) => {}, after(LONG) => panic!("it is cancelled") }
        drop((one, two));
        assert_eq!(*mutex.lock().unwrap(), 2);
    });
}

#[test]
fn joins_and_ticks() {
    everywhere(|_| {
        let mut worker = spawn(|| 7);
        let result = select! { result = join(worker) => result, after(LONG) => unreachable!() };
        assert_eq!(result.unwrap(), 7);
        let mut heartbeat = interval(Duration::from_millis(1));
        let first = select! { now = tick(heartbeat) => now, after(LONG) => unreachable!() };
        let second = select! { now = heartbeat.tick() => now, after(LONG) => unreachable!() };
        assert_eq!(second - first, Duration::from_millis(1));
    });
}

#[test]
fn sending_ends_of_all_kinds() {
    everywhere(|_| {
        let (sync, from_sync) = mpsc::sync_channel(1);
        let (many, from_many) = mpmc::sync_channel(1);
        let (general, from_general) = channel::bounded(1);
        // The errors are those of each sender's own `send`.
        let sent: Result<(), mpsc::SendError<u8>> =
            select! { sent = send(sync, 1) => sent, after(LONG) => unreachable!() };
        assert_eq!(sent, Ok(()));
        let right = select! { right = many.reserve() => right, after(LONG) => unreachable!() };
        assert!(!select! { _ = many.reserve() => true, default => false });
        assert_eq!(right.send(2), Ok(()));
        let right = select! { right = reserve(general) => right, after(LONG) => unreachable!() };
        drop(right);
        let taken = select! {
            biased;
            _ = send(sync, 7) => 1,
            _ = send(many, 7) => 2,
            _ = reserve(many) => 3,
            sent = send(general, 3) => { sent.unwrap(); 4 }
        };
        let received = (from_sync.recv(), from_many.recv(), from_general.recv());
        assert_eq!((taken, received), (4, (Ok(1), Ok(2), Ok(3))));
        drop((from_sync, from_many));
        let gone = select! { sent = sync.send(5) => sent, after(LONG) => unreachable!() };
        assert_eq!(gone, Err(mpsc::SendError(5)));
        let right = select! { right = reserve(many) => right, after(LONG) => unreachable!() };
        assert_eq!(right.send(6), Err(mpmc::SendError(6)));
    });
}

#[test]
fn receivers_that_go() {
    everywhere(|_| {
        let (once, receiver) = oneshot::channel::<u8>();
        let (watched, watcher) = watch::channel(1);
        let closed = select! {
            closed(once) => true,
            watched.closed() => true,
            default => false,
        };
        assert!(!closed);
        drop(receiver);
        select! { closed(once) => {}, closed(watched) => unreachable!() }
        drop(watcher);
        select! { closed(&watched) => {}, after(LONG) => unreachable!() }
    });
}

#[test]
fn permits_that_do_not_borrow() {
    everywhere(|_| {
        let semaphore = Arc::new(Semaphore::new(3));
        let one = select! {
            permit = acquire_owned(semaphore) => permit,
            after(LONG) => unreachable!(),
        };
        let two = select! {
            permit = acquire_owned(Some(&semaphore), 2) => permit,
            after(LONG) => unreachable!(),
        };
        assert_eq!((one.num_permits(), two.num_permits()), (1, 2));
        let taken = select! {
            _ = semaphore.acquire_owned() => true,
            _ = acquire_owned(None::<Arc<Semaphore>>) => true,
            default => false,
        };
        assert!(!taken);
        drop(semaphore);
        drop((one, two));
    });
}

#[test]
fn what_is_set_up_once() {
    everywhere(|_| {
        let (once, lock) = (Once::new(), OnceLock::new());
        let lazy: LazyLock<u32> = LazyLock::new(|| 2);
        let set_up = select! {
            wait(once) => true,
            _ = wait(lock) => true,
            _ = wait(lazy) => true,
            default => false,
        };
        assert!(!set_up, "and an arm makes nothing");
        once.call_once(|| {});
        select! { wait(once) => {}, after(LONG) => unreachable!() }
        lock.set(1).unwrap();
        LazyLock::force(&lazy);
        let value = select! { value = wait(lock) => *value, after(LONG) => unreachable!() };
        let made = select! { value = lazy.wait() => *value, after(LONG) => unreachable!() };
        assert_eq!((value, made), (1, 2));
    });
}

/// What dereferences to what an operation is for is written with an asterisk.
#[test]
fn ends_may_be_behind_types_of_the_users() {
    struct Outlet(mpsc::SyncSender<u8>);
    impl std::ops::Deref for Outlet {
        type Target = mpsc::SyncSender<u8>;
        fn deref(&self) -> &mpsc::SyncSender<u8> {
            &self.0
        }
    }
    everywhere(|_| {
        let (tx, rx) = mpsc::sync_channel(1);
        let outlet = Outlet(tx);
        let make = || Outlet(outlet.0.clone());
        for open in [true, false] {
            let sent = select! {
                sent = send(*outlet, 1) if open => sent,
                sent = send(*make(), 1) if !open => sent,
            };
            assert_eq!((sent, rx.recv()), (Ok(()), Ok(1)));
        }
        let sent = select! { sent = send(*make(), 2) => sent };
        assert_eq!((sent, rx.recv()), (Ok(()), Ok(2)));
    });
}

/// What an operation is for may be a temporary, wherever its outcome does not borrow from it.
#[test]
#[expect(clippy::redundant_closure_call, reason = "such a call is a temporary")]
fn arguments_may_be_temporaries() {
    struct Place {
        ends: (channel::Sender<u8>, channel::Receiver<u8>),
        semaphore: Arc<Semaphore>,
        token: CancelToken,
    }
    impl Place {
        fn outlet(&self) -> channel::Sender<u8> {
            self.ends.0.clone()
        }
        fn inlet(&self) -> Box<channel::Receiver<u8>> {
            Box::new(self.ends.1.clone())
        }
    }
    everywhere(|_| {
        let place = Place {
            ends: channel::bounded(1),
            semaphore: Arc::new(Semaphore::new(0)),
            token: CancelToken::new(),
        };
        let other = place.outlet();
        for open in [true, false] {
            let sent = select! {
                sent = send(place.outlet(), 1) if open => sent,
                sent = send((|| other.clone())(), 1) if !open => sent,
                _ = recv(place.inlet()) => unreachable!(),
                _ = acquire_owned(place.semaphore.clone()) => unreachable!(),
                wait(place.token.child()) => unreachable!(),
                cancelled(place.token.child()) => unreachable!(),
                wait(WaitGroup::new().leave()) if false => unreachable!(),
                _ = join(spawn(coroutine::park)) if false => unreachable!(),
                _ = tick(interval(LONG)) if false => unreachable!(),
            };
            assert_eq!(sent, Ok(()));
            let received = select! {
                received = recv(place.inlet()) => received,
                _ = reserve(place.outlet()) => unreachable!("it is full"),
            };
            assert_eq!(received, Ok(1));
        }
        let right = select! { right = reserve((move || place.outlet())()) => right };
        assert_eq!(right.send(2).map_err(|error| error.into_inner()), Err(2));
    });
}

/// How the thing is held that an operation is for makes no difference, nor whether it is there.
#[test]
fn what_an_operation_is_for_may_be_behind_pointers() {
    everywhere(|_| {
        let semaphore = Some(Arc::new(Semaphore::new(1)));
        let permit =
            select! { permit = acquire(semaphore) => permit, after(LONG) => unreachable!() };
        let (mutex, flag) = (Rc::new(Mutex::new(1)), Box::new(SyncFlag::new()));
        let guard =
            select! { guard = lock(&mutex) => guard.unwrap(), after(LONG) => unreachable!() };
        let group = WaitGroup::new();
        let (token, done) = (Some(Rc::new(CancelToken::new())), group.clone().leave());
        let (mut listener, no_listener) = (
            TcpListener::bind("127.0.0.1:0").unwrap(),
            None::<TcpListener>,
        );
        let (listener, no_listener) = (&mut listener, Rc::new(no_listener));
        let mut no_ticks = None::<Interval>;
        let (mut handle, mut no_handle) = (Box::new(spawn(|| 7)), None::<JoinHandle<()>>);
        while !handle.is_finished() {
            coroutine::yield_now();
        }
        let taken = select! {
            biased;
            _ = acquire(semaphore) => 1,
            _ = acquire(&semaphore, 2) => 2,
            _ = lock(mutex) => 3,
            wait(flag) => 4,
            wait(done) => 5,
            cancelled(token) => 6,
            _ = accept(listener) => 7,
            _ = accept(no_listener) => 8,
            _ = tick(no_ticks) => 9,
            _ = no_handle.join() => 10,
            _ = on(None::<op::Notified<'_>>) => 11,
            result = join(handle) => result.unwrap() + 100,
        };
        assert_eq!((taken, *guard, permit.num_permits()), (107, 1, 1));
        drop(group);
        select! { wait(done) => {}, after(LONG) => panic!("all have left") }
    });
}

#[test]
fn the_coroutines_of_a_scope_can_be_joined() {
    everywhere(|_| {
        let words = ["two", "more"];
        let mut seen = Vec::new();
        coroutine::scope(|scope| {
            let mut first = Some(scope.spawn(|| words[0].len()));
            let mut second = Some(scope.spawn(|| words[1].len()));
            while first.is_some() || second.is_some() {
                select! {
                    result = join(first) => {
                        seen.push(result.unwrap());
                        first = None;
                    }
                    result = join(second) => {
                        seen.push(result.unwrap());
                        second = None;
                    }
                }
            }
            // A caller that has got a panic from a handle need not get it from the scope, too.
            let mut broken = scope.spawn(|| resume_unwind(Box::new("broken")));
            select! { result = join(broken) => assert!(result.map(|()| 0).is_err()) }
        });
        seen.sort_unstable();
        assert_eq!(seen, [3, 4]);
    });
}

#[test]
fn sockets() {
    everywhere(|place| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = place.start(move || {
            let mut client = TcpStream::connect(address).unwrap();
            let mut buffer = [0; 5];
            client.read_exact(&mut buffer).unwrap();
            client.write_all(&buffer).unwrap();
        });
        let (_open, never) = channel::bounded::<()>(1);
        let (stream, _) = select! {
            connection = accept(listener) => connection.unwrap(),
            _ = recv(never) => unreachable!(),
        };
        select! { ready = writable(stream) => ready.unwrap(), _ = recv(never) => unreachable!() }
        let sent = select! { sent = stream.write(b"hello") => sent, after(LONG) => unreachable!() };
        assert_eq!(sent.unwrap(), 5);
        let mut buffer = [0; 16];
        let mut length = 0;
        while length < 5 {
            select! { ready = readable(stream) => ready.unwrap(), after(LONG) => unreachable!() }
            select! {
                read = read(stream, &mut buffer[length..]) => length += read.unwrap(),
                _ = recv(never) => unreachable!(),
            }
        }
        assert_eq!(&buffer[..5], b"hello");
        client.join();
    });
}

/// Blocking code as an arm: it may borrow, need not be `Send`, and has ended when the select has.
#[test]
fn code_that_runs_beside() {
    on_workers(2, || {
        let count = Cell::new(1);
        let value = select! {
            value = run(count.replace(2) + 10) => value,
            after(LONG) => unreachable!(),
        };
        assert_eq!((value, count.get()), (11, 2));
        let ended = Cell::new(false);
        let first = select! {
            _ = run {
                let _ended = OnDrop(|| ended.set(true));
                coroutine::park();
            } => "the code",
            after(Duration::from_millis(1)) => "the time",
        };
        assert_eq!((first, ended.get()), ("the time", true));
        // Two that race; `?` in the body is the caller's.
        let winner = || -> Result<u32, String> {
            Ok(select! {
                slow = run(|| -> Result<u32, String> { coroutine::park(); Ok(1) }) => slow?,
                fast = run(Err::<u32, _>("too fast".to_owned())) => fast?,
            })
        };
        assert_eq!(winner(), Err("too fast".to_owned()));
    });
}

/// A server that accepts, serves and stops, as the documentation shows it.
#[test]
fn a_loop_over_a_token_and_a_queue() {
    everywhere(|place| {
        let (jobs, queue) = channel::bounded(4);
        let stop = CancelToken::new();
        let (for_worker, sum) = (stop.clone(), Arc::new(Mutex::new(0)));
        let total = sum.clone();
        let worker = place.start(move || {
            loop {
                select! {
                    biased;
                    Ok(job) = recv(queue) else { break "drained" } => *total.lock().unwrap() += job,
                    cancelled(for_worker) => break "stopped",
                }
            }
        });
        (1..=100).for_each(|job| jobs.send(job).unwrap());
        while !jobs.is_empty() {
            may::coroutine::yield_now();
        }
        stop.cancel();
        assert_eq!(worker.join(), "stopped");
        assert_eq!(*sum.lock().unwrap(), 5050);
    });
}

/// Uses so much stack, in KiB.
#[inline(never)]
fn dig(kib: usize) -> usize {
    let block = std::hint::black_box([1_u8; 1024]);
    if kib == 0 {
        0
    } else {
        dig(kib - 1) + usize::from(block[kib % 1024])
    }
}

fn own_name() -> Option<String> {
    coroutine::current().name().map(str::to_owned)
}

/// Needs more than the usual stack.
#[may::coroutine(stack = "8m", name = "server-{number}")]
fn serve(number: usize, text: &str) -> (usize, Option<String>) {
    (number + text.len() + dig(1024), own_name())
}

#[may::coroutine(local, name = "here")]
fn serve_here(count: &Cell<u32>) -> (u32, Option<String>) {
    (count.replace(2), own_name())
}

/// Generic over what it returns, so that only the call of a coroutine is known to be one.
fn same<T>(value: T) -> T {
    value
}

/// The call of a coroutine as an arm keeps its own stack and name.
#[test]
fn calls_of_coroutines() {
    on_workers(2, || {
        let text = String::from("four");
        let result = select! { r = run(serve(2, &text)) => r, after(LONG) => unreachable!() };
        assert_eq!(result, (1030, Some("server-2".to_owned())));
        let call = serve(3, &text).name("other").stack_size(4 << 20);
        let result = select! { r = run(call) => r, after(LONG) => unreachable!() };
        assert_eq!(result, (1031, Some("other".to_owned())));
        let count = Cell::new(1);
        let result = select! { r = run(serve_here(&count)) => r };
        assert_eq!((result, count.get()), ((1, Some("here".to_owned())), 2));
        // What is no call is evaluated in the arm's coroutine.
        let own = coroutine::current().id();
        let (name, id) = select! { r = run(same((own_name(), coroutine::current().id()))) => r };
        assert!(name.is_none() && id != own);
        // Its arguments are evaluated only if it is started.
        let unused = || -> usize { panic!("not started") };
        select! { _ = run(serve(unused(), "")) => unreachable!(), after(Duration::ZERO) => {} }
        // A loser has ended when the select does; a guard and a missing one.
        let waiting = Cell::new(false);
        let first = select! {
            _ = run(park_here(&waiting)) => "the call",
            _ = run(serve(1, "")) if false => "disabled",
            after(Duration::from_millis(1)) => "the time",
        };
        assert_eq!((first, waiting.get()), ("the time", true));
    });
}

#[may::coroutine(local)]
fn park_here(ended: &Cell<bool>) {
    let _ended = OnDrop(|| ended.set(true));
    coroutine::park();
}

/// What rustc knows of an expression in an arm: nothing is said of its type elsewhere, or only
/// later.
#[test]
fn expressions_of_all_types() {
    fn generic<T: Default>() -> T {
        select! { value = run(T::default()) => value }
    }
    on_workers(1, || {
        assert_eq!(generic::<String>(), "");
        let number = select! { value = run(1 + 1) => value };
        assert_eq!(number, 2_u64);
        let list: Vec<u8> = select! { list = run { vec![1].into_iter().collect() } => list };
        assert_eq!(list, [1]);
        let caught = std::panic::catch_unwind(|| select! { () = run(panic!("here")) => {} });
        assert!(caught.is_err());
    });
}

#[test]
fn arms_that_run_code_have_all_ended_though_what_one_returns_panics_in_its_destructor() {
    on_workers(1, || {
        let (release, released) = channel::bounded::<()>(1);
        let (ended, token) = (Cell::new(false), CancelToken::new());
        let left = catch_unwind(AssertUnwindSafe(|| {
            select! {
                biased;
                cancelled(token) => {},
                _value = run {
                    token.cancel();
                    OnDrop(|| panic!("the destructor of a value (expected)"))
                } => {},
                _ = run {
                    coroutine::shield(|| released.recv().unwrap());
                    ended.set(true);
                } => {},
                _ = run {
                    // It is cancelled before the one above is waited for.
                    let _last = OnDrop(|| release.send(()).unwrap());
                    coroutine::park();
                } => {},
            }
        }));
        assert!(left.is_err() && ended.get());
    });
}
