//! An echo server in plain blocking code, with a coroutine for each connection.
//!
//! It shows the main idea: `echo` below reads and writes as it would on a thread of its own, and
//! ten thousand of them run at once. The loop around it, which the README shows, is `net::serve`
//! here: it knows what else a server needs, such as a limit of connections and an end.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin echo
//! listening on 127.0.0.1:8080
//! ^Cstopping: ctrl-c again ends it at once
//! 3 connections
//! ```
//!
//! In another terminal, `nc 127.0.0.1 8080` talks to it and
//! `cargo run --release -p may-examples --bin echo_client` measures it.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use may::net::{self, TcpListener, TcpStream};
use may_examples::{Arguments, stop_at_interrupt};

/// What `--help` prints.
const HELP: &str = "\
Echo server: sends back whatever it receives.

Usage: echo [options]

  --addr HOST:PORT  where to listen (default 127.0.0.1:8080, port 0 takes any free one)
  --workers N       threads that run the coroutines (default: one for each CPU)
  --help            show this text";

/// How long open connections may go on after ctrl-c.
const GRACE: Duration = Duration::from_secs(1);

fn main() -> io::Result<()> {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let addr = args.address("addr", "127.0.0.1:8080");

    let listener =
        TcpListener::bind(&addr).unwrap_or_else(|error| args.cannot_listen(&addr, &error));
    let limits = net::Limits::new().grace(GRACE).until(&stop_at_interrupt()?);
    println!("listening on {}", listener.local_addr()?);

    let report = net::serve(listener, limits, |(stream, peer), _session| {
        if let Err(error) = echo(stream) {
            eprintln!("echo: {peer}: {error}");
        }
    })?;
    println!("{} connections", report.accepted);
    Ok(())
}

/// Sends back what one client sends, until the client is done.
fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length])?;
    }
}
