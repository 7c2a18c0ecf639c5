#![allow(unused, unreachable_code)]

use std::time::Duration;

use may::channel::{Receiver, Sender};
use may::select;

fn case_1(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        _ = recv(rx) => {}, biased;
        after(d) => {}
    }
}

fn case_2(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        biased; biased;
        after(d) => {}
    }
}

fn case_3(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        biased _ = recv(rx) => {}
    }
}

fn case_4(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        fair; _ = recv(rx) => {}
    }
}

fn case_5(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        random; _ = recv(rx) => {}
    }
}

fn main() {}
