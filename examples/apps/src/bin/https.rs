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

use std::{
    error::Error,
    fs, io,
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use clap::Parser;
use may_apps::{
    server,
    tls::{Identity, TlsStream},
};
use may_http_example::{Server, Site, files::Files};

/// HTTPS server: /plaintext, /json, /echo, and the files of a directory.
#[derive(Parser)]
struct Options {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:8443")]
    addr: String,
    /// The server's names.
    #[arg(long, value_delimiter = ',', default_value = "localhost,127.0.0.1,::1")]
    names: Vec<String>,
    /// Where to write the certificate of the authority, for clients to trust.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// The directory whose files to serve.
    #[arg(long, value_parser = |root: &str| Files::new(root))]
    root: Option<Files>,
    /// How many connections may be open at once.
    #[arg(long, default_value = "10000")]
    connections: NonZeroUsize,
    /// How long a client may take for its handshake.
    #[arg(long, default_value = "10000")]
    handshake_ms: NonZeroU64,
}

/// How long what is open may go on after ctrl-c.
const GRACE: Duration = Duration::from_secs(10);

/// The longest life of a connection.
const LIFETIME: Duration = Duration::from_secs(3600);

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let identity = Identity::new(&options.names)?;
    if let Some(path) = options.ca {
        fs::write(path, identity.authority())?;
    }
    let config = identity.server(&["http/1.1"])?;
    let server = Server {
        site: Site {
            files: options.root,
        },
        ..Server::default()
    };
    let handshake = Duration::from_millis(options.handshake_ms.get());
    let limits = server::Limits {
        connections: options.connections.get(),
        lifetime: LIFETIME,
        grace: GRACE,
    };
    server::run(&options.addr, "https://", limits, |socket, session| {
        let config = Arc::clone(&config);
        match TlsStream::accept(socket, config, handshake, session.stopping()) {
            Ok(Some(stream)) => drop(server.attend(stream, session)),
            Ok(None) => {}
            Err(error) => eprintln!("handshake: {error}"),
        }
        io::Result::Ok(())
    })?;
    Ok(())
}
