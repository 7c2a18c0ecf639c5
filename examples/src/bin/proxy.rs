//! A TCP proxy: carries the bytes of each client to a server and back.
//!
//! It shows two directions of one connection at once, each in plain blocking code
//! (`io::copy_bidirectional`), and what a proxy needs before it faces the world: a limit of
//! connections, a limit for connecting, and one for connections that nobody uses. A side that has
//! said its last word may still listen; the proxy passes that on.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin proxy -- --to 127.0.0.1:8000
//! listening on 127.0.0.1:8080
//! ^Cstopping
//! ```

use std::{
    io,
    num::{NonZeroU64, NonZeroUsize},
    sync::Arc,
    time::Duration,
};

use may::{
    channel, go,
    io::copy_bidirectional,
    net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    signal,
    sync::Semaphore,
};
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
TCP proxy: carries the bytes of each client to a server and back.

Usage: proxy [options]

  --addr HOST:PORT  where to listen (default 127.0.0.1:8080, port 0 takes any free one)
  --to HOST:PORT    the server (default 127.0.0.1:8000)
  --connections N   clients at once; others wait until one has gone (default 1000)
  --connect S       seconds that connecting to the server may take (default 5)
  --idle S          seconds after which a connection ends that nobody uses (default 300)
  --workers N       threads that run the coroutines (default: one for each CPU)
  --help            show this text";

/// How long open connections may go on after ctrl-c.
const GRACE: Duration = Duration::from_secs(1);

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
    let settings = Arc::new(Settings {
        to: args.address("to", "127.0.0.1:8000"),
        connect: seconds("connect", 5),
        idle: seconds("idle", 300),
    });
    let most = NonZeroUsize::new(1000).expect("not zero");
    let room = Arc::new(Semaphore::new(args.value("connections", most).get()));

    let listener =
        TcpListener::bind(&addr).unwrap_or_else(|error| args.cannot_listen(&addr, &error));
    // Before anybody is told where: from now on ctrl-c ends this in good order.
    let interrupts = signal::Signals::new([signal::Signal::SIGINT])?;
    println!("listening on {}", listener.local_addr()?);

    // Nothing is ever sent: each connection holds `open`, so `closed` tells when all have ended.
    let (open, closed) = channel::bounded::<()>(1);
    let acceptor = go!(move || {
        loop {
            // First the room, then the client: who finds none waits in the listener's queue.
            let permit = room.clone().acquire_owned();
            let (client, peer) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) => {
                    eprintln!("proxy: {error}");
                    return;
                }
            };
            let (settings, open) = (settings.clone(), open.clone());
            go!(move || {
                if let Err(error) = carry(&client, &settings) {
                    eprintln!("proxy: {peer}: {error}");
                }
                drop(client);
                drop((permit, open));
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
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the server has no address");
    let addresses: Vec<SocketAddr> = to.to_socket_addrs()?.collect();
    for address in &addresses {
        match TcpStream::connect_timeout(address, limit / addresses.len() as u32) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(io::Error::new(
        last.kind(),
        format!("cannot connect to {to}: {last}"),
    ))
}
