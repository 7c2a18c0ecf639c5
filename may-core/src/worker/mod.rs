//! Workers: the OS threads that run coroutines.
//!
//! A worker owns everything it needs for that (I1): a queue of runnable coroutines, a wheel of
//! timers, a pool of stacks, a poll. Other threads reach it in two ways only: they send woken
//! coroutines to its inbox, and they steal coroutines that have not started.
//!
//! * [`run`]: the loop: start and resume coroutines, maintenance, idling
//! * [`local`]: what a worker owns, and "which worker am I?"
//! * [`shared`]: what the workers of one runtime share; its start and its end
//! * [`schedule`]: from `spawn` to a worker: where a new coroutine goes, and who is woken for it
//! * [`queues`]: the queues of unstarted coroutines, and who may steal what from them
//! * [`siblings`]: which of the coroutines that were spawned together start on other workers
//! * [`idle`]: which worker searches for work while others sleep; why every unstarted coroutine is
//!   found
//! * [`orders`]: what the workers are asked to do at the end; who ends the coroutines that no
//!   worker takes
//! * [`default`]: the runtime that the free functions use
//! * [`settings`]: what a runtime is started with

pub(crate) mod default;
pub(crate) mod idle;
pub(crate) mod local;
pub(crate) mod orders;
pub(crate) mod queues;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod settings;
pub(crate) mod shared;
mod siblings;

pub(crate) use local::{has_tried_for_long, spend, with_local};
pub use schedule::Placement;
pub(crate) use schedule::SpawnError;
pub use settings::{ConfigError, RuntimeBuilder};
pub(crate) use shared::Shared;
