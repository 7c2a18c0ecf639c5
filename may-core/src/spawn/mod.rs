//! Starting coroutines and waiting for their end, in the shape of `std::thread`.
//!
//! * [`task`]: the memory behind a header: closure, result, who joins
//! * [`identity`]: [`Coroutine`], [`CoroutineId`], [`current`]
//! * [`handle`]: the type [`JoinHandle`]
//! * [`builder`]: [`Builder`], and the functions [`spawn`] and [`spawn_local`]
//! * [`scope`](mod@scope): coroutines that borrow from their parent's frame
//! * [`group`]: coroutines whose results are taken as they finish
//! * [`join`]: `join!` over scopes
//! * [`call`]: calls of functions that are coroutines, before they run
//! * [`big_stack`]: a deep call on a larger stack
//! * [`op`]: the end of a coroutine as an operation
//! * [`error`]: what a join says

pub(crate) mod big_stack;
pub(crate) mod builder;
pub(crate) mod call;
pub(crate) mod error;
pub(crate) mod group;
pub(crate) mod handle;
pub(crate) mod identity;
pub(crate) mod join;
pub(crate) mod op;
pub(crate) mod scope;
pub(crate) mod task;

pub use big_stack::{ToStackSize, check_literal, with_stack};
pub use builder::{Builder, spawn, spawn_built, spawn_local};
pub use call::{Call, CallOptions, CoroutineFn, LocalCall, SpawnIn, spawn_body};
pub use error::{JoinError, Result};
pub use group::{JoinNext, TaskGroup};
pub use handle::JoinHandle;
pub use identity::{Coroutine, CoroutineId, current, is_coroutine};
pub use join::Join;
pub use op::{JoinFuture, Joined};
pub use scope::{Scope, ScopedJoinHandle, scope};

pub use crate::stack::OutOfStacks;
pub use crate::worker::Placement;
