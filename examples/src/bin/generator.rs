//! A generator: an iterator whose items a coroutine computes while it runs.
//!
//! The coroutine has a stack of its own, so it can give an item from anywhere, also from deep
//! inside a recursion. An iterator in the usual form would have to keep that stack by hand.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin generator
//! fibonacci: 0 1 1 2 3 5 8 13 21 34
//! towers of hanoi with 3 discs: A>C A>B C>B A>C B>A B>C A>C
//! ```

use may::{
    channel::{self, SendError, Sender},
    go,
};

/// Makes an iterator of what `body` sends. The coroutine ends with its body, or when the iterator
/// is dropped: then `send` fails, and `?` leaves the body from any depth.
fn generate<T: Send + 'static>(
    body: impl FnOnce(&Sender<T>) -> Result<(), SendError<T>> + Send + 'static,
) -> impl Iterator<Item = T> {
    let (items, receiver) = channel::bounded(0);
    go!(move || {
        // An error only says that no further item is wanted.
        let _ = body(&items);
    });
    receiver.into_iter()
}

fn main() {
    // Without an end: the consumer takes as many as it wants.
    let fibonacci = generate(|items| {
        let (mut this, mut next) = (0_u64, 1);
        loop {
            items.send(this)?;
            (this, next) = (next, this + next);
        }
    });
    let numbers: Vec<_> = fibonacci
        .take(10)
        .map(|number| number.to_string())
        .collect();
    println!("fibonacci: {}", numbers.join(" "));

    // Recursive, with two calls around an item.
    let moves: Vec<_> = generate(|items| hanoi(items, 3, ["A", "C", "B"])).collect();
    println!("towers of hanoi with 3 discs: {}", moves.join(" "));
}

/// Sends the moves that bring `discs` discs from the first rod to the second.
fn hanoi(
    items: &Sender<String>,
    discs: u32,
    [from, to, spare]: [&str; 3],
) -> Result<(), SendError<String>> {
    if discs == 0 {
        return Ok(());
    }
    hanoi(items, discs - 1, [from, spare, to])?;
    items.send(format!("{from}>{to}"))?;
    hanoi(items, discs - 1, [spare, to, from])
}
