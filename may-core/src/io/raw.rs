//! Bytes through a descriptor: what all streams and [`CoIo`](super::CoIo) have in common.
//!
//! A kind of descriptor says by [`RawIo`] how bytes are moved without waiting; [`byte_reader!`] and [`byte_writer!`] make of that `Read`
//! and `Write`, for the type and for references to it, the arms of a `select!`, and what futures poll (`poll.rs`). [`byte_stream!`] is
//! both, and what a stream has that goes both ways.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::AsFd;

use super::attempt::More;
use super::descriptor::Descriptor;
use super::op::{AnyCall, AnyIo};
use crate::reactor::Direction;
use crate::sys::buffer::ReadBuffer;
use crate::sys::{descriptor, socket};

/// How bytes are moved, without ever waiting: what cannot be done at once fails with `WouldBlock`. No buffer is empty.
///
/// What is here already is right for a TCP connection.
pub(crate) trait RawIo: AsFd {
    /// Reads into a buffer.
    #[inline]
    fn read(&self, buffer: &mut ReadBuffer<'_>) -> io::Result<(usize, More)> {
        let read = socket::receive(self.as_fd(), buffer)?;
        Ok(drained_if_short(read, buffer.len()))
    }

    /// Reads into several buffers, which are within the limits of one transfer.
    fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<(usize, More)> {
        let (read, _) = socket::receive_vectored(self.as_fd(), buffers)?;
        let length = length_of(buffers.iter().map(|buffer| buffer.len()));
        Ok(drained_if_short(read, length))
    }

    /// Writes from a buffer.
    #[inline]
    fn write(&self, buffer: &[u8]) -> io::Result<(usize, More)> {
        let written = socket::send(self.as_fd(), buffer)?;
        Ok(drained_if_short(written, buffer.len()))
    }

    /// Writes from several buffers, which are within the limits of one transfer.
    fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<(usize, More)> {
        let written = socket::send_vectored(self.as_fd(), buffers)?;
        let length = length_of(buffers.iter().map(|buffer| buffer.len()));
        Ok(drained_if_short(written, length))
    }

    /// Tells the other side that nothing more will be written.
    fn end_writing(&self) -> io::Result<()> {
        socket::shutdown(self.as_fd(), Shutdown::Write)
    }

    /// Ends both directions.
    fn end(&self) -> io::Result<()> {
        socket::shutdown(self.as_fd(), Shutdown::Both)
    }
}

/// What a transfer of `moved` bytes says of what is left, where fewer than the `length` that was asked for mean that there is no more
/// data, or no more room.
pub(crate) fn drained_if_short(moved: usize, length: usize) -> (usize, More) {
    // Nothing moved is an end, not a lack: the next call returns at once, too.
    let more = match moved == 0 || moved >= length.min(descriptor::MOST_BYTES) {
        true => More::Perhaps,
        false => More::No,
    };
    (moved, more)
}

/// The length of several buffers together.
pub(crate) fn length_of(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.fold(0, usize::saturating_add)
}

impl<T: RawIo> Descriptor<T> {
    /// Reads as soon as there is something.
    #[inline]
    pub(crate) fn read_bytes(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut buffer = ReadBuffer::from(buffer);
        self.attempt(Direction::Read, |inner| inner.read(&mut buffer))
    }

    /// Reads into several buffers as soon as there is something.
    pub(crate) fn read_buffers(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let (buffers, length) = descriptor::within_limits_mut(buffers);
        if length == 0 {
            return Ok(0);
        }
        self.attempt(Direction::Read, |inner| inner.read_vectored(buffers))
    }

    /// Writes as soon as there is room.
    #[inline]
    pub(crate) fn write_bytes(&self, buffer: &[u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.attempt(Direction::Write, |inner| inner.write(buffer))
    }

    /// Writes from several buffers as soon as there is room.
    pub(crate) fn write_buffers(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let (buffers, length) = descriptor::within_limits(buffers);
        if length == 0 {
            return Ok(0);
        }
        self.attempt(Direction::Write, |inner| inner.write_vectored(buffers))
    }

    /// Reading as an arm.
    pub(crate) fn read_event<'a>(&'a self, buffer: &'a mut [u8]) -> Option<AnyIo<'a, usize>> {
        let mut buffer = ReadBuffer::from(buffer);
        Some(
            self.event(Direction::Read, move |inner| match buffer.is_empty() {
                true => Ok((0, More::Perhaps)),
                false => inner.read(&mut buffer),
            }),
        )
    }

    /// Writing as an arm.
    pub(crate) fn write_event<'a>(&'a self, buffer: &'a [u8]) -> Option<AnyIo<'a, usize>> {
        Some(
            self.event(Direction::Write, move |inner| match buffer.is_empty() {
                true => Ok((0, More::Perhaps)),
                false => inner.write(buffer),
            }),
        )
    }

    /// Tells the other side that nothing more will be written.
    pub(crate) fn end_writing(&self) -> io::Result<()> {
        self.get().end_writing()?;
        // Not every system has an event for that.
        self.recheck();
        Ok(())
    }

    /// Ends both directions; whoever waits is woken.
    pub(crate) fn end(&self) -> io::Result<()> {
        let ended = self.get().end();
        // What cannot be shut down does not wait any more.
        self.set_nonblocking(true);
        ended
    }
}

impl<T: AsFd> Descriptor<T> {
    /// A call, which does not block, as an arm.
    pub(crate) fn event<'a, R>(
        &'a self,
        direction: Direction,
        mut call: impl FnMut(&T) -> io::Result<(R, More)> + 'a,
    ) -> AnyIo<'a, R> {
        let call: AnyCall<'a, R> = Box::new(move || call(self.get()));
        AnyIo::new(self.polled(), direction, call)
    }

    /// There being something to read as an arm.
    pub(crate) fn readable_event(&self) -> Option<AnyIo<'_, ()>> {
        Some(self.ready_event(Direction::Read))
    }

    /// There being room to write as an arm.
    pub(crate) fn writable_event(&self) -> Option<AnyIo<'_, ()>> {
        Some(self.ready_event(Direction::Write))
    }

    /// Being ready for a direction.
    pub(crate) fn ready_event(&self, direction: Direction) -> AnyIo<'_, ()> {
        self.event(direction, move |inner| ready(inner, direction))
    }
}

/// Says `WouldBlock` unless `descriptor` is ready for a direction.
pub(super) fn ready(descriptor: &impl AsFd, direction: Direction) -> io::Result<((), More)> {
    let is_ready = match direction {
        Direction::Read => descriptor::is_readable(descriptor.as_fd())?,
        Direction::Write => descriptor::is_writable(descriptor.as_fd())?,
    };
    match is_ready {
        true => Ok(((), More::Perhaps)),
        false => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// The method that waits until a type can be read from, by the `Descriptor` that `$descriptor` finds. `$what` is there then, and `$call`
/// takes it.
macro_rules! wait_readable {
    ([$($generics:tt)*] $type:ty, $this:ident => $descriptor:expr, $what:literal, $timeout:literal) => {
        impl<$($generics)*> $type {
            #[doc = concat!("Waits until there is ", $what, ", or an end or an error to be told of; ", $timeout, ". It waits in")]
            /// non-blocking mode, too, for libraries that do their own reading then.
            ///
            /// Unlike [`wait_readable`](crate::io::wait_readable), which is for any descriptor, it need not tell the operating system
            /// for each wait. Somebody else who uses this one may be faster in taking what is there.
            ///
            /// # Errors
            ///
            /// What the operating system says, and that of a timeout.
            ///
            /// # Cancellation
            ///
            /// A cancelled coroutine unwinds here.
            pub fn wait_readable(&self) -> std::io::Result<()> {
                let $this = self;
                $descriptor.wait_ready($crate::reactor::Direction::Read)
            }
        }
    };
}
pub(crate) use wait_readable;

/// The method that waits until a type can be written to; otherwise as [`wait_readable!`].
macro_rules! wait_writable {
    ([$($generics:tt)*] $type:ty, $this:ident => $descriptor:expr) => {
        impl<$($generics)*> $type {
            /// Waits until there is room to write, or an error to be told of, at most for the write timeout. It waits in non-blocking
            /// mode, too, for libraries that do their own writing then.
            ///
            /// Unlike [`wait_writable`](crate::io::wait_writable), which is for any descriptor, it need not tell the operating system
            /// for each wait. Somebody else who uses this one may be faster in filling the room.
            ///
            /// # Errors
            ///
            /// What the operating system says, and that of a timeout.
            ///
            /// # Cancellation
            ///
            /// A cancelled coroutine unwinds here.
            pub fn wait_writable(&self) -> std::io::Result<()> {
                let $this = self;
                $descriptor.wait_ready($crate::reactor::Direction::Write)
            }
        }
    };
}
pub(crate) use wait_writable;

/// Implements `Read`, for a type and for references to it, and `ReadFrom`, all by what `$through` finds: a `Descriptor` or a stream.
macro_rules! byte_reader {
    ([$($generics:tt)*] $type:ty, $this:ident => $through:expr) => {
        /// # Cancellation
        ///
        /// A cancelled coroutine unwinds while it waits for the other side; no bytes have been taken then.
        impl<$($generics)*> std::io::Read for &$type {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                let $this = *self;
                $through.read_bytes(buf)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::io::Result<usize> {
                let $this = *self;
                $through.read_buffers(bufs)
            }
        }

        /// # Cancellation
        ///
        /// As for a reference.
        impl<$($generics)*> std::io::Read for $type {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                (&*self).read(buf)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::io::Result<usize> {
                (&*self).read_vectored(bufs)
            }
        }

        impl<$($generics)*> $crate::io::ReadFrom for $type {
            fn read_event<'event>(
                &'event self,
                buffer: &'event mut [u8],
            ) -> Option<$crate::io::op::AnyIo<'event, usize>> {
                let $this = self;
                $through.read_event(buffer)
            }

            fn readable_event(&self) -> Option<$crate::io::op::AnyIo<'_, ()>> {
                let $this = self;
                $through.readable_event()
            }
        }

        $crate::io::poll::polled_reader!([$($generics)*] $type, $this => $through);
    };
}
pub(crate) use byte_reader;

/// Implements `Write`, for a type and for references to it, and `WriteTo`; otherwise as [`byte_reader!`].
macro_rules! byte_writer {
    ([$($generics:tt)*] $type:ty, $this:ident => $through:expr) => {
        /// # Cancellation
        ///
        /// A cancelled coroutine unwinds while it waits for room; nothing of what the call was to write has been written then.
        /// (`write_all` is several calls.)
        impl<$($generics)*> std::io::Write for &$type {
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                let $this = *self;
                $through.write_bytes(buf)
            }

            fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                let $this = *self;
                $through.write_buffers(bufs)
            }

            /// Does nothing: what was written is on its way.
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        /// # Cancellation
        ///
        /// As for a reference.
        impl<$($generics)*> std::io::Write for $type {
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                (&*self).write(buf)
            }

            fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                (&*self).write_vectored(bufs)
            }

            /// Does nothing: what was written is on its way.
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        impl<$($generics)*> $crate::io::WriteTo for $type {
            fn write_event<'event>(
                &'event self,
                buffer: &'event [u8],
            ) -> Option<$crate::io::op::AnyIo<'event, usize>> {
                let $this = self;
                $through.write_event(buffer)
            }

            fn writable_event(&self) -> Option<$crate::io::op::AnyIo<'_, ()>> {
                let $this = self;
                $through.writable_event()
            }
        }

        $crate::io::poll::polled_writer!([$($generics)*] $type, $this => $through);
    };
}
pub(crate) use byte_writer;

/// Implements all that a stream has which goes both ways, by the `Descriptor` that `$descriptor` finds.
macro_rules! byte_stream {
    ([$($generics:tt)*] $type:ty, $this:ident => $descriptor:expr) => {
        $crate::io::raw::byte_reader!([$($generics)*] $type, $this => $descriptor);
        $crate::io::raw::byte_writer!([$($generics)*] $type, $this => $descriptor);
        $crate::io::raw::wait_readable!([$($generics)*] $type, $this => $descriptor, "something to read", "at most for the read timeout");
        $crate::io::raw::wait_writable!([$($generics)*] $type, $this => $descriptor);

        impl<$($generics)*> $type {
            /// Both directions apart, so that one coroutine can read while another writes. No descriptor is duplicated.
            ///
            /// (References to the stream itself read and write, too; this is for functions that want to say which they do.)
            ///
            /// # Examples
            ///
            /// See [`ReadHalf`](crate::io::ReadHalf).
            pub fn split(&self) -> ($crate::io::ReadHalf<'_, Self>, $crate::io::WriteHalf<'_, Self>) {
                $crate::io::halves::split(self)
            }

            /// Both directions apart and owned, for coroutines that are spawned. No descriptor is duplicated. When the half that writes
            /// is dropped, the other side is told that nothing more will come.
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

        impl<$($generics)*> $crate::io::halves::Through for $type {
            fn read_bytes(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let $this = self;
                $descriptor.read_bytes(buffer)
            }

            fn read_buffers(
                &self,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> std::io::Result<usize> {
                let $this = self;
                $descriptor.read_buffers(buffers)
            }

            fn write_bytes(&self, buffer: &[u8]) -> std::io::Result<usize> {
                let $this = self;
                $descriptor.write_bytes(buffer)
            }

            fn write_buffers(&self, buffers: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                let $this = self;
                $descriptor.write_buffers(buffers)
            }

            fn poll_read_bytes(
                &self,
                context: &mut std::task::Context<'_>,
                buffer: &mut $crate::sys::buffer::ReadBuffer<'_>,
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self;
                $descriptor.poll_read_bytes(context, buffer)
            }

            fn poll_write_bytes(
                &self,
                context: &mut std::task::Context<'_>,
                buffer: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self;
                $descriptor.poll_write_bytes(context, buffer)
            }

            fn poll_write_buffers(
                &self,
                context: &mut std::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self;
                $descriptor.poll_write_buffers(context, buffers)
            }

            fn poll_ready(
                &self,
                context: &mut std::task::Context<'_>,
                write: bool,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = self;
                $descriptor.poll_ready(context, write)
            }

            fn end_writing(&self) -> std::io::Result<()> {
                let $this = self;
                $descriptor.end_writing()
            }

            fn end(&self) -> std::io::Result<()> {
                let $this = self;
                $descriptor.end()
            }
        }

        impl<$($generics)*> $crate::io::Duplex for $type {}
    };
}
pub(crate) use byte_stream;
