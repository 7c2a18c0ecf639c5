//! `process`: children, their pipes and their ends, and what a cancellation leaves of them.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::process::{Child, Command, Stdio};
use may::{coroutine, select, time};
use may_tests::{
    Moments, alone, assert_cancelled, child, eventually, everywhere, on_workers, watchdog_for,
    with_seeds,
};

/// A shell that runs a script.
fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script);
    command
}

/// What a shell that runs a script writes.
fn written(script: &str) -> String {
    let output = shell(script).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A child that runs until its standard input is closed.
fn cat() -> Child {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().unwrap()
}

/// What the system says of a process, if it is there: R, S, Z, ..
#[cfg(target_os = "linux")]
fn state(id: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

#[test]
fn exit_codes() {
    everywhere(|place| {
        for code in [0, 1, 7, 255] {
            let status = shell(&format!("exit {code}")).status().unwrap();
            assert_eq!(status.code(), Some(code));
            assert_eq!(status.success(), code == 0);
            let helper = place.start(move || shell(&format!("exit {code}")).spawn()?.wait());
            assert_eq!(helper.join().unwrap(), status);
        }
        let mut child = shell("exit 3").spawn().unwrap();
        for _ in 0..3 {
            assert_eq!(child.wait().unwrap().code(), Some(3), "again and again");
            assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(3));
        }
    });
}

#[test]
fn signals_that_end_a_child() {
    everywhere(|_| {
        let status = shell("kill -TERM $$").status().unwrap();
        assert_eq!(
            (status.code(), status.signal()),
            (None, Some(libc::SIGTERM))
        );
        let mut child = cat();
        assert_eq!(child.try_wait().unwrap(), None);
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGKILL));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap(), status);
        // A dispositions that this process ignores is not inherited by the child.
        let status = shell("kill -PIPE $$").status().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGPIPE));
    });
}

#[test]
fn arguments_and_environment_and_directory() {
    everywhere(|_| {
        let mut command = shell(r#"printf '<%s>' "$0" "$@""#);
        command
            .args(["zero", "one two", "", "ä\"'$x", "*"])
            .arg("\n");
        let output = command.output().unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "<zero><one two><><ä\"'$x><*><\n>"
        );

        let mut command = shell("echo $MAY_ONE,$MAY_TWO,$MAY_THREE,${PATH:+path}");
        command
            .envs([("MAY_ONE", "1"), ("MAY_TWO", "2")])
            .env("MAY_THREE", "3");
        command.env_remove("MAY_TWO");
        assert_eq!(command.output().unwrap().stdout, b"1,,3,path\n");
        command.env_clear().env("MAY_TWO", "2");
        // (The shell may have a default path.)
        assert!(command.output().unwrap().stdout.starts_with(b",2,,"));

        let directory = fs::canonicalize(std::env::temp_dir()).unwrap();
        let output = shell("pwd -P").current_dir(&directory).output().unwrap();
        assert_eq!(
            PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end()),
            directory
        );

        let output = shell("echo $0").arg0("somebody").output().unwrap();
        assert_eq!(output.stdout, b"somebody\n");
        let group = written("ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat");
        // SAFETY: the call takes no arguments.
        assert_eq!(group.trim(), unsafe { libc::getpgrp() }.to_string());
        let output = shell("echo $$; cut -d' ' -f5 /proc/$$/stat")
            .process_group(0)
            .output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        let (id, group) = text.trim().split_once('\n').unwrap();
        assert_eq!(id, group);
    });
}

#[test]
fn what_was_set_can_be_asked() {
    let mut command = Command::new("program");
    command
        .args(["a", "b"])
        .env("X", "1")
        .env_remove("Y")
        .current_dir("/tmp");
    assert_eq!(command.get_program(), "program");
    assert!(command.get_args().eq(["a", "b"]));
    let envs: Vec<_> = command.get_envs().collect();
    assert_eq!(
        envs,
        [("X".as_ref(), Some("1".as_ref())), ("Y".as_ref(), None)]
    );
    assert_eq!(command.get_current_dir(), Some("/tmp".as_ref()));
    assert!(format!("{command:?}").contains("program"));
    let std = std::process::Command::new("other");
    assert_eq!(Command::from(std).as_std_mut().get_program(), "other");
}

#[test]
fn what_cannot_be_started_says_so() {
    everywhere(|_| {
        let kind = |command: &mut Command| {
            let kinds = [
                command.spawn().unwrap_err().kind(),
                command.status().unwrap_err().kind(),
                command.output().unwrap_err().kind(),
            ];
            assert!(kinds.iter().all(|kind| *kind == kinds[0]));
            kinds[0]
        };
        let not_found = io::ErrorKind::NotFound;
        assert_eq!(
            kind(&mut Command::new("/there/is/no/such/program")),
            not_found
        );
        assert_eq!(
            kind(&mut Command::new("there-is-no-such-program")),
            not_found
        );
        assert_eq!(
            kind(shell("true").current_dir("/no/such/directory")),
            not_found
        );
        let denied = io::ErrorKind::PermissionDenied;
        assert_eq!(kind(&mut Command::new("/etc/passwd")), denied);
        let nul = io::ErrorKind::InvalidInput;
        assert_eq!(kind(&mut Command::new("with\0nul")), nul);
        assert_eq!(kind(Command::new("true").arg("with\0nul")), nul);
        assert_eq!(kind(Command::new("true").env("with\0nul", "value")), nul);
        assert_eq!(kind(Command::new("true").env("name", "with\0nul")), nul);
        assert_eq!(kind(Command::new("true").current_dir("with\0nul")), nul);
    });
}

#[test]
fn pipes_to_and_from_a_child() {
    everywhere(|_| {
        let mut child = cat();
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        for round in 0..50 {
            writeln!(stdin, "line {round}").unwrap();
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            assert_eq!(line, format!("line {round}\n"));
        }
        assert!(child.stderr.is_none());
        drop(stdin);
        assert_eq!(stdout.read_line(&mut String::new()).unwrap(), 0);
        assert!(child.wait().unwrap().success());

        // Waiting closes standard input.
        assert!(cat().wait().unwrap().success());
        // A child that does not read is an error of the write.
        let mut child = shell("exec <&-").stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        assert!(child.wait().unwrap().success());
        // (A child that another test starts at this moment has the other end until it runs its
        // program.)
        let mut kind = None;
        eventually("the pipe is broken", || {
            kind = stdin.write_all(b"x").err().map(|error| error.kind());
            kind.is_some()
        });
        assert_eq!(kind, Some(io::ErrorKind::BrokenPipe));
    });
}

#[test]
fn both_pipes_are_drained_at_once() {
    everywhere(|_| {
        // Each fills the pipes many times, one after the other, and in pieces by turns.
        let block = "head -c 300000 /dev/zero";
        for script in [
            format!("{block}; {block} >&2"),
            format!("{block} >&2; {block}"),
            format!(
                "for i in 1 2 3; do {block} | head -c 100000; {block} | head -c 100000 >&2; done"
            ),
        ] {
            let output = shell(&script).output().unwrap();
            assert!(output.status.success());
            assert_eq!(
                (output.stdout.len(), output.stderr.len()),
                (300_000, 300_000)
            );
            let mut command = shell(&script);
            command.stdout(Stdio::piped()).stderr(Stdio::null());
            let output = command.spawn().unwrap().wait_with_output().unwrap();
            assert_eq!((output.stdout.len(), output.stderr.len()), (300_000, 0));
            command.stdout(Stdio::null()).stderr(Stdio::piped());
            let output = command.spawn().unwrap().wait_with_output().unwrap();
            assert_eq!((output.stdout.len(), output.stderr.len()), (0, 300_000));
        }
        let output = Command::new("cat").output().unwrap();
        assert!(
            output.status.success() && output.stdout.is_empty(),
            "its input is nothing"
        );
        let output = shell("echo out; echo err >&2; exit 2").output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(
            (&*output.stdout, &*output.stderr),
            (&b"out\n"[..], &b"err\n"[..])
        );
    });
}

#[test]
fn output_uses_pipes_for_itself_only() {
    everywhere(|_| {
        let mut command = shell("echo out; echo err >&2");
        command.stderr(Stdio::null());
        for _ in 0..2 {
            let output = command.output().unwrap();
            assert_eq!(
                (&*output.stdout, &*output.stderr),
                (&b"out\n"[..], &b""[..])
            );
        }
        let mut silent = Command::new("true");
        silent.output().unwrap();
        let mut child = silent.spawn().unwrap();
        assert!(child.stdin.is_none() && child.stdout.is_none() && child.stderr.is_none());
        assert!(child.wait().unwrap().success());
        // Also if it could not be started.
        let mut missing = Command::new("/no/such/program");
        missing.output().unwrap_err();
        missing.output().unwrap_err();
    });
}

#[test]
fn streams_that_lead_elsewhere() {
    everywhere(|place| {
        // From one child to the other, in the mode that the child expects.
        let mut first = shell("sleep 0.02; echo through")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut second = Command::new("cat");
        second
            .stdin(first.stdout.take().unwrap())
            .stdout(Stdio::piped());
        let second = second.spawn().unwrap();
        assert_eq!(second.wait_with_output().unwrap().stdout, b"through\n");
        assert!(first.wait().unwrap().success());

        let name = format!("may-process-{}-{:?}", std::process::id(), place.kind());
        let path = std::env::temp_dir().join(name.replace(['(', ')'], ""));
        let file = may::fs::File::create(&path).unwrap();
        let status = shell("echo into a file").stdout(file).status().unwrap();
        assert!(status.success());
        let file = may::fs::File::open(&path).unwrap();
        let output = Command::new("cat").stdin(file).output().unwrap();
        assert_eq!(output.stdout, b"into a file\n");
        fs::remove_file(path).unwrap();

        let output = shell("cat; echo nothing")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"nothing\n");
        let status = shell("echo away; echo away >&2")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success());

        // The ends go to std's types and back.
        let mut child = cat();
        let stdin: std::os::fd::OwnedFd = child.stdin.take().unwrap().into();
        let mut stdin = fs::File::from(stdin);
        stdin.write_all(b"x").unwrap();
        let stdout: std::os::fd::OwnedFd = child.stdout.take().unwrap().into();
        let stdout = std::process::ChildStdout::from(stdout);
        let mut stdout = may::process::ChildStdout::from(stdout);
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
        drop(stdin);
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn inherited_streams() {
    let (text, succeeded) = child(&[], || {
        on_workers(1, || {
            assert!(
                shell("echo inherited; echo too >&2")
                    .status()
                    .unwrap()
                    .success()
            );
        });
    });
    assert!(
        succeeded && text.contains("inherited\n") && text.contains("too\n"),
        "{text}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn no_descriptor_gets_into_a_child() {
    alone(|| {
        on_workers(2, || {
            let listing = "ls /proc/$$/fd";
            let before = shell(listing).output().unwrap().stdout;
            let _sockets = may_tests::net::pair();
            let _file = may::fs::File::open("/proc/self/stat").unwrap();
            let _pipe = may::io::CoIo::new(io::pipe().unwrap().0).unwrap();
            let _signals = may::signal::Signals::new([may::signal::Signal::SIGUSR1]).unwrap();
            let mut others = [cat(), cat()];
            // So that there is what tells of its end.
            let waits = time::timeout(Duration::from_millis(1), || {
                let stdin = others[0].stdin.take();
                let result = others[0].wait();
                drop(stdin);
                result
            });
            assert!(waits.is_err());
            assert_eq!(shell(listing).output().unwrap().stdout, before);
            for mut other in others {
                other.kill().unwrap();
                other.wait().unwrap();
            }
        });
    });
}

#[test]
fn as_arms_of_a_select() {
    everywhere(|_| {
        let mut child = cat();
        let mut stdin = child.stdin.take();
        let stdout = child.stdout.take().unwrap();
        let mut buffer = [0; 16];
        let (mut read, mut written, mut ended, mut late) = (0, 0, false, 0);
        while !ended {
            select! {
                length = read(stdout, &mut buffer) if read < 4 => {
                    read += length.unwrap();
                    if read == 4 {
                        drop(stdin.take());
                    }
                }
                wait(child) => ended = true,
                after(Duration::from_millis(2)) => {
                    late += 1;
                    // (It may take longer than that for one to come back.)
                    if written == read
                        && let Some(stdin) = &mut stdin
                    {
                        stdin.write_all(b"x").unwrap();
                        written += 1;
                    }
                }
            }
        }
        assert_eq!((read, written), (4, 4));
        assert!(late >= 4);
        let start = Instant::now();
        assert!(child.wait().unwrap().success());
        assert!(start.elapsed() < Duration::from_secs(5));
        // One that has been waited for is ready, too.
        select! {
            biased;
            wait(child) => {}
            after(Duration::from_secs(30)) => panic!("it has ended"),
        }
        let full = cat();
        let to = full.stdin.as_ref().unwrap();
        let mut written = 0;
        loop {
            select! {
                biased;
                length = write(to, &[b'x'; 4096]) => written += length.unwrap(),
                after(Duration::from_millis(20)) => break,
            }
        }
        assert!(written >= 4096);
        let mut full = full;
        full.kill().unwrap();
        assert_eq!(full.wait().unwrap().signal(), Some(libc::SIGKILL));
    });
}

#[test]
fn a_child_can_be_waited_for_after_a_wait_that_was_ended() {
    everywhere(|place| {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        for _ in 0..5 {
            let waited = time::timeout(Duration::from_micros(500), || child.wait());
            assert!(waited.is_err());
            assert_eq!(child.try_wait().unwrap(), None, "it lives");
        }
        if matches!(place.kind(), may_tests::Kind::Coroutines(_)) {
            let child = Arc::new(std::sync::Mutex::new(child));
            let for_victim = child.clone();
            let victim = coroutine::spawn(move || for_victim.lock().unwrap().wait());
            coroutine::sleep(Duration::from_millis(1));
            victim.cancel();
            assert_cancelled(victim.join());
            child.clear_poison();
            let mut child = child.lock().unwrap();
            assert_eq!(child.try_wait().unwrap(), None, "it lives");
            child.kill().unwrap();
            assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
        } else {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn of_a_child_whose_end_is_known_nothing_has_to_tell() {
    alone(|| {
        on_workers(1, || {
            let open = || fs::read_dir("/proc/self/fd").unwrap().count();
            let before = open();
            let mut child = shell("exit 3").spawn().unwrap();
            eventually("it ends", || child.try_wait().unwrap().is_some());
            // Its number may be another process's by now.
            select! {
                biased;
                wait(child) => {}
                after(Duration::from_secs(30)) => panic!("it has ended"),
            }
            assert_eq!(child.wait().unwrap().code(), Some(3));
            // And once it has been waited for, no descriptor is kept.
            let mut waited = cat();
            (waited.stdin, waited.stdout) = (None, None);
            assert!(waited.wait().unwrap().success());
            assert_eq!(open(), before);

            // For one that was waited for elsewhere there is nothing to wait for either.
            let mut taken = shell("exit 4").spawn().unwrap();
            let id = taken.id() as libc::pid_t;
            // SAFETY: plain numbers, and no status is asked for.
            assert_eq!(unsafe { libc::waitpid(id, std::ptr::null_mut(), 0) }, id);
            select! {
                biased;
                wait(taken) => {}
                after(Duration::from_secs(30)) => panic!("it has ended"),
            }
            let error = taken.wait().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ECHILD));
            // SAFETY: the call fills the structure in.
            let action = unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                libc::sigaction(libc::SIGCHLD, std::ptr::null(), &mut action);
                action.sa_sigaction
            };
            assert_eq!(action, libc::SIG_DFL, "no handler was needed");
        });
    });
}

#[test]
#[cfg(target_os = "linux")]
fn without_descriptors_a_wait_fails_and_can_be_repeated() {
    alone(|| {
        on_workers(1, || {
            let (reader, writer) = io::pipe().unwrap();
            let mut command = Command::new("cat");
            let mut child = command.stdin(reader).spawn().unwrap();
            drop(command);
            // SAFETY: the structure lives across the calls.
            unsafe {
                let mut limit: libc::rlimit = std::mem::zeroed();
                assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
                limit.rlim_cur = 100;
                assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
            }
            let open = |_| fs::File::open("/dev/null").ok();
            let all: Vec<_> = (0..100).map_while(open).collect();
            let error = child.wait().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            assert_eq!(child.try_wait().unwrap(), None, "it lives");
            drop(all);
            let limit = Duration::from_millis(1);
            assert!(time::timeout(limit, || child.wait()).is_err());
            drop(writer);
            assert!(child.wait().unwrap().success());
        });
    });
}

/// The children of this process that have ended and were not waited for.
#[cfg(target_os = "linux")]
fn zombies() -> Vec<u32> {
    let me = std::process::id().to_string();
    let processes = fs::read_dir("/proc").unwrap();
    let is_mine = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        let mut fields = after_name.split(' ');
        fields.next() == Some("Z") && fields.next() == Some(&*me)
    };
    processes
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .filter(is_mine)
        .collect()
}

#[test]
#[cfg(target_os = "linux")]
fn those_whose_handles_went_with_a_call_leave_no_zombies() {
    alone(|| {
        on_workers(2, || {
            let pid_file = std::env::temp_dir().join(format!("may-pid-{}", std::process::id()));
            let script = format!(
                "echo $$ > {0}.new && mv {0}.new {0}; exec sleep 1000",
                pid_file.display()
            );
            let calls: [fn(&str); 3] = [
                |script| drop(shell(script).status()),
                |script| drop(shell(script).output()),
                |script| {
                    let mut command = shell(script);
                    command.stdout(Stdio::piped());
                    drop(command.spawn().unwrap().wait_with_output());
                },
            ];
            for call in calls {
                let for_victim = script.clone();
                let victim = coroutine::spawn(move || call(&for_victim));
                let mut id = 0;
                eventually("it runs", || {
                    let text = fs::read_to_string(&pid_file).unwrap_or_default();
                    id = text.trim().parse().unwrap_or(0);
                    id != 0
                });
                fs::remove_file(&pid_file).unwrap();
                victim.cancel();
                assert_cancelled(victim.join());
                assert!(
                    matches!(state(id), Some('S' | 'R' | 'D')),
                    "it is left alone"
                );
                // SAFETY: plain numbers; it is a child that was not waited for, so the number is
                // its own.
                assert_eq!(unsafe { libc::kill(id as libc::pid_t, libc::SIGKILL) }, 0);
                eventually("it has ended", || state(id) == Some('Z'));
                shell("true").status().unwrap();
                assert_eq!(state(id), None, "it was waited for");
            }
            assert_eq!(zombies(), []);
        });
    });
}

#[test]
fn many_at_once() {
    everywhere(|place| {
        let helpers: Vec<_> = (0..30)
            .map(|number| {
                place.start(move || shell(&format!("echo {number}; exit {number}")).output())
            })
            .collect();
        for (number, helper) in helpers.into_iter().enumerate() {
            let output = helper.join().unwrap();
            assert_eq!(output.status.code(), Some(number as i32));
            assert_eq!(output.stdout, format!("{number}\n").into_bytes());
        }
    });
}

#[test]
fn others_run_while_a_child_is_waited_for() {
    on_workers(1, || {
        let mut child = cat();
        let stdin = child.stdin.take();
        let waits = coroutine::spawn(move || child.wait().unwrap());
        for _ in 0..20 {
            coroutine::sleep(Duration::from_micros(100));
            assert!(!waits.is_finished());
        }
        drop(stdin);
        assert!(waits.join().unwrap().success());
    });
}

#[test]
fn exec_takes_the_place_of_this_process() {
    let (text, succeeded) = child(&[], || {
        on_workers(1, || {
            let error = Command::new("/no/such/program").exec();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
            panic!("{}", shell("echo in its place").exec());
        });
    });
    assert!(succeeded && text.contains("in its place"), "{text}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_cancellation_or_a_limit_at_any_moment_leaves_nothing_behind() {
    alone(|| {
        let rounds = std::env::var("MAY_ROUNDS").map_or(60, |rounds| rounds.parse().unwrap());
        let _watchdog = watchdog_for(Duration::from_secs(3600));
        let calls: [(&str, fn()); 4] = [
            ("status", || {
                assert!(shell("exit 0").status().unwrap().success())
            }),
            ("output", || {
                let output = shell("echo x; echo y >&2").output().unwrap();
                assert_eq!(
                    (&*output.stdout, &*output.stderr),
                    (&b"x\n"[..], &b"y\n"[..])
                );
            }),
            ("wait", || {
                let child = coroutine::shield(cat);
                /// Waits for the child whatever happens.
                struct Waited(Child);
                impl Drop for Waited {
                    fn drop(&mut self) {
                        // (Its standard output may be closed.)
                        self.0.wait().unwrap();
                    }
                }
                let mut child = Waited(child);
                let stdout = child.0.stdout.take().unwrap();
                let mut stdin = child.0.stdin.take().unwrap();
                stdin.write_all(b"12345").unwrap();
                let mut bytes = [0; 5];
                (&stdout).read_exact(&mut bytes).unwrap();
                assert_eq!(&bytes, b"12345");
                drop(stdin);
                assert!(child.0.wait().unwrap().success());
            }),
            ("wait_with_output", || {
                let output = coroutine::shield(cat).wait_with_output().unwrap();
                assert!(output.status.success());
            }),
        ];
        for workers in [1, 2] {
            let runtime = may_tests::runtime(workers);
            runtime.run(|| {
                for (name, call) in calls {
                    let ends = AtomicUsize::new(0);
                    let moments = Moments::new(Duration::from_millis(3));
                    with_seeds(rounds, |mut random| {
                        let by_limit = random.below(2) == 0;
                        let moment = moments.next(&mut random);
                        let limit = if by_limit {
                            moment
                        } else {
                            Duration::from_secs(60)
                        };
                        let victim = coroutine::spawn(move || time::timeout(limit, call));
                        if !by_limit {
                            coroutine::sleep(moment);
                            victim.cancel();
                        }
                        let happened = match victim.join() {
                            Ok(result) => result.is_ok(),
                            result => {
                                assert_cancelled(result);
                                false
                            }
                        };
                        moments.learn(happened);
                        ends.fetch_add(usize::from(!happened), SeqCst);
                    });
                    println!("{name}, {workers} workers: {ends:?} of {rounds} ended early");
                }
                eventually("nothing is left", || {
                    shell("true").status().unwrap();
                    zombies().is_empty()
                });
            });
            may_tests::end(runtime);
        }
        let open = fs::read_dir("/proc/self/fd").unwrap().count();
        assert!(open < 40, "{open} descriptors are open");
    });
}
