//! Files and directories in the shape of `std::fs`, which block only the coroutine; plain threads
//! may use them, too.
//!
//! A program in which `std::fs` is replaced by `may::fs` compiles and does the same. No operating
//! system says when a file is ready, so each call is std's own, made on one of the threads of
//! [`blocking`](crate::blocking); a plain thread makes it itself.
//!
//! # What a call costs
//!
//! The way to a thread and back takes about ten microseconds. So read and write in large pieces:
//! whole files with [`read`], [`write()`], [`Read::read_to_end`](std::io::Read::read_to_end) or
//! [`write_all`](std::io::Write::write_all), each of which makes the way once, and small pieces
//! through [`BufReader`](std::io::BufReader) and [`BufWriter`](std::io::BufWriter). For many small
//! calls in a row, call those of std inside one [`unblock`]`(|| ..)`.
//!
//! # Cancellation
//!
//! A cancelled coroutine unwinds in a call that no thread has begun; the call has not happened
//! then. A call that has begun is carried to its end. So no call is half done, and nothing that was
//! read is lost. A file system that does not answer holds up the coroutine until it does. Where
//! that must not be, make std's call in [`unblock_detached`](crate::blocking::unblock_detached).
//!
//! # What is not here
//!
//! `File::lock` and its like, which std has had since Rust 1.89, one version later than May asks
//! for: a blocking lock would keep a thread for as long as it takes.
//!
//! Opening a named pipe waits for the other side on a thread, and so does reading from one: for
//! pipes, terminals and devices there is readiness.
//!
//! * [`file`]: the types [`File`] and [`OpenOptions`]
//! * [`directory`]: the types [`ReadDir`], [`DirEntry`] and [`DirBuilder`]

mod directory;
mod file;

use std::io;
use std::path::{Path, PathBuf};

use crate::blocking::unblock;

pub use directory::{DirBuilder, DirEntry, ReadDir};
pub use file::{File, OpenOptions};
pub use std::fs::{FileTimes, FileType, Metadata, Permissions};

/// Makes std's call with a path on a thread that may block.
fn on<R: Send>(path: impl AsRef<Path>, call: impl FnOnce(&Path) -> R + Send) -> R {
    let path = path.as_ref();
    unblock(|| call(path))
}

/// Makes std's call with two paths on a thread that may block.
fn from_to<R: Send>(
    from: impl AsRef<Path>,
    to: impl AsRef<Path>,
    call: impl FnOnce(&Path, &Path) -> R + Send,
) -> R {
    let (from, to) = (from.as_ref(), to.as_ref());
    unblock(|| call(from, to))
}

/// Reads a whole file; as [`std::fs::read`].
///
/// # Errors
///
/// `NotFound` if there is no such file, `PermissionDenied` if it may not be read, `IsADirectory` if
/// it is a directory; an error of the device while it is read.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
///
/// # Examples
///
/// ```
/// let text = may::coroutine::spawn(|| may::fs::read("Cargo.toml")).join().unwrap()?;
/// assert!(text.starts_with(b"[package]"));
/// # std::io::Result::Ok(())
/// ```
pub fn read<P: AsRef<Path>>(path: P) -> io::Result<Vec<u8>> {
    on(path, |path| std::fs::read(path))
}

/// Reads a whole file as text; as [`std::fs::read_to_string`].
///
/// # Errors
///
/// As for [`read`], and `InvalidData` if the contents are not UTF-8.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn read_to_string<P: AsRef<Path>>(path: P) -> io::Result<String> {
    on(path, |path| std::fs::read_to_string(path))
}

/// Writes a whole file, which is created or replaced; as [`std::fs::write`].
///
/// # Errors
///
/// `NotFound` if the directory does not exist, `PermissionDenied` if the file may not be written,
/// `StorageFull` if there is no space left. Part of the contents may have been written then.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
///
/// # Examples
///
/// ```
/// use may::fs;
///
/// let path = std::env::temp_dir().join(format!("may-doc-{}", std::process::id()));
/// fs::write(&path, "written")?;
/// assert_eq!(fs::read_to_string(&path)?, "written");
/// fs::remove_file(&path)?;
/// assert!(!fs::exists(&path)?);
/// # std::io::Result::Ok(())
/// ```
pub fn write<P: AsRef<Path>, C: AsRef<[u8]>>(path: P, contents: C) -> io::Result<()> {
    let contents = contents.as_ref();
    on(path, |path| std::fs::write(path, contents))
}

/// Copies a file and its permissions, and returns its length in bytes; as [`std::fs::copy`].
///
/// # Errors
///
/// `NotFound` if `from` does not exist, `InvalidInput` if it is not a file, `PermissionDenied` if
/// one of the two may not be opened, `StorageFull` if there is no space left. `to` may be
/// incomplete then.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn copy<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<u64> {
    from_to(from, to, |from, to| std::fs::copy(from, to))
}

/// Renames a file or a directory, replacing what has the new name; as [`std::fs::rename`].
///
/// # Errors
///
/// `NotFound` if `from` does not exist, `PermissionDenied` if one of the directories may not be
/// changed, `CrossesDevices` if the two names are on different file systems.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn rename<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<()> {
    from_to(from, to, |from, to| std::fs::rename(from, to))
}

/// Gives a file a second name; as [`std::fs::hard_link`].
///
/// # Errors
///
/// `NotFound` if `original` does not exist, `AlreadyExists` if `link` does, `CrossesDevices` if
/// they are on different file systems.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn hard_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    from_to(original, link, |original, link| {
        std::fs::hard_link(original, link)
    })
}

/// Makes a symbolic link; as [`std::fs::soft_link`], and deprecated as that is.
///
/// # Errors
///
/// `AlreadyExists` if there is something at `link`, `NotFound` if its directory does not exist,
/// `PermissionDenied` if that may not be changed.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
#[deprecated(
    note = "use `os::unix::fs::symlink`, or std's function for another platform in `unblock`"
)]
pub fn soft_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    #[expect(deprecated, reason = "it is what this stands for")]
    from_to(original, link, |original, link| {
        std::fs::soft_link(original, link)
    })
}

/// Where a symbolic link leads to; as [`std::fs::read_link`].
///
/// # Errors
///
/// `NotFound` if there is nothing at the path, `InvalidInput` if it is not a link.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn read_link<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    on(path, |path| std::fs::read_link(path))
}

/// The absolute path, without links and dots; as [`std::fs::canonicalize`].
///
/// # Errors
///
/// `NotFound` if there is nothing at the path, `NotADirectory` if a part of it that is not the last
/// is not a directory.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn canonicalize<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    on(path, |path| std::fs::canonicalize(path))
}

/// The metadata of a file, following links; as [`std::fs::metadata`].
///
/// # Errors
///
/// `NotFound` if there is nothing at the path, or nothing where a link leads; `PermissionDenied` if
/// a directory on the way may not be searched.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    on(path, |path| std::fs::metadata(path))
}

/// The metadata of a file, or of a link itself; as [`std::fs::symlink_metadata`].
///
/// # Errors
///
/// `NotFound` if there is nothing at the path, `PermissionDenied` if a directory on the way may not
/// be searched.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn symlink_metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    on(path, |path| std::fs::symlink_metadata(path))
}

/// Whether there is anything at a path; as [`std::fs::exists`].
///
/// # Errors
///
/// `PermissionDenied` if a directory on the way may not be searched.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn exists<P: AsRef<Path>>(path: P) -> io::Result<bool> {
    on(path, |path| std::fs::exists(path))
}

/// Changes permissions; as [`std::fs::set_permissions`].
///
/// # Errors
///
/// `NotFound` if there is nothing at the path, `PermissionDenied` if the file is not the user's.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn set_permissions<P: AsRef<Path>>(path: P, perm: Permissions) -> io::Result<()> {
    on(path, |path| std::fs::set_permissions(path, perm))
}

/// Removes a file; as [`std::fs::remove_file`].
///
/// # Errors
///
/// `NotFound` if there is no such file, `PermissionDenied` if its directory may not be changed; on
/// most systems `IsADirectory` or `PermissionDenied` if it is a directory.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn remove_file<P: AsRef<Path>>(path: P) -> io::Result<()> {
    on(path, |path| std::fs::remove_file(path))
}

/// Makes a directory; as [`std::fs::create_dir`].
///
/// # Errors
///
/// `AlreadyExists` if there is something at the path, `NotFound` if the directory above does not
/// exist, `PermissionDenied` if that may not be changed.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn create_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    on(path, |path| std::fs::create_dir(path))
}

/// Makes a directory and those above that are missing; as [`std::fs::create_dir_all`].
///
/// # Errors
///
/// `AlreadyExists` or `NotADirectory` if something on the path is not a directory,
/// `PermissionDenied` if a directory may not be changed. Those that were made by then stay.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn create_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    on(path, |path| std::fs::create_dir_all(path))
}

/// Removes an empty directory; as [`std::fs::remove_dir`].
///
/// # Errors
///
/// `DirectoryNotEmpty` if something is in it, `NotFound` if it does not exist, `NotADirectory` if
/// it is something else.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn remove_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    on(path, |path| std::fs::remove_dir(path))
}

/// Removes a directory with all that is in it, without following links; as
/// [`std::fs::remove_dir_all`].
///
/// # Errors
///
/// `NotFound` if it does not exist, `PermissionDenied` if something in it may not be removed. What
/// was removed by then is gone.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
pub fn remove_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    on(path, |path| std::fs::remove_dir_all(path))
}

/// The entries of a directory; as [`std::fs::read_dir`].
///
/// # Errors
///
/// `NotFound` if there is nothing at the path, `NotADirectory` if it is something else,
/// `PermissionDenied` if it may not be read.
///
/// # Cancellation
///
/// See the [module's documentation](self#cancellation).
///
/// # Examples
///
/// ```
/// let mut names = Vec::new();
/// for entry in may::fs::read_dir("src")? {
///     names.push(entry?.file_name());
/// }
/// assert!(names.contains(&"lib.rs".into()));
/// # std::io::Result::Ok(())
/// ```
pub fn read_dir<P: AsRef<Path>>(path: P) -> io::Result<ReadDir> {
    on(path, ReadDir::open)
}
