//! The channel without a limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use may_tests::{eventually, with_seeds};

use super::bodies::{tests_of_channels_with_a_buffer, tests_of_every_channel};
use super::channel::{SendError, Sender, TryRecvError, TrySendError, unbounded};
use super::{Counted, Ends, everywhere, join_all, several};

tests_of_every_channel! { unbounded() }
tests_of_channels_with_a_buffer! { unbounded() }

/// Asserts what both ends say about how many messages there are.
#[track_caller]
fn assert_len<T>((tx, rx): &Ends<T>, len: usize) {
    assert_eq!((tx.len(), rx.len()), (len, len));
    assert_eq!((tx.is_empty(), rx.is_empty()), (len == 0, len == 0));
    assert!(!tx.is_full() && !rx.is_full());
    assert_eq!((tx.capacity(), rx.capacity()), (None, None));
}

#[test]
fn a_message_goes_in_and_comes_out() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        tx.try_send(7).unwrap();
        assert_eq!(rx.try_recv(), Ok(7));
        tx.send(8).unwrap();
        assert_eq!(rx.recv(), Ok(8));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn both_ends_know_at_every_step_how_many_there_are() {
    everywhere(|_| {
        let ends = unbounded();
        for len in 0..200 {
            assert_len(&ends, len);
            ends.0.send(len).unwrap();
        }
        for len in (0..200).rev() {
            assert_eq!(ends.1.recv(), Ok(199 - len));
            assert_len(&ends, len);
        }
    });
}

#[test]
fn it_grows_and_shrinks_without_anybody_waiting() {
    everywhere(|_| {
        let ends = unbounded();
        let (mut sent, mut received) = (0, 0);
        // However it keeps them, in pieces or in one that grows, these lengths cross the borders in
        // many ways.
        for (more, fewer) in [
            (10_000, 9_999),
            (31, 32),
            (1, 0),
            (63, 64),
            (500, 400),
            (1, 101),
        ] {
            for _ in 0..more {
                assert_eq!(ends.0.try_send(sent), Ok(()));
                sent += 1;
            }
            assert_len(&ends, sent - received);
            for _ in 0..fewer {
                assert_eq!(ends.1.try_recv(), Ok(received));
                received += 1;
            }
            assert_len(&ends, sent - received);
        }
        assert_eq!(ends.1.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn a_window_of_messages_moves_through_the_channel() {
    everywhere(|_| {
        for window in [1, 2, 30, 31, 32, 33, 100] {
            let ends = unbounded();
            (0..window).for_each(|i| ends.0.send(i).unwrap());
            for i in 0..500 {
                assert_eq!(ends.1.recv(), Ok(i));
                ends.0.send(i + window).unwrap();
                assert_len(&ends, window);
            }
        }
    });
}

#[test]
fn all_that_was_sent_before_anybody_receives_is_received() {
    everywhere(|place| {
        let (tx, rx) = unbounded();
        let senders = several(place, 4, move |number| {
            for i in 0..2_500 {
                tx.send(number * 2_500 + i).unwrap();
            }
        });
        join_all(senders);
        assert_eq!(rx.len(), 10_000);
        let received = join_all(several(place, 3, move |_| rx.iter().collect::<Vec<_>>()));
        let mut received: Vec<_> = received.into_iter().flatten().collect();
        received.sort_unstable();
        assert!(received.into_iter().eq(0..10_000));
    });
}

#[test]
fn one_who_both_sends_and_receives_never_waits() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        for i in 0..10_000 {
            tx.send(i).unwrap();
            assert_eq!(rx.recv(), Ok(i));
        }
    });
}

#[test]
fn the_number_of_messages_comes_back_to_nothing_when_all_are_received() {
    everywhere(|place| {
        let (tx, rx) = unbounded();
        let received = Arc::new(AtomicUsize::new(0));
        let (for_receivers, rx_there) = (received.clone(), rx.clone());
        let receivers = several(place, 2, move |_| {
            while rx_there.recv().is_ok() {
                assert!(rx_there.len() <= 4_000);
                for_receivers.fetch_add(1, SeqCst);
            }
        });
        let tx_there = tx.clone();
        let senders = several(place, 2, move |_| {
            for i in 0..2_000 {
                tx_there.send(i).unwrap();
                assert!(tx_there.len() <= 4_000);
            }
        });
        join_all(senders);
        eventually("all are received", || received.load(SeqCst) == 4_000);
        assert_eq!((tx.len(), rx.len()), (0, 0));
        assert!(tx.is_empty() && rx.is_empty());
        drop(tx);
        join_all(receivers);
    });
}

#[test]
fn the_last_receiver_takes_the_messages_with_it() {
    everywhere(|_| {
        with_seeds(20, |mut random| {
            let dropped = Arc::new(AtomicUsize::new(0));
            let (tx, rx) = unbounded();
            let (before, after) = (random.below(200) as usize, random.below(200) as usize);
            // Those at the front are gone already, so that the first place is anywhere.
            for _ in 0..before {
                tx.send(Counted(dropped.clone())).unwrap();
            }
            assert_eq!(rx.try_iter().count(), before);
            for _ in 0..after {
                tx.send(Counted(dropped.clone())).unwrap();
            }
            let other = rx.clone();
            drop(rx);
            assert_eq!(dropped.load(SeqCst), before, "one can still receive");
            drop(other);
            assert_eq!(dropped.load(SeqCst), before + after);
            // One more is given back, as there is no receiver.
            assert!(tx.send(Counted(dropped.clone())).is_err());
            assert_eq!(dropped.load(SeqCst), before + after + 1);
        });
    });
}

/// A message that sends another when it is dropped.
struct Replies(Option<(Sender<Replies>, Counted)>);

impl Drop for Replies {
    fn drop(&mut self) {
        if let Some((tx, _)) = self.0.take() {
            assert!(tx.send(Replies(None)).is_err(), "nobody is there");
        }
    }
}

#[test]
fn a_destructor_of_a_message_may_use_its_channel() {
    everywhere(|_| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = unbounded();
        for _ in 0..40 {
            let message = Replies(Some((tx.clone(), Counted(dropped.clone()))));
            assert!(tx.send(message).is_ok());
        }
        drop(rx);
        assert_eq!(dropped.load(SeqCst), 40);
    });
}

#[test]
fn there_is_nothing_that_hinders_a_sender_but_that_nobody_receives() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        for i in 0..1_000 {
            assert_eq!(tx.try_send(i), Ok(()));
        }
        drop(rx);
        // More than once, as the first refusal must not change anything.
        for i in 0..3 {
            assert_eq!(tx.try_send(i), Err(TrySendError::Disconnected(i)));
            assert_eq!(tx.send(i), Err(SendError(i)));
        }
    });
}

#[test]
fn a_receiver_may_go_while_many_are_sending() {
    everywhere(|place| {
        for _ in 0..20 {
            let (tx, rx) = unbounded();
            let senders = several(place, 3, move |_| (0..).find(|i| tx.send(*i).is_err()));
            assert!(rx.recv().is_ok());
            drop(rx);
            assert!(join_all(senders).iter().all(Option::is_some));
        }
    });
}

/// A message of which a few dozen are more than a coroutine's stack.
struct Huge {
    number: usize,
    _rest: [u8; 4 << 10],
}

#[test]
fn many_big_messages_take_no_stack() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        for number in 0..100 {
            let message = Huge {
                number,
                _rest: [0; 4 << 10],
            };
            assert!(tx.send(message).is_ok());
        }
        for number in 0..50 {
            assert!(rx.recv().is_ok_and(|message| message.number == number));
        }
        // The others are dropped with the channel.
        drop((tx, rx));
    });
}

#[test]
fn a_long_list_of_channels_within_channels_is_unpacked_from_outside() {
    /// A message that is the channel of the next.
    struct Nested(Option<Box<(Ends<Nested>, Counted)>>);

    everywhere(|_| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let mut nested = Nested(None);
        // Not so many that their destructors, which are within each other, need much stack.
        for _ in 0..50 {
            let ends = unbounded();
            assert!(ends.0.send(nested).is_ok());
            nested = Nested(Some(Box::new((ends, Counted(dropped.clone())))));
        }
        let mut next = nested;
        for unpacked in 0..25 {
            assert_eq!(dropped.load(SeqCst), unpacked);
            let Some(inner) = next.0.take() else {
                panic!("there are more");
            };
            next = inner.0.1.recv().unwrap();
        }
        drop(next);
        assert_eq!(dropped.load(SeqCst), 50);
    });
}
