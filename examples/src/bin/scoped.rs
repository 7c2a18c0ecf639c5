//! Coroutines that borrow: `scope` waits for all that were started in it.
//!
//! As in `std::thread`, a scope ends only when its coroutines have, so they may use what lives
//! outside it: read it together, or change parts of it that do not overlap.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin scoped
//! 3 coroutines counted 9 words
//! doubled in parts: [2, 4, 6, 8, 10, 12, 14, 16]
//! the longest line has 25 letters
//! ```

use std::sync::atomic::{AtomicUsize, Ordering};

use may::{coroutine, go};

fn main() {
    let lines = ["what lives outside", "a coroutine may borrow it", "safely"].map(str::to_owned);

    // Shared reading: every coroutine has a reference to the same things.
    let words = AtomicUsize::new(0);
    coroutine::scope(|scope| {
        for line in &lines {
            scope.spawn(|| words.fetch_add(line.split(' ').count(), Ordering::Relaxed));
        }
    });
    println!(
        "{} coroutines counted {} words",
        lines.len(),
        words.into_inner()
    );

    // Exclusive writing: each has a part of its own. `go!(scope, f)` is short for
    // `scope.spawn(f)`.
    let mut numbers = [1, 2, 3, 4, 5, 6, 7, 8];
    coroutine::scope(|scope| {
        for part in numbers.chunks_mut(2) {
            go!(scope, move || part
                .iter_mut()
                .for_each(|number| *number *= 2));
        }
    });
    println!("doubled in parts: {numbers:?}");

    // Results: handles can be joined inside the scope, and the scope has a value itself.
    let longest = coroutine::scope(|scope| {
        let handles: Vec<_> = lines
            .iter()
            .map(|line| scope.spawn(|| line.len()))
            .collect();
        let lengths = handles.into_iter().map(|handle| handle.join().unwrap());
        lengths.max().unwrap()
    });
    println!("the longest line has {longest} letters");
}
