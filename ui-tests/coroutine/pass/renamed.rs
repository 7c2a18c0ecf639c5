//! The crate under another name, and the attribute, too.

extern crate may as renamed;

use renamed::coroutine as routine;

#[routine(crate = renamed, name = "x")]
fn add(a: u8, b: u8) -> u8 {
    a + b
}

fn main() {
    assert_eq!(add(1, 2).spawn().join().unwrap(), 3);
    assert_eq!(routine::spawn(|| 1).join().unwrap(), 1);
}
