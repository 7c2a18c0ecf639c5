//! Accepting connections within a machine.

use std::io;
use std::iter::FusedIterator;
use std::os::fd::OwnedFd;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

use super::stream::UnixStream;
use crate::io::handle::{Handle, socket_type};
use crate::io::poll::readable;
use crate::io::{AcceptFrom, Descriptor, HasDescriptor, IoCall, IoOperation};
use crate::sys::socket::Address;
use crate::sys::unix_address;

/// A socket that connections within the machine come to, like [`std::os::unix::net::UnixListener`].
///
/// Any number of coroutines and threads may accept from one listener, through shared references or
/// [clones](UnixListener::try_clone). The name that was bound stays in the file system when the
/// listener is closed.
///
/// # Examples
///
/// ```no_run
/// use std::io::Write;
///
/// use may::os::unix::net::UnixListener;
/// use may::coroutine;
///
/// let listener = UnixListener::bind("/run/service.socket")?;
/// for stream in &listener {
///     let mut stream = stream?;
///     coroutine::spawn(move || stream.write_all(b"hello"));
/// }
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct UnixListener {
    descriptor: Handle<net::UnixListener>,
}

socket_type!(
    UnixListener,
    net::UnixListener,
    "let path = std::env::temp_dir().join(format!(\"may-listener-{}-{}\", std::process::id(), line!()));
let _ = std::fs::remove_file(&path);
let socket = may::os::unix::net::UnixListener::bind(&path)?;
std::fs::remove_file(&path)?;"
);
readable!([] UnixListener);

impl HasDescriptor for UnixListener {
    type Raw = net::UnixListener;

    fn descriptor(&self) -> &Descriptor<net::UnixListener> {
        &self.descriptor
    }
}

impl UnixListener {
    /// Makes a listener at a path, where nothing must be yet.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if something is there, be it the socket of a listener that has gone; otherwise
    /// what the operating system says.
    ///
    /// # Examples
    ///
    /// See [`UnixListener`].
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        UnixListener::try_from(net::UnixListener::bind(path)?)
    }

    /// Makes a listener at an address, which may be an abstract one on Linux.
    ///
    /// # Errors
    ///
    /// As for [`bind`](UnixListener::bind).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(target_os = "linux")]
    /// # {
    /// use may::os::linux::net::SocketAddrExt;
    /// use may::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    ///
    /// let address = SocketAddr::from_abstract_name(format!("an example {}", std::process::id()))?;
    /// let listener = UnixListener::bind_addr(&address)?;
    /// let stream = UnixStream::connect_addr(&address)?;
    /// let (_, peer) = listener.accept()?;
    /// assert!(peer.is_unnamed());
    /// # }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixListener> {
        UnixListener::try_from(net::UnixListener::bind_addr(socket_addr)?)
    }

    /// The address at which connections are accepted.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// See [`bind_addr`](UnixListener::bind_addr).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner().local_addr()
    }

    /// Waits for a connection and accepts it, in the way of
    /// [`TcpListener::accept`](crate::net::TcpListener::accept): also if there are no descriptors
    /// for a while, and with the effect that what the calling coroutine spawns from now on is
    /// spread over the workers.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the listener was set to non-blocking; otherwise what the operating system
    /// says of the listener itself.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits; no connection has been accepted then.
    ///
    /// # Examples
    ///
    /// See [`bind_addr`](UnixListener::bind_addr).
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        connection(self.descriptor.accept()?)
    }

    /// Accepts a connection, as a future that any executor can poll. If it is dropped none was
    /// accepted.
    ///
    /// # Errors
    ///
    /// What the operating system says of the listener, a shortage of descriptors included, for
    /// which [`accept`](UnixListener::accept) waits.
    pub fn accept_async(&self) -> impl Future<Output = io::Result<(UnixStream, SocketAddr)>> {
        self.descriptor.accept_operation(connection).into_future()
    }

    /// An iterator over the connections that come, which calls [`accept`](UnixListener::accept) and
    /// never ends.
    ///
    /// # Cancellation
    ///
    /// As for [`accept`](UnixListener::accept).
    ///
    /// # Examples
    ///
    /// See [`UnixListener`], which is iterated over by that.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }
}

/// What was accepted, for the user.
fn connection((socket, peer): (OwnedFd, Address)) -> io::Result<(UnixStream, SocketAddr)> {
    Ok((
        UnixStream::from_prepared(socket),
        unix_address::from_system(Some(&peer))?,
    ))
}

impl AcceptFrom for UnixListener {
    type Connection = (UnixStream, SocketAddr);

    fn accept_operation(
        &self,
    ) -> Option<IoOperation<'_, impl IoCall<Output = (UnixStream, SocketAddr)>>> {
        Some(self.descriptor.accept_operation(connection))
    }
}

impl<'a> IntoIterator for &'a UnixListener {
    type Item = io::Result<UnixStream>;
    type IntoIter = Incoming<'a>;

    fn into_iter(self) -> Incoming<'a> {
        self.incoming()
    }
}

/// The connections that come to a [`UnixListener`]; made by [`UnixListener::incoming`].
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Incoming<'a> {
    listener: &'a UnixListener,
}

/// # Cancellation
///
/// As for [`UnixListener::accept`].
impl Iterator for Incoming<'_> {
    type Item = io::Result<UnixStream>;

    fn next(&mut self) -> Option<io::Result<UnixStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

impl FusedIterator for Incoming<'_> {}
