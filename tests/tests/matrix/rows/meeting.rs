//! Waiting for each other.

use std::sync::Arc;

use may::coroutine::{self, JoinHandle};
use may::net::{Limits, serve};
use may::sync::{Barrier, CancelToken, Notify, Semaphore, SyncFlag, WaitGroup};
use may_tests::net::listener;

use crate::row::{Row, Subject, deadline, or_max, waits, waits_in_time};
use crate::subject::{Partners, Slot};

pub(crate) fn rows() -> Vec<Row> {
    [
        barriers(),
        semaphores(),
        flags(),
        groups(),
        notifications(),
        tokens(),
        servers(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn barriers() -> Vec<Row> {
    Subject::new(
        "a barrier for two",
        || (Arc::new(Barrier::new(2)), Partners::default()),
        |(barrier, partners)| {
            let barrier = barrier.clone();
            partners.come(move || {
                barrier.wait();
            });
        },
    )
    .met()
    .for_one()
    .rows([
        waits("sync/barrier.rs Barrier::wait", |(barrier, _), _| {
            barrier.wait();
            true
        }),
        waits_in_time(
            "sync/barrier.rs Barrier::wait_timeout",
            |(barrier, _), timeout| barrier.wait_timeout(or_max(timeout)).is_some(),
        ),
        waits_in_time(
            "sync/barrier.rs Barrier::wait_deadline",
            |(barrier, _), timeout| barrier.wait_deadline(deadline(timeout)).is_some(),
        ),
    ])
}

/// A permit is never given back, so each wake-up is for one.
fn semaphores() -> Vec<Row> {
    let none = || Arc::new(Semaphore::new(0));
    let half = || Arc::new(Semaphore::new(1));
    let mut rows = Subject::new("no permits", none, |s| s.add_permits(1)).rows([
        waits("sync/semaphore.rs Semaphore::acquire", |s, _| {
            s.acquire().forget();
            true
        }),
        waits("sync/semaphore.rs Semaphore::acquire_owned", |s, _| {
            s.clone().acquire_owned().forget();
            true
        }),
        waits_in_time(
            "sync/semaphore.rs Semaphore::acquire_timeout",
            |s, timeout| {
                let permit = s.acquire_timeout(1, or_max(timeout));
                permit.map(|permit| permit.forget()).is_some()
            },
        ),
        waits_in_time(
            "sync/semaphore.rs Semaphore::acquire_deadline",
            |s, timeout| {
                let permit = s.acquire_deadline(1, deadline(timeout));
                permit.map(|permit| permit.forget()).is_some()
            },
        ),
    ]);
    rows.extend(
        Subject::new("half the permits", half, |s| s.add_permits(2)).rows([
            waits("sync/semaphore.rs Semaphore::acquire_many", |s, _| {
                s.acquire_many(2).forget();
                true
            }),
            waits("sync/semaphore.rs Semaphore::acquire_many_owned", |s, _| {
                s.clone().acquire_many_owned(2).forget();
                true
            }),
            waits_in_time(
                "sync/semaphore.rs Semaphore::acquire_owned_timeout",
                |s, timeout| {
                    let permits = s.clone().acquire_owned_timeout(2, or_max(timeout));
                    permits.map(|permits| permits.forget()).is_some()
                },
            ),
            waits_in_time(
                "sync/semaphore.rs Semaphore::acquire_owned_deadline",
                |s, timeout| {
                    let permits = s.clone().acquire_owned_deadline(2, deadline(timeout));
                    permits.map(|permits| permits.forget()).is_some()
                },
            ),
            waits_in_time(
                "sync/semaphore.rs Semaphore::acquire_timeout",
                |s, timeout| {
                    let permits = s.acquire_timeout(2, or_max(timeout));
                    permits.map(|permits| permits.forget()).is_some()
                },
            ),
        ]),
    );
    rows
}

fn flags() -> Vec<Row> {
    Subject::new("a flag", SyncFlag::new, SyncFlag::fire).rows([
        waits("sync/sync_flag.rs SyncFlag::wait", |flag, _| {
            flag.wait();
            true
        }),
        waits_in_time(
            "sync/sync_flag.rs SyncFlag::wait_timeout",
            |flag, timeout| flag.wait_timeout(or_max(timeout)),
        ),
        waits_in_time(
            "sync/sync_flag.rs SyncFlag::wait_deadline",
            |flag, timeout| flag.wait_deadline(deadline(timeout)),
        ),
    ])
}

/// A group of the caller and another one, and a third that waits for both. A caller that is
/// cancelled has left the group, which a later waiter sees.
struct Group {
    caller: Slot<WaitGroup>,
    other: Slot<WaitGroup>,
    watcher: Slot<JoinHandle<()>>,
}

impl Group {
    fn new() -> Group {
        let caller = WaitGroup::new();
        let (other, third) = (caller.clone(), caller.clone());
        Group {
            caller: Slot::new(caller),
            other: Slot::new(other),
            watcher: Slot::new(coroutine::spawn(move || third.wait())),
        }
    }
}

fn groups() -> Vec<Row> {
    fn wait(group: &Group, wait: impl FnOnce(WaitGroup) -> bool) -> bool {
        match group.caller.take() {
            Some(caller) => wait(caller),
            None => group.watcher.take().is_some_and(|w| w.join().is_ok()),
        }
    }
    Subject::new("a group of two", Group::new, |g| drop(g.other.take()))
        .for_one()
        // The watcher leaves the group as it begins to wait.
        .met()
        .rows([
            waits("sync/wait_group.rs WaitGroup::wait", |g, _| {
                wait(g, |caller| {
                    caller.wait();
                    true
                })
            }),
            waits_in_time(
                "sync/wait_group.rs WaitGroup::wait_timeout",
                |g, timeout| wait(g, |caller| caller.wait_timeout(or_max(timeout))),
            ),
            waits_in_time(
                "sync/wait_group.rs WaitGroup::wait_deadline",
                |g, timeout| wait(g, |caller| caller.wait_deadline(deadline(timeout))),
            ),
        ])
}

fn notifications() -> Vec<Row> {
    Subject::new("a notification", Notify::new, Notify::notify_one).rows([
        waits("sync/notify.rs Notify::wait", |notify, _| {
            notify.wait();
            true
        }),
        waits_in_time("sync/notify.rs Notify::wait_timeout", |notify, timeout| {
            notify.wait_timeout(or_max(timeout))
        }),
        waits_in_time("sync/notify.rs Notify::wait_deadline", |notify, timeout| {
            notify.wait_deadline(deadline(timeout))
        }),
    ])
}

fn tokens() -> Vec<Row> {
    let of_child = || {
        let parent = CancelToken::new();
        (parent.child(), parent)
    };
    let mut rows = Subject::new("a token", CancelToken::new, CancelToken::cancel).rows([
        waits("sync/cancel_token.rs CancelToken::wait", |token, _| {
            token.wait();
            true
        }),
        waits_in_time(
            "sync/cancel_token.rs CancelToken::wait_timeout",
            |token, timeout| token.wait_timeout(or_max(timeout)),
        ),
        waits_in_time(
            "sync/cancel_token.rs CancelToken::wait_deadline",
            |token, timeout| token.wait_deadline(deadline(timeout)),
        ),
    ]);
    rows.extend(
        Subject::new("a token below another", of_child, |(_, parent)| {
            parent.cancel()
        })
        .rows([waits(
            "sync/cancel_token.rs CancelToken::wait",
            |(child, _), _| {
                child.wait();
                true
            },
        )]),
    );
    rows
}

/// A server without connections.
fn servers() -> Vec<Row> {
    Subject::new(
        "a server",
        || (listener(), CancelToken::new()),
        |(_, token)| token.cancel(),
    )
    .rows([waits("serve/mod.rs serve", |(listener, token), _| {
        serve(listener, Limits::new().until(token), |_, _| ()).is_ok()
    })])
}
