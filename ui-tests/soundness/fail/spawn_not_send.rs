//! A coroutine may start on another worker than the one that spawned it, and is joined from anywhere.

use std::rc::Rc;

use may::coroutine;

fn captured() {
    let counter = Rc::new(1);
    coroutine::spawn(move || assert_eq!(*counter, 1));
}

fn captured_by_builder() {
    let counter = Rc::new(1);
    let _ = coroutine::Builder::new().spawn(move || assert_eq!(*counter, 1));
}

fn captured_in_scope() {
    let counter = Rc::new(1);
    coroutine::scope(|scope| {
        scope.spawn(|| assert_eq!(*counter, 1));
    });
}

fn returned() {
    coroutine::spawn(|| Rc::new(1));
}

fn send<T: Send>() {}

fn handle() {
    send::<coroutine::JoinHandle<Rc<u8>>>();
}

fn main() {}
