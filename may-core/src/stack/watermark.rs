//! How much of a stack was used.
//!
//! The system knows which pages of a stack are in memory, and a page is there because it was
//! touched. That costs nothing while a coroutine runs, unlike filling stacks with a pattern, which
//! would touch all of them. It answers in whole pages, and it cannot tell this coroutine from the
//! one before on the same stack, nor see pages that were swapped out.

use std::ops::Range;

use crate::sys::memory;

/// The distance from the high end of a stack ([`Stack::memory`](super::Stack::memory)) to the
/// lowest page that is in memory. May be called on any thread and at any time; none if the stack is
/// not mapped.
pub(crate) fn high_water_mark(stack: Range<usize>) -> Option<usize> {
    let mut lowest = stack.end;
    let known = memory::for_each_resident(stack.clone(), |page| lowest = lowest.min(page));
    known.then_some(stack.end - lowest)
}
