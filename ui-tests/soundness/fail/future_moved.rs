//! Others have pointers into a future that waits, so it stays where it is, also if its operation
//! lies in a box.

use std::pin::Pin;
use std::task::{Context, Waker};

use may::channel::unbounded;
use may::op::{self, Operation};

fn main() {
    let (_sender, receiver) = unbounded::<i32>();
    let mut context = Context::from_waker(Waker::noop());
    let mut boxed = op::recv(&receiver).boxed().into_future();
    let _ = Pin::new(&mut boxed).poll(&mut context);
    let mut first = op::first_of([op::recv(&receiver)]).into_future();
    let _ = Pin::new(&mut first).poll(&mut context);
}
