//! A connection, as futures poll it.

use std::{
    io::{self, ErrorKind, Read, Write},
    pin::Pin,
    task::{Context, Poll, ready},
};

use may::net::TcpStream;
use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::TlsStream;

/// The socket while it is polled: rustls reads and writes it by std's traits, in which `WouldBlock`
/// says that it is not ready. The caller of the poll is woken then.
struct Polled<'a, 'c> {
    socket: &'a TcpStream,
    context: &'a mut Context<'c>,
}

impl Read for Polled<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        or_would_block(self.socket.poll_read(self.context, buffer))
    }
}

impl Write for Polled<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_would_block(self.socket.poll_write(self.context, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says `WouldBlock` instead of `Pending`.
fn or_would_block<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

/// Says `Pending` instead of `WouldBlock`.
fn or_pending<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}

impl TlsStream {
    /// Sends what rustls has ready to be sent.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (tls, mut polled) = self.polled(context);
        while tls.wants_write() {
            ready!(or_pending(tls.write_tls(&mut polled)))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Takes what has arrived at the socket.
    fn poll_take(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (tls, mut polled) = self.polled(context);
        ready!(or_pending(tls.read_tls(&mut polled)))?;
        let processed = tls.process_new_packets();
        // A client may ask for new keys, or is to know what was wrong. What cannot be sent now is
        // sent before the next bytes are.
        let sent = self.poll_send(context);
        processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        match sent {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// The two parts.
    fn polled<'a, 'c>(
        &'a mut self,
        context: &'a mut Context<'c>,
    ) -> (&'a mut ServerConnection, Polled<'a, 'c>) {
        let socket = &self.socket;
        (&mut self.tls, Polled { socket, context })
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            // It is an error if the connection ends without TLS's own end: somebody may have cut it
            // off.
            match self.tls.reader().read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                received => {
                    buffer.advance(received?);
                    return Poll::Ready(Ok(()));
                }
            }
            ready!(self.poll_take(context))?;
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // When all that was written before has gone, rustls has room for more.
        ready!(self.poll_send(context))?;
        let count = self.tls.writer().write(bytes)?;
        match self.poll_send(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(count)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ended {
            self.ended = true;
            self.tls.send_close_notify();
        }
        ready!(self.poll_send(context))?;
        Pin::new(&mut &self.socket).poll_shutdown(context)
    }
}
