//! Sending a datagram within the machine, as an operation.
//!
//! Whether a socket is writable depends on the one that it is connected with, and on no other. So
//! if the socket at the address has no room, another one is asked, which is made and connected for
//! this.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net;
use std::pin::Pin;

use pin_project_lite::pin_project;
use socket2::{Domain, Socket, Type};

use crate::io::call::{Calling, IoCall, More, is_ready};
use crate::io::handle::Handle;
use crate::io::{Descriptor, Polled};
use crate::operation::{Caller, Needs, OpFuture, Operation, Queued, Registration};
use crate::reactor::Direction;
use crate::sys::socket::Address;
use crate::sys::{descriptor, socket};

pin_project! {
    /// Sending a datagram to an address; from [`op::send_to`](crate::op::send_to).
    #[must_use = "an operation does nothing until it is waited for"]
    pub struct SendTo<'a> {
        // Sending through the socket itself.
        #[pin]
        here: Queued<Calling<&'a Polled, Sending<'a>>>,
        // There being room where the datagram is to go: made when there was none, and kept then.
        there: Option<Pin<Box<Queued<Calling<Handle<Socket>, Room>>>>>,
        // The last attempt has found no room there.
        waits_there: bool,
    }
}

/// Sending through the socket itself.
struct Sending<'a> {
    descriptor: &'a Descriptor<net::UnixDatagram>,
    buffer: &'a [u8],
    /// The outcome if it is an error.
    address: io::Result<Address>,
    obeys_nonblocking: bool,
}

/// How sending has come out.
enum Sent {
    Bytes(usize),
    /// There is room in our socket, but not where the datagram is to go.
    NoRoomThere,
}

impl Sending<'_> {
    /// Where the datagram is to go.
    fn address(&self) -> io::Result<&Address> {
        let address = self.address.as_ref();
        // The operation may be tried again.
        address.map_err(|error| io::Error::new(error.kind(), error.to_string()))
    }
}

impl IoCall for Sending<'_> {
    type Output = Sent;

    fn call(&mut self) -> io::Result<(Sent, More)> {
        let socket = self.descriptor.get().as_fd();
        let refuses = self.obeys_nonblocking && self.descriptor.is_nonblocking();
        let sent = match socket::send_to(socket, self.buffer, self.address()?) {
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock
                    && !refuses
                    && descriptor::is_writable(socket)? =>
            {
                Sent::NoRoomThere
            }
            sent => Sent::Bytes(sent?),
        };
        Ok((sent, More::Perhaps))
    }
}

/// There being room in the socket that this one is connected with.
struct Room(Handle<Socket>);

impl Room {
    /// There being room at `address`.
    fn at(address: &Address) -> io::Result<Calling<Handle<Socket>, Room>> {
        let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
        socket.connect(address)?;
        let socket = Handle::prepared(socket);
        Ok(Calling::new(socket.clone(), Direction::Write, Room(socket)))
    }
}

impl IoCall for Room {
    type Output = ();

    fn call(&mut self) -> io::Result<((), More)> {
        is_ready(self.0.get(), Direction::Write)
    }
}

impl<'a> SendTo<'a> {
    /// Sending `buffer` to `address`. If `obeys_nonblocking`, a socket that was set to non-blocking
    /// is not waited for.
    pub(super) fn new(
        descriptor: &'a Descriptor<net::UnixDatagram>,
        buffer: &'a [u8],
        address: io::Result<Address>,
        obeys_nonblocking: bool,
    ) -> SendTo<'a> {
        let call = Sending {
            descriptor,
            buffer,
            address,
            obeys_nonblocking,
        };
        let polled = descriptor.polled();
        let here = match obeys_nonblocking {
            true => Calling::obeying(polled, Direction::Write, call),
            false => Calling::new(polled, Direction::Write, call),
        };
        SendTo {
            here: Queued::new(here),
            there: None,
            waits_there: false,
        }
    }
}

/// How many bytes were sent, unless there is no room there.
fn bytes(sent: io::Result<Sent>) -> Option<io::Result<usize>> {
    match sent {
        Ok(Sent::Bytes(bytes)) => Some(Ok(bytes)),
        Ok(Sent::NoRoomThere) => None,
        Err(error) => Some(Err(error)),
    }
}

impl Operation for SendTo<'_> {
    fn attempt(self: Pin<&mut Self>, by: Caller) -> Option<io::Result<usize>> {
        let mut this = self.project();
        loop {
            if *this.waits_there {
                let there = match this.there {
                    Some(there) => there,
                    None => match this.here.queueing().call().address().and_then(Room::at) {
                        Ok(room) => this.there.insert(Box::pin(Queued::new(room))),
                        Err(error) => return Some(Err(error)),
                    },
                };
                if let Err(error) = there.as_mut().attempt(by)? {
                    return Some(Err(error));
                }
            }
            let sent = bytes(this.here.as_mut().attempt(by)?);
            *this.waits_there = sent.is_none();
            if sent.is_some() {
                return sent;
            }
        }
    }

    fn register(self: Pin<&mut Self>, by: &Registration) -> bool {
        let this = self.project();
        match (*this.waits_there, this.there) {
            (true, Some(there)) => there.as_mut().register(by),
            _ => this.here.register(by),
        }
    }

    fn withdraw(mut self: Pin<&mut Self>, by: Caller) -> Option<io::Result<usize>> {
        let mut this = self.as_mut().project();
        let sent = match (*this.waits_there, this.there) {
            (true, Some(there)) => match there.as_mut().withdraw(by)? {
                Ok(()) => None,
                Err(error) => return Some(Err(error)),
            },
            _ => bytes(this.here.as_mut().withdraw(by)?),
        };
        // Woken because of room there, or of room here, which has shown that there is none there.
        *this.waits_there |= sent.is_none();
        sent.or_else(|| self.attempt(by))
    }

    fn abandon(self: Pin<&mut Self>) {
        let this = self.project();
        this.here.abandon();
        if let Some(there) = this.there {
            there.as_mut().abandon();
        }
    }

    fn is_committed(&self) -> bool {
        self.here.is_committed()
            || self
                .there
                .as_ref()
                .is_some_and(|there| there.is_committed())
    }

    fn needs(&self) -> Needs {
        self.here.needs()
    }

    fn at_deadline(self: Pin<&mut Self>) -> Option<io::Result<usize>> {
        bytes(self.project().here.at_deadline()?)
    }

    fn cancelled(self: Pin<&mut Self>) -> Option<io::Result<usize>> {
        Some(Err(crate::io::call::cancelled()))
    }
}

impl<'a> IntoFuture for SendTo<'a> {
    type Output = io::Result<usize>;
    type IntoFuture = OpFuture<SendTo<'a>>;

    fn into_future(self) -> OpFuture<SendTo<'a>> {
        OpFuture::new(self)
    }
}

impl fmt::Debug for SendTo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SendTo { .. }")
    }
}
