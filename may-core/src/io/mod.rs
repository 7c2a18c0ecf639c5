//! Input and output that blocks the coroutine and nothing else.
//!
//! * [`attempt`]: the one loop through which every call on a descriptor goes
//! * [`descriptor`]: a descriptor together with its readiness and timeouts
//! * [`event`]: calls on descriptors as arms of a `select!`

pub(crate) mod attempt;
pub(crate) mod descriptor;
pub(crate) mod event;
