//! Streams as futures poll them: without blocking, by real readiness. (Datagrams are polled by the same means; see `datagram.rs`.)
//!
//! Every stream has inherent methods for that, which adapters for any trait can be made of. The features `tokio-io` and `futures-io`
//! add the traits of those crates, for each stream and for references to it; they do the same, and nothing else.
//!
//! The traits are implemented for the streams themselves and not for a type around them: a stream that is polled is no different from
//! one that blocks, and may be used in both ways at the same time.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use super::attempt::{More, poll_attempt};
use super::descriptor::Descriptor;
use super::raw::{RawIo, ready};
use crate::reactor::Direction;
use crate::sys::buffer::ReadBuffer;
use crate::sys::descriptor;

impl<T: AsFd> Descriptor<T> {
    /// Carries out `call` if the descriptor is ready for it.
    pub(super) fn poll<R>(
        &self,
        direction: Direction,
        context: &mut Context<'_>,
        mut call: impl FnMut(&T) -> io::Result<(R, More)>,
    ) -> Poll<io::Result<R>> {
        poll_attempt(self.polled(), direction, context, || call(self.get()))
    }

    /// Whether a direction is ready.
    pub(crate) fn poll_ready(
        &self,
        context: &mut Context<'_>,
        write: bool,
    ) -> Poll<io::Result<()>> {
        let direction = match write {
            true => Direction::Write,
            false => Direction::Read,
        };
        self.poll(direction, context, |inner| ready(inner, direction))
    }
}

impl<T: RawIo> Descriptor<T> {
    /// Reads if there is something.
    pub(crate) fn poll_read_bytes(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuffer<'_>,
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll(Direction::Read, context, |inner| inner.read(buffer))
    }

    /// Writes if there is room.
    pub(crate) fn poll_write_bytes(
        &self,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll(Direction::Write, context, |inner| inner.write(buffer))
    }

    /// Writes from several buffers if there is room.
    pub(crate) fn poll_write_buffers(
        &self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let (buffers, length) = descriptor::within_limits(buffers);
        if length == 0 {
            return Poll::Ready(Ok(0));
        }
        self.poll(Direction::Write, context, |inner| {
            inner.write_vectored(buffers)
        })
    }
}

/// Reads into what is left of a buffer of tokio's, whether it is initialised or not.
#[cfg(feature = "tokio-io")]
pub(crate) fn read_into(
    buffer: &mut tokio::io::ReadBuf<'_>,
    read: impl FnOnce(&mut ReadBuffer<'_>) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<()>> {
    // SAFETY: (docs/safety.md, system calls) nothing is written there but what is read.
    let mut room = ReadBuffer::from(unsafe { buffer.unfilled_mut() });
    let read = read(&mut room);
    let filled = room.filled();
    read.map_ok(|_| {
        // SAFETY: (docs/safety.md, system calls) so many have been read, to the beginning of what was left.
        unsafe { buffer.assume_init(filled) };
        buffer.advance(filled);
    })
}

/// What the end of a direction says to a future: that the other side has gone before is no error.
#[cfg(any(feature = "tokio-io", feature = "futures-io"))]
pub(crate) fn ended(result: io::Result<()>) -> Poll<io::Result<()>> {
    Poll::Ready(match result {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        result => result,
    })
}

/// Implements what futures poll to read, all by what `$through` finds: a `Descriptor` or a stream.
macro_rules! polled_reader {
    ([$($generics:tt)*] $type:ty, $this:ident => $through:expr) => {
        /// # Polling to read
        ///
        /// For futures, and for adapters to other crates' traits. A call that is not ready wakes the caller of the poll when it may be.
        /// Each direction keeps the waker of the last poll only: of several futures that poll the same direction the last one is woken.
        /// Coroutines and threads may use the stream at the same time. Timeouts of the stream do not apply.
        impl<$($generics)*> $type {
            /// Reads into `buffer` if there is something; zero bytes are the end.
            ///
            /// # Errors
            ///
            /// Those of reading.
            pub fn poll_read(
                &self,
                context: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self;
                $through.poll_read_bytes(context, &mut $crate::sys::buffer::ReadBuffer::from(buffer))
            }

            /// Whether there is something to read, or an end or an error to be told of.
            ///
            /// # Errors
            ///
            /// What the operating system says.
            pub fn poll_readable(
                &self,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = self;
                $through.poll_ready(context, false)
            }
        }

        $crate::io::poll::foreign_readers!([$($generics)*] $type, $this => $through);
        $crate::io::poll::foreign_readers!([$($generics)*] &$type, $this => $through);
    };
}
pub(crate) use polled_reader;

/// Implements what futures poll to write; otherwise as [`polled_reader!`].
macro_rules! polled_writer {
    ([$($generics:tt)*] $type:ty, $this:ident => $through:expr) => {
        /// # Polling to write
        ///
        /// For futures, and for adapters to other crates' traits. A call that is not ready wakes the caller of the poll when it may be.
        /// Each direction keeps the waker of the last poll only: of several futures that poll the same direction the last one is woken.
        /// Coroutines and threads may use the stream at the same time. Timeouts of the stream do not apply.
        impl<$($generics)*> $type {
            /// Writes from `buffer` if there is room; returns how much.
            ///
            /// # Errors
            ///
            /// Those of writing.
            pub fn poll_write(
                &self,
                context: &mut std::task::Context<'_>,
                buffer: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self;
                $through.poll_write_bytes(context, buffer)
            }

            /// Writes from several buffers if there is room; returns how much.
            ///
            /// # Errors
            ///
            /// Those of writing.
            pub fn poll_write_vectored(
                &self,
                context: &mut std::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self;
                $through.poll_write_buffers(context, buffers)
            }

            /// Whether there is room to write, or an error to be told of.
            ///
            /// # Errors
            ///
            /// What the operating system says.
            pub fn poll_writable(
                &self,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = self;
                $through.poll_ready(context, true)
            }
        }

        $crate::io::poll::foreign_writers!([$($generics)*] $type, $this => $through);
        $crate::io::poll::foreign_writers!([$($generics)*] &$type, $this => $through);
    };
}
pub(crate) use polled_writer;

/// Implements other crates' traits for reading.
macro_rules! foreign_readers {
    ([$($generics:tt)*] $type:ty, $this:ident => $through:expr) => {
        #[cfg(feature = "tokio-io")]
        impl<$($generics)*> tokio::io::AsyncRead for $type {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffer: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = &*self;
                $crate::io::poll::read_into(buffer, |room| $through.poll_read_bytes(context, room))
            }
        }

        #[cfg(feature = "futures-io")]
        impl<$($generics)*> futures_io::AsyncRead for $type {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = &*self;
                $through.poll_read_bytes(context, &mut $crate::sys::buffer::ReadBuffer::from(buffer))
            }
        }
    };
}
pub(crate) use foreign_readers;

/// Implements other crates' traits for writing.
macro_rules! foreign_writers {
    ([$($generics:tt)*] $type:ty, $this:ident => $through:expr) => {
        #[cfg(feature = "tokio-io")]
        impl<$($generics)*> tokio::io::AsyncWrite for $type {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffer: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = &*self;
                $through.poll_write_bytes(context, buffer)
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = &*self;
                $through.poll_write_buffers(context, buffers)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            /// Does nothing: what was written is on its way.
            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                _context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }

            /// Shuts the writing direction down, if it is a socket's.
            fn poll_shutdown(
                self: std::pin::Pin<&mut Self>,
                _context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = &*self;
                $crate::io::poll::ended($through.end_writing())
            }
        }

        #[cfg(feature = "futures-io")]
        impl<$($generics)*> futures_io::AsyncWrite for $type {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffer: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = &*self;
                $through.poll_write_bytes(context, buffer)
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = &*self;
                $through.poll_write_buffers(context, buffers)
            }

            /// Does nothing: what was written is on its way.
            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                _context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }

            /// Shuts the writing direction down, if it is a socket's.
            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                _context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = &*self;
                $crate::io::poll::ended($through.end_writing())
            }
        }
    };
}
pub(crate) use foreign_writers;
