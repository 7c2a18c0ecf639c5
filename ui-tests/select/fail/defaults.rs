#![allow(unused, unreachable_code)]

use std::time::Duration;

use may::channel::{Receiver, Sender};
use may::select;

fn case_1(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        _ = recv(rx) => {},
        default => {},
        default => {}
    }
}

fn case_2(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        _ = recv(rx) => {},
        default(d) => {}
    }
}

fn case_3(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        default => {},
        _ = recv(rx) => {}
    }
}

fn case_4(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        _ = recv(rx) => {},
        x = default => {}
    }
}

fn case_5(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        _ = recv(rx) => {},
        default if open => {}
    }
}

fn case_6(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    select! {
        _ = recv(rx) => {},
        default else {} => {}
    }
}

fn main() {}
