//! The calls of sockets as arms of a `select!`.

use std::net::SocketAddr;

use super::listener::TcpListener;
use super::stream::TcpStream;
use crate::io::AcceptFrom;
use crate::io::attempt::More;
use crate::io::event::IoEvent;
use crate::reactor::Direction;

impl AcceptFrom for TcpListener {
    type Connection = (TcpStream, SocketAddr);

    fn accept_event(&self) -> Option<IoEvent<'_, (TcpStream, SocketAddr)>> {
        let polled = self.descriptor().polled();
        Some(IoEvent::new(polled, Direction::Read, || {
            self.accept_now().map(|accepted| (accepted, More::Perhaps))
        }))
    }
}
