//! Waiting for the user's ctrl-c.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::io::attempt::More;
use crate::io::descriptor::Descriptor;
use crate::reactor::Direction;
use crate::sys::interrupt;

/// Blocks the caller, a coroutine or a plain thread, until the user presses ctrl-c, or SIGINT comes from elsewhere.
///
/// From the first call on SIGINT no longer ends the process. Any number of callers may wait; a signal that comes after a call
/// has begun ends the wait of all of them. A signal that nobody waits for is forgotten.
///
/// # Errors
///
/// If the handler cannot be installed, usually for want of descriptors.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here.
///
/// # Examples
///
/// ```no_run
/// use may_core::{signal, spawn::spawn};
///
/// let server = spawn(|| loop { /* accept, serve */ });
/// signal::ctrl_c()?;
/// server.cancel();
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn ctrl_c() -> io::Result<()> {
    let signals = signals()?;
    let before = interrupt::count();
    signals.attempt(Direction::Read, |mut pipe| {
        let mut bytes = [0; 64];
        let read = pipe.read(&mut bytes);
        if interrupt::count() != before {
            // Whoever else waits is to look, too: the bytes are gone, but the count has changed.
            return Ok(((), More::Perhaps));
        }
        // Bytes of signals from before this call; there may be more of them.
        read.and_then(|_| Err(io::ErrorKind::Interrupted.into()))
    })
}

/// The pipe into which the handler writes; made and installed at the first call.
fn signals() -> io::Result<&'static Descriptor<File>> {
    static SIGNALS: OnceLock<Descriptor<File>> = OnceLock::new();
    static INSTALL: Mutex<()> = Mutex::new(());
    if let Some(signals) = SIGNALS.get() {
        return Ok(signals);
    }
    let _installing = INSTALL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(signals) = SIGNALS.get() {
        return Ok(signals);
    }
    let signals = Descriptor::new(File::from(interrupt::install()?));
    Ok(SIGNALS.get_or_init(|| signals))
}
