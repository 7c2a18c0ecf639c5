#[may::main(workers)]
fn no_value() {}

#[may::main(workers = "4", stack = 64k)]
fn wrong_literals() {}

#[may::main(workers = 4u8)]
fn suffix() {}

#[may::main(workers = cores)]
fn without_quotes() {}

#[may::main(workers = "core")]
fn misspelt() {}

#[may::main(workers = 0)]
fn too_few() {}

#[may::main(stack = "64kb")]
fn not_a_size() {}

#[may::main(stack = "1k")]
fn too_small() {}

#[may::main(crate = 456)]
fn not_a_path() {}

#[may::main(workers = 4.5, workers = 2, stack = true, crate = "1 2")]
fn all_at_once() {}

fn main() {}
