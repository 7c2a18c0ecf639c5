//! What the tests share: programs that run beside a test and end with it, also if it fails.

// Each test program uses a part of it.
#![allow(dead_code)]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{self, Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long anything may take. Only what fails takes that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `check` gives something.
pub(crate) fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(begin.elapsed() < PATIENCE, "{what} does not come");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Runs a program to its end.
pub(crate) fn run(path: &str, args: &[&str]) -> Output {
    Command::new(path)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs a program that must succeed, and returns what it printed.
pub(crate) fn printed(path: &str, args: &[&str]) -> String {
    let output = run(path, args);
    let complaints = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{path} {args:?}: {}\n{text}{complaints}",
        output.status
    );
    text.into_owned()
}

/// A program that runs beside the test, and is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    /// What it has printed so far, and a signal for more.
    lines: Arc<(Mutex<Lines>, Condvar)>,
}

/// What a program has printed.
#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    complete: bool,
}

impl Running {
    /// Starts a program.
    pub(crate) fn start(command: &mut Command) -> Running {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let lines = Arc::new((Mutex::new(Lines::default()), Condvar::new()));
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn({
            let lines = Arc::clone(&lines);
            move || {
                for line in stdout.lines().map_while(Result::ok) {
                    lines.0.lock().unwrap().lines.push(line);
                    lines.1.notify_all();
                }
                lines.0.lock().unwrap().complete = true;
                lines.1.notify_all();
            }
        });
        Running { child, lines }
    }

    /// Starts a server of ours on a free port; returns where it listens, too.
    pub(crate) fn server(path: &str, args: &[&str]) -> (Running, String) {
        let mut command = Command::new(path);
        let server = Running::start(command.args(["--addr", "127.0.0.1:0"]).args(args));
        let line = server.line(|line| line.starts_with("listening on "));
        let (_, addr) = line.rsplit_once(['/', ' ']).unwrap();
        let addr = addr.to_owned();
        (server, addr)
    }

    /// Waits for a line that it prints.
    pub(crate) fn line(&self, wanted: impl Fn(&str) -> bool) -> String {
        let (lines, changed) = &*self.lines;
        let lines = lines.lock().unwrap();
        let (lines, _) = changed
            .wait_timeout_while(lines, PATIENCE, |lines| {
                !lines.complete && !lines.lines.iter().any(|line| wanted(line))
            })
            .unwrap();
        match lines.lines.iter().find(|line| wanted(line)) {
            Some(line) => line.clone(),
            None => panic!("the line does not come:\n{}", lines.lines.join("\n")),
        }
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Says whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end; returns all that it printed.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = eventually("the end of a program", || self.child.try_wait().unwrap());
        let (lines, changed) = &*self.lines;
        let lines = lines.lock().unwrap();
        let (lines, _) = changed
            .wait_timeout_while(lines, PATIENCE, |lines| !lines.complete)
            .unwrap();
        (status, lines.lines.join("\n"))
    }

    /// Presses ctrl-c, and checks that it ends as it should.
    pub(crate) fn stop(self) {
        self.signal("-INT");
        let (status, text) = self.wait();
        assert_eq!(status.code(), Some(0), "{text}");
        assert!(text.contains("stopping"), "{text}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // There may be nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A directory that is removed when this is dropped.
pub(crate) struct Directory(PathBuf);

impl Directory {
    /// Makes an empty directory.
    pub(crate) fn new() -> Directory {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("may-apps-{}-{number}", process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Reads to the end what comes within the patience of a test.
pub(crate) fn read_all(stream: &mut std::net::TcpStream) -> Vec<u8> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}
