//! `select!` over each operation, in both forms; what the operations do is tested in `select_operations.rs`.

use std::cell::Cell;
use std::io::{Read, Write};
use std::time::Duration;

use may::coroutine::{self, spawn};
use may::net::{TcpListener, TcpStream};
use may::sync::{Arc, CancelToken, Mutex, Notify, Semaphore, SyncFlag};
use may::time::interval;
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
