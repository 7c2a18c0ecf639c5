//! The receiver of a message every so often.

use std::time::{Duration, Instant};

use may::coroutine::{sleep, yield_now};
use may_tests::{Random, eventually};

use super::channel::{RecvTimeoutError, TryRecvError, tick};
use super::{
    LONG, SHORT, assert_nothing_comes, everywhere, far, join_all, not_early, past, several,
};

/// Asserts that ticks are a period apart from `start` on and from each other, and not from the
/// future. They may be further apart, if they were not received in time.
#[track_caller]
fn assert_period(start: Instant, period: Duration, ticks: &[Instant]) {
    let mut last = start;
    for tick in ticks {
        assert!(*tick >= last + period, "too early: {ticks:?}");
        last = *tick;
    }
    assert!(last <= Instant::now(), "from the future: {ticks:?}");
}

#[test]
fn nothing_is_there_before_the_first_period_is_over() {
    everywhere(|_| {
        let rx = tick(LONG);
        assert_nothing_comes(&rx);
        assert_eq!((rx.is_full(), rx.capacity()), (false, Some(1)));
    });
}

#[test]
fn ticks_come_a_period_apart() {
    everywhere(|_| {
        let start = Instant::now();
        let rx = tick(SHORT);
        let mut ticks = Vec::new();
        for _ in 0..6 {
            let message = rx.recv().unwrap();
            assert!(message <= Instant::now(), "received before it was due");
            ticks.push(message);
        }
        assert_period(start, SHORT, &ticks);
        assert!(start.elapsed() >= 6 * SHORT);
    });
}

#[test]
fn every_way_to_receive_gets_ticks() {
    everywhere(|_| {
        let start = Instant::now();
        let rx = tick(SHORT);
        let mut ticks = vec![rx.recv().unwrap()];
        ticks.push(rx.recv_timeout(LONG).unwrap());
        ticks.push(rx.recv_deadline(far()).unwrap());
        ticks.push(rx.recv_timeout(Duration::MAX).unwrap());
        eventually("a tick is there", || {
            ticks.extend(rx.try_recv());
            ticks.len() == 5
        });
        ticks.extend(rx.iter().take(2));
        eventually("a tick is there", || {
            ticks.extend(rx.try_iter().take(1));
            ticks.len() == 8
        });
        ticks.extend((&rx).into_iter().take(1));
        ticks.extend(rx.into_iter().take(1));
        assert_eq!(ticks.len(), 10);
        assert_period(start, SHORT, &ticks);
    });
}

#[test]
fn a_tick_waits_for_a_receiver_and_keeps_the_next_away() {
    everywhere(|_| {
        let period = 5 * SHORT;
        let start = Instant::now();
        let rx = tick(period);
        eventually("a tick is there", || !rx.is_empty());
        assert!(start.elapsed() >= period);
        // Time for more.
        sleep(2 * period);
        assert_eq!((rx.len(), rx.is_empty(), rx.is_full()), (1, false, true));
        assert_eq!(rx.capacity(), Some(1));
        let received = Instant::now();
        let first = rx.try_recv().unwrap();
        // The period begins anew with the tick that was received late.
        let nothing = (rx.try_recv(), rx.len(), rx.is_empty(), rx.is_full());
        if Instant::now() < received + period {
            assert_eq!(nothing, (Err(TryRecvError::Empty), 0, true, false));
            let second = rx.recv().unwrap();
            assert_period(received, period, &[second]);
            assert_period(start, period, &[first, second]);
        }
    });
}

#[test]
fn a_timed_receive_ends_with_its_time_or_a_tick() {
    everywhere(|_| {
        let rx = tick(LONG);
        let early = Err(RecvTimeoutError::Timeout);
        assert_eq!(not_early(SHORT, || rx.recv_timeout(SHORT)), early);
        let soon = Instant::now() + SHORT;
        assert_eq!(rx.recv_deadline(soon), early);
        assert!(Instant::now() >= soon);
        assert_eq!(rx.recv_deadline(past()), early);

        let start = Instant::now();
        let rx = tick(2 * SHORT);
        let mut ticks = Vec::new();
        // Those that end too soon do not delay the ticks, nor take any.
        while ticks.len() < 3 {
            match rx.recv_timeout(Duration::from_millis(3)) {
                Ok(message) => ticks.push(message),
                Err(error) => assert!(error.is_timeout()),
            }
        }
        assert_period(start, 2 * SHORT, &ticks);
    });
}

#[test]
fn a_tick_that_is_there_is_received_without_waiting() {
    everywhere(|_| {
        let rx = tick(SHORT);
        eventually("a tick is there", || rx.is_full());
        // A deadline that was over before the tick was due is left open: crossbeam-channel looks at
        // the deadline first.
        assert!(rx.recv_deadline(Instant::now()).is_ok());
        eventually("a tick is there", || rx.len() == 1);
        assert!(rx.recv_timeout(Duration::ZERO).is_ok());
    });
}

#[test]
fn clones_share_the_ticks() {
    everywhere(|_| {
        let period = 5 * SHORT;
        let start = Instant::now();
        let rx = tick(period);
        let clone = rx.clone();
        eventually("a tick is there", || rx.is_full() && clone.is_full());
        let received = Instant::now();
        let first = clone.try_recv().unwrap();
        let nothing = rx.try_recv();
        if Instant::now() < received + period {
            assert_eq!(nothing, Err(TryRecvError::Empty));
            let second = rx.recv().unwrap();
            assert_period(start, period, &[first, second]);
        }
    });
}

#[test]
fn each_tick_goes_to_one_of_several_receivers() {
    everywhere(|place| {
        let period = Duration::from_millis(3);
        let start = Instant::now();
        let rx = tick(period);
        let receivers = several(place, 4, move |_| rx.iter().take(3).collect::<Vec<_>>());
        let mut ticks = join_all(receivers).concat();
        ticks.sort_unstable();
        assert_eq!(ticks.len(), 12);
        assert_period(start, period, &ticks);
    });
}

#[test]
fn each_tick_goes_to_one_however_they_race_for_it() {
    everywhere(|place| {
        let period = Duration::from_millis(1);
        let start = Instant::now();
        let rx = tick(period);
        let receivers = several(place, 4, move |number| {
            let mut random = Random::new(number as u64);
            let mut ticks = Vec::new();
            while ticks.len() < 10 {
                match random.below(3) {
                    0 => ticks.extend(rx.recv()),
                    1 => {
                        let timeout = Duration::from_micros(random.below(2_000));
                        ticks.extend(rx.recv_timeout(timeout));
                    }
                    _ => {
                        ticks.extend(rx.try_recv());
                        yield_now();
                    }
                }
                assert!(ticks.last().is_none_or(|last| *last <= Instant::now()));
            }
            ticks
        });
        let mut ticks = join_all(receivers).concat();
        ticks.sort_unstable();
        assert_eq!(ticks.len(), 40);
        assert_period(start, period, &ticks);
    });
}

#[test]
fn tickers_do_not_disturb_each_other() {
    everywhere(|place| {
        let helpers = several(place, 8, |number| {
            let period = Duration::from_millis(1 + number as u64);
            let start = Instant::now();
            let ticks: Vec<_> = tick(period).into_iter().take(5).collect();
            assert_period(start, period, &ticks);
        });
        join_all(helpers);
    });
}

#[test]
fn without_a_period_there_is_always_a_tick() {
    everywhere(|_| {
        let start = Instant::now();
        let rx = tick(Duration::ZERO);
        let mut ticks = vec![rx.try_recv().unwrap()];
        ticks.extend(rx.iter().take(50));
        assert_eq!((rx.len(), rx.is_full()), (1, true));
        assert_period(start, Duration::ZERO, &ticks);
    });
}

#[test]
fn a_period_that_cannot_be_told_is_never_over() {
    everywhere(|_| assert_nothing_comes(&tick(Duration::MAX)));
}
