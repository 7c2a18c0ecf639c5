//! Input and output that blocks the coroutine and nothing else.
//!
//! * [`attempt`]: the one loop through which every call on a descriptor goes
//! * [`descriptor`]: a descriptor together with its readiness and timeouts

pub(crate) mod attempt;
pub(crate) mod descriptor;
