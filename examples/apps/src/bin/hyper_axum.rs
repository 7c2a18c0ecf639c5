//! An axum application on hyper, HTTP/1.1 and HTTP/2, with and without TLS; and no runtime of tokio's anywhere.
//!
//! ```text
//! $ cargo run --release --bin hyper_axum
//! listening on http://127.0.0.1:8084
//! ```
//!
//! In another terminal:
//!
//! ```text
//! $ curl http://127.0.0.1:8084/version
//! HTTP/1
//! $ curl --http2-prior-knowledge http://127.0.0.1:8084/version
//! HTTP/2
//! ```

use std::{error::Error, fs, io, sync::Arc, time::Duration};

use may_apps::{
    Arguments,
    arguments::Seconds,
    hyper_axum::{self, Limits},
    server,
    tls::{Identity, TlsStream},
};

/// What `--help` prints.
const HELP: &str = "\
An axum application on hyper: HTTP/1.1 and HTTP/2.

Usage: hyper_axum [options]

  --addr HOST:PORT    where to listen (default 127.0.0.1:8084, port 0 takes any free one)
  --ca FILE           use TLS, and write the certificate of the authority here, for clients to trust
  --connections N     how many connections may be open at once (default 10000)
  --streams N         how many requests a client may have at once in HTTP/2 (default 100)
  --head-time SECONDS how long a client may take for a head, or have no request (default 10)
  --patience SECONDS  how long it may take nothing of an answer (default 30)
  --workers N         threads that run the coroutines (default: one for each CPU)
  --help              show this text";

/// How long what is open may go on after ctrl-c.
const GRACE: Duration = Duration::from_secs(10);

/// The longest life of a connection.
const LIFETIME: Duration = Duration::from_secs(3600);

fn main() -> Result<(), Box<dyn Error>> {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let default = Limits::default();
    let limits = Limits {
        head: args.value("head-time", Seconds(default.head)).0,
        patience: args.value("patience", Seconds(default.patience)).0,
        streams: args.value("streams", default.streams),
    };
    let tls = match args.optional::<String>("ca") {
        None => None,
        Some(path) => {
            let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
            let identity = Identity::new(&names)?;
            fs::write(&path, identity.authority()).unwrap_or_else(|error| {
                args.refuse(&format!(
                    "'{path}' does not fit --ca: {error}\nhelp: name a file that can be written"
                ))
            });
            Some(identity.server(&["h2", "http/1.1"])?)
        }
    };
    let server = server::Limits {
        connections: args.at_least_one("connections", 10_000),
        lifetime: LIFETIME,
        grace: GRACE,
    };
    let scheme = match tls {
        None => "http://",
        Some(_) => "https://",
    };
    let app = hyper_axum::app();
    server::run(
        &args,
        "127.0.0.1:8084",
        scheme,
        server,
        |stream, session| {
            let stopping = session.stopping();
            let Some(config) = &tls else {
                return hyper_axum::serve(stream, &app, &limits, stopping)
                    .map_err(io::Error::other);
            };
            let config = Arc::clone(config);
            match TlsStream::accept(stream, config, limits.head, stopping)? {
                Some(stream) => {
                    hyper_axum::serve_tls(stream, &app, &limits, stopping).map_err(io::Error::other)
                }
                None => Ok(()),
            }
        },
    )?;
    Ok(())
}
