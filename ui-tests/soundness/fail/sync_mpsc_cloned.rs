//! Of `mpsc` there is one receiver, which may be shared by reference.

use may::sync::mpsc::Receiver;

fn receiver_cloned(receiver: Receiver<i32>) {
    let _ = receiver.clone();
}

fn main() {}
