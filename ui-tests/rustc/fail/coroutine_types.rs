//! Faults in the body read as they would without the attribute.

#[may::coroutine]
fn wrong_value() -> Result<(), std::fmt::Error> {
    1
}

#[may::coroutine]
fn no_result() {
    1
}

#[may::coroutine]
fn no_value() -> u8 {
    no_result().call();
}

#[may::coroutine]
fn question() {
    Err(std::fmt::Error)?;
}

#[may::coroutine(name = "{value}")]
fn not_shown(value: Vec<u8>) {
    drop(value);
}

#[may::coroutine(stack = size())]
fn not_constant() {}

fn size() -> usize {
    65536
}

fn main() {}
