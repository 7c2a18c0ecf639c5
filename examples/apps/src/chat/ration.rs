//! How much of a socket is read within a second.

use std::{
    io::{self, ErrorKind, Read, Write},
    time::{Duration, Instant},
};

use may::net::TcpStream;

/// A socket in non-blocking mode that gives no more within a second than its guest may send.
///
/// tungstenite reads until it has a message or the socket has no more. So one endless message of
/// empty fragments, which no limit of a message's length catches, would be read for as long as the
/// guest likes to send it, at the cost of hundreds of frames for each call of the operating system.
/// Nothing of that would get back to the guest's `select!`, which pings and tells it what others
/// say.
#[derive(Debug)]
pub(super) struct Ration {
    stream: TcpStream,
    /// How many bytes a second.
    most: u64,
    /// A second, and how many bytes were read in it.
    second: Instant,
    taken: u64,
}

impl Ration {
    /// Wraps a socket, of which at most so many bytes a second are read.
    pub(super) fn new(stream: TcpStream, most: u64) -> Ration {
        Ration {
            stream,
            most,
            second: Instant::now(),
            taken: 0,
        }
    }

    /// The socket.
    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Whether all has been read that may be for now: then the socket seems to have no more.
    pub(super) fn is_used_up(&self) -> bool {
        self.taken >= self.most
    }
}

impl Read for Ration {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.second = Instant::now();
            self.taken = 0;
        }
        if self.is_used_up() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = self.stream.read(buffer)?;
        self.taken += count as u64;
        Ok(count)
    }
}

impl Write for Ration {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
