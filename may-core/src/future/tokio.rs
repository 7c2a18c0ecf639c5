//! Futures that need a runtime of tokio's around them: its sockets, its timers, libraries that
//! spawn on it.
//!
//! What such a future looks for is a thread-local that [`tokio::runtime::Handle::enter`] sets and
//! its guard restores. Guards must be dropped in the reverse order, on their thread, and all code
//! that runs on the thread meanwhile sees the runtime. So a guard must not be held across a
//! suspension. Here it is held for the length of a poll, inside [`forbid_blocking`], which turns a
//! suspension in the poll into a panic.
//!
//! The runtime is one for the process: a single thread, started by the first call, that drives
//! tokio's reactor and timers and runs what is spawned. A program that has its own runtime of
//! tokio's uses [`block_on_with`].

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::OnceLock;
use std::task::{Context, Poll};

use ::tokio::runtime::{Builder, Handle};

use crate::coroutine::forbid_blocking;

/// Runs a future to its end, with a runtime of tokio's around it, blocking the calling coroutine,
/// or plain thread, until it is ready.
///
/// The future is polled here, and need not be `Send`; what it spawns runs on a thread of tokio's,
/// which all calls share.
///
/// # Panics
///
/// Goes on with a panic of the future, and panics if the runtime cannot be started. A call of May's
/// that would block panics *inside* the future, destructors included, as the poll must not suspend:
/// move it out of the future, or use an operation's future, for example
/// [`Receiver::recv_async`](crate::channel::Receiver::recv_async).
///
/// A cancelled coroutine unwinds as in [`future::block_on`](crate::future::block_on).
///
/// # Examples
///
/// ```
/// use may::future::tokio;
///
/// let answer = tokio::block_on(async {
///     // anything that asks for a runtime of tokio's
///     ::tokio::spawn(async { 6 * 7 }).await.unwrap()
/// });
/// assert_eq!(answer, 42);
/// ```
pub fn block_on<F: IntoFuture>(future: F) -> F::Output {
    block_on_with(handle(), future)
}

/// As [`block_on`], with a runtime of the caller's.
///
/// # Panics
///
/// As [`block_on`].
pub fn block_on_with<F: IntoFuture>(handle: &Handle, future: F) -> F::Output {
    let future = pin!(Some(future.into_future()));
    let mut inside = Inside { handle, future };
    super::block_on(poll_fn(|context| inside.poll(context)))
}

/// A future that is polled and dropped inside a runtime.
struct Inside<'a, F: Future> {
    handle: &'a Handle,
    future: Pin<&'a mut Option<F>>,
}

impl<F: Future> Inside<'_, F> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<F::Output> {
        enter(self.handle, || {
            let future = self.future.as_mut().as_pin_mut();
            future
                .expect("it is there until it is dropped")
                .poll(context)
        })
    }
}

impl<F: Future> Drop for Inside<'_, F> {
    fn drop(&mut self) {
        enter(self.handle, || self.future.set(None));
    }
}

/// Calls `f` inside a runtime; it must not suspend.
fn enter<R>(handle: &Handle, f: impl FnOnce() -> R) -> R {
    forbid_blocking(|| {
        let _entered = handle.enter();
        f()
    })
}

/// The handle of the runtime that [`block_on`] uses, for spawning on it. This starts it.
///
/// # Panics
///
/// Panics if it cannot be started.
///
/// # Examples
///
/// A future that may live on tokio's own thread; the coroutine only waits for it:
///
/// ```
/// use may::future::{block_on, tokio};
///
/// let task = tokio::handle().spawn(async { 6 * 7 });
/// assert_eq!(block_on(task).unwrap(), 42);
/// ```
pub fn handle() -> &'static Handle {
    static HANDLE: OnceLock<Handle> = OnceLock::new();
    HANDLE.get_or_init(|| match start() {
        Ok(handle) => handle,
        Err(error) => panic!("tokio's runtime cannot be started: {error}"),
    })
}

/// Starts the runtime and the thread that drives it until the process ends.
fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("may-tokio".into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}
