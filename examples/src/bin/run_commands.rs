//! Runs the commands that come on standard input, some at a time, each for so long at most.
//!
//! Standard input, child processes, files and signals, each of which would block a thread: here
//! every command has a coroutine that just waits.
//!
//! ```text
//! $ printf 'echo one\nsleep 60\nls /nowhere\n' | cargo run -p may-examples --bin run_commands -- --limit 100
//! [1] echo one: done
//!     one
//! [3] ls /nowhere: failed with exit code 2
//!     ls: cannot access '/nowhere': No such file or directory
//! [2] sleep 60: ended after 100 ms
//! 3 commands: 1 done, 2 not
//! ```

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use may::{
    coroutine::TaskGroup,
    fs,
    io::{stdin, stdout},
    process::{Child, Command, Stdio},
    select,
    signal::{Signal, Signals},
    sync::Semaphore,
    time::timeout,
};
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
Runs the commands that come on standard input, one on each line, until it ends or ctrl-c is pressed.

Usage: run_commands [options]

  --jobs N     how many run at the same time (default 4)
  --limit N    after how many milliseconds a command is ended by force (default 60000)
  --log DIR    write what each command prints into a file of this directory, too
  --workers N  threads that run the coroutines (default: one for each CPU)
  --help       show this text";

/// How the commands have ended.
#[derive(Default)]
struct Counts {
    done: AtomicUsize,
    failed: AtomicUsize,
}

/// A shell that does not outlive its coroutine, however that ends; nor do the programs that it runs,
/// which are the process group that it leads.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let kill = format!("kill -KILL -{}", self.0.id());
            let _ = Command::new("/bin/sh").arg("-c").arg(kill).status();
            let _ = self.0.wait();
        }
    }
}

fn main() {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let limit = Duration::from_millis(args.value("limit", 60_000));
    let log: Option<PathBuf> = args.optional("log");
    // All that waits is a coroutine, `main`, too.
    let ran = may::go!(move || run_all(args.value("jobs", 4), limit, log));
    if let Err(error) = ran.join().expect("it does not panic") {
        eprintln!("run_commands: {error}");
        std::process::exit(1);
    }
}

/// Runs all commands, and says at the end how many have ended well.
fn run_all(jobs: usize, limit: Duration, log: Option<PathBuf>) -> io::Result<()> {
    let signals = Signals::new([Signal::SIGINT, Signal::SIGTERM])?;
    let counts = Arc::new(Counts::default());
    let room = Arc::new(Semaphore::new(jobs.max(1)));
    let mut running = TaskGroup::new();
    let mut number = 0;
    if let Some(log) = &log {
        fs::create_dir_all(log)?;
    }
    let stopped = loop {
        // If the signal comes first, what has come of the line stays where it is.
        let line = select! {
            line = run(next_line()) => line?,
            signal = recv(signals) => break Some(signal?),
        };
        let Some(command) = line else { break None };
        number += 1;
        let permit = select! {
            permit = acquire(room) => permit,
            signal = recv(signals) => break Some(signal?),
        };
        permit.forget();
        let (counts, room, log) = (counts.clone(), room.clone(), log.clone());
        running.spawn(move || {
            let succeeded = run_one(number, &command, limit, log.as_deref());
            let count = if succeeded {
                &counts.done
            } else {
                &counts.failed
            };
            count.fetch_add(1, Ordering::Relaxed);
            room.add_permits(1);
        });
    };
    if let Some(signal) = stopped {
        writeln!(stdout(), "{signal}: ending what runs")?;
        running.cancel();
    }
    while running.join_next().is_some() {}
    let (done, failed) = (&counts.done, &counts.failed);
    let (done, failed) = (done.load(Ordering::Relaxed), failed.load(Ordering::Relaxed));
    writeln!(
        stdout(),
        "{} commands: {done} done, {failed} not",
        done + failed
    )
}

/// The next line of standard input.
fn next_line() -> io::Result<Option<String>> {
    let mut line = String::new();
    let length = stdin().read_line(&mut line)?;
    Ok((length > 0).then(|| line.trim_end().to_owned()))
}

/// Runs one command, says how it has ended, and whether that was well.
fn run_one(number: usize, command: &str, limit: Duration, log: Option<&Path>) -> bool {
    let mut text = Vec::new();
    let outcome = match timeout(limit, || output_of(command, &mut text)) {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(match status.code() {
            Some(code) => format!("failed with exit code {code}"),
            None => "was ended by a signal".to_owned(),
        }),
        Ok(Err(error)) => Err(format!("could not be run: {error}")),
        Err(_) => Err(format!("ended after {} ms", limit.as_millis())),
    };
    // One block, whoever else writes.
    let mut out = stdout().lock();
    let how = outcome
        .as_ref()
        .map_or_else(|how| how.as_str(), |()| "done");
    let mut written = writeln!(out, "[{number}] {command}: {how}");
    for line in String::from_utf8_lossy(&text).lines() {
        written = written.and_then(|()| writeln!(out, "    {line}"));
    }
    drop(out);
    if let Some(log) = log {
        written = written.and_then(|()| fs::write(log.join(format!("{number}.log")), &text));
    }
    written.is_ok() && outcome.is_ok()
}

/// Runs a command to its end, and appends what it writes to `text`.
fn output_of(command: &str, text: &mut Vec<u8>) -> io::Result<may::process::ExitStatus> {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(format!("exec 2>&1\n{command}"));
    shell
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0);
    let mut child = Ends(shell.spawn()?);
    let mut output = child.0.stdout.take().expect("it is a pipe");
    output.read_to_end(text)?;
    child.0.wait()
}
