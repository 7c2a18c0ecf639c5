//! Of `spsc`, only one at a time sends, and only one at a time receives: its ends are sent, but neither shared nor cloned.

use may::coroutine;
use may::sync::spsc::{Receiver, Sender};

fn sender_shared(sender: Sender<i32>) {
    coroutine::scope(|scope| {
        scope.spawn(|| drop(&sender));
        drop(&sender);
    });
}

fn receiver_shared(receiver: Receiver<i32>) {
    coroutine::scope(|scope| {
        scope.spawn(|| drop(&receiver));
        drop(&receiver);
    });
}

fn sender_cloned(sender: Sender<i32>) {
    let _: Sender<i32> = sender.clone();
}

fn receiver_cloned(receiver: Receiver<i32>) {
    let _: Receiver<i32> = receiver.clone();
}

fn main() {}
