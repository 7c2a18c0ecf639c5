//! Many coroutines on one worker: concurrency without threads, so `Rc` and `RefCell` will do.
//!
//! `spawn_local` starts a coroutine that stays on the worker it was started on. Its closure need
//! not be `Send`. Only one of them runs at a time, and it runs until it waits or yields: between
//! two such points no other coroutine touches what they share.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin single_thread
//! red 0, green 0, blue 0, red 1, green 1, blue 1, red 2, green 2, blue 2
//! ```

use std::{cell::RefCell, rc::Rc};

use may::coroutine::{spawn_local, yield_now};

#[may::main(workers = 1)]
fn main() {
    let table = Rc::new(RefCell::new(Vec::new()));
    let play = |color: &'static str| {
        let table = Rc::clone(&table);
        spawn_local(move || {
            for round in 0..3 {
                // Not borrowed while yielding: the next player would find it borrowed.
                table.borrow_mut().push(format!("{color} {round}"));
                yield_now();
            }
        })
    };
    for player in ["red", "green", "blue"].map(play) {
        player.join().expect("it does not panic");
    }
    println!("{}", table.take().join(", "));
}
