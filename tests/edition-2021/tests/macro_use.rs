//! A crate in the style of May 0.3, which imports all macros by `#[macro_use]`: what has the name
//! of one of std's keeps its meaning.

#[macro_use]
extern crate may;

use std::time::Duration;

use may::coroutine;

#[test]
fn a_test_without_a_path_runs_on_a_thread() {
    assert!(!coroutine::is_coroutine());
}

#[test]
fn it_may_leave_coroutines_behind() {
    go!(|| coroutine::sleep(Duration::from_secs(1000)));
}

#[test]
#[should_panic(expected = "as it should")]
fn other_attributes_hold() {
    panic!("as it should");
}

#[cfg_attr(all(), test)]
fn the_same_behind_a_condition() {
    assert!(!coroutine::is_coroutine());
}

macro_rules! test_of_a_macro {
    () => {
        #[test]
        fn a_macros_test_runs_on_a_thread() {
            assert!(!coroutine::is_coroutine());
        }
    };
}

test_of_a_macro!();

#[may::test]
fn one_with_its_path_runs_as_a_coroutine() {
    assert!(coroutine::is_coroutine());
    assert_eq!(go!(|| 7).join().unwrap(), 7);
}

mod imported {
    // The name alone is std's even so.
    #[allow(unused_imports)]
    use may::test;

    #[test]
    fn runs_on_a_thread() {
        assert!(!may::coroutine::is_coroutine());
    }
}

mod all_of_it {
    // A glob makes a bare `#[test]` ambiguous; this is what to add.
    use core::prelude::v1::test;
    use may::*;

    #[test]
    fn runs_on_a_thread() {
        assert!(!coroutine::is_coroutine());
        assert_eq!(go!(|| 7).join().unwrap(), 7);
    }

    #[may::test]
    fn runs_as_a_coroutine() {
        assert!(coroutine::is_coroutine());
    }
}
