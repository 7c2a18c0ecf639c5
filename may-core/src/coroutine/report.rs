//! A panic of a coroutine is reported under the coroutine's name.
//!
//! std's report names the thread, which is the worker's and says nothing. So a panic hook in front
//! of std's own prints a line with the coroutine's name, number and birthplace first. A hook of the
//! program's is the only one that prints, whether it is set before or after: in front of one that
//! is there when the first runtime starts nothing is printed, and one that comes later replaces
//! this one, as it replaces std's. (The hook also marks the coroutine as unwinding; without it,
//! that is done when it suspends.)
//!
//! The hook is set by a thread of its own, and no other thread waits for that for long. std sets
//! hooks under a lock that is held while a hook runs, which may be one that waits for the first use
//! of May on another thread; and it sets none on a thread that panics. In that case the next
//! runtime that starts tries again.

use std::io::Write;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::header::Header;
use super::unwinding::{self, Unwinding};

/// How long the start of a runtime waits for the hook to be set, if others are in the way.
const INSTALL_TIMEOUT: Duration = Duration::from_millis(100);

/// Sets the hook, once.
pub(crate) fn install() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if thread::panicking() || INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    let (done, waits) = mpsc::channel();
    let installs = thread::Builder::new().name("may-hook".to_owned());
    let installs = installs.spawn(move || {
        set_in_front();
        let _ = done.send(());
    });
    match installs {
        Ok(thread) if waits.recv_timeout(INSTALL_TIMEOUT).is_ok() => drop(thread.join()),
        Ok(_) => {}
        Err(_) => INSTALLED.store(false, Ordering::Relaxed),
    }
}

/// Puts the hook in front of the one that is set.
fn set_in_front() {
    let present = take_hook();
    // Now std's own is set, and what is taken is that one. It is a function, so it is told by its
    // table.
    let of_std = take_hook();
    let names = ptr::eq(&raw const *present, &raw const *of_std);
    set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        unwinding::set_mark(Unwinding::ByPanic);
        if names {
            name_coroutine();
        }
        present(info);
    }));
}

/// Prints the line for the coroutine that panics, if it is one.
fn name_coroutine() {
    let Some(coroutine) = Header::current() else {
        return;
    };
    // SAFETY: (R1) the running coroutine's block lives while it runs.
    let header = unsafe { coroutine.as_ref() };
    let name = header.name().unwrap_or("<unnamed>");
    // If standard error is closed the report is lost: there is no other place for it.
    let _ = writeln!(
        std::io::stderr(),
        "\ncoroutine '{name}' (id {}, spawned at {}) panicked:",
        header.id(),
        header.location(),
    );
}
