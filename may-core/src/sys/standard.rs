//! The standard streams, and what is to be done with them when the process ends.

use std::os::fd::{BorrowedFd, RawFd};

/// The numbers of the standard streams.
pub(crate) const INPUT: RawFd = libc::STDIN_FILENO;
pub(crate) const OUTPUT: RawFd = libc::STDOUT_FILENO;
pub(crate) const ERROR: RawFd = libc::STDERR_FILENO;

/// One of the standard streams. It has no owner, and stays open unless it is closed by its number;
/// then calls fail.
pub(crate) fn stream(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: (system calls) as std's own handles do: these numbers stand for the streams, whatever
    // they lead to.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Whether an error says that the stream is closed.
pub(crate) fn is_closed(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(libc::EBADF)
}

pub(crate) fn at_exit(last: extern "C" fn()) {
    // SAFETY: (system calls) the function is there as long as the program. Without memory for it,
    // it is not called.
    unsafe {
        libc::atexit(last);
    }
}
