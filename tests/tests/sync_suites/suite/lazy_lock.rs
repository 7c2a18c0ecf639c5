//! `LazyLock`: a value that is made by the first who looks at it.

use std::cell::Cell;
use std::rc::Rc;
use std::sync as stds;

use may::coroutine::yield_now;

use super::sync::{Arc, LazyLock, Mutex};
use super::{
    Count, Dropped, Flag, a_moment, everywhere, join_all, panic_of, same_debug, start_many,
};

#[test]
fn the_value_is_made_once_and_not_before_it_is_needed() {
    everywhere(|_| {
        let runs = Count::default();
        let lazy = LazyLock::new(|| {
            runs.add();
            "text".to_owned()
        });
        assert_eq!(runs.get(), 0);
        assert_eq!(lazy.len(), 4);
        assert_eq!(runs.get(), 1);
        assert_eq!(*lazy, "text");
        assert!(std::ptr::eq(LazyLock::force(&lazy), &*lazy));
        assert_eq!(runs.get(), 1);
    });
}

#[test]
fn it_can_be_forced() {
    everywhere(|_| {
        let runs = Count::default();
        let lazy = LazyLock::new(|| runs.add());
        assert_eq!(LazyLock::force(&lazy), &0);
        assert_eq!((*lazy, runs.get()), (0, 1));
    });
}

#[test]
fn of_all_who_race_one_makes_the_value() {
    everywhere(|place| {
        for _ in 0..20 {
            let runs = Count::default();
            let counts = runs.clone();
            let lazy = Arc::new(LazyLock::new(move || {
                yield_now();
                counts.add()
            }));
            let helpers = start_many(place, 8, |_| {
                let lazy = lazy.clone();
                move || {
                    yield_now();
                    **lazy
                }
            });
            assert_eq!(join_all(helpers), [0; 8]);
            assert_eq!(runs.get(), 1);
        }
    });
}

#[test]
fn who_looks_while_the_value_is_made_waits() {
    everywhere(|place| {
        let (runs, go_on, returned) = (Flag::default(), Flag::default(), Count::default());
        let (says, waits) = (runs.clone(), go_on.clone());
        let lazy = Arc::new(LazyLock::new(move || {
            says.raise();
            waits.wait();
            1
        }));
        let for_first = lazy.clone();
        let first = place.start(move || **for_first);
        runs.wait();
        let others = start_many(place, 3, |_| {
            let (lazy, returned) = (lazy.clone(), returned.clone());
            move || {
                let value = *LazyLock::force(&lazy);
                returned.add();
                value
            }
        });
        a_moment();
        assert_eq!(returned.get(), 0);
        go_on.raise();
        assert_eq!(first.join(), 1);
        assert_eq!(join_all(others), [1; 3]);
    });
}

#[test]
fn a_panic_poisons_it_for_good() {
    everywhere(|place| {
        let runs = Count::default();
        let counts = runs.clone();
        let lazy: Arc<LazyLock<u8, _>> = Arc::new(LazyLock::new(move || {
            counts.add();
            panic!("no value (expected)")
        }));
        assert!(panic_of(|| **lazy).contains("expected"));
        for _ in 0..2 {
            let text = panic_of(|| **lazy);
            assert_eq!(text, "LazyLock instance has previously been poisoned");
        }
        let for_helper = lazy.clone();
        let helper = place.start(move || panic_of(|| *LazyLock::force(&for_helper)));
        assert_eq!(
            helper.join(),
            "LazyLock instance has previously been poisoned"
        );
        assert_eq!(runs.get(), 1);
    });
}

#[test]
fn who_waits_for_a_value_that_is_never_made_panics_too() {
    everywhere(|place| {
        let (runs, go_on) = (Flag::default(), Flag::default());
        let (says, waits) = (runs.clone(), go_on.clone());
        let lazy: Arc<LazyLock<u8, _>> = Arc::new(LazyLock::new(move || {
            says.raise();
            waits.wait();
            panic!("while others wait (expected)")
        }));
        let for_first = lazy.clone();
        let first = place.start(move || panic_of(|| **for_first));
        runs.wait();
        let others = start_many(place, 3, |_| {
            let lazy = lazy.clone();
            move || panic_of(|| **lazy)
        });
        a_moment();
        go_on.raise();
        assert!(first.join().contains("expected"));
        for text in join_all(others) {
            assert_eq!(text, "LazyLock instance has previously been poisoned");
        }
    });
}

#[test]
fn what_it_owns_is_dropped_once() {
    let (closure, value) = (Count::default(), Count::default());
    let make = || {
        let captured = Dropped(closure.clone());
        let value = value.clone();
        LazyLock::new(move || {
            let _captured = captured;
            Dropped(value)
        })
    };
    drop(make());
    assert_eq!((closure.get(), value.get()), (1, 0), "it never ran");

    let lazy = make();
    LazyLock::force(&lazy);
    assert_eq!((closure.get(), value.get()), (2, 0), "it ran");
    drop(lazy);
    assert_eq!((closure.get(), value.get()), (2, 1));
}

#[test]
fn what_an_initialiser_that_panics_owns_is_dropped_once() {
    let closure = Count::default();
    let captured = Dropped(closure.clone());
    let lazy: LazyLock<Dropped, _> = LazyLock::new(move || {
        let _captured = captured;
        panic!("no value (expected)")
    });
    panic_of(|| LazyLock::force(&lazy).0.get());
    assert_eq!(closure.get(), 1);
    drop(lazy);
    assert_eq!(closure.get(), 1);
}

#[test]
fn values_can_be_made_from_one_another() {
    everywhere(|_| {
        let first = LazyLock::new(|| 1);
        let second = LazyLock::new(|| *first + 1);
        let third = LazyLock::new(|| *first + *second);
        assert_eq!((*third, *second, *first), (3, 2, 1));
    });
}

static RUNS: Mutex<u32> = Mutex::new(0);
static IN_A_STATIC: LazyLock<Vec<u32>> = LazyLock::new(|| {
    *RUNS.lock().unwrap() += 1;
    vec![1, 2, 3]
});

#[test]
fn it_fits_into_a_static() {
    everywhere(|place| {
        let helpers = start_many(place, 4, |_| || IN_A_STATIC.iter().sum::<u32>());
        assert_eq!(join_all(helpers), [6; 4]);
        assert_eq!(*RUNS.lock().unwrap(), 1);
    });
}

#[test]
fn it_can_be_made_from_nothing() {
    let lazy = LazyLock::<String>::default();
    assert_eq!(*lazy, "");
}

#[test]
fn it_is_shown_as_stds_is() {
    let (ours, stds) = (LazyLock::new(|| 5), stds::LazyLock::new(|| 5));
    same_debug(&ours, &stds);
    assert_eq!((*ours, *stds), (5, 5));
    same_debug(&ours, &stds);

    /// Fails.
    fn fails() -> u8 {
        panic!("no value (expected)")
    }
    let (ours, stds) = (LazyLock::<u8>::new(fails), stds::LazyLock::<u8>::new(fails));
    panic_of(|| *ours);
    panic_of(|| *stds);
    same_debug(&ours, &stds);
}

#[test]
fn the_auto_traits_are_stds() {
    same_auto_traits!(LazyLock[u8], LazyLock[Cell<u8>], LazyLock[Rc<u8>]);
    same_auto_traits!(LazyLock[u8, Cell<u8>], LazyLock[u8, Rc<u8>], LazyLock[u8, *const u8]);
}
