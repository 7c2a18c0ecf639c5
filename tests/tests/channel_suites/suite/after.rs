//! The receivers of a single message that comes when its time has come: `after` and `at`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may_tests::{eventually, with_seeds};

use super::channel::{Receiver, RecvTimeoutError, after, at};
use super::{
    LONG, SHORT, assert_nothing_comes, everywhere, far, join_all, not_early, past, several,
};

/// Receivers of both sorts, and when their messages are due at the earliest.
fn due_after(delay: Duration) -> [(Receiver<Instant>, Instant); 2] {
    let due = Instant::now() + delay;
    [(after(delay), due), (at(due), due)]
}

/// Asserts that a message was received when it was due, and says when it was sent.
#[track_caller]
fn assert_due(message: Instant, due: Instant) {
    let now = Instant::now();
    assert!(message >= due, "it came {:?} early", due - message);
    assert!(message <= now, "it comes from the future");
}

#[test]
fn nothing_is_there_before_its_time() {
    everywhere(|_| {
        for (rx, _) in due_after(LONG) {
            assert_nothing_comes(&rx);
            assert_eq!((rx.is_full(), rx.capacity()), (false, Some(1)));
        }
    });
}

#[test]
fn the_message_is_there_when_its_time_has_come_and_once() {
    everywhere(|_| {
        for (rx, due) in due_after(SHORT) {
            eventually("the message is there", || !rx.is_empty());
            assert!(Instant::now() >= due);
            // It stays until it is taken.
            for _ in 0..2 {
                assert_eq!((rx.len(), rx.is_empty(), rx.is_full()), (1, false, true));
                assert_eq!(rx.capacity(), Some(1));
            }
            assert_due(rx.try_recv().unwrap(), due);
            assert_nothing_comes(&rx);
            assert_eq!((rx.is_full(), rx.capacity()), (false, Some(1)));
        }
    });
}

#[test]
fn try_recv_becomes_the_message() {
    everywhere(|_| {
        for (rx, due) in due_after(SHORT) {
            let mut message = None;
            eventually("the message is there", || {
                message = rx.try_recv().ok();
                message.is_some()
            });
            assert_due(message.unwrap(), due);
            assert_nothing_comes(&rx);
        }
    });
}

#[test]
fn recv_waits_for_the_message() {
    everywhere(|_| {
        for (rx, due) in due_after(SHORT) {
            assert_due(rx.recv().unwrap(), due);
            assert_nothing_comes(&rx);
        }
    });
}

#[test]
fn a_timed_receive_ends_with_its_time_or_the_message() {
    everywhere(|_| {
        for (rx, due) in due_after(LONG) {
            let early = not_early(SHORT, || rx.recv_timeout(SHORT));
            assert_eq!(early, Err(RecvTimeoutError::Timeout));
            let soon = Instant::now() + SHORT;
            assert_eq!(rx.recv_deadline(soon), early);
            assert!(soon <= Instant::now() && Instant::now() < due);
        }
        for (rx, due) in due_after(SHORT) {
            assert_due(rx.recv_timeout(LONG).unwrap(), due);
            assert_nothing_comes(&rx);
        }
        for (rx, due) in due_after(SHORT) {
            assert_due(rx.recv_deadline(far()).unwrap(), due);
            assert_nothing_comes(&rx);
        }
        for (rx, due) in due_after(SHORT) {
            assert_due(rx.recv_timeout(Duration::MAX).unwrap(), due);
        }
    });
}

#[test]
fn a_timed_receive_may_be_tried_until_the_message_comes() {
    everywhere(|_| {
        for (rx, due) in due_after(2 * SHORT) {
            let message = loop {
                match rx.recv_timeout(Duration::from_millis(1)) {
                    Ok(message) => break message,
                    Err(error) => assert!(error.is_timeout()),
                }
            };
            assert_due(message, due);
        }
    });
}

#[test]
fn what_is_due_is_there_at_once() {
    everywhere(|_| {
        for due in [past(), Instant::now()] {
            assert_eq!(at(due).len(), 1);
            assert_due(at(due).try_recv().unwrap(), due);
            assert_due(at(due).recv().unwrap(), due);
            assert_due(at(due).recv_timeout(Duration::ZERO).unwrap(), due);
            assert_due(at(due).recv_deadline(past()).unwrap(), due);
        }
        let start = Instant::now();
        assert_due(after(Duration::ZERO).try_recv().unwrap(), start);
        assert_due(after(Duration::ZERO).recv().unwrap(), start);
        assert_due(
            after(Duration::ZERO).recv_timeout(Duration::ZERO).unwrap(),
            start,
        );
    });
}

#[test]
fn a_time_that_cannot_be_told_never_comes() {
    everywhere(|_| assert_nothing_comes(&after(Duration::MAX)));
}

#[test]
fn clones_share_the_one_message() {
    everywhere(|_| {
        for (rx, due) in due_after(SHORT) {
            let clone = rx.clone();
            assert_due(clone.recv().unwrap(), due);
            assert_nothing_comes(&rx);
            assert_nothing_comes(&clone);
            // Nor has one that is made later.
            assert!(rx.clone().is_empty());
        }
    });
}

#[test]
fn a_clone_has_the_message_also_if_the_first_has_gone() {
    everywhere(|place| {
        for (rx, due) in due_after(SHORT) {
            let clone = rx.clone();
            drop(rx);
            let helper = place.start(move || clone.recv());
            assert_due(helper.join().unwrap(), due);
        }
    });
}

#[test]
fn one_of_several_receivers_gets_the_message() {
    everywhere(|place| {
        for (rx, due) in due_after(SHORT) {
            let receivers = several(place, 6, move |_| match rx.recv_timeout(5 * SHORT) {
                Ok(message) => {
                    assert_due(message, due);
                    1
                }
                Err(error) => {
                    assert_eq!(error, RecvTimeoutError::Timeout);
                    assert!(Instant::now() >= due);
                    0
                }
            });
            assert_eq!(join_all(receivers).into_iter().sum::<usize>(), 1);
        }
    });
}

#[test]
fn of_many_who_try_at_the_same_moment_one_gets_each_message() {
    everywhere(|place| {
        const MESSAGES: usize = 300;
        let due = Instant::now() + SHORT;
        let receivers: Arc<Vec<_>> = Arc::new((0..MESSAGES).map(|_| at(due)).collect());
        let taken = Arc::new(AtomicUsize::new(0));
        let (shared, count) = (receivers.clone(), taken.clone());
        let helpers = several(place, 4, move |_| {
            eventually("all are taken", || {
                let got = shared.iter().filter_map(|rx| rx.try_recv().ok()).count();
                count.fetch_add(got, SeqCst) + got >= MESSAGES
            });
        });
        join_all(helpers);
        assert!(receivers.iter().all(Receiver::is_empty));
        assert_eq!(taken.load(SeqCst), MESSAGES);
    });
}

#[test]
fn many_messages_come_each_at_its_time() {
    everywhere(|place| {
        with_seeds(1, |mut random| {
            let dues: Vec<_> = (0..100)
                .map(|_| Instant::now() + Duration::from_micros(random.below(20_000)))
                .collect();
            let receivers: Vec<_> = dues.iter().map(|due| at(*due)).collect();
            let waiting = several(place, 4, {
                let (dues, receivers) = (dues.clone(), receivers.clone());
                move |number| {
                    for i in (number..100).step_by(4) {
                        assert_due(receivers[i].recv().unwrap(), dues[i]);
                    }
                }
            });
            join_all(waiting);
            assert!(receivers.iter().all(Receiver::is_empty));
        });
    });
}

#[test]
fn iterators_have_the_one_message() {
    everywhere(|_| {
        for (rx, due) in due_after(SHORT) {
            assert_due(rx.iter().next().unwrap(), due);
            assert_eq!(rx.try_iter().next(), None);
        }
        for (rx, due) in due_after(SHORT) {
            assert_due(rx.into_iter().next().unwrap(), due);
        }
        for (rx, due) in due_after(SHORT) {
            eventually("the message is there", || rx.is_full());
            assert_eq!(
                rx.try_iter()
                    .inspect(|message| assert_due(*message, due))
                    .count(),
                1
            );
        }
    });
}

#[test]
fn a_message_nobody_takes_is_no_hindrance() {
    everywhere(|_| {
        // They are dropped before and after their time.
        let receivers: Vec<_> = (0..1_000)
            .flat_map(|i| due_after(Duration::from_micros(i)))
            .collect();
        drop(receivers);
        for (rx, due) in due_after(SHORT) {
            assert_due(rx.recv().unwrap(), due);
        }
    });
}
