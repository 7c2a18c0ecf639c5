//! How every call on a descriptor is carried out.
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
//! A call is an operation (`op.rs`), which [`attempt`] waits for; only the futures of streams that are polled go round by themselves, in
//! [`poll_attempt`]. The call itself and what it says of the readiness is one function for all of them, [`carry_out`].
//!
//! "Ready" is what `reactor/source.rs` knows, and optimistic: a descriptor that was never waited for is tried at once and
//! needs no registration. A read that was shorter than its buffer has emptied the socket, and says so by clearing the bit:
//! that saves the second `recv`, which would only say "would block", of every request.
//!
//! When the time is over a last call decides, because the event may be there and not fetched yet: who waits for a nanosecond gets what
//! is there, as he does with std.
//!
//! What has no events cannot be waited for: there "would block" is the result.
//!
//! A waiter that was woken always calls before it waits again, so its wake-up is either used or passed on. If somebody else was faster, it
//! goes back to where it stood among those who wait.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::descriptor::Polled;
use super::op::{Call, Calling};
use crate::coroutine::Cancelled;
use crate::operation::Queued;
use crate::park;
use crate::reactor::{Direction, Registrar, Seen, Source};
use crate::util::clock::Deadline;
use crate::worker::{default, with_local};

/// What a call that succeeded says about the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// It may succeed, too.
    Perhaps,
    /// It would block: this one has taken, or filled, all there was.
    No,
}

/// Carries out `call`, which never blocks, as soon as the descriptor is ready for it.
///
/// # Errors
///
/// Those of the call and of registering; `elapsed` if `deadline` passes first; `WouldBlock` instead of waiting, if the call obeys that.
#[inline]
pub(super) fn attempt<C: Call>(
    call: Calling<'_, C>,
    deadline: Deadline,
    elapsed: fn() -> io::Error,
) -> io::Result<C::Output> {
    let result = Queued::block_until(call, deadline);
    result.unwrap_or_else(|| Err(elapsed()))
}

/// Carries out `call`, which never blocks, if the descriptor is ready for it; if not, the caller of the poll is woken when it may be.
///
/// # Errors
///
/// Those of `call` and of registering.
pub(crate) fn poll_attempt<T>(
    polled: &Polled,
    direction: Direction,
    context: &mut Context<'_>,
    mut call: impl FnMut() -> io::Result<(T, More)>,
) -> Poll<io::Result<T>> {
    ready!(park::poll_budget(context));
    let source = polled.source();
    loop {
        let mut seen = source.look();
        if !seen.is_ready(direction) {
            register(polled)?;
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

/// What became of a call.
pub(super) enum Outcome<T> {
    /// It has succeeded or failed.
    Done(io::Result<T>),
    /// It would block, and says so by this error.
    Blocked(io::Error),
}

/// Carries out `call`, and notes what a result says of the readiness; `seen` is what was known before.
#[inline]
pub(super) fn carry_out<T>(
    source: &Source,
    direction: Direction,
    seen: Seen,
    call: &mut impl Call<Output = T>,
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
                // The next one is to see for itself: an error is often fetched once, and what follows is an end of file.
                source.queue(direction).wake_one();
                return Outcome::Done(Err(error));
            }
        }
    }
}

/// The error of a call that was cancelled where nothing can be unwound. Not "interrupted", after which callers try again.
pub(crate) fn cancelled() -> io::Error {
    io::Error::other(Cancelled)
}

/// Sees to it that events of the descriptor arrive: through the worker that waits, or for a plain thread through any.
pub(crate) fn register(polled: &Polled) -> io::Result<()> {
    let mine: Option<Arc<Registrar>> =
        with_local(|local| local.map(|local| local.driver().registrar().clone()));
    match mine {
        Some(mine) => polled.register(&mine, true),
        None if polled.source().is_registered() => Ok(()),
        None => polled.register(default::default()?.any_registrar(), false),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::task::Waker;

    use super::super::descriptor::Descriptor;
    use super::*;

    #[test]
    fn what_has_no_events_is_not_waited_for() {
        // The operating system refuses to poll a file; some devices are like that and make callers wait.
        let file = Descriptor::new(File::open("Cargo.toml").unwrap());
        let mut calls = 0;
        let mut call = || -> io::Result<((), More)> {
            calls += 1;
            Err(io::ErrorKind::WouldBlock.into())
        };
        let error = file.attempt(Direction::Read, |_| call()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        let mut context = Context::from_waker(Waker::noop());
        let polled = poll_attempt(file.polled(), Direction::Read, &mut context, &mut call);
        assert!(matches!(polled, Poll::Ready(Err(_))));
        assert!(calls <= 4, "{calls} calls");
    }
}
