//! A chat in the browser: WebSockets by tungstenite over May's sockets, and the page on the same port.
//!
//! ```text
//! $ cargo run --release --bin websocket
//! listening on http://127.0.0.1:8083
//! ^Cstopping
//! ```
//!
//! Open http://127.0.0.1:8083/ in two windows. http://127.0.0.1:8083/#kitchen is another room.

use std::{io, time::Duration};

use may_apps::{
    Arguments,
    chat::{self, Rooms},
    server,
};

/// What `--help` prints.
const HELP: &str = "\
Chat server: what one guest writes, all in the room read, in their browsers.

Usage: websocket [options]

  --addr HOST:PORT  where to listen (default 127.0.0.1:8083, port 0 takes any free one)
  --connections N   how many connections may be open at once (default 10000)
  --ping-ms N       how often guests are asked whether they are there (default 20000)
  --backlog N       how many messages may wait for a guest (default 256)
  --rate N          how many messages a guest may send within a second (default 50)
  --workers N       threads that run the coroutines (default: one for each CPU)
  --help            show this text";

/// The longest that anybody may stay.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// How long guests may take to leave after ctrl-c.
const GRACE: Duration = Duration::from_secs(3);

fn main() -> io::Result<()> {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let default = chat::Limits::default();
    let ping = args.value("ping-ms", default.ping.as_millis() as u64);
    let limits = chat::Limits {
        ping: Duration::from_millis(ping.max(1)),
        backlog: args.value("backlog", default.backlog).max(1),
        rate: args.value("rate", default.rate).max(1),
        ..default
    };
    let rooms = Rooms::new();
    let server = server::Limits {
        connections: args.at_least_one("connections", 10_000),
        lifetime: LIFETIME,
        grace: GRACE,
    };
    server::run(
        &args,
        "127.0.0.1:8083",
        "http://",
        server,
        |stream, session| chat::welcome(stream, &rooms, &limits, session),
    )
}
