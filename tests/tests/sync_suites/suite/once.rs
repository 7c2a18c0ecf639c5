//! `Once`: what runs once, which callers it has run for, and what becomes of it after a panic.

use std::cell::Cell;
use std::sync as stds;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use may::coroutine::yield_now;
use may_tests::Place;

use super::sync::{Arc, Once};
use super::{
    Count, Flag, a_moment, everywhere, join_all, panic_of, same_debug, start_many, start_one,
};

/// Poisons it.
fn poison(once: &Once) {
    panic_of(|| once.call_once(|| panic!("the first time (expected)")));
    assert!(!once.is_completed());
}

/// One that was poisoned.
fn poisoned() -> Arc<Once> {
    let once = Arc::new(Once::new());
    poison(&once);
    once
}

#[test]
fn it_calls_once() {
    everywhere(|_| {
        let once = Once::new();
        let mut calls = 0;
        assert!(!once.is_completed());
        once.call_once(|| calls += 1);
        assert_eq!(calls, 1);
        assert!(once.is_completed());
        once.call_once(|| calls += 1);
        once.call_once_force(|_| calls += 1);
        assert_eq!(calls, 1);
    });
}

#[test]
fn it_is_not_complete_while_it_calls() {
    everywhere(|_| {
        let once = Once::new();
        once.call_once(|| assert!(!once.is_completed()));
        assert!(once.is_completed());
    });
}

#[test]
fn all_who_race_return_after_the_one_call() {
    everywhere(|place| {
        for _ in 0..20 {
            let once = Arc::new(Once::new());
            // Relaxed, so that it is the once that makes the writing visible.
            let written = Arc::new(AtomicUsize::new(0));
            let helpers = start_many(place, 8, |_| {
                let (once, written) = (once.clone(), written.clone());
                move || {
                    for _ in 0..3 {
                        yield_now();
                        once.call_once(|| {
                            for _ in 0..3 {
                                yield_now();
                            }
                            written.fetch_add(1, Relaxed);
                        });
                        assert_eq!(written.load(Relaxed), 1);
                    }
                }
            });
            join_all(helpers);
        }
    });
}

#[test]
fn who_comes_during_the_call_waits_for_its_end() {
    everywhere(|place| {
        let once = Arc::new(Once::new());
        let (calls, go_on, returned) = (Flag::default(), Flag::default(), Count::default());
        let (for_caller, says, waits) = (once.clone(), calls.clone(), go_on.clone());
        let caller = place.start(move || {
            for_caller.call_once(|| {
                says.raise();
                waits.wait();
            });
        });
        calls.wait();
        let others = start_many(place, 4, |who| {
            let (once, returned) = (once.clone(), returned.clone());
            move || {
                match who {
                    0 | 1 => once.call_once(|| panic!("the second call")),
                    2 => once.call_once_force(|_| panic!("the second call")),
                    _ => once.wait(),
                }
                returned.add();
            }
        });
        a_moment();
        assert_eq!(returned.get(), 0);
        go_on.raise();
        caller.join();
        join_all(others);
    });
}

#[test]
fn different_ones_can_be_nested() {
    everywhere(|_| {
        let (outer, inner) = (Once::new(), Once::new());
        let calls = Cell::new(0);
        outer.call_once(|| inner.call_once(|| calls.set(calls.get() + 1)));
        inner.call_once(|| calls.set(calls.get() + 1));
        assert_eq!(calls.get(), 1);
    });
}

#[test]
fn a_panic_poisons_it() {
    everywhere(|place| {
        let once = poisoned();
        for _ in 0..2 {
            let text = panic_of(|| once.call_once(|| unreachable!("it is poisoned")));
            assert_eq!(text, "Once instance has previously been poisoned");
        }
        let for_helper = once.clone();
        let helper = place.start(move || panic_of(|| for_helper.call_once(|| {})));
        assert_eq!(helper.join(), "Once instance has previously been poisoned");
        assert!(!once.is_completed());
    });
}

#[test]
fn a_forced_call_repairs_it() {
    everywhere(|_| {
        let once = poisoned();
        let mut calls = 0;
        once.call_once_force(|state| {
            assert!(state.is_poisoned());
            calls += 1;
        });
        assert!(once.is_completed());
        once.call_once(|| calls += 1);
        once.call_once_force(|_| calls += 1);
        assert_eq!(calls, 1);
    });
}

#[test]
fn a_forced_call_that_panics_leaves_it_poisoned() {
    everywhere(|_| {
        let once = Once::new();
        panic_of(|| once.call_once_force(|_| panic!("the first time (expected)")));
        panic_of(|| {
            once.call_once_force(|state| {
                assert!(state.is_poisoned());
                panic!("the second time (expected)");
            });
        });
        panic_of(|| once.call_once(|| {}));
        once.call_once_force(|state| assert!(state.is_poisoned()));
        once.call_once(|| {});
    });
}

#[test]
fn a_forced_call_of_a_sound_one_is_an_ordinary_call() {
    everywhere(|_| {
        let once = Once::new();
        let mut calls = 0;
        once.call_once_force(|state| {
            assert!(!state.is_poisoned());
            calls += 1;
        });
        assert_eq!(calls, 1);
        assert!(once.is_completed());
        once.wait();
    });
}

/// Starts a call that panics when it is told to, and returns when it is running.
fn panicking_call(place: &Place, once: &Arc<Once>, go_on: &Flag) -> may_tests::Started<String> {
    let calls = Flag::default();
    let (once, says, waits) = (once.clone(), calls.clone(), go_on.clone());
    let caller = place.start(move || {
        panic_of(|| {
            once.call_once(|| {
                says.raise();
                waits.wait();
                panic!("while others wait (expected)");
            })
        })
    });
    calls.wait();
    caller
}

#[test]
fn who_waits_for_a_call_that_panics_panics_too() {
    everywhere(|place| {
        let (once, go_on) = (Arc::new(Once::new()), Flag::default());
        let caller = panicking_call(place, &once, &go_on);
        let others = start_many(place, 4, |who| {
            let once = once.clone();
            move || {
                panic_of(|| match who % 2 {
                    0 => once.call_once(|| unreachable!("it is poisoned")),
                    _ => once.wait(),
                })
            }
        });
        a_moment();
        go_on.raise();
        assert!(caller.join().contains("expected"));
        for text in join_all(others) {
            assert_eq!(text, "Once instance has previously been poisoned");
        }
    });
}

#[test]
fn one_of_those_who_wait_with_force_repairs_it() {
    everywhere(|place| {
        let (once, go_on, calls) = (Arc::new(Once::new()), Flag::default(), Count::default());
        let caller = panicking_call(place, &once, &go_on);
        let others = start_many(place, 4, |who| {
            let (once, calls) = (once.clone(), calls.clone());
            move || {
                if who == 3 {
                    return once.wait_force();
                }
                once.call_once_force(|state| {
                    assert!(state.is_poisoned());
                    calls.add();
                });
            }
        });
        a_moment();
        go_on.raise();
        caller.join();
        join_all(others);
        assert_eq!(calls.get(), 1);
        assert!(once.is_completed());
    });
}

#[test]
fn one_can_wait_before_anybody_calls() {
    everywhere(|place| {
        let (once, returned) = (Arc::new(Once::new()), Count::default());
        // Relaxed, so that it is the once that makes the writing visible.
        let written = Arc::new(AtomicUsize::new(0));
        let helpers = start_many(place, 4, |who| {
            let (once, returned, written) = (once.clone(), returned.clone(), written.clone());
            move || {
                match who % 2 {
                    0 => once.wait(),
                    _ => once.wait_force(),
                }
                assert_eq!(written.load(Relaxed), 1);
                returned.add();
            }
        });
        a_moment();
        assert_eq!(returned.get(), 0);
        once.call_once(|| written.store(1, Relaxed));
        join_all(helpers);
        once.wait();
        once.wait_force();
    });
}

#[test]
fn waiting_for_a_poisoned_one_panics_and_with_force_goes_on() {
    everywhere(|place| {
        let once = poisoned();
        let text = panic_of(|| once.wait());
        assert_eq!(text, "Once instance has previously been poisoned");
        let returned = Flag::default();
        let (for_helper, says) = (once.clone(), returned.clone());
        let helper = start_one(place, move || {
            for_helper.wait_force();
            says.raise();
        });
        a_moment();
        assert!(!returned.is_raised());
        once.call_once_force(|_| {});
        helper.join();
        once.wait();
    });
}

static IN_A_STATIC: Once = Once::new();
static CALLS: AtomicUsize = AtomicUsize::new(0);

#[test]
fn it_fits_into_a_static() {
    everywhere(|place| {
        join_all(start_many(place, 4, |_| {
            || {
                IN_A_STATIC.call_once(|| {
                    CALLS.fetch_add(1, Relaxed);
                });
            }
        }));
        assert_eq!(CALLS.load(Relaxed), 1);
    });
}

#[test]
fn it_and_its_state_are_shown_as_stds_are() {
    let (ours, stds) = (Once::new(), stds::Once::new());
    same_debug(&ours, &stds);
    let mut texts = [String::new(), String::new()];
    ours.call_once_force(|state| texts[0] = format!("{state:?}"));
    stds.call_once_force(|state| texts[1] = format!("{state:?}"));
    assert_eq!(texts[0], texts[1]);
    same_debug(&ours, &stds);
}

#[test]
fn the_auto_traits_are_stds() {
    same_auto_traits!(Once[]);
}
