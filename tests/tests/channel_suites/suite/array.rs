//! The channel with a buffer of a fixed size.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use may_tests::eventually;

use super::bodies::{
    tests_of_channels_that_fill, tests_of_channels_with_a_buffer, tests_of_every_channel,
};
use super::channel::{SendError, TryRecvError, TrySendError, bounded};
use super::{Ends, everywhere, join_all, several};

tests_of_every_channel! { bounded(4) }
tests_of_channels_that_fill! { bounded(4) }
tests_of_channels_with_a_buffer! { bounded(4) }

/// The sizes that are tried where the size may matter: the smallest, odd ones, and a power of two.
const SIZES: [usize; 5] = [1, 2, 3, 7, 64];

/// Asserts what both ends say about how many messages there are.
#[track_caller]
fn assert_len<T>((tx, rx): &Ends<T>, len: usize, capacity: usize) {
    assert_eq!((tx.len(), rx.len()), (len, len));
    assert_eq!((tx.is_empty(), rx.is_empty()), (len == 0, len == 0));
    let full = len == capacity;
    assert_eq!((tx.is_full(), rx.is_full()), (full, full));
    let capacity = Some(capacity);
    assert_eq!((tx.capacity(), rx.capacity()), (capacity, capacity));
}

#[test]
fn a_message_goes_in_and_comes_out() {
    everywhere(|_| {
        let (tx, rx) = bounded(1);
        tx.send(7).unwrap();
        assert_eq!(rx.try_recv(), Ok(7));
        tx.try_send(8).unwrap();
        assert_eq!(rx.recv(), Ok(8));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn both_ends_know_at_every_step_how_many_there_are() {
    everywhere(|_| {
        for size in SIZES {
            let ends = bounded(size);
            // More than one round, so that the buffer is full and empty at each of its places.
            for start in 0..2 * size + 3 {
                for len in 0..size {
                    assert_len(&ends, len, size);
                    ends.0.send(start + len).unwrap();
                }
                assert_len(&ends, size, size);
                assert_eq!(ends.0.try_send(0), Err(TrySendError::Full(0)));
                for len in (0..size).rev() {
                    assert_eq!(ends.1.recv(), Ok(start + size - 1 - len));
                    assert_len(&ends, len, size);
                }
                assert_eq!(ends.1.try_recv(), Err(TryRecvError::Empty));
                // The next round begins one place further.
                ends.0.send(0).unwrap();
                ends.1.recv().unwrap();
            }
        }
    });
}

#[test]
fn a_window_of_messages_moves_through_the_buffer() {
    everywhere(|_| {
        let ends = bounded(7);
        for window in 1..=7 {
            (0..window).for_each(|i| ends.0.send(i).unwrap());
            for i in 0..100 {
                assert_eq!(ends.1.recv(), Ok(i));
                ends.0.send(i + window).unwrap();
                assert_len(&ends, window, 7);
            }
            assert_eq!(ends.1.try_iter().count(), window);
        }
    });
}

#[test]
fn messages_keep_their_order_whatever_the_size() {
    everywhere(|place| {
        for size in SIZES {
            let (tx, rx) = bounded(size);
            let sender = place.start(move || (0..3_000).for_each(|i| tx.send(i).unwrap()));
            assert!(rx.into_iter().eq(0..3_000));
            sender.join();
        }
    });
}

#[test]
fn try_send_says_what_hinders_it() {
    everywhere(|place| {
        let (tx, rx) = bounded(1);
        assert_eq!(tx.try_send(1), Ok(()));
        let full = tx.try_send(2).unwrap_err();
        assert_eq!(full, TrySendError::Full(2));
        assert!(full.is_full() && !full.is_disconnected());
        let receiver = place.start(move || {
            assert_eq!(rx.recv(), Ok(1));
            rx
        });
        eventually("there is room again", || tx.try_send(3).is_ok());
        drop(receiver.join());
        let gone = tx.try_send(4).unwrap_err();
        assert_eq!(gone, TrySendError::Disconnected(4));
        assert!(gone.is_disconnected() && !gone.is_full());
        assert_eq!(gone.into_inner(), 4);
    });
}

#[test]
fn try_recv_says_what_hinders_it() {
    everywhere(|place| {
        let (tx, rx) = bounded(1);
        let empty = rx.try_recv().unwrap_err();
        assert!(empty.is_empty() && !empty.is_disconnected());
        let sender = place.start(move || {
            tx.send(1).unwrap();
            tx
        });
        eventually("there is a message", || rx.try_recv() == Ok(1));
        drop(sender.join());
        let gone = rx.try_recv().unwrap_err();
        assert!(gone.is_disconnected() && !gone.is_empty());
    });
}

#[test]
fn a_full_channel_without_receivers_is_disconnected_first() {
    everywhere(|_| {
        let (tx, rx) = bounded(1);
        tx.send(1).unwrap();
        drop(rx);
        assert_eq!(tx.try_send(2), Err(TrySendError::Disconnected(2)));
        assert_eq!(tx.send(2), Err(SendError(2)));
    });
}

#[test]
fn the_number_of_messages_stays_within_the_size_while_they_flow() {
    everywhere(|place| {
        for size in SIZES {
            let (tx, rx) = bounded(size);
            let received = Arc::new(AtomicUsize::new(0));
            let (for_receivers, rx_there) = (received.clone(), rx.clone());
            let receivers = several(place, 2, move |_| {
                while rx_there.recv().is_ok() {
                    assert!(rx_there.len() <= size);
                    for_receivers.fetch_add(1, SeqCst);
                }
            });
            let tx_there = tx.clone();
            let senders = several(place, 2, move |_| {
                for i in 0..1_000 {
                    tx_there.send(i).unwrap();
                    assert!(tx_there.len() <= size);
                }
            });
            join_all(senders);
            eventually("all are received", || received.load(SeqCst) == 2_000);
            assert_eq!((tx.len(), rx.len()), (0, 0));
            assert!(tx.is_empty() && rx.is_empty() && !tx.is_full() && !rx.is_full());
            drop(tx);
            join_all(receivers);
        }
    });
}

#[test]
fn a_single_place_serves_two_who_answer_each_other() {
    everywhere(|place| {
        let (there, here) = (bounded(1), bounded(1));
        let (asked, answers) = (there.1, here.0);
        let partner = place.start(move || {
            for question in asked {
                answers.send(question + 1).unwrap();
            }
        });
        for i in 0..2_000 {
            there.0.send(i).unwrap();
            assert_eq!(here.1.recv(), Ok(i + 1));
        }
        drop(there.0);
        partner.join();
        assert!(here.1.recv().is_err());
    });
}
