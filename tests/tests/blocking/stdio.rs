//! `io::{stdin, stdout, stderr}`, each test in a process of its own whose streams are the test's.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
#[cfg(target_os = "linux")]
use std::sync::{Arc, Mutex};
use std::time::Duration;

use may::io::{CoIo, stderr, stdin, stdout};
use may::{coroutine, select, time};
use may_tests::{
    KINDS, Kind, Random, assert_cancelled, in_place, is_rerun, on_workers, rerun, watchdog_for,
    with_seeds,
};

/// How long a test may take: those that cancel often can be told to do it more often.
const HANG_AFTER: Duration = Duration::from_secs(300);

/// Runs `body`, of the test that calls this, in a process whose streams are those that `streams`
/// sets, and `drive` here with that process.
fn with_streams(
    body: impl FnOnce(),
    streams: impl FnOnce(&mut Command),
    drive: impl FnOnce(&mut Child),
) {
    let _watchdog = watchdog_for(HANG_AFTER);
    if is_rerun() {
        body();
        std::process::exit(0);
    }
    let mut command = rerun();
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
fn with_pipes(body: impl FnOnce(), drive: impl FnOnce(&mut Child)) {
    with_streams(body, |_| {}, drive);
}

/// The lines that the child writes to a stream, without those of the test harness, which come
/// first.
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
    with_pipes(says_back, |child| {
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
    with_streams(says_back, streams, |child| {
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
    with_streams(says_back, streams, drive);
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
    with_streams(body, streams, |_| {});
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal() {
    let (mut controller, mut terminal) = (0, 0);
    // SAFETY: the call fills the numbers in, and asks for nothing else; then they are nobody
    // else's.
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
    with_streams(body, streams, |child| {
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
    with_pipes(body, |child| {
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
    with_pipes(body, |child| {
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

/// Also if a coroutine ends the process, in the middle of a line that it has locked, and if others
/// wait for the lock.
#[test]
fn the_rest_goes_out_when_a_coroutine_ends_the_process() {
    let body = || {
        start();
        on_workers(2, || {
            let mut out = stdout().lock();
            coroutine::spawn(|| stdout().write_all(b"never\n").unwrap());
            coroutine::yield_now();
            write!(out, "a line\nthe rest").unwrap();
            std::process::exit(0);
        });
    };
    with_pipes(body, |child| {
        let lines: Vec<_> = lines(child.stdout.take().unwrap()).collect();
        assert_eq!(lines, ["a line", "the rest"]);
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
                                    // The holder may lock it again.
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
    with_pipes(body, |child| {
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
                // So does who waits for so many bytes, or for the end.
                let limit = Duration::from_millis(1);
                let mut bytes = [b'-'; 9];
                for part in ["12", "345", "678"] {
                    writeln!(stderr(), "next {part}").unwrap();
                    let (mut all, mut text) = (vec![b'-'], String::from("-"));
                    for _ in 0..2 {
                        let limited = time::timeout(limit, || stdin().read_exact(&mut bytes));
                        assert!(limited.is_err());
                        assert!(time::timeout(limit, || stdin().read_to_end(&mut all)).is_err());
                        let limited = time::timeout(limit, || stdin().read_to_string(&mut text));
                        assert!(limited.is_err());
                    }
                    assert_eq!((bytes, &*all, &*text), ([b'-'; 9], &b"-"[..], "-"));
                }
                writeln!(stderr(), "next 9").unwrap();
                stdin().read_exact(&mut bytes).unwrap();
                assert_eq!(&bytes, b"123456789");
            });
        }
        writeln!(stderr(), "the end").unwrap();
        let mut bytes = [0; 5];
        assert_eq!(stdin().read(&mut bytes[..1]).unwrap(), 1);
        let mut text = String::from("kept ");
        assert_eq!(stdin().read_to_string(&mut text).unwrap(), 4);
        assert_eq!(text, "kept rest");
        let error = stdin().read_exact(&mut bytes).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    };
    with_pipes(body, |child| {
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
            for _ in 0..4 {
                let next = errors.find(|line| line != "time is up").unwrap();
                stdin.write_all(&next.as_bytes()[5..]).unwrap();
            }
        }
        assert_eq!(errors.next().as_deref(), Some("the end"));
        stdin.write_all(b"<rest").unwrap();
        drop(stdin);
        assert_eq!(errors.next(), None);
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
    with_pipes(body, |child| {
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
    with_pipes(body, |child| {
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
    with_pipes(body, |child| {
        let mut errors = lines(child.stderr.take().unwrap());
        assert_eq!(errors.next().as_deref(), Some("late"));
        child.stdin.take().unwrap().write_all(b"1\n2\n3\n").unwrap();
    });
}

/// How often each call is cancelled.
#[cfg(target_os = "linux")]
fn rounds() -> u64 {
    std::env::var("MAY_ROUNDS").map_or(500, |rounds| rounds.parse().expect("a number"))
}

/// The bytes that the smallest pipe holds, and that go into a pipe all at once or not at all.
#[cfg(target_os = "linux")]
const PAGE: usize = 4096;

/// A stream of this process, one of the test's own, leads to one end of a small pipe from now on;
/// this is the other end. A panic is reported where the process was told to.
#[cfg(target_os = "linux")]
fn pipe_at(number: i32) -> CoIo<OwnedFd> {
    let (reader, writer) = io::pipe().unwrap();
    let (near, far) = match number {
        0 => (OwnedFd::from(reader), OwnedFd::from(writer)),
        _ => (writer.into(), reader.into()),
    };
    let errors = io::stderr().as_fd().try_clone_to_owned().unwrap();
    // SAFETY: plain numbers of descriptors that are open.
    unsafe {
        let size = libc::fcntl(far.as_raw_fd(), libc::F_SETPIPE_SZ, PAGE);
        assert_eq!(size, PAGE as i32);
        assert_eq!(libc::dup2(near.as_raw_fd(), number), number);
        // In case it hangs where it cannot say so.
        libc::alarm(HANG_AFTER.as_secs() as u32);
    }
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |information| {
        // SAFETY: as above.
        unsafe { libc::dup2(errors.as_raw_fd(), 2) };
        report(information);
    }));
    CoIo::new(far).unwrap()
}

/// Lets others run for a while, or keeps this thread from them; a shorter one than `for_a_moment`,
/// about as long as a call takes.
#[cfg(target_os = "linux")]
fn for_an_instant(random: &mut Random) {
    match random.below(4) {
        0 => (0..random.below(2000)).for_each(|_| std::hint::spin_loop()),
        1 => coroutine::sleep(Duration::from_micros(random.below(20))),
        _ => (0..random.below(4)).for_each(|_| coroutine::yield_now()),
    }
}

/// A coroutine that makes a call, leaves what that returns, and waits to be cancelled.
#[cfg(target_os = "linux")]
struct Victim<T> {
    handle: coroutine::JoinHandle<()>,
    result: Arc<Mutex<Option<T>>>,
}

#[cfg(target_os = "linux")]
impl<T: Send + 'static> Victim<T> {
    fn spawn(call: impl FnOnce() -> T + Send + 'static) -> Victim<T> {
        let result = Arc::new(Mutex::new(None));
        let leaves = result.clone();
        let handle = coroutine::spawn(move || {
            let returned = call();
            *leaves.lock().unwrap() = Some(returned);
            coroutine::park();
        });
        Victim { handle, result }
    }

    fn cancel(&self) {
        self.handle.cancel();
    }

    /// What the call has returned, if it happened.
    fn end(self) -> Option<T> {
        assert_cancelled(self.handle.join());
        self.result.lock().unwrap().take()
    }
}

/// What a caller does that must not have to wait long.
#[cfg(target_os = "linux")]
fn soon<T>(what: &str, call: impl FnOnce() -> T) -> T {
    time::timeout(Duration::from_secs(20), call).unwrap_or_else(|_| panic!("{what}"))
}

/// Runs rounds of a call that is cancelled, with one worker and with two; each says whether the
/// call has happened.
#[cfg(target_os = "linux")]
fn cancel_often(name: &str, mut told: impl Write + Send, round: impl Fn(Random) -> bool + Sync) {
    for workers in [1, 2] {
        let (happened, rounds_run) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let _watchdog = watchdog_for(HANG_AFTER);
        let runtime = may_tests::runtime(workers);
        runtime.run(|| {
            with_seeds(rounds(), |random| {
                rounds_run.fetch_add(1, SeqCst);
                happened.fetch_add(usize::from(round(random)), SeqCst);
            });
        });
        may_tests::end(runtime);
        let (happened, rounds) = (happened.into_inner(), rounds_run.into_inner());
        writeln!(
            told,
            "{name}, {workers} workers: happened {happened} times of {rounds}"
        )
        .unwrap();
        // (Of one round, with a seed from the environment, nothing can be said.)
        assert!(
            rounds < 100 || (1..rounds).contains(&happened),
            "the moments are not any moments"
        );
    }
}

/// A way of reading eight bytes.
#[cfg(target_os = "linux")]
type Read8 = (&'static str, fn() -> Vec<u8>);

/// All of them.
#[cfg(target_os = "linux")]
const READS: [Read8; 4] = [
    ("read_line", || {
        let mut line = String::new();
        stdin().read_line(&mut line).unwrap();
        line.into()
    }),
    ("read_until", || {
        let mut line = Vec::new();
        stdin().lock().read_until(b'\n', &mut line).unwrap();
        line
    }),
    ("read_exact", || {
        let mut bytes = vec![0; 8];
        stdin().read_exact(&mut bytes).unwrap();
        bytes
    }),
    ("read", || {
        let mut bytes = vec![0; 8];
        // (It gets a part of them if that has come.)
        let length = stdin().read(&mut bytes).unwrap();
        bytes.truncate(length);
        bytes
    }),
];

/// Each round writes a line of eight bytes for a caller that is cancelled, and perhaps one for a
/// bystander. Whatever the first has not taken is there for the next who comes.
#[test]
#[cfg(target_os = "linux")]
fn a_cancellation_at_any_moment_leaves_what_comes_for_the_next_reader() {
    let body = || {
        let far = pipe_at(0);
        let number = AtomicUsize::new(0);
        for (name, read) in READS {
            cancel_often(name, io::stdout(), |mut random| {
                let victim = Victim::spawn(read);
                let bystander = (random.below(2) == 0).then(|| coroutine::spawn(read));
                let lines = 1 + usize::from(bystander.is_some());
                let first = number.fetch_add(lines, SeqCst);
                let expected: Vec<_> = (first..first + lines)
                    .map(|number| format!("{number:>7}\n").into_bytes())
                    .collect();
                let text = expected.concat();
                let middle = match name {
                    "read" => 0,
                    _ => random.below(text.len() as u64 + 1) as usize,
                };
                let at = random.below(5);
                for step in 0..5 {
                    match step {
                        1 => (&far).write_all(&text[..middle]).unwrap(),
                        2 => (&far).write_all(&text[middle..]).unwrap(),
                        _ => {}
                    }
                    for_an_instant(&mut random);
                    if step == at {
                        victim.cancel();
                    }
                }
                let by_victim = victim.end();
                let happened = by_victim.is_some();
                let by_bystander = bystander.map(|bystander| bystander.join().unwrap());
                let mut received: Vec<_> = by_victim.into_iter().chain(by_bystander).collect();
                if received.len() < lines {
                    received.push(soon("what the other has not taken is there", read));
                }
                received.sort();
                assert_eq!(received, expected);
                happened
            });
        }
    };
    with_pipes(body, tell);
}

/// In each round a full pipe is emptied for a caller that is cancelled, and perhaps once more for a
/// bystander. A line that goes into the pipe at once goes in once, or not at all.
#[cfg(target_os = "linux")]
fn cancel_writers(number: i32, name: &str, write: fn(&[u8])) {
    let told = io::stdout().as_fd().try_clone_to_owned().unwrap();
    let far = pipe_at(number);
    let line = |number: usize| format!("{number:>width$}\n", width = PAGE - 1).into_bytes();
    let number = AtomicUsize::new(1);
    let in_pipe = Mutex::new(std::collections::BTreeSet::from([0]));
    write(&line(0));
    let drain = || {
        let mut bytes = vec![0; PAGE];
        soon("there is a line", || (&far).read_exact(&mut bytes).unwrap());
        let text = std::str::from_utf8(&bytes).unwrap();
        let number: usize = text.trim().parse().expect("a whole line");
        assert!(in_pipe.lock().unwrap().remove(&number), "{number} once");
    };
    cancel_often(name, std::fs::File::from(told), |mut random| {
        let mine = number.fetch_add(2, SeqCst);
        in_pipe.lock().unwrap().insert(mine);
        let victim = Victim::spawn(move || write(&line(mine)));
        let bystander = (random.below(2) == 0).then(|| {
            in_pipe.lock().unwrap().insert(mine + 1);
            coroutine::spawn(move || write(&line(mine + 1)))
        });
        let at = random.below(5);
        for step in 0..5 {
            match step {
                1 => drain(),
                2 if bystander.is_some() => drain(),
                _ => {}
            }
            for_an_instant(&mut random);
            if step == at {
                victim.cancel();
            }
        }
        let happened = victim.end().is_some();
        if let Some(bystander) = bystander {
            bystander.join().unwrap();
        }
        if !happened {
            soon("there is room", || write(&line(mine)));
        }
        happened
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_cancellation_at_any_moment_writes_a_line_to_standard_output_or_does_not() {
    let body = || cancel_writers(1, "stdout", |line| stdout().write_all(line).unwrap());
    with_pipes(body, tell);
}

#[test]
#[cfg(target_os = "linux")]
fn a_cancellation_at_any_moment_writes_a_line_to_standard_error_or_does_not() {
    let body = || cancel_writers(2, "stderr", |line| stderr().write_all(line).unwrap());
    with_pipes(body, tell);
}

/// Passes on what a child tells.
#[cfg(target_os = "linux")]
fn tell(child: &mut Child) {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.map(Result::unwrap) {
        // (Not what its harness says.)
        if line.contains(" workers: ") {
            println!("{line}");
        }
    }
}
