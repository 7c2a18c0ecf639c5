//! Channels without a limit: a sender never waits, and keeps its turn unless the receivers are far
//! behind.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use may::sync::{Arc, mpmc, mpsc, spsc};
use may::{channel, coroutine};
use may_tests::on_workers;

/// How many channels there are, and how many messages go into each: in all far more than a
/// coroutine may do in one turn by calls that may wait.
const CHANNELS: usize = 200;
const EACH: usize = 50;

/// Sends while it holds a lock that stops the thread of the next caller, in a coroutine that is
/// cancelled and has a neighbour.
fn send_with_a_lock<T: Send + 'static, R>(
    (senders, receivers): (Vec<T>, Vec<R>),
    send: impl Fn(&T, usize) + Send + 'static,
    receive: impl Fn(R) -> usize,
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
            for number in 0..EACH {
                senders.iter().for_each(|sender| send(sender, number));
            }
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
    let received: usize = receivers.into_iter().map(receive).sum();
    assert_eq!(received, CHANNELS * EACH);
}

/// Many channels.
fn many<T, R>(make: impl Fn() -> (T, R)) -> (Vec<T>, Vec<R>) {
    (0..CHANNELS).map(|_| make()).unzip()
}

#[test]
fn a_send_to_those_who_keep_up_does_not_suspend() {
    let _watchdog = may_tests::watchdog();
    on_workers(1, || {
        let count = |rx: channel::Receiver<usize>| rx.iter().count();
        send_with_a_lock(many(channel::unbounded), |tx, i| tx.send(i).unwrap(), count);
        let count = |rx: mpsc::Receiver<usize>| rx.iter().count();
        send_with_a_lock(many(mpsc::channel), |tx, i| tx.send(i).unwrap(), count);
        let count = |rx: mpmc::Receiver<usize>| rx.iter().count();
        send_with_a_lock(many(mpmc::channel), |tx, i| tx.send(i).unwrap(), count);
        let count = |rx: spsc::Receiver<usize>| rx.iter().count();
        send_with_a_lock(many(spsc::channel), |tx, i| tx.send(i).unwrap(), count);
    });
}

#[test]
fn a_sender_that_nothing_slows_down_lets_others_run() {
    /// More than would be sent if the receiver had its turn.
    const TOO_MANY: usize = 100_000;
    /// Sends until there are no receivers; the one receiver takes one message and goes.
    fn race<R: Send + 'static>(
        (mut send, rx): (impl FnMut() -> bool, R),
        receive: impl FnOnce(R) + Send + 'static,
    ) {
        let receiver = coroutine::spawn(move || receive(rx));
        assert!((0..TOO_MANY).any(|_| !send()), "the receiver has its turn");
        receiver.join().unwrap();
    }
    let _watchdog = may_tests::watchdog();
    on_workers(1, || {
        let (tx, rx) = channel::unbounded();
        race((|| tx.send(0).is_ok(), rx), |rx| assert!(rx.recv().is_ok()));
        let (tx, rx) = mpsc::channel();
        race((|| tx.send(0).is_ok(), rx), |rx| assert!(rx.recv().is_ok()));
        let (tx, rx) = mpmc::channel();
        race((|| tx.send(0).is_ok(), rx), |rx| assert!(rx.recv().is_ok()));
        let (tx, rx) = spsc::channel();
        race((|| tx.send(0).is_ok(), rx), |rx| assert!(rx.recv().is_ok()));
    });
}
