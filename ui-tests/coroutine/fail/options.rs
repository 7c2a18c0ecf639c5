#[may::coroutine(stak = "64k")]
fn near() {}

#[may::coroutine(workers = 4)]
fn far() {}

#[may::coroutine(stack_size = 65536)]
fn from_elsewhere() {}

#[may::coroutine(local = true)]
fn flag_with_value() {}

#[may::coroutine(local, local)]
fn twice() {}

#[may::coroutine(stack)]
fn no_value() {}

#[may::coroutine(stack = "64kb")]
fn not_a_size() {}

#[may::coroutine(stack = "1k", name = 5, loca)]
fn all_at_once() {}

fn main() {}
