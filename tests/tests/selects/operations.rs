//! Each operation as an arm: it wins when it can happen, it happens once, and if it loses nothing
//! has. (Called below `select!`, so that each stands by itself.)

use std::cell::Cell;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::coroutine::{self, spawn};
use may::net::{TcpListener, TcpStream};
use may::op::{self, Operation, Signal};
use may::sync::{Arc, CancelToken, Mutex, Notify, Semaphore, SyncFlag};
use may::time::interval;
use may::{channel, coroutine::JoinHandle};
use may_core::select::{
    Arm, Finish, Mode, accept, acquire, acquire_many, cancelled_by, join, lock, on, read, readable,
    recv, run, select, select_or_default, tick, wait, writable, write,
};
use may_tests::{
    arm_within, assert_cancelled, eventually, everywhere, message, on_workers, spawn_waiting,
};

const SOON: Duration = Duration::from_millis(2);

/// Waits for one arm, or until some time has passed.
fn soon<A: Arm<()> + Finish>(arm: A) -> Option<A::Output> {
    arm_within(SOON, arm)
}

/// Waits for one arm.
fn get<A: Arm<()> + Finish>(arm: A) -> A::Output {
    let mut arm = pin!(arm);
    assert_eq!(select(&mut [arm.as_mut()], Mode::Fair), Some(0));
    arm.finish()
}

#[test]
fn a_lock() {
    everywhere(|place| {
        let mutex = Arc::new(Mutex::new(0));
        *soon(lock(&mutex)).unwrap().unwrap() += 1;
        let held = mutex.lock().unwrap();
        assert!(soon(lock(&*mutex)).is_none());
        let for_helper = mutex.clone();
        let helper = place.start(move || *get(lock(&for_helper)).unwrap() += 1);
        drop(held);
        helper.join();
        assert_eq!(*mutex.try_lock().unwrap(), 2);
        // The loser has not kept it, and an ordinary waiter is woken.
        let helpers: Vec<_> = (0..6)
            .map(|number| {
                let mutex = mutex.clone();
                place.start(move || {
                    for _ in 0..300 {
                        if number % 2 == 0 {
                            *mutex.lock().unwrap() += 1;
                        } else {
                            let mut held = get(lock(&mutex)).unwrap();
                            *held += 1;
                            coroutine::yield_now();
                        }
                    }
                })
            })
            .collect();
        helpers.into_iter().for_each(|helper| helper.join());
        assert_eq!(*mutex.lock().unwrap(), 1802);
    });
}

#[test]
fn permits() {
    everywhere(|place| {
        let semaphore = Arc::new(Semaphore::new(2));
        let two = soon(acquire_many(&semaphore, 2)).unwrap();
        assert_eq!(two.num_permits(), 2);
        assert!(soon(acquire(&semaphore)).is_none());
        let for_helper = semaphore.clone();
        let helper = place.start(move || get(acquire_many(&*for_helper, 2)).num_permits());
        drop(two);
        assert_eq!(helper.join(), 2);
        assert_eq!(semaphore.available_permits(), 2);
        // One that asks for too much and leaves does not hold up those behind it.
        let for_helper = semaphore.clone();
        let helper = place.start(move || soon(acquire_many(&for_helper, 3)).is_none());
        assert!(helper.join());
        drop(semaphore.acquire());
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn flags_tokens_and_notifications() {
    everywhere(|place| {
        let (flag, token, notify) = (
            Arc::new(SyncFlag::new()),
            CancelToken::new(),
            Arc::new(Notify::new()),
        );
        assert!(soon(wait(&flag)).is_none());
        assert!(soon(wait(&token)).is_none());
        assert!(soon(cancelled_by(&token)).is_none());
        assert!(soon(wait(&notify)).is_none());
        let none: Option<&SyncFlag> = None;
        assert!(soon(wait(&none)).is_none());
        let (f, t, n) = (flag.clone(), token.child(), notify.clone());
        let helpers = [
            place.start(move || get(wait(&f))),
            place.start(move || get(cancelled_by(&t))),
            place.start(move || get(wait(&n))),
        ];
        flag.fire();
        token.cancel();
        notify.notify_one();
        helpers.into_iter().for_each(|helper| helper.join());
        assert!(soon(wait(&notify)).is_none(), "one notification serves one");
        assert!(soon(wait(&flag)).is_some());
    });
}

#[test]
fn the_end_of_a_coroutine() {
    everywhere(|_| {
        let (gate, open) = channel::bounded::<()>(1);
        let mut handle: JoinHandle<u32> = spawn(move || {
            let _ = open.recv();
            7
        });
        assert!(soon(join(&mut handle)).is_none());
        gate.send(()).unwrap();
        assert_eq!(get(join(&mut handle)).unwrap(), 7);
        assert!(handle.is_finished());
        let again = catch_unwind(AssertUnwindSafe(|| handle.join()));
        assert!(message(&*again.unwrap_err()).contains("was taken before"));

        let mut broken = spawn(|| resume_unwind(Box::new("broken")));
        let result: coroutine::Result<()> = get(join(&mut broken));
        assert_eq!(message(&*result.unwrap_err()), "broken");
        // One that has lost can still be joined.
        let (gate, open) = channel::bounded::<()>(1);
        let mut handle = spawn(move || open.recv().is_ok());
        assert!(soon(join(&mut handle)).is_none());
        gate.send(()).unwrap();
        assert!(handle.join().unwrap());
    });
}

#[test]
fn ticks() {
    everywhere(|_| {
        let mut heartbeat = interval(Duration::from_millis(1));
        let first = get(tick(&mut heartbeat));
        let second = get(tick(&mut heartbeat));
        assert_eq!(second - first, Duration::from_millis(1));
        assert!(Instant::now() >= second);
        let mut rare = interval(Duration::from_secs(1000));
        get(tick(&mut rare));
        assert!(soon(tick(&mut rare)).is_none());
        assert!(rare.next_tick() > Instant::now(), "it was not taken");
    });
}

#[test]
fn sockets() {
    everywhere(|place| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(soon(accept(&listener)).is_none());
        let client = place.start(move || {
            let mut client = TcpStream::connect(address).unwrap();
            let mut buffer = [0; 5];
            client.read_exact(&mut buffer).unwrap();
            assert_eq!(&buffer, b"hello");
            client.write_all(b"world").unwrap();
            client
        });
        let (server, _) = get(accept(&listener)).unwrap();
        let mut buffer = [0; 16];
        assert!(soon(read(&server, &mut buffer)).is_none());
        assert!(soon(readable(&server)).is_none());
        get(writable(&server)).unwrap();
        assert_eq!(get(write(&server, b"hello")).unwrap(), 5);
        get(readable(&server)).unwrap();
        let mut received = Vec::new();
        while received.len() < 5 {
            let length = get(read(&server, &mut buffer)).unwrap();
            received.extend_from_slice(&buffer[..length]);
        }
        assert_eq!(received, b"world");
        assert!(select_or_default(&mut [pin!(read(&server, &mut buffer))], Mode::Fair).is_none());
        drop(client.join());
        assert_eq!(get(read(&server, &mut buffer)).unwrap(), 0);
    });
}

/// A value that is filled in.
struct Slot {
    value: StdMutex<Option<u32>>,
    filled: Arc<Signal>,
}

impl Slot {
    fn fill(&self, value: u32) {
        *self.value.lock().unwrap() = Some(value);
        self.filled.notify();
    }
}

impl Slot {
    fn take(&self) -> impl Operation<Output = u32> {
        op::when(&self.filled, || self.value.lock().unwrap().take())
    }
}

#[test]
fn operations_of_users() {
    everywhere(|place| {
        let slot = Arc::new(Slot {
            value: StdMutex::new(None),
            filled: Signal::new(),
        });
        assert!(soon(on(slot.take())).is_none());
        let for_helper = slot.clone();
        let received = Arc::new(AtomicUsize::new(0));
        let counts = received.clone();
        let helper = place.start(move || {
            for _ in 0..1_000 {
                counts.fetch_add(get(on(for_helper.take())) as usize, SeqCst);
            }
        });
        for round in 0..1_000 {
            slot.fill(1);
            eventually("it is taken", || received.load(SeqCst) > round);
        }
        helper.join();
    });
}

#[test]
fn code_runs_beside_and_ends_with_the_select() {
    for workers in [1, 2] {
        on_workers(workers, || {
            // What it borrows need not be `Send`: it stays with this worker.
            let started = Cell::new(0);
            assert_eq!(soon(run(|| started.replace(1))), Some(0));
            // A loser is cancelled and has ended when the select does.
            let ended = Cell::new(false);
            let lost = soon(run(|| {
                let _ended = may_tests::OnDrop(|| ended.set(true));
                coroutine::park();
            }));
            assert!(lost.is_none() && ended.get());
            // A ready arm never starts it.
            let (to, from) = channel::bounded(1);
            to.send(3).unwrap();
            let (mut code, mut receiving) = (pin!(run(|| started.set(2))), pin!(recv(&from)));
            assert_eq!(
                select(&mut [code.as_mut(), receiving.as_mut()], Mode::Fair),
                Some(1)
            );
            assert_eq!((receiving.finish(), started.get()), (Ok(3), 1));
            // Two that race.
            let (mut slow, mut fast) = (
                pin!(run(coroutine::park)),
                pin!(run(|| coroutine::sleep(SOON / 4))),
            );
            assert_eq!(
                select(&mut [slow.as_mut(), fast.as_mut()], Mode::Fair),
                Some(1)
            );
        });
    }
}

#[test]
fn a_panic_in_the_code_of_an_arm_goes_on_in_the_caller() {
    on_workers(1, || {
        let ended = AtomicBool::new(false);
        let payload = catch_unwind(AssertUnwindSafe(|| {
            let mut other = pin!(run(|| {
                let _ended = may_tests::OnDrop(|| ended.store(true, SeqCst));
                coroutine::park();
            }));
            let mut broken = pin!(run(|| resume_unwind(Box::new("broken"))));
            match select(&mut [other.as_mut(), broken.as_mut()], Mode::Fair) {
                Some(0) => other.finish(),
                _ => broken.finish(),
            }
        }));
        assert_eq!(message(&*payload.unwrap_err()), "broken");
        assert!(ended.load(SeqCst));
    });
}

#[test]
fn a_cancelled_select_takes_its_code_with_it() {
    for workers in [1, 2] {
        on_workers(workers, || {
            let ended = Arc::new(AtomicBool::new(false));
            let says = ended.clone();
            let selecting = spawn_waiting(move || {
                get(run(|| {
                    let _ended = may_tests::OnDrop(|| says.store(true, SeqCst));
                    coroutine::park();
                }));
            });
            coroutine::sleep(SOON / 4);
            selecting.cancel();
            assert_cancelled(selecting.join());
            assert!(ended.load(SeqCst));
        });
    }
}

#[test]
fn code_needs_a_coroutine_around_it() {
    // Also if it would not come to running it.
    let payload = catch_unwind(|| {
        let _ = select_or_default(&mut [pin!(run(|| ()))], Mode::Fair);
    });
    let said = message(&*payload.unwrap_err());
    assert!(
        said.contains("put the `select!` into a coroutine"),
        "{said}"
    );
}
