//! Standard output and standard error.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice, IsTerminal, LineWriter, Write};
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::process::Stdio;
use std::sync::OnceLock;

use super::stream::Stream;
use crate::sync::{ReentrantLock, ReentrantLockGuard};
use crate::sys::standard;

/// The one standard output, whose lines go out when they are complete.
static OUTPUT: OnceLock<ReentrantLock<RefCell<LineWriter<Stream>>>> = OnceLock::new();
/// The one standard error, of which everything goes out at once.
static ERROR: OnceLock<ReentrantLock<RefCell<Stream>>> = OnceLock::new();

/// Standard output, which all of the process share; the counterpart of [`std::io::stdout`].
///
/// A line goes out when it is complete, what is left of the last one when the process ends.
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use may::io::stdout;
///
/// let mut out = stdout().lock();
/// // No other lines come between these.
/// writeln!(out, "one")?;
/// writeln!(out, "two")?;
/// # std::io::Result::Ok(())
/// ```
#[must_use]
pub fn stdout() -> Stdout {
    let open = || {
        standard::at_exit(write_the_rest);
        let stream = Stream::open(standard::OUTPUT);
        ReentrantLock::new(RefCell::new(LineWriter::new(stream)))
    };
    Stdout {
        output: OUTPUT.get_or_init(open),
    }
}

/// Standard error, which all of the process share; the counterpart of [`std::io::stderr`].
///
/// # Examples
///
/// ```
/// use std::io::Write;
///
/// writeln!(may::io::stderr(), "something is wrong")?;
/// # std::io::Result::Ok(())
/// ```
#[must_use]
pub fn stderr() -> Stderr {
    let open = || ReentrantLock::new(RefCell::new(Stream::open(standard::ERROR)));
    Stderr {
        output: ERROR.get_or_init(open),
    }
}

/// Writes what is left in the buffer when the process exits, and has whatever comes after that
/// written at once. Blocks the thread, since the workers may be doing anything. If the lock is held
/// the stream is left alone.
extern "C" fn write_the_rest() {
    if let Some(output) = OUTPUT.get()
        && let Some(guard) = output.try_lock()
        && let Ok(mut writer) = guard.try_borrow_mut()
    {
        let direct = || Stream::direct(standard::OUTPUT);
        // What was there is not taken apart any more.
        mem::forget(mem::replace(writer.get_mut(), direct()));
        let _ = writer.flush();
        *writer = LineWriter::with_capacity(0, direct());
    }
}

/// Makes a handle and its lock.
macro_rules! output {
    (
        $(#[$about_handle:meta])* $handle:ident,
        $(#[$about_lock:meta])* $lock:ident,
        $writer:ty, $number:expr, $std:path
    ) => {
        $(#[$about_handle])*
        pub struct $handle {
            output: &'static ReentrantLock<RefCell<$writer>>,
        }

        impl UnwindSafe for $handle {}
        impl RefUnwindSafe for $handle {}

        impl $handle {
            /// Waits until no other coroutine or thread uses the stream, and keeps it until the
            /// guard is dropped. The coroutine (or thread) that holds it may lock it again.
            ///
            /// # Cancellation
            ///
            /// A cancelled coroutine unwinds here.
            #[must_use]
            pub fn lock(&self) -> $lock<'static> {
                $lock {
                    output: self.output.lock(),
                }
            }
        }

        $(#[$about_lock])*
        pub struct $lock<'a> {
            output: ReentrantLockGuard<'a, RefCell<$writer>>,
        }

        impl UnwindSafe for $lock<'_> {}
        impl RefUnwindSafe for $lock<'_> {}

        impl Write for $lock<'_> {
            fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
                self.output.borrow_mut().write(buffer)
            }

            fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
                self.output.borrow_mut().write_vectored(buffers)
            }

            fn write_all(&mut self, buffer: &[u8]) -> io::Result<()> {
                self.output.borrow_mut().write_all(buffer)
            }

            fn flush(&mut self) -> io::Result<()> {
                self.output.borrow_mut().flush()
            }
        }

        /// Each call locks.
        impl Write for &$handle {
            fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
                self.lock().write(buffer)
            }

            fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
                self.lock().write_vectored(buffers)
            }

            fn write_all(&mut self, buffer: &[u8]) -> io::Result<()> {
                self.lock().write_all(buffer)
            }

            fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> io::Result<()> {
                self.lock().write_fmt(arguments)
            }

            fn flush(&mut self) -> io::Result<()> {
                self.lock().flush()
            }
        }

        /// Each call locks.
        impl Write for $handle {
            fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
                (&*self).write(buffer)
            }

            fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
                (&*self).write_vectored(buffers)
            }

            fn write_all(&mut self, buffer: &[u8]) -> io::Result<()> {
                (&*self).write_all(buffer)
            }

            fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> io::Result<()> {
                (&*self).write_fmt(arguments)
            }

            fn flush(&mut self) -> io::Result<()> {
                (&*self).flush()
            }
        }

        /// For a child process that writes to the same stream.
        impl From<$handle> for Stdio {
            fn from(_: $handle) -> Stdio {
                $std().into()
            }
        }

        output!(@both $handle, stringify!($handle), $number);
        output!(@both $lock<'_>, stringify!($lock), $number);
    };
    (@both $type:ty, $name:expr, $number:expr) => {
        impl $type {
            /// Whether this is a terminal. (std has it in a trait that only std can implement.)
            #[must_use]
            pub fn is_terminal(&self) -> bool {
                self.as_fd().is_terminal()
            }
        }

        impl AsFd for $type {
            fn as_fd(&self) -> BorrowedFd<'_> {
                standard::stream($number)
            }
        }

        impl AsRawFd for $type {
            fn as_raw_fd(&self) -> RawFd {
                $number
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name).finish_non_exhaustive()
            }
        }
    };
}

output! {
    /// A handle to standard output; the counterpart of [`std::io::Stdout`].
    ///
    /// Writing blocks the coroutine until the reader has taken enough. One that is cancelled
    /// meanwhile may have written a part, and what it has begun in the middle of a line goes out
    /// with the next line. A line that one call writes from its beginning to its end is written or
    /// it is not, if it is no longer than what goes into a pipe at once (4096 bytes on Linux).
    Stdout,
    /// Standard output, locked; the counterpart of [`std::io::StdoutLock`].
    StdoutLock,
    LineWriter<Stream>, standard::OUTPUT, std::io::stdout
}

output! {
    /// A handle to standard error; the counterpart of [`std::io::Stderr`].
    ///
    /// Writing blocks the coroutine until the reader has taken enough. One that is cancelled
    /// meanwhile may have written a part.
    Stderr,
    /// Standard error, locked; the counterpart of [`std::io::StderrLock`].
    StderrLock,
    Stream, standard::ERROR, std::io::stderr
}
