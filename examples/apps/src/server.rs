//! What the servers here have in common: connections as many at once as are allowed, each in a coroutine, until ctrl-c.

use std::{io, process, sync::Arc, time::Duration};

use may::{
    coroutine::TaskGroup,
    go,
    net::{TcpListener, TcpStream},
    select, signal,
    sync::{CancelToken, Semaphore},
};
use may_examples::Arguments;

/// How much a server takes on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections may be open at once; others wait in the backlog of the listener.
    pub connections: usize,
    /// How long connections may go on after ctrl-c.
    pub grace: Duration,
}

/// Listens where `--addr` says, prints the address, and calls `handler` for each connection in a coroutine of its own, until ctrl-c.
/// Then no more connections are accepted, and those that are open are told by the token; those that are left at the end of the grace
/// are cancelled.
///
/// # Errors
///
/// If the listener fails, or ctrl-c cannot be waited for. If nobody can listen there, the program ends and says what to do.
pub fn run<H>(args: &Arguments, default: &str, limits: Limits, handler: H) -> io::Result<()>
where
    H: Fn(TcpStream, &CancelToken) -> io::Result<()> + Send + Sync + 'static,
{
    let addr = args.address("addr", default);
    let listener =
        TcpListener::bind(&addr).unwrap_or_else(|error| args.cannot_listen(&addr, &error));
    println!("listening on {}", listener.local_addr()?);

    let stopping = CancelToken::new();
    let serving = go!({
        let stopping = stopping.clone();
        move || serve(&listener, limits, &stopping, handler)
    });
    signal::ctrl_c()?;
    println!("stopping");
    stopping.cancel();
    match serving.join() {
        Ok(result) => result,
        Err(_) => process::exit(1),
    }
}

/// Serves connections until `stopping` is cancelled.
fn serve<H>(
    listener: &TcpListener,
    limits: Limits,
    stopping: &CancelToken,
    handler: H,
) -> io::Result<()>
where
    H: Fn(TcpStream, &CancelToken) -> io::Result<()> + Send + Sync + 'static,
{
    let handler = Arc::new(handler);
    let room = Arc::new(Semaphore::new(limits.connections));
    let mut connections = TaskGroup::new();
    let result = loop {
        let permit = Arc::clone(&room).acquire_owned();
        let stream = select! {
            accepted = accept(listener) => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => break Err(error),
            },
            wait(stopping) => break Ok(()),
        };
        while connections.try_join_next().is_some() {}
        let handler = Arc::clone(&handler);
        let stopping = stopping.child();
        connections.spawn(move || {
            let _permit = permit;
            if let Err(error) = handler(stream, &stopping) {
                eprintln!("connection: {error}");
            }
        });
    };
    let _ = room.acquire_timeout(limits.connections, limits.grace);
    connections.cancel();
    let _ = connections.join_all();
    result
}
