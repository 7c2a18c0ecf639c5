//! Coroutines that wait for futures, and futures that wait for coroutines.
//!
//! *A coroutine waits for a future* by [`block_on`], which blocks the coroutine and nothing else.
//! It may be any future, whichever executor it was written for, as long as it does not need that
//! one around it. [`spawn`] runs it in a new coroutine.
//!
//! *A future waits for coroutines*: their handles are futures ([`JoinHandle`] implements
//! `IntoFuture`), and what they wait for has a method that returns a future, for example
//! [`Receiver::recv_async`](crate::channel::Receiver::recv_async),
//! [`Semaphore::acquire_async`](crate::sync::Semaphore::acquire_async) or
//! [`Notify::wait_async`](crate::sync::Notify::wait_async). These can be polled by any executor;
//! the values on the other side may be used by coroutines and threads at the same time. Dropping
//! such a future is what a cancellation is to a coroutine: it has not happened, and nothing is
//! lost.
//!
//! * [`mod@block_on`]: a future that is polled by the caller
//! * [`time`]: sleeping, and limits for other futures
//! * `tokio`, with the feature of that name: futures that need a runtime of tokio's around them
//!
//! # Examples
//!
//! ```
//! use may::{channel, coroutine::spawn, future};
//!
//! let (sender, receiver) = channel::bounded(1);
//! let doubled = spawn(move || {
//!     future::block_on(async {
//!         let number: u32 = receiver.recv_async().await.unwrap();
//!         2 * number
//!     })
//! });
//! sender.send(21).unwrap();
//! assert_eq!(future::block_on(doubled).unwrap(), 42);
//! ```

mod block_on;
mod time;
#[cfg(feature = "tokio")]
pub mod tokio;

use crate::spawn::JoinHandle;

pub use crate::operation::OpFuture;
pub use block_on::block_on;
pub use time::{Sleep, sleep, sleep_until, timeout, timeout_at};

/// Runs a future in a new coroutine.
///
/// Blocking calls in the future block that coroutine, so they are allowed. It is dropped when it is
/// ready, and also if the coroutine is cancelled. Dropping the handle lets the coroutine run on.
///
/// # Panics
///
/// Panics if no coroutine can be spawned, as [`spawn`](crate::spawn::spawn()) does.
///
/// # Examples
///
/// ```
/// use may::future;
///
/// let answer = future::spawn(async { 6 * 7 });
/// assert_eq!(answer.join().unwrap(), 42);
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: IntoFuture + Send + 'static,
    F::Output: Send + 'static,
{
    crate::spawn::spawn(move || block_on(future))
}
