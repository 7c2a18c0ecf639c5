//! A function that nobody calls is reported at its name.

#![deny(dead_code)]

#[may::main]
fn nobody_calls_me() {}

fn main() {}
