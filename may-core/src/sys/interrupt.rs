//! The interrupt signal, ctrl-c: a counter and a byte in a pipe for each that arrives.
//!
//! The handler does two things that a handler may do (docs/safety.md, R10): it counts, and it writes one byte to a socket that never
//! blocks. A full socket is no harm: whoever waits empties it before he waits, and the counter is what decides.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

/// How many interrupts have arrived.
static COUNT: AtomicU64 = AtomicU64::new(0);
/// What the handler writes to; open for ever once it is set.
static OUTLET: AtomicI32 = AtomicI32::new(-1);

/// How many interrupts have arrived since the handler was installed.
pub(crate) fn count() -> u64 {
    COUNT.load(Ordering::SeqCst)
}

/// The end of the pipe from which the bytes come.
#[derive(Debug)]
pub(crate) struct Inlet(UnixStream);

impl Inlet {
    /// Takes out all there is. The bytes carry nothing; the count says what happened.
    pub(crate) fn empty(&self) {
        let mut bytes = [0; 64];
        // The other end stays open, so it ends with "would block".
        while matches!((&self.0).read(&mut bytes), Ok(1..)) {}
    }
}

impl AsFd for Inlet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Installs the handler, once: from now on an interrupt does not end the process.
///
/// # Errors
///
/// What the operating system says, usually that there are no descriptors left; nothing is installed then.
pub(crate) fn install() -> io::Result<Inlet> {
    let (inlet, outlet) = UnixStream::pair()?;
    inlet.set_nonblocking(true)?;
    outlet.set_nonblocking(true)?;
    // Set before the handler can run.
    OUTLET.store(outlet.as_raw_fd(), Ordering::SeqCst);
    // SAFETY: (docs/safety.md, R10) zeros are an empty mask and no flags, the structure lives across the call, and the handler
    // does only what a handler may.
    let result = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handle as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(libc::SIGINT, &action, std::ptr::null_mut())
    };
    if result != 0 {
        let error = io::Error::last_os_error();
        OUTLET.store(-1, Ordering::SeqCst);
        return Err(error);
    }
    // The handler may run at any time from now on, so this end is never closed.
    let _ = outlet.into_raw_fd();
    Ok(Inlet(inlet))
}

/// The handler.
extern "C" fn handle(_signal: libc::c_int) {
    COUNT.fetch_add(1, Ordering::SeqCst);
    // SAFETY: (docs/safety.md, R10) one byte from a static; the descriptor stays open; `write` may be called in a handler, and
    // what it does to `errno` is undone for the code that was interrupted.
    unsafe {
        let errno = errno();
        let before = *errno;
        libc::write(OUTLET.load(Ordering::SeqCst), b"!".as_ptr().cast(), 1);
        *errno = before;
    }
}

/// Where this thread keeps `errno`.
fn errno() -> *mut libc::c_int {
    // SAFETY: (docs/safety.md, R10) the function computes an address and may be called in a handler.
    unsafe {
        #[cfg(target_vendor = "apple")]
        return libc::__error();
        #[cfg(target_os = "freebsd")]
        return libc::__error();
        #[cfg(target_os = "android")]
        return libc::__errno();
        #[cfg(not(any(target_vendor = "apple", target_os = "freebsd", target_os = "android")))]
        libc::__errno_location()
    }
}
