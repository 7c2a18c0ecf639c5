//! The runtime that the free functions use: started when it is first needed, with settings made until then.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::local::with_local;
use super::settings::Settings;
use super::shared::Shared;

/// The runtime, once it has started.
static DEFAULT: OnceLock<Arc<Shared>> = OnceLock::new();
/// What it will start with; guards the start, too.
static SETTINGS: Mutex<Option<Settings>> = Mutex::new(None);

/// Runs `f` on the runtime of the calling coroutine, or on the default one, which is started if need be.
///
/// # Errors
///
/// What the operating system says to the start; a later call tries again.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(&Shared) -> R) -> io::Result<R> {
    let mine = with_local(|local| local.map(|local| Arc::as_ptr(local.shared())));
    match mine {
        // The worker holds its runtime, and cannot end while a coroutine of it runs this. (Counting a reference would
        // cost every spawn two contended read-modify-writes.)
        // SAFETY: (docs/safety.md, I1) see above.
        Some(shared) => Ok(f(unsafe { &*shared })),
        None => Ok(f(&*default()?)),
    }
}

/// The default runtime, which is started if need be.
///
/// # Errors
///
/// As for [`with_current`].
pub(crate) fn default() -> io::Result<Arc<Shared>> {
    if let Some(shared) = DEFAULT.get() {
        return Ok(shared.clone());
    }
    let settings = SETTINGS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = DEFAULT.get() {
        return Ok(shared.clone());
    }
    // They stay where they are: if this fails, the next attempt needs them.
    let shared = Shared::start(settings.clone().unwrap_or_else(from_environment))?;
    Ok(DEFAULT.get_or_init(|| shared).clone())
}

/// A runtime that looks after the deadlines of futures when the default one has ended, as `#[may::main(on_exit = "cancel")]` has it
/// do: a program has threads and destructors that outlive it.
///
/// # Errors
///
/// As for [`with_current`].
pub(crate) fn timekeeper() -> io::Result<Arc<Shared>> {
    static TIMEKEEPER: Mutex<Option<Arc<Shared>>> = Mutex::new(None);
    let mut timekeeper = TIMEKEEPER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = &*timekeeper {
        return Ok(shared.clone());
    }
    let shared = Shared::start(Settings {
        workers: 1,
        ..Settings::default()
    })?;
    Ok(timekeeper.insert(shared).clone())
}

/// Changes the settings with which the default runtime will start; false if it has started.
pub(crate) fn configure(change: impl FnOnce(&mut Settings)) -> bool {
    let mut settings = SETTINGS.lock().unwrap_or_else(PoisonError::into_inner);
    if DEFAULT.get().is_some() {
        return false;
    }
    change(settings.get_or_insert_with(from_environment));
    true
}

/// The settings that `MAY_WORKERS` and `MAY_STACK` ask for. What they get wrong counts as not set: a library does not
/// print, and does not end a program over a variable.
fn from_environment() -> Settings {
    let mut settings = Settings::default();
    let variable = |name| std::env::var(name).ok();
    if let Some(workers) = variable("MAY_WORKERS").and_then(|value| value.parse().ok())
        && workers > 0
    {
        settings.workers = workers;
    }
    if let Some(size) = variable("MAY_STACK").and_then(|value| value.parse().ok()) {
        settings.stack_size = size;
    }
    settings
}
