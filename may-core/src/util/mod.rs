//! Small tools that know nothing of coroutines.
//!
//! * [`clock`]: nanoseconds since the process first asked, and deadlines that cannot overflow
//! * [`list`]: intrusive doubly linked list of pinned nodes
//! * [`spin`]: the lock for sections of a few instructions
//! * [`must_return`]: the end of the process in place of an unwinding
//! * [`random`]: a small generator for choices that only have to be fair

pub(crate) mod clock;
pub(crate) mod list;
pub(crate) mod must_return;
pub(crate) mod random;
pub(crate) mod spin;
