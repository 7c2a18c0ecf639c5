//! Runs the examples of input and output as a user does.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

/// How long a test waits for a program.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that runs as a process of its own.
struct Server {
    child: Child,
    /// What it prints after its address.
    stdout: BufReader<ChildStdout>,
    /// Where it listens.
    addr: String,
}

impl Server {
    /// Starts a server and reads its address.
    fn start(path: &str, args: &[&str]) -> Server {
        let mut child = Command::new(path)
            .args(["--workers", "2"])
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
        let addr = addr.to_owned();
        Server {
            child,
            stdout,
            addr,
        }
    }

    /// Presses ctrl-c, and checks that the server stops as it should.
    fn stop(mut self) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args(["-INT", &pid]).status();
        assert!(kill.unwrap().success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert!(rest.starts_with("stopping"), "{rest}");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end; what it printed, what it complained of, and whether it succeeded.
fn run(path: &str, args: &[&str], input: Stdio) -> (String, String, bool) {
    let output = Command::new(path).args(args).stdin(input).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.success(),
    )
}

#[test]
fn udp_echo_sends_back_every_datagram() {
    let server = Server::start(env!("CARGO_BIN_EXE_udp_echo"), &["--addr", "127.0.0.1:0"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(&server.addr).unwrap();
    for length in [0, 1, 1500, 65_507] {
        let datagram = vec![7; length];
        socket.send(&datagram).unwrap();
        let mut answer = vec![0; 65_536];
        assert_eq!(socket.recv(&mut answer).unwrap(), length);
        assert_eq!(answer[..length], datagram);
    }
    // One that has gone does no harm.
    let gone = UdpSocket::bind("127.0.0.1:0").unwrap();
    gone.send_to(b"x", &server.addr).unwrap();
    drop(gone);
    let (text, complaints, succeeded) = run(
        env!("CARGO_BIN_EXE_udp_echo_client"),
        &["--addr", &server.addr, "--clients", "20", "--count", "200"],
        Stdio::null(),
    );
    assert!(succeeded, "{text}\n{complaints}");
    assert!(text.contains("4000 came back"), "{text}");
    server.stop();
}

#[test]
fn udp_echo_client_sends_again_and_gives_up() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = server.local_addr().unwrap().to_string();
    // Answers every other datagram.
    let answering = thread::spawn(move || {
        let mut buffer = [0; 100];
        for number in 0..20 {
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            if number % 2 == 1 {
                server.send_to(&buffer[..length], from).unwrap();
            }
        }
        server
    });
    let args = ["--addr", &addr, "--clients", "1", "--count", "10"];
    let args = [&args[..], &["--timeout", "20"]].concat();
    let (text, complaints, succeeded) =
        run(env!("CARGO_BIN_EXE_udp_echo_client"), &args, Stdio::null());
    assert!(succeeded, "{text}\n{complaints}");
    assert!(text.contains("10 were sent again"), "{text}");
    let server = answering.join().unwrap();
    let args = [&args[..], &["--attempts", "2"]].concat();
    let (_, complaints, succeeded) =
        run(env!("CARGO_BIN_EXE_udp_echo_client"), &args, Stdio::null());
    assert!(!succeeded);
    assert!(complaints.contains("sent 2 times"), "{complaints}");
    drop(server);
}

/// A name for a socket that nobody else uses.
fn socket_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("may-{name}-{}", std::process::id()))
}

#[test]
fn unix_echo_is_server_and_client() {
    let path = socket_path("echo");
    let name = path.to_str().unwrap();
    let program = env!("CARGO_BIN_EXE_unix_echo");
    let (_, complaints, succeeded) = run(program, &["--path", name, "--send", "x"], Stdio::null());
    assert!(
        !succeeded && complaints.contains("start the server first"),
        "{complaints}"
    );

    let server = Server::start(program, &["--path", name]);
    assert_eq!(server.addr, name);
    // Longer than what is under way at once.
    let long = "many words ".repeat(10_000);
    for text in ["hello", "", &long] {
        let (answer, complaints, succeeded) =
            run(program, &["--path", name, "--send", text], Stdio::null());
        assert!(succeeded, "{complaints}");
        assert_eq!(answer.trim_end_matches('\n'), text);
    }
    // One name, one server.
    let (_, complaints, succeeded) = run(program, &["--path", name], Stdio::null());
    assert!(
        !succeeded && complaints.contains("a server is running there"),
        "{complaints}"
    );
    server.stop();
    assert!(!path.exists());

    // The name of one that was killed is taken over.
    drop(Server::start(program, &["--path", name]));
    assert!(path.exists());
    let server = Server::start(program, &["--path", name]);
    let (answer, ..) = run(program, &["--path", name, "--send", "x"], Stdio::null());
    assert_eq!(answer, "x\n");
    server.stop();
    assert!(!path.exists());
}

#[test]
fn general_io_reads_pipes_and_files() {
    let program = env!("CARGO_BIN_EXE_general_io");
    let text = "one two  three\n\nfour\nfive".repeat(5_000);
    let counts = "15000 lines, 20001 words, 125000 bytes\n";
    let path = socket_path("text");
    std::fs::write(&path, &text).unwrap();
    let (printed, complaints, succeeded) = run(program, &[], File::open(&path).unwrap().into());
    std::fs::remove_file(&path).unwrap();
    assert!(succeeded, "{complaints}");
    assert!(
        printed.contains("the library answered: it is noon"),
        "{printed}"
    );
    let from_file = printed.lines().last().unwrap().to_owned() + "\n";

    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let writing = thread::spawn(move || {
        for part in text.as_bytes().chunks(3_333) {
            input.write_all(part).unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.ends_with(&from_file), "{printed} {from_file}");
    assert_eq!(from_file, counts);

    // Nothing comes, and the pipe stays open.
    let (reader, _writer) = std::io::pipe().unwrap();
    let (printed, _, succeeded) = run(program, &["--patience", "1"], reader.into());
    assert!(
        succeeded && printed.contains("nothing has come for a while"),
        "{printed}"
    );
}

/// A server for the proxy: reads to the end, then answers with what it has read, backwards.
fn backwards(listener: TcpListener, times: usize) -> thread::JoinHandle<TcpListener> {
    thread::spawn(move || {
        for _ in 0..times {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            bytes.reverse();
            stream.write_all(&bytes).unwrap();
        }
        listener
    })
}

/// Connects to a server that must answer in time.
fn connect(addr: &str) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn proxy_passes_half_closing_on_and_has_limits() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap().to_string();
    let args = ["--addr", "127.0.0.1:0", "--to", &to];
    let args = [&args[..], &["--connections", "2", "--idle", "2"]].concat();
    let proxy = Server::start(env!("CARGO_BIN_EXE_proxy"), &args);
    let serving = backwards(listener, 1);

    // Much at once, with an answer that comes only after the end of the question.
    let mut client = connect(&proxy.addr);
    let question: Vec<u8> = (0..1_000_000).map(|index| (index % 251) as u8).collect();
    client.write_all(&question).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    answer.reverse();
    assert!(answer == question);

    // Two that are open; a third does not get to the server until one of them has gone, for being idle.
    let listener = serving.join().unwrap();
    let idle = [connect(&proxy.addr), connect(&proxy.addr)];
    let servers = [listener.accept().unwrap(), listener.accept().unwrap()];
    let mut third = connect(&proxy.addr);
    third.write_all(b"abc").unwrap();
    third.shutdown(Shutdown::Write).unwrap();
    thread::sleep(Duration::from_millis(100));
    listener.set_nonblocking(true).unwrap();
    let waits = listener.accept().unwrap_err();
    assert_eq!(waits.kind(), std::io::ErrorKind::WouldBlock);
    listener.set_nonblocking(false).unwrap();
    for mut stream in idle {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "an idle one is ended");
    }
    backwards(listener, 1).join().unwrap();
    let mut answer = String::new();
    third.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "cba");
    drop(servers);
    proxy.stop();
}
