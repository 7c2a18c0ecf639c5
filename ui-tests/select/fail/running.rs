#![allow(unused, unreachable_code)]

use std::time::Duration;

use may::channel::{Receiver, Sender};
use may::select;

fn case_1(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        v = run() => {},
        v = run(|x| x) => {}
    }
}

fn case_3(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        v = run(d.as_secs()) => {},
        default => {}
    }
}

fn main() {}
