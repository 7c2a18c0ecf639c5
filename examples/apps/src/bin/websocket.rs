//! A chat in the browser: WebSockets by tungstenite over May's sockets, and the page on the same
//! port.
//!
//! ```text
//! $ cargo run --release --bin websocket
//! listening on http://127.0.0.1:8083
//! ^Cstopping
//! ```
//!
//! Open http://127.0.0.1:8083/ in two windows. http://127.0.0.1:8083/#kitchen is another room.

use std::{
    io,
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    time::Duration,
};

use clap::Parser;
use may_apps::{
    chat::{self, Rooms},
    server,
};

/// Chat server: what one guest writes, all in the room read, in their browsers.
#[derive(Parser)]
struct Options {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:8083")]
    addr: String,
    /// How many connections may be open at once.
    #[arg(long, default_value = "10000")]
    connections: NonZeroUsize,
    /// How often guests are asked whether they are there.
    #[arg(long, default_value = "20000")]
    ping_ms: NonZeroU64,
    /// How many messages may wait for a guest.
    #[arg(long, default_value = "256")]
    backlog: NonZeroUsize,
    /// How many messages a guest may send within a second.
    #[arg(long, default_value = "50")]
    rate: NonZeroU32,
}

/// The longest that anybody may stay.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// How long guests may take to leave after ctrl-c.
const GRACE: Duration = Duration::from_secs(3);

fn main() -> io::Result<()> {
    let options = Options::parse();
    let limits = chat::Limits {
        ping: Duration::from_millis(options.ping_ms.get()),
        backlog: options.backlog.get(),
        rate: options.rate.get(),
        ..chat::Limits::default()
    };
    let rooms = Rooms::new();
    let server = server::Limits {
        connections: options.connections.get(),
        lifetime: LIFETIME,
        grace: GRACE,
    };
    server::run(&options.addr, "http://", server, |stream, session| {
        chat::welcome(stream, &rooms, &limits, session)
    })
}
