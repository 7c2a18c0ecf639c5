//! Times, and coroutines for further futures.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt;
use may::{block_on, coroutine::TaskGroup, future, sync::Mutex};

/// Times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timer;

impl rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep(Box::pin(future::sleep(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep(Box::pin(future::sleep_until(deadline))))
    }
}

/// A time to wait for.
struct Sleep(Pin<Box<future::Sleep>>);

impl rt::Sleep for Sleep {}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

/// A coroutine for each stream of a connection of HTTP/2.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams(Arc<Mutex<TaskGroup<()>>>);

impl Streams {
    /// Cancels the streams that still run when the value is dropped. (That no [`Streams`] are left
    /// would not tell: hyper keeps one in each stream.)
    pub(super) fn end_with(&self) -> EndOfStreams {
        EndOfStreams(self.clone())
    }
}

impl<F: Future<Output = ()> + Send + 'static> rt::Executor<F> for Streams {
    fn execute(&self, future: F) {
        let mut streams = self.0.lock().unwrap();
        while streams.try_join_next().is_some() {}
        streams.spawn(move || block_on(future));
    }
}

/// The end of a connection, and with it of its streams: a handler that blocks is polled by nobody
/// who could tell it.
#[derive(Debug)]
pub(super) struct EndOfStreams(Streams);

impl Drop for EndOfStreams {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().cancel();
    }
}
