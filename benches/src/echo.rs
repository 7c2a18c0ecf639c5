//! The two processes of an echo measurement: the server of a peer, and the clients of all of them.
//!
//! The clients are one event loop on one thread and the same for all peers. With one worker the
//! server has one CPU and the clients another; with two workers they share two CPUs with the
//! clients, as on a small machine.

use std::{
    io::{self, ErrorKind, Read, Write},
    net,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    options::{Load, Task},
    system::{self, Memory},
};

/// How many bytes a client sends at once.
const MESSAGE: usize = 64;

/// How long clients send before anything is counted.
const WARM_UP: Duration = Duration::from_millis(200);

/// How long the clients wait for a server that does nothing.
const HANG: Duration = Duration::from_secs(5);

/// Runs the server of a peer until this process is killed; its first line is its address.
pub(crate) fn serve(task: &Task) -> Result<(), String> {
    if task.workers == 1 {
        system::pin_to(0);
    }
    let peer = (task.peer.start)(task.workers);
    let addr = peer.echo().ok_or("this peer does not do that")?;
    println!("{addr}");
    // The peer stays where it is, and its threads do the work.
    loop {
        std::thread::park();
    }
}

/// Sends and checks messages on all connections, and prints the figures.
pub(crate) fn load(load: &Load) -> Result<(), String> {
    if let Some(cpu) = load.cpu {
        system::pin_to(cpu);
    }
    run(load).map_err(|error| format!("the clients failed: {error}"))
}

/// The clients' event loop.
fn run(load: &Load) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut clients = Vec::with_capacity(load.connections);
    for number in 0..load.connections {
        let stream = net::TcpStream::connect(&load.addr)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry()
            .register(&mut stream, Token(number), Interest::READABLE)?;
        clients.push(Client::new(stream, number));
    }
    for client in &mut clients {
        client.send()?;
    }

    let mut events = Events::with_capacity(1024);
    let mut latencies = Vec::with_capacity(1 << 20);
    let begin = Instant::now() + WARM_UP;
    while Instant::now() < begin {
        turn(&mut poll, &mut events, &mut clients, &mut latencies)?;
    }

    latencies.clear();
    let cpu_before = system::cpu_time_of(load.pid)?;
    let begin = Instant::now();
    let end = begin + load.time;
    while Instant::now() < end {
        turn(&mut poll, &mut events, &mut clients, &mut latencies)?;
    }
    let time = begin.elapsed();
    let cpu = system::cpu_time_of(load.pid)? - cpu_before;

    let requests = latencies.len() as f64;
    latencies.sort_unstable();
    let percentile = |percent: f64| latencies[((requests - 1.0) * percent / 100.0) as usize];
    println!("time {}", time.as_nanos() as f64 / requests);
    println!("cpu {}", cpu.as_nanos() as f64 / requests);
    println!("p50 {}", percentile(50.0));
    println!("p99 {}", percentile(99.0));
    println!("max {}", percentile(100.0));
    println!("peak {}", Memory::peak_of(load.pid));
    Ok(())
}

/// Answers everything that has come back.
fn turn(
    poll: &mut Poll,
    events: &mut Events,
    clients: &mut [Client],
    latencies: &mut Vec<u32>,
) -> io::Result<()> {
    poll.poll(events, Some(HANG))?;
    if events.is_empty() {
        return Err(io::Error::new(
            ErrorKind::TimedOut,
            "the server has stopped answering",
        ));
    }
    for event in events.iter() {
        let client = &mut clients[event.token().0];
        if let Some(latency) = client.receive()? {
            latencies.push(u32::try_from(latency.as_nanos()).unwrap_or(u32::MAX));
            client.send()?;
        }
    }
    Ok(())
}

/// One connection: it sends a message, waits until all of it is back, and sends the next.
struct Client {
    /// The connection itself.
    stream: TcpStream,
    /// What it sends.
    message: [u8; MESSAGE],
    /// When it has sent it.
    sent: Instant,
    /// What has come back, and a byte more than there should be.
    answer: [u8; MESSAGE + 1],
    /// How much of it.
    received: usize,
}

impl Client {
    /// Prepares client `number`, whose messages differ from those of others.
    fn new(stream: TcpStream, number: usize) -> Client {
        let message = std::array::from_fn(|index| (number * 31 + index) as u8);
        Client {
            stream,
            message,
            sent: Instant::now(),
            answer: [0; MESSAGE + 1],
            received: 0,
        }
    }

    /// Sends a message, which always fits: nothing else is under way.
    fn send(&mut self) -> io::Result<()> {
        self.message[0] = self.message[0].wrapping_add(1);
        self.received = 0;
        self.sent = Instant::now();
        self.stream.write_all(&self.message)
    }

    /// Reads what is there; when all of the message is back, says how long that took.
    fn receive(&mut self) -> io::Result<Option<Duration>> {
        match self.stream.read(&mut self.answer[self.received..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => self.received += length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        if self.received < MESSAGE {
            return Ok(None);
        }
        if self.received > MESSAGE || self.answer[..MESSAGE] != self.message {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "other bytes came back",
            ));
        }
        Ok(Some(self.sent.elapsed()))
    }
}
