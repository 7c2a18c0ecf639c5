//! SIGINT as bytes in a pipe.
//!
//! The handler does what a handler may (R10): it counts, and writes a byte to a pipe that does not block. Whoever waits reads the
//! pipe and then compares the count.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

/// How many signals have come.
static COUNT: AtomicU64 = AtomicU64::new(0);
/// The end of the pipe that the handler writes to.
static WRITER: AtomicI32 = AtomicI32::new(-1);

/// How many signals have come so far.
pub(crate) fn count() -> u64 {
    COUNT.load(Ordering::SeqCst)
}

/// Installs the handler and returns the end of the pipe that becomes readable with each signal. To be called once.
///
/// # Errors
///
/// What the operating system says; usually that there are no descriptors left.
pub(crate) fn install() -> io::Result<OwnedFd> {
    let (reader, writer) = io::pipe()?;
    let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
    for end in [&reader, &writer] {
        // SAFETY: (docs/safety.md, system calls) the descriptor is open, and the flags are plain numbers.
        let result = unsafe {
            let flags = libc::fcntl(end.as_raw_fd(), libc::F_GETFL);
            libc::fcntl(end.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK)
        };
        if result == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    WRITER.store(writer.as_raw_fd(), Ordering::SeqCst);
    // The handler may run until the process ends, so its end of the pipe stays open as long.
    std::mem::forget(writer);
    // SAFETY: (docs/safety.md, R10) the structure is plain data, and the handler takes no lock and allocates nothing.
    let result = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as *const () as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(libc::SIGINT, &action, std::ptr::null_mut())
    };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(reader) }
}

/// Notes a signal.
extern "C" fn on_signal(_signal: libc::c_int) {
    COUNT.fetch_add(1, Ordering::SeqCst);
    // A full pipe is readable already, so a failure does not matter; but the interrupted code must not see its error number.
    // SAFETY: (docs/safety.md, R10) `write` may be called in a handler; the buffer is a constant.
    unsafe {
        let saved = *errno();
        libc::write(WRITER.load(Ordering::SeqCst), b"!".as_ptr().cast(), 1);
        *errno() = saved;
    }
}

/// Where this thread's error number is.
fn errno() -> *mut libc::c_int {
    // SAFETY: (docs/safety.md, system calls) the function has no preconditions.
    unsafe {
        #[cfg(any(target_os = "linux", target_os = "emscripten"))]
        return libc::__errno_location();
        #[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
        return libc::__error();
        #[cfg(any(target_os = "android", target_os = "openbsd", target_os = "netbsd"))]
        return libc::__errno();
    }
}
