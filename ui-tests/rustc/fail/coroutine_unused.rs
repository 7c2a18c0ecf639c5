//! Calls that nobody spawns, and functions that nobody calls.

#![deny(unused)]

#[may::coroutine]
fn forgotten(count: u8) -> u8 {
    count
}

#[may::coroutine]
fn nobody_calls_me() {}

#[may::coroutine]
fn parameters(unused: u8, mut not_changed: u8, (part, _): (u8, u8)) -> u8 {
    not_changed
}

fn main() {
    forgotten(1);
    drop(parameters(1, 2, (3, 4)));
}
