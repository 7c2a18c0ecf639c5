//! `channel::SendPermit`: a reserved slot is counted until it is used or given back, whatever
//! becomes of its holder; and, as they are made of the same channel, what `sync::{mpmc, spsc}` have
//! that `std::sync::mpsc` has not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use may::channel::{SendError, TrySendError, bounded, unbounded};
use may::coroutine::{self, spawn};
use may::sync::{Arc, mpmc, spsc};
use may::time;
use may_tests::{assert_cancelled, eventually, everywhere, on_workers, spawn_waiting, with_seeds};

#[test]
fn a_reserved_slot_counts_as_taken_until_it_is_used_or_given_back() {
    let (tx, rx) = bounded(2);
    let one = tx.reserve().unwrap();
    assert!(tx.is_empty() && !tx.is_full());
    let two = tx.try_reserve().unwrap();
    assert!(tx.is_empty() && tx.is_full() && rx.is_full());
    assert!(matches!(tx.try_reserve(), Err(TrySendError::Full(()))));
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    assert!(rx.try_recv().is_err(), "there is no message in it yet");
    two.send(2).unwrap();
    assert_eq!((tx.len(), rx.recv()), (1, Ok(2)));
    assert!(!tx.is_full());
    drop(one);
    tx.try_send(3).unwrap();
    tx.try_send(4).unwrap();
    assert!(rx.try_iter().eq([3, 4]));
}

#[test]
fn a_slot_that_is_given_back_lets_a_sender_in() {
    everywhere(|place| {
        let (tx, rx) = bounded(1);
        let permit = tx.reserve().unwrap();
        let sends = tx.clone();
        let sender = place.start(move || sends.send(1));
        let reserves = tx.clone();
        let reserver = place.start(move || reserves.reserve().unwrap().send(1));
        coroutine::sleep(Duration::from_millis(1));
        assert!(rx.is_empty());
        drop(permit);
        assert_eq!((rx.recv(), rx.recv()), (Ok(1), Ok(1)));
        sender.join().unwrap();
        reserver.join().unwrap();
        assert!(!tx.is_full());
    });
}

#[test]
fn panics_cancellations_and_limits_give_the_slot_back() {
    everywhere(|_| {
        let (tx, rx) = bounded(1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _permit = tx.reserve().unwrap();
            std::panic::resume_unwind(Box::new("expected"));
        }));
        assert!(panicked.is_err() && !tx.is_full());
        let limited = time::timeout(Duration::from_millis(1), || {
            let permit = tx.reserve().unwrap();
            let _ = bounded::<u32>(0).0.reserve();
            coroutine::sleep(Duration::MAX);
            permit.send(1)
        });
        assert!(limited.is_err() && !tx.is_full());
        let holds = tx.clone();
        let holder = spawn(move || {
            let _permit = holds.reserve().unwrap();
            coroutine::park();
        });
        eventually("the slot is taken", || tx.is_full());
        holder.cancel();
        assert_cancelled(holder.join());
        assert!(!tx.is_full());
        tx.try_send(2).unwrap();
        assert_eq!(rx.recv(), Ok(2));
    });
}

#[test]
fn who_waits_for_a_slot_and_leaves_has_taken_none() {
    on_workers(1, || {
        let (tx, rx) = bounded(1);
        tx.send(0).unwrap();
        let reserves = tx.clone();
        let waiter = spawn_waiting(move || drop(reserves.reserve().unwrap()));
        waiter.cancel();
        assert_cancelled(waiter.join());
        assert!(time::timeout(Duration::from_millis(1), || tx.reserve().is_ok()).is_err());
        rx.recv().unwrap();
        assert!(!tx.is_full());
    });
}

#[test]
fn a_message_for_a_slot_comes_back_if_the_receivers_have_gone() {
    everywhere(|place| {
        let (tx, rx) = bounded(1);
        let permit = tx.reserve().unwrap();
        let waits = tx.clone();
        let waiter = place.start(move || waits.reserve().is_err());
        coroutine::yield_now();
        drop(rx);
        assert!(waiter.join(), "who waits for a slot hears of it");
        assert_eq!(permit.send(1), Err(SendError(1)));
        assert!(matches!(
            tx.try_reserve(),
            Err(TrySendError::Disconnected(()))
        ));
        assert!(tx.reserve().is_err());
        let (tx, rx) = bounded::<u32>(1);
        let permit = tx.reserve().unwrap();
        drop(rx);
        drop(permit);
    });
}

#[test]
fn a_permit_of_a_channel_without_bound_is_always_there() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        let permits: Vec<_> = (0..1_000).map(|_| tx.reserve().unwrap()).collect();
        assert!(tx.is_empty() && !tx.is_full());
        tx.send(1_000).unwrap();
        for (i, permit) in permits.into_iter().enumerate() {
            match i % 2 {
                0 => permit.send(i).unwrap(),
                _ => drop(permit),
            }
        }
        assert_eq!(rx.recv(), Ok(1_000));
        assert!(rx.try_iter().eq((0..1_000).step_by(2)));
    });
}

#[test]
fn a_permit_of_a_rendezvous_waits_for_the_receiver_when_it_is_used() {
    everywhere(|place| {
        let (tx, rx) = bounded(0);
        let permits = [tx.reserve().unwrap(), tx.try_reserve().unwrap()];
        assert!(rx.try_recv().is_err());
        let receiver = place.start(move || rx.recv());
        let [one, two] = permits;
        one.send(1).unwrap();
        assert_eq!(receiver.join(), Ok(1));
        assert_eq!(two.send(2), Err(SendError(2)), "the receiver has gone");
    });
}

#[test]
fn slots_are_never_lost_nor_made() {
    const CAPACITY: usize = 3;
    everywhere(|place| {
        with_seeds(2, |mut random| {
            let (tx, rx) = bounded(CAPACITY);
            let senders: Vec<_> = (0..6)
                .map(|_| {
                    let tx = tx.clone();
                    let mut random = random.fork();
                    place.start(move || {
                        let mut sent = 0;
                        for _ in 0..300 {
                            let permit = match random.below(3) {
                                0 => tx.reserve().ok(),
                                1 => tx.try_reserve().ok(),
                                _ => {
                                    let limit = Duration::from_nanos(random.below(30_000));
                                    time::timeout(limit, || tx.reserve().unwrap()).ok()
                                }
                            };
                            if random.below(4) == 0 {
                                coroutine::yield_now();
                            }
                            if let Some(permit) = permit
                                && random.below(3) > 0
                            {
                                permit.send(1).unwrap();
                                sent += 1;
                            }
                            assert!(tx.len() <= CAPACITY);
                        }
                        sent
                    })
                })
                .collect();
            let counts = rx.clone();
            drop(rx);
            let receiver = place.start(move || {
                // Until the last sender is done, as this one is done with the channel first
                // otherwise.
                let sum: usize = counts.iter().sum();
                sum
            });
            let watched = tx.clone();
            drop(tx);
            let sent: usize = senders.into_iter().map(|sender| sender.join()).sum();
            eventually("all are received", || watched.is_empty());
            for _ in 0..CAPACITY {
                std::mem::forget(watched.try_reserve().unwrap());
            }
            assert!(watched.try_reserve().is_err());
            drop(watched);
            assert_eq!(receiver.join(), sent);
        });
    });
}

#[test]
fn mpmc_shares_messages_among_its_receivers() {
    everywhere(|place| {
        for (tx, rx) in [
            mpmc::channel(),
            mpmc::sync_channel(3),
            mpmc::sync_channel(0),
        ] {
            assert!(tx.same_channel(&tx.clone()) && rx.same_channel(&rx.clone()));
            assert_eq!(tx.capacity(), rx.capacity());
            let receivers: Vec<_> = (0..3)
                .map(|i| {
                    let rx = rx.clone();
                    place.start(move || match i {
                        0 => rx.iter().sum::<usize>(),
                        1 => std::iter::from_fn(|| rx.recv().ok()).sum(),
                        _ => std::iter::from_fn(|| rx.recv_timeout(Duration::MAX).ok()).sum(),
                    })
                })
                .collect();
            let senders: Vec<_> = (0..3)
                .map(|_| {
                    let tx = tx.clone();
                    place.start(move || {
                        for i in 0..100 {
                            match i % 3 {
                                0 => tx.send(i).unwrap(),
                                1 => tx.send_timeout(i, Duration::MAX).unwrap(),
                                _ => tx
                                    .send_deadline(i, Instant::now() + Duration::from_secs(60))
                                    .unwrap(),
                            }
                        }
                    })
                })
                .collect();
            drop((tx, rx));
            senders.into_iter().for_each(|sender| sender.join());
            let sum: usize = receivers.into_iter().map(|receiver| receiver.join()).sum();
            assert_eq!(sum, 3 * 4_950);
        }
    });
}

#[test]
fn mpmc_and_spsc_have_the_errors_of_std() {
    let (tx, rx) = mpmc::sync_channel(1);
    tx.try_send(1).unwrap();
    assert!(tx.is_full() && rx.is_full() && rx.len() == 1 && !tx.is_empty());
    assert_eq!(tx.try_send(2), Err(mpmc::TrySendError::Full(2)));
    assert_eq!(
        tx.send_timeout(2, Duration::ZERO),
        Err(mpmc::SendTimeoutError::Timeout(2))
    );
    assert_eq!(rx.recv_deadline(Instant::now()), Ok(1));
    assert_eq!(rx.try_recv(), Err(mpmc::TryRecvError::Empty));
    assert_eq!(
        rx.recv_timeout(Duration::ZERO),
        Err(mpmc::RecvTimeoutError::Timeout)
    );
    drop(rx);
    assert_eq!(tx.send(3), Err(mpmc::SendError(3)));

    let (tx, rx) = spsc::channel();
    tx.send(1).unwrap();
    assert_eq!(rx.try_iter().collect::<Vec<_>>(), [1]);
    assert_eq!(
        rx.recv_timeout(Duration::ZERO),
        Err(spsc::RecvTimeoutError::Timeout)
    );
    drop(tx);
    assert_eq!(rx.recv(), Err(spsc::RecvError));
    assert_eq!(rx.try_recv(), Err(spsc::TryRecvError::Disconnected));
}

#[test]
fn spsc_carries_messages_in_order_from_one_to_one() {
    everywhere(|place| {
        for messages in [1, 1_000, 10_000] {
            let (tx, rx) = spsc::channel();
            let sender = place.start(move || (0..messages).for_each(|i| tx.send(i).unwrap()));
            let order = Arc::new(());
            let keeps = order.clone();
            let receiver = place.start(move || {
                let _keeps = keeps;
                rx.into_iter().eq(0..messages)
            });
            sender.join();
            assert!(receiver.join());
            assert_eq!(Arc::strong_count(&order), 1);
        }
    });
}
