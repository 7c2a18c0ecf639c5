//! What a client still sends of a request that has been answered.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    thread,
};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use may::future;

use super::connection::LINGER;

/// The body of a request of HTTP/2. If it is dropped before its end, because the request is
/// refused, say, what still comes is thrown away for a while.
///
/// Otherwise h2 would reset the stream right behind the answer, with the error code `NO_ERROR`.
/// That is as RFC 9113, section 8.1, asks, which also says that clients must not throw the answer
/// away. But some do if both arrive together, curl 7.88 for one. A client that has time to read the
/// answer stops sending by itself.
#[derive(Debug)]
pub(super) struct Upload(Option<Incoming>);

impl Upload {
    /// Wraps a body.
    pub(super) fn new(body: Incoming) -> Upload {
        Upload(Some(body))
    }

    /// The body, which is there until the drop.
    fn body(&self) -> &Incoming {
        self.0.as_ref().expect("there until the drop")
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let body = self.0.as_mut().expect("there until the drop");
        Pin::new(body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let rest = self.0.take().filter(|body| !body.is_end_stream());
        // What unwinds has no answer to wait for.
        if let Some(rest) = rest.filter(|_| !thread::panicking()) {
            future::spawn(async {
                let _ = future::timeout(LINGER.0, throw_away(rest)).await;
            });
        }
    }
}

/// Reads the rest of a body for nothing.
async fn throw_away(mut body: Incoming) {
    let mut most = LINGER.1;
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
        match most.checked_sub(length) {
            Some(left) => most = left,
            None => return,
        }
    }
}
