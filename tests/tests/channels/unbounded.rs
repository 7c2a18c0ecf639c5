//! Channels without a limit: whoever sends never waits, and keeps its turn.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use may::sync::{Arc, mpmc, mpsc, spsc};
use may::{channel, coroutine};
use may_tests::on_workers;

/// More than a coroutine may do in one turn by calls that may wait.
const MESSAGES: usize = 10_000;

/// Sends while it holds a lock that stops the thread of whoever comes next, in a coroutine that is cancelled and has a neighbour.
fn send_with_a_lock(
    mut send: impl FnMut(usize) + Send + 'static,
    received: impl FnOnce() -> usize,
) {
    let (lock, begun) = (Arc::new(Mutex::new(())), Arc::new(AtomicBool::new(false)));
    let (open, gate) = channel::bounded(0);
    let sender = coroutine::spawn({
        let (lock, begun) = (lock.clone(), begun.clone());
        move || {
            coroutine::shield(|| {
                gate.recv().unwrap();
                gate.recv().unwrap();
            });
            let _guard = lock.lock().unwrap();
            begun.store(true, SeqCst);
            (0..MESSAGES).for_each(&mut send);
        }
    });
    open.send(()).unwrap();
    sender.cancel();
    open.send(()).unwrap();
    let neighbour = coroutine::spawn(move || {
        while !begun.load(SeqCst) {
            coroutine::yield_now();
        }
        drop(lock.lock());
    });
    sender.join().unwrap();
    neighbour.join().unwrap();
    assert_eq!(received(), MESSAGES);
}

#[test]
fn a_send_that_never_waits_does_not_suspend_either() {
    let _watchdog = may_tests::watchdog();
    on_workers(1, || {
        let (tx, rx) = channel::unbounded();
        send_with_a_lock(move |i| tx.send(i).unwrap(), || rx.iter().count());
        let (tx, rx) = mpsc::channel();
        send_with_a_lock(move |i| tx.send(i).unwrap(), || rx.iter().count());
        let (tx, rx) = mpmc::channel();
        send_with_a_lock(move |i| tx.send(i).unwrap(), || rx.iter().count());
        let (tx, rx) = spsc::channel();
        send_with_a_lock(move |i| tx.send(i).unwrap(), || rx.iter().count());
    });
}
