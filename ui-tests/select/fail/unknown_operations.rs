#![allow(unused, unreachable_code)]

use std::time::Duration;

use may::channel::{Receiver, Sender};
use may::select;

fn case_1(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        m = recieve(rx) => {}
    }
}

fn case_2(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        m = foo(rx) => {}, sleep(d) => {}, timeout(d) => {}
    }
}

fn case_3(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        m = rx.foo() => {},
        m = rx.recieve() => {}, d.after() => {}
    }
}

fn case_4(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        m = std::mem::take(rx) => {},
        m = rx => {},
        m = recv => {}
    }
}

fn main() {}
