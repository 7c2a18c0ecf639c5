//! The calls of sockets as arms of a `select!`.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use super::listener::TcpListener;
use super::stream::TcpStream;
use crate::io::attempt::More;
use crate::io::event::IoEvent;
use crate::reactor::Direction;
use crate::sys::socket;

/// What `accept(..)` can accept from.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not accept connections",
    label = "not a listener"
)]
pub trait AcceptFrom {
    /// A connection, and where it comes from.
    type Connection;

    /// The event of the next connection, if the listener is there.
    #[doc(hidden)]
    fn accept_event(&self) -> Option<IoEvent<'_, Self::Connection>>;
}

/// What `read(..)`, `write(..)`, `readable(..)` and `writable(..)` can be called with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read or written as an arm of a `select!`",
    label = "not a socket of May's",
    note = "to run other blocking code as an arm write `run(..)`"
)]
pub trait Transfer {
    /// The event of reading something, if the stream is there.
    #[doc(hidden)]
    fn read_event<'a>(&'a self, buffer: &'a mut [u8]) -> Option<IoEvent<'a, usize>>;

    /// The event of writing something, if the stream is there.
    #[doc(hidden)]
    fn write_event<'a>(&'a self, buffer: &'a [u8]) -> Option<IoEvent<'a, usize>>;

    /// The event of a direction's being ready, if the stream is there.
    #[doc(hidden)]
    fn ready_event(&self, write: bool) -> Option<IoEvent<'_, ()>>;
}

impl AcceptFrom for TcpListener {
    type Connection = (TcpStream, SocketAddr);

    fn accept_event(&self) -> Option<IoEvent<'_, (TcpStream, SocketAddr)>> {
        let polled = self.descriptor().polled();
        Some(IoEvent::new(polled, Direction::Read, || {
            self.accept_now().map(|accepted| (accepted, More::Perhaps))
        }))
    }
}

/// What a transfer says of what is left.
fn moved(moved: usize, length: usize) -> (usize, More) {
    let more = match moved == 0 || moved >= length {
        true => More::Perhaps,
        false => More::No,
    };
    (moved, more)
}

impl Transfer for TcpStream {
    fn read_event<'a>(&'a self, buffer: &'a mut [u8]) -> Option<IoEvent<'a, usize>> {
        let length = buffer.len().min(socket::MOST_BYTES);
        let descriptor = self.descriptor();
        Some(IoEvent::new(
            descriptor.polled(),
            Direction::Read,
            move || match length {
                0 => Ok((0, More::Perhaps)),
                _ => socket::receive(descriptor.get().as_fd(), buffer)
                    .map(|bytes| moved(bytes, length)),
            },
        ))
    }

    fn write_event<'a>(&'a self, buffer: &'a [u8]) -> Option<IoEvent<'a, usize>> {
        let length = buffer.len().min(socket::MOST_BYTES);
        let descriptor = self.descriptor();
        Some(IoEvent::new(
            descriptor.polled(),
            Direction::Write,
            move || match length {
                0 => Ok((0, More::Perhaps)),
                _ => {
                    socket::send(descriptor.get().as_fd(), buffer).map(|bytes| moved(bytes, length))
                }
            },
        ))
    }

    fn ready_event(&self, write: bool) -> Option<IoEvent<'_, ()>> {
        let descriptor = self.descriptor();
        let (direction, is_ready): (_, fn(_) -> io::Result<bool>) = match write {
            true => (Direction::Write, socket::is_writable),
            false => (Direction::Read, socket::is_readable),
        };
        Some(IoEvent::new(
            descriptor.polled(),
            direction,
            move || match is_ready(descriptor.get().as_fd())? {
                true => Ok(((), More::Perhaps)),
                false => Err(io::ErrorKind::WouldBlock.into()),
            },
        ))
    }
}

impl<L: AcceptFrom + ?Sized> AcceptFrom for &L {
    type Connection = L::Connection;

    fn accept_event(&self) -> Option<IoEvent<'_, L::Connection>> {
        (**self).accept_event()
    }
}

impl<L: AcceptFrom> AcceptFrom for Option<L> {
    type Connection = L::Connection;

    fn accept_event(&self) -> Option<IoEvent<'_, L::Connection>> {
        self.as_ref()?.accept_event()
    }
}

/// Forwards what streams offer through something that leads to one.
macro_rules! forward {
    ([$($generics:tt)*] $type:ty, $this:ident => $inner:expr) => {
        impl<$($generics)*> Transfer for $type {
            fn read_event<'a>(&'a self, buffer: &'a mut [u8]) -> Option<IoEvent<'a, usize>> {
                let $this = self;
                $inner.read_event(buffer)
            }

            fn write_event<'a>(&'a self, buffer: &'a [u8]) -> Option<IoEvent<'a, usize>> {
                let $this = self;
                $inner.write_event(buffer)
            }

            fn ready_event(&self, write: bool) -> Option<IoEvent<'_, ()>> {
                let $this = self;
                $inner.ready_event(write)
            }
        }
    };
}

forward!([S: Transfer + ?Sized] &S, this => (**this));
forward!([S: Transfer + ?Sized] &mut S, this => (**this));
forward!([S: Transfer] Option<S>, this => this.as_ref()?);
