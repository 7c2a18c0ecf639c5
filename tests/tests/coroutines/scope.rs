//! Scopes: what children borrow outlives them, whatever happens to the parent.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use may::channel::{self, bounded};
use may::coroutine::{self, Cancelled, scope, spawn};
use may_tests::{
    OnDrop, assert_cancelled, eventually, everywhere, message, on_workers, spawn_waiting,
};

#[test]
fn children_borrow_from_the_parents_frame() {
    everywhere(|_| {
        let mut values = vec![0; 100];
        let text = String::from("shared");
        scope(|s| {
            for (i, value) in values.iter_mut().enumerate() {
                let text = &text;
                s.spawn(move || {
                    coroutine::yield_now();
                    *value = i + text.len();
                });
            }
        });
        assert_eq!(values.iter().sum::<usize>(), 4_950 + 600);
    });
}

#[test]
fn the_scope_returns_what_its_body_returns_when_all_children_have_ended() {
    everywhere(|_| {
        let ended = AtomicUsize::new(0);
        let value = scope(|s| {
            for i in 0..10 {
                let ended = &ended;
                s.spawn(move || {
                    coroutine::sleep(Duration::from_micros(i * 50));
                    ended.fetch_add(1, SeqCst);
                });
            }
            "value"
        });
        assert_eq!((value, ended.load(SeqCst)), ("value", 10));
    });
}

#[test]
fn children_spawn_siblings() {
    everywhere(|_| {
        let ended = AtomicUsize::new(0);
        scope(|s| {
            s.spawn(|| {
                s.spawn(|| {
                    coroutine::yield_now();
                    s.spawn(|| ended.fetch_add(1, SeqCst));
                    ended.fetch_add(1, SeqCst);
                });
                ended.fetch_add(1, SeqCst);
            });
        });
        assert_eq!(ended.load(SeqCst), 3);
    });
}

#[test]
fn scopes_nest() {
    everywhere(|_| {
        let total = AtomicUsize::new(0);
        scope(|outer| {
            for _ in 0..4 {
                outer.spawn(|| {
                    let local = AtomicUsize::new(0);
                    scope(|inner| {
                        for _ in 0..4 {
                            inner.spawn(|| local.fetch_add(1, SeqCst));
                        }
                    });
                    total.fetch_add(local.load(SeqCst), SeqCst);
                });
            }
        });
        assert_eq!(total.load(SeqCst), 16);
    });
}

#[test]
fn a_local_child_shares_what_is_not_sync() {
    on_workers(3, || {
        let count = Cell::new(0);
        scope(|s| {
            for _ in 0..50 {
                s.spawn_local(|| {
                    coroutine::yield_now();
                    count.set(count.get() + 1);
                });
            }
        });
        assert_eq!(count.get(), 50);
    });
}

#[test]
fn a_panic_of_the_body_waits_for_the_children_and_does_not_cancel_them() {
    everywhere(|_| {
        let ended = AtomicBool::new(false);
        let payload = catch_unwind(AssertUnwindSafe(|| {
            scope(|s| {
                s.spawn(|| {
                    coroutine::sleep(Duration::from_millis(1));
                    ended.store(true, SeqCst);
                });
                panic!("of the body (expected)");
            })
        }))
        .unwrap_err();
        assert!(ended.load(SeqCst));
        assert_eq!(message(&*payload), "of the body (expected)");
    });
}

#[test]
fn a_panic_of_a_child_that_nobody_joined_goes_on_in_the_parent() {
    everywhere(|_| {
        let ended = AtomicBool::new(false);
        let payload = catch_unwind(AssertUnwindSafe(|| {
            scope(|s| {
                s.spawn(|| panic!("of a child (expected)"));
                s.spawn(|| {
                    coroutine::sleep(Duration::from_micros(300));
                    ended.store(true, SeqCst);
                });
            })
        }))
        .unwrap_err();
        assert!(ended.load(SeqCst));
        assert_eq!(message(&*payload), "a scoped coroutine panicked");
    });
}

#[test]
fn a_panic_of_a_child_that_was_joined_is_the_joiners() {
    everywhere(|_| {
        let joined = scope(|s| s.spawn(|| panic!("of a child (expected)")).join());
        assert_eq!(message(&*joined.unwrap_err()), "of a child (expected)");
    });
}

#[test]
fn a_cancelled_child_is_no_panic() {
    on_workers(2, || {
        scope(|s| s.spawn(coroutine::park).cancel());
        let joined = scope(|s| {
            let child = s.spawn(coroutine::park);
            child.cancel();
            child.join()
        });
        assert_cancelled(joined);
    });
}

/// Row 2 of the list of what must not go wrong: in May 0.3 a cancelled scope returns before its
/// children end.
#[test]
fn a_cancelled_scope_waits_for_its_children_also_for_those_that_do_not_hurry() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let mut total = 0;
            for round in 0..50 {
                let began = Arc::new(AtomicUsize::new(0));
                let begins = began.clone();
                let (waits, said) = (
                    Arc::new(AtomicBool::new(false)),
                    Arc::new(AtomicUsize::new(0)),
                );
                let (says, counts) = (waits.clone(), said.clone());
                let parent = spawn(move || {
                    let frame = AtomicUsize::new(1);
                    let _gone = OnDrop(|| frame.store(0, SeqCst));
                    scope(|s| {
                        for _ in 0..4 {
                            s.spawn(|| {
                                begins.fetch_add(1, SeqCst);
                                let _late = OnDrop(|| {
                                    // Long after the parent was cancelled the frame is still there.
                                    coroutine::sleep(Duration::from_micros(200));
                                    counts.fetch_add(frame.load(SeqCst), SeqCst);
                                });
                                coroutine::park();
                            });
                        }
                        if round % 2 == 0 {
                            coroutine::sleep(Duration::from_micros(200));
                            says.store(true, SeqCst);
                            coroutine::park();
                        }
                        coroutine::shield(|| coroutine::sleep(Duration::from_micros(200)));
                        says.store(true, SeqCst);
                    });
                });
                eventually("the scope waits", || waits.load(SeqCst));
                parent.cancel();
                assert_cancelled(parent.join());
                // Children that had not started when they were cancelled never do.
                assert_eq!(
                    said.load(SeqCst),
                    began.load(SeqCst),
                    "children that saw the frame"
                );
                total += began.load(SeqCst);
            }
            assert!(total > 0);
        });
    }
}

#[test]
fn a_cancellation_reaches_the_grandchildren() {
    on_workers(2, || {
        let (waits, gone) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let (says, leaves) = (waits.clone(), gone.clone());
        let parent = spawn(move || {
            scope(|outer| {
                outer.spawn(|| {
                    scope(|inner| {
                        inner.spawn(|| {
                            let _leaves = OnDrop(|| leaves.store(true, SeqCst));
                            says.store(true, SeqCst);
                            coroutine::park();
                        });
                    });
                });
            });
        });
        eventually("the grandchild waits", || waits.load(SeqCst));
        parent.cancel();
        assert_cancelled(parent.join());
        assert!(gone.load(SeqCst));
    });
}

#[test]
fn a_child_can_cancel_its_parent() {
    on_workers(2, || {
        let (tx, rx) = bounded::<coroutine::JoinHandle<()>>(1);
        let parent = spawn(move || {
            scope(|s| {
                s.spawn(|| {
                    rx.recv().unwrap().cancel();
                    coroutine::park();
                });
            });
        });
        let number = parent.coroutine().clone();
        tx.send(parent).unwrap();
        eventually("the receiver has gone with the parent", || {
            number.unpark();
            tx.try_send(spawn(|| ()))
                .is_err_and(|error| matches!(error, may::channel::TrySendError::Disconnected(_)))
        });
    });
}

/// Found by reading: the scope's last wait was refused there, too, and the frame went while a child
/// borrowed it.
#[test]
fn a_scope_where_blocking_is_forbidden_panics_but_joins_first() {
    on_workers(3, || {
        let mut refused = 0;
        for _ in 0..100 {
            let frame = AtomicUsize::new(1);
            let seen = AtomicUsize::new(0);
            let left = catch_unwind(AssertUnwindSafe(|| {
                coroutine::forbid_blocking(|| {
                    scope(|s| {
                        s.spawn(|| {
                            coroutine::sleep(Duration::from_micros(100));
                            seen.store(frame.load(SeqCst), SeqCst);
                        });
                    });
                });
            }));
            assert_eq!(seen.load(SeqCst), 1, "the child has ended");
            // If it had ended before, there was nothing to wait for.
            refused += usize::from(left.is_err());
            assert!(left.is_ok() || message(&*left.unwrap_err()).contains("forbid_blocking"));
        }
        assert!(refused > 0);
    });
}

#[test]
fn join_runs_branches_side_by_side_and_a_panic_waits_for_all() {
    everywhere(|_| {
        let (tx, rx) = bounded(1);
        // Each of the first two waits for the other: they must run at the same time.
        let (tx2, rx2) = bounded(1);
        let (a, b, c) = may::join!(
            {
                tx.send(1).unwrap();
                rx2.recv().unwrap()
            },
            {
                tx2.send(2).unwrap();
                rx.recv().unwrap()
            },
            3
        );
        assert_eq!((a, b, c), (2, 1, 3));
        let ended = AtomicBool::new(false);
        let raised = catch_unwind(AssertUnwindSafe(|| {
            may::join!(
                {
                    coroutine::sleep(Duration::from_micros(300));
                    ended.store(true, SeqCst);
                },
                panic!("of a branch (expected)")
            )
        }));
        assert!(raised.is_err() && ended.load(SeqCst));
    });
}

#[test]
fn a_cancelled_parent_unwinds_with_the_payload_of_a_cancellation() {
    on_workers(1, || {
        let parent = spawn_waiting(|| {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                scope(|s| drop(s.spawn(coroutine::park)))
            }));
            caught.unwrap_err().is::<Cancelled>()
        });
        parent.cancel();
        assert!(parent.join().unwrap());
    });
}

#[test]
fn a_value_whose_destructor_waits_is_dropped_when_all_children_have_ended() {
    on_workers(2, || {
        let ((runs, is_running), (release, released)) = (bounded(1), bounded::<()>(1));
        let (left, has_left) = bounded(1);
        let parent = spawn_waiting(move || {
            let ended = AtomicBool::new(false);
            let caught = catch_unwind(AssertUnwindSafe(|| {
                let _value = scope(|s| {
                    s.spawn(|| {
                        coroutine::shield(|| {
                            runs.send(()).unwrap();
                            released.recv().unwrap();
                        });
                        ended.store(true, SeqCst);
                    });
                    OnDrop(|| coroutine::sleep(Duration::from_micros(1)))
                });
            }));
            left.send(ended.load(SeqCst)).unwrap_or(());
            caught.unwrap_err().is::<Cancelled>() && ended.load(SeqCst)
        });
        is_running.recv().unwrap();
        parent.cancel();
        // A child that left the scope too early would fail now.
        let early = has_left.recv_timeout(Duration::from_millis(20));
        release.send(()).unwrap();
        assert!(early.is_err(), "the scope was left while its child ran");
        assert!(parent.join().unwrap());
    });
}

#[test]
fn a_waker_that_a_worker_calls_opens_no_scope() {
    /// Says whether a scope panicked.
    struct Scoped(channel::Sender<bool>);
    impl Wake for Scoped {
        fn wake(self: Arc<Self>) {
            let opened = AtomicBool::new(false);
            let scoped = catch_unwind(AssertUnwindSafe(|| {
                scope(|s| {
                    opened.store(true, SeqCst);
                    s.spawn(|| ());
                });
            }));
            let _ = self.0.send(scoped.is_err() && !opened.load(SeqCst));
        }
    }
    let (said, panicked) = channel::unbounded();
    let mut sleep = pin!(may::future::sleep(Duration::from_millis(1)));
    let waker = Waker::from(Arc::new(Scoped(said)));
    let first = sleep.as_mut().poll(&mut Context::from_waker(&waker));
    if first.is_pending() {
        assert!(panicked.recv().unwrap());
    }
}
