//! The directions of a stream apart, without a second descriptor.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::call::RawIo;
use super::descriptor::{Descriptor, HasDescriptor};

/// A stream that goes both ways, and that any number of coroutines can use at once:
/// [`TcpStream`](crate::net::TcpStream), [`UnixStream`](crate::os::unix::net::UnixStream),
/// [`CoIo`](super::CoIo). Only types of May's have this trait.
pub trait Duplex: HasDescriptor<Raw: RawIo> {}

/// The borrowed half of a stream that reads; made by its method `split`.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
///
/// use may::os::unix::net::UnixStream;
/// use may::coroutine;
///
/// let (stream, peer) = UnixStream::pair()?;
/// let (mut reader, mut writer) = stream.split();
/// coroutine::scope(|scope| {
///     scope.spawn(move || writer.write_all(b"ping"));
///     (&peer).read_exact(&mut [0; 4])?;
///     (&peer).write_all(b"pong")?;
///     reader.read_exact(&mut [0; 4])
/// })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct ReadHalf<'a, S: Duplex>(&'a S);

/// The borrowed half of a stream that writes; made by its method `split`. Nothing happens to the
/// stream when it is dropped.
///
/// # Examples
///
/// See [`ReadHalf`].
#[derive(Debug)]
pub struct WriteHalf<'a, S: Duplex>(&'a S);

/// The owned half of a stream that reads; made by its method `into_split`.
///
/// The stream is closed when both halves are dropped. Its other methods are at hand through
/// `as_ref`.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::time::Duration;
///
/// use may::os::unix::net::UnixStream;
/// use may::coroutine;
///
/// let (stream, mut peer) = UnixStream::pair()?;
/// let (mut reader, mut writer) = stream.into_split();
/// reader.as_ref().set_read_timeout(Some(Duration::from_secs(5)))?;
/// let writing = coroutine::spawn(move || writer.write_all(b"all there is"));
///
/// // The end of the stream comes because the writer is dropped.
/// let mut text = String::new();
/// peer.read_to_string(&mut text)?;
/// assert_eq!(text, "all there is");
/// writing.join().unwrap()?;
///
/// // The other direction is still open.
/// peer.write_all(b"thanks")?;
/// reader.read_exact(&mut [0; 6])?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct OwnedReadHalf<S: Duplex>(Arc<S>);

/// The owned half of a stream that writes; made by its method `into_split`.
///
/// When it is dropped, the other side is told that nothing more will come: the direction is shut
/// down, as far as the stream is a socket. That holds for clones of the stream, too. The stream is
/// closed when both halves are dropped.
///
/// # Examples
///
/// See [`OwnedReadHalf`].
#[derive(Debug)]
pub struct OwnedWriteHalf<S: Duplex> {
    stream: Arc<S>,
    /// Whether dropping it ends the direction.
    ends: bool,
}

/// Takes the directions apart.
pub(crate) fn split<S: Duplex>(stream: &S) -> (ReadHalf<'_, S>, WriteHalf<'_, S>) {
    (ReadHalf(stream), WriteHalf(stream))
}

/// Takes the directions apart for good.
pub(crate) fn into_split<S: Duplex>(stream: S) -> (OwnedReadHalf<S>, OwnedWriteHalf<S>) {
    let stream = Arc::new(stream);
    let reader = OwnedReadHalf(stream.clone());
    (reader, OwnedWriteHalf { stream, ends: true })
}

impl<S: Duplex> HasDescriptor for ReadHalf<'_, S> {
    type Raw = S::Raw;

    fn descriptor(&self) -> &Descriptor<S::Raw> {
        self.0.descriptor()
    }
}

impl<S: Duplex> HasDescriptor for WriteHalf<'_, S> {
    type Raw = S::Raw;

    fn descriptor(&self) -> &Descriptor<S::Raw> {
        self.0.descriptor()
    }
}

impl<S: Duplex> HasDescriptor for OwnedReadHalf<S> {
    type Raw = S::Raw;

    fn descriptor(&self) -> &Descriptor<S::Raw> {
        self.0.descriptor()
    }
}

impl<S: Duplex> HasDescriptor for OwnedWriteHalf<S> {
    type Raw = S::Raw;

    fn descriptor(&self) -> &Descriptor<S::Raw> {
        self.stream.descriptor()
    }
}

/// Implements `Read` for a part of a stream, as the stream does (see `net/stream.rs`), and all that
/// [`reader!`] does.
macro_rules! part_that_reads {
    ([$($generics:tt)*] $type:ty) => {
        $crate::io::halves::part_that_reads!(@read [$($generics)*] $type);
        $crate::io::halves::part_that_reads!(@read [$($generics)*] &$type);
        $crate::io::poll::reader!([$($generics)*] $type);
    };
    (@read [$($generics:tt)*] $type:ty) => {
        /// # Cancellation
        ///
        /// A cancelled coroutine unwinds while it waits for the other side; no bytes have been
        /// taken then.
        impl<$($generics)*> std::io::Read for $type {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                self.descriptor().read(buf)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::io::Result<usize> {
                self.descriptor().read_vectored(bufs)
            }
        }
    };
}
pub(crate) use part_that_reads;

/// Implements `Write` for a part of a stream, and all that [`writer!`] does.
macro_rules! part_that_writes {
    ([$($generics:tt)*] $type:ty) => {
        $crate::io::halves::part_that_writes!(@write [$($generics)*] $type);
        $crate::io::halves::part_that_writes!(@write [$($generics)*] &$type);
        $crate::io::poll::writer!([$($generics)*] $type);
    };
    (@write [$($generics:tt)*] $type:ty) => {
        /// # Cancellation
        ///
        /// A cancelled coroutine unwinds while it waits for room; nothing of what the call was to
        /// write has been written then. (`write_all` is several calls.)
        impl<$($generics)*> std::io::Write for $type {
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                self.descriptor().write(buf)
            }

            fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                self.descriptor().write_vectored(bufs)
            }

            /// Does nothing: what was written is on its way.
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
    };
}
pub(crate) use part_that_writes;

part_that_reads!(['a, S: Duplex] ReadHalf<'a, S>);
part_that_writes!(['a, S: Duplex] WriteHalf<'a, S>);
part_that_reads!([S: Duplex] OwnedReadHalf<S>);
part_that_writes!([S: Duplex] OwnedWriteHalf<S>);

impl<S: Duplex> OwnedReadHalf<S> {
    /// Puts the halves of a stream together again.
    ///
    /// # Errors
    ///
    /// If they are halves of different streams; the error gives them back.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::os::unix::net::UnixStream;
    ///
    /// let (one, other) = UnixStream::pair()?;
    /// let (one_reader, one_writer) = one.into_split();
    /// let (other_reader, other_writer) = other.into_split();
    /// let error = one_reader.reunite(other_writer).unwrap_err();
    /// let stream: UnixStream = error.0.reunite(one_writer).unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    pub fn reunite(self, writer: OwnedWriteHalf<S>) -> Result<S, ReuniteError<S>> {
        writer.reunite(self)
    }
}

impl<S: Duplex> OwnedWriteHalf<S> {
    /// Puts the halves of a stream together again.
    ///
    /// # Errors
    ///
    /// If they are halves of different streams; the error gives them back.
    ///
    /// # Examples
    ///
    /// See [`OwnedReadHalf::reunite`].
    pub fn reunite(mut self, reader: OwnedReadHalf<S>) -> Result<S, ReuniteError<S>> {
        if !Arc::ptr_eq(&self.stream, &reader.0) {
            return Err(ReuniteError(reader, self));
        }
        self.ends = false;
        drop(self);
        Ok(Arc::into_inner(reader.0).expect("a stream has two halves"))
    }

    /// Drops this half without telling the other side; the stream is still closed with the other
    /// half.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Read;
    ///
    /// use may::os::unix::net::UnixStream;
    ///
    /// let (one, mut peer) = UnixStream::pair()?;
    /// let (_reader, writer) = one.into_split();
    /// writer.forget();
    /// peer.set_nonblocking(true)?;
    /// assert!(peer.read(&mut [0]).is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn forget(mut self) {
        self.ends = false;
    }
}

impl<S: Duplex> Drop for OwnedWriteHalf<S> {
    fn drop(&mut self) {
        if self.ends {
            // An error means that there is no peer to be told.
            let _ = self.descriptor().end_writing();
        }
    }
}

impl<S: Duplex> AsRef<S> for ReadHalf<'_, S> {
    fn as_ref(&self) -> &S {
        self.0
    }
}

impl<S: Duplex> AsRef<S> for WriteHalf<'_, S> {
    fn as_ref(&self) -> &S {
        self.0
    }
}

impl<S: Duplex> AsRef<S> for OwnedReadHalf<S> {
    fn as_ref(&self) -> &S {
        &self.0
    }
}

impl<S: Duplex> AsRef<S> for OwnedWriteHalf<S> {
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

/// Two halves that are not of one stream.
pub struct ReuniteError<S: Duplex>(
    /// The half that reads.
    pub OwnedReadHalf<S>,
    /// The half that writes.
    pub OwnedWriteHalf<S>,
);

impl<S: Duplex> fmt::Debug for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReuniteError").finish_non_exhaustive()
    }
}

impl<S: Duplex> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("halves of different streams cannot be put together")
    }
}

impl<S: Duplex> Error for ReuniteError<S> {}
