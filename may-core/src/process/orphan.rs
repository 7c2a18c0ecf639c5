//! Children whose handles were dropped by a call that was cancelled, and that nothing else would
//! ever wait for.

use std::process::Child;
use std::sync::{Mutex, PoisonError};

/// Those whose end was not seen yet.
static ORPHANS: Mutex<Vec<Child>> = Mutex::new(Vec::new());

pub(super) fn adopt(child: Child) {
    ORPHANS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(child);
}

/// Waits for those that have ended, without blocking.
pub(super) fn reap() {
    let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
    // One that cannot be waited for has been waited for elsewhere.
    orphans.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}
