//! A generator: an iterator whose items a coroutine computes while it runs.
//!
//! The coroutine has a stack of its own, so it can give an item from anywhere, also from deep
//! inside a recursion. An iterator in the usual form would have to keep that stack by hand.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin generator
//! fibonacci: 0 1 1 2 3 5 8 13 21 34
//! tree in order: 1 3 4 6 7 8 10 13 14
//! towers of hanoi with 3 discs: A>C A>B C>B A>C B>A B>C A>C
//! ```

use std::fmt::Display;

use may::{
    channel::{self, Sender},
    go,
};
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
Iterators that are coroutines.

Usage: generator [options]

  --count N    how many Fibonacci numbers to print (default 10)
  --workers N  threads that run the coroutines (default: one for each CPU)
  --help       show this text";

/// The consumer has dropped the iterator: nobody wants another item.
struct Unwanted;

/// Where a generator puts its items.
struct Items<T>(Sender<T>);

impl<T> Items<T> {
    /// Gives one item; waits while the one before it has not been taken.
    fn give(&self, item: T) -> Result<(), Unwanted> {
        self.0.send(item).map_err(|_| Unwanted)
    }
}

/// Makes an iterator of what `body` gives. The coroutine ends with its body, or when the iterator
/// is dropped: then `give` fails, and `?` leaves the body from any depth.
fn generate<T: Send + 'static>(
    body: impl FnOnce(&Items<T>) -> Result<(), Unwanted> + Send + 'static,
) -> impl Iterator<Item = T> {
    let (sender, receiver) = channel::bounded(1);
    go!(move || body(&Items(sender)).unwrap_or(()));
    receiver.into_iter()
}

fn main() {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let count: usize = args.value("count", 10);

    // Endless, and ended by whoever has enough.
    let fibonacci = generate(|items| {
        let (mut this, mut next) = (0_u128, 1_u128);
        loop {
            items.give(this)?;
            (this, next) = (next, this.wrapping_add(next));
        }
    });
    println!("fibonacci: {}", joined(fibonacci.take(count)));

    // Recursive, over a structure that moves into the coroutine.
    let mut tree = Tree::default();
    for key in [8, 3, 10, 1, 6, 14, 4, 7, 13] {
        tree.insert(key);
    }
    println!(
        "tree in order: {}",
        joined(generate(move |items| tree.give_in_order(items)))
    );

    // Recursive, with two calls around an item.
    let moves = generate(|items| hanoi(items, 3, "A", "C", "B"));
    println!("towers of hanoi with 3 discs: {}", joined(moves));
}

/// Gives the moves that bring `discs` discs `from` one rod `to` another.
fn hanoi(
    items: &Items<String>,
    discs: u32,
    from: &str,
    to: &str,
    spare: &str,
) -> Result<(), Unwanted> {
    if discs == 0 {
        return Ok(());
    }
    hanoi(items, discs - 1, from, spare, to)?;
    items.give(format!("{from}>{to}"))?;
    hanoi(items, discs - 1, spare, to, from)
}

/// A binary search tree, which is either empty or a node with two trees.
#[derive(Default)]
struct Tree(Option<Box<(Tree, u32, Tree)>>);

impl Tree {
    /// Puts a key in its place.
    fn insert(&mut self, key: u32) {
        match &mut self.0 {
            None => self.0 = Some(Box::new((Tree(None), key, Tree(None)))),
            Some(node) if key < node.1 => node.0.insert(key),
            Some(node) => node.2.insert(key),
        }
    }

    /// Gives the keys, smallest first.
    fn give_in_order(&self, items: &Items<u32>) -> Result<(), Unwanted> {
        if let Some(node) = &self.0 {
            node.0.give_in_order(items)?;
            items.give(node.1)?;
            node.2.give_in_order(items)?;
        }
        Ok(())
    }
}

/// Writes items one after the other.
fn joined(items: impl Iterator<Item = impl Display>) -> String {
    items
        .map(|item| item.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}
