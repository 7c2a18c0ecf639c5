//! Coroutines and those who wait for them: children have ended before what they borrow goes.

use std::sync::Arc;

use may::coroutine::{self, JoinHandle, TaskGroup};
use may::{channel, cqueue, cqueue_add, cqueue_add_oneshot, join, select};
use may_tests::OnDrop;

use super::{Count, DAY, Program};
use crate::stage::{At, Play};

pub(crate) fn programs() -> Vec<Program> {
    vec![
        ("JoinHandle::join", || joining(JoinHandle::join)),
        ("JoinHandle::join_timeout", || {
            joining(|mut child| child.join_timeout(DAY).expect("a day has not passed"))
        }),
        ("JoinHandle::wait_timeout", || {
            joining(|child| {
                assert!(child.wait_timeout(DAY));
                child.join()
            })
        }),
        ("scope", || family(in_scope)),
        ("scope, joined", || family(in_scope_joined)),
        ("scope in a scope", || family(in_nested_scopes)),
        ("scope, cancelled", || family(in_cancelled_scope)),
        ("scope, with a value that waits when it is dropped", || {
            family(in_scope_with_value)
        }),
        ("join!", || family(in_join)),
        ("TaskGroup::join_next", || in_group(next_of_group)),
        ("TaskGroup::join_next_timeout", || {
            in_group(|group, at| {
                all_of(group, at, |group| {
                    group.join_next_timeout(DAY).expect("a day has not passed")
                })
            })
        }),
        ("select! join_next", || {
            in_group(|group, at| {
                all_of(group, at, |group| {
                    let never = channel::never::<()>();
                    select! {
                        end = join_next(*group) => end,
                        _ = recv(never) => unreachable!(),
                    }
                })
            })
        }),
        ("TaskGroup::join_all", || in_group(all_of_group)),
        ("TaskGroup, dropped", || in_group(drop_group)),
        ("cqueue", || family(in_queue)),
        ("cqueue, oneshot", || family(in_queue_once)),
        ("select! with run", || family(in_select)),
        ("destructors that wait", destructors),
    ]
}

/// A coroutine that is joined goes on although the one that waited for it is ended.
fn joining(join: fn(JoinHandle<u32>) -> coroutine::Result<u32>) -> Play {
    let mut play = Play::default();
    let done = Count::default();
    for _ in 0..2 {
        let done = done.clone();
        play.victim(move |at| {
            let counted = done.clone();
            let child = coroutine::spawn(move || {
                coroutine::yield_now();
                counted.add();
                7
            });
            at.here();
            assert_eq!(join(child).unwrap(), 7);
            at.here();
        });
    }
    play
}

/// What children borrow from, and who is there.
struct Home<'a> {
    at: &'a At,
    alive: &'a Count,
}

impl Home<'_> {
    /// What a child does: it has points of its own, and a destructor that waits.
    fn child(&self) -> usize {
        self.alive.add();
        let _gone = OnDrop(|| self.alive.subtract());
        let _lingers = OnDrop(coroutine::yield_now);
        self.at.turn();
        1
    }
}

/// Plays a family twice beside each other. When the parent goes, by whatever way, no child is left.
fn family(parent: fn(&Home<'_>)) -> Play {
    let mut play = Play::default();
    let left = Count::default();
    for _ in 0..2 {
        let (alive, left) = (Count::default(), left.clone());
        play.victim(move |at| {
            let _gone = OnDrop(|| (0..alive.get()).for_each(|_| left.add()));
            at.here();
            parent(&Home { at, alive: &alive });
            at.here();
        });
    }
    play.check(move |_| assert_eq!(left.get(), 0, "children outlive their frame"));
    play
}

fn in_scope(home: &Home<'_>) {
    let numbers = [1, 2, 3];
    let sum = coroutine::scope(|s| {
        for _ in &numbers {
            s.spawn(|| home.child());
        }
        home.at.turn();
        numbers.iter().sum::<i32>()
    });
    assert_eq!(sum, 6);
}

fn in_scope_joined(home: &Home<'_>) {
    let sum: usize = coroutine::scope(|s| {
        let children: Vec<_> = (0..2).map(|_| s.spawn(|| home.child())).collect();
        children.into_iter().map(|child| raise(child.join())).sum()
    });
    assert_eq!(sum, 2);
}

/// Goes on with what a child has raised.
fn raise<T>(result: coroutine::Result<T>) -> T {
    result.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}

fn in_nested_scopes(home: &Home<'_>) {
    coroutine::scope(|outer| {
        outer.spawn(|| {
            coroutine::scope(|inner| {
                inner.spawn(|| home.child());
                home.at.here();
            });
            home.child()
        });
        home.child()
    });
}

fn in_cancelled_scope(home: &Home<'_>) {
    coroutine::scope(|s| {
        // Without the cancellation they would wait until this closure is left.
        let (_sender, receiver) = channel::bounded::<()>(0);
        s.spawn(|| home.child());
        s.spawn(move || {
            home.child();
            receiver.recv()
        });
        home.at.turn();
        s.cancel();
    });
}

/// Waits when it is dropped.
struct Lingers<'a>(&'a At);

impl Drop for Lingers<'_> {
    fn drop(&mut self) {
        coroutine::yield_now();
        if !coroutine::panicking() {
            self.0.here();
        }
    }
}

fn in_scope_with_value(home: &Home<'_>) {
    let value = coroutine::scope(|s| {
        s.spawn(|| home.child());
        let child = s.spawn(|| Lingers(home.at));
        // It is not taken out of this handle.
        s.spawn(|| Lingers(home.at));
        home.at.here();
        drop(raise(child.join()));
        Lingers(home.at)
    });
    drop(value);
}

fn in_join(home: &Home<'_>) {
    let (a, b, c) = join!(home.child(), home.child(), {
        home.at.turn();
        5
    });
    assert_eq!((a, b, c), (1, 1, 5));
}

/// Members of a group borrow nothing. They are gone when the group is, or soon after.
fn in_group(parent: fn(TaskGroup<usize>, &At)) -> Play {
    let mut play = Play::default();
    let alive = Count::default();
    for _ in 0..2 {
        let alive = alive.clone();
        play.victim(move |at| {
            let mut group = TaskGroup::new();
            for _ in 0..3 {
                let (alive, at) = (alive.clone(), at.clone());
                group.spawn(move || {
                    Home {
                        at: &at,
                        alive: &alive,
                    }
                    .child()
                });
            }
            at.here();
            parent(group, at);
            at.here();
        });
    }
    play.check(move |_| may_tests::eventually("all have gone", || alive.get() == 0));
    play
}

fn next_of_group(group: TaskGroup<usize>, at: &At) {
    all_of(group, at, TaskGroup::join_next);
}

fn all_of(
    mut group: TaskGroup<usize>,
    at: &At,
    next: fn(&mut TaskGroup<usize>) -> Option<coroutine::Result<usize>>,
) {
    let mut sum = 0;
    while let Some(result) = next(&mut group) {
        sum += raise(result);
        at.here();
    }
    assert_eq!(sum, 3);
}

fn all_of_group(group: TaskGroup<usize>, _: &At) {
    let sum: usize = group.join_all().into_iter().map(raise).sum();
    assert_eq!(sum, 3);
}

fn drop_group(group: TaskGroup<usize>, at: &At) {
    at.turn();
    drop(group);
}

fn in_queue(home: &Home<'_>) {
    let (sender, receiver) = channel::bounded(1);
    let turns = Count::default();
    cqueue::scope(|queue| {
        cqueue_add!(queue, 1, _ = receiver.recv() => {
            turns.add();
            home.child();
        });
        sender.send(()).unwrap();
        home.at.here();
        while turns.get() == 0 {
            assert_eq!(queue.poll(None).unwrap().token, 1);
            home.at.here();
        }
    });
}

fn in_queue_once(home: &Home<'_>) {
    cqueue::scope(|queue| {
        for token in 0..2 {
            cqueue_add_oneshot!(queue, token, _ = home.child() => home.at.here());
        }
        while queue.poll(Some(DAY)).is_ok() {
            home.at.turn();
        }
    });
}

fn in_select(home: &Home<'_>) {
    let never = channel::never::<()>();
    for _ in 0..2 {
        let which = select! {
            one = run(home.child()) => one,
            two = run {
                home.child();
                home.child() + 1
            } => two,
            _ = recv(never) => unreachable!(),
        };
        assert!(which == 1 || which == 2);
        home.at.here();
    }
}

/// A destructor that runs because of the kill waits, joins, and ends helpers.
fn destructors() -> Play {
    let mut play = Play::default();
    let cleaned = Arc::new(Count::default());
    let begun = Count::default();
    for _ in 0..2 {
        let (cleaned, begun) = (cleaned.clone(), begun.clone());
        play.victim(move |at| {
            begun.add();
            let cleanup = OnDrop(|| {
                let (sender, receiver) = channel::bounded(0);
                let helper = coroutine::spawn(move || {
                    coroutine::yield_now();
                    sender.send(7).unwrap();
                    coroutine::park();
                });
                assert_eq!(receiver.recv(), Ok(7));
                helper.cancel();
                assert!(helper.join().is_err());
                coroutine::scope(|s| {
                    s.spawn(coroutine::yield_now);
                });
                cleaned.add();
            });
            at.turn();
            at.turn();
            // One that is not killed has nothing to clean up.
            std::mem::forget(cleanup);
            cleaned.add();
        });
    }
    play.check(move |_| assert_eq!(cleaned.get(), begun.get()));
    play
}
