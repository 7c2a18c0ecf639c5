//! The pipes of `may::io`: their ends suspend, and go to children and back to std as std's do.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use may::coroutine;
use may::io::{self, PipeReader};
use may::process::Command;
use may_tests::{everywhere, on_workers};

#[test]
fn a_reader_leaves_its_worker_to_the_writer() {
    on_workers(1, || {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let reading = coroutine::spawn(move || {
            let mut bytes = [0; 5];
            reader.read_exact(&mut bytes).map(|()| bytes)
        });
        coroutine::yield_now();
        assert!(!reading.is_finished());
        writer.write_all(b"hello").unwrap();
        assert_eq!(&reading.join().unwrap().unwrap(), b"hello");
    });
}

#[test]
fn a_full_pipe_leaves_its_worker_to_the_reader() {
    everywhere(|_| {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let writing = coroutine::spawn(move || writer.write_all(&[7; 1 << 20]));
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), 1 << 20);
        writing.join().unwrap().unwrap();
    });
}

#[test]
fn the_end_comes_with_the_last_clone() {
    everywhere(|_| {
        let (mut reader, writer) = io::pipe().unwrap();
        let clone = writer.try_clone().unwrap();
        drop(writer);
        (&clone).write_all(b"x").unwrap();
        let reading = coroutine::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        drop(clone);
        assert_eq!(reading.join().unwrap().unwrap(), "x");

        let (reader, mut writer) = io::pipe().unwrap();
        drop(reader);
        let error = writer.write_all(b"x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn an_end_is_a_childs_stream() {
    everywhere(|_| {
        let (mut reader, writer) = io::pipe().unwrap();
        let echo = Command::new("echo").arg("hello").stdout(writer).spawn();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello\n");
        assert!(echo.unwrap().wait().unwrap().success());
    });
}

/// Whether a descriptor is in non-blocking mode.
fn is_nonblocking(descriptor: &impl AsRawFd) -> bool {
    // SAFETY: the call takes and returns plain numbers.
    let flags = unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_GETFL) };
    assert!(flags >= 0);
    flags & libc::O_NONBLOCK != 0
}

#[test]
fn what_is_given_away_has_the_mode_of_std() {
    let (reader, writer) = io::pipe().unwrap();
    assert!(is_nonblocking(&reader) && is_nonblocking(&writer));
    let reader = OwnedFd::from(reader);
    assert!(!is_nonblocking(&reader));
    // And back.
    let mut reader = PipeReader::from(reader);
    assert!(is_nonblocking(&reader));
    (&writer).write_all(b"x").unwrap();
    assert_eq!(reader.read(&mut [0; 8]).unwrap(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_clone_that_is_given_away_leaves_the_others_their_mode() {
    let (reader, writer) = io::pipe().unwrap();
    let given = std::io::PipeWriter::from(OwnedFd::from(writer.try_clone().unwrap()));
    assert!(!is_nonblocking(&given) && is_nonblocking(&writer));
    (&given).write_all(b"one").unwrap();
    (&writer).write_all(b"two").unwrap();
    drop((given, writer));
    let mut text = String::new();
    (&reader).read_to_string(&mut text).unwrap();
    assert_eq!(text, "onetwo");
}
