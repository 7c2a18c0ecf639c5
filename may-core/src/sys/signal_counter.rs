//! Signals that the process receives: a counter for each, and a byte in a pipe for each that
//! arrives.
//!
//! The handler does what a handler may do (R10): it counts, writes one byte to a socket that never
//! blocks, and calls the handler that was there before. A full socket does no harm: a waiter
//! empties it before it waits, and the counters are what decides.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::{mem, ptr};

/// The numbers of signals that there may be are smaller than this.
pub(crate) const NUMBERS: usize = 128;

/// The numbers that programs use.
pub(crate) mod number {
    pub(crate) use libc::{
        SIGABRT, SIGALRM, SIGBUS, SIGCHLD, SIGCONT, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGIO, SIGKILL,
        SIGPIPE, SIGPROF, SIGQUIT, SIGSEGV, SIGSTOP, SIGSYS, SIGTERM, SIGTRAP, SIGTSTP, SIGTTIN,
        SIGTTOU, SIGURG, SIGUSR1, SIGUSR2, SIGVTALRM, SIGWINCH, SIGXCPU, SIGXFSZ,
    };
}

/// How many of each signal have arrived.
static COUNTS: [AtomicU64; NUMBERS] = [const { AtomicU64::new(0) }; NUMBERS];
/// How many of all have arrived.
static TOTAL: AtomicU64 = AtomicU64::new(0);
/// What the handler writes to; never closed once it is set.
static OUTLET: AtomicI32 = AtomicI32::new(-1);
/// What was to be done about each signal before; set for those that are counted.
static PREVIOUS: [OnceLock<libc::sigaction>; NUMBERS] = [const { OnceLock::new() }; NUMBERS];

/// How many of a signal have arrived since [`count_from_now_on`] was called for it.
pub(crate) fn count(signal: i32) -> u64 {
    index(signal).map_or(0, |index| COUNTS[index].load(Ordering::SeqCst))
}

/// How many signals have arrived, of all that are counted.
pub(crate) fn total() -> u64 {
    TOTAL.load(Ordering::SeqCst)
}

/// The place of a signal in the tables.
fn index(signal: i32) -> Option<usize> {
    usize::try_from(signal)
        .ok()
        .filter(|index| *index < NUMBERS)
}

/// The end of the pipe from which the bytes come.
#[derive(Debug)]
pub(crate) struct Inlet(UnixStream);

impl Inlet {
    /// Makes the pipe, once.
    ///
    /// # Errors
    ///
    /// An error with `EMFILE` or `ENFILE` if there are no descriptors left.
    pub(crate) fn open() -> io::Result<Inlet> {
        let (inlet, outlet) = UnixStream::pair()?;
        inlet.set_nonblocking(true)?;
        outlet.set_nonblocking(true)?;
        // A handler may run at any time from now on, so this end is never closed.
        OUTLET.store(outlet.into_raw_fd(), Ordering::SeqCst);
        Ok(Inlet(inlet))
    }

    /// Takes out all there is. The bytes carry nothing; the counts say what happened.
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

impl AsRawFd for Inlet {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.as_raw_fd()
    }
}

/// Installs the handler for a signal, if it is not there: from now on it is counted, and no longer
/// has its default action. The pipe is open.
///
/// # Errors
///
/// `InvalidInput` if there is no such signal or it cannot be handled; nothing is installed then.
pub(crate) fn count_from_now_on(signal: i32) -> io::Result<()> {
    static INSTALLED: Mutex<[bool; NUMBERS]> = Mutex::new([false; NUMBERS]);
    let index = index(signal).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if installed[index] {
        return Ok(());
    }
    // SAFETY: (R10) zeros are an empty mask and no flags, the structures live across the calls, and
    // the handler does only what a handler may.
    unsafe {
        let mut previous: libc::sigaction = mem::zeroed();
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handle as *const () as usize;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK | libc::SA_SIGINFO;
        libc::sigemptyset(&mut action.sa_mask);
        // What was there before is known before anything can be forwarded to it.
        if libc::sigaction(signal, ptr::null(), &mut previous) != 0 {
            return Err(io::Error::last_os_error());
        }
        let _ = PREVIOUS[index].set(previous);
        if libc::sigaction(signal, &action, ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    installed[index] = true;
    Ok(())
}

/// The handler.
extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(index) = index(signal) else { return };
    COUNTS[index].fetch_add(1, Ordering::SeqCst);
    TOTAL.fetch_add(1, Ordering::SeqCst);
    // SAFETY: (R10) one byte from a static; the descriptor stays open; `write` may be called in a
    // handler, and what it does to `errno` is undone for the code that was interrupted.
    unsafe {
        let errno = errno();
        let before = *errno;
        libc::write(OUTLET.load(Ordering::SeqCst), b"!".as_ptr().cast(), 1);
        *errno = before;
    }
    let Some(previous) = PREVIOUS[index].get() else {
        return;
    };
    match previous.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {}
        // SAFETY: (R10) it was installed as a handler with these arguments, and is called as one.
        address if previous.sa_flags & libc::SA_SIGINFO != 0 => unsafe {
            type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
            mem::transmute::<usize, Handler>(address)(signal, info, context);
        },
        // SAFETY: (R10) as above, with one argument.
        address => unsafe {
            mem::transmute::<usize, extern "C" fn(libc::c_int)>(address)(signal);
        },
    }
}

/// Where this thread keeps `errno`.
fn errno() -> *mut libc::c_int {
    // SAFETY: (R10) the function computes an address and may be called in a handler.
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
