//! Faults in the body read as they would without the attribute.

#[may::main]
fn wrong_value() -> Result<(), std::fmt::Error> {
    1
}

#[may::main]
fn no_value() -> Result<(), std::fmt::Error> {
    wrong_value();
}

#[may::main]
fn question() {
    Err(std::fmt::Error)?;
}

#[may::main]
fn not_a_result_of_programs() -> Vec<u8> {
    vec![]
}

#[may::main(workers = number(), stack = "64k")]
fn not_constant() {}

fn number() -> usize {
    4
}

fn main() {}
