//! A Redis server of a test's own.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::Command,
};

use crate::support::{Directory, Running, eventually};

/// A server that is killed when this is dropped. What it acknowledges it keeps, also when it is
/// killed.
pub(crate) struct RedisServer {
    server: Option<Running>,
    directory: Directory,
    port: u16,
    password: Option<&'static str>,
}

impl RedisServer {
    /// Starts a server.
    pub(crate) fn start(password: Option<&'static str>) -> RedisServer {
        // Redis takes no port 0. So it is given one that was free a moment ago, and another if it
        // is not any more.
        eventually("a server on a free port", || {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut server = RedisServer {
                server: None,
                directory: Directory::new(),
                port: free.local_addr().unwrap().port(),
                password,
            };
            drop(free);
            server.launch().then_some(server)
        })
    }

    /// Starts the process; says whether it serves.
    fn launch(&mut self) -> bool {
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--dir", self.directory.path().to_str().unwrap()])
            .args([
                "--save",
                "",
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
            ]);
        if let Some(password) = self.password {
            command.args(["--requirepass", password]);
        }
        let mut running = Running::start(&mut command);
        let serves = eventually("an answer", || match self.ask("PING").as_deref() {
            Some("+PONG") => Some(true),
            Some(answer) if answer.starts_with("-NOAUTH") => Some(true),
            // It reads what it had, or is about to listen.
            _ if running.is_running() => None,
            _ => Some(false),
        });
        self.server = Some(running);
        serves
    }

    /// Kills the server and starts it again, with what it had acknowledged.
    pub(crate) fn crash(&mut self) {
        self.server = None;
        assert!(self.launch(), "the port is gone");
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        match self.password {
            Some(password) => format!("redis://:{password}@127.0.0.1:{}/1", self.port),
            None => format!("redis://127.0.0.1:{}/0", self.port),
        }
    }

    /// Has redis-cli carry out a command; returns what it prints.
    pub(crate) fn cli(&self, command: &[&str]) -> String {
        let mut program = Command::new("redis-cli");
        program.args(["-p", &self.port.to_string()]);
        if let Some(password) = self.password {
            program.args(["-a", password, "--no-auth-warning", "-n", "1"]);
        }
        let output = program.args(command).output().unwrap();
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// Sends a command; returns the first line of the answer, if there is one.
    pub(crate) fn ask(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        (!line.is_empty()).then(|| line.trim_end().to_owned())
    }
}
