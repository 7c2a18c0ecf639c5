//! `OnceLock`: a value that is written once, by the first caller.

use std::cell::Cell;
use std::rc::Rc;
use std::sync as stds;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use may::coroutine::yield_now;

use super::sync::{Arc, OnceLock};
use super::{
    Count, Dropped, Flag, a_moment, everywhere, join_all, panic_of, same_debug, start_many,
    start_one,
};

#[test]
fn it_is_empty_until_it_is_set_and_then_keeps_its_value() {
    everywhere(|_| {
        let cell = OnceLock::new();
        assert_eq!(cell.get(), None);
        assert_eq!(cell.set(1), Ok(()));
        assert_eq!(cell.get(), Some(&1));
        assert_eq!(cell.set(2), Err(2));
        assert_eq!(*cell.get_or_init(|| panic!("it has a value")), 1);
        assert_eq!(cell.get(), Some(&1));
    });
}

#[test]
fn it_is_initialised_by_whoever_asks_first() {
    everywhere(|_| {
        let cell = OnceLock::new();
        let first: *const String = cell.get_or_init(|| "first".to_owned());
        assert_eq!(cell.get_or_init(|| "second".to_owned()), "first");
        assert!(std::ptr::eq(first, cell.get().unwrap()), "it does not move");
        assert_eq!(cell.set("third".to_owned()), Err("third".to_owned()));
    });
}

#[test]
fn of_all_who_race_one_initialises() {
    everywhere(|place| {
        for _ in 0..20 {
            let (cell, runs) = (Arc::new(OnceLock::new()), Count::default());
            let helpers = start_many(place, 8, |who| {
                let (cell, runs) = (cell.clone(), runs.clone());
                move || {
                    yield_now();
                    *cell.get_or_init(|| {
                        runs.add();
                        yield_now();
                        who
                    })
                }
            });
            let found = join_all(helpers);
            assert_eq!(runs.get(), 1);
            let value = *cell.get().unwrap();
            assert!(found.iter().all(|found| *found == value));
        }
    });
}

#[test]
fn of_all_who_race_to_set_it_one_does_and_the_others_keep_theirs() {
    everywhere(|place| {
        for _ in 0..20 {
            let cell = Arc::new(OnceLock::new());
            let helpers = start_many(place, 8, |who| {
                let cell = cell.clone();
                move || match cell.set(who) {
                    Ok(()) => Some(who),
                    Err(back) => {
                        assert_eq!(back, who);
                        assert!(cell.get().is_some());
                        None
                    }
                }
            });
            let set: Vec<_> = join_all(helpers).into_iter().flatten().collect();
            assert_eq!(set, [*cell.get().unwrap()]);
        }
    });
}

#[test]
fn who_asks_during_the_initialisation_waits_and_who_looks_does_not() {
    everywhere(|place| {
        let cell = Arc::new(OnceLock::new());
        let (runs, go_on, returned) = (Flag::default(), Flag::default(), Count::default());
        let (for_first, says, waits) = (cell.clone(), runs.clone(), go_on.clone());
        let first = place.start(move || {
            *for_first.get_or_init(|| {
                says.raise();
                waits.wait();
                1
            })
        });
        runs.wait();
        let others = start_many(place, 3, |who| {
            let (cell, returned) = (cell.clone(), returned.clone());
            move || {
                let found = match who {
                    0 => *cell.get_or_init(|| 2),
                    1 => cell.set(2).map_or_else(|_| *cell.get().unwrap(), |()| 2),
                    _ => *cell.wait(),
                };
                returned.add();
                found
            }
        });
        a_moment();
        assert_eq!(returned.get(), 0);
        assert_eq!(cell.get(), None);
        go_on.raise();
        assert_eq!(first.join(), 1);
        assert_eq!(join_all(others), [1; 3]);
    });
}

#[test]
fn an_initialiser_that_panics_leaves_it_empty_and_not_poisoned() {
    everywhere(|_| {
        let cell = OnceLock::new();
        for _ in 0..2 {
            let text = panic_of(|| cell.get_or_init(|| panic!("no value (expected)")));
            assert!(text.contains("expected"), "{text}");
            assert_eq!(cell.get(), None);
        }
        assert_eq!(*cell.get_or_init(|| 1), 1);

        let cell = OnceLock::new();
        panic_of(|| cell.get_or_init(|| panic!("no value (expected)")));
        assert_eq!(cell.set(2), Ok(()));
    });
}

#[test]
fn when_the_initialiser_panics_one_who_waits_takes_over() {
    everywhere(|place| {
        let cell = Arc::new(OnceLock::new());
        let (runs, go_on, taken_over) = (Flag::default(), Flag::default(), Count::default());
        let (for_first, says, waits) = (cell.clone(), runs.clone(), go_on.clone());
        let first = place.start(move || {
            panic_of(|| {
                for_first.get_or_init(|| {
                    says.raise();
                    waits.wait();
                    panic!("while others wait (expected)");
                });
            })
        });
        runs.wait();
        let others = start_many(place, 4, |who| {
            let (cell, taken_over) = (cell.clone(), taken_over.clone());
            move || match who {
                3 => *cell.wait(),
                _ => *cell.get_or_init(|| {
                    taken_over.add();
                    7
                }),
            }
        });
        a_moment();
        go_on.raise();
        first.join();
        assert_eq!(join_all(others), [7; 4]);
        assert_eq!(taken_over.get(), 1);
    });
}

#[test]
fn one_can_wait_for_the_value() {
    everywhere(|place| {
        let (cell, returned) = (Arc::new(OnceLock::new()), Count::default());
        let helpers = start_many(place, 3, |_| {
            let (cell, returned) = (cell.clone(), returned.clone());
            move || {
                let value = *cell.wait();
                returned.add();
                value
            }
        });
        a_moment();
        assert_eq!(returned.get(), 0);
        cell.set(5).unwrap();
        assert_eq!(join_all(helpers), [5; 3]);
        assert_eq!(*cell.wait(), 5);
    });
}

#[test]
fn one_who_waits_goes_on_waiting_when_an_initialiser_panics() {
    everywhere(|place| {
        let cell = Arc::new(OnceLock::new());
        let for_helper = cell.clone();
        let helper = start_one(place, move || *for_helper.wait());
        a_moment();
        panic_of(|| cell.get_or_init(|| panic!("no value (expected)")));
        a_moment();
        cell.set(6).unwrap();
        assert_eq!(helper.join(), 6);
    });
}

#[test]
fn what_is_written_before_is_seen_by_those_who_get_it() {
    everywhere(|place| {
        for _ in 0..50 {
            // Relaxed, so that it is the cell that makes the writing visible.
            let (cell, written) = (Arc::new(OnceLock::new()), Arc::new(AtomicUsize::new(0)));
            let (for_helper, writes) = (cell.clone(), written.clone());
            let helper = place.start(move || {
                writes.store(1, Relaxed);
                for_helper.set(()).unwrap();
            });
            while cell.get().is_none() {
                yield_now();
            }
            assert_eq!(written.load(Relaxed), 1);
            helper.join();
        }
    });
}

#[test]
fn who_owns_it_can_change_and_take_the_value() {
    let mut cell = OnceLock::new();
    assert_eq!(cell.get_mut(), None);
    assert_eq!(cell.take(), None);
    cell.set("one".to_owned()).unwrap();
    cell.get_mut().unwrap().push_str(" more");
    assert_eq!(cell.take().as_deref(), Some("one more"));
    assert_eq!(cell.get(), None);
    assert_eq!(cell.take(), None);
    cell.set("again".to_owned()).unwrap();
    assert_eq!(cell.into_inner().as_deref(), Some("again"));
    assert_eq!(OnceLock::<String>::new().into_inner(), None);
}

#[test]
fn the_value_is_dropped_once_and_only_if_there_is_one() {
    let dropped = Count::default();
    let value = || Dropped(dropped.clone());
    drop(OnceLock::<Dropped>::new());
    assert_eq!(dropped.get(), 0);

    let cell = OnceLock::new();
    assert!(cell.set(value()).is_ok());
    let refused = cell.set(value());
    assert_eq!(dropped.get(), 0, "it comes back");
    drop(refused);
    assert_eq!(dropped.get(), 1);
    drop(cell);
    assert_eq!(dropped.get(), 2);

    let mut cell = OnceLock::from(value());
    drop(cell.take());
    assert_eq!(dropped.get(), 3);
    drop(cell);
    assert_eq!(dropped.get(), 3);

    drop(OnceLock::from(value()).into_inner());
    assert_eq!(dropped.get(), 4);

    let cell = OnceLock::<Dropped>::new();
    panic_of(|| cell.get_or_init(|| panic!("no value (expected)")));
    drop(cell);
    assert_eq!(dropped.get(), 4);
}

#[test]
fn it_can_borrow_from_what_is_dropped_before_it() {
    let cell = OnceLock::new();
    let text = "text".to_owned();
    cell.set(&text).unwrap();
    assert_eq!(cell.get().map(|text| text.as_str()), Some("text"));
}

#[test]
fn it_is_cloned_compared_and_made_from_a_value() {
    let empty = OnceLock::<i32>::default();
    let one = OnceLock::from(1);
    assert_eq!(empty, OnceLock::new());
    assert_eq!(one, OnceLock::from(1));
    assert_ne!(one, OnceLock::from(2));
    assert_ne!(one, empty);
    assert_eq!(one.clone(), one);
    let copy = empty.clone();
    assert_eq!(copy.get(), None);
    copy.set(3).unwrap();
    assert_eq!(empty.get(), None, "it is of its own");
    assert!(may_tests::has!(OnceLock<i32>: Eq));
}

#[test]
fn it_is_shown_as_stds_is() {
    same_debug(OnceLock::<i32>::new(), stds::OnceLock::<i32>::new());
    same_debug(OnceLock::from("text"), stds::OnceLock::from("text"));
}

static IN_A_STATIC: OnceLock<String> = OnceLock::new();

#[test]
fn it_fits_into_a_static() {
    everywhere(|place| {
        let helper = place.start(|| IN_A_STATIC.get_or_init(|| "text".to_owned()).as_str());
        assert_eq!(helper.join(), "text");
        assert_eq!(IN_A_STATIC.get().map(String::as_str), Some("text"));
    });
}

#[test]
fn the_auto_traits_are_stds() {
    same_auto_traits!(OnceLock[u8], OnceLock[Cell<u8>], OnceLock[Rc<u8>], OnceLock[*const u8]);
}
