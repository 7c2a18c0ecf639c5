//! A descriptor together with its readiness, mode and timeouts: what every socket consists of. What
//! is done with one is in `call.rs`.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::reactor::{Direction, Registrar, Source};
use crate::util::clock::Deadline;

/// The value of a timeout that is not set.
const NO_TIMEOUT: u64 = u64::MAX;

/// What a call that waits needs to know of a descriptor, whatever that is.
#[derive(Debug)]
pub struct Polled {
    source: Arc<Source>,
    descriptor: std::os::fd::RawFd,
    /// The user asked for `WouldBlock` instead of waiting.
    nonblocking: AtomicBool,
    /// The descriptor may be in blocking mode, because others share it.
    may_block: AtomicBool,
    /// Nanoseconds, per direction.
    timeouts: [AtomicU64; 2],
}

impl Polled {
    /// What is known of the descriptor's readiness.
    #[inline]
    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Whether the user asked for `WouldBlock` instead of waiting.
    #[inline]
    pub(crate) fn is_nonblocking(&self) -> bool {
        self.nonblocking.load(Ordering::Relaxed)
    }

    /// Makes sure that events arrive.
    pub(crate) fn register(&self, registrar: &Arc<Registrar>, movable: bool) -> io::Result<()> {
        self.source.register(self.descriptor, registrar, movable)
    }
}

impl AsRef<Polled> for Polled {
    #[inline]
    fn as_ref(&self) -> &Polled {
        self
    }
}

/// A descriptor that blocks the coroutine only. Any number of coroutines and threads may use it at
/// once.
///
/// The descriptor itself is not in blocking mode, unless it [may](Descriptor::may_block) be; it is
/// deregistered before `T` closes it (R8).
pub struct Descriptor<T: AsFd> {
    polled: Polled,
    /// Dropped after `drop` has deregistered it.
    inner: T,
}

impl<T: AsFd> Descriptor<T> {
    /// Takes over `inner`, which the caller has made non-blocking.
    pub(crate) fn new(inner: T) -> Descriptor<T> {
        Descriptor {
            polled: Polled {
                source: Source::new(),
                descriptor: inner.as_fd().as_raw_fd(),
                nonblocking: AtomicBool::new(false),
                may_block: AtomicBool::new(false),
                timeouts: [AtomicU64::new(NO_TIMEOUT), AtomicU64::new(NO_TIMEOUT)],
            },
            inner,
        }
    }

    /// What was taken over.
    #[inline]
    pub(crate) fn get(&self) -> &T {
        &self.inner
    }

    /// Gives `inner` back, deregistered.
    pub(crate) fn into_inner(self) -> T {
        self.polled.source.deregister(self.polled.descriptor);
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: (R8) `this` is not dropped, so each field is moved out or dropped
        // exactly once: `inner` here, the source on the next line; the rest needs no drop.
        unsafe {
            drop(std::ptr::read(&this.polled.source));
            std::ptr::read(&this.inner)
        }
    }

    /// What a call that waits needs to know.
    #[inline]
    pub(crate) fn polled(&self) -> &Polled {
        &self.polled
    }

    /// When the timeout of a direction elapses for a call that begins now.
    #[inline]
    pub(crate) fn deadline(&self, direction: Direction) -> Deadline {
        self.timeout(direction)
            .map_or(Deadline::NEVER, Deadline::after)
    }

    /// Wakes those who wait for a direction.
    pub(crate) fn wake_all(&self, direction: Direction) {
        self.polled.source.queue(direction).wake_all();
    }

    /// Wakes all that wait, so that they try again, because something was changed of which there
    /// may be no event.
    pub(crate) fn recheck(&self) {
        self.polled.source.forget();
    }

    /// The timeout of a direction.
    pub(crate) fn timeout(&self, direction: Direction) -> Option<Duration> {
        let nanoseconds = self.timeouts(direction).load(Ordering::Relaxed);
        (nanoseconds != NO_TIMEOUT).then(|| Duration::from_nanos(nanoseconds))
    }

    /// Sets the timeout of a direction. One of more than 500 years is none.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for zero, which std refuses, too.
    pub(crate) fn set_timeout(
        &self,
        direction: Direction,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a timeout of zero would never let a call wait: use `set_nonblocking(true)`, or `None` for no timeout",
            ));
        }
        let nanoseconds = timeout.map_or(NO_TIMEOUT, |timeout| {
            u64::try_from(timeout.as_nanos()).unwrap_or(NO_TIMEOUT)
        });
        self.timeouts(direction)
            .store(nanoseconds, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the descriptor may be in blocking mode: a call that cannot be told not to wait is to
    /// be preceded by a question.
    pub(crate) fn may_block(&self) -> bool {
        self.polled.may_block.load(Ordering::Relaxed)
    }

    /// Notes that the descriptor's mode is not ours, or not ours alone.
    pub(crate) fn set_may_block(&self) {
        self.polled.may_block.store(true, Ordering::Relaxed);
    }

    /// Whether the user asked for `WouldBlock` instead of waiting.
    pub(crate) fn is_nonblocking(&self) -> bool {
        self.polled.is_nonblocking()
    }

    /// Chooses between waiting and `WouldBlock`.
    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.polled
            .nonblocking
            .store(nonblocking, Ordering::Relaxed);
        if nonblocking {
            // Those who wait are to see it.
            self.recheck();
        }
    }

    /// Where the timeout of a direction is kept.
    fn timeouts(&self, direction: Direction) -> &AtomicU64 {
        &self.polled.timeouts[direction as usize]
    }
}

/// What [connecting](crate::net::TcpStream::connect_timeout) and its like say when their time is
/// over.
pub(crate) fn timed_out() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        "the operation did not end within its time limit",
    )
}

/// What has a descriptor of May's. All that streams and sockets do is done through it.
pub trait HasDescriptor {
    /// What moves the bytes, or accepts the connections.
    type Raw: AsFd;

    /// The descriptor.
    #[doc(hidden)]
    fn descriptor(&self) -> &Descriptor<Self::Raw>;
}

impl<T: AsFd> Drop for Descriptor<T> {
    fn drop(&mut self) {
        self.polled.source.deregister(self.polled.descriptor);
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for Descriptor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
