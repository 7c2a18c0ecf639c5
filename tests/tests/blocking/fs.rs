//! `fs`: files and directories, and what a cancellation leaves of them.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{
    DirBuilderExt, DirEntryExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use may::coroutine;
use may::fs::{self, DirBuilder, File, FileTimes, OpenOptions};
use may_tests::{Moments, assert_cancelled, end, everywhere, on_workers, watchdog_for, with_seeds};

/// A directory of a test's own, which goes with it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, SeqCst);
        let name = format!("may-fs-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Directory(path)
    }

    fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// The names in it, in order.
    fn names(&self) -> Vec<OsString> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn whole_files() {
    everywhere(|place| {
        let directory = Directory::new();
        let path = directory.join("a");
        let helper = {
            let path = path.clone();
            place.start(move || fs::write(path, "first"))
        };
        helper.join().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        fs::write(&path, "2").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "2");
        assert_eq!(fs::copy(&path, directory.join("b")).unwrap(), 1);
        fs::rename(&path, directory.join("c")).unwrap();
        fs::hard_link(directory.join("c"), directory.join("d")).unwrap();
        assert_eq!(directory.names(), ["b", "c", "d"]);
        let [c, d] = ["c", "d"].map(|name| fs::metadata(directory.join(name)).unwrap().ino());
        assert_eq!(c, d);
        fs::remove_file(directory.join("b")).unwrap();
        assert!(!fs::exists(directory.join("b")).unwrap());
        assert!(fs::exists(directory.join("c")).unwrap());
        fs::write(directory.join("e"), [0xff, 0xfe]).unwrap();
        let error = fs::read_to_string(directory.join("e")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    });
}

#[test]
fn errors_are_those_of_std() {
    everywhere(|_| {
        let directory = Directory::new();
        let nothing = directory.join("nothing");
        let not_found = |error: io::Error| assert_eq!(error.kind(), io::ErrorKind::NotFound);
        not_found(File::open(&nothing).unwrap_err());
        not_found(fs::read(&nothing).unwrap_err());
        not_found(fs::metadata(&nothing).unwrap_err());
        not_found(fs::remove_file(&nothing).unwrap_err());
        not_found(fs::read_dir(&nothing).unwrap_err());
        not_found(fs::canonicalize(&nothing).unwrap_err());
        not_found(fs::create_dir(nothing.join("below")).unwrap_err());
        fs::create_dir(&nothing).unwrap();
        let error = fs::create_dir(&nothing).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        fs::create_dir_all(&nothing).unwrap();
        fs::write(nothing.join("file"), "").unwrap();
        let error = fs::remove_dir(&nothing).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::DirectoryNotEmpty);
        let error = fs::read("with\0nul").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        let error = fs::copy(&nothing, directory.join("copy")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    });
}

#[test]
fn reading_writing_and_seeking() {
    everywhere(|_| {
        let directory = Directory::new();
        let path = directory.join("file");
        let mut file = File::create_new(&path).unwrap();
        assert_eq!(file.write(b"0123").unwrap(), 4);
        let slices = [IoSlice::new(b"45"), IoSlice::new(b"67")];
        assert_eq!(file.write_vectored(&slices).unwrap(), 4);
        write!(file, "{}{}", 8, 9).unwrap();
        file.flush().unwrap();
        assert_eq!(file.stream_position().unwrap(), 10);
        assert_eq!(file.seek(SeekFrom::End(-8)).unwrap(), 2);
        let mut two = [0; 2];
        file.read_exact(&mut two).unwrap();
        assert_eq!(&two, b"23");
        let (mut a, mut b) = ([0; 1], [0; 2]);
        let mut slices = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
        assert_eq!(file.read_vectored(&mut slices).unwrap(), 3);
        assert_eq!((&a, &b), (b"4", b"56"));
        assert_eq!(file.seek(SeekFrom::Current(-1)).unwrap(), 6);
        let mut rest = Vec::new();
        // A shared reference reads at the same position.
        assert_eq!((&file).read_to_end(&mut rest).unwrap(), 4);
        assert_eq!(rest, b"6789");
        assert_eq!(file.read(&mut two).unwrap(), 0);
        let error = file.read_exact(&mut two).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        file.rewind().unwrap();
        let mut text = String::from("text ");
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "text 0123456789");
        // Positions of clones are one, and `_at` has none.
        let clone = file.try_clone().unwrap();
        (&clone).seek(SeekFrom::Start(5)).unwrap();
        assert_eq!(file.stream_position().unwrap(), 5);
        assert_eq!(file.read_at(&mut two, 8).unwrap(), 2);
        assert_eq!(&two, b"89");
        file.write_all_at(b"ab", 1).unwrap();
        file.read_exact_at(&mut two, 1).unwrap();
        assert_eq!(&two, b"ab");
        assert_eq!(file.write_at(b"c", 20).unwrap(), 1);
        assert_eq!(file.metadata().unwrap().len(), 21);
        file.set_len(3).unwrap();
        file.sync_data().unwrap();
        file.sync_all().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"0ab");
        assert!(!file.is_terminal());
    });
}

#[test]
fn many_small_reads_through_a_buffer() {
    everywhere(|_| {
        let directory = Directory::new();
        let path = directory.join("lines");
        let mut out = io::BufWriter::new(File::create(&path).unwrap());
        (0..10_000).for_each(|line| writeln!(out, "line {line}").unwrap());
        drop(out);
        let lines = BufReader::new(File::open(&path).unwrap()).lines();
        for (number, line) in lines.enumerate() {
            assert_eq!(line.unwrap(), format!("line {number}"));
        }
        let mut from = File::open(&path).unwrap();
        let mut to = File::create(directory.join("copy")).unwrap();
        let length = io::copy(&mut from, &mut to).unwrap();
        assert_eq!(length, fs::metadata(&path).unwrap().len());
    });
}

#[test]
fn options() {
    everywhere(|_| {
        let directory = Directory::new();
        let path = directory.join("file");
        let mut options = OpenOptions::new();
        assert!(
            options.open(&path).is_err(),
            "neither for reading nor for writing"
        );
        options.read(true);
        assert!(options.open(&path).is_err(), "there is none");
        options.write(true).create(true).mode(0o600);
        let mut file = options.open(&path).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        file.write_all(b"abc").unwrap();
        let error = options.clone().create_new(true).open(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        let mut end = File::options().append(true).open(&path).unwrap();
        end.write_all(b"def").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abcdef");
        File::options()
            .write(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        let error = File::open(&path).unwrap().write_all(b"x").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        fs::hard_link(&path, directory.join("link")).unwrap();
        may::os::unix::fs::symlink(&path, directory.join("symbolic")).unwrap();
        let mut no_follow = OpenOptions::new();
        no_follow.read(true).custom_flags(libc::O_NOFOLLOW);
        no_follow.open(directory.join("link")).unwrap();
        no_follow.open(directory.join("symbolic")).unwrap_err();
    });
}

#[test]
fn metadata_permissions_and_times() {
    everywhere(|_| {
        let directory = Directory::new();
        let path = directory.join("file");
        fs::write(&path, "12345").unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert!(metadata.is_file() && metadata.len() == 5);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
        let file = File::options().write(true).open(&path).unwrap();
        let mut permissions = file.metadata().unwrap().permissions();
        permissions.set_readonly(true);
        file.set_permissions(permissions).unwrap();
        assert!(file.metadata().unwrap().permissions().readonly());
        let (early, late) = (
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000),
            SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000),
        );
        let times = FileTimes::new().set_accessed(early).set_modified(early);
        file.set_times(times).unwrap();
        let metadata = file.metadata().unwrap();
        assert_eq!(
            (metadata.accessed().unwrap(), metadata.modified().unwrap()),
            (early, early)
        );
        file.set_modified(late).unwrap();
        assert_eq!(file.metadata().unwrap().modified().unwrap(), late);
        may::os::unix::fs::symlink("file", directory.join("link")).unwrap();
        assert!(
            fs::symlink_metadata(directory.join("link"))
                .unwrap()
                .is_symlink()
        );
        assert!(fs::metadata(directory.join("link")).unwrap().is_file());
        assert_eq!(
            fs::read_link(directory.join("link")).unwrap(),
            Path::new("file")
        );
        let real = fs::canonicalize(directory.join("./link")).unwrap();
        assert_eq!(real, fs::canonicalize(&path).unwrap());
        assert!(fs::read_link(&path).is_err());
    });
}

#[test]
fn owners() {
    use may::os::unix::fs::{chown, fchown, lchown};
    everywhere(|_| {
        let directory = Directory::new();
        let path = directory.join("file");
        let file = File::create(&path).unwrap();
        let (owner, group) = (
            file.metadata().unwrap().uid(),
            file.metadata().unwrap().gid(),
        );
        // To what they are, which every user may do.
        chown(&path, Some(owner), Some(group)).unwrap();
        fchown(&file, None, Some(group)).unwrap();
        may::os::unix::fs::symlink("nowhere", directory.join("link")).unwrap();
        lchown(directory.join("link"), Some(owner), None).unwrap();
        let error = chown(directory.join("link"), Some(owner), None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let error = may::os::unix::fs::symlink("elsewhere", directory.join("link")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        may::os::unix::fs::chroot(directory.join("nothing")).unwrap_err();
    });
}

#[test]
fn directories() {
    everywhere(|_| {
        let directory = Directory::new();
        let deep = directory.join("a/b/c");
        assert!(fs::create_dir(&deep).is_err());
        fs::create_dir_all(&deep).unwrap();
        fs::create_dir_all(&deep).unwrap();
        DirBuilder::new()
            .mode(0o700)
            .create(directory.join("private"))
            .unwrap();
        let mode = fs::metadata(directory.join("private"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(DirBuilder::new().create(directory.join("x/y")).is_err());
        DirBuilder::new()
            .recursive(true)
            .create(directory.join("x/y"))
            .unwrap();
        fs::write(directory.join("file"), "1").unwrap();
        may::os::unix::fs::symlink("file", directory.join("link")).unwrap();
        assert_eq!(directory.names(), ["a", "file", "link", "private", "x"]);
        for entry in fs::read_dir(&directory.0).unwrap() {
            let entry = entry.unwrap();
            let file_type = entry.file_type().unwrap();
            let name = entry.file_name();
            assert_eq!(entry.path(), directory.join(&name));
            assert_eq!(file_type.is_symlink(), name == "link");
            assert_eq!(file_type.is_file(), name == "file");
            let metadata = entry.metadata().unwrap();
            assert_eq!(metadata.ino(), entry.ino());
            assert_eq!(metadata.is_dir(), file_type.is_dir());
        }
        fs::remove_dir(directory.join("x/y")).unwrap();
        assert!(fs::remove_dir(directory.join("a")).is_err());
        fs::remove_dir_all(directory.join("a")).unwrap();
        assert_eq!(directory.names(), ["file", "link", "private", "x"]);
        assert!(
            fs::read_dir(directory.join("private"))
                .unwrap()
                .next()
                .is_none()
        );
    });
}

#[test]
fn a_large_directory_is_listed_whole() {
    let directory = Directory::new();
    for count in [255, 256, 257, 1000] {
        let below = directory.join(count.to_string());
        std::fs::create_dir(&below).unwrap();
        (0..count).for_each(|i| drop(std::fs::write(below.join(i.to_string()), "")));
        on_workers(1, || {
            let entries = fs::read_dir(&below).unwrap();
            let mut names: Vec<usize> = entries
                .map(|entry| {
                    entry
                        .unwrap()
                        .file_name()
                        .to_str()
                        .unwrap()
                        .parse()
                        .unwrap()
                })
                .collect();
            names.sort_unstable();
            assert!(names.iter().copied().eq(0..count));
        });
    }
}

#[test]
fn handles_go_from_std_and_back() {
    use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
    everywhere(|_| {
        let directory = Directory::new();
        let path = directory.join("file");
        let mut file = File::from(std::fs::File::create(&path).unwrap());
        file.write_all(b"1").unwrap();
        assert_eq!(file.as_fd().as_raw_fd(), file.as_raw_fd());
        let mut file = std::fs::File::from(file);
        file.write_all(b"2").unwrap();
        let mut file = File::from(OwnedFd::from(file));
        file.write_all(b"3").unwrap();
        let number = OwnedFd::from(file).into_raw_fd();
        // SAFETY: the descriptor has no other owner.
        let mut file = unsafe { File::from_raw_fd(number) };
        file.write_all(b"4").unwrap();
        assert!(format!("{file:?}").contains("fd"));
        let number = file.into_raw_fd();
        // SAFETY: the descriptor has no other owner.
        drop(unsafe { File::from_raw_fd(number) });
        assert_eq!(fs::read(&path).unwrap(), b"1234");
    });
}

#[test]
fn others_run_while_a_file_is_read() {
    on_workers(1, || {
        let directory = Directory::new();
        let path = directory.join("pipe");
        let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: the name lives across the call.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        // Opening a named pipe blocks until there is another side.
        let reads = {
            let path = path.clone();
            coroutine::spawn(move || fs::read_to_string(path).unwrap())
        };
        coroutine::yield_now();
        fs::write(&path, "through the pipe").unwrap();
        assert_eq!(reads.join().unwrap(), "through the pipe");
    });
}

/// How often each race is run.
fn rounds() -> u64 {
    std::env::var("MAY_ROUNDS").map_or(300, |rounds| rounds.parse().expect("a number"))
}

/// What one call does to a file of numbers, and whether it happened.
type Call = (&'static str, fn(&File, &Path));

/// Calls whose effect shows, each of which happens exactly once if it returns, and at most once if
/// it does not.
const CALLS: [Call; 14] = [
    ("write", |mut file, _| file.write_all(b"12345678").unwrap()),
    ("write_vectored", |mut file, _| {
        assert_eq!(
            file.write_vectored(&[IoSlice::new(b"12345678")]).unwrap(),
            8
        );
    }),
    ("write!", |mut file, _| {
        write!(file, "{}", 12345678).unwrap()
    }),
    ("write_at", |file, _| {
        file.write_all_at(b"12345678", 0).unwrap()
    }),
    ("set_len", |file, _| file.set_len(8).unwrap()),
    ("fs::write", |_, path| fs::write(path, "12345678").unwrap()),
    ("seek", |mut file, _| {
        file.seek(SeekFrom::Start(8)).unwrap();
        file.set_len(8).unwrap();
    }),
    ("sync_all", |file, _| {
        file.sync_all().unwrap();
        file.sync_data().unwrap();
        file.set_len(8).unwrap();
    }),
    ("read", |mut file, path| {
        fs::write(path, "12345678").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(file.read(&mut buffer).unwrap(), 8);
        assert_eq!(file.read_at(&mut buffer, 1).unwrap(), 7);
    }),
    ("metadata", |file, path| {
        file.set_len(8).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 8);
        assert!(fs::symlink_metadata(path).unwrap().is_file());
        assert!(fs::exists(path).unwrap());
    }),
    ("permissions", |file, path| {
        let permissions = fs::metadata(path).unwrap().permissions();
        file.set_permissions(permissions.clone()).unwrap();
        fs::set_permissions(path, permissions).unwrap();
        file.set_times(FileTimes::new().set_modified(SystemTime::now()))
            .unwrap();
        file.set_modified(SystemTime::now()).unwrap();
        file.set_len(8).unwrap();
    }),
    ("rename", |file, path| {
        let other = path.with_extension("renamed");
        fs::rename(path, &other).unwrap();
        fs::rename(&other, path).unwrap();
        fs::canonicalize(path).unwrap();
        file.set_len(8).unwrap();
    }),
    ("links", |file, path| {
        let other = path.with_extension("linked");
        fs::hard_link(path, &other).unwrap();
        fs::remove_file(&other).unwrap();
        assert!(fs::read_link(path).is_err());
        file.set_len(8).unwrap();
    }),
    ("directories", |file, path| {
        let other = path.with_extension("directory");
        fs::create_dir(&other).unwrap();
        DirBuilder::new().create(other.join("below")).unwrap();
        fs::create_dir_all(other.join("one/two")).unwrap();
        fs::remove_dir(other.join("below")).unwrap();
        assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
        fs::copy(path, other.join("copy")).unwrap();
        assert_eq!(fs::read(other.join("copy")).unwrap().len(), 0);
        File::open(other.join("copy")).unwrap();
        File::create(other.join("created")).unwrap();
        fs::remove_dir_all(&other).unwrap();
        file.set_len(8).unwrap();
    }),
];

/// What the rounds begin with: an empty file.
fn empty_file(path: &Path) -> Arc<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(true);
    Arc::new(options.open(path).unwrap())
}

#[test]
fn a_cancellation_at_any_moment_leaves_the_file_usable() {
    let _watchdog = watchdog_for(Duration::from_secs(3600));
    for (workers, threads) in [(1, 1), (2, 4)] {
        let runtime = may::Runtime::builder()
            .workers(workers)
            .blocking_threads(threads)
            .build()
            .unwrap();
        runtime.run(|| {
            let directory = Directory::new();
            let path = directory.join("file");
            for (name, call) in CALLS {
                let (happened, cancelled) = (AtomicUsize::new(0), AtomicUsize::new(0));
                let moments = Moments::new(Duration::from_micros(50));
                with_seeds(rounds(), |mut random| {
                    let file = empty_file(&path);
                    let done = Arc::new(AtomicUsize::new(0));
                    let victim = {
                        let (file, path, done) = (file.clone(), path.clone(), done.clone());
                        coroutine::spawn(move || {
                            call(&file, &path);
                            done.store(1, SeqCst);
                            coroutine::park();
                        })
                    };
                    coroutine::sleep(moments.next(&mut random));
                    (0..random.below(1000)).for_each(|_| std::hint::spin_loop());
                    victim.cancel();
                    assert_cancelled(victim.join());
                    moments.learn(done.load(SeqCst) == 1);
                    match done.load(SeqCst) {
                        1 => {
                            happened.fetch_add(1, SeqCst);
                            assert_eq!(file.metadata().unwrap().len(), 8, "{name}");
                        }
                        _ => {
                            cancelled.fetch_add(1, SeqCst);
                            // Each call has happened or not; none is half done.
                            for name in ["file.renamed", "file"] {
                                let length = fs::metadata(directory.join(name)).map(|it| it.len());
                                assert!(matches!(length, Ok(0 | 8) | Err(_)), "{name}: {length:?}");
                            }
                        }
                    }
                    // And what comes next does not see anything of it.
                    for entry in fs::read_dir(&directory.0).unwrap() {
                        let path = entry.unwrap().path();
                        match path.is_dir() {
                            true => fs::remove_dir_all(path).unwrap(),
                            false => fs::remove_file(path).unwrap(),
                        }
                    }
                });
                println!(
                    "{name} with {workers} workers: {happened:?} done, {cancelled:?} cancelled"
                );
                // (Of one round, with a seed from the environment, nothing can be said.)
                let (happened, cancelled) = (happened.into_inner(), cancelled.into_inner());
                assert!(
                    happened + cancelled < 100 || (happened > 0 && cancelled > 0),
                    "the moments are not any moments"
                );
            }
        });
        end(runtime);
    }
}

/// A reader that is cancelled has all that the position of the file says was read.
#[test]
fn a_cancellation_at_any_moment_agrees_with_the_position() {
    on_workers(2, || {
        let directory = Directory::new();
        let path = directory.join("file");
        let text: Vec<u8> = (0..=255).collect();
        fs::write(&path, &text).unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        let lengths = AtomicUsize::new(0);
        with_seeds(rounds(), |mut random| {
            (&*file).rewind().unwrap();
            let have: Arc<Mutex<Vec<u8>>> = Arc::default();
            let victim = {
                let (file, have) = (file.clone(), have.clone());
                coroutine::spawn(move || {
                    loop {
                        let mut bytes = [0; 2];
                        match (&*file).read(&mut bytes).unwrap() {
                            0 => coroutine::park(),
                            length => have.lock().unwrap().extend(&bytes[..length]),
                        }
                    }
                })
            };
            coroutine::sleep(Duration::from_micros(random.below(300)));
            (0..random.below(1000)).for_each(|_| std::hint::spin_loop());
            victim.cancel();
            assert_cancelled(victim.join());
            let have = have.lock().unwrap();
            assert_eq!(*have, text[..have.len()]);
            assert_eq!((&*file).stream_position().unwrap(), have.len() as u64);
            lengths.fetch_max(have.len(), SeqCst);
        });
        assert!(lengths.load(SeqCst) > 0, "nothing was read");
    });
}
