//! Bytes through a descriptor: what all streams and [`CoIo`](super::CoIo) have in common.
//!
//! A kind of descriptor says by [`RawIo`] how bytes are moved without waiting; [`byte_stream!`] makes of that `Read` and `Write` for the
//! type and for references to it, and the arms of a `select!`.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::AsFd;

use super::attempt::More;
use super::descriptor::Descriptor;
use super::event::IoEvent;
use crate::reactor::Direction;
use crate::sys::{descriptor, socket};

/// How bytes are moved, without ever waiting: what cannot be done at once fails with `WouldBlock`. No buffer is empty.
///
/// What is here already is right for a TCP connection.
pub(crate) trait RawIo: AsFd {
    /// Reads into a buffer.
    #[inline]
    fn read(&self, buffer: &mut [u8]) -> io::Result<(usize, More)> {
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
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.attempt(Direction::Read, |inner| inner.read(buffer))
    }

    /// Reads into several buffers as soon as there is something.
    pub(crate) fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let (buffers, length) = descriptor::within_limits_mut(buffers);
        if length == 0 {
            return Ok(0);
        }
        self.attempt(Direction::Read, |inner| inner.read_vectored(buffers))
    }

    /// Writes as soon as there is room.
    #[inline]
    pub(crate) fn write(&self, buffer: &[u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.attempt(Direction::Write, |inner| inner.write(buffer))
    }

    /// Writes from several buffers as soon as there is room.
    pub(crate) fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let (buffers, length) = descriptor::within_limits(buffers);
        if length == 0 {
            return Ok(0);
        }
        self.attempt(Direction::Write, |inner| inner.write_vectored(buffers))
    }

    /// Reading as an arm.
    pub(crate) fn read_event<'a>(&'a self, buffer: &'a mut [u8]) -> IoEvent<'a, usize> {
        self.event(Direction::Read, move |inner| match buffer.is_empty() {
            true => Ok((0, More::Perhaps)),
            false => inner.read(buffer),
        })
    }

    /// Writing as an arm.
    pub(crate) fn write_event<'a>(&'a self, buffer: &'a [u8]) -> IoEvent<'a, usize> {
        self.event(Direction::Write, move |inner| match buffer.is_empty() {
            true => Ok((0, More::Perhaps)),
            false => inner.write(buffer),
        })
    }
}

impl<T: AsFd> Descriptor<T> {
    /// A call, which does not block, as an arm.
    pub(crate) fn event<'a, R>(
        &'a self,
        direction: Direction,
        mut call: impl FnMut(&T) -> io::Result<(R, More)> + 'a,
    ) -> IoEvent<'a, R> {
        IoEvent::new(self.polled(), direction, move || call(self.get()))
    }

    /// The readiness of a direction as an arm.
    pub(crate) fn ready_event(&self, write: bool) -> IoEvent<'_, ()> {
        let direction = match write {
            true => Direction::Write,
            false => Direction::Read,
        };
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

/// Implements `Read` and `Write`, for a type and for references to it, and `Transfer`, all by the `Descriptor` that `$descriptor` finds.
macro_rules! byte_stream {
    ([$($generics:tt)*] $type:ty, $this:ident => $descriptor:expr) => {
        /// # Cancellation
        ///
        /// A cancelled coroutine unwinds while it waits for the other side; no bytes have been taken then.
        impl<$($generics)*> std::io::Read for &$type {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                let $this = *self;
                $descriptor.read(buf)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::io::Result<usize> {
                let $this = *self;
                $descriptor.read_vectored(bufs)
            }
        }

        /// # Cancellation
        ///
        /// A cancelled coroutine unwinds while it waits for room; nothing of what the call was to write has been written then.
        /// (`write_all` is several calls.)
        impl<$($generics)*> std::io::Write for &$type {
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                let $this = *self;
                $descriptor.write(buf)
            }

            fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                let $this = *self;
                $descriptor.write_vectored(bufs)
            }

            /// Does nothing: what was written is on its way.
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
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

        impl<$($generics)*> $crate::io::Transfer for $type {
            fn read_event<'a>(
                &'a self,
                buffer: &'a mut [u8],
            ) -> Option<$crate::io::event::IoEvent<'a, usize>> {
                let $this = self;
                Some($descriptor.read_event(buffer))
            }

            fn write_event<'a>(
                &'a self,
                buffer: &'a [u8],
            ) -> Option<$crate::io::event::IoEvent<'a, usize>> {
                let $this = self;
                Some($descriptor.write_event(buffer))
            }

            fn ready_event(&self, write: bool) -> Option<$crate::io::event::IoEvent<'_, ()>> {
                let $this = self;
                Some($descriptor.ready_event(write))
            }
        }
    };
}
pub(crate) use byte_stream;
