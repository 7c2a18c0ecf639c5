//! Of `mpsc`, only one at a time receives.

use may::coroutine;
use may::sync::mpsc::Receiver;

fn receiver_shared(receiver: Receiver<i32>) {
    coroutine::scope(|scope| {
        scope.spawn(|| receiver.recv());
        let _ = receiver.recv();
    });
}

fn messages_shared(receiver: Receiver<i32>) {
    let mut messages = receiver.iter();
    coroutine::scope(|scope| {
        scope.spawn(move || messages.next());
    });
}

fn receiver_cloned(receiver: Receiver<i32>) {
    let _ = receiver.clone();
}

fn main() {}
