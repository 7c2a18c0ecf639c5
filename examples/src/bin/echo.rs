//! An echo server in plain blocking code, with a coroutine for each connection.
//!
//! It shows the main idea: `echo` below reads and writes as it would on a thread of its own, and
//! ten thousand of them run at once. `net::serve` accepts the connections and ends in good order.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin echo
//! listening on 127.0.0.1:8080
//! ^Cstopping
//! 3 connections
//! ```
//!
//! In another terminal, `nc 127.0.0.1 8080` talks to it and
//! `cargo run --release -p may-examples --bin echo_client` measures it.

use std::{
    env,
    io::{self, Read, Write},
    time::Duration,
};

use may::{
    go,
    net::{self, TcpListener, TcpStream},
    signal::{Signal, Signals},
    sync::CancelToken,
};

fn main() -> io::Result<()> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080"))?;

    let stopping = CancelToken::new();
    // How long open connections may go on after ctrl-c.
    let grace = Duration::from_secs(1);
    let limits = net::Limits::new().grace(grace).until(&stopping);
    let interrupts = Signals::new([Signal::SIGINT])?;
    go!(move || {
        let _ = interrupts.recv();
        println!("stopping");
        stopping.cancel();
    });

    println!("listening on {}", listener.local_addr()?);
    let report = net::serve(listener, limits, |(stream, peer), _session| {
        if let Err(error) = echo(stream) {
            eprintln!("{peer}: {error}");
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
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}
