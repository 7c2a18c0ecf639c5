//! A pipeline: stages that are coroutines, with channels between them.
//!
//! ```text
//! source ──> 4 workers ──> buffer ──> sink
//! ```
//!
//! The buffer waits for both of its neighbours in one `select!`: it receives while there is room,
//! and sends while it has something, whichever is possible first.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin pipeline
//! the squares of 1 to 10000 add up to 333383335000
//! ```

use std::collections::VecDeque;

use may::{
    channel::{self, Receiver, Sender},
    go, select,
};

/// How many numbers there are.
const COUNT: u64 = 10_000;
/// How many squares the buffer keeps.
const CAPACITY: usize = 16;

fn main() {
    let (to_workers, numbers) = channel::bounded(0);
    let (to_buffer, squares) = channel::bounded(0);
    let (to_sink, sink) = channel::bounded(0);

    go!(name = "source", move || (1..=COUNT)
        .try_for_each(|number| to_workers.send(number)));
    for _ in 0..4 {
        let (numbers, to_buffer) = (numbers.clone(), to_buffer.clone());
        go!(name = "worker", move || {
            numbers
                .iter()
                .try_for_each(|number| to_buffer.send(number * number))
        });
    }
    // The buffer ends when the last worker has dropped its sender.
    drop(to_buffer);
    go!(name = "buffer", move || buffer(&squares, &to_sink));

    let sum: u64 = sink.iter().sum();
    println!("the squares of 1 to {COUNT} add up to {sum}");
}

/// Keeps numbers until the next stage takes them.
fn buffer(input: &Receiver<u64>, output: &Sender<u64>) {
    let mut queue = VecDeque::new();
    // `pop_front` runs only if the send wins.
    loop {
        select! {
            Ok(number) = recv(input) else { break } if queue.len() < CAPACITY => {
                queue.push_back(number);
            }
            Ok(()) = send(output, queue.pop_front().unwrap()) else { return }
                if !queue.is_empty() => {}
        }
    }
    let _ = queue.into_iter().try_for_each(|number| output.send(number));
}
