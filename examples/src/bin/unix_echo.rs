//! An echo server on a Unix socket, and a client for it in the same program.
//!
//! It shows Unix sockets, and what belongs to a server that has a name in the file system: the name
//! of one that was killed is taken over, that of one that runs is not, and it is removed at the end.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin unix_echo -- --path /tmp/echo.socket
//! listening on /tmp/echo.socket
//! ^Cstopping: ctrl-c again ends it at once
//! ```
//!
//! In another terminal:
//!
//! ```text
//! $ cargo run --release -p may-examples --bin unix_echo -- --path /tmp/echo.socket --send hello
//! hello
//! ```

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use may::{
    coroutine,
    net::{self, Shutdown},
    os::unix::net::{UnixListener, UnixStream},
};
use may_examples::{Arguments, stop_at_interrupt};

/// What `--help` prints.
const HELP: &str = "\
Echo server on a Unix socket, and a client for it.

Usage: unix_echo [options]

  --path PATH   the name of the socket (default: may-echo.socket in the directory for temporary files)
  --send TEXT   be the client: send TEXT, print what comes back, and end
  --workers N   threads that run the coroutines (default: one for each CPU)
  --help        show this text";

/// How long open connections may go on after ctrl-c.
const GRACE: Duration = Duration::from_secs(1);

/// How long the client waits.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let default = std::env::temp_dir().join("may-echo.socket");
    let path: PathBuf = args.optional("path").unwrap_or(default);
    let result = match args.optional::<String>("send") {
        Some(text) => send(&path, &text),
        None => serve(&path),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("unix_echo: {}: {error}", path.display());
            let help = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    "a server is running there: stop it, or choose another name with --path"
                }
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                    "start the server first, without --send and with the same --path"
                }
                _ => "choose another name with --path",
            };
            eprintln!("help: {help}");
            ExitCode::FAILURE
        }
    }
}

/// Sends a text and prints what comes back.
fn send(path: &Path, text: &str) -> io::Result<()> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // One coroutine writes while another reads: a long text would fill both directions otherwise.
    coroutine::scope(|scope| {
        scope.spawn(|| {
            let (_, mut writer) = stream.split();
            let sent = writer.write_all(text.as_bytes());
            sent.and_then(|()| stream.shutdown(Shutdown::Write))
        });
        let mut answer = String::new();
        (&stream).read_to_string(&mut answer)?;
        println!("{answer}");
        Ok(())
    })
}

/// Serves until ctrl-c.
fn serve(path: &Path) -> io::Result<()> {
    let limits = net::Limits::new().grace(GRACE).until(&stop_at_interrupt()?);
    let listener = bind(path)?;
    println!("listening on {}", path.display());
    let served = net::serve(listener, limits, |(stream, _), _session| {
        if let Err(error) = echo(stream) {
            eprintln!("unix_echo: {error}");
        }
    });
    fs::remove_file(path)?;
    served.map(drop)
}

/// Binds the name, also if it is that of a server that has gone.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => match UnixStream::connect(path) {
            Err(refused) if refused.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path)?;
                UnixListener::bind(path)
            }
            _ => Err(error),
        },
        bound => bound,
    }
}

/// Sends back what one client sends, until the client is done.
fn echo(stream: UnixStream) -> io::Result<()> {
    io::copy(&mut &stream, &mut &stream)?;
    Ok(())
}
