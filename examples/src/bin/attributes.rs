//! Functions that are coroutines: `#[may::coroutine]`, under `#[may::main]`.
//!
//! A call of such a function is a value. It can be spawned, also in a scope, so that its arguments
//! may borrow.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin attributes
//! letters: 26
//! "count-0" to "count-3" counted [6, 6, 6, 8]
//! a tree of depth 10 has 2047 nodes
//! left for last: done
//! ```

use std::time::Duration;

use may::{coroutine, go};

/// Counts letters, and says under which name.
#[may::coroutine(name = "count-{part}")]
fn count(part: usize, text: &str) -> (Option<String>, usize) {
    let name = coroutine::current().name().map(str::to_owned);
    (name, text.len())
}

/// Counts the nodes of a tree with a coroutine for each of them.
#[may::coroutine(stack = "64k")]
fn nodes(depth: u32) -> u32 {
    if depth == 0 {
        return 1;
    }
    let (left, right) = (nodes(depth - 1).spawn(), nodes(depth - 1).spawn());
    1 + left.join().unwrap() + right.join().unwrap()
}

/// Still runs when `main` has returned.
#[may::coroutine]
fn last() {
    coroutine::sleep(Duration::from_millis(10));
    println!("left for last: done");
}

// The program ends when all coroutines have ended.
#[may::main(on_exit = "join")]
fn main() {
    let alphabet = String::from("abcdefghijklmnopqrstuvwxyz");
    // A call does nothing by itself. `call` runs it in the calling coroutine.
    println!("letters: {}", count(0, &alphabet).call().1);

    // `go!(scope, call)` is short for `call.spawn_in(scope)`.
    let (names, counts): (Vec<_>, Vec<_>) = coroutine::scope(|scope| {
        let parts = [0..6, 6..12, 12..18, 18..26].into_iter().enumerate();
        let spawn = |(part, range)| go!(scope, count(part, &alphabet[range]));
        let handles: Vec<_> = parts.map(spawn).collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap())
            .unzip()
    });
    let name = |index: usize| names[index].as_deref().unwrap_or_default();
    println!("{:?} to {:?} counted {counts:?}", name(0), name(3));

    println!("a tree of depth 10 has {} nodes", nodes(10).call());
    drop(last().spawn());
}
