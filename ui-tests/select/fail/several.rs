#![allow(unused, unreachable_code)]

use std::time::Duration;

use may::channel::{Receiver, Sender};
use may::select;

fn case_1(rx: &Receiver<u64>, tx: &Sender<u64>, d: Duration, open: bool) {
    let n: u64 = select! {
        m = recieve(rx) => 1,
        recv(rx) => 2,
        Ok(m) = recv(rx) else { return } => m,
        after(d) => 5,
        else => 3,
    };
}

fn main() {}
