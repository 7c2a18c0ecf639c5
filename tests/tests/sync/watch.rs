//! `sync::watch`: the last value is never missed, though those in between may be; and either side
//! hears of the other's end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::channel::{RecvError, RecvTimeoutError, SendError};
use may::coroutine::{self, spawn};
use may::sync::{Arc, watch};
use may::time;
use may_tests::{
    Random, assert_cancelled, everywhere, on_workers, runtime, spawn_waiting, watchdog,
};

#[test]
fn the_last_value_is_never_missed_and_none_goes_back() {
    const LAST: usize = 3_000;
    everywhere(|place| {
        let (tx, rx) = watch::channel(0);
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let mut rx = rx.clone();
                place.start(move || {
                    let (mut seen, mut changes) = (0, 0);
                    while rx.changed().is_ok() {
                        let value = *rx.borrow_and_update();
                        assert!(value >= seen);
                        seen = value;
                        changes += 1;
                    }
                    assert!(changes <= LAST);
                    seen
                })
            })
            .collect();
        for i in 1..=LAST {
            tx.send(i).unwrap();
        }
        drop(tx);
        for receiver in receivers {
            assert_eq!(receiver.join(), LAST);
        }
        assert_eq!(*rx.borrow(), LAST);
    });
}

#[test]
fn each_receiver_remembers_what_it_has_seen() {
    let (tx, mut rx) = watch::channel("a");
    assert_eq!(rx.has_changed(), Ok(false), "the first value is not news");
    tx.send("b").unwrap();
    let mut old = rx.clone();
    assert_eq!((*rx.borrow(), rx.has_changed()), ("b", Ok(true)));
    assert_eq!(*rx.borrow_and_update(), "b");
    assert_eq!(rx.has_changed(), Ok(false));
    assert_eq!(
        old.has_changed(),
        Ok(true),
        "a clone has seen what its original had"
    );
    old.changed().unwrap();
    assert_eq!(old.has_changed(), Ok(false));
    old.mark_changed();
    assert_eq!(old.has_changed(), Ok(true));
    old.changed().unwrap();
    tx.send("c").unwrap();
    old.mark_unchanged();
    assert_eq!(old.has_changed(), Ok(false));
    let new = tx.subscribe();
    assert_eq!((*new.borrow(), new.has_changed()), ("c", Ok(false)));
    assert_eq!(tx.receiver_count(), 3);
    assert!(new.same_channel(&rx) && !new.same_channel(&watch::channel("c").1));
}

#[test]
fn many_changes_count_as_one() {
    everywhere(|_| {
        let (tx, mut rx) = watch::channel(0);
        (1..=5).for_each(|i| tx.send(i).unwrap());
        rx.changed().unwrap();
        assert_eq!(*rx.borrow(), 5);
        assert_eq!(
            rx.changed_timeout(Duration::from_millis(1)),
            Err(RecvTimeoutError::Timeout)
        );
        assert_eq!(
            rx.changed_deadline(Instant::now()),
            Err(RecvTimeoutError::Timeout)
        );
        tx.send_modify(|value| *value += 1);
        assert_eq!(rx.changed_timeout(Duration::ZERO), Ok(()));
        assert_eq!(*tx.borrow(), 6);
    });
}

#[test]
fn what_is_modified_is_told_if_the_sender_says_so() {
    let (tx, mut rx) = watch::channel(1);
    let not = tx.send_if_modified(|value| {
        *value += 1;
        false
    });
    assert!(!not && rx.has_changed() == Ok(false) && *rx.borrow() == 2);
    assert!(tx.send_if_modified(|value| *value == 2));
    assert_eq!(rx.changed(), Ok(()));
    assert_eq!(tx.send_replace(9), 2);
    assert_eq!((rx.has_changed(), *rx.borrow()), (Ok(true), 9));
}

#[test]
fn receivers_hear_of_the_last_change_and_then_that_the_senders_have_gone() {
    everywhere(|place| {
        let (tx, rx) = watch::channel(0);
        let another = tx.clone();
        let receivers: Vec<_> = (0..5)
            .map(|_| {
                let mut rx = rx.clone();
                place.start(move || {
                    let found = rx.wait_for(|value| *value == 2).map(|value| *value);
                    (found, rx.changed(), rx.has_changed())
                })
            })
            .collect();
        drop(tx);
        another.send(1).unwrap();
        another.send(2).unwrap();
        drop(another);
        for receiver in receivers {
            assert_eq!(receiver.join(), (Ok(2), Err(RecvError), Err(RecvError)));
        }
        let mut rx = rx;
        assert_eq!(rx.has_changed(), Ok(true), "though the senders have gone");
        assert_eq!(rx.wait_for(|value| *value == 2).map(|value| *value), Ok(2));
        assert!(rx.wait_for(|value| *value == 3).is_err());
    });
}

#[test]
fn senders_hear_that_the_receivers_have_gone() {
    everywhere(|place| {
        let (tx, rx) = watch::channel(0);
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let tx = tx.clone();
                place.start(move || tx.wait_closed())
            })
            .collect();
        let another = rx.clone();
        drop(rx);
        assert!(!tx.is_closed());
        drop(another);
        waiters.into_iter().for_each(|waiter| waiter.join());
        assert!(tx.is_closed());
        assert_eq!(tx.send(1), Err(SendError(1)));
        assert_eq!(*tx.borrow(), 0, "the old one stays");
        assert_eq!(tx.send_replace(2), 0, "this does not ask for receivers");
        let mut back = tx.subscribe();
        assert_eq!((*back.borrow(), back.has_changed()), (2, Ok(false)));
        tx.send(3).unwrap();
        back.changed().unwrap();
    });
}

#[test]
fn what_wait_for_returns_is_what_was_asked_for() {
    const CHANGES: usize = 50_000;
    everywhere(|place| {
        let (tx, rx) = watch::channel(0_usize);
        let (ends, stops) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let end = ends.clone();
        // Even and odd by turns, until the receivers have seen enough.
        let sender = place.start(move || {
            let mut random = Random::new(1);
            while !end.load(SeqCst) {
                tx.send_modify(|value| *value += 1);
                match random.below(4) {
                    0 => coroutine::yield_now(),
                    _ => (0..random.below(300)).for_each(|_| std::hint::spin_loop()),
                }
            }
        });
        let receivers: Vec<_> = (0..2)
            .map(|parity| {
                let (mut rx, stops) = (rx.clone(), stops.clone());
                place.start(move || {
                    let (mut value, mut random) = (0, Random::new(2));
                    while value < CHANGES && !stops.load(SeqCst) {
                        value = *rx.wait_for(|value| value % 2 == parity).unwrap();
                        if value % 2 != parity {
                            stops.store(true, SeqCst);
                            return Err(value);
                        }
                        // What is there at once takes no turn from others.
                        if random.below(50) == 0 {
                            coroutine::yield_now();
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        let found: Vec<_> = receivers
            .into_iter()
            .map(|receiver| receiver.join())
            .collect();
        ends.store(true, SeqCst);
        sender.join();
        assert_eq!(
            found,
            [Ok(()), Ok(())],
            "the value does not meet the condition"
        );
    });
}

#[test]
fn a_panic_while_the_value_is_changed_harms_nobody_else() {
    everywhere(|_| {
        let (tx, mut rx) = watch::channel(vec![1]);
        let result = catch_unwind(AssertUnwindSafe(|| {
            tx.send_modify(|value| {
                value.push(2);
                std::panic::resume_unwind(Box::new("expected"));
            });
        }));
        assert!(result.is_err());
        assert_eq!(rx.has_changed(), Ok(false), "it was not told");
        assert_eq!(*rx.borrow(), [1, 2]);
        tx.send_modify(|value| value.push(3));
        rx.changed().unwrap();
        assert_eq!(*rx.borrow_and_update(), [1, 2, 3]);
        // A condition that panics lets go of the value, too.
        let result = catch_unwind(AssertUnwindSafe(|| {
            let _ = rx.wait_for(|_| std::panic::resume_unwind(Box::new("expected")));
        }));
        assert!(result.is_err());
        tx.send(vec![]).unwrap();
        assert!(rx.borrow().is_empty());
    });
}

#[test]
fn a_look_at_the_value_keeps_it_and_a_sender_that_is_cancelled_has_changed_nothing() {
    on_workers(1, || {
        let (tx, rx) = watch::channel(0);
        let look = rx.borrow();
        let sends = tx.clone();
        let sender = spawn_waiting(move || sends.send(1));
        let limited = time::timeout(Duration::from_millis(1), || tx.send(2));
        assert!(limited.is_err() && *look == 0);
        sender.cancel();
        assert_cancelled(sender.join());
        drop(look);
        assert_eq!((*rx.borrow(), rx.has_changed()), (0, Ok(false)));
        tx.send(3).unwrap();
        assert_eq!(rx.has_changed(), Ok(true));
    });
}

#[test]
fn a_cancelled_receiver_has_seen_nothing() {
    for workers in [1, 2, 4] {
        on_workers(workers, || {
            for round in 0..1_000 {
                let (tx, rx) = watch::channel(0);
                let rx = Arc::new(may::sync::Mutex::new(rx));
                let watches = rx.clone();
                let receiver = spawn(move || watches.lock().unwrap().changed());
                (0..round % 4).for_each(|_| coroutine::yield_now());
                receiver.cancel();
                tx.send(1).unwrap();
                let seen = receiver.join().is_ok();
                let rx = rx.lock().unwrap();
                assert_eq!(rx.has_changed(), Ok(!seen));
            }
        });
    }
}

/// Those whose worker is busy are passed over when one is woken, and must not be forgotten when all
/// are: not for the sake of those who are quick enough to come back meanwhile.
#[test]
fn receivers_whose_worker_computes_hear_of_a_change_as_well() {
    const ROUNDS: usize = 200;
    const SLOW: usize = 4;
    let _watchdog = watchdog();
    let runtime = runtime(2);
    let (tx, rx) = watch::channel(0);
    let at = |worker| coroutine::Builder::new().placement(coroutine::Placement::Worker(worker));
    let seen = Arc::new(AtomicUsize::new(0));
    let computes = Arc::new(AtomicBool::new(true));
    let start = |worker| {
        let (mut rx, seen) = (rx.clone(), seen.clone());
        let follow = move || {
            while rx.changed().is_ok() {
                seen.fetch_add(usize::from(worker == 0), SeqCst);
            }
        };
        runtime.spawn_with(at(worker), follow).unwrap()
    };
    let followers: Vec<_> = (0..SLOW).map(|_| start(0)).collect();
    let quick: Vec<_> = (0..200).map(|_| start(1)).collect();
    let goes_on = computes.clone();
    let busy = runtime.spawn_with(at(0), move || {
        while goes_on.load(SeqCst) {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(2) {
                std::hint::spin_loop();
            }
            (0..10).for_each(|_| coroutine::yield_now());
        }
    });
    let mut told = true;
    for i in 1..=ROUNDS {
        tx.send(i).unwrap();
        let start = Instant::now();
        while told && seen.load(SeqCst) < i * SLOW {
            std::thread::sleep(Duration::from_micros(100));
            told = start.elapsed() < Duration::from_secs(10);
        }
        if !told {
            break;
        }
    }
    computes.store(false, SeqCst);
    busy.unwrap().join().unwrap();
    drop(tx);
    for follower in followers.into_iter().chain(quick) {
        follower.join().unwrap();
    }
    may_tests::end(runtime);
    assert!(
        told,
        "a receiver was left waiting for a change that has happened"
    );
}

#[test]
fn a_follower_that_is_spawned_per_change_sees_it() {
    everywhere(|_| {
        let (tx, _rx) = watch::channel(0);
        for i in 1..=200 {
            let mut rx = tx.subscribe();
            let follower = spawn(move || {
                rx.changed().unwrap();
                *rx.borrow()
            });
            tx.send(i).unwrap();
            assert_eq!(follower.join().unwrap(), i);
        }
    });
}
