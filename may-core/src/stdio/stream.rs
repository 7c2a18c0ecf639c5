//! One of the three descriptors that every process has.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{BorrowedFd, RawFd};

use crate::blocking::unblock;
use crate::io::CoIo;
use crate::sys::descriptor::{self, Kind};
use crate::sys::standard;

/// How a standard stream is read or written. One that is closed is at its end, and takes what is
/// written without keeping it, as std's.
pub(super) enum Stream {
    /// It says when it is ready.
    Polled(CoIo<BorrowedFd<'static>>),
    /// A file, which has to be waited for on another thread.
    File(BorrowedFd<'static>),
    /// Its calls block the thread: there will soon be no others.
    Direct(BorrowedFd<'static>),
}

impl Stream {
    /// Looks at what a stream leads to.
    pub(super) fn open(number: RawFd) -> Stream {
        let stream = standard::stream(number);
        match descriptor::kind(stream) {
            Ok(Kind::Socket | Kind::Other) => {
                CoIo::new(stream).map_or(Stream::File(stream), Stream::Polled)
            }
            Ok(Kind::File) | Err(_) => Stream::File(stream),
        }
    }

    /// The stream for the end of the process.
    pub(super) fn direct(number: RawFd) -> Stream {
        Stream::Direct(standard::stream(number))
    }

    /// Reads what is there, waiting for something.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self {
            Stream::Polled(polled) => (&*polled).read(buffer),
            Stream::File(file) => unblock(|| descriptor::read(*file, &mut buffer.into())),
            Stream::Direct(file) => descriptor::read(*file, &mut buffer.into()),
        };
        unless_closed(read, 0)
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = match self {
            Stream::Polled(polled) => (&*polled).write(buffer),
            Stream::File(file) => unblock(|| descriptor::write(*file, buffer)),
            Stream::Direct(file) => descriptor::write(*file, buffer),
        };
        unless_closed(written, buffer.len())
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let (buffers, length) = descriptor::within_limits(buffers);
        let written = match self {
            Stream::Polled(polled) => (&*polled).write_vectored(buffers),
            Stream::File(file) => unblock(|| descriptor::write_vectored(*file, buffers)),
            Stream::Direct(file) => descriptor::write_vectored(*file, buffers),
        };
        unless_closed(written, length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The result, or `otherwise` if the stream is closed.
fn unless_closed(result: io::Result<usize>, otherwise: usize) -> io::Result<usize> {
    match result {
        Err(error) if standard::is_closed(&error) => Ok(otherwise),
        result => result,
    }
}
