//! Programs that run as processes of their own.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::Duration,
};

/// How long a test waits for a program.
pub(crate) const HANG_AFTER: Duration = Duration::from_secs(20);

/// Runs a program to its end.
pub(crate) fn run(path: &str, args: &[&str]) -> Output {
    let mut command = Command::new(path);
    command.args(args).stdin(Stdio::null()).output().unwrap()
}

/// Runs a program that must succeed, and returns what it printed.
#[track_caller]
pub(crate) fn printed(path: &str, args: &[&str]) -> String {
    let output = run(path, args);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{path} {args:?}: {complaints}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a program that must fail, and returns what it complained of.
#[track_caller]
pub(crate) fn complaint(path: &str, args: &[&str]) -> String {
    let output = run(path, args);
    assert_eq!(output.status.code(), Some(1), "{path} {args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A server that runs as a process of its own.
pub(crate) struct Server {
    child: Child,
    /// What it prints after its address.
    stdout: BufReader<ChildStdout>,
    /// Where it listens.
    pub(crate) addr: String,
}

impl Server {
    /// Starts a server and reads its address.
    pub(crate) fn start(path: &str, args: &[&str]) -> Server {
        let mut child = Command::new(path)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let addr = line.strip_prefix("listening on ").unwrap().trim_end();
        let addr = addr.split(',').next().unwrap().to_owned();
        Server {
            child,
            stdout,
            addr,
        }
    }

    /// Connects to the server, which must answer in time.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(HANG_AFTER)).unwrap();
        stream
    }

    /// Presses ctrl-c, and returns what the server prints until it ends.
    pub(crate) fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args(["-INT", &pid]).status();
        assert!(kill.unwrap().success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        rest
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
