//! `sync::CancelToken`: that a whole tree is cancelled and nothing above it, however deep, wide or
//! changing it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use may::coroutine::{self, spawn};
use may::sync::CancelToken;
use may_tests::{assert_cancelled, everywhere, on_workers, spawn_waiting};

#[test]
fn children_are_cancelled_with_their_parent_and_not_the_other_way_round() {
    everywhere(|place| {
        let root = CancelToken::new();
        let (one, other) = (root.child(), root.child());
        let below = one.child();
        let waits = below.clone();
        let waiter = place.start(move || waits.wait());
        one.cancel();
        waiter.join();
        assert!(one.is_cancelled() && below.is_cancelled());
        assert!(!root.is_cancelled() && !other.is_cancelled());
        let waits = other.clone();
        let waiter = place.start(move || waits.wait());
        root.cancel();
        waiter.join();
        assert!(root.is_cancelled() && other.is_cancelled());
        // Once more changes nothing.
        root.cancel();
        one.cancel();
    });
}

#[test]
fn a_child_of_a_cancelled_token_is_cancelled() {
    let root = CancelToken::new();
    root.cancel();
    assert!(root.child().is_cancelled());
    assert!(root.child().child().is_cancelled());
    root.child().wait();
}

#[test]
fn clones_are_the_same_token() {
    let token = CancelToken::new();
    let (clone, child) = (token.clone(), token.child());
    drop(token);
    clone.cancel();
    assert!(child.is_cancelled());
}

/// A function that passes a child on and keeps none itself is still between the two.
#[test]
fn a_grandchild_is_cancelled_also_if_the_token_between_is_gone() {
    let root = CancelToken::new();
    let grandchild = root.child().child();
    root.cancel();
    assert!(grandchild.is_cancelled());

    let root = CancelToken::new();
    let mut lowest = root.child();
    // Those between are no longer held.
    for _ in 0..100_000 {
        lowest = lowest.child();
    }
    root.cancel();
    assert!(lowest.is_cancelled());
}

#[test]
fn a_tree_may_be_as_deep_as_memory_allows() {
    // Coroutines have small stacks.
    on_workers(1, || {
        let root = CancelToken::new();
        let mut chain = vec![root.child()];
        for i in 0..100_000 {
            chain.push(chain[i].child());
        }
        root.cancel();
        assert!(chain.iter().all(CancelToken::is_cancelled));
        drop(chain);
        // Taken down from the top and from the bottom, and held by its end alone.
        let mut chain = vec![CancelToken::new()];
        for i in 0..100_000 {
            chain.push(chain[i].child());
        }
        let lowest = chain.pop();
        drop(chain);
        drop(lowest);
    });
}

#[test]
fn a_tree_may_be_wide() {
    everywhere(|place| {
        let root = CancelToken::new();
        let waiters: Vec<_> = (0..200)
            .map(|i| {
                let child = if i % 2 == 0 {
                    root.child()
                } else {
                    root.clone()
                };
                place.start(move || child.wait())
            })
            .collect();
        let children: Vec<_> = (0..10_000).map(|_| root.child()).collect();
        coroutine::yield_now();
        root.cancel();
        waiters.into_iter().for_each(|waiter| waiter.join());
        assert!(children.iter().all(CancelToken::is_cancelled));
    });
}

#[test]
fn a_child_that_is_made_while_its_parent_is_cancelled_is_cancelled() {
    everywhere(|place| {
        for _ in 0..100 {
            let root = CancelToken::new();
            let middle = root.child();
            let makers: Vec<_> = [root.clone(), middle]
                .into_iter()
                .map(|parent| {
                    place.start(move || {
                        let children: Vec<_> = (0..50).map(|_| parent.child()).collect();
                        children.into_iter().for_each(|child| child.wait());
                    })
                })
                .collect();
            coroutine::yield_now();
            root.cancel();
            makers.into_iter().for_each(|maker| maker.join());
        }
    });
}

#[test]
fn several_may_cancel_at_once() {
    everywhere(|place| {
        for _ in 0..50 {
            let root = CancelToken::new();
            let children: Vec<_> = (0..20).map(|_| root.child()).collect();
            let cancellers: Vec<_> = (0..4)
                .map(|_| {
                    let root = root.clone();
                    place.start(move || root.cancel())
                })
                .collect();
            children.iter().for_each(CancelToken::wait);
            cancellers
                .into_iter()
                .for_each(|canceller| canceller.join());
        }
    });
}

#[test]
fn a_wait_for_a_token_can_end_in_other_ways() {
    everywhere(|place| {
        let token = CancelToken::new();
        assert!(!token.wait_timeout(Duration::from_millis(1)));
        assert!(!token.wait_deadline(Instant::now()));
        let waits = token.clone();
        let waiter = place.start(move || waits.wait_timeout(Duration::MAX));
        token.cancel();
        assert!(waiter.join());
        assert!(token.wait_timeout(Duration::ZERO));
    });
    on_workers(1, || {
        let token = CancelToken::new();
        let waits = token.clone();
        let waiter = spawn_waiting(move || waits.wait());
        waiter.cancel();
        assert_cancelled(waiter.join());
        assert!(!token.is_cancelled());
    });
}

#[test]
fn a_guard_cancels_whatever_ends_its_frame_unless_it_is_disarmed() {
    everywhere(|_| {
        let token = CancelToken::new();
        drop(token.child().drop_guard());
        assert!(!token.is_cancelled());
        let disarmed = token.clone().drop_guard().disarm();
        assert!(!disarmed.is_cancelled());

        let (panics, child) = (token.child(), token.child());
        let guarded = panics.clone();
        let result = catch_unwind(AssertUnwindSafe(|| {
            let _guard = guarded.drop_guard();
            std::panic::resume_unwind(Box::new("expected"));
        }));
        assert!(result.is_err() && panics.is_cancelled() && !child.is_cancelled());

        let guard = token.clone().drop_guard();
        let parks = spawn(move || {
            let _guard = guard;
            coroutine::park();
        });
        parks.cancel();
        assert_cancelled(parks.join());
        assert!(token.is_cancelled() && child.is_cancelled());
    });
}

/// Bytes resident.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = status.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

#[cfg(target_os = "linux")]
#[test]
fn children_that_are_gone_leave_no_memory_behind() {
    let _watchdog = may_tests::watchdog();
    may_tests::alone(|| {
        let root = CancelToken::new();
        let stays = root.child();
        let make = |n| (0..n).for_each(|_| drop(root.child().child()));
        make(10_000);
        let before = resident();
        make(1_000_000);
        let more = resident().saturating_sub(before);
        assert!(more < 4 << 20, "{more} bytes for children that are gone");
        root.cancel();
        assert!(stays.is_cancelled());
    });
}
