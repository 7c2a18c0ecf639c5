//! Runs every example as a user does, and looks at what it prints and how it ends.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::Duration,
};

/// Runs an example to its end.
fn run(path: &str, args: &[&str]) -> Output {
    Command::new(path)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs an example that must succeed, and returns what it printed.
fn printed(path: &str, args: &[&str]) -> String {
    let output = run(path, args);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{path} {args:?}: {}\n{complaints}",
        output.status
    );
    String::from_utf8(output.stdout).unwrap()
}

/// All examples.
const ALL: [&str; 23] = [
    env!("CARGO_BIN_EXE_attributes"),
    env!("CARGO_BIN_EXE_chat"),
    env!("CARGO_BIN_EXE_echo"),
    env!("CARGO_BIN_EXE_echo_client"),
    env!("CARGO_BIN_EXE_general_io"),
    env!("CARGO_BIN_EXE_generator"),
    env!("CARGO_BIN_EXE_parallel_sum"),
    env!("CARGO_BIN_EXE_pipeline"),
    env!("CARGO_BIN_EXE_pool_blocking"),
    env!("CARGO_BIN_EXE_primes"),
    env!("CARGO_BIN_EXE_producer_consumer"),
    env!("CARGO_BIN_EXE_proxy"),
    env!("CARGO_BIN_EXE_quick_sort"),
    env!("CARGO_BIN_EXE_run_commands"),
    env!("CARGO_BIN_EXE_scoped"),
    env!("CARGO_BIN_EXE_select"),
    env!("CARGO_BIN_EXE_select_tour"),
    env!("CARGO_BIN_EXE_single_thread"),
    env!("CARGO_BIN_EXE_sleep"),
    env!("CARGO_BIN_EXE_spawn"),
    env!("CARGO_BIN_EXE_udp_echo"),
    env!("CARGO_BIN_EXE_udp_echo_client"),
    env!("CARGO_BIN_EXE_unix_echo"),
];

#[test]
fn every_example_explains_itself_and_refuses_what_it_does_not_know() {
    for path in ALL {
        let help = printed(path, &["--help"]);
        assert!(
            help.contains("Usage:") && help.contains("--help"),
            "{path}: {help}"
        );

        let output = run(path, &["--no-such-option"]);
        assert_eq!(output.status.code(), Some(2), "{path}");
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(
            message.contains("'--no-such-option'") && message.contains("help: "),
            "{message}"
        );
    }
}

#[test]
fn spawn_joins_what_it_starts() {
    let text = printed(env!("CARGO_BIN_EXE_spawn"), &["--count", "1000"]);
    assert!(text.contains("6 * 7 = 42"), "{text}");
    assert!(text.contains("\"worker bee\" has run"), "{text}");
    assert!(
        text.contains("one coroutine panicked: no honey today"),
        "{text}"
    );
    assert!(text.contains("their results add up to 499500"), "{text}");
}

#[test]
fn attributes_make_coroutines_of_functions() {
    let text = printed(env!("CARGO_BIN_EXE_attributes"), &[]);
    assert!(text.contains("letters: 26"), "{text}");
    assert!(
        text.contains("\"count-0\" to \"count-3\" counted [6, 6, 6, 8]"),
        "{text}"
    );
    assert!(text.contains("has 2047 nodes"), "{text}");
    assert!(text.ends_with("left for last: done\n"), "{text}");
}

#[test]
fn scoped_borrows() {
    let text = printed(env!("CARGO_BIN_EXE_scoped"), &[]);
    assert!(text.contains("counted 9 words"), "{text}");
    assert!(text.contains("[2, 4, 6, 8, 10, 12, 14, 16]"), "{text}");
    assert!(text.contains("25 letters"), "{text}");
}

#[test]
fn sleep_sorts() {
    let text = printed(env!("CARGO_BIN_EXE_sleep"), &["--count", "100"]);
    assert!(
        text.contains("sorted by sleeping: 1 2 3 5 8 13 21 34"),
        "{text}"
    );
}

#[test]
fn pool_blocking_measures_with_and_without_the_pool() {
    let text = printed(
        env!("CARGO_BIN_EXE_pool_blocking"),
        &["--jobs", "8", "--millis", "5", "--waves", "3"],
    );
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("alone: "), "{text}");
    assert!(
        lines[1].starts_with("beside 8 jobs of 5 ms on the pool: "),
        "{text}"
    );
    assert!(
        lines[2].starts_with("beside 4 jobs of 5 ms on the workers: "),
        "{text}"
    );
    for line in &lines[..3] {
        assert!(line.contains(" round trips, half within "), "{text}");
    }
    assert!(lines[3].starts_with("a job was given up after "), "{text}");
}

/// Starts `run_commands` with some commands; its standard input stays open.
fn run_commands(args: &[&str], commands: &str) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_run_commands"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.as_mut().unwrap();
    stdin.write_all(commands.as_bytes()).unwrap();
    child
}

#[test]
fn run_commands_runs_them_and_says_how_they_ended() {
    let log = std::env::temp_dir().join(format!("may-run-commands-{}", std::process::id()));
    let commands = "echo one; echo two >&2\nexit 7\nsleep 1000\nkill -9 $$\n";
    let args = [
        "--jobs",
        "2",
        "--limit",
        "200",
        "--log",
        log.to_str().unwrap(),
    ];
    let output = run_commands(&args, commands).wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for block in [
        "[1] echo one; echo two >&2: done\n    one\n    two\n",
        "[2] exit 7: failed with exit code 7\n",
        "[3] sleep 1000: ended after 200 ms\n",
        "[4] kill -9 $$: was ended by a signal\n",
    ] {
        assert!(text.contains(block), "{text}");
    }
    assert!(text.ends_with("\n4 commands: 1 done, 3 not\n"), "{text}");
    let logged = std::fs::read_to_string(log.join("1.log")).unwrap();
    assert_eq!(logged, "one\ntwo\n");
    std::fs::remove_dir_all(log).unwrap();
}

#[test]
fn run_commands_ends_what_runs_when_it_is_told_to_stop() {
    let mut child = run_commands(&[], "echo runs\nsleep 1000\n");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "[1] echo runs: done");
    assert_eq!(lines.next().unwrap().unwrap(), "    runs");
    let id = child.id().to_string();
    let status = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(status.success());
    assert_eq!(lines.next().unwrap().unwrap(), "SIGTERM: ending what runs");
    assert_eq!(lines.next().unwrap().unwrap(), "1 commands: 1 done, 0 not");
    assert!(child.wait().unwrap().success());
}

#[test]
fn generator_gives_items_from_any_depth() {
    let text = printed(env!("CARGO_BIN_EXE_generator"), &["--count", "12"]);
    assert!(
        text.contains("fibonacci: 0 1 1 2 3 5 8 13 21 34 55 89\n"),
        "{text}"
    );
    assert!(
        text.contains("tree in order: 1 3 4 6 7 8 10 13 14\n"),
        "{text}"
    );
    assert!(text.contains("A>C A>B C>B A>C B>A B>C A>C\n"), "{text}");
}

/// The part of a program's documentation that shows what it prints.
fn shown(source: &str) -> String {
    let lines = source
        .lines()
        .skip_while(|line| !line.contains("$ cargo run"))
        .skip(1);
    let lines = lines.take_while(|line| !line.contains("```"));
    lines
        .map(|line| line.trim_start_matches("//! ").to_owned() + "\n")
        .collect()
}

#[test]
fn select_programs_print_what_they_say() {
    for (path, source) in [
        (
            env!("CARGO_BIN_EXE_select"),
            include_str!("../src/bin/select.rs"),
        ),
        (
            env!("CARGO_BIN_EXE_select_tour"),
            include_str!("../src/bin/select_tour.rs"),
        ),
        (
            env!("CARGO_BIN_EXE_pipeline"),
            include_str!("../src/bin/pipeline.rs"),
        ),
    ] {
        for workers in ["1", "3"] {
            assert_eq!(
                printed(path, &["--workers", workers]),
                shown(source),
                "{path}"
            );
        }
    }
}

#[test]
fn single_thread_takes_turns() {
    let text = printed(env!("CARGO_BIN_EXE_single_thread"), &["--rounds", "2"]);
    let table = "the table: red 0, green 0, blue 0, red 1, green 1, blue 1\n";
    assert!(text.ends_with(table), "{text}");
}

#[test]
fn quick_sort_and_primes_compare_three_ways() {
    let sort = printed(
        env!("CARGO_BIN_EXE_quick_sort"),
        &["--count", "50000", "--rounds", "1"],
    );
    let primes = printed(
        env!("CARGO_BIN_EXE_primes"),
        &["--below", "50000", "--rounds", "1"],
    );
    for name in ["sequential", "may", "rayon"] {
        assert!(sort.contains(name), "{sort}");
        assert!(primes.contains(name), "{primes}");
    }
    assert_eq!(primes.matches("5133 primes").count(), 3, "{primes}");
}

#[test]
fn programs_for_std_run_with_other_imports() {
    let text = printed(
        env!("CARGO_BIN_EXE_parallel_sum"),
        &["--count", "1000", "--parts", "3"],
    );
    assert!(text.contains("333833500"), "{text}");
    let text = printed(env!("CARGO_BIN_EXE_producer_consumer"), &["--items", "100"]);
    assert!(
        text.contains("the consumer took 300 items, their sum is 44850"),
        "{text}"
    );
}

/// A server that runs as a process of its own.
struct Server {
    /// The process.
    child: Child,
    /// What it prints after its address.
    stdout: BufReader<ChildStdout>,
    /// Where it listens.
    addr: String,
}

impl Server {
    /// Starts a server on a free port and reads its address.
    fn start(path: &str) -> Server {
        Server::start_with(path, &[])
    }

    /// The same with more arguments.
    fn start_with(path: &str, args: &[&str]) -> Server {
        let mut child = Command::new(path)
            .args(["--addr", "127.0.0.1:0", "--workers", "2"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let addr = line
            .strip_prefix("listening on ")
            .unwrap()
            .trim_end()
            .trim_start_matches("http://")
            .to_owned();
        Server {
            child,
            stdout,
            addr,
        }
    }

    /// Presses ctrl-c, and checks that the server stops as it should.
    fn stop(self) {
        self.stop_saying("stopping\n");
    }

    /// The same for one that says more than that.
    #[cfg(unix)]
    fn stop_saying(mut self, expected: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, expected);
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }

    /// There is no ctrl-c to send to one process alone.
    #[cfg(not(unix))]
    fn stop_saying(self, _expected: &str) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Connects to a server that must answer in time.
fn connect(addr: &str) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
}

#[test]
fn echo_sends_back_what_it_gets_and_stops_with_clients_connected() {
    let server = Server::start(env!("CARGO_BIN_EXE_echo"));
    let mut stream = connect(&server.addr);
    let mut answer = [0; 5];
    for word in ["hello", "world"] {
        stream.write_all(word.as_bytes()).unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, word.as_bytes());
    }
    server.stop_saying("stopping: ctrl-c again ends it at once\n1 connections\n");
}

#[test]
fn echo_client_measures_echo() {
    let server = Server::start(env!("CARGO_BIN_EXE_echo"));
    let mut args = vec!["--addr", &server.addr, "--connections", "8", "--idle", "20"];
    args.extend(["--seconds", "1", "--size", "20000"]);
    let text = printed(env!("CARGO_BIN_EXE_echo_client"), &args);
    assert!(
        text.starts_with("8 connections and 20 idle ones, messages of 20000 bytes"),
        "{text}"
    );
    assert!(text.contains("came back unchanged"), "{text}");
    assert!(text.contains("p99.9"), "{text}");
    drop(server);
}

#[test]
fn echo_client_fails_if_other_bytes_come_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let liar = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut message = [0; 64];
        stream.read_exact(&mut message).unwrap();
        message[40] ^= 1;
        stream.write_all(&message).unwrap();
    });
    let args = ["--addr", &addr, "--connections", "1", "--seconds", "1"];
    let output = run(env!("CARGO_BIN_EXE_echo_client"), &args);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("1 of 1 connections failed"), "{message}");
    assert!(message.contains("other bytes came back"), "{message}");
    liar.join().unwrap();
}

#[test]
fn echo_client_says_how_to_start_a_server() {
    // The port was free a moment ago, and nobody listens on it.
    let addr = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let output = run(env!("CARGO_BIN_EXE_echo_client"), &["--addr", &addr]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("help: start the server first"),
        "{message}"
    );
}

#[test]
fn servers_say_that_a_port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for path in [env!("CARGO_BIN_EXE_echo"), env!("CARGO_BIN_EXE_chat")] {
        let output = run(path, &["--addr", &addr]);
        assert_eq!(output.status.code(), Some(1));
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(
            message.contains(&addr) && message.contains("help: another program"),
            "{message}"
        );
    }
}

#[test]
fn chat_sends_its_guests_home() {
    let server = Server::start(env!("CARGO_BIN_EXE_chat"));
    let mut reader = BufReader::new(connect(&server.addr));
    reader.get_mut().write_all(b"Ada\n").unwrap();
    let mut lines = String::new();
    for _ in 0..2 {
        reader.read_line(&mut lines).unwrap();
    }
    assert_eq!(lines, "your name?\n* you are in a room with 0 others\n");
    server.stop();
    lines.clear();
    reader.read_to_string(&mut lines).unwrap();
    assert_eq!(
        lines,
        if cfg!(unix) {
            "* the server stops\n"
        } else {
            ""
        }
    );
}
