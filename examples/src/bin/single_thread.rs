//! Many coroutines on one worker: concurrency without threads, so `Rc` and `RefCell` will do.
//!
//! `spawn_local` starts a coroutine that stays on the worker it was started on. Its closure need
//! not be `Send`. Only one of them runs at a time, and it runs until it waits or yields: between
//! two such points nobody else touches what they share.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin single_thread
//! red    puts down 0
//! green  puts down 0
//! blue   puts down 0
//! red    puts down 1
//! green  puts down 1
//! blue   puts down 1
//! red    puts down 2
//! green  puts down 2
//! blue   puts down 2
//! the table: red 0, green 0, blue 0, red 1, green 1, blue 1, red 2, green 2, blue 2
//! ```

use std::{cell::RefCell, rc::Rc};

use may::{
    coroutine::{spawn_local, yield_now},
    go,
};
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
Coroutines that take turns on one worker and share an Rc.

Usage: single_thread [options]

  --rounds N  how many turns each one has (default 3)
  --help      show this text";

fn main() {
    let args = Arguments::new(HELP);
    may::config()
        .workers(1)
        .expect("no coroutine has been started yet");
    let rounds: u32 = args.value("rounds", 3);

    // The first coroutine must be `Send`, since it comes from this thread; what it starts itself
    // need not be.
    let table = go!(move || play(rounds)).join().expect("it does not panic");
    println!("the table: {table}");
}

/// Lets three coroutines put cards on one table, in turns.
fn play(rounds: u32) -> String {
    let table = Rc::new(RefCell::new(Vec::new()));
    let players: Vec<_> = ["red", "green", "blue"]
        .into_iter()
        .map(|color| {
            let table = Rc::clone(&table);
            spawn_local(move || {
                for round in 0..rounds {
                    println!("{color:<6} puts down {round}");
                    // Not held while yielding: the next player would find it borrowed.
                    table.borrow_mut().push(format!("{color} {round}"));
                    yield_now();
                }
            })
        })
        .collect();
    for player in players {
        player.join().expect("it does not panic");
    }
    let cards = table.take();
    cards.join(", ")
}
