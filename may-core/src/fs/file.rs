//! Open files.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

use super::{FileTimes, Metadata, Permissions, on};
use crate::blocking::unblock;

/// An open file; the counterpart of [`std::fs::File`].
///
/// Like std's it has one position for all who use it, and closes the file when it is dropped,
/// without telling of errors: call [`sync_all`](File::sync_all) where it matters that the data have
/// arrived. The file is closed where it is dropped. A network file system may write only then: drop
/// such a file in [`unblock`].
///
/// Share one by `&File` or `Arc<File>`, and read and write through `&*file`:
/// `impl Read for Arc<File>`, which std has for its own, is one that the language leaves to std.
///
/// Each read and each write goes to another thread; see the [module's
/// documentation](super#what-a-call-costs). The methods of [`Read`] and [`Write`] that move more
/// than one buffer (`read_to_end`, `read_exact`, `write_all`, `write!`) go there once.
///
/// # Cancellation
///
/// Its calls, those of [`Read`], [`Write`] and [`Seek`], too, are cancelled as the [module's
/// documentation](super#cancellation) says: nothing that was read or written is lost with a
/// coroutine that is cancelled.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Seek, Write};
/// use may::{coroutine::spawn, fs::{self, File}};
///
/// let path = std::env::temp_dir().join(format!("may-doc-file-{}", std::process::id()));
/// let for_coroutine = path.clone();
/// let text = spawn(move || {
///     let mut file = File::options().read(true).write(true).create_new(true).open(for_coroutine)?;
///     write!(file, "{} lines", 12)?;
///     file.rewind()?;
///     let mut text = String::new();
///     file.read_to_string(&mut text)?;
///     std::io::Result::Ok(text)
/// })
/// .join()
/// .unwrap()?;
/// assert_eq!(text, "12 lines");
/// fs::remove_file(path)?;
/// # std::io::Result::Ok(())
/// ```
pub struct File(std::fs::File);

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such file, `PermissionDenied` if it may not be read.
    ///
    /// # Cancellation
    ///
    /// See the [module's documentation](super#cancellation).
    pub fn open<P: AsRef<Path>>(path: P) -> io::Result<File> {
        on(path, |path| std::fs::File::open(path)).map(File)
    }

    /// Opens a file for writing, which is created or emptied.
    ///
    /// # Errors
    ///
    /// `NotFound` if the directory does not exist, `PermissionDenied` if the file may not be
    /// written, `IsADirectory` if it is a directory.
    ///
    /// # Cancellation
    ///
    /// See the [module's documentation](super#cancellation).
    pub fn create<P: AsRef<Path>>(path: P) -> io::Result<File> {
        on(path, |path| std::fs::File::create(path)).map(File)
    }

    /// Creates a file for reading and writing.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if there is one, `NotFound` if the directory does not exist,
    /// `PermissionDenied` if that may not be changed.
    ///
    /// # Cancellation
    ///
    /// See the [module's documentation](super#cancellation).
    pub fn create_new<P: AsRef<Path>>(path: P) -> io::Result<File> {
        on(path, |path| std::fs::File::create_new(path)).map(File)
    }

    /// How to open a file: the same as [`OpenOptions::new`].
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Waits until data and metadata have reached the disk.
    ///
    /// # Errors
    ///
    /// `StorageFull`, or an error of the device: also for a write that has returned without an
    /// error.
    ///
    /// # Cancellation
    ///
    /// See the [module's documentation](super#cancellation).
    pub fn sync_all(&self) -> io::Result<()> {
        unblock(|| self.0.sync_all())
    }

    /// Waits until the data have reached the disk, and of the metadata what is needed to find them.
    ///
    /// # Errors
    ///
    /// As for [`sync_all`](File::sync_all).
    ///
    /// # Cancellation
    ///
    /// See the [module's documentation](super#cancellation).
    pub fn sync_data(&self) -> io::Result<()> {
        unblock(|| self.0.sync_data())
    }

    /// Sets the length of the file in bytes: cuts it off, or adds zeros.
    ///
    /// # Errors
    ///
    /// `InvalidInput` or `PermissionDenied` if the file was not opened for writing, `FileTooLarge`
    /// if it would be longer than the file system allows.
    ///
    /// # Cancellation
    ///
    /// See the [module's documentation](super#cancellation).
    pub fn set_len(&self, size: u64) -> io::Result<()> {
        unblock(|| self.0.set_len(size))
    }

    /// What is known of the file.
    ///
    /// # Errors
    ///
    /// An error of the device, or of a file system that is on another machine.
    ///
    /// # Cancellation
    ///
    /// See the [module's documentation](super#cancellation).
    pub fn metadata(&self) -> io::Result<Metadata> {
        unblock(|| self.0.metadata())
    }

    /// Another handle to the same open file, with the same position.
    ///
    /// # Errors
    ///
    /// If there are no descriptors left.
    pub fn try_clone(&self) -> io::Result<File> {
        self.0.try_clone().map(File)
    }

    /// Changes the permissions of the file.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` if the file is not the user's.
    ///
    /// # Cancellation
    ///
    /// See the [module's documentation](super#cancellation).
    pub fn set_permissions(&self, perm: Permissions) -> io::Result<()> {
        unblock(|| self.0.set_permissions(perm))
    }

    /// Changes the times of the file.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` if the file is not the user's.
    ///
    /// # Cancellation
    ///
    /// See the [module's documentation](super#cancellation).
    pub fn set_times(&self, times: FileTimes) -> io::Result<()> {
        unblock(|| self.0.set_times(times))
    }

    /// Changes the time at which the file was changed last.
    ///
    /// # Errors
    ///
    /// As for [`set_times`](File::set_times).
    ///
    /// # Cancellation
    ///
    /// See the [module's documentation](super#cancellation).
    pub fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        unblock(|| self.0.set_modified(time))
    }

    /// Whether this is a terminal. (std has it in a sealed trait.)
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.0.is_terminal()
    }
}

impl Read for &File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        unblock(|| (&self.0).read(buffer))
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        unblock(|| (&self.0).read_vectored(buffers))
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        unblock(|| (&self.0).read_to_end(buffer))
    }

    fn read_to_string(&mut self, buffer: &mut String) -> io::Result<usize> {
        unblock(|| (&self.0).read_to_string(buffer))
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        unblock(|| (&self.0).read_exact(buffer))
    }
}

impl Write for &File {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        unblock(|| (&self.0).write(buffer))
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        unblock(|| (&self.0).write_vectored(buffers))
    }

    fn write_all(&mut self, buffer: &[u8]) -> io::Result<()> {
        unblock(|| (&self.0).write_all(buffer))
    }

    fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> io::Result<()> {
        // The user's code formats, so that happens on this thread; the text is written at once.
        let mut text = Vec::new();
        text.write_fmt(arguments)?;
        self.write_all(&text)
    }

    fn flush(&mut self) -> io::Result<()> {
        // A file of std has no buffer.
        Ok(())
    }
}

impl Seek for &File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        unblock(|| (&self.0).seek(to))
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        (&*self).read_to_end(buffer)
    }

    fn read_to_string(&mut self, buffer: &mut String) -> io::Result<usize> {
        (&*self).read_to_string(buffer)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        (&*self).read_exact(buffer)
    }
}

impl Write for File {
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

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        (&*self).seek(to)
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<std::fs::File> for File {
    fn from(file: std::fs::File) -> File {
        File(file)
    }
}

impl From<File> for std::fs::File {
    fn from(file: File) -> std::fs::File {
        file.0
    }
}

/// For the standard streams of a child process.
impl From<File> for std::process::Stdio {
    fn from(file: File) -> std::process::Stdio {
        file.0.into()
    }
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
    use std::os::unix::fs::{FileExt, OpenOptionsExt};

    use super::{File, OpenOptions};
    use crate::blocking::unblock;

    impl AsFd for File {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    impl AsRawFd for File {
        fn as_raw_fd(&self) -> RawFd {
            self.0.as_raw_fd()
        }
    }

    impl IntoRawFd for File {
        fn into_raw_fd(self) -> RawFd {
            self.0.into_raw_fd()
        }
    }

    impl FromRawFd for File {
        unsafe fn from_raw_fd(descriptor: RawFd) -> File {
            // SAFETY: (system calls) the caller owns the descriptor and gives it away.
            File(unsafe { std::fs::File::from_raw_fd(descriptor) })
        }
    }

    impl From<OwnedFd> for File {
        fn from(descriptor: OwnedFd) -> File {
            File(descriptor.into())
        }
    }

    impl From<File> for OwnedFd {
        fn from(file: File) -> OwnedFd {
            file.0.into()
        }
    }

    impl FileExt for File {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            unblock(|| self.0.read_at(buffer, offset))
        }

        fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            unblock(|| self.0.read_exact_at(buffer, offset))
        }

        fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<usize> {
            unblock(|| self.0.write_at(buffer, offset))
        }

        fn write_all_at(&self, buffer: &[u8], offset: u64) -> io::Result<()> {
            unblock(|| self.0.write_all_at(buffer, offset))
        }
    }

    impl OpenOptionsExt for OpenOptions {
        fn mode(&mut self, mode: u32) -> &mut OpenOptions {
            self.0.mode(mode);
            self
        }

        fn custom_flags(&mut self, flags: i32) -> &mut OpenOptions {
            self.0.custom_flags(flags);
            self
        }
    }
}

/// How to open a file; the counterpart of [`std::fs::OpenOptions`], where the meaning of each
/// option is told.
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use may::fs::{self, OpenOptions};
///
/// let path = std::env::temp_dir().join(format!("may-doc-log-{}", std::process::id()));
/// for line in ["one\n", "two\n"] {
///     let mut log = OpenOptions::new().append(true).create(true).open(&path)?;
///     log.write_all(line.as_bytes())?;
/// }
/// assert_eq!(fs::read_to_string(&path)?, "one\ntwo\n");
/// fs::remove_file(path)?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions(std::fs::OpenOptions);

/// The options that are on or off.
macro_rules! switches {
    ($($(#[$documentation:meta])* $option:ident;)+) => {
        $(
            $(#[$documentation])*
            pub fn $option(&mut self, $option: bool) -> &mut OpenOptions {
                self.0.$option($option);
                self
            }
        )+
    };
}

impl OpenOptions {
    /// Options that are all off.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "std's has none")]
    pub fn new() -> OpenOptions {
        OpenOptions(std::fs::OpenOptions::new())
    }

    switches! {
        /// Sets whether it can be read.
        read;
        /// Sets whether it can be written.
        write;
        /// Sets whether what is written goes to the end, wherever that is by then.
        append;
        /// Sets whether it is emptied.
        truncate;
        /// Sets whether it is created if there is none.
        create;
        /// Sets whether it is created, and it is an error if there is one.
        create_new;
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the options contradict each other. `NotFound` if there is no such file and
    /// none is to be created, `AlreadyExists` if there is one and `create_new` is set,
    /// `PermissionDenied` if it may not be opened in this way.
    ///
    /// # Cancellation
    ///
    /// See the [module's documentation](super#cancellation).
    pub fn open<P: AsRef<Path>>(&self, path: P) -> io::Result<File> {
        on(path, |path| self.0.open(path)).map(File)
    }
}
