//! The expansion sets off no lint.

#![forbid(unsafe_code)]
#![deny(
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
        after(Duration::ZERO) => match open {
            true => 1,
            false => 2,
        },
        default => 5,
    };
    drop(This);
    Some(event0 + value)
}

fn diverging(rx: &Receiver<u8>) {
    loop {
        select! {
            Ok(_) = recv(rx) else { break } => continue,
            after(Duration::ZERO) => return,
        }
    }
}

fn main() {
    let (tx, rx) = may::channel::bounded(1);
    everything(&rx, &tx, true);
    diverging(&rx);
}
