//! A client for `udp_echo`: sends numbered datagrams and waits for each to come back.
//!
//! It shows what UDP asks of a program that wants an answer: a datagram may be lost, so waiting has
//! a limit and sending is tried again; it may come late or twice, so answers carry a number.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin udp_echo_client -- --clients 32 --count 10000
//! 32 clients, 10000 datagrams of 64 bytes each
//! 320000 came back: 152047 a second, 0 were sent again
//! round trip: p50 0.196 ms  p99 0.518 ms  max 5.308 ms
//! ```

use std::{
    io,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use may::{coroutine, net::UdpSocket};
use may_examples::{Arguments, Histogram};

/// What `--help` prints.
const HELP: &str = "\
Client of the UDP echo server: checks and times what comes back.

Usage: udp_echo_client [options]

  --addr HOST:PORT  the server (default 127.0.0.1:8080)
  --clients N       sockets that send all the time (default 8)
  --count N         datagrams that each of them sends (default 1000)
  --size BYTES      length of a datagram, from 8 to 65507 (default 64)
  --timeout MS      how long to wait for an answer before sending again (default 200)
  --attempts N      how often a datagram is sent before the client gives up (default 5)
  --workers N       threads that run the coroutines (default: one for each CPU)
  --help            show this text";

/// What a client is to do.
#[derive(Clone)]
struct Task {
    /// The server.
    addr: String,
    /// How many datagrams.
    count: u64,
    /// How long each is.
    size: usize,
    /// How long to wait for an answer.
    timeout: Duration,
    /// How often to send one datagram.
    attempts: u32,
}

fn main() -> ExitCode {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let clients: usize = args.value("clients", 8);
    let task = Task {
        addr: args.address("addr", "127.0.0.1:8080"),
        count: args.value("count", 1000),
        size: args.value("size", 64_usize).clamp(8, 65_507),
        timeout: Duration::from_millis(args.value("timeout", 200).max(1)),
        attempts: args.value("attempts", 5).max(1),
    };
    println!(
        "{clients} clients, {} datagrams of {} bytes each",
        task.count, task.size
    );

    let latency = Arc::new(Histogram::new());
    let again = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let clients: Vec<_> = (0..clients)
        .map(|_| {
            let (task, latency, again) = (task.clone(), latency.clone(), again.clone());
            coroutine::spawn(move || run(&task, &latency, &again))
        })
        .collect();
    let failures: Vec<_> = clients
        .into_iter()
        .filter_map(|client| client.join().expect("clients do not panic").err())
        .collect();

    let rate = latency.count() as f64 / begin.elapsed().as_secs_f64();
    println!(
        "{} came back: {rate:.0} a second, {} were sent again",
        latency.count(),
        again.load(Ordering::Relaxed)
    );
    let millis = |time: Duration| format!("{:.3} ms", time.as_secs_f64() * 1e3);
    println!(
        "round trip: p50 {}  p99 {}  max {}",
        millis(latency.percentile(50.0)),
        millis(latency.percentile(99.0)),
        millis(latency.longest())
    );
    match failures.first() {
        None => ExitCode::SUCCESS,
        Some(error) => {
            eprintln!(
                "udp_echo_client: {} clients failed; the first: {error}\n\
                 help: start the server first: cargo run --release -p may-examples --bin udp_echo",
                failures.len()
            );
            ExitCode::FAILURE
        }
    }
}

/// Sends all datagrams of one client, one after the other.
fn run(task: &Task, latency: &Histogram, again: &AtomicU64) -> io::Result<()> {
    let socket = UdpSocket::bind(if task.addr.starts_with('[') {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    })?;
    // Only the server's datagrams are received then, and an answer that nobody is there is an error.
    socket.connect(&task.addr)?;
    let mut datagram = vec![0x55; task.size];
    for number in 0..task.count {
        datagram[..8].copy_from_slice(&number.to_le_bytes());
        let sent = Instant::now();
        let mut attempts = 1;
        while !exchange(&socket, &datagram, task.timeout)? {
            if attempts == task.attempts {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("datagram {number} did not come back, sent {attempts} times"),
                ));
            }
            attempts += 1;
            again.fetch_add(1, Ordering::Relaxed);
        }
        latency.record(sent.elapsed());
    }
    Ok(())
}

/// Sends a datagram and waits for the same; false if it does not come in time.
fn exchange(socket: &UdpSocket, datagram: &[u8], timeout: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + timeout;
    socket.send(datagram)?;
    let mut answer = vec![0; datagram.len() + 1];
    loop {
        let rest = deadline.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return Ok(false);
        }
        socket.set_read_timeout(Some(rest))?;
        match socket.recv(&mut answer) {
            // What is not the answer is one to an earlier attempt, which has come late.
            Ok(length) if answer[..length] == *datagram => return Ok(true),
            Ok(length) if length == datagram.len() && answer[8..length] == datagram[8..] => {}
            Ok(_) => return Err(io::Error::other("other bytes came back than were sent")),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}
