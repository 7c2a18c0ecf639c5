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

fn main() {
    let _ = expressions();
    words();
    in_quotes();
}
