//! A load generator for `echo`: many connections that send a message and wait for it to come back.
//!
//! It shows what coroutines make of a client: each connection is a loop that writes, reads and
//! compares, as if it were alone. It fails if a byte comes back wrong, and it can hold thousands of
//! idle connections beside the busy ones.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin echo_client -- --connections 64 --seconds 3
//! 64 connections, messages of 64 bytes, 3 s
//!   1 s:   101345 a second  p50 0.616 ms  p99 1.212 ms
//!   2 s:   103876 a second  p50 0.616 ms  p99 1.180 ms
//!   3 s:   103530 a second  p50 0.606 ms  p99 1.163 ms
//! 308812 messages came back unchanged: 102889 a second, 6.6 MB/s each way
//! latency: p50 0.616 ms  p90 0.803 ms  p99 1.180 ms  p99.9 2.032 ms  max 4.113 ms
//! ```

use std::{
    io::{self, IsTerminal, Read, Write},
    num::NonZeroUsize,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use may::{
    channel::{self, Receiver},
    go,
    net::TcpStream,
};
use may_examples::{Arguments, Histogram};

/// What `--help` prints.
const HELP: &str = "\
Load generator for the echo server: checks and times what comes back.

Usage: echo_client [options]

  --addr HOST:PORT  the server (default 127.0.0.1:8080)
  --connections N   connections that send all the time (default 64)
  --idle N          connections that are only held open (default 0)
  --size BYTES      length of a message (default 64)
  --seconds S       how long to send (default 5)
  --progress        a line a second on stderr, also where that is not a terminal
  --workers N       threads that run the coroutines (default: one for each CPU)
  --help            show this text";

/// How long a connection waits for an answer before it gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of a message is under way at once; the rest waits until this much has come back. A
/// client that first wrote all of a long message would wait for ever for a server that cannot go
/// on before somebody reads its answer.
const WINDOW: usize = 16 * 1024;

fn main() -> ExitCode {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let addr = args.address("addr", "127.0.0.1:8080");
    let busy = args.value("connections", 64);
    let idle = args.value("idle", 0);
    let size: usize = args
        .value("size", NonZeroUsize::new(64).expect("not zero"))
        .get();
    let time = Duration::from_secs(args.value("seconds", 5));
    let progress = args.switch("progress") || io::stderr().is_terminal();

    match run(&addr, busy, idle, size, time, progress) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo_client: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Opens all connections, lets them run for `time`, and reports; fails if any of them failed.
fn run(
    addr: &str,
    busy: usize,
    idle: usize,
    size: usize,
    time: Duration,
    progress: bool,
) -> io::Result<()> {
    let latency = Arc::new(Histogram::new());
    // Both channels only ever close: `start` when all connections are open, `stop` when the time is
    // over. Receiving from a closed channel fails at once, for any number of receivers.
    let (start, started) = channel::bounded::<()>(1);
    let (stop, stopped) = channel::bounded::<()>(1);
    let mut clients = Vec::new();

    for number in 0..idle + busy {
        let stream = connect(addr).map_err(|error| cannot_connect(number, addr, &error))?;
        let mut connection = Connection::new(stream, number, size);
        let started = started.clone();
        if number < idle {
            let stopped = stopped.clone();
            clients.push(go!(move || connection.hold(&started, &stopped)));
        } else {
            let latency = Arc::clone(&latency);
            clients.push(go!(move || connection.drive(&started, time, &latency)));
        }
    }

    let held = if idle > 0 {
        format!(" and {idle} idle ones")
    } else {
        String::new()
    };
    println!(
        "{busy} connections{held}, messages of {size} bytes, {} s",
        time.as_secs()
    );
    let begin = Instant::now();
    drop(start);
    watch(begin, time, &latency, progress);
    drop(stop);

    // A client that panicked is as bad as one that failed, and has said so already.
    let results = clients.into_iter().map(|client| {
        client
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the client panicked")))
    });
    let failures: Vec<io::Error> = results.filter_map(Result::err).collect();
    report(&latency, size, begin.elapsed().min(time));
    match failures.first() {
        None => Ok(()),
        Some(first) => Err(io::Error::other(format!(
            "{} of {} connections failed; the first: {first}",
            failures.len(),
            busy + idle
        ))),
    }
}

/// Opens one connection.
fn connect(addr: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Says which connection could not be opened, and what may help.
fn cannot_connect(number: usize, addr: &str, error: &io::Error) -> io::Error {
    let help = if error.kind() == io::ErrorKind::ConnectionRefused {
        "start the server first: cargo run --release -p may-examples --bin echo"
    } else {
        "if there are too many open files, `ulimit -n` shows the limit and raises it"
    };
    io::Error::other(format!(
        "connection {number} to {addr}: {error}\nhelp: {help}"
    ))
}

/// Prints a line a second until `time` is over.
fn watch(begin: Instant, time: Duration, latency: &Histogram, progress: bool) {
    let mut before = 0;
    for second in 1..=time.as_secs() {
        let next = begin + Duration::from_secs(second);
        may::coroutine::sleep(next.saturating_duration_since(Instant::now()));
        let count = latency.count();
        if progress {
            eprintln!(
                "{second:>3} s: {:>8} a second  p50 {}  p99 {}",
                count - before,
                millis(latency.percentile(50.0)),
                millis(latency.percentile(99.0))
            );
        }
        before = count;
    }
}

/// Prints what all connections together have done.
fn report(latency: &Histogram, size: usize, time: Duration) {
    let count = latency.count();
    let rate = count as f64 / time.as_secs_f64();
    println!(
        "{count} messages came back unchanged: {rate:.0} a second, {:.1} MB/s each way",
        rate * size as f64 / 1e6
    );
    let [p50, p90, p99, p999] =
        [50.0, 90.0, 99.0, 99.9].map(|percent| millis(latency.percentile(percent)));
    let max = millis(latency.longest());
    println!("latency: p50 {p50}  p90 {p90}  p99 {p99}  p99.9 {p999}  max {max}");
}

/// Writes a duration in milliseconds.
fn millis(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}

/// One connection and the message that it sends.
struct Connection {
    /// The connection itself.
    stream: TcpStream,
    /// What is sent: different bytes on every connection and in every round.
    message: Vec<u8>,
    /// What came back.
    answer: Vec<u8>,
}

impl Connection {
    /// Prepares the message of connection `number`.
    fn new(stream: TcpStream, number: usize, size: usize) -> Connection {
        let message = (0..size)
            .map(|index| (number * 31 + index * 7) as u8)
            .collect();
        Connection {
            stream,
            message,
            answer: vec![0; size],
        }
    }

    /// Sends and checks messages for `time`, and counts how long each took.
    fn drive(
        &mut self,
        started: &Receiver<()>,
        time: Duration,
        latency: &Histogram,
    ) -> io::Result<()> {
        let _ = started.recv();
        let mut sent = Instant::now();
        let end = sent + time;
        while sent < end {
            self.exchange()?;
            let back = Instant::now();
            latency.record(back - sent);
            sent = back;
        }
        Ok(())
    }

    /// Keeps the connection open without using it, and checks that it lives at both ends.
    fn hold(&mut self, started: &Receiver<()>, stopped: &Receiver<()>) -> io::Result<()> {
        self.exchange()?;
        let _ = started.recv();
        let _ = stopped.recv();
        self.exchange()
    }

    /// Sends the message once and waits until all of it is back.
    fn exchange(&mut self) -> io::Result<()> {
        self.message[0] = self.message[0].wrapping_add(1);
        let parts = self
            .message
            .chunks(WINDOW)
            .zip(self.answer.chunks_mut(WINDOW));
        for (sent, received) in parts {
            self.stream.write_all(sent)?;
            self.stream.read_exact(received)?;
        }
        if self.answer == self.message {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "other bytes came back than were sent",
            ))
        }
    }
}
