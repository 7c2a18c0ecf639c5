//! Directories: their entries, and making them.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::{Path, PathBuf};

use super::{FileType, Metadata, on};
use crate::blocking::unblock;

/// How many entries are fetched at a time: the operating system returns about as many at once.
const BATCH: usize = 256;

/// The entries of a directory: an iterator over [`DirEntry`]; the counterpart of
/// [`std::fs::ReadDir`].
///
/// Entries are fetched some hundreds at a time.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds in `next` if it has to wait. No entry is left out afterwards.
pub struct ReadDir {
    /// The entries that are not fetched yet; none if there are no more.
    rest: Option<std::fs::ReadDir>,
    fetched: VecDeque<io::Result<DirEntry>>,
}

// As std's: a panic leaves nothing half done here.
impl UnwindSafe for ReadDir {}
impl RefUnwindSafe for ReadDir {}

impl ReadDir {
    /// Opens a directory and fetches the first entries; blocks the thread.
    pub(super) fn open(path: &Path) -> io::Result<ReadDir> {
        let mut entries = ReadDir {
            rest: Some(std::fs::read_dir(path)?),
            fetched: VecDeque::new(),
        };
        entries.fetch();
        Ok(entries)
    }

    /// Fetches entries; blocks the thread.
    fn fetch(&mut self) {
        let Some(rest) = &mut self.rest else {
            return;
        };
        let entry = |entry: std::fs::DirEntry| DirEntry {
            // Most file systems give it with the name.
            file_type: entry.file_type().ok(),
            entry,
        };
        let batch = rest.by_ref().take(BATCH).map(|found| found.map(entry));
        self.fetched.extend(batch);
        if self.fetched.len() < BATCH {
            self.rest = None;
        }
    }
}

impl Iterator for ReadDir {
    type Item = io::Result<DirEntry>;

    fn next(&mut self) -> Option<io::Result<DirEntry>> {
        if self.fetched.is_empty() && self.rest.is_some() {
            unblock(|| self.fetch());
        }
        self.fetched.pop_front()
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDir").finish_non_exhaustive()
    }
}

/// An entry of a directory; the counterpart of [`std::fs::DirEntry`].
pub struct DirEntry {
    entry: std::fs::DirEntry,
    file_type: Option<FileType>,
}

impl DirEntry {
    /// The path of the directory with the name.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.entry.path()
    }

    /// The name.
    #[must_use]
    pub fn file_name(&self) -> OsString {
        self.entry.file_name()
    }

    /// Its metadata; of a link, those of the link itself.
    ///
    /// # Errors
    ///
    /// `NotFound` if it has been removed meanwhile.
    ///
    /// # Cancellation
    ///
    /// See the [module's documentation](super#cancellation).
    pub fn metadata(&self) -> io::Result<Metadata> {
        unblock(|| self.entry.metadata())
    }

    /// Whether it is a file, a directory or something else; links are not followed.
    ///
    /// # Errors
    ///
    /// `NotFound` if the directory did not say what it is, and it has been removed meanwhile.
    ///
    /// # Cancellation
    ///
    /// See the [module's documentation](super#cancellation).
    pub fn file_type(&self) -> io::Result<FileType> {
        match self.file_type {
            Some(file_type) => Ok(file_type),
            None => unblock(|| self.entry.file_type()),
        }
    }
}

#[cfg(unix)]
impl std::os::unix::fs::DirEntryExt for DirEntry {
    fn ino(&self) -> u64 {
        self.entry.ino()
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry.fmt(f)
    }
}

/// Makes directories; the counterpart of [`std::fs::DirBuilder`].
///
/// # Examples
///
/// ```
/// use may::fs::{self, DirBuilder};
///
/// let path = std::env::temp_dir().join(format!("may-doc-dir-{}", std::process::id()));
/// DirBuilder::new().recursive(true).create(path.join("below"))?;
/// fs::remove_dir_all(path)?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct DirBuilder(std::fs::DirBuilder);

impl DirBuilder {
    /// A builder that makes one directory, with the permissions that are usual.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "std's has none")]
    pub fn new() -> DirBuilder {
        DirBuilder(std::fs::DirBuilder::new())
    }

    /// Sets whether the directories above are made, too, if they are missing. It is no error then
    /// if the directory exists.
    pub fn recursive(&mut self, recursive: bool) -> &mut DirBuilder {
        self.0.recursive(recursive);
        self
    }

    /// Makes the directory.
    ///
    /// # Errors
    ///
    /// As for [`create_dir`](super::create_dir); with [`recursive`](DirBuilder::recursive) as for
    /// [`create_dir_all`](super::create_dir_all).
    ///
    /// # Cancellation
    ///
    /// See the [module's documentation](super#cancellation).
    pub fn create<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        on(path, |path| self.0.create(path))
    }
}

#[cfg(unix)]
impl std::os::unix::fs::DirBuilderExt for DirBuilder {
    fn mode(&mut self, mode: u32) -> &mut DirBuilder {
        std::os::unix::fs::DirBuilderExt::mode(&mut self.0, mode);
        self
    }
}
