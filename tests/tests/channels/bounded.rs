//! The bounded channel: order, capacity, disconnection, and that each message arrives once.
//! (`matrix` has timeouts and cancellations, `coroutines/cancel.rs` the sums when both race.)

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use may::channel::{RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError, bounded};
use may::coroutine::{self, Builder, Placement};
use may_tests::{eventually, everywhere, on_workers, with_seeds};

/// What one receiver got: the sender and the number of each message.
type Received = Vec<(usize, usize)>;

#[test]
fn messages_of_one_sender_arrive_in_order() {
    everywhere(|place| {
        for capacity in [1, 2, 7, 64] {
            let (tx, rx) = bounded(capacity);
            let sender = place.start(move || (0..5_000).for_each(|i| tx.send(i).unwrap()));
            assert!(rx.iter().eq(0..5_000));
            sender.join();
        }
    });
}

#[test]
fn each_message_of_many_senders_arrives_once_at_one_of_many_receivers_and_in_its_senders_order() {
    const EACH: usize = 1_000;
    everywhere(|place| {
        let (tx, rx) = bounded::<(usize, usize)>(3);
        let got: Arc<Mutex<Vec<Received>>> = Arc::default();
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let (rx, got) = (rx.clone(), got.clone());
                place.start(move || {
                    let mine = rx.iter().collect();
                    got.lock().unwrap().push(mine);
                })
            })
            .collect();
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let tx = tx.clone();
                place.start(move || (0..EACH).for_each(|i| tx.send((sender, i)).unwrap()))
            })
            .collect();
        drop(tx);
        senders.into_iter().for_each(|sender| sender.join());
        receivers.into_iter().for_each(|receiver| receiver.join());
        let mut count: HashMap<(usize, usize), usize> = HashMap::new();
        for mine in got.lock().unwrap().iter() {
            for sender in 0..4 {
                let order: Vec<_> = mine.iter().filter(|message| message.0 == sender).collect();
                assert!(
                    order.is_sorted(),
                    "each receiver sees a sender's messages in order"
                );
            }
            mine.iter()
                .for_each(|message| *count.entry(*message).or_default() += 1);
        }
        assert_eq!(count.len(), 4 * EACH);
        assert!(count.values().all(|n| *n == 1));
    });
}

#[test]
fn the_buffer_holds_as_many_as_it_says() {
    let (tx, rx) = bounded(2);
    assert_eq!((tx.capacity(), rx.capacity()), (Some(2), Some(2)));
    assert!(tx.is_empty() && rx.is_empty() && !tx.is_full());
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    assert!(tx.is_full() && rx.is_full());
    assert_eq!((tx.len(), rx.len()), (2, 2));
    assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(rx.try_iter().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert!(tx.same_channel(&tx.clone()) && rx.same_channel(&rx.clone()));
    assert!(!tx.same_channel(&bounded(2).0));
}

#[test]
fn what_was_sent_before_the_senders_went_is_still_received() {
    everywhere(|_| {
        let (tx, rx) = bounded(4);
        tx.send(1).unwrap();
        tx.send(2).unwrap();
        drop(tx);
        assert_eq!(rx.recv(), Ok(1));
        assert_eq!(rx.recv_timeout(Duration::ZERO), Ok(2));
        assert!(rx.recv().is_err());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(
            rx.recv_timeout(Duration::MAX),
            Err(RecvTimeoutError::Disconnected)
        );
    });
}

#[test]
fn a_message_that_nobody_will_receive_comes_back() {
    everywhere(|_| {
        let (tx, rx) = bounded(1);
        drop(rx);
        assert_eq!(tx.send(1).unwrap_err().into_inner(), 1);
        assert_eq!(tx.try_send(2), Err(TrySendError::Disconnected(2)));
        assert_eq!(
            tx.send_timeout(3, Duration::MAX),
            Err(SendTimeoutError::Disconnected(3))
        );
    });
}

#[test]
fn all_who_wait_hear_of_a_disconnection() {
    everywhere(|place| {
        let (tx, rx) = bounded::<u32>(1);
        let receivers: Vec<_> = (0..6)
            .map(|_| {
                let rx = rx.clone();
                place.start(move || rx.recv().is_err())
            })
            .collect();
        coroutine::yield_now();
        drop(tx);
        assert!(receivers.into_iter().all(|receiver| receiver.join()));
        drop(rx);
        let (tx, rx) = bounded(1);
        tx.send(0).unwrap();
        let senders: Vec<_> = (0..6)
            .map(|i| {
                let tx = tx.clone();
                place.start(move || tx.send(i).is_err())
            })
            .collect();
        coroutine::yield_now();
        drop(rx);
        assert!(senders.into_iter().all(|sender| sender.join()));
    });
}

#[test]
fn messages_are_dropped_once_whether_received_or_not() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    everywhere(|_| {
        let count = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = bounded(8);
        for _ in 0..8 {
            assert!(tx.send(Counted(count.clone())).is_ok());
        }
        drop(rx.recv());
        assert_eq!(count.load(SeqCst), 1);
        drop(rx);
        assert_eq!(count.load(SeqCst), 8, "nobody will receive them");
        assert!(tx.send(Counted(count.clone())).is_err());
        drop(tx);
        assert_eq!(count.load(SeqCst), 9);
        let (tx, rx) = bounded(8);
        assert!(tx.send(Counted(count.clone())).is_ok());
        drop(tx);
        drop(rx);
        assert_eq!(count.load(SeqCst), 10);
    });
}

#[test]
fn a_destructor_of_a_message_may_use_its_channel() {
    struct Uses(Option<may::channel::Sender<Uses>>);
    impl Drop for Uses {
        fn drop(&mut self) {
            if let Some(tx) = self.0.take() {
                assert!(tx.try_send(Uses(None)).is_err());
            }
        }
    }
    let (tx, rx) = bounded(4);
    assert!(tx.send(Uses(Some(tx.clone()))).is_ok());
    drop(rx);
}

#[test]
fn timed_receivers_and_senders_lose_nothing_when_time_and_message_race() {
    everywhere(|place| {
        with_seeds(5, |mut random| {
            let (tx, rx) = bounded::<usize>(1);
            let mut random_there = random.fork();
            let sender = place.start(move || {
                let mut sent = 0;
                for i in 0..300 {
                    let timeout = Duration::from_nanos(random_there.below(20_000));
                    match tx.send_timeout(i, timeout) {
                        Ok(()) => sent += 1,
                        Err(SendTimeoutError::Timeout(back)) => assert_eq!(back, i),
                        Err(SendTimeoutError::Disconnected(_)) => panic!("the receiver is there"),
                    }
                }
                sent
            });
            let mut received = 0;
            loop {
                match rx.recv_timeout(Duration::from_nanos(random.below(20_000))) {
                    Ok(_) => received += 1,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            assert_eq!(received, sender.join());
        });
    });
}

#[test]
fn a_sender_that_is_never_refused_lets_others_run() {
    may_tests::on_workers(1, || {
        let (tx, rx) = bounded(1_000_000);
        let neighbour = coroutine::spawn(|| ());
        // Without a budget this would fill the channel before the neighbour had a turn.
        while !neighbour.is_finished() {
            tx.send(())
                .expect("there is room, as the neighbour has its turn soon");
            assert!(tx.len() < 900_000, "the neighbour has had no turn");
        }
        drop(rx);
    });
}

/// The receiver that is woken for a message must be one that can fetch it: not the one that has
/// waited longest, if its worker computes.
#[test]
fn a_message_wakes_a_receiver_whose_worker_is_free() {
    const ENOUGH: u32 = 5;
    let send_while_one_computes = || {
        let mut met = 0;
        for _ in 0..50 {
            if met == ENOUGH {
                break;
            }
            let (tx, rx) = bounded(1);
            let received = Arc::new(AtomicUsize::new(usize::MAX));
            let receivers: Vec<_> = (0..2)
                .map(|worker| {
                    let (rx, received) = (rx.clone(), received.clone());
                    let waits = Arc::new(AtomicUsize::new(0));
                    let says = waits.clone();
                    let receiver = Builder::new()
                        .placement(Placement::Worker(worker))
                        .spawn(move || {
                            says.store(1, SeqCst);
                            if rx.recv().is_ok() {
                                received.store(worker, SeqCst);
                            }
                        })
                        .unwrap();
                    eventually("it waits", || waits.load(SeqCst) == 1);
                    // It has said so, but may not have been registered yet.
                    coroutine::sleep(Duration::from_millis(2));
                    receiver
                })
                .collect();
            let (computes, says) = (Arc::new(AtomicUsize::new(0)), received.clone());
            let begun = computes.clone();
            let hog = Builder::new()
                .placement(Placement::Worker(0))
                .spawn(move || {
                    begun.store(1, SeqCst);
                    let start = Instant::now();
                    while says.load(SeqCst) == usize::MAX
                        && start.elapsed() < Duration::from_millis(200)
                    {
                        std::hint::spin_loop();
                    }
                })
                .unwrap();
            eventually("it computes", || computes.load(SeqCst) == 1);
            coroutine::sleep(Duration::from_millis(2));
            tx.send(()).unwrap();
            hog.join().unwrap();
            met += u32::from(received.load(SeqCst) == 1);
            drop(tx);
            receivers
                .into_iter()
                .for_each(|receiver| receiver.join().unwrap());
        }
        // Not each time: a worker that the operating system does not let run looks as if it
        // computed.
        assert_eq!(met, ENOUGH, "so many messages met a receiver that was free");
    };
    on_workers(3, || {
        let sender = Builder::new().placement(Placement::Worker(2));
        sender
            .spawn(send_while_one_computes)
            .unwrap()
            .join()
            .unwrap();
    });
}

#[test]
fn messages_whose_destructors_panic_are_all_dropped() {
    struct Panics(Arc<AtomicUsize>);
    impl Drop for Panics {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
            panic!("a destructor (expected)");
        }
    }
    everywhere(|_| {
        for capacity in [2, 200] {
            let dropped = Arc::new(AtomicUsize::new(0));
            let (sender, receiver) = bounded(capacity);
            for _ in 0..capacity {
                assert!(sender.send(Panics(dropped.clone())).is_ok());
            }
            let gone = catch_unwind(AssertUnwindSafe(|| drop((sender, receiver))));
            assert!(gone.is_err(), "the first panic goes on");
            assert_eq!(dropped.load(SeqCst), capacity);
        }
    });
}
