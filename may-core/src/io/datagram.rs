//! Datagrams, whatever the family of their socket. An empty one is as good as any other, so nothing here looks at lengths; and that one
//! has come says nothing of the next.

use std::io;
use std::os::fd::AsFd;

use super::attempt::More;
use super::descriptor::Descriptor;
use super::event::IoEvent;
use crate::reactor::Direction;
use crate::sys::socket::{self, Address};

/// A socket of datagrams.
pub(crate) trait DatagramIo: AsFd {
    /// Whether receiving has been shut down, so that a call for which nothing is there is to return an empty datagram.
    fn is_shut_down(&self) -> io::Result<bool> {
        Ok(false)
    }
}

/// Receives by `call`, which does not wait; `ended` is what there is after a shutdown.
fn receive<T: DatagramIo, R>(
    socket: &T,
    ended: R,
    call: impl FnOnce() -> io::Result<R>,
) -> io::Result<(R, More)> {
    let received = match call() {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock && socket.is_shut_down()? => ended,
        result => result?,
    };
    Ok((received, More::Perhaps))
}

impl<T: DatagramIo> Descriptor<T> {
    /// Receives a datagram; with `peek` it stays there.
    pub(crate) fn receive(&self, buffer: &mut [u8], peek: bool) -> io::Result<usize> {
        let call = if peek { socket::peek } else { socket::receive };
        self.attempt(Direction::Read, |socket| {
            receive(socket, 0, || call(socket.as_fd(), buffer))
        })
    }

    /// Receives a datagram and the address of its sender, if it has one; with `peek` it stays there.
    pub(crate) fn receive_from(
        &self,
        buffer: &mut [u8],
        peek: bool,
    ) -> io::Result<(usize, Option<Address>)> {
        self.attempt(Direction::Read, |socket| {
            receive(socket, (0, None), || {
                let (length, from) = socket::receive_from(socket.as_fd(), buffer, peek)?;
                Ok((length, Some(from)))
            })
        })
    }

    /// Sends a datagram to where the socket is connected.
    pub(crate) fn send(&self, buffer: &[u8]) -> io::Result<usize> {
        self.attempt(Direction::Write, |socket| {
            Ok((socket::send(socket.as_fd(), buffer)?, More::Perhaps))
        })
    }

    /// Sends a datagram to `address`.
    pub(crate) fn send_to(&self, buffer: &[u8], address: &Address) -> io::Result<usize> {
        self.attempt(Direction::Write, |socket| {
            let sent = socket::send_to(socket.as_fd(), buffer, address)?;
            Ok((sent, More::Perhaps))
        })
    }

    /// Receiving a datagram as an arm.
    pub(crate) fn receive_event<'a>(&'a self, buffer: &'a mut [u8]) -> IoEvent<'a, usize> {
        self.event(Direction::Read, move |socket| {
            receive(socket, 0, || socket::receive(socket.as_fd(), buffer))
        })
    }

    /// Sending a datagram to where the socket is connected as an arm.
    pub(crate) fn send_event<'a>(&'a self, buffer: &'a [u8]) -> IoEvent<'a, usize> {
        self.event(Direction::Write, move |socket| {
            Ok((socket::send(socket.as_fd(), buffer)?, More::Perhaps))
        })
    }
}

/// Implements the arms of a `select!` for a type with a field `descriptor` of datagrams.
macro_rules! datagram_arms {
    ($type:ty) => {
        impl $crate::io::ReadFrom for $type {
            fn read_event<'a>(
                &'a self,
                buffer: &'a mut [u8],
            ) -> Option<$crate::io::event::IoEvent<'a, usize>> {
                Some(self.descriptor.receive_event(buffer))
            }

            fn readable_event(&self) -> Option<$crate::io::event::IoEvent<'_, ()>> {
                self.descriptor.readable_event()
            }
        }

        impl $crate::io::WriteTo for $type {
            fn write_event<'a>(
                &'a self,
                buffer: &'a [u8],
            ) -> Option<$crate::io::event::IoEvent<'a, usize>> {
                Some(self.descriptor.send_event(buffer))
            }

            fn writable_event(&self) -> Option<$crate::io::event::IoEvent<'_, ()>> {
                self.descriptor.writable_event()
            }
        }
    };
}
pub(crate) use datagram_arms;
