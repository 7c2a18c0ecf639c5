//! `sync::oneshot`: one value, which arrives once, stays the sender's, or is dropped once; and
//! either side hears of the other's end.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::channel::{RecvError, RecvTimeoutError, TryRecvError};
use may::coroutine::{self, spawn};
use may::sync::{Arc, oneshot};
use may::time;
use may_tests::{assert_cancelled, eventually, everywhere, on_workers, spawn_waiting, with_seeds};

#[test]
fn a_value_arrives_sent_before_or_after_it_is_waited_for() {
    everywhere(|place| {
        for i in 0..300 {
            let (tx, rx) = oneshot::channel();
            let sender = place.start(move || tx.send(i));
            assert_eq!(rx.recv(), Ok(i));
            assert_eq!(sender.join(), Ok(()));
            let (tx, rx) = oneshot::channel();
            tx.send(i).unwrap();
            assert_eq!(place.start(move || rx.recv()).join(), Ok(i));
        }
    });
}

#[test]
fn a_value_can_be_fetched_once() {
    let (tx, rx) = oneshot::channel();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert!(!tx.is_closed());
    tx.send(1).unwrap();
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(
        rx.recv_timeout(Duration::MAX),
        Err(RecvTimeoutError::Disconnected)
    );
    assert_eq!(rx.recv(), Err(RecvError));
}

#[test]
fn a_receiver_hears_of_a_sender_that_went_without_a_word() {
    everywhere(|place| {
        let (tx, rx) = oneshot::channel::<u32>();
        assert_eq!(
            rx.recv_timeout(Duration::from_millis(1)),
            Err(RecvTimeoutError::Timeout)
        );
        assert_eq!(
            rx.recv_deadline(Instant::now()),
            Err(RecvTimeoutError::Timeout)
        );
        let receiver = place.start(move || rx.recv());
        coroutine::yield_now();
        drop(tx);
        assert_eq!(receiver.join(), Err(RecvError));
        let (tx, rx) = oneshot::channel::<u32>();
        let panics = spawn(move || {
            let _tx = tx;
            panic!("before it has sent anything (expected)");
        });
        assert_eq!(rx.recv(), Err(RecvError));
        assert!(panics.join().is_err());
    });
}

#[test]
fn a_sender_hears_of_a_receiver_that_went_and_keeps_the_value() {
    everywhere(|place| {
        let (tx, rx) = oneshot::channel();
        let sender = place.start(move || {
            tx.wait_closed();
            assert!(tx.is_closed());
            tx.wait_closed();
            tx.send(7)
        });
        coroutine::yield_now();
        drop(rx);
        assert_eq!(sender.join(), Err(7));
    });
    on_workers(1, || {
        let (tx, rx) = oneshot::channel::<()>();
        let sender = spawn_waiting(move || tx.wait_closed());
        sender.cancel();
        assert_cancelled(sender.join());
        assert_eq!(rx.recv(), Err(RecvError));
    });
}

/// A sender and a receiver can be shared, though only one can send and one gets the value.
#[test]
fn all_who_wait_for_the_other_side_to_end_hear_of_it() {
    const SOON: Duration = Duration::from_secs(10);
    everywhere(|place| {
        let (tx, rx) = oneshot::channel::<u32>();
        let tx = Arc::new(tx);
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let tx = tx.clone();
                place.start(move || time::timeout(SOON, || tx.wait_closed()))
            })
            .collect();
        coroutine::sleep(Duration::from_millis(1));
        drop(rx);
        let heard: Vec<_> = waiters.into_iter().map(|waiter| waiter.join()).collect();
        assert_eq!(
            heard,
            [Ok(()); 3],
            "some were left waiting for the receiver to go"
        );

        let (tx, rx) = oneshot::channel::<u32>();
        let rx = Arc::new(rx);
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let rx = rx.clone();
                place.start(move || rx.recv_timeout(SOON))
            })
            .collect();
        coroutine::sleep(Duration::from_millis(1));
        tx.send(1).unwrap();
        let mut got: Vec<_> = waiters.into_iter().map(|waiter| waiter.join()).collect();
        got.sort_by_key(Result::is_err);
        assert_eq!(got[0], Ok(1));
        assert_eq!(got[1..], [Err(RecvTimeoutError::Disconnected); 2]);
    });
}

#[test]
fn values_are_dropped_once_wherever_they_end() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    everywhere(|_| {
        let count = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = oneshot::channel();
        assert!(tx.send(Counted(count.clone())).is_ok());
        assert_eq!(count.load(SeqCst), 0);
        drop(rx);
        assert_eq!(count.load(SeqCst), 1, "it was not fetched");
        let (tx, rx) = oneshot::channel();
        drop(rx);
        assert!(tx.send(Counted(count.clone())).is_err());
        assert_eq!(count.load(SeqCst), 2, "it came back");
        let (tx, rx) = oneshot::channel();
        assert!(tx.send(Counted(count.clone())).is_ok());
        drop(rx.recv());
        assert_eq!(count.load(SeqCst), 3, "it was received");
    });
}

#[test]
fn a_value_that_comes_as_the_time_is_up_is_fetched_later() {
    everywhere(|place| {
        with_seeds(2, |mut random| {
            for i in 0..300 {
                let (tx, rx) = oneshot::channel();
                let sender = place.start(move || tx.send(i));
                let limit = Duration::from_nanos(random.below(30_000));
                let early = match i % 2 {
                    0 => rx.recv_timeout(limit),
                    _ => time::timeout(limit, || rx.recv_timeout(Duration::MAX))
                        .unwrap_or(Err(RecvTimeoutError::Timeout)),
                };
                match early {
                    Ok(value) => assert_eq!(value, i),
                    Err(error) => {
                        assert_eq!(error, RecvTimeoutError::Timeout);
                        assert_eq!(rx.recv(), Ok(i));
                    }
                }
                assert_eq!(sender.join(), Ok(()));
            }
        });
    });
}

#[test]
fn a_cancelled_receiver_closes_and_the_value_comes_back_or_is_dropped() {
    for workers in [1, 2, 4] {
        on_workers(workers, || {
            for round in 0..1_000 {
                let (tx, rx) = oneshot::channel();
                let value = Arc::new(());
                let receiver = spawn(move || rx.recv());
                (0..round % 4).for_each(|_| coroutine::yield_now());
                receiver.cancel();
                let sent = tx.send(value.clone());
                match receiver.join() {
                    Ok(received) => assert!(sent.is_ok() && received.is_ok()),
                    // It may have been sent just before the receiver went.
                    Err(_) => drop(sent),
                }
                eventually("there is no other reference", || {
                    Arc::strong_count(&value) == 1
                });
            }
        });
    }
}
