//! The channel without a buffer, where a sender and a receiver meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use may::coroutine::yield_now;
use may_tests::{Random, eventually, with_seeds};

use super::bodies::{tests_of_channels_that_fill, tests_of_every_channel};
use super::channel::{
    RecvTimeoutError, SendTimeoutError, Sender, TryRecvError, TrySendError, bounded,
};
use super::{Counted, Ends, LONG, SHORT, everywhere, join_all, let_them_wait, several};

tests_of_every_channel! { bounded(0) }
tests_of_channels_that_fill! { bounded(0) }

/// Asserts what both ends say, also while one waits: it is as empty as it is full.
#[track_caller]
fn assert_no_buffer<T>((tx, rx): &Ends<T>) {
    assert_eq!((tx.len(), rx.len()), (0, 0));
    assert!(tx.is_empty() && rx.is_empty() && tx.is_full() && rx.is_full());
    assert_eq!((tx.capacity(), rx.capacity()), (Some(0), Some(0)));
}

#[test]
fn there_is_never_anything_in_it() {
    everywhere(|place| {
        let ends = bounded(0);
        assert_no_buffer(&ends);
        let tx = ends.0.clone();
        let sender = place.start(move || tx.send(7).unwrap());
        let_them_wait();
        assert_no_buffer(&ends);
        assert_eq!(ends.1.recv(), Ok(7));
        sender.join();
        assert_no_buffer(&ends);
        let rx = ends.1.clone();
        let receiver = place.start(move || rx.recv());
        let_them_wait();
        assert_no_buffer(&ends);
        ends.0.send(8).unwrap();
        assert_eq!(receiver.join(), Ok(8));
        assert_no_buffer(&ends);
    });
}

#[test]
fn try_send_needs_a_receiver_that_waits() {
    everywhere(|place| {
        let (tx, rx) = bounded(0);
        assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
        let rx_there = rx.clone();
        let receiver = place.start(move || rx_there.recv());
        eventually("the receiver waits", || tx.try_send(2).is_ok());
        assert_eq!(receiver.join(), Ok(2));
        // The one that waited has been served, and there is no other.
        assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)));
        drop(rx);
        assert_eq!(tx.try_send(4), Err(TrySendError::Disconnected(4)));
    });
}

#[test]
fn try_recv_needs_a_sender_that_waits() {
    everywhere(|place| {
        let (tx, rx) = bounded(0);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        let tx_there = tx.clone();
        let sender = place.start(move || tx_there.send(1));
        eventually("the sender waits", || rx.try_recv() == Ok(1));
        assert_eq!(sender.join(), Ok(()));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        drop(tx);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    });
}

#[test]
fn time_does_not_matter_if_the_other_waits() {
    everywhere(|place| {
        let (tx, rx) = bounded(0);
        let receiver = place.start(move || {
            let received = (rx.recv(), rx.recv());
            (received, rx)
        });
        eventually("the receiver waits", || {
            tx.send_timeout(1, Duration::ZERO).is_ok()
        });
        eventually("it waits again", || {
            tx.send_deadline(2, super::past()).is_ok()
        });
        let (received, rx) = receiver.join();
        assert_eq!(received, (Ok(1), Ok(2)));
        let sender = place.start(move || {
            tx.send(3).unwrap();
            tx.send(4).unwrap();
        });
        eventually("the sender waits", || {
            rx.recv_timeout(Duration::ZERO) == Ok(3)
        });
        eventually("it waits again", || {
            rx.recv_deadline(super::past()) == Ok(4)
        });
        sender.join();
    });
}

#[test]
fn send_returns_after_somebody_has_come_to_receive() {
    everywhere(|place| {
        let (tx, rx) = bounded(0);
        let come = Arc::new(AtomicUsize::new(0));
        let has_come = come.clone();
        let sender = place.start(move || {
            for i in 1..=500 {
                tx.send(i).unwrap();
                assert!(has_come.load(SeqCst) >= i, "sent before it was received");
            }
        });
        for i in 1..=500 {
            if i % 3 == 0 {
                yield_now();
            }
            come.store(i, SeqCst);
            assert_eq!(rx.recv(), Ok(i));
        }
        sender.join();
    });
}

#[test]
fn each_sender_meets_one_receiver() {
    everywhere(|place| {
        const PAIRS: usize = 40;
        for receivers_first in [false, true] {
            let (tx, rx) = bounded(0);
            let receive = move |_| rx.recv().unwrap();
            let send = move |number| tx.send(number).unwrap();
            let (senders, receivers);
            if receivers_first {
                receivers = several(place, PAIRS, receive);
                let_them_wait();
                senders = several(place, PAIRS, send);
            } else {
                senders = several(place, PAIRS, send);
                let_them_wait();
                receivers = several(place, PAIRS, receive);
            }
            join_all(senders);
            let mut received = join_all(receivers);
            received.sort_unstable();
            assert!(received.into_iter().eq(0..PAIRS));
        }
    });
}

#[test]
fn a_sender_that_gives_up_leaves_nothing() {
    everywhere(|place| {
        let (tx, rx) = bounded(0);
        let senders = several(place, 3, move |number| {
            let result = tx.send_timeout(number, SHORT);
            assert_eq!(result, Err(SendTimeoutError::Timeout(number)));
            tx.clone()
        });
        let txs = join_all(senders);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        drop(txs);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    });
}

#[test]
fn a_receiver_that_gives_up_takes_nothing() {
    everywhere(|place| {
        let (tx, rx) = bounded(0);
        let receivers = several(place, 3, move |_| {
            assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
            rx.clone()
        });
        let rxs = join_all(receivers);
        assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
        let result = tx.send_timeout(1, SHORT);
        assert_eq!(result, Err(SendTimeoutError::Timeout(1)));
        drop(rxs);
        assert_eq!(tx.try_send(1), Err(TrySendError::Disconnected(1)));
    });
}

#[test]
fn one_that_gives_up_does_not_take_the_turn_of_the_next() {
    everywhere(|place| {
        let (tx, rx) = bounded(0);
        let (patient, impatient) = (tx.clone(), tx);
        let first = place.start(move || impatient.send_timeout(1, SHORT));
        let_them_wait();
        let second = place.start(move || patient.send_timeout(2, LONG));
        // The first may have met the receiver, if it was late; so does the second in any case.
        let mut received: Vec<_> = rx.iter().collect();
        received.sort_unstable();
        match first.join() {
            Ok(()) => assert_eq!(received, [1, 2]),
            Err(back) => {
                assert_eq!(back, SendTimeoutError::Timeout(1));
                assert_eq!(received, [2]);
            }
        }
        assert_eq!(second.join(), Ok(()));
    });
}

/// Sends with all sorts of timeouts and gives up after them; returns the sum of what was sent.
fn send_and_give_up(tx: &Sender<usize>, mut random: Random) -> usize {
    let mut sum = 0;
    for i in 1..=500 {
        let result = match random.below(3) {
            0 => tx.try_send(i).is_ok(),
            _ => {
                let timeout = Duration::from_nanos(random.below(50_000));
                tx.send_timeout(i, timeout).is_ok()
            }
        };
        if result {
            sum += i;
        }
        if random.below(8) == 0 {
            yield_now();
        }
    }
    sum
}

#[test]
fn nothing_is_lost_when_timeouts_race_with_the_other_side() {
    everywhere(|place| {
        with_seeds(2, |mut random| {
            let (tx, rx) = bounded(0);
            let seeds = [random.below(1 << 40), random.below(1 << 40)];
            let receivers = several(place, 2, move |number| {
                let mut random = Random::new(seeds[number]);
                let mut sum = 0;
                loop {
                    let timeout = Duration::from_nanos(random.below(50_000));
                    match rx.recv_timeout(timeout) {
                        Ok(message) => sum += message,
                        Err(RecvTimeoutError::Timeout) => {}
                        Err(RecvTimeoutError::Disconnected) => return sum,
                    }
                }
            });
            let senders = several(place, 2, move |number| {
                send_and_give_up(&tx, Random::new(!seeds[number]))
            });
            let sent: usize = join_all(senders).into_iter().sum();
            let received: usize = join_all(receivers).into_iter().sum();
            assert_eq!(sent, received);
        });
    });
}

#[test]
fn a_message_belongs_to_one_side_at_any_time() {
    everywhere(|place| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = bounded(0);
        let counts = dropped.clone();
        let sender = place.start(move || {
            let mut made = 0;
            loop {
                made += 1;
                let message = Counted(counts.clone());
                match tx.send_timeout(message, Duration::from_micros(20)) {
                    Ok(()) => {}
                    Err(SendTimeoutError::Timeout(back)) => drop(back),
                    Err(SendTimeoutError::Disconnected(_)) => return made,
                }
            }
        });
        for _ in 0..200 {
            assert!(rx.recv_timeout(LONG).is_ok());
            yield_now();
        }
        drop(rx);
        let made = sender.join();
        assert_eq!(dropped.load(SeqCst), made);
    });
}
