//! Joining, scopes, groups; parking and yielding.

use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::channel::{self, Receiver, Sender};
use may::coroutine::{self, Coroutine, JoinHandle, TaskGroup};
use may::{cqueue, cqueue_add_oneshot};

use crate::row::{Row, Subject, deadline, loses, or_max, waits, waits_in_time};
use crate::subject::{Slot, Stay, Told};

pub(crate) fn rows() -> Vec<Row> {
    [
        joining(),
        in_scopes(),
        in_queues(),
        in_groups(),
        parking(),
        yielding(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The other side is the coroutine that is joined; it goes by panicking.
fn joining() -> Vec<Row> {
    fn joined() -> (Told, Slot<JoinHandle<()>>) {
        let (told, stay) = Stay::new();
        (told, Slot::new(coroutine::spawn(move || stay.stay())))
    }
    /// The handle until it has been joined.
    type Limited = (Told, Slot<Option<JoinHandle<()>>>);
    fn limited() -> Limited {
        let (told, stay) = Stay::new();
        (told, Slot::new(Some(coroutine::spawn(move || stay.stay()))))
    }
    /// Whether it has ended well, in time.
    fn in_time(
        (_, handle): &Limited,
        wait: impl FnOnce(&mut JoinHandle<()>) -> Option<coroutine::Result<()>>,
    ) -> bool {
        handle.with(|handle| {
            let end = handle.as_mut().and_then(wait);
            if end.is_some() {
                *handle = None;
            }
            end.is_some_and(|end| end.is_ok())
        })
    }
    let mut rows = Subject::new("a coroutine", limited, |(told, _)| told.leave())
        .closed_by(|(told, _)| told.panic())
        .for_one()
        .met()
        .rows([
            waits_in_time("spawn/handle.rs JoinHandle::join_timeout", |s, timeout| {
                in_time(s, |handle| handle.join_timeout(or_max(timeout)))
            }),
            waits_in_time("spawn/handle.rs JoinHandle::join_deadline", |s, timeout| {
                in_time(s, |handle| handle.join_deadline(deadline(timeout)))
            }),
            waits_in_time("spawn/handle.rs JoinHandle::wait_timeout", |s, timeout| {
                in_time(s, |handle| {
                    let ended = handle.wait_timeout(or_max(timeout));
                    ended.then(|| handle.join_timeout(Duration::ZERO).unwrap())
                })
            }),
            waits_in_time("spawn/handle.rs JoinHandle::wait_deadline", |s, timeout| {
                in_time(s, |handle| {
                    let ended = handle.wait_deadline(deadline(timeout));
                    ended.then(|| handle.join_timeout(Duration::ZERO).unwrap())
                })
            }),
        ]);
    rows.extend(
        Subject::new("a coroutine", joined, |(told, _)| told.leave())
            .closed_by(|(told, _)| told.panic())
            .for_one()
            .rows([
                loses(waits(
                    "spawn/handle.rs JoinHandle::join",
                    |(_, handle), _| handle.take().is_some_and(|handle| handle.join().is_ok()),
                )),
                loses(waits(
                    "spawn/handle.rs JoinHandle::wait",
                    |(_, handle), _| {
                        handle.take().is_some_and(|handle| {
                            handle.wait();
                            handle.join().is_ok()
                        })
                    },
                )),
            ]),
    );
    rows
}

/// A child of the caller waits for a message; it may have taken that when the caller is cancelled.
fn in_scopes() -> Vec<Row> {
    type Gate = (Sender<()>, Receiver<()>);
    Subject::new(
        "a child that waits",
        || channel::bounded(1),
        |gate: &Gate| {
            let _ = gate.0.try_send(());
        },
    )
    .rows([
        loses(waits(
            "spawn/scope.rs ScopedJoinHandle::join",
            |gate: &Gate, _| coroutine::scope(|s| s.spawn(|| gate.1.recv().is_ok()).join()).is_ok(),
        )),
        // Without a limit: what the child has taken is gone with it.
        loses(waits(
            "spawn/scope.rs ScopedJoinHandle::join_timeout",
            |gate, _| {
                coroutine::scope(|s| {
                    let mut child = s.spawn(|| gate.1.recv().is_ok());
                    child.join_timeout(Duration::MAX).is_some()
                })
            },
        )),
        loses(waits(
            "spawn/scope.rs ScopedJoinHandle::join_deadline",
            |gate, _| {
                coroutine::scope(|s| {
                    let mut child = s.spawn(|| gate.1.recv().is_ok());
                    child.join_deadline(deadline(None)).is_some()
                })
            },
        )),
        loses(waits("spawn/scope.rs scope", |gate, _| {
            coroutine::scope(|s| drop(s.spawn(|| gate.1.recv().is_ok())));
            true
        })),
    ])
}

/// A coroutine of the queue waits for a message; it has to start first, and may have taken the
/// message when the caller is cancelled.
fn in_queues() -> Vec<Row> {
    type Gate = (Sender<()>, Receiver<()>);
    // Without a timeout: what the coroutine has taken is gone with the queue. (`selects/cqueue.rs`
    // tests timeouts.)
    fn poll(gate: &Gate, _timeout: Option<Duration>) -> bool {
        cqueue::scope(|queue| {
            cqueue_add_oneshot!(queue, 0, _ = gate.1.recv() => {});
            queue.poll(None).is_ok()
        })
    }
    Subject::new(
        "a completion queue",
        || channel::bounded(1),
        |gate: &Gate| {
            let _ = gate.0.try_send(());
        },
    )
    .rows([
        loses(waits("select/cqueue.rs Cqueue::poll", poll)),
        loses(waits("select/cqueue.rs scope", poll)),
    ])
}

/// The other side is a member of the group; it goes by panicking.
fn in_groups() -> Vec<Row> {
    fn group() -> (Told, Slot<TaskGroup<()>>) {
        let (told, stay) = Stay::new();
        let mut group = TaskGroup::new();
        group.spawn(move || stay.stay());
        (told, Slot::new(group))
    }
    fn came(end: Option<Option<coroutine::Result<()>>>) -> bool {
        matches!(end, Some(Some(Ok(()))))
    }
    Subject::new("a group of one", group, |(told, _)| told.leave())
        .closed_by(|(told, _)| told.panic())
        .for_one()
        .met()
        .rows([
            waits("spawn/group.rs TaskGroup::join_next", |(_, group), _| {
                group.with(|group| group.join_next().is_some_and(|end| end.is_ok()))
            }),
            waits_in_time(
                "spawn/group.rs TaskGroup::join_next_timeout",
                |(_, group), timeout| {
                    group.with(|group| came(group.join_next_timeout(or_max(timeout))))
                },
            ),
            waits_in_time(
                "spawn/group.rs TaskGroup::join_next_deadline",
                |(_, group), timeout| {
                    group.with(|group| came(group.join_next_deadline(deadline(timeout))))
                },
            ),
            loses(waits(
                "spawn/group.rs TaskGroup::join_all",
                |(_, group), _| {
                    let ends = group.take().map(TaskGroup::join_all);
                    ends.is_some_and(|ends| ends.iter().all(Result::is_ok))
                },
            )),
        ])
}

/// `park` as its documentation asks: in a loop around a condition.
#[derive(Default)]
struct Parks {
    woken: AtomicBool,
    parked: StdMutex<Option<Coroutine>>,
}

impl Parks {
    fn come(&self) {
        *self.parked.lock().unwrap() = Some(coroutine::current());
    }

    fn is_woken(&self) -> bool {
        self.woken.swap(false, SeqCst)
    }
}

fn parking() -> Vec<Row> {
    Subject::new("a condition", Parks::default, |parks| {
        parks.woken.store(true, SeqCst);
        if let Some(parked) = &*parks.parked.lock().unwrap() {
            parked.unpark();
        }
    })
    .for_one()
    .rows([
        waits("park/mod.rs park", |parks, _| {
            parks.come();
            while !parks.is_woken() {
                coroutine::park();
            }
            true
        }),
        waits_in_time("park/mod.rs park_timeout", |parks, timeout| {
            parks.come();
            let (start, timeout) = (Instant::now(), or_max(timeout));
            while !parks.is_woken() {
                coroutine::park_timeout(timeout.saturating_sub(start.elapsed()));
                if start.elapsed() >= timeout {
                    return parks.is_woken();
                }
            }
            true
        }),
    ])
}

/// As long as there is nothing else to do.
fn yielding() -> Vec<Row> {
    let wake = |woken: &AtomicBool| woken.store(true, SeqCst);
    Subject::new("a condition", AtomicBool::default, wake).rows([waits(
        "park/mod.rs yield_now",
        |woken, _| {
            while !woken.swap(false, SeqCst) {
                coroutine::yield_now();
            }
            true
        },
    )])
}
