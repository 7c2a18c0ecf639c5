//! The expansion sets off no lint.

#![forbid(unsafe_code)]
#![deny(
    clippy::all,
    clippy::pedantic,
    warnings,
    unused,
    missing_docs,
    unused_qualifications,
    unreachable_pub,
    unused_parens,
    unused_braces,
    let_underscore_drop,
    single_use_lifetimes,
    unused_lifetimes
)]

use std::time::Duration;

use may::channel::{Receiver, Sender};
use may::select;

/// Has the names of the expansion.
#[derive(Debug)]
struct This;

fn everything(rx: &Receiver<u8>, tx: &Sender<u8>, open: bool) -> Option<u8> {
    let value = 7;
    let event0 = select! {
        biased;
        Ok(1 | 2) = recv(rx) else { return None } if open => value,
        Ok(()) = send(tx, { let won = value; won + 1 }) else { return None } => { 3 }
        match rx.recv() {
            Ok(n) => n,
            Err(_) => return None,
        }
        #[cfg(any())]
        _ = recv(no_such_thing) => no_such_thing,
        #[cfg(all())]
        #[allow(unused_variables)]
        message = recv(rx) if open => { 4 }
        after(Duration::ZERO) => if open { 1 } else { 2 },
        default => 5,
    };
    let This = This;
    Some(event0 + value)
}

/// A state with its channels.
struct Hub {
    input: Receiver<u8>,
    output: Sender<u8>,
    lock: may::sync::Mutex<u8>,
    taken: usize,
}

impl Hub {
    fn take(&mut self, byte: u8) {
        self.taken += usize::from(byte);
    }

    /// The bodies borrow exclusively what other arms have borrowed.
    fn step(&mut self) {
        select! {
            Ok(byte) = recv(self.input) else { return } => self.take(byte),
            Ok(()) = send(self.output, 1) else { return } => self.take(2),
            guard = lock(self.lock) => drop(guard),
            #[cfg(any())]
            default => self.take(3),
        }
    }
}

fn running(rx: &Receiver<u8>) -> u64 {
    let words = ["a", "b"];
    select! {
        length = run { words.concat().len() } => length as u64,
        value = run(u64::from(rx.is_full())) => value,
        () = run(may::coroutine::park()) => 1,
        () = run { may::coroutine::park() } => 1,
        () = run(|| may::coroutine::park()) => 1,
    }
}

fn diverging(rx: &Receiver<u8>) {
    loop {
        select! {
            Ok(_) = recv(rx) else { break } => assert!(rx.is_empty()),
            after(Duration::ZERO) => return,
        }
    }
}

fn main() {
    let (tx, rx) = may::channel::bounded(1);
    everything(&rx, &tx, true);
    diverging(&rx);
    let (output, input) = may::channel::bounded(1);
    let mut hub = Hub {
        input,
        output,
        lock: may::sync::Mutex::new(0),
        taken: 0,
    };
    hub.step();
    may::coroutine::spawn(move || running(&rx))
        .join()
        .unwrap_or(0);
}
