//! Opening connections and moving bytes.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    sync::{Arc, Weak},
    time::Duration,
};

use may::{net::TcpStream, time};
use ureq::{
    Error,
    unversioned::transport::{
        Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, ShutdownHandle, Transport,
    },
};

/// Opens connections over TCP.
#[derive(Debug, Default)]
pub struct MayConnector(());

impl Connector for MayConnector {
    type Out = MayTransport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _nothing_before: Option<()>,
    ) -> Result<Option<MayTransport>, Error> {
        let stream = within(details.timeout, || {
            let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            for address in &details.addrs {
                match TcpStream::connect(address) {
                    Ok(stream) => return Ok(stream),
                    Err(error) => last = error,
                }
            }
            Err(last)
        })?;
        stream.set_nodelay(details.config.no_delay())?;

        let socket = Arc::new(Socket(stream));
        let handle: Weak<dyn ShutdownHandle> = Arc::<Socket>::downgrade(&socket);
        (details.register_shutdown)(handle)?;
        Ok(Some(MayTransport {
            socket,
            buffers: LazyBuffers::new(
                details.config.input_buffer_size(),
                details.config.output_buffer_size(),
            ),
        }))
    }
}

/// A connection.
#[derive(Debug)]
pub struct MayTransport {
    socket: Arc<Socket>,
    buffers: LazyBuffers,
}

/// The socket of a connection, which the agent shuts down when it is shut down itself.
#[derive(Debug)]
struct Socket(TcpStream);

impl ShutdownHandle for Socket {
    fn shutdown(&self) {
        // It may be closed already, and then there is nothing to do.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Transport for MayTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let output = &self.buffers.output()[..amount];
        let mut stream = &self.socket.0;
        within(timeout.for_write(), || stream.write_all(output))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let buffer = self.buffers.input_append_buf();
        let mut stream = &self.socket.0;
        let length = within(timeout.for_read(), || stream.read(buffer))?;
        self.buffers.input_appended(length);
        Ok(length > 0)
    }

    /// Says whether the server has neither closed the connection nor sent what nobody has asked
    /// for.
    fn is_open(&mut self) -> bool {
        let stream = &self.socket.0;
        let peek = || {
            stream.set_nonblocking(true)?;
            let seen = stream.peek(&mut [0]);
            stream.set_nonblocking(false)?;
            seen
        };
        peek().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Does `f` within the time that ureq leaves for it.
pub(super) fn within<T>(
    timeout: NextTimeout,
    f: impl FnOnce() -> io::Result<T>,
) -> Result<T, Error> {
    if timeout.after.is_not_happening() {
        return Ok(f()?);
    }
    let left: Duration = *timeout.after;
    match time::timeout(left, f) {
        Ok(result) => Ok(result?),
        Err(_) => Err(Error::Timeout(timeout.reason)),
    }
}
