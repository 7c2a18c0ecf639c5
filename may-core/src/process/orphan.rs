//! Children whose handles went with a call that was cancelled: nobody else would ever wait for
//! them.

use std::process::Child;
use std::sync::{Mutex, PoisonError};

/// Those that have not been seen to end.
static ORPHANS: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Takes a child over.
pub(super) fn adopt(child: Child) {
    ORPHANS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(child);
}

/// Waits for those that have ended, without blocking.
pub(super) fn reap() {
    let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
    // One that cannot be waited for is none of ours.
    orphans.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}
