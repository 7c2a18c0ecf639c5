#![allow(unused)]

use std::cell::Cell;

use may::channel::Receiver;
use may::select;

fn work() -> Result<u32, String> {
    Ok(1)
}

fn jump_out(rx: &Receiver<u64>) {
    loop {
        select! { _ = run { break } => {} }
    }
}

fn question_mark() -> Option<u32> {
    let value = Some(1);
    select! { v = run(value?) => Some(v) }
}

fn borrowed_twice(mut list: Vec<u32>) {
    select! {
        _ = run(list.push(1)) => {},
        _ = run(list.pop()) => {},
    }
}

fn no_event() {
    select! { _ = on(5) => {} }
}

fn type_from_what_follows(list: Vec<u32>) -> Vec<u64> {
    select! { all = run(list.into_iter().map(u64::from).collect()) => all }
}

#[may::coroutine]
fn serve(number: u32) -> u32 {
    number
}

fn argument_of_a_call(rx: &Receiver<u64>) {
    select! { number = run(serve("five")) => drop(number) }
}

fn main() {}
