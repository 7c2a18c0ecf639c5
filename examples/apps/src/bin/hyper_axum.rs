//! An axum application on hyper, HTTP/1.1 and HTTP/2, with and without TLS; and no runtime of
//! tokio's anywhere.
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

use std::{error::Error, fs, io, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use clap::Parser;
use may_apps::{
    hyper_axum::{self, Limits},
    server,
    tls::{Identity, TlsStream},
};

/// An axum application on hyper: HTTP/1.1 and HTTP/2.
#[derive(Parser)]
struct Options {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:8084")]
    addr: String,
    /// Use TLS, and write the certificate of the authority here, for clients to trust.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// How many connections may be open at once.
    #[arg(long, default_value = "10000")]
    connections: NonZeroUsize,
    /// How many requests a client may have at once in HTTP/2.
    #[arg(long, default_value_t = 100)]
    streams: u32,
    /// How many seconds a client may take for a head, or have no request.
    #[arg(long, value_parser = seconds, default_value = "10")]
    head_time: Duration,
    /// For how many seconds it may take nothing of an answer.
    #[arg(long, value_parser = seconds, default_value = "30")]
    patience: Duration,
}

/// Reads a time in seconds.
fn seconds(text: &str) -> Result<Duration, Box<dyn Error + Send + Sync>> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}

/// How long what is open may go on after ctrl-c.
const GRACE: Duration = Duration::from_secs(10);

/// The longest life of a connection.
const LIFETIME: Duration = Duration::from_secs(3600);

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let limits = Limits {
        head: options.head_time,
        patience: options.patience,
        streams: options.streams,
    };
    let tls = match options.ca {
        None => None,
        Some(path) => {
            let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
            let identity = Identity::new(&names)?;
            fs::write(path, identity.authority())?;
            Some(identity.server(&["h2", "http/1.1"])?)
        }
    };
    let server = server::Limits {
        connections: options.connections.get(),
        lifetime: LIFETIME,
        grace: GRACE,
    };
    let scheme = match tls {
        None => "http://",
        Some(_) => "https://",
    };
    let app = hyper_axum::app();
    server::run(&options.addr, scheme, server, |stream, session| {
        let stopping = session.stopping();
        let Some(config) = &tls else {
            return hyper_axum::serve(stream, &app, &limits, stopping).map_err(io::Error::other);
        };
        let config = Arc::clone(config);
        match TlsStream::accept(stream, config, limits.head, stopping)? {
            Some(stream) => {
                hyper_axum::serve_tls(stream, &app, &limits, stopping).map_err(io::Error::other)
            }
            None => Ok(()),
        }
    })?;
    Ok(())
}
