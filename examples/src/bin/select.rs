//! `select!`: the first of several operations, and none of the others.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin select
//! 1000 orders and 1000 returns were booked: 0 is in the till
//! the courier was faster than the post
//! the shutdown came first, though 3 orders were waiting; they still are
//! ```

use std::time::Duration;

use may::{
    channel::{self, Receiver},
    coroutine::sleep,
    go, select,
    sync::CancelToken,
};

// `run(..)` in a `select!` needs a coroutine around it; all other arms work on plain threads, too.
#[may::main]
fn main() {
    book(numbers(), numbers());
    race();
    stop_first();
}

/// A producer of the numbers up to 1000.
fn numbers() -> Receiver<i64> {
    let (sender, receiver) = channel::bounded(16);
    go!(move || (1..=1000).try_for_each(|number| sender.send(number)));
    receiver
}

/// Receives from both, whichever has something, until both have ended.
fn book(orders: Receiver<i64>, returns: Receiver<i64>) {
    let mut till = 0;
    // An arm whose argument is `None` never wins.
    let (mut orders, mut returns) = (Some(orders), Some(returns));
    while orders.is_some() || returns.is_some() {
        select! {
            order = recv(orders) => order.map_or_else(|_| orders = None, |price| till += price),
            value = recv(returns) => value.map_or_else(|_| returns = None, |price| till -= price),
        }
    }
    println!("1000 orders and 1000 returns were booked: {till} is in the till");
}

/// Any blocking code can be an arm. The slower one is cancelled, and has ended when the body runs.
fn race() {
    select! {
        run(sleep(Duration::from_secs(3600))) => println!("the post was faster than the courier"),
        run(sleep(Duration::from_millis(1))) => println!("the courier was faster than the post"),
    }
}

/// With `biased` the first arm that is ready wins, so work never puts off a shutdown.
fn stop_first() {
    let (sender, orders) = channel::unbounded();
    (0..3).for_each(|order| sender.send(order).unwrap());
    let stop = CancelToken::new();
    stop.cancel();
    select! {
        biased;
        cancelled(stop) => println!(
            "the shutdown came first, though {} orders were waiting; they still are",
            orders.len()
        ),
        order = recv(orders) => println!("order {order:?} should have waited"),
    }
}
