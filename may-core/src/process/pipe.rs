//! This process's ends of a child's standard streams.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::process;

use crate::io::CoIo;
use crate::io::halves::Through;
use crate::io::raw::{byte_reader, byte_writer};

/// Makes an end of std's one of ours. The pipe is this process's own, so its mode may be changed.
macro_rules! end_of_pipe {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        pub struct $name(CoIo<process::$name>);

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        impl AsRawFd for $name {
            fn as_raw_fd(&self) -> RawFd {
                self.0.as_raw_fd()
            }
        }

        impl IntoRawFd for $name {
            fn into_raw_fd(self) -> RawFd {
                self.0.into_inner().into_raw_fd()
            }
        }

        impl From<$name> for OwnedFd {
            fn from(end: $name) -> OwnedFd {
                end.0.into_inner().into()
            }
        }

        impl From<OwnedFd> for $name {
            fn from(descriptor: OwnedFd) -> $name {
                process::$name::from(descriptor).into()
            }
        }

        /// An end of std's.
        impl From<process::$name> for $name {
            fn from(end: process::$name) -> $name {
                // Only a descriptor that is not open would be refused.
                $name(CoIo::new(end).expect("an open descriptor can be asked what it is"))
            }
        }

        /// For another child, whose stream it becomes.
        impl From<$name> for process::Stdio {
            fn from(end: $name) -> process::Stdio {
                end.0.into_inner().into()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.get_ref().fmt(f)
            }
        }
    };
}

end_of_pipe! {
    /// The end to which a child's standard input is connected; the counterpart of [`std::process::ChildStdin`]. The child sees an end
    /// of file when it is dropped.
    ///
    /// It is an arm of `select!`, too: `write(stdin, &buffer)`, `writable(stdin)`.
    ChildStdin
}

end_of_pipe! {
    /// The end to which a child's standard output is connected; the counterpart of [`std::process::ChildStdout`].
    ///
    /// It is an arm of `select!`, too: `read(stdout, &mut buffer)`, `readable(stdout)`.
    ChildStdout
}

end_of_pipe! {
    /// The end to which a child's standard error is connected; the counterpart of [`std::process::ChildStderr`].
    ///
    /// It is an arm of `select!`, too: `read(stderr, &mut buffer)`, `readable(stderr)`.
    ChildStderr
}

byte_writer!([] ChildStdin, this => this.0);
byte_reader!([] ChildStdout, this => this.0);
byte_reader!([] ChildStderr, this => this.0);
