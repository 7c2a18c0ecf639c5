//! Passing values: one, the latest, each to all.

use may::sync::{broadcast, oneshot, watch};

use crate::row::{Row, Subject, deadline, loses, or_max, waits, waits_in_time};
use crate::subject::{Both, Held};

pub(crate) fn rows() -> Vec<Row> {
    [oneshots(), changes(), looks(), broadcasts()]
        .into_iter()
        .flatten()
        .collect()
}

fn oneshots() -> Vec<Row> {
    type Oneshot = Both<oneshot::Sender<i32>, oneshot::Receiver<i32>>;
    let make = || Both::new(oneshot::channel());
    let mut rows = Subject::new("a oneshot channel", make, |c: &Oneshot| {
        let _ = c.tx.take().map(|tx| tx.send(1));
    })
    .closed_by(|c| drop(c.tx.take()))
    .for_one()
    .rows([
        loses(waits("sync/oneshot.rs Receiver::recv", |c, _| {
            c.rx.take().is_some_and(|rx| rx.recv().is_ok())
        })),
        waits_in_time("sync/oneshot.rs Receiver::recv_timeout", |c, timeout| {
            c.rx.with(|rx| rx.recv_timeout(or_max(timeout)).is_ok())
        }),
        waits_in_time("sync/oneshot.rs Receiver::recv_deadline", |c, timeout| {
            c.rx.with(|rx| rx.recv_deadline(deadline(timeout)).is_ok())
        }),
    ]);
    rows.extend(
        Subject::new("a oneshot channel", make, |c: &Oneshot| drop(c.rx.take()))
            .for_one()
            .rows([
                waits("sync/oneshot.rs Sender::wait_closed", |c, _| {
                    c.tx.with(|tx| tx.wait_closed());
                    true
                }),
                waits_in_time(
                    "sync/oneshot.rs Sender::wait_closed_timeout",
                    |c, timeout| c.tx.with(|tx| tx.wait_closed_timeout(or_max(timeout))),
                ),
                waits_in_time(
                    "sync/oneshot.rs Sender::wait_closed_deadline",
                    |c, timeout| c.tx.with(|tx| tx.wait_closed_deadline(deadline(timeout))),
                ),
            ]),
    );
    rows
}

type Watch = Both<watch::Sender<i32>, watch::Receiver<i32>>;

/// Waiting for a value that was not seen, or for the last receiver to go.
fn changes() -> Vec<Row> {
    let make = || Both::new(watch::channel(0));
    let mut rows = Subject::new("a value that was seen", make, |c: &Watch| {
        c.tx.get().send_modify(|value| *value += 1);
    })
    .closed_by(|c| drop(c.tx.take()))
    .for_one()
    .rows([
        waits("sync/watch.rs Receiver::changed", |c, _| {
            c.rx.with(|rx| rx.changed().is_ok())
        }),
        waits_in_time("sync/watch.rs Receiver::changed_timeout", |c, timeout| {
            c.rx.with(|rx| rx.changed_timeout(or_max(timeout)).is_ok())
        }),
        waits_in_time("sync/watch.rs Receiver::changed_deadline", |c, timeout| {
            c.rx.with(|rx| rx.changed_deadline(deadline(timeout)).is_ok())
        }),
        waits("sync/watch.rs Receiver::wait_for", |c, _| {
            c.rx.with(|rx| rx.wait_for(|value| *value > 0).is_ok())
        }),
        // What they have seen in time stays to be found.
        waits_in_time("sync/watch.rs Receiver::wait_for_timeout", |c, timeout| {
            c.rx.with(|rx| {
                let found = rx.wait_for_timeout(or_max(timeout), |value| *value > 0);
                found.is_ok()
            })
        }),
        waits_in_time("sync/watch.rs Receiver::wait_for_deadline", |c, timeout| {
            c.rx.with(|rx| {
                let found = rx.wait_for_deadline(deadline(timeout), |value| *value > 0);
                found.is_ok()
            })
        }),
    ]);
    rows.extend(
        Subject::new("a value that is watched", make, |c: &Watch| {
            drop(c.rx.take())
        })
        .rows([
            waits("sync/watch.rs Sender::wait_closed", |c, _| {
                c.tx.get().wait_closed();
                true
            }),
            waits_in_time("sync/watch.rs Sender::wait_closed_timeout", |c, timeout| {
                c.tx.get().wait_closed_timeout(or_max(timeout))
            }),
            waits_in_time(
                "sync/watch.rs Sender::wait_closed_deadline",
                |c, timeout| c.tx.get().wait_closed_deadline(deadline(timeout)),
            ),
        ]),
    );
    rows
}

/// One that looks at the value holds up those that change it, and the other way round.
fn looks() -> Vec<Row> {
    type Value = Held<(watch::Sender<i32>, watch::Receiver<i32>)>;
    let looked_at = || {
        Held::new(watch::channel(0), |(tx, _), stay| {
            let _look = tx.borrow();
            stay.stay();
        })
    };
    let changed = || {
        Held::new(watch::channel(0), |(tx, _), stay| {
            tx.send_modify(|_| stay.stay());
        })
    };
    let mut rows = Subject::new("a value that is looked at", looked_at, |v: &Value| {
        v.holder.leave();
    })
    .rows([
        waits("sync/watch.rs Sender::send", |v, _| {
            v.lock.0.send(1).is_ok()
        }),
        waits("sync/watch.rs Sender::send_replace", |v, _| {
            v.lock.0.send_replace(1) <= 1
        }),
        waits("sync/watch.rs Sender::send_modify", |v, _| {
            v.lock.0.send_modify(|value| *value = 1);
            true
        }),
        waits("sync/watch.rs Sender::send_if_modified", |v, _| {
            v.lock.0.send_if_modified(|_| true)
        }),
    ]);
    rows.extend(
        Subject::new("a value that is being changed", changed, |v: &Value| {
            v.holder.leave();
        })
        .rows([
            waits("sync/watch.rs Sender::send", |v, _| {
                v.lock.0.send(1).is_ok()
            }),
            waits("sync/watch.rs Sender::borrow", |v, _| {
                *v.lock.0.borrow() == 0
            }),
            waits("sync/watch.rs Receiver::borrow", |v, _| {
                *v.lock.1.borrow() == 0
            }),
            waits("sync/watch.rs Receiver::borrow_and_update", |v, _| {
                *v.lock.1.clone().borrow_and_update() == 0
            }),
            waits("sync/watch.rs Receiver::wait_for", |v, _| {
                v.lock.1.clone().wait_for(|value| *value == 0).is_ok()
            }),
        ]),
    );
    rows
}

fn broadcasts() -> Vec<Row> {
    type Broadcast = Both<broadcast::Sender<i32>, broadcast::Receiver<i32>>;
    let make = || Both::new(broadcast::channel(4));
    Subject::new("a broadcast channel", make, |c: &Broadcast| {
        c.tx.get().send(1).unwrap();
    })
    .closed_by(|c| drop(c.tx.take()))
    .for_one()
    .rows([
        waits("sync/broadcast.rs Receiver::recv", |c, _| {
            c.rx.with(|rx| rx.recv().is_ok())
        }),
        waits_in_time("sync/broadcast.rs Receiver::recv_timeout", |c, timeout| {
            c.rx.with(|rx| rx.recv_timeout(or_max(timeout)).is_ok())
        }),
        waits_in_time("sync/broadcast.rs Receiver::recv_deadline", |c, timeout| {
            c.rx.with(|rx| rx.recv_deadline(deadline(timeout)).is_ok())
        }),
    ])
}
