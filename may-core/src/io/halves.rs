//! The directions of a stream apart, without a second descriptor.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::operation::{ReadFrom, WriteTo};
use super::raw::{byte_reader, byte_writer};
use crate::sys::buffer::ReadBuffer;

/// What the halves of a stream, and whoever copies from one to another, call.
pub trait Through: ReadFrom + WriteTo {
    /// Reads.
    fn read_bytes(&self, buffer: &mut [u8]) -> io::Result<usize>;
    /// Reads into several buffers.
    fn read_buffers(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize>;
    /// Writes.
    fn write_bytes(&self, buffer: &[u8]) -> io::Result<usize>;
    /// Writes from several buffers.
    fn write_buffers(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Reads, for a future.
    fn poll_read_bytes(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuffer<'_>,
    ) -> Poll<io::Result<usize>>;
    /// Writes, for a future.
    fn poll_write_bytes(&self, context: &mut Context<'_>, buffer: &[u8])
    -> Poll<io::Result<usize>>;
    /// Writes from several buffers, for a future.
    fn poll_write_buffers(
        &self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;
    /// Whether a direction is ready, for a future.
    fn poll_ready(&self, context: &mut Context<'_>, write: bool) -> Poll<io::Result<()>>;
    /// Tells the other side that nothing more will be written.
    fn end_writing(&self) -> io::Result<()>;
    /// Ends both directions; whoever waits is woken.
    fn end(&self) -> io::Result<()>;
}

/// A stream that goes both ways, and that any number of coroutines can use at once: [`TcpStream`](crate::net::TcpStream),
/// [`UnixStream`](crate::os::unix::net::UnixStream), [`CoIo`](super::CoIo). Only types of May's have this trait.
pub trait Duplex: Through {}

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

/// The borrowed half of a stream that writes; made by its method `split`. Nothing happens to the stream when it is dropped.
///
/// # Examples
///
/// See [`ReadHalf`].
#[derive(Debug)]
pub struct WriteHalf<'a, S: Duplex>(&'a S);

/// The owned half of a stream that reads; made by its method `into_split`.
///
/// The stream is closed when both halves are dropped. Its other methods are at hand through `as_ref`.
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
/// When it is dropped, the other side is told that nothing more will come: the direction is shut down, as far as the stream is a
/// socket. That holds for clones of the stream, too. The stream is closed when both halves are dropped.
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

byte_reader!(['a, S: Duplex] ReadHalf<'a, S>, this => this.0);
byte_writer!(['a, S: Duplex] WriteHalf<'a, S>, this => this.0);
byte_reader!([S: Duplex] OwnedReadHalf<S>, this => this.0);
byte_writer!([S: Duplex] OwnedWriteHalf<S>, this => this.stream);

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

    /// Drops this half without telling the other side; the stream is still closed with the other half.
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
            // An error means that there is nobody to be told.
            let _ = self.stream.end_writing();
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
