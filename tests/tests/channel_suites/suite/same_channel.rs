//! Which ends belong to the same channel, and what may be done with ends.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::time::{Duration, Instant};

use may_tests::has;

use super::channel::{Receiver, Sender, after, at, bounded, never, tick, unbounded};
use super::{Ends, LONG, everywhere, far};

/// Asserts that clones are the same, and that others are not.
#[track_caller]
fn assert_own(ends: &Ends<Instant>, others: &[Ends<Instant>]) {
    let (tx, rx) = ends;
    assert!(tx.same_channel(tx) && rx.same_channel(rx));
    let (tx_clone, rx_clone) = (tx.clone(), rx.clone());
    assert!(tx.same_channel(&tx_clone) && tx_clone.same_channel(tx));
    assert!(rx.same_channel(&rx_clone) && rx_clone.same_channel(rx));
    assert!(tx_clone.same_channel(&tx_clone.clone()));
    for (other_tx, other_rx) in others {
        assert!(!tx.same_channel(other_tx) && !other_tx.same_channel(&tx_clone));
        assert!(!rx.same_channel(other_rx) && !other_rx.same_channel(&rx_clone));
    }
}

/// Asserts that clones of a receiver are the same, and that another is not.
#[track_caller]
fn assert_own_receiver(rx: &Receiver<Instant>, other: &Receiver<Instant>) {
    let clone = rx.clone();
    assert!(rx.same_channel(rx) && rx.same_channel(&clone) && clone.same_channel(rx));
    assert!(!rx.same_channel(other) && !other.same_channel(&clone));
}

#[test]
fn each_array_is_a_channel() {
    everywhere(|_| assert_own(&bounded(1), &[bounded(1), bounded(2)]));
}

#[test]
fn each_list_is_a_channel() {
    everywhere(|_| assert_own(&unbounded(), &[unbounded(), unbounded()]));
}

#[test]
fn each_rendezvous_is_a_channel() {
    everywhere(|_| assert_own(&bounded(0), &[bounded(0), bounded(0)]));
}

#[test]
fn each_timer_is_a_channel() {
    everywhere(|_| {
        assert_own_receiver(&after(LONG), &after(LONG));
        let due = far();
        assert_own_receiver(&at(due), &at(due));
        // Also when it is over.
        let (one, other) = (after(Duration::ZERO), after(Duration::ZERO));
        one.recv().unwrap();
        assert_own_receiver(&one, &other);
    });
}

#[test]
fn each_ticker_is_a_channel() {
    everywhere(|_| assert_own_receiver(&tick(LONG), &tick(LONG)));
}

#[test]
fn all_that_receive_nothing_are_the_same() {
    everywhere(|_| {
        let (one, other) = (never::<u32>(), never::<u32>());
        assert!(one.same_channel(&one) && one.same_channel(&one.clone()));
        assert!(one.same_channel(&other) && other.same_channel(&one));
    });
}

#[test]
fn different_kinds_are_different_channels() {
    everywhere(|_| {
        assert_own(&bounded(0), &[bounded(1), unbounded()]);
        assert_own(&bounded(1), &[bounded(0), unbounded()]);
        assert_own(&unbounded(), &[bounded(0), bounded(1)]);
        let (due, mut others) = (far(), Vec::new());
        let senders = [bounded(0), bounded(1), unbounded()];
        others.extend(senders.iter().map(|(_, rx)| rx.clone()));
        others.extend([after(LONG), at(due), tick(LONG), never()]);
        for (i, one) in others.iter().enumerate() {
            for (j, other) in others.iter().enumerate() {
                assert_eq!(one.same_channel(other), i == j, "{i} and {j}");
            }
        }
    });
}

#[test]
fn a_channel_stays_the_same_without_its_other_end() {
    everywhere(|_| {
        for (tx, rx) in [bounded::<()>(0), bounded(1), unbounded()] {
            let (other_tx, other_rx) = (tx.clone(), rx.clone());
            drop(tx);
            assert!(rx.same_channel(&other_rx));
            drop((rx, other_rx));
            assert!(other_tx.same_channel(&other_tx.clone()));
        }
    });
}

#[test]
fn ends_are_shared_and_sent_if_their_messages_may_be_sent() {
    assert!(has!(Sender<u32>: Send) && has!(Sender<u32>: Sync));
    assert!(has!(Receiver<u32>: Send) && has!(Receiver<u32>: Sync));
    // A message in a channel cannot be reached, so it need not be `Sync` itself.
    assert!(has!(Sender<std::cell::Cell<u32>>: Sync));
    assert!(has!(Receiver<std::cell::Cell<u32>>: Sync));
    assert!(!has!(Sender<Rc<u32>>: Send) && !has!(Sender<Rc<u32>>: Sync));
    assert!(!has!(Receiver<Rc<u32>>: Send) && !has!(Receiver<Rc<u32>>: Sync));
    assert!(!has!(Sender<u32>: Copy) && has!(Sender<Rc<u32>>: Clone));
    assert!(!has!(Receiver<u32>: Copy) && has!(Receiver<Rc<u32>>: Clone));
}

#[test]
fn ends_may_cross_what_catches_a_panic() {
    assert!(has!(Sender<&mut u32>: UnwindSafe) && has!(Sender<&mut u32>: RefUnwindSafe));
    assert!(has!(Receiver<&mut u32>: UnwindSafe) && has!(Receiver<&mut u32>: RefUnwindSafe));
}
