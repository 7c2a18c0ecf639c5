//! A program may have a module `select` of its own beside the macro.

use may::channel::unbounded;
use may::select;

mod select {
    pub fn chosen(number: u32) -> u32 {
        number + 1
    }
}

fn main() {
    let (tx, rx) = unbounded();
    tx.send(1).unwrap();
    select! {
        number = recv(rx) => assert_eq!(select::chosen(number.unwrap()), 2),
    }
}
