//! [`TcpListener`].

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::address::{ToSocketAddrs, each};
use super::stream::TcpStream;
use crate::coroutine::current;
use crate::io::attempt::More;
use crate::io::descriptor::Descriptor;
use crate::reactor::Direction;
use crate::sys::errno;
use crate::time::sleep;

/// Connections that may wait to be accepted; the system cuts it to its own limit (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;
/// The first pause after the system had no descriptor or memory for a connection, and the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// A socket that accepts TCP connections; the counterpart of `std::net::TcpListener`.
///
/// Any number of coroutines and threads may accept at once. A coroutine that accepts spreads what it spawns over the workers,
/// since connections live long and would otherwise all stay where they were accepted.
///
/// # Examples
///
/// See [`TcpStream`].
#[derive(Clone)]
pub struct TcpListener(Arc<Descriptor<std::net::TcpListener>>);

impl TcpListener {
    /// Listens on an address; if it stands for several, on the first that can be had. Port 0 takes any free one.
    ///
    /// Like std's this allows an address to be bound again at once after a restart (`SO_REUSEADDR`), and no more.
    ///
    /// # Errors
    ///
    /// That of the last address, or of the look-up of a name.
    pub fn bind<A: ToSocketAddrs>(address: A) -> io::Result<TcpListener> {
        each(address, |address| {
            let domain = Domain::for_address(*address);
            let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
            #[cfg(unix)]
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&(*address).into())?;
            socket.listen(BACKLOG)?;
            Ok(TcpListener::adopt(socket.into()))
        })
    }

    /// Takes over a listener that does not block.
    fn adopt(listener: std::net::TcpListener) -> TcpListener {
        TcpListener(Arc::new(Descriptor::new(listener)))
    }

    /// The address that this listens on.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().local_addr()
    }

    /// Another handle to the same listener. Unlike std's it takes no descriptor.
    ///
    /// # Errors
    ///
    /// None; the signature is std's.
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        Ok(self.clone())
    }

    /// Waits for a connection.
    ///
    /// A connection that was broken off before it could be accepted is passed over. If there is no descriptor or no memory for
    /// one, this tries again after a pause that grows from 5 ms to 1 s: the connection stays in the backlog meanwhile, and readiness
    /// would not be reported again.
    ///
    /// # Errors
    ///
    /// What the operating system says about the listener itself; `WouldBlock` if it was set to non-blocking (and then a lack of
    /// descriptors is an error, too).
    ///
    /// # Cancellation
    ///
    /// A coroutine that is cancelled while it waits unwinds; no connection was accepted then.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        if let Some(coroutine) = current::coroutine() {
            // SAFETY: (docs/safety.md, R1) the running coroutine's block lives while it runs.
            unsafe { coroutine.as_ref() }.mark_accepts();
        }
        let mut pause = BACK_OFF.0;
        loop {
            match self.0.attempt(Direction::Read, accept_nonblocking) {
                Ok((stream, address)) => return Ok((TcpStream::adopt(stream), address)),
                Err(error) if errno::is_lost_connection(&error) => {}
                Err(error) if errno::is_exhaustion(&error) && !self.0.is_nonblocking() => {
                    sleep(pause);
                    pause = (pause * 2).min(BACK_OFF.1);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Accepts connections one after the other, without end.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Sets the hops that a packet may take.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.get().set_ttl(ttl)
    }

    /// The hops that a packet may take.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.get().ttl()
    }

    /// Takes the error that is pending on the listener.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.get().take_error()
    }

    /// Chooses between waiting and returning `WouldBlock`. Counts for all handles of the listener; whoever waits now is woken.
    ///
    /// # Errors
    ///
    /// None; the signature is std's.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.0.set_nonblocking(nonblocking);
        Ok(())
    }
}

/// Accepts a connection if there is one, as a socket that does not block.
fn accept_nonblocking(
    listener: &std::net::TcpListener,
) -> io::Result<((std::net::TcpStream, SocketAddr), More)> {
    let (stream, address) = errno::accept(listener)?;
    Ok(((stream, address), More::Perhaps))
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}

super::conversions!(TcpListener, std::net::TcpListener);

/// Connections, one after the other; see [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl FusedIterator for Incoming<'_> {}
