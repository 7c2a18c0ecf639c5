//! What streams have besides std's traits: waiting for readiness, what futures poll, and the traits
//! of tokio and futures. (Datagrams are polled by the same means; see `datagram.rs`.)
//!
//! Every stream has inherent methods for that, which adapters for any trait can be made of. The
//! features `tokio-io` and `futures-io` add the traits of those crates, for each stream and for
//! references to it; they do the same, and nothing else.
//!
//! The traits are implemented for the streams themselves and not for a type around them: a stream
//! that is polled is no different from one that blocks, and may be used in both ways at the same
//! time.
//!
//! The macros are given a type that is a [`HasDescriptor`](super::descriptor::HasDescriptor).

#[cfg(any(feature = "tokio-io", feature = "futures-io"))]
use std::io;
#[cfg(any(feature = "tokio-io", feature = "futures-io"))]
use std::task::Poll;

#[cfg(feature = "tokio-io")]
use crate::sys::buffer::ReadBuffer;

/// Reads into what is left of a buffer of tokio's, whether it is initialised or not.
#[cfg(feature = "tokio-io")]
pub(crate) fn read_into(
    buffer: &mut tokio::io::ReadBuf<'_>,
    read: impl FnOnce(&mut ReadBuffer<'_>) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<()>> {
    // SAFETY: (system calls) nothing is written there but what is read.
    let mut room = ReadBuffer::from(unsafe { buffer.unfilled_mut() });
    let read = read(&mut room);
    let filled = room.filled();
    read.map_ok(|_| {
        // SAFETY: (system calls) so many have been read, to the beginning of what
        // was left.
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

/// Implements waiting until a type can be read, received or accepted from.
macro_rules! readable {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $type {
            /// Waits until there is something to read, a datagram to receive or a connection to
            /// accept, or an end or an error to be told of; at most for the read timeout, if there
            /// is one. It waits in non-blocking mode, too, for libraries that do their own reading
            /// then.
            ///
            /// Unlike [`wait_readable`](crate::io::wait_readable), which is for any descriptor, it
            /// need not tell the operating system for each wait. Another caller that uses this one
            /// may be faster in taking what is there.
            ///
            /// # Errors
            ///
            /// `WouldBlock` on Unix, as in std, if a timeout has elapsed; otherwise those of the
            /// operating system when it is asked what the descriptor is ready for.
            ///
            /// # Cancellation
            ///
            /// A cancelled coroutine unwinds here.
            pub fn wait_readable(&self) -> std::io::Result<()> {
                $crate::io::HasDescriptor::descriptor(self)
                    .wait_ready($crate::reactor::Direction::Read)
            }

            /// Whether there is something to read, receive or accept, or an end or an error to be
            /// told of. For futures: if not, the caller of the poll is woken when there may be.
            /// Each direction keeps the waker of the last poll only: of several futures that poll
            /// the same direction the last one is woken. Coroutines and threads may wait at the
            /// same time. Timeouts do not apply.
            ///
            /// # Errors
            ///
            /// Those of the operating system when it is asked what the descriptor is ready for.
            pub fn poll_readable(
                &self,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                $crate::io::HasDescriptor::descriptor(self)
                    .poll_ready($crate::reactor::Direction::Read, context)
            }
        }
    };
}
pub(crate) use readable;

/// Implements waiting until a type can be written or sent to.
macro_rules! writable {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $type {
            /// Waits until there is room to write, or an error to be told of, at most for the write
            /// timeout, if there is one. It waits in non-blocking mode, too, for libraries that do
            /// their own writing then.
            ///
            /// Unlike [`wait_writable`](crate::io::wait_writable), which is for any descriptor, it
            /// need not tell the operating system for each wait. Another caller that uses this one
            /// may be faster in filling the room.
            ///
            /// # Errors
            ///
            /// `WouldBlock` on Unix, as in std, if a timeout has elapsed; otherwise those of the
            /// operating system when it is asked what the descriptor is ready for.
            ///
            /// # Cancellation
            ///
            /// A cancelled coroutine unwinds here.
            pub fn wait_writable(&self) -> std::io::Result<()> {
                $crate::io::HasDescriptor::descriptor(self)
                    .wait_ready($crate::reactor::Direction::Write)
            }

            /// Whether there is room to write, or an error to be told of. For futures: if not, the
            /// caller of the poll is woken when there may be. Each direction keeps the waker of the
            /// last poll only: of several futures that poll the same direction the last one is
            /// woken. Coroutines and threads may wait at the same time. Timeouts do not apply.
            ///
            /// # Errors
            ///
            /// Those of the operating system when it is asked what the descriptor is ready for.
            pub fn poll_writable(
                &self,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                $crate::io::HasDescriptor::descriptor(self)
                    .poll_ready($crate::reactor::Direction::Write, context)
            }
        }
    };
}
pub(crate) use writable;

/// Implements what a stream that reads has besides `Read`.
macro_rules! reader {
    ([$($generics:tt)*] $type:ty) => {
        $crate::io::poll::readable!([$($generics)*] $type);
        $crate::io::poll::reader!(@foreign [$($generics)*] $type);
        $crate::io::poll::reader!(@foreign [$($generics)*] &$type);

        impl<$($generics)*> $type {
            /// Reads into `buffer` if there is something; zero bytes are the end. If there is
            /// nothing, the caller of the poll is woken as by
            /// [`poll_readable`](Self::poll_readable).
            ///
            /// # Errors
            ///
            /// Those of reading.
            pub fn poll_read(
                &self,
                context: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                $crate::io::HasDescriptor::descriptor(self).poll_read(context, &mut buffer.into())
            }
        }

        impl<$($generics)*> $crate::io::ReadFrom for $type {
            type Raw = <$type as $crate::io::HasDescriptor>::Raw;

            fn reader(&self) -> Option<&$crate::io::Descriptor<Self::Raw>> {
                Some($crate::io::HasDescriptor::descriptor(self))
            }
        }
    };
    (@foreign [$($generics:tt)*] $type:ty) => {
        #[cfg(feature = "tokio-io")]
        impl<$($generics)*> tokio::io::AsyncRead for $type {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffer: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                use $crate::io::HasDescriptor as _;
                let descriptor = (*self).descriptor();
                $crate::io::poll::read_into(buffer, |room| descriptor.poll_read(context, room))
            }
        }

        #[cfg(feature = "futures-io")]
        impl<$($generics)*> futures_io::AsyncRead for $type {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                (*self).poll_read(context, buffer)
            }
        }
    };
}
pub(crate) use reader;

/// Implements what a stream that writes has besides `Write`.
macro_rules! writer {
    ([$($generics:tt)*] $type:ty) => {
        $crate::io::poll::writable!([$($generics)*] $type);
        $crate::io::poll::writer!(@foreign [$($generics)*] $type);
        $crate::io::poll::writer!(@foreign [$($generics)*] &$type);

        impl<$($generics)*> $type {
            /// Writes from `buffer` if there is room; returns how much. If there is none, the
            /// caller of the poll is woken as by [`poll_writable`](Self::poll_writable).
            ///
            /// # Errors
            ///
            /// Those of writing.
            pub fn poll_write(
                &self,
                context: &mut std::task::Context<'_>,
                buffer: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                $crate::io::HasDescriptor::descriptor(self).poll_write(context, buffer)
            }

            /// Writes from several buffers if there is room; returns how much. Otherwise as
            /// [`poll_write`](Self::poll_write).
            ///
            /// # Errors
            ///
            /// Those of writing.
            pub fn poll_write_vectored(
                &self,
                context: &mut std::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                $crate::io::HasDescriptor::descriptor(self).poll_write_vectored(context, buffers)
            }
        }

        impl<$($generics)*> $crate::io::WriteTo for $type {
            type Raw = <$type as $crate::io::HasDescriptor>::Raw;

            fn writer(&self) -> Option<&$crate::io::Descriptor<Self::Raw>> {
                Some($crate::io::HasDescriptor::descriptor(self))
            }
        }
    };
    (@foreign [$($generics:tt)*] $type:ty) => {
        #[cfg(feature = "tokio-io")]
        $crate::io::poll::writer!(@foreign tokio::io::AsyncWrite, poll_shutdown, {
            fn is_write_vectored(&self) -> bool {
                true
            }
        } [$($generics)*] $type);
        #[cfg(feature = "futures-io")]
        $crate::io::poll::writer!(@foreign futures_io::AsyncWrite, poll_close, {}
            [$($generics)*] $type);
    };
    (@foreign $trait:path, $end:ident, { $($more:tt)* } [$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $trait for $type {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffer: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                (*self).poll_write(context, buffer)
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                (*self).poll_write_vectored(context, buffers)
            }

            $($more)*

            /// Does nothing: what was written is on its way.
            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                _context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }

            /// Shuts the writing direction down, if it is a socket's.
            fn $end(
                self: std::pin::Pin<&mut Self>,
                _context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                use $crate::io::HasDescriptor as _;
                let descriptor = (*self).descriptor();
                $crate::io::poll::ended(descriptor.end_writing())
            }
        }
    };
}
pub(crate) use writer;

/// Implements what a stream has that goes both ways, besides `Read` and `Write`.
macro_rules! duplex {
    ([$($generics:tt)*] $type:ty) => {
        $crate::io::poll::reader!([$($generics)*] $type);
        $crate::io::poll::writer!([$($generics)*] $type);

        impl<$($generics)*> $crate::io::Duplex for $type {}

        impl<$($generics)*> $type {
            /// Both directions apart, so that one coroutine can read while another writes. No
            /// descriptor is duplicated.
            ///
            /// (References to the stream itself read and write, too; this is for functions that
            /// want to say which they do.)
            ///
            /// # Examples
            ///
            /// See [`ReadHalf`](crate::io::ReadHalf).
            pub fn split(&self) -> ($crate::io::ReadHalf<'_, Self>, $crate::io::WriteHalf<'_, Self>) {
                $crate::io::halves::split(self)
            }

            /// Both directions apart and owned, for coroutines that are spawned. No descriptor is
            /// duplicated. When the half that writes is dropped, the other side is told that
            /// nothing more will come.
            ///
            /// # Examples
            ///
            /// See [`OwnedReadHalf`](crate::io::OwnedReadHalf).
            pub fn into_split(
                self,
            ) -> ($crate::io::OwnedReadHalf<Self>, $crate::io::OwnedWriteHalf<Self>) {
                $crate::io::halves::into_split(self)
            }
        }
    };
}
pub(crate) use duplex;
