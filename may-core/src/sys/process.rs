//! Child processes, as far as std does not know them: being told of their end, without reaping
//! them.

use std::io;
use std::os::fd::OwnedFd;

/// A descriptor that becomes readable when a child of this process ends, and stays so. The child
/// has not been waited for, so its number is not used again.
///
/// # Errors
///
/// `Unsupported`, or an error with `ENOSYS`, if the system has no such descriptors; one with
/// `EMFILE` or `ENFILE` if none is left; one with `ESRCH` if there is no such child.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn end_descriptor(id: u32) -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;

    // SAFETY: (system calls) plain values only. It is closed on `exec`.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, id as libc::pid_t, 0) };
    match libc::c_int::try_from(descriptor) {
        // SAFETY: (system calls) the descriptor is new, and has no other owner.
        Ok(descriptor) if descriptor >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn end_descriptor(_id: u32) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether an error of [`end_descriptor`] says that there is no such process.
pub(crate) fn is_no_child(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ESRCH)
}

/// Whether a child of this process has ended, or is no longer its child. It still has to be waited
/// for.
pub(crate) fn has_ended(id: u32) -> bool {
    // SAFETY: (system calls) zeros are a value of this plain structure, which lives across the
    // call.
    unsafe {
        let mut information: libc::siginfo_t = std::mem::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        let result = libc::waitid(libc::P_PID, id as libc::id_t, &mut information, options);
        // An error says that there is nothing to wait for.
        result != 0 || information.si_pid() != 0
    }
}
