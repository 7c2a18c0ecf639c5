//! The runtime that the free functions use: started when it is first needed, with settings made
//! until then.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::local::with_local;
use super::settings::{ConfigError, RuntimeBuilder, from_environment};
use super::shared::Shared;

/// The runtime, once it has started.
static DEFAULT: OnceLock<Arc<Shared>> = OnceLock::new();
/// What it will start with; guards the start, too.
static SETTINGS: Mutex<RuntimeBuilder> = Mutex::new(RuntimeBuilder::new());

/// Runs `f` on the runtime of the calling coroutine, or on the default one, which is started if
/// need be.
///
/// # Errors
///
/// As for [`Shared::start`]; a later call tries again.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(&Shared) -> R) -> io::Result<R> {
    let mine = with_local(|local| local.map(|local| Arc::as_ptr(local.shared())));
    match mine {
        // The worker holds its runtime, and cannot end while a coroutine of it runs this. (Counting
        // a reference would cost every spawn two contended read-modify-writes.)
        // SAFETY: (I1) see above.
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
    let shared = Shared::start(settings.clone().or(from_environment()))?;
    Ok(DEFAULT.get_or_init(|| shared).clone())
}

/// A runtime that looks after the deadlines of futures when the default one has ended, which
/// `#[may::main(on_exit = "cancel")]` makes it do: a program has threads and destructors that
/// outlive it.
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
    let shared = Shared::start(RuntimeBuilder::new().workers(1))?;
    Ok(timekeeper.insert(shared).clone())
}

/// Changes the settings with which the default runtime will start.
///
/// # Errors
///
/// If it has started, or a setting cannot be made. Nothing is changed then.
pub(crate) fn configure(
    change: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
) -> Result<(), ConfigError> {
    let mut settings = SETTINGS.lock().unwrap_or_else(PoisonError::into_inner);
    let changed = change(settings.clone());
    changed.check_name()?;
    if DEFAULT.get().is_some() {
        return Err(ConfigError::AlreadyStarted);
    }
    *settings = changed;
    Ok(())
}
