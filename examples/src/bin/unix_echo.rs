//! An echo server on a Unix socket, which has a name in the file system.
//!
//! The name of a server that was killed is taken over, that of one that runs is not, and the name
//! is removed at the end.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin unix_echo -- /tmp/echo.socket
//! listening on /tmp/echo.socket
//! ^C
//! ```
//!
//! In another terminal, `nc -U /tmp/echo.socket` talks to it.

use std::{
    env, fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use may::{
    go, net,
    os::unix::net::{UnixListener, UnixStream},
    signal::{Signal, Signals},
    sync::CancelToken,
};

fn main() -> io::Result<()> {
    let default = || env::temp_dir().join("may-echo.socket");
    let path = env::args_os().nth(1).map_or_else(default, PathBuf::from);
    let listener = bind(&path)?;

    let stopping = CancelToken::new();
    let limits = net::Limits::new().until(&stopping);
    let interrupts = Signals::new([Signal::SIGINT])?;
    go!(move || {
        let _ = interrupts.recv();
        stopping.cancel();
    });

    println!("listening on {}", path.display());
    let served = net::serve(listener, limits, |(stream, _), _session| {
        // A client that has gone has no error to hear of.
        let _ = io::copy(&mut &stream, &mut &stream);
    });
    fs::remove_file(&path)?;
    served.map(drop)
}

/// Binds the name, also if it is that of a server that has gone: then a connection to it is
/// refused.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let bound = UnixListener::bind(path);
    let taken = matches!(&bound, Err(error) if error.kind() == ErrorKind::AddrInUse);
    let gone = |error: io::Error| error.kind() == ErrorKind::ConnectionRefused;
    if taken && UnixStream::connect(path).is_err_and(gone) {
        fs::remove_file(path)?;
        return UnixListener::bind(path);
    }
    bound
}
