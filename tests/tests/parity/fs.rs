//! A table of everything that is stable in `std::fs`, checked against std's types and against ours:
//! whatever is a row here compiles for both. (`Arc<File>` reads and writes in std; no other crate
//! can implement that for an `Arc`.)

use std::ffi::OsString;
use std::fmt::Debug;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, DirEntryExt, FileExt, OpenOptionsExt};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use may_tests::{function, implements, same};

/// Checks the table for the module at a path.
macro_rules! surface {
    ($test:ident, $($fs:ident)::+) => {
        #[test]
        #[allow(deprecated)]
        fn $test() {
            use $($fs)::+ as fs;
            use $($fs)::+::{DirBuilder, DirEntry, File, FileTimes, FileType, Metadata, OpenOptions, Permissions, ReadDir};

            let _: fn(&'static str) -> io::Result<Vec<u8>> = fs::read;
            let _: fn(&'static str) -> io::Result<String> = fs::read_to_string;
            let _: fn(PathBuf, Vec<u8>) -> io::Result<()> = fs::write;
            let _: fn(&'static Path, &'static str) -> io::Result<u64> = fs::copy;
            let _: fn(&'static Path, PathBuf) -> io::Result<()> = fs::rename;
            let _: fn(&'static str, &'static str) -> io::Result<()> = fs::hard_link;
            let _: fn(&'static str, &'static str) -> io::Result<()> = fs::soft_link;
            let _: fn(&'static str) -> io::Result<PathBuf> = fs::read_link;
            let _: fn(&'static str) -> io::Result<PathBuf> = fs::canonicalize;
            let _: fn(&'static str) -> io::Result<Metadata> = fs::metadata;
            let _: fn(&'static str) -> io::Result<Metadata> = fs::symlink_metadata;
            let _: fn(&'static str) -> io::Result<bool> = fs::exists;
            let _: fn(&'static str, Permissions) -> io::Result<()> = fs::set_permissions;
            let _: fn(&'static str) -> io::Result<()> = fs::remove_file;
            let _: fn(&'static str) -> io::Result<()> = fs::create_dir;
            let _: fn(&'static str) -> io::Result<()> = fs::create_dir_all;
            let _: fn(&'static str) -> io::Result<()> = fs::remove_dir;
            let _: fn(&'static str) -> io::Result<()> = fs::remove_dir_all;
            let _: fn(&'static str) -> io::Result<ReadDir> = fs::read_dir;

            function!(File::open [&str]: fn(&'static str) -> io::Result<File>);
            function!(File::create [&Path]: fn(&'static Path) -> io::Result<File>);
            function!(File::create_new [PathBuf]: fn(PathBuf) -> io::Result<File>);
            function!(File::options []: fn() -> OpenOptions);
            function!(File::sync_all []: fn(&File) -> io::Result<()>);
            function!(File::sync_data []: fn(&File) -> io::Result<()>);
            function!(File::set_len []: fn(&File, u64) -> io::Result<()>);
            function!(File::metadata []: fn(&File) -> io::Result<Metadata>);
            function!(File::try_clone []: fn(&File) -> io::Result<File>);
            function!(File::set_permissions []: fn(&File, Permissions) -> io::Result<()>);
            function!(File::set_times []: fn(&File, FileTimes) -> io::Result<()>);
            function!(File::set_modified []: fn(&File, SystemTime) -> io::Result<()>);
            implements!(File: Read + Write + Seek + Debug + FileExt);
            implements!(&'static File: Read + Write + Seek);
            implements!(File: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd> + Into<Stdio>);
            implements!(File: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);

            function!(OpenOptions::new []: fn() -> OpenOptions);
            function!(OpenOptions::read []: fn(&mut OpenOptions, bool) -> &mut OpenOptions);
            function!(OpenOptions::write []: fn(&mut OpenOptions, bool) -> &mut OpenOptions);
            function!(OpenOptions::append []: fn(&mut OpenOptions, bool) -> &mut OpenOptions);
            function!(OpenOptions::truncate []: fn(&mut OpenOptions, bool) -> &mut OpenOptions);
            function!(OpenOptions::create []: fn(&mut OpenOptions, bool) -> &mut OpenOptions);
            function!(OpenOptions::create_new []: fn(&mut OpenOptions, bool) -> &mut OpenOptions);
            function!(OpenOptions::open [&str]: fn(&OpenOptions, &'static str) -> io::Result<File>);
            implements!(OpenOptions: Clone + Debug + OpenOptionsExt);
            implements!(OpenOptions: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);

            implements!(ReadDir: Iterator<Item = io::Result<DirEntry>> + Debug);
            implements!(ReadDir: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);

            function!(DirEntry::path []: fn(&DirEntry) -> PathBuf);
            function!(DirEntry::file_name []: fn(&DirEntry) -> OsString);
            function!(DirEntry::metadata []: fn(&DirEntry) -> io::Result<Metadata>);
            function!(DirEntry::file_type []: fn(&DirEntry) -> io::Result<FileType>);
            implements!(DirEntry: Debug + DirEntryExt);
            implements!(DirEntry: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);

            function!(DirBuilder::new []: fn() -> DirBuilder);
            function!(DirBuilder::recursive []: fn(&mut DirBuilder, bool) -> &mut DirBuilder);
            function!(DirBuilder::create [&str]: fn(&DirBuilder, &'static str) -> io::Result<()>);
            implements!(DirBuilder: Debug + DirBuilderExt);
            implements!(DirBuilder: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
        }
    };
}

surface!(std_has_it, std::fs);
surface!(may_has_it, may::fs);

/// Checks the table of what only Unix has, for the module at a path.
macro_rules! surface_of_unix {
    ($test:ident, $($fs:ident)::+) => {
        #[test]
        fn $test() {
            use $($fs)::+ as fs;
            use $($fs)::+::{DirBuilderExt, DirEntryExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};

            let _: fn(&'static str, PathBuf) -> io::Result<()> = fs::symlink;
            let _: fn(&'static str, Option<u32>, Option<u32>) -> io::Result<()> = fs::chown;
            let _: fn(OwnedFd, Option<u32>, Option<u32>) -> io::Result<()> = fs::fchown;
            let _: fn(&'static str, Option<u32>, Option<u32>) -> io::Result<()> = fs::lchown;
            let _: fn(&'static str) -> io::Result<()> = fs::chroot;
            implements!(std::fs::File: FileExt);
            implements!(std::fs::OpenOptions: OpenOptionsExt);
            implements!(std::fs::DirBuilder: DirBuilderExt);
            implements!(std::fs::DirEntry: DirEntryExt);
            implements!(std::fs::FileType: FileTypeExt);
            implements!(std::fs::Metadata: MetadataExt);
            implements!(std::fs::Permissions: PermissionsExt);
        }
    };
}

surface_of_unix!(std_has_it_on_unix, std::os::unix::fs);
surface_of_unix!(may_has_it_on_unix, may::os::unix::fs);

#[test]
fn what_is_plain_data_is_std_s() {
    use may::fs::{FileTimes, FileType, Metadata, Permissions};
    same!(FileTimes = std::fs::FileTimes);
    same!(FileType = std::fs::FileType);
    same!(Metadata = std::fs::Metadata);
    same!(Permissions = std::fs::Permissions);
}
