//! What the bytes of a connection go over: a socket, or whatever is wrapped around one.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

use may::net::{Shutdown, TcpStream};
use may::select;
use may::sync::CancelToken;

/// A way for bytes in both directions. The server has one for plain connections; TLS is another.
pub trait Transport: fmt::Debug {
    /// Prepares for a conversation of gathered messages, in which no [`send`](Transport::send) may
    /// wait for longer than `limit`.
    ///
    /// # Errors
    ///
    /// If the socket cannot be set up.
    fn prepare(&mut self, limit: Duration) -> io::Result<()>;

    /// Waits for bytes and moves them into `buffer`, which is not empty; returns how many. That is
    /// 0 if there are no more, or if `stopping` is cancelled before some have come.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ErrorKind::TimedOut) at the deadline; an error of the connection.
    fn receive(
        &mut self,
        buffer: &mut [u8],
        deadline: Instant,
        stopping: Option<&CancelToken>,
    ) -> io::Result<usize>;

    /// Sends some of `bytes`; returns how many.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ErrorKind::TimedOut) if that has taken too long; otherwise what the operating
    /// system says.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Tells the other end that nothing more is sent. More may still be received.
    ///
    /// # Errors
    ///
    /// If the connection is broken.
    fn finish(&mut self) -> io::Result<()>;
}

impl Transport for &TcpStream {
    fn prepare(&mut self, limit: Duration) -> io::Result<()> {
        self.set_nodelay(true)?;
        self.set_write_timeout(Some(limit.max(Duration::from_millis(1))))
    }

    fn receive(
        &mut self,
        buffer: &mut [u8],
        deadline: Instant,
        stopping: Option<&CancelToken>,
    ) -> io::Result<usize> {
        let stream: &TcpStream = self;
        select! {
            biased;
            count = read(stream, buffer) => count,
            wait(stopping) => Ok(0),
            at(deadline) => Err(ErrorKind::TimedOut.into()),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write(bytes).map_err(timed_out)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

/// Gives the error of a timeout one name; that which std gives it differs between systems.
pub fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    }
}
