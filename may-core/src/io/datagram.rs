//! Datagrams, whatever the family of their socket. An empty one is as good as any other, so nothing here looks at lengths; and that one
//! has come says nothing of the next.

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use super::attempt::More;
use super::descriptor::Descriptor;
use super::op::AnyIo;
use crate::reactor::Direction;
use crate::sys::buffer::ReadBuffer;
use crate::sys::socket::{self, Address};

/// A socket of datagrams.
pub(crate) trait DatagramIo: AsFd {
    /// Whether receiving has been shut down, so that a call for which nothing is there is to return an empty datagram.
    fn is_shut_down(&self) -> io::Result<bool> {
        Ok(false)
    }
}

/// What receiving has come to; `ended` is what there is after a shutdown.
fn received<T: DatagramIo, R>(
    socket: &T,
    received: io::Result<R>,
    ended: R,
) -> io::Result<(R, More)> {
    match received {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock && socket.is_shut_down()? => {
            Ok((ended, More::Perhaps))
        }
        received => Ok((received?, More::Perhaps)),
    }
}

/// Receives a datagram if there is one; with `peek` it stays there.
fn receive<T: DatagramIo>(
    socket: &T,
    buffer: &mut ReadBuffer<'_>,
    peek: bool,
) -> io::Result<(usize, More)> {
    let call = if peek { socket::peek } else { socket::receive };
    received(socket, call(socket.as_fd(), buffer), 0)
}

/// Receives a datagram and the address of its sender, if there is one, and if it has one; with `peek` it stays there.
fn receive_from<T: DatagramIo>(
    socket: &T,
    buffer: &mut ReadBuffer<'_>,
    peek: bool,
) -> io::Result<((usize, Option<Address>), More)> {
    let call = socket::receive_from(socket.as_fd(), buffer, peek);
    let call = call.map(|(length, from)| (length, Some(from)));
    received(socket, call, (0, None))
}

/// Sends a datagram to where the socket is connected, if there is room.
fn send(socket: &impl DatagramIo, buffer: &[u8]) -> io::Result<(usize, More)> {
    Ok((socket::send(socket.as_fd(), buffer)?, More::Perhaps))
}

/// Sends a datagram to `address`, if there is room.
fn send_to(
    socket: &impl DatagramIo,
    buffer: &[u8],
    address: &Address,
) -> io::Result<(usize, More)> {
    let sent = socket::send_to(socket.as_fd(), buffer, address)?;
    Ok((sent, More::Perhaps))
}

/// For whoever blocks.
impl<T: DatagramIo> Descriptor<T> {
    /// Receives a datagram; with `peek` it stays there.
    pub(crate) fn receive(&self, buffer: &mut [u8], peek: bool) -> io::Result<usize> {
        let mut buffer = ReadBuffer::from(buffer);
        self.attempt(Direction::Read, |socket| receive(socket, &mut buffer, peek))
    }

    /// Receives a datagram and the address of its sender, if it has one; with `peek` it stays there.
    pub(crate) fn receive_from(
        &self,
        buffer: &mut [u8],
        peek: bool,
    ) -> io::Result<(usize, Option<Address>)> {
        let mut buffer = ReadBuffer::from(buffer);
        self.attempt(Direction::Read, |socket| {
            receive_from(socket, &mut buffer, peek)
        })
    }

    /// Sends a datagram to where the socket is connected.
    pub(crate) fn send(&self, buffer: &[u8]) -> io::Result<usize> {
        self.attempt(Direction::Write, |socket| send(socket, buffer))
    }

    /// Sends a datagram to `address`.
    pub(crate) fn send_to(&self, buffer: &[u8], address: &Address) -> io::Result<usize> {
        self.attempt(Direction::Write, |socket| send_to(socket, buffer, address))
    }
}

/// For arms of a `select!`.
impl<T: DatagramIo> Descriptor<T> {
    /// Receiving a datagram.
    pub(crate) fn receive_event<'a>(&'a self, buffer: &'a mut [u8]) -> AnyIo<'a, usize> {
        let mut buffer = ReadBuffer::from(buffer);
        self.event(Direction::Read, move |socket| {
            receive(socket, &mut buffer, false)
        })
    }

    /// Sending a datagram to where the socket is connected.
    pub(crate) fn send_event<'a>(&'a self, buffer: &'a [u8]) -> AnyIo<'a, usize> {
        self.event(Direction::Write, move |socket| send(socket, buffer))
    }
}

/// For futures.
impl<T: DatagramIo> Descriptor<T> {
    /// Receives a datagram if there is one.
    pub(crate) fn poll_receive(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuffer::from(buffer);
        self.poll(Direction::Read, context, |socket| {
            receive(socket, &mut buffer, false)
        })
    }

    /// Receives a datagram and the address of its sender, if there is one.
    pub(crate) fn poll_receive_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, Option<Address>)>> {
        let mut buffer = ReadBuffer::from(buffer);
        self.poll(Direction::Read, context, |socket| {
            receive_from(socket, &mut buffer, false)
        })
    }

    /// Sends a datagram to where the socket is connected, if there is room.
    pub(crate) fn poll_send(
        &self,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(Direction::Write, context, |socket| send(socket, buffer))
    }

    /// Sends a datagram to `address`, if there is room.
    pub(crate) fn poll_send_to(
        &self,
        context: &mut Context<'_>,
        buffer: &[u8],
        address: &Address,
    ) -> Poll<io::Result<usize>> {
        self.poll(Direction::Write, context, |socket| {
            send_to(socket, buffer, address)
        })
    }
}

/// Implements the arms of a `select!` for a type with a field `descriptor` of datagrams.
macro_rules! datagram_arms {
    ($type:ty) => {
        $crate::io::raw::wait_readable!([] $type, this => this.descriptor, "a datagram", "at most for the read timeout");
        $crate::io::raw::wait_writable!([] $type, this => this.descriptor);

        impl $crate::io::ReadFrom for $type {
            fn read_event<'a>(
                &'a self,
                buffer: &'a mut [u8],
            ) -> Option<$crate::io::op::AnyIo<'a, usize>> {
                Some(self.descriptor.receive_event(buffer))
            }

            fn readable_event(&self) -> Option<$crate::io::op::AnyIo<'_, ()>> {
                self.descriptor.readable_event()
            }
        }

        impl $crate::io::WriteTo for $type {
            fn write_event<'a>(
                &'a self,
                buffer: &'a [u8],
            ) -> Option<$crate::io::op::AnyIo<'a, usize>> {
                Some(self.descriptor.send_event(buffer))
            }

            fn writable_event(&self) -> Option<$crate::io::op::AnyIo<'_, ()>> {
                self.descriptor.writable_event()
            }
        }
    };
}
pub(crate) use datagram_arms;

/// Implements what futures poll of a type with a field `descriptor` of datagrams. `$address` is std's type for the addresses, and
/// `$from` makes one of the system's, if there is one.
macro_rules! datagram_polls {
    ($type:ident, $address:ty, $from:expr) => {
        /// # Polling
        ///
        /// For futures. A call that is not ready wakes the caller of the poll when it may be. Each direction keeps the waker of the
        /// last poll only: of several futures that poll the same direction the last one is woken. Coroutines and threads may use the
        /// socket at the same time. Timeouts of the socket do not apply.
        impl $type {
            #[doc = concat!("Receives a datagram if there is one; otherwise as [`recv`](", stringify!($type), "::recv).")]
            ///
            /// # Errors
            ///
            /// Those of receiving.
            pub fn poll_recv(
                &self,
                context: &mut std::task::Context<'_>,
                buf: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.descriptor.poll_receive(context, buf)
            }

            #[doc = concat!("Receives a datagram, and where it comes from, if there is one; otherwise as [`recv_from`](", stringify!($type),
                "::recv_from).")]
            ///
            /// # Errors
            ///
            /// Those of receiving.
            pub fn poll_recv_from(
                &self,
                context: &mut std::task::Context<'_>,
                buf: &mut [u8],
            ) -> std::task::Poll<std::io::Result<(usize, $address)>> {
                let received = std::task::ready!(self.descriptor.poll_receive_from(context, buf));
                std::task::Poll::Ready(
                    received.and_then(|(length, from)| Ok((length, $from(from.as_ref())?))),
                )
            }

            #[doc = concat!("Sends a datagram to the peer if there is room; otherwise as [`send`](", stringify!($type), "::send).")]
            ///
            /// # Errors
            ///
            /// Those of sending.
            pub fn poll_send(
                &self,
                context: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.descriptor.poll_send(context, buf)
            }

            /// Whether there is a datagram, or an error to be told of.
            ///
            /// # Errors
            ///
            /// What the operating system says.
            pub fn poll_readable(
                &self,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.descriptor.poll_ready(context, false)
            }

            /// Whether there is room for a datagram, or an error to be told of.
            ///
            /// # Errors
            ///
            /// What the operating system says.
            pub fn poll_writable(
                &self,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.descriptor.poll_ready(context, true)
            }
        }
    };
}
pub(crate) use datagram_polls;
