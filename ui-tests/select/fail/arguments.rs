#![allow(unused, unreachable_code)]

use std::time::Duration;

use may::channel::{Receiver, Sender};
use may::select;

fn case_1(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        r = send(tx) => {},
        r = send(tx, 1, 2) => {},
        _ = recv() => {},
        after() => {}
    }
}

fn case_2(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        _ = acquire() => {},
        cancelled(1, 2) => {},
        r = tx.send() => {}
    }
}

fn main() {}
