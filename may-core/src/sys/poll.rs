//! What mio's poll leaves to the platform: which events to ask for, sleeping for less than a
//! millisecond, and what its errors mean.

use std::time::Duration;

use mio::{Interest, Poll};

/// The events that a source is registered for. Input that follows urgent data is an event of its
/// own on Linux.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) const INTEREST: Interest = Interest::READABLE
    .add(Interest::WRITABLE)
    .add(Interest::PRIORITY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// Waits until `poll` has an event or `timeout` has passed, to the precision that the platform has;
/// false if it has no better one than mio's, and nothing was waited for.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(crate) fn wait_precisely(poll: &Poll, timeout: Duration) -> bool {
    use std::os::fd::AsRawFd;

    let mut descriptor = libc::pollfd {
        fd: poll.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let timeout = libc::timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        // Below 10^9, so it fits.
        tv_nsec: timeout.subsec_nanos() as _,
    };
    // The result does not matter: on an event, a signal or the timeout the caller looks at the poll
    // again.
    // SAFETY: (system calls) both structures live across the call, and there is one descriptor.
    unsafe { libc::ppoll(&mut descriptor, 1, &timeout, std::ptr::null()) };
    true
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(crate) fn wait_precisely(_poll: &Poll, _timeout: Duration) -> bool {
    false
}

/// Whether a registration failed because the descriptor is of a kind that cannot be polled, a plain
/// file for example. Calls on it hardly ever wait.
#[cfg(unix)]
pub(crate) fn cannot_be_polled(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(libc::EPERM)
}
