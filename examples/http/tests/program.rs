//! Runs the program as a user does.

#![cfg(unix)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::Duration,
};

/// The program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_may-http-example");

/// Runs the program to its end.
fn run(args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).output().unwrap()
}

/// The program while it serves.
struct Server {
    child: Child,
    /// What it prints after its address.
    stdout: BufReader<ChildStdout>,
    /// Where it listens.
    addr: String,
}

impl Server {
    /// Starts the program and reads its address.
    fn start(args: &[&str]) -> Server {
        let mut child = Command::new(PROGRAM)
            .args(["--addr", "127.0.0.1:0"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let addr = line.strip_prefix("listening on http://").unwrap();
        Server {
            child,
            stdout,
            addr: addr.trim_end().to_owned(),
        }
    }

    /// Connects to the server, which must answer in time.
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.addr).unwrap();
        let limit = Some(Duration::from_secs(10));
        stream.set_read_timeout(limit).unwrap();
        stream
    }

    /// Presses ctrl-c, and returns what the program prints until it ends.
    fn stop(&mut self) -> String {
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

#[test]
fn it_answers_and_stops_with_clients_connected() {
    let mut server = Server::start(&["--root", env!("CARGO_MANIFEST_DIR")]);
    let mut idle = server.connect();
    for path in ["/plaintext", "/Cargo.toml"] {
        let mut stream = server.connect();
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    }
    let last = "stopping: ctrl-c again ends it at once\n3 connections, 2 requests\n";
    assert_eq!(server.stop(), last);
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
}

#[test]
fn it_explains_itself() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("Usage:") && help.contains("--root"), "{help}");
}

#[test]
fn it_says_what_is_wrong() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (args, expected) in [
        (["--root", "/no/such/directory"], "cannot serve '/no/such"),
        (["--addr", &taken], "cannot listen on 127.0.0.1"),
        (["--no-such-option", ""], "--no-such-option"),
    ] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(1));
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains(expected), "{message}");
    }
}
