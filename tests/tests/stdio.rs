//! `io::{stdin, stdout, stderr}`, each test in a process of its own whose streams are the test's.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use may::io::{stderr, stdin, stdout};
use may::{coroutine, select, time};
use may_tests::{KINDS, Kind, Random, for_a_moment, in_place, on_workers, watchdog};

/// The variable that tells a child which test it is to run.
const CHILD: &str = "MAY_STDIO_CHILD";

/// Runs `body`, of the test `name`, in a process whose streams are those that `streams` sets, and `drive` here with that process.
fn with_streams(
    name: &str,
    body: impl FnOnce(),
    streams: impl FnOnce(&mut Command),
    drive: impl FnOnce(&mut Child),
) {
    let _watchdog = watchdog();
    if std::env::var(CHILD).is_ok_and(|child| child == name) {
        body();
        std::process::exit(0);
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(CHILD, name);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    streams(&mut command);
    let mut child = command.spawn().unwrap();
    drive(&mut child);
    let mut text = String::new();
    if let Some(mut errors) = child.stderr.take() {
        errors.read_to_string(&mut text).unwrap();
    }
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}: {text}");
}

/// The same with pipes.
fn with_pipes(name: &str, body: impl FnOnce(), drive: impl FnOnce(&mut Child)) {
    with_streams(name, body, |_| {}, drive);
}

/// The lines that the child writes to a stream, without those of the test harness, which come first.
fn lines(stream: impl Read) -> impl Iterator<Item = String> {
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    // (What the child writes first follows the name of its test on the same line.)
    lines.skip_while(|line| !line.contains("START")).skip(1)
}

/// What a child writes before everything else.
fn start() {
    stdout().write_all(b"START\n").unwrap();
    writeln!(stderr(), "START").unwrap();
}

/// Whether descriptors 0 to 2 are in blocking mode.
fn assert_modes_unchanged() {
    for number in 0..3 {
        // SAFETY: plain numbers.
        let flags = unsafe { libc::fcntl(number, libc::F_GETFL) };
        assert_eq!(flags & libc::O_NONBLOCK, 0, "the mode of {number}");
    }
}

/// Says back what it reads, in every way of reading, in every kind of place.
fn says_back() {
    start();
    for kind in KINDS {
        in_place(kind, |place| {
            let mut line = String::new();
            assert_eq!(stdin().read_line(&mut line).unwrap(), line.len());
            stdout().write_all(line.as_bytes()).unwrap();
            let helper = place.start(|| {
                let mut byte = [0];
                stdin().read_exact(&mut byte).unwrap();
                let mut lock = stdin().lock();
                let mut rest = Vec::from(byte);
                lock.read_until(b'\n', &mut rest).unwrap();
                (&stdout()).write_all(&rest).unwrap();
            });
            helper.join();
            let line = stdin().lines().next().unwrap().unwrap();
            writeln!(stdout().lock(), "{line}").unwrap();
            let mut lock = stdin().lock();
            let length = lock.fill_buf().unwrap().len().min(2);
            lock.consume(length);
            let mut line = "x".repeat(length);
            lock.read_line(&mut line).unwrap();
            write!(stdout(), "{line}").unwrap();
        });
    }
    let mut rest = String::new();
    stdin().read_to_string(&mut rest).unwrap();
    write!(stdout(), "{rest}").unwrap();
    assert_eq!(stdin().read_line(&mut rest).unwrap(), 0);
    assert_eq!(stdin().read(&mut [0; 8]).unwrap(), 0);
    assert_modes_unchanged();
}

/// What `says_back` makes of the numbers from 10 on, each on a line.
fn said_back(count: usize) -> impl Iterator<Item = String> {
    (10..count).map(|number| match number - 10 {
        3 | 7 | 11 | 15 => "xx".to_owned(),
        _ => number.to_string(),
    })
}

#[test]
fn pipes() {
    with_pipes("pipes", says_back, |child| {
        let mut stdin = child.stdin.take().unwrap();
        (10..40).for_each(|number| writeln!(stdin, "{number}").unwrap());
        drop(stdin);
        assert!(lines(child.stdout.take().unwrap()).eq(said_back(40)));
    });
}

#[test]
fn files() {
    let [from, to] = ["in", "out"]
        .map(|name| std::env::temp_dir().join(format!("may-stdio-{name}-{}", std::process::id())));
    let text: String = (10..40).map(|number| format!("{number}\n")).collect();
    let streams = |command: &mut Command| {
        std::fs::write(&from, text).unwrap();
        command.stdin(std::fs::File::open(&from).unwrap());
        command.stdout(std::fs::File::create(&to).unwrap());
    };
    with_streams("files", says_back, streams, |child| {
        assert!(child.wait().unwrap().success());
        assert!(lines(std::fs::File::open(&to).unwrap()).eq(said_back(40)));
        std::fs::remove_file(&from).unwrap();
        std::fs::remove_file(&to).unwrap();
    });
}

#[test]
fn sockets() {
    let (mut near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    let streams = |command: &mut Command| {
        command.stdin(OwnedFd::from(far.try_clone().unwrap()));
        command.stdout(OwnedFd::from(far));
    };
    let drive = |_: &mut Child| {
        (10..40).for_each(|number| writeln!(near, "{number}").unwrap());
        near.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(lines(&near).take(30).eq(said_back(40)));
    };
    with_streams("sockets", says_back, streams, drive);
}

#[test]
fn nothing() {
    let body = || {
        on_workers(1, || {
            let mut line = String::new();
            assert_eq!(stdin().read_line(&mut line).unwrap(), 0);
            assert!(!stdin().is_terminal() && !stdout().is_terminal());
            writeln!(stdout(), "away").unwrap();
        });
    };
    let streams = |command: &mut Command| {
        command.stdin(Stdio::null()).stdout(Stdio::null());
    };
    with_streams("nothing", body, streams, |_| {});
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal() {
    let (mut controller, mut terminal) = (0, 0);
    // SAFETY: the call fills the numbers in, and asks for nothing else; then they are nobody else's.
    let (controller, terminal) = unsafe {
        let none = std::ptr::null_mut::<libc::c_char>();
        let result = libc::openpty(
            &mut controller,
            &mut terminal,
            none.cast(),
            none.cast(),
            none.cast(),
        );
        assert_eq!(result, 0);
        (
            std::fs::File::from_raw_fd(controller),
            OwnedFd::from_raw_fd(terminal),
        )
    };
    let body = || {
        start();
        on_workers(1, || {
            assert!(stdin().is_terminal() && stdin().lock().is_terminal());
            assert_eq!(stdin().as_raw_fd(), 0);
            assert_eq!(stdout().as_fd().as_raw_fd(), 1);
            let ticks = coroutine::spawn(|| coroutine::sleep(Duration::from_millis(1)));
            let mut line = String::new();
            stdin().read_line(&mut line).unwrap();
            ticks.join().unwrap();
            write!(stdout(), "{line}").unwrap();
            assert_modes_unchanged();
        });
    };
    let streams = |command: &mut Command| {
        command.stdin(terminal);
    };
    with_streams("a_terminal", body, streams, |child| {
        let mut lines = lines(child.stdout.take().unwrap());
        (&controller).write_all(b"typed\n").unwrap();
        assert_eq!(lines.next().as_deref(), Some("typed"));
        assert_eq!(lines.next(), None);
    });
}

/// The worker runs others while one of its coroutines waits for input, or for room in a full pipe.
#[test]
fn others_run_meanwhile() {
    let body = || {
        start();
        on_workers(1, || {
            let reads = coroutine::spawn(|| {
                let mut line = String::new();
                stdin().read_line(&mut line).unwrap();
                line
            });
            let writes = coroutine::spawn(|| stdout().write_all(&[b'x'; 500_000]).unwrap());
            for _ in 0..10 {
                coroutine::sleep(Duration::from_micros(200));
            }
            assert!(!reads.is_finished() && !writes.is_finished());
            writeln!(stderr(), "both wait").unwrap();
            assert_eq!(reads.join().unwrap(), "a line\n");
            writes.join().unwrap();
        });
    };
    with_pipes("others_run_meanwhile", body, |child| {
        let mut errors = lines(child.stderr.take().unwrap());
        assert_eq!(errors.next().as_deref(), Some("both wait"));
        child.stdin.take().unwrap().write_all(b"a line\n").unwrap();
        let mut text = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut text).unwrap();
        assert_eq!(text.iter().filter(|byte| **byte == b'x').count(), 500_000);
    });
}

#[test]
fn lines_go_out_when_they_are_complete_and_the_rest_at_the_end() {
    let body = || {
        start();
        on_workers(1, || {
            write!(stdout(), "one line").unwrap();
            writeln!(stderr(), "half").unwrap();
            let mut line = String::new();
            stdin().read_line(&mut line).unwrap();
            write!(stdout(), " in two\nthe rest").unwrap();
            stdin().read_line(&mut line).unwrap();
            write!(stdout(), " goes").unwrap();
            stdout().flush().unwrap();
            stdin().read_line(&mut line).unwrap();
            write!(stdout(), " out").unwrap();
        });
    };
    let name = "lines_go_out_when_they_are_complete_and_the_rest_at_the_end";
    with_pipes(name, body, |child| {
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mut errors = lines(child.stderr.take().unwrap());
        let mut next = |expected: &str| {
            let mut text = String::new();
            while !text.ends_with(expected) {
                let mut byte = [0];
                stdout.read_exact(&mut byte).unwrap();
                text.push(char::from(byte[0]));
            }
            text
        };
        next("START\n");
        assert_eq!(errors.next().as_deref(), Some("half"));
        // What it has not written by now was not written before this.
        writeln!(stdin).unwrap();
        assert_eq!(next("two\n"), "one line in two\n");
        writeln!(stdin).unwrap();
        assert_eq!(next("goes"), "the rest goes");
        writeln!(stdin).unwrap();
        let mut end = String::new();
        stdout.read_to_string(&mut end).unwrap();
        assert_eq!(end, " out");
    });
}

#[test]
fn the_locks_belong_to_coroutines() {
    let body = || {
        start();
        for kind in KINDS {
            in_place(kind, |place| {
                let helpers: Vec<_> = (0..4)
                    .map(|number| {
                        place.start(move || {
                            for _ in 0..10 {
                                let mut out = stdout().lock();
                                for _ in 0..3 {
                                    write!(out, "{number}").unwrap();
                                    // Whoever holds it may lock it again.
                                    write!(stdout(), "{number}").unwrap();
                                    coroutine::yield_now();
                                }
                                writeln!(stdout().lock()).unwrap();
                            }
                        })
                    })
                    .collect();
                helpers.into_iter().for_each(|helper| helper.join());
                // Another one's lock is waited for, and the wait can be cancelled.
                let held = stderr().lock();
                if matches!(kind, Kind::Coroutines(_)) {
                    let waits = coroutine::spawn(|| writeln!(stderr(), "never").unwrap());
                    coroutine::sleep(Duration::from_millis(1));
                    waits.cancel();
                    may_tests::assert_cancelled(waits.join());
                }
                let waits = place.start(|| writeln!(stderr(), "{}", 5).unwrap());
                coroutine::sleep(Duration::from_millis(1));
                drop(held);
                waits.join();
            });
        }
    };
    with_pipes("the_locks_belong_to_coroutines", body, |child| {
        let out: Vec<_> = lines(child.stdout.take().unwrap()).collect();
        assert_eq!(out.len(), KINDS.len() * 40);
        for line in out {
            assert_eq!(line, line[..1].repeat(6));
        }
        let errors: Vec<_> = lines(child.stderr.take().unwrap()).collect();
        assert_eq!(errors, ["5"; KINDS.len()]);
    });
}

#[test]
fn what_a_reader_leaves_in_the_middle_of_a_line_is_for_the_next() {
    let body = || {
        start();
        for kind in KINDS {
            in_place(kind, |_| {
                let mut line = String::from("kept ");
                loop {
                    let limit = Duration::from_millis(1);
                    match time::timeout(limit, || stdin().read_line(&mut line)) {
                        Ok(length) => {
                            assert_eq!(length.unwrap(), 18);
                            break;
                        }
                        Err(_) => {
                            assert_eq!(line, "kept ");
                            writeln!(stderr(), "time is up").unwrap();
                        }
                    }
                }
                write!(stdout(), "{line}").unwrap();
            });
        }
    };
    let name = "what_a_reader_leaves_in_the_middle_of_a_line_is_for_the_next";
    with_pipes(name, body, |child| {
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = lines(child.stdout.take().unwrap());
        let mut errors = lines(child.stderr.take().unwrap());
        for _ in KINDS {
            for part in ["one ", "line ", "of ", "pa"] {
                stdin.write_all(part.as_bytes()).unwrap();
                assert_eq!(errors.next().as_deref(), Some("time is up"));
            }
            stdin.write_all(b"rts\n").unwrap();
            assert_eq!(stdout.next().as_deref(), Some("kept one line of parts"));
        }
        std::thread::spawn(move || errors.count());
    });
}

#[test]
fn lines_that_are_no_text() {
    let body = || {
        start();
        on_workers(1, || {
            let mut line = String::new();
            let error = stdin().read_line(&mut line).unwrap_err();
            assert_eq!((error.kind(), &*line), (io::ErrorKind::InvalidData, ""));
            stdin().read_line(&mut line).unwrap();
            assert_eq!(line, "ä\n");
            // A long line, and large pieces.
            line.clear();
            assert_eq!(stdin().read_line(&mut line).unwrap(), 100_001);
            let mut piece = vec![0; 50_000];
            stdin().read_exact(&mut piece).unwrap();
            assert!(piece.iter().all(|byte| *byte == b'z'));
            assert_eq!(stdin().read(&mut piece).unwrap(), 0);
        });
    };
    with_pipes("lines_that_are_no_text", body, |child| {
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"\xff\xfe\n\xc3\xa4\n").unwrap();
        stdin.write_all(&[b'y'; 100_000]).unwrap();
        stdin.write_all(b"\n").unwrap();
        stdin.write_all(&[b'z'; 50_000]).unwrap();
    });
}

#[test]
fn nobody_reads() {
    let body = || {
        start();
        on_workers(1, || {
            let mut line = String::new();
            stdin().read_line(&mut line).unwrap();
            let error = loop {
                if let Err(error) = writeln!(stdout(), "nobody reads this") {
                    break error;
                }
                coroutine::yield_now();
            };
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        });
    };
    with_pipes("nobody_reads", body, |child| {
        let mut errors = BufReader::new(child.stderr.as_mut().unwrap());
        while !errors.fill_buf().unwrap().ends_with(b"START\n") {
            errors.fill_buf().unwrap();
        }
        drop(child.stdout.take());
        child.stdin.take().unwrap().write_all(b"\n").unwrap();
    });
}

#[test]
fn as_an_arm_of_a_select() {
    let body = || {
        start();
        on_workers(1, || {
            let (mut late, mut received) = (0, Vec::new());
            while received.len() < 3 {
                select! {
                    line = run({
                        let mut line = String::new();
                        stdin().read_line(&mut line).unwrap();
                        line
                    }) => received.push(line),
                    after(Duration::from_micros(300)) => {
                        late += 1;
                        if late == 3 {
                            writeln!(stderr(), "late").unwrap();
                        }
                    }
                }
            }
            assert!(late >= 3);
            assert_eq!(received, ["1\n", "2\n", "3\n"]);
        });
    };
    with_pipes("as_an_arm_of_a_select", body, |child| {
        let mut errors = lines(child.stderr.take().unwrap());
        assert_eq!(errors.next().as_deref(), Some("late"));
        child.stdin.take().unwrap().write_all(b"1\n2\n3\n").unwrap();
    });
}

#[test]
fn a_cancellation_at_any_moment_loses_no_line() {
    let rounds: usize = std::env::var("MAY_ROUNDS").map_or(2000, |rounds| rounds.parse().unwrap());
    let body = || {
        start();
        for workers in [1, 2] {
            on_workers(workers, || {
                let mut random = Random::new(7);
                let next = Arc::new(AtomicUsize::new(0));
                let mut cancelled = 0;
                while next.load(SeqCst) < rounds {
                    let for_victim = next.clone();
                    let victim = coroutine::spawn(move || {
                        loop {
                            let mut line = String::new();
                            assert_ne!(stdin().read_line(&mut line).unwrap(), 0);
                            // What has been read counts, whatever happens now.
                            let number = for_victim.fetch_add(1, SeqCst);
                            assert_eq!(line, format!("{number}\n"));
                            if number + 1 == rounds {
                                return;
                            }
                        }
                    });
                    for_a_moment(&mut random);
                    victim.cancel();
                    match victim.join() {
                        Ok(()) => assert_eq!(next.load(SeqCst), rounds),
                        result => {
                            may_tests::assert_cancelled(result);
                            cancelled += 1;
                        }
                    }
                }
                writeln!(stdout(), "{workers} workers: {cancelled} were cancelled").unwrap();
            });
        }
    };
    with_pipes(
        "a_cancellation_at_any_moment_loses_no_line",
        body,
        |child| {
            let mut stdin = child.stdin.take().unwrap();
            let writer = std::thread::spawn(move || {
                let mut random = Random::new(3);
                let text: String = (0..rounds).map(|number| format!("{number}\n")).collect();
                for _ in 0..2 {
                    // In pieces that end anywhere.
                    let mut rest = text.as_bytes();
                    while !rest.is_empty() {
                        let (piece, after) =
                            rest.split_at(rest.len().min(1 + random.below(20) as usize));
                        stdin.write_all(piece).unwrap();
                        rest = after;
                        (0..random.below(3000)).for_each(|_| std::hint::spin_loop());
                    }
                }
            });
            lines(child.stdout.take().unwrap()).for_each(|line| println!("{line}"));
            writer.join().unwrap();
        },
    );
}
