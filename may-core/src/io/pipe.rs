//! Pipes: those within a program, and what the ends of all pipes have in common.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::descriptor::HasDescriptor;
use super::halves::{part_that_reads, part_that_writes};
use crate::sys::{descriptor, socket};

/// Makes an end of std's one of ours. A pipe is this process's own, so its mode may be changed.
/// Clones share the descriptor, as the mode is common to all descriptors of it.
macro_rules! end_of_pipe {
    ($(#[$documentation:meta])* $name:ident($std:ty)) => {
        $(#[$documentation])*
        pub struct $name(std::sync::Arc<$crate::io::CoIo<$std>>);

        impl $name {
            /// The end as std has it, in the mode that it had.
            ///
            /// # Panics
            ///
            /// If there are clones, which keep their mode, and the pipe cannot be opened once more.
            fn release(self) -> $std {
                match std::sync::Arc::try_unwrap(self.0) {
                    Ok(end) => end.into_inner(),
                    Err(shared) => $crate::io::pipe::opened_again(shared.get_ref()).into(),
                }
            }
        }

        impl $crate::io::HasDescriptor for $name {
            type Raw = <$crate::io::CoIo<$std> as $crate::io::HasDescriptor>::Raw;

            fn descriptor(&self) -> &$crate::io::Descriptor<Self::Raw> {
                self.0.descriptor()
            }
        }

        impl std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        impl std::os::fd::AsRawFd for $name {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.0.as_raw_fd()
            }
        }

        impl std::os::fd::IntoRawFd for $name {
            fn into_raw_fd(self) -> std::os::fd::RawFd {
                self.release().into_raw_fd()
            }
        }

        impl From<$name> for std::os::fd::OwnedFd {
            fn from(end: $name) -> std::os::fd::OwnedFd {
                end.release().into()
            }
        }

        impl From<std::os::fd::OwnedFd> for $name {
            fn from(descriptor: std::os::fd::OwnedFd) -> $name {
                <$std>::from(descriptor).into()
            }
        }

        /// An end of std's.
        impl From<$std> for $name {
            fn from(end: $std) -> $name {
                // Only a descriptor that is not open would be refused.
                let end = $crate::io::CoIo::new(end);
                let end = end.expect("an open descriptor can be asked what it is");
                $name(std::sync::Arc::new(end))
            }
        }

        /// For a child, whose stream it becomes.
        impl From<$name> for std::process::Stdio {
            fn from(end: $name) -> std::process::Stdio {
                end.release().into()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.get_ref().fmt(f)
            }
        }
    };
}
pub(crate) use end_of_pipe;

/// A descriptor of the same pipe with a mode of its own, as std would have it.
pub(crate) fn opened_again(end: &impl AsFd) -> OwnedFd {
    let opened = descriptor::reopen(end.as_fd()).and_then(|opened| {
        socket::set_nonblocking(opened.as_fd(), false)?;
        Ok(opened)
    });
    match opened {
        Ok(opened) => opened,
        Err(error) => panic!("a pipe that has clones could not be opened once more: {error}"),
    }
}

end_of_pipe! {
    /// The end of a [`pipe`] that reads; the counterpart of [`std::io::PipeReader`]. The end of the
    /// stream comes when all writers have gone.
    ///
    /// It is an arm of `select!`, too: `read(reader, &mut buffer)`, `readable(reader)`.
    PipeReader(io::PipeReader)
}

end_of_pipe! {
    /// The end of a [`pipe`] that writes; the counterpart of [`std::io::PipeWriter`]. Writing fails
    /// with `BrokenPipe` when all readers have gone.
    ///
    /// It is an arm of `select!`, too: `write(writer, &buffer)`, `writable(writer)`.
    PipeWriter(io::PipeWriter)
}

part_that_reads!([] PipeReader);
part_that_writes!([] PipeWriter);

impl PipeReader {
    /// Another handle of this end. It shares the descriptor.
    ///
    /// # Errors
    ///
    /// None; the type is std's.
    pub fn try_clone(&self) -> io::Result<PipeReader> {
        Ok(PipeReader(self.0.clone()))
    }
}

impl PipeWriter {
    /// Another handle of this end. It shares the descriptor.
    ///
    /// # Errors
    ///
    /// None; the type is std's.
    pub fn try_clone(&self) -> io::Result<PipeWriter> {
        Ok(PipeWriter(self.0.clone()))
    }
}

/// Makes a pipe; the counterpart of [`std::io::pipe`], whose ends block only the coroutine.
///
/// Its ends may become standard streams of a [`Command`](crate::process::Command): they are in the
/// mode then that std leaves them in. A clone of an end keeps its mode. So an end that has clones
/// is opened once more for the child, which only Linux can do; elsewhere the conversion panics.
///
/// # Errors
///
/// What the operating system says: that there are no descriptors left.
///
/// # Examples
///
/// ```
/// use may::{coroutine, io::{self, Read, Write}};
///
/// let (mut reader, mut writer) = io::pipe()?;
/// let reading = coroutine::spawn(move || {
///     let mut text = String::new();
///     reader.read_to_string(&mut text).map(|_| text)
/// });
/// writer.write_all(b"through a pipe")?;
/// drop(writer);
/// assert_eq!(reading.join().unwrap()?, "through a pipe");
/// # io::Result::Ok(())
/// ```
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    Ok((reader.into(), writer.into()))
}
