//! The help shows the user's line, not one of the macro's.

use may::go;

fn main() {
    let numbers = vec![1];
    go!(|| println!("{numbers:?}")).join().unwrap();
    go!(name = "named", || println!("{numbers:?}")).join().unwrap();
}
