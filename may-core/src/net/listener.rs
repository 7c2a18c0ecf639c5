//! Accepting TCP connections.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::address::{ToSocketAddrs, each};
use super::stream::TcpStream;
use crate::coroutine::current;
use crate::io::attempt::More;
use crate::io::descriptor::Descriptor;
use crate::park;
use crate::reactor::Direction;
use crate::sys::{descriptor, socket};
use crate::util::clock::Deadline;

/// How many connections may wait to be accepted; the operating system lowers it to its own bound.
const BACKLOG: i32 = 4096;
/// The first pause of an accept for which there was no descriptor or memory, and the longest. Each is twice the one before.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// A socket that TCP connections come to, like [`std::net::TcpListener`].
///
/// Any number of coroutines and threads may accept from one listener, through shared references or
/// [clones](TcpListener::try_clone).
///
/// # Examples
///
/// An echo server:
///
/// ```no_run
/// use std::io::{Read, Write};
///
/// use may_core::net::TcpListener;
/// use may_core::spawn;
///
/// let listener = TcpListener::bind("127.0.0.1:8000")?;
/// for stream in listener.incoming() {
///     let mut stream = stream?;
///     spawn::spawn(move || {
///         let mut buffer = [0; 4096];
///         while let Ok(length @ 1..) = stream.read(&mut buffer) {
///             if stream.write_all(&buffer[..length]).is_err() {
///                 break;
///             }
///         }
///     });
/// }
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct TcpListener {
    descriptor: Arc<Descriptor<Listening>>,
}

// Whoever unwinds out of a call leaves a socket behind that is as good as before: no call changes it halfway.
impl UnwindSafe for TcpListener {}
impl RefUnwindSafe for TcpListener {}

/// The socket of a listener.
struct Listening {
    listener: net::TcpListener,
    /// The socket's mode is not ours: accepting might block, so each call is preceded by a question.
    asks_first: AtomicBool,
}

impl Listening {
    /// Accepts a connection, without ever waiting for one.
    fn accept(&self) -> io::Result<(OwnedFd, SocketAddr)> {
        if self.asks_first.load(Ordering::Relaxed) && !descriptor::is_readable(self.as_fd())? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        socket::accept(&self.listener)
    }
}

impl AsFd for Listening {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl TcpListener {
    /// Makes a listener at the first of the addresses that can be had; port 0 lets the operating system choose.
    ///
    /// As with std on Unix, `SO_REUSEADDR` is set, so that a server can be started again at once; `SO_REUSEPORT` is not. Up to 4096
    /// connections may wait to be accepted, or as many as the operating system allows.
    ///
    /// # Errors
    ///
    /// That of the last address, that of the look-up of the name, or `InvalidInput` if there are no addresses.
    ///
    /// # Examples
    ///
    /// ```
    /// use may_core::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        each(addr, |address| {
            let socket = Socket::new(
                Domain::for_address(*address),
                Type::STREAM,
                Some(Protocol::TCP),
            )?;
            // On Windows the option has another meaning.
            #[cfg(unix)]
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&(*address).into())?;
            socket.listen(BACKLOG)?;
            Ok(TcpListener::wrap(socket.into(), false))
        })
    }

    /// Wraps a listener, in non-blocking mode unless accepting is to ask first.
    fn wrap(listener: net::TcpListener, asks_first: bool) -> TcpListener {
        let asks_first = AtomicBool::new(asks_first);
        TcpListener {
            descriptor: Arc::new(Descriptor::new(Listening {
                listener,
                asks_first,
            })),
        }
    }

    /// Takes a listener over as it is.
    fn adopt(listener: net::TcpListener) -> TcpListener {
        let mode_is_ours = descriptor::is_mode_ours(listener.as_fd());
        if mode_is_ours {
            // An error means that the descriptor is no such socket; each later call will say so.
            let _ = listener.set_nonblocking(true);
        }
        TcpListener::wrap(listener, !mode_is_ours)
    }

    /// Gives the listener away as std would have left it: in blocking mode unless the user asked for the other.
    ///
    /// # Errors
    ///
    /// If there are clones, the socket is duplicated, for which there may be no descriptor left.
    fn release(self) -> io::Result<net::TcpListener> {
        let nonblocking = self.descriptor.is_nonblocking();
        let listener = match Arc::try_unwrap(self.descriptor) {
            Ok(descriptor) => descriptor.into_inner().listener,
            Err(shared) => {
                let duplicate = shared.get().listener.try_clone()?;
                // The mode that is set below is the clones', too.
                shared.get().asks_first.store(true, Ordering::Relaxed);
                duplicate
            }
        };
        if descriptor::is_mode_ours(listener.as_fd()) {
            let _ = listener.set_nonblocking(nonblocking);
        }
        Ok(listener)
    }

    /// The socket.
    fn inner(&self) -> &net::TcpListener {
        &self.descriptor.get().listener
    }

    /// The address at which connections are accepted.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// See [`bind`](TcpListener::bind).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner().local_addr()
    }

    /// Another handle of the same listener; the non-blocking setting is common to all.
    ///
    /// No descriptor is duplicated, so this never fails, and all handles have the same number.
    ///
    /// # Errors
    ///
    /// None; the type is std's.
    ///
    /// # Examples
    ///
    /// ```
    /// use may_core::net::{TcpListener, TcpStream};
    /// use may_core::spawn;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let clone = listener.try_clone()?;
    /// let acceptor = spawn::spawn(move || clone.accept().map(|(_, peer)| peer));
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// assert_eq!(acceptor.join().unwrap()?, stream.local_addr()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        Ok(TcpListener {
            descriptor: self.descriptor.clone(),
        })
    }

    /// Waits for a connection and accepts it.
    ///
    /// A connection that its peer has given up is passed over. If the process or the system has no descriptor or no memory for
    /// another connection, this tries again after 5 ms, then after pauses that double up to a second: connections wait meanwhile,
    /// and those that are open go on. (With [`set_nonblocking`](TcpListener::set_nonblocking) the error is returned.)
    ///
    /// What the calling coroutine spawns from now on is spread over the workers, because connections live long and would otherwise
    /// all stay with the worker that accepts.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the listener was set to non-blocking; otherwise what the operating system says of the listener itself.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits; no connection has been accepted then.
    ///
    /// # Examples
    ///
    /// ```
    /// use may_core::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(listener.local_addr()?)?;
    /// let (stream, peer) = listener.accept()?;
    /// assert_eq!(peer, client.local_addr()?);
    /// assert_eq!(stream.local_addr()?, client.peer_addr()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let mut pause = PAUSE.0;
        loop {
            let accepted = self.descriptor.attempt(Direction::Read, |listening| {
                listening
                    .accept()
                    .map(|connection| (connection, More::Perhaps))
            });
            match accepted {
                Ok((socket, peer)) => {
                    mark_acceptor();
                    return Ok((TcpStream::from_prepared(socket), peer));
                }
                Err(error) if socket::is_passing(&error) => {}
                Err(error) if socket::is_shortage(&error) && !self.descriptor.is_nonblocking() => {
                    park::sleep_until(Deadline::after(pause));
                    pause = (pause * 2).min(PAUSE.1);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The socket, as an arm of a `select!` needs it.
    pub(super) fn descriptor(&self) -> &Descriptor<impl AsFd> {
        &self.descriptor
    }

    /// Accepts a connection if one is there. (A shortage of descriptors is an error here: who selects has other things to do.)
    pub(super) fn accept_now(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            match self.descriptor.get().accept() {
                Ok((socket, peer)) => {
                    mark_acceptor();
                    return Ok((TcpStream::from_prepared(socket), peer));
                }
                Err(error) if socket::is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// An iterator over the connections that come, which calls [`accept`](TcpListener::accept) and never ends.
    ///
    /// # Cancellation
    ///
    /// As for [`accept`](TcpListener::accept).
    ///
    /// # Examples
    ///
    /// See [`TcpListener`].
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Sets how many routers a packet may pass (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// ```
    /// let listener = may_core::net::TcpListener::bind("127.0.0.1:0")?;
    /// listener.set_ttl(100)?;
    /// assert_eq!(listener.ttl()?, 100);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.inner().set_ttl(ttl)
    }

    /// How many routers a packet may pass.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// See [`set_ttl`](TcpListener::set_ttl).
    pub fn ttl(&self) -> io::Result<u32> {
        self.inner().ttl()
    }

    /// Deprecated in std, and here for its programs: the option has an effect only before a socket is bound.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    #[deprecated(note = "this option can only be set before the socket is bound")]
    #[allow(deprecated)]
    pub fn set_only_v6(&self, only_v6: bool) -> io::Result<()> {
        self.inner().set_only_v6(only_v6)
    }

    /// Deprecated in std, and here for its programs: the option has an effect only before a socket is bound.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    #[deprecated(note = "this option can only be set before the socket is bound")]
    #[allow(deprecated)]
    pub fn only_v6(&self) -> io::Result<bool> {
        self.inner().only_v6()
    }

    /// The error that waits on the socket (`SO_ERROR`), which this takes away.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Examples
    ///
    /// ```
    /// let listener = may_core::net::TcpListener::bind("127.0.0.1:0")?;
    /// assert!(listener.take_error()?.is_none());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner().take_error()
    }

    /// Sets whether [`accept`](TcpListener::accept) fails with [`WouldBlock`](io::ErrorKind::WouldBlock) instead of waiting. Whoever
    /// waits at the moment fails, too. Connections that are accepted do not inherit it.
    ///
    /// # Errors
    ///
    /// None; the type is std's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// let listener = may_core::net::TcpListener::bind("127.0.0.1:0")?;
    /// listener.set_nonblocking(true)?;
    /// assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.descriptor.set_nonblocking(nonblocking);
        Ok(())
    }
}

/// Notes that the calling coroutine accepts connections, so that what it spawns is spread over the workers.
fn mark_acceptor() {
    if let Some(coroutine) = current::coroutine() {
        // SAFETY: (docs/safety.md, R1) the running coroutine's block lives while it runs.
        unsafe { coroutine.as_ref() }.mark_accepts();
    }
}

/// The connections that come to a [`TcpListener`]; made by [`TcpListener::incoming`].
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

/// # Cancellation
///
/// As for [`TcpListener::accept`].
impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl FusedIterator for Incoming<'_> {}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner().fmt(f)
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner().as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.inner().as_raw_fd()
    }
}

impl FromRawFd for TcpListener {
    unsafe fn from_raw_fd(fd: RawFd) -> TcpListener {
        // SAFETY: (docs/safety.md, system calls) the caller owns the descriptor, as the trait asks.
        TcpListener::from(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

impl IntoRawFd for TcpListener {
    /// # Panics
    ///
    /// If there are clones and the process has no descriptor left for a duplicate.
    fn into_raw_fd(self) -> RawFd {
        OwnedFd::from(self).into_raw_fd()
    }
}

impl From<OwnedFd> for TcpListener {
    fn from(owned: OwnedFd) -> TcpListener {
        TcpListener::adopt(net::TcpListener::from(owned))
    }
}

impl From<TcpListener> for OwnedFd {
    /// # Panics
    ///
    /// If there are clones and the process has no descriptor left for a duplicate. `std::net::TcpListener::try_from` returns an
    /// error then.
    fn from(listener: TcpListener) -> OwnedFd {
        match listener.release() {
            Ok(listener) => listener.into(),
            Err(error) => panic!("a listener that has clones could not be duplicated: {error}"),
        }
    }
}

impl TryFrom<net::TcpListener> for TcpListener {
    type Error = io::Error;

    /// # Errors
    ///
    /// None at present.
    fn try_from(listener: net::TcpListener) -> io::Result<TcpListener> {
        Ok(TcpListener::adopt(listener))
    }
}

impl TryFrom<TcpListener> for net::TcpListener {
    type Error = io::Error;

    /// # Errors
    ///
    /// If there are clones and the process has no descriptor left for a duplicate.
    fn try_from(listener: TcpListener) -> io::Result<net::TcpListener> {
        listener.release()
    }
}
