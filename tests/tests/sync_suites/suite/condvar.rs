//! `Condvar`: notifying one or all, waiting for a condition, timeouts, poison.

use std::collections::VecDeque;
use std::sync as stds;
use std::time::{Duration, Instant};

use may::coroutine::yield_now;
use may_tests::{Place, Started, eventually};

use super::sync::{Arc, Condvar, Mutex};
use super::{
    Count, Flag, LONG, a_moment, everywhere, join_all, panic_of, same_debug, start_many, start_one,
};

/// A number and the news that it changed.
#[derive(Default)]
struct Shared {
    number: Mutex<usize>,
    changed: Condvar,
}

impl Shared {
    /// Adds to the number without a notification.
    fn add(&self, more: usize) {
        *self.number.lock().unwrap() += more;
    }
}

/// Starts helpers that each wait until they can take one from the number, and returns when they all
/// wait.
fn takers(place: &Place, count: usize, shared: &Arc<Shared>, taken: &Count) -> Vec<Started<()>> {
    let waiting = Count::default();
    let helpers = start_many(place, count, |_| {
        let (shared, taken, waiting) = (shared.clone(), taken.clone(), waiting.clone());
        move || {
            let mut number = shared.number.lock().unwrap();
            waiting.add();
            while *number == 0 {
                number = shared.changed.wait(number).unwrap();
            }
            *number -= 1;
            taken.add();
        }
    });
    waiting.wait_for(count);
    // They count with the lock held and release it by waiting.
    drop(shared.number.lock().unwrap());
    helpers
}

#[test]
fn notifying_when_nobody_waits_does_nothing() {
    everywhere(|_| {
        let shared = Shared::default();
        for _ in 0..3 {
            shared.changed.notify_one();
            shared.changed.notify_all();
        }
        let mut number = shared.number.lock().unwrap();
        // A wait may end for no reason, but not again and again: notifications are not kept.
        for _ in 0..100 {
            let timeout = Duration::from_millis(1);
            let (held, result) = shared.changed.wait_timeout(number, timeout).unwrap();
            if result.timed_out() {
                return;
            }
            number = held;
        }
        panic!("it is woken all the time");
    });
}

#[test]
fn each_notification_wakes_one() {
    everywhere(|place| {
        let (shared, taken) = (Arc::new(Shared::default()), Count::default());
        let helpers = takers(place, 4, &shared, &taken);
        for i in 1..=4 {
            shared.add(1);
            shared.changed.notify_one();
            taken.wait_for(i);
        }
        join_all(helpers);
    });
}

#[test]
fn one_notification_does_not_wake_all() {
    everywhere(|place| {
        let shared = Arc::new(Shared::default());
        let (waiting, woken) = (Count::default(), Count::default());
        let helpers = start_many(place, 4, |_| {
            let (shared, waiting, woken) = (shared.clone(), waiting.clone(), woken.clone());
            move || {
                let mut number = shared.number.lock().unwrap();
                waiting.add();
                while *number == 0 {
                    number = shared.changed.wait(number).unwrap();
                    woken.add();
                }
            }
        });
        waiting.wait_for(4);
        shared.add(1);
        shared.changed.notify_one();
        eventually("one wakes", || woken.get() > 0);
        a_moment();
        assert!(woken.get() < 4, "a notification for one woke all");
        shared.changed.notify_all();
        join_all(helpers);
    });
}

#[test]
fn notify_all_wakes_all() {
    everywhere(|place| {
        for count in [1, 2, 10] {
            let (shared, taken) = (Arc::new(Shared::default()), Count::default());
            let helpers = takers(place, count, &shared, &taken);
            shared.add(count);
            shared.changed.notify_all();
            join_all(helpers);
            assert_eq!((taken.get(), *shared.number.lock().unwrap()), (count, 0));
        }
    });
}

#[test]
fn notifying_works_with_the_lock_held_as_well() {
    everywhere(|place| {
        let (shared, taken) = (Arc::new(Shared::default()), Count::default());
        let helpers = takers(place, 4, &shared, &taken);
        {
            let mut number = shared.number.lock().unwrap();
            *number = 1;
            shared.changed.notify_one();
            a_moment();
            assert_eq!(taken.get(), 0, "who wakes needs the lock first");
        }
        taken.wait_for(1);
        {
            let mut number = shared.number.lock().unwrap();
            *number = 3;
            shared.changed.notify_all();
            a_moment();
            assert_eq!(taken.get(), 1);
        }
        join_all(helpers);
    });
}

#[test]
fn the_lock_is_free_while_one_waits_and_held_when_the_wait_ends() {
    everywhere(|place| {
        let (shared, taken) = (Arc::new(Shared::default()), Count::default());
        let helpers = takers(place, 1, &shared, &taken);
        *shared.number.try_lock().unwrap() = 1;
        shared.changed.notify_one();
        join_all(helpers);

        let for_helper = shared.clone();
        let helper = start_one(place, move || {
            let number = for_helper.number.lock().unwrap();
            let number = for_helper
                .changed
                .wait_while(number, |number| *number == 0)
                .unwrap();
            assert!(for_helper.number.try_lock().is_err());
            drop(number);
            assert!(for_helper.number.try_lock().is_ok());
        });
        shared.add(1);
        shared.changed.notify_one();
        helper.join();
    });
}

#[test]
fn wait_while_asks_again_at_each_notification_and_may_change_the_value() {
    everywhere(|place| {
        let shared = Arc::new(Shared::default());
        let for_helper = shared.clone();
        let helper = place.start(move || {
            let number = for_helper.number.lock().unwrap();
            let result = for_helper.changed.wait_while(number, |asked| {
                *asked += 1;
                *asked < 5
            });
            *result.unwrap()
        });
        for asked in 1..5 {
            eventually("it asked", || *shared.number.lock().unwrap() >= asked);
            shared.changed.notify_one();
        }
        assert_eq!(helper.join(), 5);
    });
}

#[test]
fn what_holds_at_once_is_not_waited_for() {
    everywhere(|_| {
        let shared = Shared::default();
        let number = shared.number.lock().unwrap();
        let number = shared.changed.wait_while(number, |_| false).unwrap();
        let (number, result) = shared
            .changed
            .wait_timeout_while(number, LONG, |_| false)
            .unwrap();
        assert!(!result.timed_out());
        let (_number, result) = shared
            .changed
            .wait_timeout_while(number, Duration::ZERO, |_| false)
            .unwrap();
        assert!(!result.timed_out());
    });
}

#[test]
fn a_timeout_elapses_and_not_early() {
    everywhere(|_| {
        let shared = Shared::default();
        for millis in [0, 1, 10] {
            let timeout = Duration::from_millis(millis);
            let mut number = shared.number.lock().unwrap();
            loop {
                let start = Instant::now();
                let (held, result) = shared.changed.wait_timeout(number, timeout).unwrap();
                assert!(shared.number.try_lock().is_err(), "the lock is back");
                number = held;
                if result.timed_out() {
                    assert!(start.elapsed() >= timeout, "early");
                    break;
                }
            }
        }
    });
}

#[test]
fn a_timeout_elapses_while_a_condition_holds() {
    everywhere(|_| {
        let shared = Shared::default();
        for millis in [0, 1, 10] {
            let timeout = Duration::from_millis(millis);
            let start = Instant::now();
            let number = shared.number.lock().unwrap();
            let (number, result) = shared
                .changed
                .wait_timeout_while(number, timeout, |number| {
                    *number += 1;
                    true
                })
                .unwrap();
            assert!(result.timed_out());
            assert!(start.elapsed() >= timeout, "early");
            assert!(*number >= 1, "the condition is asked at least once");
        }
    });
}

#[test]
fn a_timeout_elapses_however_often_one_is_woken_meanwhile() {
    everywhere(|place| {
        let (shared, done) = (Arc::new(Shared::default()), Flag::default());
        let (for_helper, sees_done) = (shared.clone(), done.clone());
        let helper = place.start(move || {
            while !sees_done.is_raised() {
                for_helper.changed.notify_all();
                yield_now();
            }
        });
        let timeout = Duration::from_millis(10);
        let start = Instant::now();
        let number = shared.number.lock().unwrap();
        let (number, result) = shared
            .changed
            .wait_timeout_while(number, timeout, |_| true)
            .unwrap();
        drop(number);
        assert!(result.timed_out());
        assert!(start.elapsed() >= timeout, "early");
        done.raise();
        helper.join();
    });
}

#[test]
fn a_notification_ends_a_wait_with_a_timeout() {
    everywhere(|place| {
        for timeout in [LONG, Duration::MAX] {
            let shared = Arc::new(Shared::default());
            let for_helper = shared.clone();
            let helper = place.start(move || {
                let mut number = for_helper.number.lock().unwrap();
                while *number == 0 {
                    let result = for_helper.changed.wait_timeout(number, timeout).unwrap();
                    assert!(!result.1.timed_out());
                    number = result.0;
                }
            });
            let for_helper = shared.clone();
            let other = place.start(move || {
                let number = for_helper.number.lock().unwrap();
                let result = for_helper
                    .changed
                    .wait_timeout_while(number, timeout, |number| *number == 0);
                assert!(!result.unwrap().1.timed_out());
            });
            a_moment();
            shared.add(1);
            shared.changed.notify_all();
            helper.join();
            other.join();
        }
    });
}

#[test]
fn timeouts_that_race_with_notifications_lose_none() {
    everywhere(|place| {
        let shared = Arc::new(Shared::default());
        let takers = start_many(place, 4, |who| {
            let shared = shared.clone();
            move || {
                for _ in 0..100 {
                    let mut number = shared.number.lock().unwrap();
                    while *number == 0 {
                        number = if who % 2 == 0 {
                            shared.changed.wait(number).unwrap()
                        } else {
                            let timeout = Duration::from_micros(30);
                            shared.changed.wait_timeout(number, timeout).unwrap().0
                        };
                    }
                    *number -= 1;
                }
            }
        });
        for i in 0..400 {
            shared.add(1);
            shared.changed.notify_one();
            if i % 8 == 0 {
                yield_now();
            }
        }
        join_all(takers);
        assert_eq!(*shared.number.lock().unwrap(), 0);
    });
}

#[test]
fn two_can_take_turns() {
    everywhere(|place| {
        let shared = Arc::new(Shared::default());
        let turns = |shared: Arc<Shared>, who| {
            move || {
                for _ in 0..500 {
                    let number = shared.number.lock().unwrap();
                    let mut number = shared
                        .changed
                        .wait_while(number, |number| *number % 2 != who)
                        .unwrap();
                    *number += 1;
                    drop(number);
                    shared.changed.notify_one();
                }
            }
        };
        let helper = place.start(turns(shared.clone(), 0));
        turns(shared.clone(), 1)();
        helper.join();
        assert_eq!(*shared.number.lock().unwrap(), 1_000);
    });
}

/// A queue with a bound, as it is in every textbook: one lock and two conditions.
#[derive(Default)]
struct Queue {
    waiting: Mutex<VecDeque<u32>>,
    not_empty: Condvar,
    not_full: Condvar,
}

#[test]
fn a_queue_of_a_lock_and_two_conditions_works() {
    everywhere(|place| {
        let queue = Arc::new(Queue::default());
        let producers = start_many(place, 3, |_| {
            let queue = queue.clone();
            move || {
                for i in 1..=300 {
                    let waiting = queue.waiting.lock().unwrap();
                    let mut waiting = queue
                        .not_full
                        .wait_while(waiting, |waiting| waiting.len() == 4)
                        .unwrap();
                    waiting.push_back(i);
                    queue.not_empty.notify_one();
                }
            }
        });
        let consumers = start_many(place, 2, |_| {
            let queue = queue.clone();
            move || {
                let mut sum = 0;
                for _ in 0..450 {
                    let mut waiting = queue.waiting.lock().unwrap();
                    sum += loop {
                        if let Some(i) = waiting.pop_front() {
                            break i;
                        }
                        waiting = queue.not_empty.wait(waiting).unwrap();
                    };
                    queue.not_full.notify_one();
                }
                sum
            }
        });
        join_all(producers);
        assert_eq!(join_all(consumers).iter().sum::<u32>(), 3 * 45_150);
    });
}

#[test]
fn each_kind_of_wait_reports_poison() {
    everywhere(|place| {
        let shared = Arc::new(Shared::default());
        let waiting = Count::default();
        let helpers = start_many(place, 4, |who| {
            let (shared, waiting) = (shared.clone(), waiting.clone());
            move || {
                let number = shared.number.lock().unwrap();
                waiting.add();
                let changed = &shared.changed;
                let zero = |number: &mut usize| *number == 0;
                let found = match who {
                    0 => {
                        let mut number = number;
                        loop {
                            match changed.wait(number) {
                                Ok(held) => number = held,
                                Err(error) => break *error.into_inner(),
                            }
                        }
                    }
                    1 => *changed.wait_while(number, zero).unwrap_err().into_inner(),
                    2 => {
                        let mut number = number;
                        let (number, result) = loop {
                            match changed.wait_timeout(number, LONG) {
                                Ok((held, _)) => number = held,
                                Err(error) => break error.into_inner(),
                            }
                        };
                        assert!(!result.timed_out());
                        *number
                    }
                    _ => {
                        let result = changed.wait_timeout_while(number, LONG, zero);
                        let (number, result) = result.unwrap_err().into_inner();
                        assert!(!result.timed_out());
                        *number
                    }
                };
                assert_eq!(found, 5);
            }
        });
        waiting.wait_for(4);
        let for_helper = shared.clone();
        let helper = place.start(move || {
            panic_of(|| {
                let mut number = for_helper.number.lock().unwrap();
                *number = 5;
                panic!("while holding the lock (expected)");
            })
        });
        helper.join();
        shared.changed.notify_all();
        join_all(helpers);
    });
}

#[test]
fn a_timeout_reports_poison_as_well() {
    everywhere(|_| {
        let shared = Shared::default();
        panic_of(|| {
            let _number = shared.number.lock().unwrap();
            panic!("while holding the lock (expected)");
        });
        let number = shared.number.lock().unwrap_err().into_inner();
        let result = shared
            .changed
            .wait_timeout_while(number, Duration::from_millis(1), |_| true);
        let (_number, result) = result.unwrap_err().into_inner();
        assert!(result.timed_out());
    });
}

#[test]
fn a_condition_that_panics_poisons() {
    everywhere(|_| {
        let shared = Shared::default();
        panic_of(|| {
            let number = shared.number.lock().unwrap();
            let _number = shared
                .changed
                .wait_while(number, |_| panic!("as a condition (expected)"));
        });
        assert!(shared.number.is_poisoned());
    });
}

static NUMBER: Mutex<u32> = Mutex::new(0);
static CHANGED: Condvar = Condvar::new();

#[test]
fn it_fits_into_a_static() {
    everywhere(|place| {
        let helper = place.start(|| {
            *NUMBER.lock().unwrap() = 1;
            CHANGED.notify_all();
        });
        let number = NUMBER.lock().unwrap();
        let mut number = CHANGED.wait_while(number, |number| *number == 0).unwrap();
        *number = 0;
        drop(number);
        helper.join();
    });
}

#[test]
fn it_and_the_results_are_shown_as_stds_are() {
    same_debug(Condvar::default(), stds::Condvar::default());
    let (ours, stds) = (Mutex::new(()), stds::Mutex::new(()));
    let our_result = Condvar::new()
        .wait_timeout_while(ours.lock().unwrap(), Duration::ZERO, |()| true)
        .unwrap();
    let stds_result = stds::Condvar::new()
        .wait_timeout_while(stds.lock().unwrap(), Duration::ZERO, |()| true)
        .unwrap();
    same_debug(our_result.1, stds_result.1);
    let copy = our_result.1;
    assert_eq!(copy, our_result.1);
}

#[test]
fn the_auto_traits_are_stds() {
    same_auto_traits!(Condvar[], WaitTimeoutResult[]);
}
