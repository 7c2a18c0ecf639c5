//! A coroutine may outlive whoever spawned it, so it borrows nothing.

use may::coroutine;

fn captured() {
    let mut counter = 0;
    coroutine::spawn(|| counter += 1);
}

fn referenced() {
    let text = String::from("text");
    let part = text.as_str();
    coroutine::spawn(move || part.len());
}

fn returned<'a>(text: &'a str) {
    coroutine::spawn(move || text);
}

fn main() {}
