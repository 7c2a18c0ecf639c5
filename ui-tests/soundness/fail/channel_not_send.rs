//! A channel takes its messages to where the receiver is, so an end of it goes to another coroutine only if they may.

use std::rc::Rc;

use may::channel;
use may::coroutine;

fn receiver_sent() {
    let (sender, receiver) = channel::bounded::<Rc<i32>>(1);
    coroutine::spawn(move || drop(receiver.recv()));
    sender.send(Rc::new(1)).unwrap();
}

fn sender_sent() {
    let (sender, receiver) = channel::bounded::<Rc<i32>>(1);
    coroutine::spawn(move || sender.send(Rc::new(1)).unwrap());
    drop(receiver.recv());
}

fn receiver_shared() {
    let (sender, receiver) = channel::bounded::<Rc<i32>>(1);
    coroutine::scope(|scope| {
        scope.spawn(|| drop(receiver.recv()));
        sender.send(Rc::new(1)).unwrap();
    });
}

fn main() {}
