//! Signals.
//!
//! # Protocol
//!
//! The handler counts interrupts and writes a byte to a socket pair (`sys/interrupt.rs`); the other end is a descriptor like any
//! other, so its event wakes the first of those who wait. A caller waits until the count differs from what it was when he called.
//! One event must wake them all, also if somebody who called later has read the byte before the event was fetched; therefore
//! everybody who has emptied the socket, or was woken, *relays*: whoever is the first to see a new count wakes everybody.
//!
//! No interrupt is missed: one that arrives before a caller has registered has changed the count, which he looks at after he has;
//! for one that arrives later there is either an event, or somebody took the byte, who relays.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::io::descriptor::Descriptor;
use crate::reactor::Direction;
use crate::sys::interrupt::{self, Inlet};

/// Where the bytes come from; installed by the first call.
static INLET: OnceLock<Descriptor<Inlet>> = OnceLock::new();
/// The count up to which everybody has been woken.
static RELAYED: AtomicU64 = AtomicU64::new(0);

/// The descriptor, which the first call makes.
fn inlet() -> io::Result<&'static Descriptor<Inlet>> {
    static INSTALLING: Mutex<()> = Mutex::new(());
    if let Some(inlet) = INLET.get() {
        return Ok(inlet);
    }
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if INLET.get().is_none() {
        let inlet = Descriptor::new(interrupt::install()?);
        return Ok(INLET.get_or_init(|| inlet));
    }
    inlet()
}

/// Takes the bytes out and, if there is a new interrupt, wakes everybody; the first to see it does.
fn relay(inlet: &Descriptor<Inlet>) {
    inlet.get().empty();
    // Whoever emptied the socket sees the counts that came before the bytes.
    fence(Ordering::SeqCst);
    let count = interrupt::count();
    if RELAYED.fetch_max(count, Ordering::SeqCst) < count {
        inlet.wake_all(Direction::Read);
    }
}

/// Blocks the caller until ctrl-c is pressed (on Unix: until the process gets SIGINT) after the call.
///
/// Any number of coroutines and threads may wait at once; one interrupt ends the waits of all of them. **From the first call on
/// the signal does not end the process any more**, whether somebody waits or not; a handler that was installed before is replaced.
/// System calls that it interrupts are restarted.
///
/// A plain thread that calls this starts the default runtime if need be, whose workers watch for the signal.
///
/// # Errors
///
/// If the handler cannot be installed, usually because the process has no descriptors left.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here; the handler stays.
///
/// # Examples
///
/// A server that ends when it is told to:
///
/// ```no_run
/// use may_core::{signal, spawn};
///
/// let server = spawn::spawn(|| loop {
///     // accept and serve
/// #   may_core::park::park();
/// });
/// signal::ctrl_c()?;
/// println!("stopping");
/// server.cancel();
/// # std::io::Result::Ok(())
/// ```
pub fn ctrl_c() -> io::Result<()> {
    let inlet = inlet()?;
    let before = interrupt::count();
    loop {
        relay(inlet);
        if interrupt::count() != before {
            return Ok(());
        }
        inlet.wait_for_event(Direction::Read, || interrupt::count() != before)?;
    }
}
