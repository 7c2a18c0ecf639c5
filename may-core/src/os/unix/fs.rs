//! What only Unix has of files, in the shape of `std::os::unix::fs`. [`File`](crate::fs::File) and
//! its like implement std's traits, which are here, too.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

pub use std::os::unix::fs::{
    DirBuilderExt, DirEntryExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt,
};

use crate::blocking::unblock;

/// Makes a symbolic link; as [`std::os::unix::fs::symlink`].
///
/// # Errors
///
/// What the operating system says, for example that there is something at `link`.
///
/// # Cancellation
///
/// As for the calls of [`fs`](mod@crate::fs#cancellation).
///
/// # Examples
///
/// ```
/// use may::{fs, os::unix::fs::symlink};
///
/// let link = std::env::temp_dir().join(format!("may-doc-link-{}", std::process::id()));
/// symlink("anywhere", &link)?;
/// assert_eq!(fs::read_link(&link)?.to_str(), Some("anywhere"));
/// fs::remove_file(link)?;
/// # std::io::Result::Ok(())
/// ```
pub fn symlink<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    let (original, link) = (original.as_ref(), link.as_ref());
    unblock(|| std::os::unix::fs::symlink(original, link))
}

/// Changes the owner and the group of a file, following links; as [`std::os::unix::fs::chown`].
///
/// # Errors
///
/// What the operating system says, for example that this process may not.
///
/// # Cancellation
///
/// As for the calls of [`fs`](mod@crate::fs#cancellation).
pub fn chown<P: AsRef<Path>>(dir: P, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    let path = dir.as_ref();
    unblock(|| std::os::unix::fs::chown(path, uid, gid))
}

/// Changes the owner and the group of an open file; as [`std::os::unix::fs::fchown`].
///
/// # Errors
///
/// As for [`chown`].
///
/// # Cancellation
///
/// As for the calls of [`fs`](mod@crate::fs#cancellation).
pub fn fchown<F: AsFd>(fd: F, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    let descriptor = fd.as_fd();
    unblock(|| std::os::unix::fs::fchown(descriptor, uid, gid))
}

/// Changes the owner and the group of a file, or of a link itself; as
/// [`std::os::unix::fs::lchown`].
///
/// # Errors
///
/// As for [`chown`].
///
/// # Cancellation
///
/// As for the calls of [`fs`](mod@crate::fs#cancellation).
pub fn lchown<P: AsRef<Path>>(dir: P, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    let path = dir.as_ref();
    unblock(|| std::os::unix::fs::lchown(path, uid, gid))
}

/// Makes a directory the root of this process; as [`std::os::unix::fs::chroot`].
///
/// # Errors
///
/// As for [`chown`].
///
/// # Cancellation
///
/// As for the calls of [`fs`](mod@crate::fs#cancellation).
pub fn chroot<P: AsRef<Path>>(dir: P) -> io::Result<()> {
    let path = dir.as_ref();
    unblock(|| std::os::unix::fs::chroot(path))
}
