//! `select!`: the first of several operations, and none of the others.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin select
//! 1000 orders and 1000 returns were booked: 500500 - 500500 = 0
//! nothing more came: the till is closed
//! the courier was faster than the post, which was called back
//! the shutdown came first, though 3 orders were waiting; they still are
//! ```

use std::time::Duration;

use may::{
    channel::{self, Receiver},
    coroutine, go, select,
    sync::CancelToken,
};
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
Waits for the first of several operations.

Usage: select [options]

  --count N    how many messages each of the two producers sends (default 1000)
  --workers N  threads that run the coroutines (default: one for each CPU)
  --help       show this text";

fn main() {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let count: i64 = args.value("count", 1000);

    // All of `select!` works on plain threads, too; only `run(..)` needs a coroutine around it.
    go!(move || {
        book(numbers(count), numbers(count));
        race();
        stop_first();
    })
    .join()
    .expect("it does not panic");
}

/// A producer of the numbers up to `count`.
fn numbers(count: i64) -> Receiver<i64> {
    let (sender, receiver) = channel::bounded(16);
    go!(move || (1..=count).try_for_each(|number| sender.send(number)));
    receiver
}

/// Receives from both, whichever has something, until both have ended.
fn book(orders: Receiver<i64>, returns: Receiver<i64>) {
    let (mut ordered, mut returned) = ((0, 0), (0, 0));
    // An arm whose argument is `None` never wins.
    let (mut orders, mut returns) = (Some(orders), Some(returns));
    while orders.is_some() || returns.is_some() {
        select! {
            order = recv(orders) => match order {
                Ok(value) => ordered = (ordered.0 + 1, ordered.1 + value),
                Err(_) => orders = None,
            },
            value = recv(returns) => match value {
                Ok(value) => returned = (returned.0 + 1, returned.1 + value),
                Err(_) => returns = None,
            },
        }
    }
    let ((number_of_orders, income), (number_of_returns, expense)) = (ordered, returned);
    println!(
        "{number_of_orders} orders and {number_of_returns} returns were booked: {income} - {expense} = {}",
        income - expense
    );
    select! {
        _ = recv(orders) => println!("one more order"),
        _ = recv(returns) => println!("one more return"),
        after(Duration::from_millis(5)) => println!("nothing more came: the till is closed"),
    }
}

/// Any blocking code can be an arm. The slower one is cancelled: it unwinds out of the call in which it waits, and has ended when
/// the body runs.
fn race() {
    let mut called_back = false;
    let first = select! {
        who = run {
            let _on_the_way = OnDrop(|| called_back = true);
            coroutine::sleep(Duration::from_secs(3600));
            "the post"
        } => who,
        who = run {
            coroutine::sleep(Duration::from_millis(1));
            "the courier"
        } => who,
    };
    if called_back {
        println!("{first} was faster than the post, which was called back");
    }
}

/// With `biased` the first arm that is ready wins, so a shutdown is never put off by work.
fn stop_first() {
    let (sender, orders) = channel::unbounded();
    (0..3)
        .try_for_each(|order| sender.send(order))
        .expect("there is a receiver");
    let stop = CancelToken::new();
    stop.cancel();
    loop {
        select! {
            biased;
            cancelled(stop) => break,
            order = recv(orders) => println!("order {order:?} should have waited"),
        }
    }
    println!(
        "the shutdown came first, though {} orders were waiting; they still are",
        orders.len()
    );
}

/// Runs its closure when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
