//! What the servers here have in common: where they listen, how much they take on, and how they
//! end.

use std::{io, time::Duration};

use may::net::{self, Session, TcpListener, TcpStream};
use may_http_example::stop_at_interrupt;

/// How much a server takes on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections may be open at once; others wait in the backlog of the listener.
    pub connections: usize,
    /// How long a connection may live.
    pub lifetime: Duration,
    /// How long connections may go on after ctrl-c.
    pub grace: Duration,
}

/// Listens on `addr`, prints the address after `scheme`, and calls `handler` for each connection in
/// a coroutine of its own, until ctrl-c. Then no more connections are accepted, and those that are
/// open are told by their sessions; those that are left at the end of the grace are cancelled. What
/// a handler returns is printed.
///
/// # Errors
///
/// If the listener fails, or cannot listen there.
pub fn run<H>(addr: &str, scheme: &str, limits: Limits, handler: H) -> io::Result<()>
where
    H: Fn(TcpStream, &Session) -> io::Result<()> + Sync,
{
    let listener = TcpListener::bind(addr).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}"))
    })?;
    let stopping = stop_at_interrupt()?;
    println!("listening on {scheme}{}", listener.local_addr()?);

    let limits = net::Limits::new()
        .connections(limits.connections)
        .lifetime(limits.lifetime)
        .grace(limits.grace)
        .until(&stopping);
    let report = net::serve(listener, limits, |(stream, _), session| {
        if let Err(error) = handler(stream, session) {
            eprintln!("connection: {error}");
        }
    })?;
    println!("{} connections", report.accepted);
    Ok(())
}
