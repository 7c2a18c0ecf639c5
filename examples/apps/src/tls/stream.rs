//! A connection, and how the HTTP server of the examples uses it.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::Shutdown,
    sync::Arc,
    time::{Duration, Instant},
};

use may::{net::TcpStream, select, sync::CancelToken, time};
use may_http_example::{Transport, transport::timed_out};
use rustls::{ServerConfig, ServerConnection};

/// The server's end of a TLS connection.
#[derive(Debug)]
pub struct TlsStream {
    pub(super) tls: ServerConnection,
    pub(super) socket: TcpStream,
    /// Whether the client has been told that nothing more is sent.
    pub(super) ended: bool,
}

impl TlsStream {
    /// Greets a client, which must not take longer than `limit`. None if `stopping` is cancelled
    /// before the client has said anything.
    ///
    /// # Errors
    ///
    /// If the client does not speak TLS, or not in a way that `config` allows, or takes too long.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits.
    pub fn accept(
        mut socket: TcpStream,
        config: Arc<ServerConfig>,
        limit: Duration,
        stopping: &CancelToken,
    ) -> io::Result<Option<TlsStream>> {
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        socket.set_nodelay(true)?;
        let greeted = time::timeout(limit, || {
            select! {
                ready = readable(socket) => ready?,
                wait(stopping) => return Ok(false),
            }
            // rustls tells the client what was wrong before this fails.
            tls.complete_io(&mut socket).map(|_| true)
        });
        let greeted = greeted.unwrap_or_else(|elapsed| Err(elapsed.into()))?;
        Ok(greeted.then_some(TlsStream {
            tls,
            socket,
            ended: false,
        }))
    }

    /// The protocol that both ends agreed on, if they talked about that.
    #[must_use]
    pub fn protocol(&self) -> Option<&[u8]> {
        self.tls.alpn_protocol()
    }

    /// The socket below.
    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Sends what rustls has ready to be sent.
    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.socket).map_err(timed_out)?;
        }
        Ok(())
    }

    /// Takes what has arrived at the socket, which is ready to be read.
    fn take(&mut self) -> io::Result<()> {
        self.tls.read_tls(&mut self.socket)?;
        if let Err(error) = self.tls.process_new_packets() {
            // The client is to know why. It may be gone.
            let _ = self.flush();
            return Err(io::Error::new(ErrorKind::InvalidData, error));
        }
        // A client may ask for new keys.
        self.flush()
    }
}

impl Transport for TlsStream {
    fn prepare(&mut self, patience: Duration) -> io::Result<()> {
        (&mut &self.socket).prepare(patience)
    }

    fn receive(
        &mut self,
        buffer: &mut [u8],
        deadline: Instant,
        stopping: Option<&CancelToken>,
    ) -> io::Result<usize> {
        loop {
            // It is an error if the connection ends without TLS's own end: somebody may have cut it
            // off.
            match self.tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                received => return received,
            }
            select! {
                biased;
                ready = readable(self.socket) => ready?,
                wait(stopping) => return Ok(0),
                at(deadline) => return Err(ErrorKind::TimedOut.into()),
            }
            self.take()?;
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.tls.writer().write(bytes)?;
        self.flush()?;
        Ok(count)
    }

    fn finish(&mut self) -> io::Result<()> {
        if !self.ended {
            self.ended = true;
            self.tls.send_close_notify();
        }
        self.flush()?;
        self.socket.shutdown(Shutdown::Write)
    }
}
