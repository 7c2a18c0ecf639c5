#![allow(unused, unreachable_code)]

use std::time::Duration;

use may::channel::{Receiver, Sender};
use may::select;

fn case_1(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        m = recv(rx) => drop(m) b = recv(rx) => drop(b)
    }
}

fn case_2(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        _ = recv(rx) => drop(1);
        after(d) => {};
        after(d) => {}
    }
}

fn case_3(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        after(d) => d.as_secs() match recv(rx) { _ => 1 }
    };
}

fn main() {}
