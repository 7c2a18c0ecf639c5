#![allow(unused, unreachable_code)]

use std::time::Duration;

use may::channel::{Receiver, Sender};
use may::select;

fn case_1(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        recv(rx) => {}, rx.recv() => {}
    }
}

fn case_2(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        t = after(d) => {},
        () = after(d) => {},
        _ = after(d) => {}
    }
}

fn main() {}
