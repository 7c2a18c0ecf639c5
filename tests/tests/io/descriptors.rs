//! Descriptors that are no sockets of ours: pipes, terminals, eventfds, files, foreign sockets, by
//! `CoIo` and by waiting for readiness.

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use may::coroutine;
use may::future::block_on;
use may::io::{CoIo, wait_readable, wait_writable};
use may::net::TcpStream;
use may_core::select::{read, readable, writable, write};
use may_tests::{HANG_AFTER, Kind, alone, arm_within, everywhere, on_workers};

const SHORT: Duration = Duration::from_millis(5);

/// Both ends of a pipe.
fn pipe() -> (CoIo<io::PipeReader>, CoIo<io::PipeWriter>) {
    let (reader, writer) = io::pipe().unwrap();
    (CoIo::new(reader).unwrap(), CoIo::new(writer).unwrap())
}

/// Both ends of a pseudo-terminal: the master, and what programs take for a terminal.
fn terminal() -> (OwnedFd, OwnedFd) {
    let (mut master, mut terminal) = (0, 0);
    // SAFETY: the numbers live across the call; null stands for no name and no settings.
    let result = unsafe {
        libc::openpty(
            &mut master,
            &mut terminal,
            std::ptr::null_mut(),
            std::ptr::null(),
            std::ptr::null(),
        )
    };
    assert_eq!(result, 0);
    // SAFETY: both are new and ours.
    unsafe { (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(terminal)) }
}

/// A counter of events.
fn eventfd(flags: i32) -> OwnedFd {
    // SAFETY: the call takes numbers, and its result is new and ours.
    unsafe { OwnedFd::from_raw_fd(libc::eventfd(0, flags)) }
}

/// Whether a descriptor is in non-blocking mode.
fn is_nonblocking(descriptor: BorrowedFd<'_>) -> bool {
    // SAFETY: the call takes and returns plain numbers.
    let flags = unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_GETFL) };
    assert!(flags >= 0);
    flags & libc::O_NONBLOCK != 0
}

/// How many bytes a pipe has room for until it is full.
fn fill(writer: &CoIo<io::PipeWriter>) -> usize {
    writer.set_nonblocking(true);
    let mut written = 0;
    loop {
        match (&*writer).write(&[b'.'; 5000]) {
            Ok(count) => written += count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                break;
            }
        }
    }
    writer.set_nonblocking(false);
    written
}

#[test]
fn much_data_goes_through_a_pipe() {
    everywhere(|place| {
        const BYTES: usize = 3 << 20;
        let (mut reader, mut writer) = pipe();
        let writing = place.start(move || {
            let data: Vec<u8> = (0..BYTES).map(|index| (index % 251) as u8).collect();
            let mut sent = 0;
            while sent < BYTES {
                let rest = &data[sent..];
                let (one, two) = rest.split_at(rest.len().min(1000));
                sent += writer
                    .write_vectored(&[IoSlice::new(one), IoSlice::new(two)])
                    .unwrap();
            }
        });
        let mut data = Vec::new();
        reader.read_to_end(&mut data).unwrap();
        assert_eq!(data.len(), BYTES);
        assert!(
            data.iter()
                .enumerate()
                .all(|(index, &byte)| byte == (index % 251) as u8)
        );
        writing.join();
    });
}

#[test]
fn a_pipe_without_readers_is_broken() {
    everywhere(|_| {
        let (reader, mut writer) = pipe();
        drop(reader);
        assert_eq!(
            writer.write(b"x").unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}

#[test]
fn many_share_both_ends_of_a_pipe() {
    everywhere(|place| {
        const WRITERS: usize = 4;
        const MESSAGES: usize = 2000;
        let (reader, writer) = pipe();
        let (reader, writer) = (Arc::new(reader), Arc::new(writer));
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let writer = writer.clone();
                place.start(move || {
                    for _ in 0..MESSAGES {
                        (&*writer).write_all(&[1; 64]).unwrap();
                    }
                })
            })
            .collect();
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let reader = reader.clone();
                place.start(move || {
                    let (mut sum, mut bytes) = (0, [0; 300]);
                    loop {
                        match (&*reader).read(&mut bytes).unwrap() {
                            0 => return sum,
                            count => sum += count,
                        }
                    }
                })
            })
            .collect();
        drop(writer);
        for writer in writers {
            writer.join();
        }
        let sum: usize = readers.into_iter().map(|reader| reader.join()).sum();
        assert_eq!(sum, WRITERS * MESSAGES * 64);
    });
}

#[test]
fn a_pipe_of_packets_keeps_them_apart() {
    everywhere(|place| {
        let mut ends = [0; 2];
        // SAFETY: the array lives across the call; its numbers are new and ours then.
        let (reader, writer) = unsafe {
            assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_DIRECT), 0);
            (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
        };
        let (mut reader, mut writer) = (CoIo::new(reader).unwrap(), CoIo::new(writer).unwrap());
        let reading = place.start(move || {
            for _ in 0..2 {
                for length in [3, 1, 7] {
                    assert_eq!(reader.read(&mut [0; 100]).unwrap(), length);
                }
            }
        });
        for _ in 0..2 {
            coroutine::sleep(Duration::from_millis(1));
            for length in [3, 1, 7] {
                assert_eq!(writer.write(&vec![0; length]).unwrap(), length);
            }
        }
        reading.join();
    });
}

#[test]
fn lines_come_from_a_terminal_one_by_one() {
    everywhere(|place| {
        let (master, terminal) = terminal();
        let mut master = CoIo::new(master).unwrap();
        let terminal = CoIo::new(terminal).unwrap();
        let reading = place.start(move || {
            let (mut lines, mut bytes) = (Vec::new(), [0; 1000]);
            for _ in 0..6 {
                let count = (&terminal).read(&mut bytes).unwrap();
                lines.push(String::from_utf8_lossy(&bytes[..count]).into_owned());
            }
            (&terminal).write_all(b"goodbye\n").unwrap();
            lines
        });
        // Several lines at once: a read takes one, and nothing announces the others.
        master.write_all(b"one\ntwo\nthree\n").unwrap();
        coroutine::sleep(Duration::from_millis(2));
        master.write_all(b"four\nfive\nsix\n").unwrap();
        let lines = reading.join();
        assert_eq!(
            lines,
            ["one\n", "two\n", "three\n", "four\n", "five\n", "six\n"]
        );
        // (It echoes, too.)
        let (mut heard, mut bytes) = (String::new(), [0; 1000]);
        while !heard.ends_with("goodbye\r\n") {
            let count = master.read(&mut bytes).unwrap();
            heard.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
        assert!(heard.starts_with("one\r\ntwo\r\n"), "{heard:?}");
    });
}

#[test]
fn an_eventfd_counts() {
    everywhere(|place| {
        for (flags, each) in [(0, 6), (libc::EFD_SEMAPHORE, 1)] {
            let counter = Arc::new(CoIo::new(eventfd(flags)).unwrap());
            let reading = counter.clone();
            let waiting = place.start(move || {
                let (mut sum, mut bytes) = (0, [0; 64]);
                while sum < 12 {
                    // The buffer is larger than what there is.
                    assert_eq!((&*reading).read(&mut bytes).unwrap(), 8);
                    let count = u64::from_ne_bytes(bytes[..8].try_into().unwrap());
                    assert!(if each == 1 { count == 1 } else { count >= 6 });
                    sum += count;
                }
                sum
            });
            for _ in 0..2 {
                coroutine::sleep(Duration::from_millis(1));
                (&*counter).write_all(&6_u64.to_ne_bytes()).unwrap();
            }
            assert_eq!(waiting.join(), 12);
        }
    });
}

#[test]
fn a_full_eventfd_has_room_again_when_it_is_read() {
    everywhere(|place| {
        let counter = Arc::new(CoIo::new(eventfd(0)).unwrap());
        (&*counter)
            .write_all(&(u64::MAX - 1).to_ne_bytes())
            .unwrap();
        let adding = counter.clone();
        let writer = place.start(move || (&*adding).write_all(&5_u64.to_ne_bytes()).unwrap());
        coroutine::sleep(Duration::from_millis(1));
        let mut bytes = [0; 8];
        (&*counter).read_exact(&mut bytes).unwrap();
        assert_eq!(u64::from_ne_bytes(bytes), u64::MAX - 1);
        writer.join();
        (&*counter).read_exact(&mut bytes).unwrap();
        assert_eq!(u64::from_ne_bytes(bytes), 5);
    });
}

#[test]
fn a_regular_file_is_always_ready() {
    everywhere(|_| {
        let path = std::env::temp_dir().join(format!("may-io-{}", std::process::id()));
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        let mut file = CoIo::new(file).unwrap();
        file.write_all(b"some text").unwrap();
        assert!(!is_nonblocking(file.as_fd()));
        arm_within(SHORT, readable(&file)).unwrap().unwrap();
        wait_readable(&file, None).unwrap();
        wait_writable(&file, None).unwrap();
        let mut file = file.into_inner();
        file.rewind().unwrap();
        let mut text = String::new();
        CoIo::new(file).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "some text");
    });
}

#[test]
fn a_foreign_socket_is_a_stream_and_raises_no_signal() {
    alone(|| {
        // SAFETY: the disposition is a plain value.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        everywhere(|place| {
            let (one, two) = UnixStream::pair().unwrap();
            let (mut one, mut two) = (CoIo::new(one).unwrap(), CoIo::new(two).unwrap());
            let echo = place.start(move || {
                let mut bytes = [0; 5];
                let (first, second) = bytes.split_at_mut(2);
                let mut buffers = [IoSliceMut::new(first), IoSliceMut::new(second)];
                assert_eq!(two.read_vectored(&mut buffers).unwrap(), 5);
                let buffers = [IoSlice::new(&bytes), IoSlice::new(b"!")];
                assert_eq!(two.write_vectored(&buffers).unwrap(), 6);
                two
            });
            one.write_all(b"hello").unwrap();
            let mut bytes = [0; 6];
            one.read_exact(&mut bytes).unwrap();
            assert_eq!(&bytes, b"hello!");
            drop(echo.join());
            assert_eq!(one.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
            // Datagrams are not taken for the last ones because they are short.
            let (one, two) = UnixDatagram::pair().unwrap();
            let (mut one, mut two) = (CoIo::new(one).unwrap(), CoIo::new(two).unwrap());
            let receiving = place.start(move || {
                for _ in 0..6 {
                    assert_eq!(two.read(&mut [0; 100]).unwrap(), 1);
                }
            });
            for _ in 0..2 {
                coroutine::sleep(Duration::from_millis(1));
                for _ in 0..3 {
                    one.write_all(b"x").unwrap();
                }
            }
            receiving.join();
        });
    });
}

#[test]
fn an_error_in_a_socket_s_queue_is_no_end() {
    everywhere(|_| {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(nobody.local_addr().unwrap()).unwrap();
        drop(nobody);
        // Errors are kept in a queue, too, which only another call empties.
        let on: libc::c_int = 1;
        // SAFETY: the number lives across the call, and its length is that of a number.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_IP,
                libc::IP_RECVERR,
                (&raw const on).cast(),
                size_of_val(&on) as libc::socklen_t,
            )
        };
        assert_eq!(result, 0);
        let mut socket = CoIo::new(socket).unwrap();
        socket.write_all(b"x").unwrap();
        let error = socket.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        socket.set_read_timeout(Some(SHORT)).unwrap();
        let error = socket.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let mut buffer = [0; 8];
        let error = socket
            .read_vectored(&mut [IoSliceMut::new(&mut buffer)])
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn the_mode_is_put_back() {
    let (reader, writer) = io::pipe().unwrap();
    {
        let borrowed = CoIo::new(&reader).unwrap();
        assert!(is_nonblocking(reader.as_fd()));
        drop(borrowed);
        assert!(!is_nonblocking(reader.as_fd()));
    }
    let reader = CoIo::new(reader).unwrap().into_inner();
    assert!(!is_nonblocking(reader.as_fd()));
    // One that was non-blocking before stays so.
    let outer = CoIo::new(&writer).unwrap();
    drop(CoIo::new(&writer).unwrap());
    assert!(is_nonblocking(writer.as_fd()));
    drop(outer);
    assert!(!is_nonblocking(writer.as_fd()));
    // A closed descriptor cannot be wrapped.
    // SAFETY: no such descriptor is open, and it is only asked what it is.
    let nothing = unsafe { BorrowedFd::borrow_raw(1 << 20) };
    assert_eq!(
        CoIo::new(nothing).unwrap_err().raw_os_error(),
        Some(libc::EBADF)
    );
}

#[test]
fn timeouts_of_any_length() {
    everywhere(|place| {
        for timeout in [Duration::from_nanos(1), Duration::from_micros(500), SHORT] {
            let (mut reader, mut writer) = pipe();
            reader.set_read_timeout(Some(timeout)).unwrap();
            writer.set_write_timeout(Some(timeout)).unwrap();
            assert_eq!(writer.write_timeout(), Some(timeout));
            let begun = Instant::now();
            assert_eq!(
                reader.read(&mut [0]).unwrap_err().kind(),
                ErrorKind::WouldBlock
            );
            assert!(begun.elapsed() >= timeout);
            fill(&writer);
            let begun = Instant::now();
            assert_eq!(
                writer.write(&[0]).unwrap_err().kind(),
                ErrorKind::WouldBlock
            );
            assert!(begun.elapsed() >= timeout);
            assert_eq!(reader.read(&mut [0; 8]).unwrap(), 8);
        }
        let (reader, _writer) = pipe();
        assert_eq!(
            reader
                .set_read_timeout(Some(Duration::ZERO))
                .unwrap_err()
                .kind(),
            ErrorKind::InvalidInput
        );
        for timeout in [Duration::from_secs(30 * 24 * 3600), Duration::MAX] {
            let (mut reader, mut writer) = pipe();
            reader.set_read_timeout(Some(timeout)).unwrap();
            let reading = place.start(move || reader.read(&mut [0; 8]).unwrap());
            coroutine::sleep(Duration::from_millis(1));
            writer.write_all(b"x").unwrap();
            assert_eq!(reading.join(), 1);
        }
    });
}

#[test]
fn arms_of_a_select() {
    everywhere(|place| {
        let (mut reader, mut writer) = pipe();
        let mut bytes = [0; 8];
        const SOON: Duration = SHORT;
        // What the other side has done is there when the poll has said so, however long that takes.
        assert!(arm_within(SOON, readable(&reader)).is_none());
        assert!(arm_within(SOON, read(&reader, &mut bytes)).is_none());
        let event = arm_within(HANG_AFTER, writable(&writer)).unwrap();
        event.unwrap();
        let writing = place.start(move || {
            coroutine::sleep(Duration::from_millis(1));
            let event = arm_within(HANG_AFTER, write(&writer, b"word")).unwrap();
            assert_eq!(event.unwrap(), 4);
            writer.flush().unwrap();
            writer
        });
        let event = arm_within(HANG_AFTER, read(&reader, &mut bytes)).unwrap();
        assert_eq!(event.unwrap(), 4);
        assert_eq!(&bytes[..4], b"word");
        let writer = writing.join();
        let filled = fill(&writer);
        assert!(arm_within(SOON, write(&writer, b"word")).is_none());
        assert!(arm_within(SOON, writable(&writer)).is_none());
        drop(writer);
        assert_eq!(reader.read_to_end(&mut Vec::new()).unwrap(), filled);
    });
}

#[test]
fn waiting_for_a_descriptor_of_somebody_else() {
    everywhere(|place| {
        let (mut one, two) = UnixStream::pair().unwrap();
        two.set_nonblocking(true).unwrap();
        let two = Arc::new(two);
        for deadline in [Some(Instant::now()), Some(Instant::now() + SHORT)] {
            let error = wait_readable(&*two, deadline).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        }
        wait_writable(&*two, Some(Instant::now())).unwrap();
        // Several at once, in both directions.
        while (&*two).write(&[0; 4096]).is_ok() {}
        let waiting: Vec<_> = (0..6)
            .map(|number| {
                let two = two.clone();
                place.start(move || match number % 2 {
                    0 => wait_readable(&*two, None).unwrap(),
                    _ => {
                        wait_writable(&*two, Some(Instant::now() + Duration::from_secs(3600)))
                            .unwrap();
                    }
                })
            })
            .collect();
        coroutine::sleep(Duration::from_millis(1));
        one.set_nonblocking(true).unwrap();
        one.write_all(b"x").unwrap();
        while one.read(&mut [0; 1 << 16]).is_ok() {}
        for waiting in waiting {
            waiting.join();
        }
        // The end is something to read.
        drop(one);
        (&*two).read_exact(&mut [0]).unwrap();
        wait_readable(&*two, None).unwrap();
        assert_eq!((&*two).read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn waiting_beside_a_stream_that_is_registered() {
    everywhere(|place| {
        let (client, server) = may_tests::net::pair();
        let (server, reading) = (Arc::new(server.clone()), server);
        let reader = place.start(move || (&reading).read(&mut [0; 8]).unwrap());
        let waiting = place.start(move || wait_readable(&*server, None).unwrap());
        coroutine::sleep(Duration::from_millis(1));
        // The reader takes it away, perhaps before the other has looked.
        (&client).write_all(b"x").unwrap();
        assert_eq!(reader.join(), 1);
        drop(client);
        waiting.join();
    });
}

#[test]
fn any_number_may_wait_for_one_descriptor() {
    everywhere(|place| {
        let (client, server) = may_tests::net::pair();
        let server = Arc::new(server);
        // The first can be: one that only waits, a second stream around the descriptor, or the
        // stream itself.
        for first in 0..3 {
            type Wait = Box<dyn Fn(&TcpStream) + Send>;
            let waits: [Wait; 3] = [
                Box::new(|server| wait_readable(server, None).unwrap()),
                Box::new(|server| {
                    let wrapped = CoIo::new(server).unwrap();
                    block_on(poll_fn(|context| wrapped.poll_readable(context))).unwrap();
                }),
                Box::new(|server| assert_eq!(server.peek(&mut [0]).unwrap(), 1)),
            ];
            let mut waits: Vec<_> = waits.into_iter().collect();
            waits.rotate_left(first);
            let waiting: Vec<_> = waits
                .into_iter()
                .map(|wait| {
                    let server = server.clone();
                    let waiting = place.start(move || wait(&server));
                    coroutine::sleep(Duration::from_micros(500));
                    waiting
                })
                .collect();
            (&client).write_all(b"x").unwrap();
            for waiting in waiting {
                waiting.join();
            }
            assert_eq!((&*server).read(&mut [0; 8]).unwrap(), 1);
        }
    });
}

/// Puts `descriptor` where standard input is.
fn become_input(descriptor: impl AsFd) {
    // SAFETY: the numbers are plain; whatever input the test had is not used.
    let result = unsafe { libc::dup2(descriptor.as_fd().as_raw_fd(), 0) };
    assert_eq!(result, 0);
}

#[test]
fn standard_descriptors_keep_their_mode_and_do_not_block_the_worker() {
    alone(|| {
        // SAFETY: standard input is never closed.
        let input = || unsafe { BorrowedFd::borrow_raw(0) };
        let is_blocking = || !is_nonblocking(input());
        // Another coroutine of the one worker runs while this one waits.
        let read_while_others_run = |write: &dyn Fn()| {
            let stop = Arc::new(AtomicBool::new(false));
            let runs = stop.clone();
            let other = coroutine::spawn(move || {
                while !runs.load(Ordering::Relaxed) {
                    coroutine::yield_now();
                }
            });
            let reader = coroutine::spawn(move || {
                let mut io = CoIo::new(input()).unwrap();
                let mut bytes = [0; 16];
                let count = io.read(&mut bytes).unwrap();
                String::from_utf8_lossy(&bytes[..count]).into_owned()
            });
            coroutine::sleep(Duration::from_millis(2));
            assert!(!reader.is_finished() && is_blocking());
            write();
            let text = reader.join().unwrap();
            stop.store(true, Ordering::Relaxed);
            other.join().unwrap();
            assert!(is_blocking());
            text
        };
        on_workers(1, || {
            let (reader, writer) = io::pipe().unwrap();
            become_input(reader);
            let text = read_while_others_run(&|| (&writer).write_all(b"pipe").unwrap());
            assert_eq!(text, "pipe");

            let (master, terminal) = terminal();
            become_input(&terminal);
            let master = File::from(master);
            let text = read_while_others_run(&|| (&master).write_all(b"line\n").unwrap());
            assert_eq!(text, "line\n");

            let (one, two) = UnixStream::pair().unwrap();
            become_input(two);
            let text = read_while_others_run(&|| (&one).write_all(b"socket").unwrap());
            assert_eq!(text, "socket");

            // What has no name cannot be opened again.
            let counter = eventfd(0);
            become_input(&counter);
            let seven = 7_u64.to_ne_bytes();
            let counter = File::from(counter);
            let text = read_while_others_run(&|| (&counter).write_all(&seven).unwrap());
            assert_eq!(text.as_bytes(), seven);
        });

        // Far more than there is room for: the writer lets the reader run, on the same worker.
        on_workers(1, || {
            const BYTES: usize = 1 << 20;
            let (mut reader, writer) = io::pipe().map(|(r, w)| (CoIo::new(r).unwrap(), w)).unwrap();
            become_input(writer);
            let writing = coroutine::spawn(move || {
                let mut output = CoIo::new(input()).unwrap();
                output.write_all(&vec![1; BYTES]).unwrap();
            });
            let mut data = vec![0; BYTES];
            reader.read_exact(&mut data).unwrap();
            writing.join().unwrap();
            assert!(is_blocking());
        });
    });
}

#[test]
fn a_fifo_waits_for_its_other_end() {
    everywhere(|place| {
        if place.kind() == Kind::Threads {
            return;
        }
        let path = std::env::temp_dir().join(format!("may-fifo-{}", std::process::id()));
        let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: the name lives across the call.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        // Both directions, so that neither opening waits.
        let fifo = File::options().read(true).write(true).open(&path).unwrap();
        let writer = File::options().write(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let mut fifo = CoIo::new(fifo).unwrap();
        let reader = place.start(move || fifo.read(&mut [0; 8]).unwrap());
        coroutine::sleep(Duration::from_millis(1));
        (&writer).write_all(b"word").unwrap();
        assert_eq!(reader.join(), 4);
    });
}

/// A type whose own reading is not what its descriptor says: it takes datagrams, and turns them
/// round.
struct Backwards(UnixDatagram);

impl AsFd for Backwards {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Read for &Backwards {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.0.recv(buffer)?;
        buffer[..length].reverse();
        Ok(length)
    }
}

impl Write for &Backwards {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let turned: Vec<u8> = buffer.iter().rev().copied().collect();
        self.0.send(&turned)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_types_own_calls_are_made_when_the_descriptor_is_ready() {
    everywhere(|place| {
        let (one, other) = UnixDatagram::pair().unwrap();
        let (reader, writer) = (Backwards(one), Backwards(other));
        let (reader, writer) = (CoIo::new(reader).unwrap(), CoIo::new(writer).unwrap());
        let reading = place.start(move || {
            let mut buffer = [0; 8];
            let length = reader.read_with(|mut own| own.read(&mut buffer)).unwrap();
            // The descriptor's call is the other one.
            let turned = (&reader).read(&mut buffer[length..]).unwrap();
            buffer[..length + turned].to_vec()
        });
        writer.write_with(|mut own| own.write(b"abc")).unwrap();
        writer.write_with(|mut own| own.write(b"abc")).unwrap();
        assert_eq!(reading.join(), b"abccba");
    });
}

#[test]
fn a_panic_in_a_types_own_call_costs_the_others_nothing() {
    on_workers(1, || {
        let (one, other) = UnixDatagram::pair().unwrap();
        let one = Arc::new(CoIo::new(one).unwrap());
        let panics = one.clone();
        let panicking = may_tests::spawn_waiting(move || {
            let mut waited = false;
            panics.read_with(|_| -> io::Result<()> {
                match std::mem::replace(&mut waited, true) {
                    false => Err(ErrorKind::WouldBlock.into()),
                    true => panic!("a call of the user's (expected)"),
                }
            })
        });
        let waits = one.clone();
        let waiting = may_tests::spawn_waiting(move || {
            waits.read_with(|socket| socket.recv(&mut [0; 8])).unwrap()
        });
        other.send(b"word").unwrap();
        assert!(panicking.join().is_err());
        assert_eq!(waiting.join().unwrap(), 4);
    });
}
