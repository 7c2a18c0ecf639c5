//! What happens when a stream is read or written: how every call on a descriptor is carried out.
//!
//! ```text
//!   ready? -- no --> wait for the direction (register first) ----+
//!     |  ^                                                        |
//!    yes +--------------------------------------------------------+
//!     v
//!   call -- would block --> clear the bit, unless an event came meanwhile --> ready?
//!     |
//!    done: if the call has taken all there was, clear the bit; if the bit stays set, wake the next waiter
//! ```
//!
//! A call is a closure that never waits. [`RawIo`] has those that move bytes; the methods of
//! [`Descriptor`] here make calls of them. There are three ways to wait for one:
//! [`Descriptor::block`], [`Descriptor::operation`] and [`Descriptor::poll`].
//!
//! "Ready" is what `reactor/source.rs` knows, and optimistic: a descriptor that was never waited
//! for is tried at once and needs no registration. A read that was shorter than its buffer has
//! emptied the socket, and says so by clearing the bit: that saves the second `recv`, which would
//! only say "would block", of every request.
//!
//! When the time is over a last call decides, because the event may be there and not fetched yet: a
//! caller that waits for a nanosecond gets what is there, as with std.
//!
//! What has no events cannot be waited for: there "would block" is the result.
//!
//! A waiter that was woken always calls before it waits again, so its wake-up is either used or
//! passed on. If another caller was faster, it goes back to its place among those who wait.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::descriptor::{Descriptor, Polled};
use crate::coroutine::Cancelled;
use crate::operation::{Needs, Queued, Queueing, operation};
use crate::park;
use crate::reactor::{Direction, Registrar, Seen, Source};
use crate::sys::buffer::ReadBuffer;
use crate::sys::{descriptor, socket};
use crate::util::clock::Deadline;
use crate::wait::WaitQueue;
use crate::worker::{default, with_local};

/// What a call that succeeded says about the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// It may succeed, too.
    Perhaps,
    /// It would block: this one has taken, or filled, all there was.
    No,
}

/// How bytes are moved, without ever waiting: what cannot be done at once fails with `WouldBlock`.
///
/// What is here already is right for a TCP connection.
pub trait RawIo: AsFd {
    /// Whether each transfer is a message of its own, and an empty one is one, too. If not, no
    /// buffer is empty.
    const HAS_MESSAGES: bool = false;

    /// Reads into a buffer.
    #[inline]
    fn read(&self, buffer: &mut ReadBuffer<'_>) -> io::Result<(usize, More)> {
        let read = socket::receive(self.as_fd(), buffer)?;
        Ok(drained_if_short(read, buffer.len()))
    }

    /// Reads into several buffers, which are within the limits of one transfer.
    fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<(usize, More)> {
        let (read, _) = socket::receive_vectored(self.as_fd(), buffers)?;
        let length = length_of(buffers.iter().map(|buffer| buffer.len()));
        Ok(drained_if_short(read, length))
    }

    /// Writes from a buffer.
    #[inline]
    fn write(&self, buffer: &[u8]) -> io::Result<(usize, More)> {
        let written = socket::send(self.as_fd(), buffer)?;
        Ok(drained_if_short(written, buffer.len()))
    }

    /// Writes from several buffers, which are within the limits of one transfer.
    fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<(usize, More)> {
        let written = socket::send_vectored(self.as_fd(), buffers)?;
        let length = length_of(buffers.iter().map(|buffer| buffer.len()));
        Ok(drained_if_short(written, length))
    }

    /// Tells the other side that nothing more will be written.
    fn end_writing(&self) -> io::Result<()> {
        socket::shutdown(self.as_fd(), Shutdown::Write)
    }

    /// Ends both directions.
    fn end(&self) -> io::Result<()> {
        socket::shutdown(self.as_fd(), Shutdown::Both)
    }
}

/// What can be looked at without being taken away.
#[diagnostic::on_unimplemented(
    message = "what is read from `{Self}` cannot be peeked at",
    label = "neither a TCP stream nor a UDP socket"
)]
pub trait PeekIo: RawIo {
    /// As [`RawIo::read`], but the next read finds the same again.
    fn peek(&self, buffer: &mut ReadBuffer<'_>) -> io::Result<(usize, More)> {
        // However little that was, it is still there.
        Ok((socket::peek(self.as_fd(), buffer)?, More::Perhaps))
    }
}

/// What a transfer of `moved` bytes says of what is left, where fewer than the `length` that was
/// asked for mean that there is no more data, or no more room.
pub(crate) fn drained_if_short(moved: usize, length: usize) -> (usize, More) {
    // Nothing moved is an end, not a lack: the next call returns at once, too.
    let more = match moved == 0 || moved >= length.min(descriptor::MOST_BYTES) {
        true => More::Perhaps,
        false => More::No,
    };
    (moved, more)
}

/// The length of several buffers together.
pub(crate) fn length_of(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.fold(0, usize::saturating_add)
}

/// Says `WouldBlock` unless `descriptor` is ready for a direction.
pub(crate) fn is_ready(descriptor: &impl AsFd, direction: Direction) -> io::Result<((), More)> {
    let is_ready = match direction {
        Direction::Read => descriptor::is_readable(descriptor.as_fd())?,
        Direction::Write => descriptor::is_writable(descriptor.as_fd())?,
    };
    match is_ready {
        true => Ok(((), More::Perhaps)),
        false => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// Blocking, for at most the timeout of the direction.
///
/// # Errors
///
/// Those of the call; what std says of an elapsed timeout on this platform, which on Unix is
/// `WouldBlock`; `WouldBlock` if the user asked for it.
impl<T: RawIo> Descriptor<T> {
    /// Reads as soon as there is something.
    #[inline]
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if is_nothing::<T>(buffer.len()) {
            return Ok(0);
        }
        let mut buffer = ReadBuffer::from(buffer);
        self.block(Direction::Read, |raw| raw.read(&mut buffer))
    }

    /// Reads into several buffers as soon as there is something.
    pub(crate) fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let (buffers, length) = descriptor::within_limits_mut(buffers);
        if is_nothing::<T>(length) {
            return Ok(0);
        }
        self.block(Direction::Read, |raw| raw.read_vectored(buffers))
    }

    /// Reads as soon as there is something, and leaves it there.
    pub(crate) fn peek(&self, buffer: &mut [u8]) -> io::Result<usize>
    where
        T: PeekIo,
    {
        if is_nothing::<T>(buffer.len()) {
            return Ok(0);
        }
        let mut buffer = ReadBuffer::from(buffer);
        self.block(Direction::Read, |raw| raw.peek(&mut buffer))
    }

    /// Writes as soon as there is room.
    #[inline]
    pub(crate) fn write(&self, buffer: &[u8]) -> io::Result<usize> {
        if is_nothing::<T>(buffer.len()) {
            return Ok(0);
        }
        self.block(Direction::Write, |raw| raw.write(buffer))
    }

    /// Writes from several buffers as soon as there is room.
    pub(crate) fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let (buffers, length) = descriptor::within_limits(buffers);
        if is_nothing::<T>(length) {
            return Ok(0);
        }
        self.block(Direction::Write, |raw| raw.write_vectored(buffers))
    }

    /// Tells the other side that nothing more will be written.
    pub(crate) fn end_writing(&self) -> io::Result<()> {
        self.get().end_writing()?;
        // Not every system has an event for that.
        self.recheck();
        Ok(())
    }

    /// Ends both directions; those who wait are woken.
    pub(crate) fn end(&self) -> io::Result<()> {
        let ended = self.get().end();
        // What cannot be shut down does not wait any more.
        self.set_nonblocking(true);
        ended
    }
}

/// The same calls as operations.
impl<T: RawIo> Descriptor<T> {
    /// Reading.
    pub(crate) fn read_operation<'a>(
        &'a self,
        buffer: &'a mut [u8],
    ) -> IoOperation<'a, Transfer<'a, T, ReadBuffer<'a>>> {
        let nothing = is_nothing::<T>(buffer.len());
        let buffer = ReadBuffer::from(buffer);
        self.transfer(Direction::Read, buffer, nothing, |raw, buffer| {
            raw.read(buffer)
        })
    }

    /// Reading into several buffers.
    pub(crate) fn read_vectored_operation<'a, 'b>(
        &'a self,
        buffers: &'a mut [IoSliceMut<'b>],
    ) -> IoOperation<'a, Transfer<'a, T, &'a mut [IoSliceMut<'b>]>> {
        let (buffers, length) = descriptor::within_limits_mut(buffers);
        let nothing = is_nothing::<T>(length);
        self.transfer(Direction::Read, buffers, nothing, |raw, buffers| {
            raw.read_vectored(buffers)
        })
    }

    /// Reading what stays there.
    pub(crate) fn peek_operation<'a>(
        &'a self,
        buffer: &'a mut [u8],
    ) -> IoOperation<'a, Transfer<'a, T, ReadBuffer<'a>>>
    where
        T: PeekIo,
    {
        let nothing = is_nothing::<T>(buffer.len());
        let buffer = ReadBuffer::from(buffer);
        self.transfer(Direction::Read, buffer, nothing, |raw, buffer| {
            raw.peek(buffer)
        })
    }

    /// Writing.
    pub(crate) fn write_operation<'a>(
        &'a self,
        buffer: &'a [u8],
    ) -> IoOperation<'a, Transfer<'a, T, &'a [u8]>> {
        let nothing = is_nothing::<T>(buffer.len());
        self.transfer(Direction::Write, buffer, nothing, |raw, buffer| {
            raw.write(buffer)
        })
    }

    /// Writing from several buffers.
    pub(crate) fn write_vectored_operation<'a, 'b>(
        &'a self,
        buffers: &'a [IoSlice<'b>],
    ) -> IoOperation<'a, Transfer<'a, T, &'a [IoSlice<'b>]>> {
        let (buffers, length) = descriptor::within_limits(buffers);
        let nothing = is_nothing::<T>(length);
        self.transfer(Direction::Write, buffers, nothing, |raw, buffers| {
            raw.write_vectored(buffers)
        })
    }

    /// A call that moves bytes as an operation; `nothing` says that there are none to move.
    fn transfer<'a, B>(
        &'a self,
        direction: Direction,
        buffers: B,
        nothing: bool,
        call: MovesBytes<T, B>,
    ) -> IoOperation<'a, Transfer<'a, T, B>> {
        let raw = self.get();
        let call = match nothing {
            true => |_: &T, _: &mut B| Ok((0, More::Perhaps)),
            false => call,
        };
        let transfer = Transfer { raw, buffers, call };
        IoOperation::new(Calling::new(self.polled(), direction, transfer))
    }
}

/// The same calls for futures.
impl<T: RawIo> Descriptor<T> {
    /// Reads if there is something.
    pub(crate) fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuffer<'_>,
    ) -> Poll<io::Result<usize>> {
        if is_nothing::<T>(buffer.len()) {
            return Poll::Ready(Ok(0));
        }
        self.poll(Direction::Read, context, |raw| raw.read(buffer))
    }

    /// Writes if there is room.
    pub(crate) fn poll_write(
        &self,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if is_nothing::<T>(buffer.len()) {
            return Poll::Ready(Ok(0));
        }
        self.poll(Direction::Write, context, |raw| raw.write(buffer))
    }

    /// Writes from several buffers if there is room.
    pub(crate) fn poll_write_vectored(
        &self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let (buffers, length) = descriptor::within_limits(buffers);
        if is_nothing::<T>(length) {
            return Poll::Ready(Ok(0));
        }
        self.poll(Direction::Write, context, |raw| raw.write_vectored(buffers))
    }
}

/// Whether a transfer of `length` bytes is none.
#[inline]
fn is_nothing<T: RawIo>(length: usize) -> bool {
    length == 0 && !T::HAS_MESSAGES
}

/// The ways to wait for a call, which does not wait by itself.
impl<T: AsFd> Descriptor<T> {
    /// Carries out `call` as soon as the descriptor is ready, with the direction's timeout.
    ///
    /// # Errors
    ///
    /// Those of `call`; what std says of an elapsed timeout on this platform, which on Unix is
    /// `WouldBlock`; `WouldBlock` if the user asked for it.
    #[inline]
    pub(crate) fn block<R>(
        &self,
        direction: Direction,
        mut call: impl FnMut(&T) -> io::Result<(R, More)>,
    ) -> io::Result<R> {
        let call = Calling::obeying(self.polled(), direction, || call(self.get()));
        let done = Queued::block_until(call, self.deadline(direction));
        done.unwrap_or_else(|| Err(socket::timeout_elapsed()))
    }

    /// Carries out `call` as soon as the descriptor is ready, whatever the user asked for; `None`
    /// if that is after `deadline`.
    pub(crate) fn block_until<R>(
        &self,
        direction: Direction,
        deadline: Deadline,
        mut call: impl FnMut(&T) -> io::Result<(R, More)>,
    ) -> Option<io::Result<R>> {
        let call = Calling::new(self.polled(), direction, || call(self.get()));
        Queued::block_until(call, deadline)
    }

    /// Waits until the descriptor is ready for a direction, with the direction's timeout; also if
    /// the user asked for `WouldBlock`.
    ///
    /// # Errors
    ///
    /// What std says of an elapsed timeout; those of asking whether it is ready.
    pub(crate) fn wait_ready(&self, direction: Direction) -> io::Result<()> {
        let deadline = self.deadline(direction);
        self.block_until(direction, deadline, |raw| is_ready(raw, direction))
            .unwrap_or_else(|| Err(socket::timeout_elapsed()))
    }

    /// A call as an operation, which waits whatever the user asked for.
    pub(crate) fn operation<'a, R>(
        &'a self,
        direction: Direction,
        mut call: impl FnMut(&T) -> io::Result<(R, More)> + 'a,
    ) -> IoOperation<'a, impl IoCall<Output = R>> {
        let call = move || call(self.get());
        IoOperation::new(Calling::new(self.polled(), direction, call))
    }

    /// Being ready for a direction as an operation.
    pub(crate) fn ready_operation(&self, direction: Direction) -> IoOperation<'_, Ready<'_, T>> {
        let raw = self.get();
        IoOperation::new(Calling::new(
            self.polled(),
            direction,
            Ready { raw, direction },
        ))
    }

    /// Carries out `call` if the descriptor is ready for it; if not, the caller of the poll is
    /// woken when it may be.
    ///
    /// # Errors
    ///
    /// Those of `call` and of registering.
    pub(super) fn poll<R>(
        &self,
        direction: Direction,
        context: &mut Context<'_>,
        mut call: impl FnMut(&T) -> io::Result<(R, More)>,
    ) -> Poll<io::Result<R>> {
        ready!(park::poll_budget(context));
        let source = self.polled().source();
        let mut call = || call(self.get());
        loop {
            let mut seen = source.look();
            if !seen.is_ready(direction) {
                register(self.polled())?;
                match source.poll_ready(direction, context.waker()) {
                    Some(now) => seen = now,
                    None => return Poll::Pending,
                }
            }
            match carry_out(source, direction, seen, &mut call) {
                Outcome::Done(result) => return Poll::Ready(result),
                Outcome::Blocked(_) => {
                    source.clear_blocked(direction, seen);
                }
            }
        }
    }

    /// Whether a direction is ready, for a future.
    pub(crate) fn poll_ready(
        &self,
        direction: Direction,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll(direction, context, |raw| is_ready(raw, direction))
    }
}

/// What became of a call.
enum Outcome<T> {
    /// It has succeeded or failed.
    Done(io::Result<T>),
    /// It would block, and says so by this error.
    Blocked(io::Error),
}

/// Carries out `call`, and notes what a result says of the readiness; `seen` is what was known
/// before.
#[inline]
fn carry_out<T>(
    source: &Source,
    direction: Direction,
    seen: Seen,
    call: &mut impl IoCall<Output = T>,
) -> Outcome<T> {
    loop {
        match call.call() {
            Ok((value, more)) => {
                let drained = more == More::No
                    && source.is_registered()
                    && source.clear_drained(direction, seen);
                if !drained {
                    source.queue(direction).wake_one();
                }
                return Outcome::Done(Ok(value));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !source.has_no_events() => {
                return Outcome::Blocked(error);
            }
            Err(error) => {
                // The next one is to see for itself: an error is often fetched once, and what
                // follows is an end of file.
                source.queue(direction).wake_one();
                return Outcome::Done(Err(error));
            }
        }
    }
}

/// The error of a call that was cancelled where nothing can be unwound. Not "interrupted", after
/// which callers try again.
pub(crate) fn cancelled() -> io::Error {
    io::Error::other(Cancelled)
}

/// Sees to it that events of the descriptor arrive: through the worker that waits, or for a plain
/// thread through any.
pub(crate) fn register(polled: &Polled) -> io::Result<()> {
    let mine: Option<Arc<Registrar>> =
        with_local(|local| local.map(|local| local.driver().registrar().clone()));
    match mine {
        Some(mine) => polled.register(&mine, true),
        None if polled.source().is_registered() => Ok(()),
        None => polled.register(default::default()?.any_registrar(), false),
    }
}

/// A call on a descriptor, which does not block.
pub trait IoCall {
    /// What it returns.
    type Output;

    /// Carries it out.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `WouldBlock` if it has to wait.
    fn call(&mut self) -> io::Result<(Self::Output, More)>;
}

impl<R, F: FnMut() -> io::Result<(R, More)>> IoCall for F {
    type Output = R;

    #[inline]
    fn call(&mut self) -> io::Result<(R, More)> {
        self()
    }
}

/// How a call moves bytes between what has a descriptor and buffers.
type MovesBytes<T, B> = fn(&T, &mut B) -> io::Result<(usize, More)>;

/// Moving bytes between what has a descriptor, and buffers. Its type has a name because rustc would
/// tell of a wrong argument again for each use of a type that has none.
pub struct Transfer<'a, T, B> {
    raw: &'a T,
    buffers: B,
    call: MovesBytes<T, B>,
}

impl<T, B> IoCall for Transfer<'_, T, B> {
    type Output = usize;

    #[inline]
    fn call(&mut self) -> io::Result<(usize, More)> {
        (self.call)(self.raw, &mut self.buffers)
    }
}

impl<T, B> fmt::Debug for Transfer<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer").finish_non_exhaustive()
    }
}

/// Asking whether a descriptor is ready for a direction.
#[derive(Debug)]
pub struct Ready<'a, T> {
    raw: &'a T,
    direction: Direction,
}

impl<T: AsFd> IoCall for Ready<'_, T> {
    type Output = ();

    fn call(&mut self) -> io::Result<((), More)> {
        is_ready(self.raw, self.direction)
    }
}

/// A call that waits for the readiness of `polled`, which belongs to the descriptor that it is for.
pub(crate) struct Calling<P, C> {
    polled: P,
    direction: Direction,
    call: C,
    /// A descriptor that was set to non-blocking is not waited for.
    obeys_nonblocking: bool,
    /// Events cannot be had.
    failed: Option<io::Error>,
}

impl<P: AsRef<Polled>, C: IoCall> Calling<P, C> {
    /// A call that waits, whatever the descriptor was set to.
    #[inline]
    pub(crate) fn new(polled: P, direction: Direction, call: C) -> Calling<P, C> {
        Calling {
            polled,
            direction,
            call,
            obeys_nonblocking: false,
            failed: None,
        }
    }

    /// A call that says `WouldBlock` if the descriptor was set to non-blocking.
    #[inline]
    pub(crate) fn obeying(polled: P, direction: Direction, call: C) -> Calling<P, C> {
        Calling {
            obeys_nonblocking: true,
            ..Calling::new(polled, direction, call)
        }
    }

    /// The call.
    pub(crate) fn call(&self) -> &C {
        &self.call
    }

    /// Whether the caller would rather have `WouldBlock` than wait.
    #[inline]
    fn refuses(&self) -> bool {
        self.obeys_nonblocking && self.polled.as_ref().is_nonblocking()
    }
}

impl<P: AsRef<Polled>, C: IoCall> Queueing for Calling<P, C> {
    type Output = io::Result<C::Output>;

    fn kind(&self) -> &'static str {
        match self.direction {
            Direction::Read => "read",
            Direction::Write => "write",
        }
    }

    #[inline]
    fn queue(&self) -> &WaitQueue {
        self.polled.as_ref().source().queue(self.direction)
    }

    fn prepare(&mut self) -> bool {
        self.failed = register(self.polled.as_ref()).err();
        self.failed.is_some()
    }

    #[inline]
    fn attempt(&mut self) -> Option<io::Result<C::Output>> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        loop {
            let source = self.polled.as_ref().source();
            let seen = source.look();
            // What is known of a descriptor of which no events arrive may be outdated. One that was
            // set to non-blocking is called whatever is known of it: its user asks what is the case
            // now, and the event that would say so may not have been fetched yet.
            let registered = source.is_registered();
            if registered && !seen.is_ready(self.direction) && !self.refuses() {
                return None;
            }
            match carry_out(source, self.direction, seen, &mut self.call) {
                Outcome::Done(result) => return Some(result),
                Outcome::Blocked(error) if self.refuses() => return Some(Err(error)),
                Outcome::Blocked(_) => {
                    source.clear_blocked(self.direction, seen);
                    if !registered {
                        return None;
                    }
                }
            }
        }
    }

    #[inline]
    fn is_ready(&self) -> bool {
        let seen = self.polled.as_ref().source().look();
        seen.is_ready(self.direction) || self.refuses()
    }

    fn pass_on(&mut self) {
        self.queue().wake_one();
    }

    #[inline]
    fn needs(&self) -> Needs {
        Needs::cancellation_as_error()
    }

    fn cancelled(&mut self) -> Option<io::Result<C::Output>> {
        Some(Err(cancelled()))
    }

    /// A last call, because the event may be there and not fetched yet: a caller that waits for a
    /// nanosecond gets what is there, as with std.
    fn at_deadline(&mut self) -> Option<io::Result<C::Output>> {
        let source = self.polled.as_ref().source();
        let seen = source.look();
        match carry_out(source, self.direction, seen, &mut self.call) {
            Outcome::Done(result) => Some(result),
            Outcome::Blocked(_) => {
                source.clear_blocked(self.direction, seen);
                None
            }
        }
    }
}

operation! {
    /// A call on a descriptor. No byte is moved if it has not happened.
    pub struct IoOperation['a, C: IoCall]['a, C] => io::Result<<C as IoCall>::Output>
    as IoKind IoProjection {
        Call(Queued<Calling<&'a Polled, C>>),
    }
}

impl<'a, C: IoCall> IoOperation<'a, C> {
    /// The operation of a call.
    pub(crate) fn new(call: Calling<&'a Polled, C>) -> IoOperation<'a, C> {
        let operation = Queued::new(call);
        IoOperation {
            kind: IoKind::Call { operation },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::task::Waker;

    use super::*;

    #[test]
    fn what_has_no_events_is_not_waited_for() {
        // The operating system refuses to poll a file; some devices are like that and make callers
        // wait.
        let file = Descriptor::new(File::open("Cargo.toml").unwrap());
        let mut calls = 0;
        let mut call = |_: &File| -> io::Result<((), More)> {
            calls += 1;
            Err(io::ErrorKind::WouldBlock.into())
        };
        let error = file.block(Direction::Read, &mut call).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        let mut context = Context::from_waker(Waker::noop());
        let polled = file.poll(Direction::Read, &mut context, &mut call);
        assert!(matches!(polled, Poll::Ready(Err(_))));
        assert!(calls <= 4, "{calls} calls");
    }
}
