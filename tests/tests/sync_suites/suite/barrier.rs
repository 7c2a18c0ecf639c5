//! `Barrier`: none passes before all are there, one of them leads, and it can be used again.

use std::sync as stds;

use super::sync::{Arc, Barrier};
use super::{Count, Flag, a_moment, everywhere, join_all, same_debug, start_many};

#[test]
fn nobody_passes_before_the_last_is_there() {
    everywhere(|place| {
        let barrier = Arc::new(Barrier::new(5));
        let (arriving, passed) = (Count::default(), Count::default());
        let helpers = start_many(place, 4, |_| {
            let (barrier, arriving) = (barrier.clone(), arriving.clone());
            let passed = passed.clone();
            move || {
                arriving.add();
                let leads = barrier.wait().is_leader();
                passed.add();
                leads
            }
        });
        arriving.wait_for(4);
        a_moment();
        assert_eq!(passed.get(), 0);
        let lead = barrier.wait().is_leader();
        let leaders = join_all(helpers).into_iter().filter(|leads| *leads).count();
        assert_eq!(leaders + usize::from(lead), 1);
    });
}

#[test]
fn it_can_be_used_over_and_over_and_has_one_leader_each_time() {
    const HELPERS: usize = 4;
    const ROUNDS: usize = 200;
    everywhere(|place| {
        let barrier = Arc::new(Barrier::new(HELPERS));
        let (arrived, led) = (Count::default(), Count::default());
        let helpers = start_many(place, HELPERS, |_| {
            let (barrier, arrived, led) = (barrier.clone(), arrived.clone(), led.clone());
            move || {
                for round in 1..=ROUNDS {
                    arrived.add();
                    if barrier.wait().is_leader() {
                        led.add();
                    }
                    assert!(arrived.get() >= round * HELPERS, "passed before all came");
                    barrier.wait();
                    assert_eq!(led.get(), round, "one leader");
                    // No next round has a leader before all have looked.
                    barrier.wait();
                }
            }
        });
        join_all(helpers);
        assert_eq!(arrived.get(), HELPERS * ROUNDS);
    });
}

#[test]
fn it_can_be_used_without_a_pause() {
    everywhere(|place| {
        let barrier = Arc::new(Barrier::new(3));
        let helpers = start_many(place, 3, |_| {
            let barrier = barrier.clone();
            move || (0..500).filter(|_| barrier.wait().is_leader()).count()
        });
        assert_eq!(join_all(helpers).iter().sum::<usize>(), 500);
    });
}

#[test]
fn a_barrier_for_one_or_for_nobody_stops_nobody() {
    everywhere(|_| {
        for count in [0, 1] {
            let barrier = Barrier::new(count);
            for _ in 0..3 {
                assert!(barrier.wait().is_leader());
            }
        }
    });
}

#[test]
fn more_than_it_is_for_pass_in_groups() {
    everywhere(|place| {
        let barrier = Arc::new(Barrier::new(2));
        let helpers = start_many(place, 10, |_| {
            let barrier = barrier.clone();
            move || barrier.wait().is_leader()
        });
        let leaders = join_all(helpers).into_iter().filter(|leads| *leads).count();
        assert_eq!(leaders, 5);
    });
}

static IN_A_STATIC: Barrier = Barrier::new(2);

#[test]
fn it_fits_into_a_static() {
    everywhere(|place| {
        let done = Flag::default();
        let says = done.clone();
        let helper = place.start(move || {
            says.raise();
            IN_A_STATIC.wait();
        });
        IN_A_STATIC.wait();
        assert!(done.is_raised(), "what came before is seen after it");
        helper.join();
    });
}

#[test]
fn it_and_its_result_are_shown_as_stds_are() {
    let (ours, stds) = (Barrier::new(1), stds::Barrier::new(1));
    same_debug(&ours, &stds);
    same_debug(ours.wait(), stds.wait());
}

#[test]
fn the_auto_traits_are_stds() {
    same_auto_traits!(Barrier[], BarrierWaitResult[]);
}
