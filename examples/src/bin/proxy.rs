//! A TCP proxy: carries the bytes of each client to a server and back.
//!
//! `io::copy_bidirectional` carries both directions at once. A side that has sent its last byte may
//! still receive; the proxy passes that on. Connecting has a limit of time, and connections that
//! are not used are closed.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin proxy -- 127.0.0.1:8000
//! listening on 127.0.0.1:8080, for 127.0.0.1:8000
//! ```

use std::{env, io, time::Duration};

use may::{
    io::copy_bidirectional,
    net::{self, TcpListener, TcpStream},
    time::timeout,
};

/// How many clients there are at once. Others wait until one has gone.
const CONNECTIONS: usize = 1000;
/// How long connecting to the server may take, with looking up its name.
const CONNECT: Duration = Duration::from_secs(5);
/// After how long a connection that is not used is closed.
const IDLE: Duration = Duration::from_secs(300);

fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    let server = args.next().unwrap_or("127.0.0.1:8000".to_owned());
    let address = args.next().unwrap_or("127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}, for {server}", listener.local_addr()?);

    let limits = net::Limits::new().connections(CONNECTIONS);
    net::serve(listener, limits, |(client, peer), _session| {
        if let Err(error) = carry(&client, &server) {
            eprintln!("{peer}: {error}");
        }
    })?;
    Ok(())
}

/// Carries one client's bytes, until both sides have ended.
fn carry(client: &TcpStream, server: &str) -> io::Result<()> {
    let server = timeout(CONNECT, || TcpStream::connect(server))??;
    for stream in [client, &server] {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(IDLE))?;
        stream.set_write_timeout(Some(IDLE))?;
    }
    copy_bidirectional(client, &server).map(drop)
}
