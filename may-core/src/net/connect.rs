//! Opening a TCP connection, as an operation.

use std::io;
use std::net::{self, SocketAddr};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::stream::TcpStream;
use crate::io::call::{Calling, IoCall, More};
use crate::io::handle::Handle;
use crate::operation::{Known, Queued, Timed, operation};
use crate::reactor::Direction;
use crate::sys::socket;

operation! {
    /// Opening a TCP connection; from [`op::connect`](crate::op::connect). The socket belongs to
    /// the operation until it has happened, and is closed with it.
    pub struct Connect[][] => io::Result<TcpStream>
    as ConnectKind ConnectProjection {
        Fail(Timed<Known<io::Result<TcpStream>>>),
        Begin(Queued<Calling<Handle<net::TcpStream>, Handshake>>),
    }
}

impl Connect {
    /// Opening a connection to `address`.
    pub(crate) fn new(address: SocketAddr) -> Connect {
        Connect {
            kind: match open(address) {
                Ok(handshake) => ConnectKind::Begin {
                    operation: Queued::new(handshake),
                },
                Err(error) => ConnectKind::Fail {
                    operation: Timed::new(Known::new(Err(error))),
                },
            },
        }
    }
}

/// Makes a socket, and the call that connects it.
pub(super) fn open(address: SocketAddr) -> io::Result<Calling<Handle<net::TcpStream>, Handshake>> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    let socket = Handle::prepared(net::TcpStream::from(socket));
    let handshake = Handshake {
        socket: socket.clone(),
        address,
        has_begun: false,
    };
    Ok(Calling::new(socket, Direction::Write, handshake))
}

/// Connecting a socket.
pub(super) struct Handshake {
    socket: Handle<net::TcpStream>,
    address: SocketAddr,
    has_begun: bool,
}

impl IoCall for Handshake {
    type Output = TcpStream;

    fn call(&mut self) -> io::Result<(TcpStream, More)> {
        let socket = self.socket.get();
        if !self.has_begun {
            self.has_begun = true;
            begin(socket, self.address)?;
        }
        // Within a machine the connection is there by now.
        check(socket)?;
        Ok((TcpStream::from_handle(self.socket.clone()), More::Perhaps))
    }
}

/// Starts a connection.
fn begin(socket: &net::TcpStream, address: SocketAddr) -> io::Result<()> {
    match SockRef::from(socket).connect(&address.into()) {
        Err(error) if socket::is_connecting(&error) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            // Nothing is on its way: the system has no room for another connection.
            Err(io::Error::new(io::ErrorKind::AddrNotAvailable, error))
        }
        result => result,
    }
}

/// Asks how a connection that was started has come out. `WouldBlock` means that it is on its way.
fn check(socket: &net::TcpStream) -> io::Result<()> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error),
    }
}
