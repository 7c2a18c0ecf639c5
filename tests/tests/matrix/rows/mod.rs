//! The rows, one table to a module.

mod channel;
mod copy;
mod coroutine;
mod future;
mod lock;
mod meeting;
mod passing;
mod time;

use crate::row::Row;

/// Functions whose tests are elsewhere, by the beginning of their names: sockets, signals and what
/// runs on other threads have matrices of their own, and the budget is spent by the channels.
pub(crate) const ELSEWHERE: &[&str] = &[
    "net/",
    "signal/",
    "io/",
    "os/",
    "blocking/",
    "fs/",
    "process/",
    "stdio/",
    "park/budget.rs spend_budget",
    // Every function that blocks waits by these.
    "operation/",
];

/// All rows.
pub(crate) fn all() -> Vec<Row> {
    [
        copy::rows(),
        coroutine::rows(),
        future::rows(),
        time::rows(),
        channel::rows(),
        lock::rows(),
        meeting::rows(),
        passing::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
