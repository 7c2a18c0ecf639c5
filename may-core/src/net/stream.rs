//! [`TcpStream`].

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::address::{ToSocketAddrs, each};
use crate::io::attempt::More;
use crate::io::descriptor::Descriptor;
use crate::reactor::Direction;
use crate::sys::errno;
use crate::util::clock::Deadline;

/// A TCP connection; the counterpart of `std::net::TcpStream`.
///
/// Any number of coroutines and threads may read and write at once, through `&TcpStream` or clones. A clone shares everything
/// with the original, timeouts included, and takes no other descriptor; the connection is closed when the last one is dropped.
///
/// # Cancellation
///
/// A coroutine that is cancelled while it waits in one of the methods unwinds; no byte was moved then.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use may_core::{net::{TcpListener, TcpStream}, spawn::spawn};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let server = spawn(move || {
///     let (mut stream, _) = listener.accept()?;
///     stream.write_all(b"hello")
/// });
/// let mut text = String::new();
/// TcpStream::connect(address)?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// server.join().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct TcpStream(Arc<Descriptor<std::net::TcpStream>>);

impl TcpStream {
    /// Takes over a connection that does not block.
    pub(super) fn adopt(stream: std::net::TcpStream) -> TcpStream {
        TcpStream(Arc::new(Descriptor::new(stream)))
    }

    /// Connects to an address; if it stands for several, to the first that accepts.
    ///
    /// # Errors
    ///
    /// That of the last address, or of the look-up of a name.
    pub fn connect<A: ToSocketAddrs>(address: A) -> io::Result<TcpStream> {
        each(address, |address| connect(address, Deadline::NEVER))
    }

    /// Connects to one address, waiting for at most `timeout`.
    ///
    /// # Errors
    ///
    /// `TimedOut` if the time is over, `InvalidInput` if it is zero, as std's; else what the connection failed of.
    pub fn connect_timeout(address: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "cannot connect within no time: give a timeout above zero",
            ));
        }
        connect(address, Deadline::after(timeout))
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// What the operating system says, for example that the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().peer_addr()
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().local_addr()
    }

    /// Ends one or both directions. Whoever waits in a direction that ends is woken.
    ///
    /// # Errors
    ///
    /// What the operating system says, for example that the connection is gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.get().shutdown(how)
    }

    /// Another handle to the same connection. Unlike std's it takes no descriptor.
    ///
    /// # Errors
    ///
    /// None; the signature is std's.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(self.clone())
    }

    /// Sets for how long a read waits; `None` for ever. Counts for all handles of the connection. After it the read returns
    /// `WouldBlock`, as std's does on Unix.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.set_timeout(Direction::Read, timeout)
    }

    /// Sets for how long a write waits; `None` for ever. Counts for all handles of the connection. After it the write returns
    /// `WouldBlock`, as std's does on Unix.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.set_timeout(Direction::Write, timeout)
    }

    /// For how long a read waits.
    ///
    /// # Errors
    ///
    /// None; the signature is std's.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.0.timeout(Direction::Read))
    }

    /// For how long a write waits.
    ///
    /// # Errors
    ///
    /// None; the signature is std's.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.0.timeout(Direction::Write))
    }

    /// Receives without taking the bytes out: the next read gets them again.
    ///
    /// # Errors
    ///
    /// Those of a read.
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        // What was peeked at is still there, so a short count says nothing.
        self.0.attempt(Direction::Read, |stream| Ok((stream.peek(buffer)?, More::Perhaps)))
    }

    /// Sets whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.get().set_nodelay(nodelay)
    }

    /// Whether small writes are sent at once.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.get().nodelay()
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

    /// Takes the error that is pending on the connection.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.get().take_error()
    }

    /// Chooses between waiting and returning `WouldBlock`. Counts for all handles of the connection; whoever waits now is woken.
    ///
    /// # Errors
    ///
    /// None; the signature is std's.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.0.set_nonblocking(nonblocking);
        Ok(())
    }
}

/// Connects to one address.
fn connect(address: &SocketAddr, deadline: Deadline) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(*address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    let pending = match socket.connect(&(*address).into()) {
        Ok(()) => false,
        // Interrupted counts, too: the connection goes on being made.
        Err(error)
            if error.raw_os_error() == Some(errno::IN_PROGRESS)
                || matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
        {
            true
        }
        Err(error) => return Err(error),
    };
    let stream = TcpStream::adopt(socket.into());
    if pending {
        stream.0.attempt_until(Direction::Write, deadline, is_connected)?;
    }
    Ok(stream)
}

/// Whether a connection that was begun has been made, as a call that would block as long as it is under way.
fn is_connected(stream: &std::net::TcpStream) -> io::Result<((), More)> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(((), More::Perhaps)),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error),
    }
}

impl Read for &TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.transfer(Direction::Read, buffer.len(), |mut stream| stream.read(buffer))
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let length = buffers.iter().map(|buffer| buffer.len()).sum();
        self.0.transfer(Direction::Read, length, |mut stream| stream.read_vectored(buffers))
    }
}

impl Write for &TcpStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.transfer(Direction::Write, buffer.len(), |mut stream| stream.write(buffer))
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let length = buffers.iter().map(|buffer| buffer.len()).sum();
        self.0.transfer(Direction::Write, length, |mut stream| stream.write_vectored(buffers))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }
}

impl Write for TcpStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        (&*self).write(buffer)
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(buffers)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}

super::conversions!(TcpStream, std::net::TcpStream);
