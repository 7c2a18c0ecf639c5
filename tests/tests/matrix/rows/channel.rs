//! Channels, and what `sync` has in the manner of std's.

use may::channel::{self, Receiver, Sender};
use may::op::Select;
use may::sync::{mpmc, mpsc, spsc};
use may_core::select::{Finish, Mode, never, recv, select};
use std::pin::pin;

use crate::row::{Call, Row, Subject, deadline, or_max, waits, waits_in_time};
use crate::subject::{Both, Held};

pub(crate) fn rows() -> Vec<Row> {
    [
        receiving(),
        sending(),
        reserved(),
        of_mpsc(),
        of_mpmc(),
        of_spsc(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

type Channel = Both<Sender<i32>, Receiver<i32>>;

/// The calls of a receiver that may be cloned.
macro_rules! receives {
    ($file:literal) => {
        [
            waits(concat!($file, " Receiver::recv"), |c, _| {
                c.rx.get().recv().is_ok()
            }),
            waits_in_time(concat!($file, " Receiver::recv_timeout"), |c, timeout| {
                c.rx.get().recv_timeout(or_max(timeout)).is_ok()
            }),
            waits_in_time(concat!($file, " Receiver::recv_deadline"), |c, timeout| {
                c.rx.get().recv_deadline(deadline(timeout)).is_ok()
            }),
        ]
    };
}

/// The calls of a sender that may be cloned.
macro_rules! sends {
    ($sender:literal) => {
        [
            waits(concat!($sender, "::send"), |c, _| {
                c.tx.get().send(1).is_ok()
            }),
            waits_in_time(concat!($sender, "::send_timeout"), |c, timeout| {
                c.tx.get().send_timeout(1, or_max(timeout)).is_ok()
            }),
            waits_in_time(concat!($sender, "::send_deadline"), |c, timeout| {
                c.tx.get().send_deadline(1, deadline(timeout)).is_ok()
            }),
        ]
    };
}

/// The calls of a receiver that is used by one at a time.
macro_rules! receives_alone {
    ($file:literal) => {
        [
            waits(concat!($file, " Receiver::recv"), |c, _| {
                c.rx.with(|rx| rx.recv().is_ok())
            }),
            waits_in_time(concat!($file, " Receiver::recv_timeout"), |c, timeout| {
                c.rx.with(|rx| rx.recv_timeout(or_max(timeout)).is_ok())
            }),
            waits_in_time(concat!($file, " Receiver::recv_deadline"), |c, timeout| {
                c.rx.with(|rx| rx.recv_deadline(deadline(timeout)).is_ok())
            }),
        ]
    };
}

fn receiving() -> Vec<Row> {
    let buffered = |of, make: fn() -> (Sender<i32>, Receiver<i32>)| {
        Subject::new(
            of,
            move || Both::new(make()),
            |c: &Channel| c.tx.get().try_send(1).unwrap(),
        )
        .closed_by(|c| drop(c.tx.take()))
    };
    let rendezvous = Subject::new(
        "a rendezvous channel",
        || Both::new(channel::bounded(0)),
        |c: &Channel| {
            let tx = c.tx.get();
            c.partners.come(move || tx.send(1).unwrap_or_default());
        },
    )
    .closed_by(|c| drop(c.tx.take()))
    .met();
    let bounded = buffered("an empty bounded channel", || channel::bounded(4));
    let unbounded = buffered("an empty unbounded channel", channel::unbounded);
    [
        bounded.rows(receives!("channel/receiver.rs")),
        unbounded.rows(receives!("channel/receiver.rs")),
        rendezvous.rows(receives!("channel/receiver.rs")),
        bounded.rows(selects()),
        rendezvous.rows(selects()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Receiving as one of several things that are waited for.
fn selects() -> [Call<Channel>; 4] {
    /// The set of one receiver and one that never has anything.
    fn set<R>(rx: &Receiver<i32>, select: impl FnOnce(&mut Select<'_, bool>) -> R) -> R {
        let never = channel::never();
        let mut set = Select::new();
        set.recv(&never, |_: Result<(), _>| false);
        set.recv(rx, |message| message.is_ok());
        select(&mut set)
    }
    [
        waits("select/dynamic.rs Select::wait", |c, _| {
            set(&c.rx.get(), |set| set.wait().value)
        }),
        waits_in_time("select/dynamic.rs Select::wait_timeout", |c, timeout| {
            set(&c.rx.get(), |set| {
                let selected = set.wait_timeout(or_max(timeout));
                selected.is_ok_and(|selected| selected.value)
            })
        }),
        waits_in_time("select/dynamic.rs Select::wait_deadline", |c, timeout| {
            set(&c.rx.get(), |set| {
                let selected = set.wait_deadline(deadline(timeout));
                selected.is_ok_and(|selected| selected.value)
            })
        }),
        waits("select/engine.rs select", |c, _| {
            let rx = c.rx.get();
            let (mut receiving, mut other) = (pin!(recv(&rx)), pin!(never()));
            assert_eq!(
                select(&mut [other.as_mut(), receiving.as_mut()], Mode::Fair),
                Some(1)
            );
            receiving.finish().is_ok()
        }),
    ]
}

/// The pair, with as many messages as there is room for.
fn full<A, B>(capacity: usize, pair: (A, B), send: impl Fn(&A)) -> Both<A, B> {
    (0..capacity).for_each(|_| send(&pair.0));
    Both::new(pair)
}

fn sending() -> Vec<Row> {
    let reserve: Call<Channel> = waits("channel/sender.rs Sender::reserve", |c, _| {
        let tx = c.tx.get();
        let permit = tx.reserve();
        permit.is_ok_and(|permit| permit.send(1).is_ok())
    });
    let reserve_timeout: Call<Channel> =
        waits_in_time("channel/sender.rs Sender::reserve_timeout", |c, timeout| {
            let tx = c.tx.get();
            let permit = tx.reserve_timeout(or_max(timeout));
            permit.is_ok_and(|permit| permit.send(1).is_ok())
        });
    let reserve_deadline: Call<Channel> = waits_in_time(
        "channel/sender.rs Sender::reserve_deadline",
        |c, timeout| {
            let tx = c.tx.get();
            let permit = tx.reserve_deadline(deadline(timeout));
            permit.is_ok_and(|permit| permit.send(1).is_ok())
        },
    );
    let send_reserved: Call<Channel> = waits("channel/sender.rs SendPermit::send", |c, _| {
        let tx = c.tx.get();
        let permit = tx.reserve();
        permit.is_ok_and(|permit| permit.send(1).is_ok())
    });
    let bounded = Subject::new(
        "a full bounded channel",
        || full(2, channel::bounded(2), |tx| tx.send(0).unwrap()),
        |c: &Channel| assert_eq!(c.rx.get().try_recv(), Ok(0)),
    )
    .closed_by(|c| drop(c.rx.take()));
    let rendezvous = Subject::new(
        "a rendezvous channel",
        || Both::new(channel::bounded(0)),
        |c: &Channel| {
            let rx = c.rx.get();
            c.partners.come(move || {
                let _ = rx.recv();
            });
        },
    )
    .closed_by(|c| drop(c.rx.take()))
    .met();
    [
        bounded.rows(sends!("channel/sender.rs Sender")),
        bounded.rows([reserve, reserve_timeout, reserve_deadline]),
        rendezvous.rows(sends!("channel/sender.rs Sender")),
        rendezvous.rows([send_reserved]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// There is no message in the channel, but its only slot is reserved, and is given back.
fn reserved() -> Vec<Row> {
    Subject::new(
        "a reserved channel",
        || {
            Held::new(channel::bounded(1), |(tx, _), stay| {
                let _permit = tx.reserve().unwrap();
                stay.stay();
            })
        },
        |c: &Held<(Sender<i32>, Receiver<i32>)>| c.holder.leave(),
    )
    .for_one()
    .rows([
        waits("channel/sender.rs Sender::send", |c, _| {
            c.lock.0.send(1).is_ok()
        }),
        waits("channel/sender.rs Sender::reserve", |c, _| {
            c.lock.0.reserve().is_ok()
        }),
    ])
}

fn of_mpsc() -> Vec<Row> {
    let receiving = Subject::new(
        "an empty channel",
        || Both::new(mpsc::channel::<i32>()),
        |c| c.tx.get().send(1).unwrap(),
    )
    .closed_by(|c| drop(c.tx.take()))
    .for_one();
    let receiving_bounded = Subject::new(
        "an empty sync_channel",
        || Both::new(mpsc::sync_channel::<i32>(4)),
        |c| c.tx.get().try_send(1).unwrap(),
    )
    .closed_by(|c| drop(c.tx.take()))
    .for_one();
    let sending = Subject::new(
        "a full sync_channel",
        || full(2, mpsc::sync_channel(2), |tx| tx.send(0).unwrap()),
        |c: &Both<mpsc::SyncSender<i32>, mpsc::Receiver<i32>>| {
            c.rx.with(|rx| assert_eq!(rx.try_recv(), Ok(0)));
        },
    )
    .closed_by(|c| drop(c.rx.take()));
    [
        receiving.rows(receives_alone!("sync/mpsc.rs")),
        receiving_bounded.rows(receives_alone!("sync/mpsc.rs")),
        sending.rows(sends!("sync/mpsc.rs SyncSender")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn of_mpmc() -> Vec<Row> {
    let receiving = Subject::new(
        "an empty channel",
        || Both::new(mpmc::channel::<i32>()),
        |c| c.tx.get().send(1).unwrap(),
    )
    .closed_by(|c| drop(c.tx.take()));
    let sending = Subject::new(
        "a full sync_channel",
        || full(2, mpmc::sync_channel(2), |tx| tx.send(0).unwrap()),
        |c: &Both<mpmc::Sender<i32>, mpmc::Receiver<i32>>| assert_eq!(c.rx.get().try_recv(), Ok(0)),
    )
    .closed_by(|c| drop(c.rx.take()));
    let mut rows = receiving.rows(receives!("sync/mpmc.rs"));
    rows.extend(sending.rows(sends!("sync/mpmc.rs Sender")));
    rows
}

fn of_spsc() -> Vec<Row> {
    let receiving = Subject::new(
        "an empty channel",
        || Both::new(spsc::channel::<i32>()),
        |c| c.tx.with(|tx| tx.send(1).unwrap()),
    )
    .closed_by(|c| drop(c.tx.take()))
    .for_one();
    receiving.rows(receives_alone!("sync/spsc.rs"))
}
