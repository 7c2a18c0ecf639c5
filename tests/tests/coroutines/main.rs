//! Coroutines and the runtime around them.

mod attributes;
mod cancel;
mod hooks;
mod locals;
mod panic;
mod park;
mod runtime;
mod scope;
mod shutdown;
mod spawn;
mod stacks;
mod start;
mod stress;
mod task_group;
mod time;
mod time_limits;
mod waits;
