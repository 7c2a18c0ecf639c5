//! An HTTPS server: the HTTP server of the examples over rustls, with certificates made at start.
//!
//! ```text
//! $ cargo run --release --bin https -- --ca authority.pem --root .
//! listening on https://127.0.0.1:8443
//! ```
//!
//! In another terminal:
//!
//! ```text
//! $ curl --cacert authority.pem https://127.0.0.1:8443/plaintext
//! Hello, World!
//! ```

use std::{error::Error, fs, io, sync::Arc, time::Duration};

use may_apps::{
    Arguments, server,
    tls::{Identity, TlsStream},
};
use may_http_example::{Server, Site, files::Files};

/// What `--help` prints.
const HELP: &str = "\
HTTPS server: /plaintext, /json, /echo, and the files of a directory.

Usage: https [options]

  --addr HOST:PORT   where to listen (default 127.0.0.1:8443, port 0 takes any free one)
  --names LIST       the server's names, with commas between (default localhost,127.0.0.1,::1)
  --ca FILE          where to write the certificate of the authority, for clients to trust (default: nowhere)
  --root DIRECTORY   whose files to serve (default: none)
  --connections N    how many connections may be open at once (default 10000)
  --handshake-ms N   how long a client may take for its handshake (default 10000)
  --workers N        threads that run the coroutines (default: one for each CPU)
  --help             show this text";

/// How long what is open may go on after ctrl-c.
const GRACE: Duration = Duration::from_secs(10);

/// The longest life of a connection.
const LIFETIME: Duration = Duration::from_secs(3600);

fn main() -> Result<(), Box<dyn Error>> {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let names = args.value("names", "localhost,127.0.0.1,::1".to_owned());
    let names: Vec<String> = names
        .split(',')
        .map(|name| name.trim().to_owned())
        .collect();
    let identity = Identity::new(&names).unwrap_or_else(|error| {
        args.refuse(&format!(
            "no certificate can be made for these --names: {error}\nhelp: write them like localhost,127.0.0.1"
        ))
    });
    if let Some(path) = args.optional::<String>("ca") {
        fs::write(&path, identity.authority()).unwrap_or_else(|error| {
            args.refuse(&format!(
                "'{path}' does not fit --ca: {error}\nhelp: name a file that can be written"
            ))
        });
    }
    let files = args.optional::<String>("root").map(|root| {
        Files::new(&root).unwrap_or_else(|error| {
            args.refuse(&format!(
                "cannot serve '{root}': {error}\nhelp: give --root a directory that is there and can be read"
            ))
        })
    });

    let config = identity.server(&["http/1.1"])?;
    let server = Server {
        site: Site { files },
        ..Server::default()
    };
    let handshake = Duration::from_millis(args.value("handshake-ms", 10_000).max(1));
    let limits = server::Limits {
        connections: args.at_least_one("connections", 10_000),
        lifetime: LIFETIME,
        grace: GRACE,
    };
    server::run(
        &args,
        "127.0.0.1:8443",
        "https://",
        limits,
        |socket, session| {
            let config = Arc::clone(&config);
            match TlsStream::accept(socket, config, handshake, session.stopping()) {
                Ok(Some(stream)) => drop(server.attend(stream, session)),
                Ok(None) => {}
                Err(error) => eprintln!("handshake: {error}"),
            }
            io::Result::Ok(())
        },
    )?;
    Ok(())
}
