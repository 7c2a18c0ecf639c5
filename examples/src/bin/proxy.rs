//! A TCP proxy: carries the bytes of each client to a server and back.
//!
//! It shows two directions of one connection at once, each in plain blocking code
//! (`io::copy_bidirectional`), and what a proxy needs before it faces the world: a limit of
//! connections and a good end, which it has from `net::serve`, a limit for connecting, and one for
//! connections that nobody uses. A side that has said its last word may still listen; the proxy
//! passes that on.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin proxy -- --to 127.0.0.1:8000
//! listening on 127.0.0.1:8080
//! ^Cstopping: ctrl-c again ends it at once
//! 3 connections
//! ```

use std::{io, num::NonZeroU64, time::Duration};

use may::{
    io::copy_bidirectional,
    net::{self, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    time,
};
use may_examples::{Arguments, arguments::Seconds, stop_at_interrupt};

/// What `--help` prints.
const HELP: &str = "\
TCP proxy: carries the bytes of each client to a server and back.

Usage: proxy [options]

  --addr HOST:PORT  where to listen (default 127.0.0.1:8080, port 0 takes any free one)
  --to HOST:PORT    the server (default 127.0.0.1:8000)
  --connections N   clients at once; others wait until one has gone (default 1000)
  --connect S       seconds that connecting to the server may take (default 5)
  --idle S          seconds after which a connection ends that nobody uses (default 300)
  --grace S         seconds that open connections may go on after ctrl-c (default 5)
  --workers N       threads that run the coroutines (default: one for each CPU)
  --help            show this text";

/// What is fixed for all connections.
struct Settings {
    /// The server.
    to: String,
    /// How long connecting to it may take.
    connect: Duration,
    /// How long a connection may be idle.
    idle: Duration,
}

fn main() -> io::Result<()> {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let addr = args.address("addr", "127.0.0.1:8080");
    let seconds = |name, default| {
        let default = NonZeroU64::new(default).expect("not zero");
        Duration::from_secs(args.value(name, default).get())
    };
    let settings = Settings {
        to: args.address("to", "127.0.0.1:8000"),
        connect: seconds("connect", 5),
        idle: seconds("idle", 300),
    };
    let limits = net::Limits::new()
        .connections(args.at_least_one("connections", 1000))
        .grace(args.value("grace", Seconds(Duration::from_secs(5))).0);

    let listener =
        TcpListener::bind(&addr).unwrap_or_else(|error| args.cannot_listen(&addr, &error));
    let limits = limits.until(&stop_at_interrupt()?);
    println!("listening on {}", listener.local_addr()?);

    let report = net::serve(listener, limits, |(client, peer), _session| {
        if let Err(error) = carry(&client, &settings) {
            eprintln!("proxy: {peer}: {error}");
        }
    })?;
    println!("{} connections", report.accepted);
    Ok(())
}

/// Carries one client's bytes, until both sides have ended.
fn carry(client: &TcpStream, settings: &Settings) -> io::Result<()> {
    let server = connect(&settings.to, settings.connect)?;
    for stream in [client, &server] {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(settings.idle))?;
        stream.set_write_timeout(Some(settings.idle))?;
    }
    match copy_bidirectional(client, &server) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(io::Error::new(io::ErrorKind::TimedOut, "idle for too long"))
        }
        Err(error) => Err(error),
    }
}

/// Connects to the first of the server's addresses that answers, all within `limit`.
fn connect(to: &str, limit: Duration) -> io::Result<TcpStream> {
    // Looking the name up takes its time, too.
    let connected = time::timeout(limit, || {
        let addresses: Vec<SocketAddr> = to.to_socket_addrs()?.collect();
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the server has no address");
        for address in &addresses {
            // One address that is silent leaves time for the others.
            match TcpStream::connect_timeout(address, limit / addresses.len() as u32) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    });
    connected
        .unwrap_or_else(|elapsed| Err(elapsed.into()))
        .map_err(|error| io::Error::new(error.kind(), format!("cannot connect to {to}: {error}")))
}
