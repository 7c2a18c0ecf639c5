//! How the servers end: at ctrl-c in good order, at the second ctrl-c at once.

use std::{io, process};

use may::{
    go,
    signal::{Signal, Signals},
    sync::CancelToken,
};

/// Makes a token that ctrl-c cancels. A server calls this before it prints where it listens: from
/// then on ctrl-c ends it in good order. Who presses ctrl-c again does not want to wait for that,
/// and the process ends at once.
///
/// # Errors
///
/// If the operating system has no more room for those who wait for signals.
pub fn stop_at_interrupt() -> io::Result<CancelToken> {
    let interrupts = Signals::new([Signal::SIGINT])?;
    let stopping = CancelToken::new();
    go!({
        let stopping = stopping.clone();
        move || {
            if interrupts.recv().is_ok() {
                println!("stopping: ctrl-c again ends it at once");
                stopping.cancel();
            }
            if interrupts.recv().is_ok() {
                process::exit(1);
            }
        }
    });
    Ok(stopping)
}
