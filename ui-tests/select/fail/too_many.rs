#![allow(unused, unreachable_code)]

use std::time::Duration;

use may::channel::{Receiver, Sender};
use may::select;

fn main() {
    let d = Duration::ZERO;
    select! {
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
        after(d) => {}
    }
}
