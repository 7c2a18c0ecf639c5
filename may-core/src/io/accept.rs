//! Accepting connections, whatever their family.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use super::call::{IoCall, IoOperation, More};
use super::descriptor::Descriptor;
use super::pause::Pause;
use crate::coroutine::header::Header;
use crate::reactor::Direction;
use crate::sys;
use crate::sys::socket::{self, Address};
use crate::util::clock::Deadline;

/// The first pause of an accept for which there was no descriptor or memory, and the longest.
pub(crate) const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

impl<T: AsFd> Descriptor<T> {
    /// Waits for a connection and accepts it: a socket in non-blocking mode, and where it comes
    /// from.
    ///
    /// Passes over connections that have been given up, and waits while there is no descriptor or
    /// memory for another one, unless the user asked for `WouldBlock`.
    ///
    /// # Errors
    ///
    /// What the operating system says of the listener.
    pub(crate) fn accept(&self) -> io::Result<(OwnedFd, Address)> {
        let mut pause = Pause::new(PAUSES);
        loop {
            let accepted = self.block(Direction::Read, |_| Ok((self.try_accept()?, More::Perhaps)));
            match accepted {
                Ok(accepted) => {
                    mark_acceptor();
                    return Ok(accepted);
                }
                Err(error) if socket::is_passing(&error) => {}
                Err(error) if socket::is_shortage(&error) && !self.is_nonblocking() => {
                    pause.wait(Deadline::NEVER);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Accepting as an operation; `convert` makes of the socket what it is for the user. (A
    /// shortage of descriptors is an error here: a caller that selects has other things to do, for
    /// instance to wait for as long as these pauses, and for something else.)
    pub(crate) fn accept_operation<'a, R>(
        &'a self,
        convert: impl Fn((OwnedFd, Address)) -> io::Result<R> + 'a,
    ) -> IoOperation<'a, impl IoCall<Output = R>> {
        self.operation(Direction::Read, move |_| self.accept_now(&convert))
    }

    /// Accepts a connection if there is one, passing over those that have been given up.
    fn accept_now<R>(
        &self,
        convert: &impl Fn((OwnedFd, Address)) -> io::Result<R>,
    ) -> io::Result<(R, More)> {
        loop {
            match self.try_accept() {
                Ok(accepted) => {
                    mark_acceptor();
                    return Ok((convert(accepted)?, More::Perhaps));
                }
                Err(error) if socket::is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Accepts a connection, without ever waiting for one. (No flag asks `accept` for that.)
    fn try_accept(&self) -> io::Result<(OwnedFd, Address)> {
        let listener = self.get().as_fd();
        if self.may_block() && !sys::descriptor::is_readable(listener)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        socket::accept(listener)
    }
}

/// Notes that the calling coroutine accepts connections, so that what it spawns is spread over the
/// workers.
fn mark_acceptor() {
    if let Some(coroutine) = Header::current() {
        // SAFETY: (R1) the running coroutine's block lives while it runs.
        unsafe { coroutine.as_ref() }.mark_accepts();
    }
}
