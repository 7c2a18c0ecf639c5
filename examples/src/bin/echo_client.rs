//! A load generator for `echo`: many connections that send a message and wait for it to come back.
//!
//! Each connection is a loop that writes, reads and compares, as if it were alone. The program
//! fails if a byte comes back wrong. It can hold thousands of idle connections beside the busy
//! ones.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin echo_client -- --connections 64 --seconds 3
//! 64 connections and 0 idle ones, messages of 64 bytes, 3 s
//! 308812 messages came back unchanged: 102889 a second
//! latency: p50 616µs  p99 1.18ms  p99.9 2.032ms  max 4.113ms
//! ```

use std::{
    error::Error,
    io::{self, Read, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

use lexopt::{Arg, Parser, ValueExt};
use may::{
    channel::{self, Receiver},
    go,
    net::TcpStream,
};

/// What `--help` prints.
const HELP: &str = "\
Load generator for the echo server: checks and times what comes back.

Usage: echo_client [options]

  --addr HOST:PORT  the server (default 127.0.0.1:8080)
  --connections N   connections that send all the time (default 64)
  --idle N          connections that are only held open (default 0)
  --size BYTES      length of a message (default 64)
  --seconds S       how long to send (default 5)
  --help            show this text";

/// How long a connection waits for an answer before it fails.
const HANG_AFTER: Duration = Duration::from_secs(10);

/// How much of a message is under way at once. If a client wrote all of a long message first, it
/// would wait for a server that waits until its answer is read.
const WINDOW: usize = 16 * 1024;

/// What the command line asks for.
struct Options {
    addr: String,
    busy: usize,
    idle: usize,
    size: usize,
    time: Duration,
}

impl Options {
    /// Reads the command line; `None` if it asks for help.
    fn read() -> Result<Option<Options>, lexopt::Error> {
        let mut options = Options {
            addr: "127.0.0.1:8080".to_owned(),
            busy: 64,
            idle: 0,
            size: 64,
            time: Duration::from_secs(5),
        };
        let mut args = Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Arg::Long("addr") => options.addr = args.value()?.string()?,
                Arg::Long("connections") => options.busy = args.value()?.parse()?,
                Arg::Long("idle") => options.idle = args.value()?.parse()?,
                Arg::Long("size") => options.size = args.value()?.parse()?,
                Arg::Long("seconds") => options.time = Duration::from_secs(args.value()?.parse()?),
                Arg::Long("help") => return Ok(None),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(Some(options))
    }
}

fn main() -> ExitCode {
    let result = match Options::read() {
        Ok(Some(options)) => run(&options),
        Ok(None) => {
            println!("{HELP}");
            Ok(())
        }
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo_client: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Opens all connections, lets them send, and reports; fails if any of them failed.
fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let Options {
        busy,
        idle,
        size,
        time,
        ..
    } = *options;
    // Both channels only close: `start` when all connections are open, `stop` when the time is
    // over. Receiving from a closed channel fails at once, for any number of receivers.
    let (start, started) = channel::bounded::<()>(0);
    let (stop, stopped) = channel::bounded::<()>(0);
    let mut clients = Vec::new();
    for number in 0..idle + busy {
        let mut connection = Connection::open(options, number)
            .map_err(|error| format!("connection {number} to {}: {error}", options.addr))?;
        let (started, stopped) = (started.clone(), stopped.clone());
        clients.push(go!(move || match number < idle {
            true => connection.hold(&started, &stopped),
            false => connection.drive(&started, time),
        }));
    }

    let seconds = time.as_secs();
    println!("{busy} connections and {idle} idle ones, messages of {size} bytes, {seconds} s");
    drop(start);
    may::coroutine::sleep(time);
    drop(stop);

    let (mut times, mut failures) = (Vec::new(), Vec::new());
    for client in clients {
        match client.join().expect("clients do not panic") {
            Ok(more) => times.extend(more),
            Err(error) => failures.push(error),
        }
    }
    report(times, time);
    match failures.first() {
        None => Ok(()),
        Some(first) => {
            let (failed, all) = (failures.len(), busy + idle);
            Err(format!("{failed} of {all} connections failed; the first: {first}").into())
        }
    }
}

/// Prints how long the messages of all connections took.
fn report(mut times: Vec<Duration>, time: Duration) {
    times.sort_unstable();
    let count = times.len();
    let rate = count as f64 / time.as_secs_f64();
    println!("{count} messages came back unchanged: {rate:.0} a second");
    if let Some(max) = times.last() {
        let [p50, p99, p999] = [500, 990, 999].map(|share| times[count * share / 1000]);
        println!("latency: p50 {p50:?}  p99 {p99:?}  p99.9 {p999:?}  max {max:?}");
    }
}

/// One connection and the message that it sends.
struct Connection {
    stream: TcpStream,
    /// What is sent: different bytes on every connection and in every round.
    message: Vec<u8>,
    /// What came back.
    answer: Vec<u8>,
}

impl Connection {
    /// Opens connection `number`.
    fn open(options: &Options, number: usize) -> io::Result<Connection> {
        let stream = TcpStream::connect(&options.addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(HANG_AFTER))?;
        stream.set_write_timeout(Some(HANG_AFTER))?;
        let bytes = (0..options.size).map(|index| (number * 31 + index * 7) as u8);
        Ok(Connection {
            stream,
            message: bytes.collect(),
            answer: vec![0; options.size],
        })
    }

    /// Sends and checks messages for `time`; returns how long each took.
    fn drive(&mut self, started: &Receiver<()>, time: Duration) -> io::Result<Vec<Duration>> {
        let _ = started.recv();
        let (begin, mut times) = (Instant::now(), Vec::new());
        while begin.elapsed() < time {
            let sent = Instant::now();
            self.exchange()?;
            times.push(sent.elapsed());
        }
        Ok(times)
    }

    /// Keeps the connection open without using it, and checks that it lives at both ends.
    fn hold(
        &mut self,
        started: &Receiver<()>,
        stopped: &Receiver<()>,
    ) -> io::Result<Vec<Duration>> {
        self.exchange()?;
        let _ = started.recv();
        let _ = stopped.recv();
        self.exchange()?;
        Ok(Vec::new())
    }

    /// Sends the message once and waits until all of it is back.
    fn exchange(&mut self) -> io::Result<()> {
        if let Some(first) = self.message.first_mut() {
            *first = first.wrapping_add(1);
        }
        let answers = self.answer.chunks_mut(WINDOW);
        for (sent, received) in self.message.chunks(WINDOW).zip(answers) {
            self.stream.write_all(sent)?;
            self.stream.read_exact(received)?;
        }
        match self.answer == self.message {
            true => Ok(()),
            false => Err(io::Error::other("other bytes came back than were sent")),
        }
    }
}
