//! All options, with expressions where numbers may be.

use std::error::Error;

extern crate may as renamed;

const WORKERS: usize = 2;

/// Is documented.
#[may::main(workers = WORKERS + 1, stack = 2 * 65536)]
fn expressions() -> Result<(), Box<dyn Error>> {
    let number: usize = "3".parse()?;
    assert_eq!(number, WORKERS + 1);
    Ok(())
}

#[may::main(workers = 1, stack = "64KiB", crate = renamed)]
fn words() {}

#[may::main(workers = "cores", stack = "1m", crate = "::may")]
fn in_quotes() {}

const NAME: &str = "worker";

/// Sizes need not be whole pages: they are rounded up.
#[may::main(stack = 100_001, blocking = WORKERS * 2, name = NAME, pin = WORKERS > 100, on_exit = "leave")]
fn all() {}

#[may::test(timeout = std::time::Duration::from_millis(5), leak = "allow", on_exit = "join", workers = 1)]
fn all_of_a_test() {}

fn main() {
    let _ = expressions();
    words();
    in_quotes();
    all();
}
