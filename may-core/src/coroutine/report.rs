//! A panic of a coroutine is reported under the coroutine's name.
//!
//! std's report names the thread, which is the worker's and says nothing. So a panic hook in front of the one that was there
//! prints a line with the coroutine's name, number and birthplace first. It is set when the first runtime starts; a hook that
//! the program sets later replaces it, as it replaces std's. (The hook also marks the coroutine as unwinding; without it, that is
//! done when it suspends.)

use std::io::Write;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::Once;

use super::current;
use super::unwinding::{self, Unwinding};

/// Sets the hook, once.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let next = take_hook();
        set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            unwinding::begins(Unwinding::ByPanic);
            name_coroutine();
            next(info);
        }));
    });
}

/// Prints the line for the coroutine that panics, if it is one.
fn name_coroutine() {
    let Some(coroutine) = current::coroutine() else {
        return;
    };
    // SAFETY: (docs/safety.md, R1) the running coroutine's block lives while it runs.
    let header = unsafe { coroutine.as_ref() };
    let name = header.name().unwrap_or("<unnamed>");
    // If standard error is closed there is nobody to tell.
    let _ = writeln!(
        std::io::stderr(),
        "\ncoroutine '{name}' (id {}, spawned at {}) panicked:",
        header.id(),
        header.location(),
    );
}
