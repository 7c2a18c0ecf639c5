//! An echo server in plain blocking code, with a coroutine for each connection.
//!
//! It shows the main idea: `echo` below reads and writes as it would on a thread of its own, and
//! ten thousand of them run at once. It also shows how a server stops: a coroutine that waits can
//! be cancelled, whatever it waits for.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin echo
//! listening on 127.0.0.1:8080
//! ^Cstopping
//! ```
//!
//! In another terminal, `nc 127.0.0.1 8080` talks to it and
//! `cargo run --release -p may-examples --bin echo_client` measures it.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use may::{
    channel, go,
    net::{TcpListener, TcpStream},
    signal,
};
use may_examples::Arguments;

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
    // Before anybody is told where: from now on ctrl-c ends this in good order.
    let interrupts = signal::Signals::new([signal::Signal::SIGINT])?;
    println!("listening on {}", listener.local_addr()?);

    // Nothing is ever sent: each connection holds `open`, so `closed` tells when all have ended.
    let (open, closed) = channel::bounded::<()>(1);
    let acceptor = go!(move || {
        for stream in listener.incoming() {
            let open = open.clone();
            go!(move || {
                if let Err(error) = stream.and_then(echo) {
                    eprintln!("echo: {error}");
                }
                drop(open);
            });
        }
    });

    interrupts.recv()?;
    println!("stopping");
    acceptor.cancel();
    let _ = acceptor.join();
    let _ = closed.recv_timeout(GRACE);
    // As with threads, what still runs ends with the process.
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
