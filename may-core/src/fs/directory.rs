//! Directories: what is in them, and making them.

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

/// What is in a directory: an iterator over [`DirEntry`]; the counterpart of [`std::fs::ReadDir`].
///
/// Entries are fetched some hundreds at a time.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds in `next` if it has to wait. No entry is left out afterwards.
pub struct ReadDir {
    /// What is still to be fetched; none if that is all.
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
            // It usually came with the name.
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

/// One thing in a directory; the counterpart of [`std::fs::DirEntry`].
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

    /// What is known of it, or of a link itself.
    ///
    /// # Errors
    ///
    /// What the operating system says, for example that it has been removed meanwhile.
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
    /// What the operating system says, where that has to be asked once more.
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

/// Makes directories, in one way or another; the counterpart of [`std::fs::DirBuilder`].
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

    /// Sets whether those above that are missing are made, too; then it is no error if there is
    /// one.
    pub fn recursive(&mut self, recursive: bool) -> &mut DirBuilder {
        self.0.recursive(recursive);
        self
    }

    /// Makes the directory.
    ///
    /// # Errors
    ///
    /// What the operating system says.
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
