//! Waiting for futures.

use may::channel;
use may::future::{block_on, timeout};

use crate::row::{Row, Subject, or_max, waits, waits_in_time};
use crate::subject::Both;

pub(crate) fn rows() -> Vec<Row> {
    const BLOCK_ON: &str = "future/block_on.rs block_on";
    Subject::new(
        "a future that receives",
        || Both::new(channel::bounded::<i32>(4)),
        |c| c.tx.get().try_send(1).unwrap(),
    )
    .closed_by(|c| drop(c.tx.take()))
    .rows([
        waits(BLOCK_ON, |c, _| block_on(c.rx.get().recv_async()).is_ok()),
        waits_in_time(BLOCK_ON, |c, time| {
            let receiver = c.rx.get();
            let received = timeout(or_max(time), receiver.recv_async());
            block_on(received).is_ok_and(|received| received.is_ok())
        }),
    ])
    .into_iter()
    .collect()
}
