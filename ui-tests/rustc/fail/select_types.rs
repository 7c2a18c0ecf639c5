#![allow(unused, unreachable_code)]

use std::sync::mpsc;
use std::time::Duration;

use may::channel::{Receiver, Sender};
use may::select;

fn refutable_pattern(rx: &Receiver<u64>) {
    select! { Ok(m) = recv(rx) => drop(m) }
}

fn else_goes_on(rx: &Receiver<u64>) {
    select! { Ok(m) = recv(rx) else { println!() } => drop(m) }
}

fn no_receiver(tx: &Sender<u64>) {
    select! { _ = recv(tx) => {} }
}

fn no_sender(rx: &Receiver<u64>, open: bool) {
    select! { _ = send(rx, 5) if open => {} }
}

fn bodies_differ(rx: &Receiver<u64>, d: Duration) -> u64 {
    select! {
        m = recv(rx) => m.unwrap(),
        after(d) => "late",
    }
}

fn guard_is_no_condition(rx: &Receiver<u64>, d: Duration) {
    select! { _ = recv(rx) if 5 => {} }
}

fn arms_are_missing(rx: &Receiver<u64>) {
    select!(match recv(rx) {
        Ok(_) => {}
    })
}

fn value_has_another_type(tx: &Sender<u64>) {
    select! { _ = send(tx, "five") => {} }
}

fn after_a_fault(rx: &Receiver<u64>, d: Duration) -> u64 {
    select! {
        recv(rx) => 1,
        after(d) => "late",
    }
}

fn of_std(rx: mpsc::Receiver<u64>, mutex: std::sync::Mutex<u64>) {
    select! { _ = recv(rx) => {} }
    select! { _ = lock(mutex) => {} }
}

fn another_thing(mutex: may::sync::Mutex<u64>) {
    select! { _ = acquire(mutex) => {} }
}

fn times_without_unit() {
    select! { after(5) => {} }
    select! { at(Duration::from_secs(1)) => {} }
}

fn main() {}
