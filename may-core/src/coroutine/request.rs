//! What may be asked of a strand without knowing what it waits for: to end (`cancel`), or to go on
//! (`unpark`).
//!
//! # Protocol
//!
//! ```text
//!   who asks                              the strand
//!   a  set the flag                       1  open the commit word
//!   b  fence                              2  fence
//!   c  close the word if it is open       3  look at the flags; if one is set, take the wait back
//!                                         4  suspend
//! ```
//!
//! Of the two sequentially consistent fences one comes first: either *c* finds the word open, or
//! step 3 finds the flag. So no request is overlooked; and as *c* and step 3 compete for the word,
//! none is answered twice.

use super::strand::Strand;
use crate::prim::{Ordering, fence};

/// The flag of a strand that is to end. Never cleared.
pub(crate) const CANCELLED: u32 = 1 << 2;
/// The flag of a strand that is to go on: the token of `unpark`. Cleared by `park`.
pub(crate) const TOKEN: u32 = 1 << 3;

/// Asks the strand to end; true if that has ended a wait of it, and the caller owes it the wake-up.
pub(crate) fn cancel(strand: &Strand) -> bool {
    strand.flags.fetch_or(CANCELLED, Ordering::SeqCst);
    fence(Ordering::SeqCst);
    strand.word.cancel()
}

/// Leaves the token; true if that has ended a `park`, and the caller owes the strand the wake-up.
pub(crate) fn unpark(strand: &Strand) -> bool {
    strand.flags.fetch_or(TOKEN, Ordering::SeqCst);
    fence(Ordering::SeqCst);
    strand.word.unpark()
}

/// Takes the token, if it is there, and sees what was done before it was left.
#[inline]
pub(crate) fn take_token(strand: &Strand) -> bool {
    let flags = &strand.flags;
    // The load keeps the usual case, no token, from a read-modify-write.
    flags.load(Ordering::Relaxed) & TOKEN != 0
        && flags.fetch_and(!TOKEN, Ordering::SeqCst) & TOKEN != 0
}
