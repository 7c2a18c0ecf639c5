//! Datagrams, whatever the family of their socket. An empty one is as good as any other, so nothing
//! here looks at lengths; and that one has come says nothing of the next.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use super::call::{IoCall, IoOperation, More, RawIo};
use super::descriptor::Descriptor;
use crate::operation::Operation;
use crate::reactor::Direction;
use crate::sys::buffer::ReadBuffer;
use crate::sys::socket::{self, Address};

/// A socket of datagrams.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no datagrams with addresses",
    label = "neither `UdpSocket` nor `UnixDatagram`"
)]
pub trait DatagramIo: AsFd + Sized {
    /// Where datagrams come from and go to.
    type Address;
    /// Sending one to an address.
    type SendTo<'a>: Operation<Output = io::Result<usize>>
    where
        Self: 'a;

    /// The address as users have it; of a sender that has none, if there is none.
    #[doc(hidden)]
    fn address(address: Option<&Address>) -> io::Result<Self::Address>;

    /// Sending `buffer` to `address`.
    #[doc(hidden)]
    fn send_to_operation<'a>(
        descriptor: &'a Descriptor<Self>,
        buffer: &'a [u8],
        address: Self::Address,
    ) -> Self::SendTo<'a>;

    /// Whether receiving has been shut down, so that a call for which nothing is there is to return
    /// an empty datagram.
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

/// Receiving, from the peer if there is one, and sending to the peer.
impl<T: DatagramIo> RawIo for T {
    const HAS_MESSAGES: bool = true;

    fn read(&self, buffer: &mut ReadBuffer<'_>) -> io::Result<(usize, More)> {
        received(self, socket::receive(self.as_fd(), buffer), 0)
    }

    fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<(usize, More)> {
        let call = socket::receive_vectored(self.as_fd(), buffers);
        received(self, call.map(|(length, _)| length), 0)
    }

    fn write(&self, buffer: &[u8]) -> io::Result<(usize, More)> {
        Ok((socket::send(self.as_fd(), buffer)?, More::Perhaps))
    }

    fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<(usize, More)> {
        Ok((socket::send_vectored(self.as_fd(), buffers)?, More::Perhaps))
    }
}

/// Receives a datagram and the address of its sender, if there is one; with `peek` it stays there.
fn receive_from<T: DatagramIo>(
    socket: &T,
    buffer: &mut ReadBuffer<'_>,
    peek: bool,
) -> io::Result<((usize, T::Address), More)> {
    let call = socket::receive_from(socket.as_fd(), buffer, peek);
    let call = call.map(|(length, from)| (length, Some(from)));
    let ((length, from), more) = received(socket, call, (0, None))?;
    Ok(((length, T::address(from.as_ref())?), more))
}

/// Sends a datagram to `address`, if there is room.
pub(crate) fn send_to(
    socket: &impl AsFd,
    buffer: &[u8],
    address: &Address,
) -> io::Result<(usize, More)> {
    let sent = socket::send_to(socket.as_fd(), buffer, address)?;
    Ok((sent, More::Perhaps))
}

impl<T: DatagramIo> Descriptor<T> {
    /// Receives a datagram and the address of its sender; with `peek` it stays there.
    pub(crate) fn receive_from(
        &self,
        buffer: &mut [u8],
        peek: bool,
    ) -> io::Result<(usize, T::Address)> {
        let mut buffer = ReadBuffer::from(buffer);
        self.block(Direction::Read, |socket| {
            receive_from(socket, &mut buffer, peek)
        })
    }

    /// The same as an operation.
    pub(crate) fn receive_from_operation<'a>(
        &'a self,
        buffer: &'a mut [u8],
    ) -> IoOperation<'a, impl IoCall<Output = (usize, T::Address)>> {
        let mut buffer = ReadBuffer::from(buffer);
        self.operation(Direction::Read, move |socket| {
            receive_from(socket, &mut buffer, false)
        })
    }

    /// The same for a future.
    pub(crate) fn poll_receive_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, T::Address)>> {
        let mut buffer = ReadBuffer::from(buffer);
        self.poll(Direction::Read, context, |socket| {
            receive_from(socket, &mut buffer, false)
        })
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

/// Implements what all sockets of datagrams have, besides the calls of std, for a type that is a
/// [`HasDescriptor`](super::descriptor::HasDescriptor).
macro_rules! datagram {
    ($type:ident) => {
        $crate::io::poll::readable!([] $type);
        $crate::io::poll::writable!([] $type);

        impl $crate::io::ReadFrom for $type {
            type Raw = <$type as $crate::io::HasDescriptor>::Raw;

            fn reader(&self) -> Option<&$crate::io::Descriptor<Self::Raw>> {
                Some(&self.descriptor)
            }
        }

        impl $crate::io::WriteTo for $type {
            type Raw = <$type as $crate::io::HasDescriptor>::Raw;

            fn writer(&self) -> Option<&$crate::io::Descriptor<Self::Raw>> {
                Some(&self.descriptor)
            }
        }

        impl $type {
            #[doc = concat!("Receives a datagram if there is one; otherwise as [`recv`](",
                stringify!($type), "::recv). If there is none, the caller of the poll is woken as by ",
                "[`poll_readable`](", stringify!($type), "::poll_readable).")]
            ///
            /// # Errors
            ///
            /// Those of receiving.
            pub fn poll_recv(
                &self,
                context: &mut std::task::Context<'_>,
                buf: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.descriptor.poll_read(context, &mut buf.into())
            }

            #[doc = concat!("Receives a datagram, and where it comes from, if there is one; otherwise ",
                "as [`poll_recv`](", stringify!($type), "::poll_recv).")]
            ///
            /// # Errors
            ///
            /// Those of receiving.
            pub fn poll_recv_from(
                &self,
                context: &mut std::task::Context<'_>,
                buf: &mut [u8],
            ) -> std::task::Poll<std::io::Result<(usize, SocketAddr)>> {
                self.descriptor.poll_receive_from(context, buf)
            }

            #[doc = concat!("Sends a datagram to the peer if there is room; otherwise as [`send`](",
                stringify!($type), "::send). If there is none, the caller of the poll is woken as by ",
                "[`poll_writable`](", stringify!($type), "::poll_writable).")]
            ///
            /// # Errors
            ///
            /// Those of sending.
            pub fn poll_send(
                &self,
                context: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.descriptor.poll_write(context, buf)
            }
        }
    };
}
pub(crate) use datagram;
