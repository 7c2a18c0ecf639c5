//! `sync::broadcast`: every message to every receiver, those who lag are told exactly how far, and
//! no message is kept without a receiver.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::channel::SendError;
use may::coroutine::{self, spawn};
use may::op::{self, Operation};
use may::sync::broadcast::{self, RecvError, TryRecvError};
use may::sync::{Arc, Mutex};
use may_tests::{assert_cancelled, eventually, everywhere, on_workers, spawn_waiting};

#[test]
fn every_receiver_gets_every_message_in_its_senders_order() {
    const EACH: usize = 1_000;
    everywhere(|place| {
        let (tx, rx) = broadcast::channel(3 * EACH);
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let mut rx = rx.resubscribe();
                place.start(move || {
                    let mut next = [0; 3];
                    loop {
                        match rx.recv() {
                            Ok((sender, i)) => {
                                assert_eq!(next[sender], i);
                                next[sender] += 1;
                            }
                            Err(error) => break assert_eq!(error, RecvError::Closed),
                        }
                    }
                    next
                })
            })
            .collect();
        drop(rx);
        let senders: Vec<_> = (0..3)
            .map(|sender| {
                let tx = tx.clone();
                place.start(move || {
                    for i in 0..EACH {
                        assert_eq!(tx.send((sender, i)), Ok(4));
                    }
                })
            })
            .collect();
        drop(tx);
        senders.into_iter().for_each(|sender| sender.join());
        for receiver in receivers {
            assert_eq!(receiver.join(), [EACH; 3]);
        }
    });
}

#[test]
fn who_lags_is_told_how_many_were_missed_and_goes_on_with_the_oldest() {
    let (tx, mut quick) = broadcast::channel(4);
    let mut slow = tx.subscribe();
    for i in 0..10 {
        tx.send(i).unwrap();
        assert_eq!(quick.recv(), Ok(i), "the others do not lag");
    }
    assert_eq!(tx.len(), 4);
    assert_eq!(slow.len(), 10, "with those that are gone");
    assert_eq!(slow.recv(), Err(RecvError::Lagged(6)));
    assert_eq!((slow.recv(), slow.recv()), (Ok(6), Ok(7)));
    (10..13).for_each(|i| assert!(tx.send(i).is_ok()));
    assert_eq!(slow.try_recv(), Err(TryRecvError::Lagged(1)));
    drop(tx);
    for i in 9..13 {
        assert_eq!(slow.recv_timeout(Duration::ZERO), Ok(i));
    }
    assert_eq!(slow.recv(), Err(RecvError::Closed));
    assert_eq!(slow.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(quick.recv(), Ok(10));
}

#[test]
fn what_was_received_and_missed_adds_up() {
    const MESSAGES: u64 = 3_000;
    everywhere(|place| {
        let (tx, rx) = broadcast::channel(5);
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let mut rx = rx.resubscribe();
                place.start(move || {
                    let (mut next, mut missed) = (0, 0);
                    loop {
                        match rx.recv() {
                            Ok(message) => {
                                assert_eq!(
                                    message, next,
                                    "exactly those that were told are missed"
                                );
                                next += 1;
                            }
                            Err(RecvError::Lagged(count)) => {
                                assert!(count > 0);
                                next += count;
                                missed += count;
                            }
                            Err(RecvError::Closed) => break,
                        }
                    }
                    assert!(missed <= MESSAGES - 5);
                    next
                })
            })
            .collect();
        drop(rx);
        for i in 0..MESSAGES {
            tx.send(i).unwrap();
            if i % 7 == 0 {
                coroutine::yield_now();
            }
        }
        drop(tx);
        for receiver in receivers {
            assert_eq!(receiver.join(), MESSAGES);
        }
    });
}

/// Counts how many there are, clones and all.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Counted {
        count.fetch_add(1, SeqCst);
        Counted(count.clone())
    }
}

impl Clone for Counted {
    fn clone(&self) -> Counted {
        Counted::new(&self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[test]
fn a_message_is_dropped_when_all_have_had_it() {
    let count = Arc::new(AtomicUsize::new(0));
    let left = || count.load(SeqCst);
    let (tx, mut one) = broadcast::channel(4);
    let mut two = tx.subscribe();
    let send = |n: usize| (0..n).for_each(|_| drop(tx.send(Counted::new(&count))));
    send(2);
    assert_eq!(left(), 2);
    drop(one.recv());
    assert_eq!((left(), tx.len()), (2, 2), "the other one has had none");
    drop(two.recv());
    assert_eq!((left(), tx.len()), (1, 1));
    drop(one.recv());
    drop(two.recv());
    assert!(left() == 0 && tx.is_empty());
    send(6);
    assert_eq!((left(), tx.len()), (4, 4), "two were overwritten");
    // A receiver that goes has had everything; one that comes wants nothing old.
    let late = tx.subscribe();
    drop(two);
    assert_eq!(left(), 4);
    drop(one);
    assert!(left() == 0 && tx.is_empty());
    send(1);
    assert_eq!((left(), late.len()), (1, 1));
    drop(late);
    assert_eq!(left(), 0);
    assert!(matches!(tx.send(Counted::new(&count)), Err(SendError(_))));
    assert_eq!(left(), 0, "it came back");
    let rx = tx.subscribe();
    send(3);
    drop(tx);
    assert_eq!(left(), 3, "they can still be received");
    drop(rx);
    assert_eq!(left(), 0);
}

#[test]
fn a_destructor_of_a_message_may_use_its_channel() {
    #[derive(Clone)]
    struct Uses(broadcast::Sender<Option<Uses>>);
    impl Drop for Uses {
        fn drop(&mut self) {
            let _ = self.0.send(None);
            let _ = self.0.len();
        }
    }
    let (tx, mut rx) = broadcast::channel(1);
    assert!(tx.send(Some(Uses(tx.clone()))).is_ok());
    assert!(tx.send(None).is_ok(), "overwrites the first");
    assert!(matches!(rx.recv(), Err(RecvError::Lagged(_))));
    assert!(rx.recv().is_ok());
    assert!(tx.send(Some(Uses(tx.clone()))).is_ok());
    drop(rx);
    assert!(tx.send(Some(Uses(tx.clone()))).is_err());
}

#[test]
fn receivers_come_and_go_while_messages_are_sent() {
    const MESSAGES: usize = 2_000;
    everywhere(|place| {
        let count = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = broadcast::channel(64);
        let counts = count.clone();
        let sends = tx.clone();
        let sender = place.start(move || {
            for i in 0..MESSAGES {
                assert!(sends.send((i, Counted::new(&counts))).unwrap() >= 1);
                if i % 16 == 0 {
                    coroutine::yield_now();
                }
            }
        });
        let visitors: Vec<_> = (0..4)
            .map(|visitor| {
                let tx = tx.clone();
                place.start(move || {
                    for visit in 0..100 {
                        let mut rx = tx.subscribe();
                        let mut last = None;
                        for _ in 0..(visit + visitor) % 9 {
                            match rx.try_recv() {
                                Ok((i, _)) => assert!(last.replace(i) < Some(i)),
                                Err(_) => coroutine::yield_now(),
                            }
                        }
                    }
                })
            })
            .collect();
        sender.join();
        visitors.into_iter().for_each(|visitor| visitor.join());
        assert_eq!(tx.receiver_count(), 1);
        drop(rx);
        assert!(tx.is_empty());
        assert_eq!(count.load(SeqCst), 0);
    });
}

#[test]
fn all_who_wait_get_a_message_or_hear_of_the_end() {
    everywhere(|place| {
        let (tx, rx) = broadcast::channel(1);
        // More than are woken at a time.
        let receivers: Vec<_> = (0..50)
            .map(|_| {
                let mut rx = rx.resubscribe();
                place.start(move || (rx.recv(), rx.recv()))
            })
            .collect();
        drop(rx);
        coroutine::sleep(Duration::from_millis(1));
        assert_eq!(tx.send(1), Ok(50));
        coroutine::yield_now();
        drop(tx);
        for receiver in receivers {
            assert_eq!(receiver.join(), (Ok(1), Err(RecvError::Closed)));
        }
    });
}

#[test]
fn a_receiver_whose_time_is_up_or_that_is_cancelled_has_missed_nothing() {
    everywhere(|_| {
        let (tx, mut rx) = broadcast::channel(8);
        assert_eq!(
            rx.recv_timeout(Duration::from_millis(1)),
            Err(TryRecvError::Empty)
        );
        assert_eq!(rx.recv_deadline(Instant::now()), Err(TryRecvError::Empty));
        assert!(may::time::timeout(Duration::from_millis(1), || rx.recv()).is_err());
        tx.send(1).unwrap();
        assert_eq!(rx.recv_deadline(Instant::now()), Ok(1));
    });
    on_workers(1, || {
        let (tx, mut rx) = broadcast::channel::<u32>(8);
        let receiver = spawn_waiting(move || rx.recv());
        receiver.cancel();
        assert_cancelled(receiver.join());
        assert_eq!(tx.receiver_count(), 0);
        assert_eq!(tx.send(1), Err(SendError(1)));
    });
    for workers in [1, 2, 4] {
        on_workers(workers, || {
            for round in 0..500 {
                let (tx, rx) = broadcast::channel(8);
                let rx = Arc::new(Mutex::new(rx));
                let receives = rx.clone();
                let receiver = spawn(move || receives.lock().unwrap().recv());
                (0..round % 4).for_each(|_| coroutine::yield_now());
                receiver.cancel();
                tx.send(round).unwrap();
                let mut rx = rx.lock().unwrap();
                eventually("the receiver has ended", || receiver.is_finished());
                match receiver.join() {
                    Ok(received) => assert_eq!(received, Ok(round)),
                    Err(_) => assert_eq!(rx.recv(), Ok(round)),
                }
            }
        });
    }
}

#[test]
fn a_channel_says_who_is_there() {
    let (tx, rx) = broadcast::channel::<u32>(2);
    assert!(tx.is_empty() && rx.is_empty());
    assert_eq!((tx.receiver_count(), tx.clone().receiver_count()), (1, 1));
    let again = rx.resubscribe();
    assert_eq!(tx.receiver_count(), 2);
    assert!(again.same_channel(&rx) && tx.same_channel(&tx.clone()));
    let (other, _rx) = broadcast::channel::<u32>(2);
    assert!(!other.same_channel(&tx));
    drop((rx, again));
    assert_eq!(tx.receiver_count(), 0);
    assert!(std::panic::catch_unwind(|| broadcast::channel::<u32>(0)).is_err());
}

/// Several may wait with one receiver: each gets a message of its own, and the end is told to all.
#[test]
fn several_wait_with_one_receiver() {
    everywhere(|place| {
        for _ in 0..50 {
            let (tx, shared) = broadcast::channel(16);
            let (shared, mut single) = (Arc::new(shared), tx.subscribe());
            let waiters = |_| {
                let shared = shared.clone();
                place.start(move || op::recv(&*shared).wait())
            };
            let together: Vec<_> = (0..3).map(waiters).collect();
            let alone = place.start(move || [(); 3].map(|()| single.recv().unwrap()));
            coroutine::yield_now();
            for number in 0..3 {
                tx.send(number).unwrap();
                coroutine::yield_now();
            }
            let mut got: Vec<_> = together
                .into_iter()
                .map(|one| one.join().unwrap())
                .collect();
            got.sort_unstable();
            assert_eq!(got, [0, 1, 2]);
            assert_eq!(alone.join(), [0, 1, 2]);
            let left: Vec<_> = (0..3).map(waiters).collect();
            coroutine::yield_now();
            drop(tx);
            for one in left {
                assert_eq!(one.join(), Err(RecvError::Closed));
            }
        }
    });
}
