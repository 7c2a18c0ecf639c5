//! Streams, as hyper wants them.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::rt::{self, ReadBufCursor};
use may::future::{self, Sleep};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read at once.
const PART: usize = 8192;

/// A stream for hyper, with what has been read of it already, and with an end to patience: hyper
/// itself would wait for ever for a client that does not take its answer.
#[derive(Debug)]
pub(super) struct HyperIo<T> {
    stream: T,
    /// What hyper reads first.
    begun: Vec<u8>,
    /// How long the client may take nothing.
    patience: Duration,
    /// When that is over; there while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> HyperIo<T> {
    /// Wraps a stream, of which `begun` has been read.
    pub(super) fn new(stream: T, begun: Vec<u8>, patience: Duration) -> HyperIo<T> {
        HyperIo {
            stream,
            begun,
            patience,
            stalled: None,
        }
    }

    /// Notes whether the client takes something.
    fn watch<R>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = &mut self.stalled;
        let stalled = stalled.get_or_insert_with(|| Box::pin(future::sleep(patience)));
        ready!(stalled.as_mut().poll(context));
        let why = "the client does not take what it has asked for";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> rt::Read for HyperIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.begun.is_empty() {
            let count = self.begun.len().min(buffer.remaining());
            buffer.put_slice(&self.begun[..count]);
            self.begun.drain(..count);
            return Poll::Ready(Ok(()));
        }
        // To read into hyper's own buffer would take a promise that only `unsafe` can give; this
        // copies.
        let mut part = [0; PART];
        let mut part = ReadBuf::new(&mut part[..PART.min(buffer.remaining())]);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        buffer.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> rt::Write for HyperIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, ended)
    }
}
