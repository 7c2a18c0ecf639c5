//! The iterators over what arrives: waiting, not waiting, and owning the receiver.

use may_tests::eventually;

use super::channel::{Receiver, RecvError, TryRecvError, bounded, unbounded};
use super::{Ends, LONG, everywhere, let_them_wait};

/// A channel of each kind that has senders.
fn kinds<T>() -> [Ends<T>; 3] {
    [bounded(0), bounded(2), unbounded()]
}

#[test]
fn iter_waits_and_ends_with_the_last_sender() {
    everywhere(|place| {
        for (tx, rx) in kinds() {
            let receiver = place.start(move || {
                let mut iter = rx.iter();
                assert_eq!(iter.by_ref().take(3).collect::<Vec<_>>(), [1, 2, 3]);
                // The end remains the end.
                assert_eq!((iter.next(), iter.next()), (None, None));
            });
            for i in 1..4 {
                let_them_wait();
                tx.send(i).unwrap();
            }
            let_them_wait();
            drop(tx);
            receiver.join();
        }
    });
}

#[test]
fn a_loop_over_a_receiver_may_be_left_and_begun_again() {
    everywhere(|place| {
        for (tx, rx) in kinds() {
            let sender = place.start(move || (0..9).for_each(|i| tx.send(i).unwrap()));
            for message in &rx {
                if message == 4 {
                    break;
                }
            }
            assert_eq!(rx.recv(), Ok(5));
            assert_eq!((&rx).into_iter().next(), Some(6));
            assert!(rx.iter().eq([7, 8]));
            assert_eq!(rx.recv(), Err(RecvError));
            sender.join();
        }
    });
}

#[test]
fn a_sender_is_told_when_a_loop_that_owned_the_receiver_is_left() {
    everywhere(|place| {
        for (tx, rx) in kinds() {
            let sender = place.start(move || (0..).find(|i| tx.send(*i).is_err()));
            for message in rx {
                if message == 4 {
                    break;
                }
            }
            assert!(sender.join().unwrap() > 4);
        }
    });
}

#[test]
fn try_iter_ends_when_there_is_nothing_now() {
    everywhere(|place| {
        for (tx, rx) in kinds() {
            let mut iter = rx.try_iter();
            assert_eq!(iter.next(), None);
            let sender = place.start(move || {
                (0..100).for_each(|i| tx.send(i).unwrap());
                tx
            });
            let mut received = Vec::new();
            // One that has ended goes on when something has come.
            eventually("all have come", || {
                received.extend(iter.by_ref());
                received.len() == 100
            });
            assert!(received.into_iter().eq(0..100));
            let tx = sender.join();
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            drop(tx);
            assert_eq!(iter.next(), None);
        }
    });
}

#[test]
fn into_iter_owns_the_receiver() {
    everywhere(|place| {
        for (tx, rx) in kinds() {
            let tx_there = tx.clone();
            let sender = place.start(move || (0..3).for_each(|i| tx_there.send(i).unwrap()));
            let mut iter = rx.into_iter();
            assert_eq!(
                (iter.next(), iter.next(), iter.next()),
                (Some(0), Some(1), Some(2))
            );
            sender.join();
            drop(iter);
            assert!(tx.send(4).is_err());
        }
    });
}

#[test]
fn into_iter_ends_with_the_last_sender() {
    everywhere(|place| {
        for (tx, rx) in kinds() {
            let sender = place.start(move || (0..50).for_each(|i| tx.send(i).unwrap()));
            let mut iter = rx.into_iter();
            assert!(iter.by_ref().eq(0..50));
            assert_eq!((iter.next(), iter.next()), (None, None));
            sender.join();
        }
    });
}

#[test]
fn iterators_of_clones_share_the_messages() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        let other = rx.clone();
        let (mut one, mut another) = (rx.iter(), other.iter());
        (0..4).for_each(|i| tx.send(i).unwrap());
        assert_eq!((one.next(), another.next()), (Some(0), Some(1)));
        assert_eq!((another.next(), one.next()), (Some(2), Some(3)));
        assert_eq!(rx.try_iter().next(), None);
    });
}

#[test]
fn loops_over_receivers_that_arrive_may_be_nested() {
    everywhere(|place| {
        let (outer, receivers) = unbounded::<Receiver<usize>>();
        let (totals, total) = bounded(1);
        let receiver = place.start(move || {
            let mut sum = 0;
            for inner in receivers.iter() {
                for message in inner.iter() {
                    sum += message;
                }
            }
            totals.send(sum).unwrap();
        });
        for (tx, rx) in kinds() {
            outer.send(rx).unwrap();
            (1..=10).for_each(|i| tx.send(i).unwrap());
        }
        drop(outer);
        assert_eq!(total.recv_timeout(LONG), Ok(3 * 55));
        receiver.join();
    });
}
