//! What a coroutine waits for can be seen by others of its worker.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use may::blocking::unblock;
use may::channel::{bounded, unbounded};
use may::coroutine::{self, JoinHandle, scope, spawn, yield_now};
use may::future::block_on;
use may::net::{TcpListener, TcpStream};
use may::op::{self, Operation};
use may::select;
use may::sync::{Barrier, Condvar, Mutex, Notify, Once, RwLock, Semaphore, SyncFlag};
use may::sync::{oneshot, watch};
use may_core::park::{Awaited, waits};
use may_tests::on_workers;

/// What a coroutine of this worker waits for, as soon as it waits.
fn awaited<T>(waits_now: &JoinHandle<T>) -> Awaited {
    let id = waits_now.coroutine().id().to_string();
    loop {
        let mut all = waits().into_iter();
        if let Some((_, awaited)) = all.find(|(other, _)| other.to_string() == id) {
            return awaited;
        }
        yield_now();
    }
}

/// Cancels a coroutine and waits for its end.
fn end<T>(handle: JoinHandle<T>) {
    handle.cancel();
    drop(handle.join());
}

/// Starts a coroutine that waits, asserts what for, and ends it.
fn assert_waits(kind: &str, f: impl FnOnce() + Send + 'static) -> usize {
    let waits_now = spawn(f);
    let awaited = awaited(&waits_now);
    assert_eq!(awaited.kind, kind);
    assert!(awaited.since > 0);
    end(waits_now);
    awaited.place
}

#[test]
fn each_wait_says_what_it_is_for() {
    on_workers(1, || {
        assert_waits("park", coroutine::park);
        assert_waits("sleep", || coroutine::sleep(Duration::MAX));
        assert_waits("sleep", || op::after(Duration::from_secs(1_000)).wait());
        assert_waits("join", || _ = spawn(coroutine::park).join());
        assert_waits("scope", || {
            scope(|s| _ = s.spawn(coroutine::park));
        });
        let (_keep, nothing) = unbounded::<()>();
        assert_waits("recv", move || _ = nothing.recv());
        let (full, _keep) = bounded(1);
        full.send(1).unwrap();
        assert_waits("send", move || _ = full.send(2));
        let (_keep, nothing) = oneshot::channel::<()>();
        assert_waits("recv", move || _ = nothing.recv());
        let (_keep, mut same) = watch::channel(1);
        assert_waits("changed", move || _ = same.changed());
        let semaphore = Arc::new(Semaphore::new(0));
        assert_waits("acquire", move || _ = semaphore.acquire());
        assert_waits("flag", || SyncFlag::new().wait());
        assert_waits("notify", || Notify::new().wait());
        assert_waits("barrier", || _ = Barrier::new(2).wait());
        assert_waits("condvar", || {
            let (lock, changed) = (Mutex::new(()), Condvar::new());
            drop(changed.wait(lock.lock().unwrap()));
        });
        let once = Arc::new(Once::new());
        let initializes = once.clone();
        let initializer = spawn(move || initializes.call_once(coroutine::park));
        awaited(&initializer);
        assert_waits("once", move || once.call_once(|| {}));
        end(initializer);
        let (go, goes) = std::sync::mpsc::channel::<()>();
        let job = spawn(move || unblock(move || _ = goes.recv()));
        assert_eq!(awaited(&job).kind, "unblock");
        drop(go);
        job.join().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let kept = listener.accept().unwrap();
        assert_waits("read", move || _ = stream.read(&mut [0]));
        drop(kept);
        assert_waits("future", || block_on(std::future::pending()));
        let (_keep, nothing) = unbounded::<()>();
        assert_waits("select", move || {
            select! {
                _ = recv(nothing) => {}
                after(Duration::from_secs(1_000)) => {}
            }
        });
    });
}

#[test]
fn two_that_wait_for_one_thing_wait_at_one_place() {
    on_workers(1, || {
        let (one, other) = (Arc::new(Mutex::new(1)), Arc::new(RwLock::new(1)));
        let (first, second) = (one.lock().unwrap(), other.write().unwrap());
        let place = |kind| {
            let (one, other) = (one.clone(), other.clone());
            assert_waits(kind, move || match kind {
                "lock" => drop(one.lock()),
                "read_lock" => drop(other.read()),
                _ => drop(other.write()),
            })
        };
        assert_eq!(place("lock"), place("lock"));
        assert_ne!(place("lock"), place("write_lock"));
        assert_eq!(place("read_lock"), place("write_lock"));
        drop((first, second));
    });
}

#[test]
fn one_that_was_woken_or_yields_waits_for_nothing() {
    on_workers(1, || {
        let flag = Arc::new(SyncFlag::new());
        let for_other = flag.clone();
        let other = spawn(move || {
            for_other.wait();
            loop {
                yield_now();
            }
        });
        awaited(&other);
        flag.fire();
        // It is in the run queue now, and does nothing but yield from then on.
        for _ in 0..10 {
            assert_eq!(waits(), []);
            yield_now();
        }
        end(other);
    });
}
