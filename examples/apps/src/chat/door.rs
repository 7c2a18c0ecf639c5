//! The page, and who may come in.

use std::{cell::RefCell, io};

use may::net::{Session, TcpStream};
use may_http_example::{
    Exchange, Server, Service,
    refusal::{Failure, Status},
    request::Request,
};
use tungstenite::{
    Error, WebSocket,
    handshake::server::create_response,
    http::header,
    protocol::{Role, WebSocketConfig},
};

use super::{Limits, guest, ration::Ration, room::Rooms};

/// The page and what belongs to it: path, media type and text.
const PAGE: [(&str, &str, &str); 3] = [
    ("/", "text/html", include_str!("page/index.html")),
    ("/chat.css", "text/css", include_str!("page/chat.css")),
    ("/chat.js", "text/javascript", include_str!("page/chat.js")),
];

/// What the page may do, and nothing else: load what is here, and talk to where it came from.
const POLICY: &str = "default-src 'self'; img-src data:; frame-ancestors 'none'";

/// What each message may have beside its text: the heads of its frames, and control frames.
const FRAME: usize = 256;

/// Answers a client: with the page, or by letting it into a room, where it stays until it leaves.
///
/// # Errors
///
/// If the connection breaks, or a guest does not keep to the protocol.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds while it waits; the guest is out of its room then.
pub fn welcome(
    stream: TcpStream,
    rooms: &Rooms,
    limits: &Limits,
    session: &Session,
) -> io::Result<()> {
    let server = Server {
        site: Door::default(),
        limits: may_http_example::Limits {
            head_bytes: 8192,
            head_time: limits.greeting,
            idle_time: limits.greeting,
            ..may_http_example::Limits::default()
        },
        traffic: Default::default(),
    };
    let Some(begun) = server.attend(&stream, session) else {
        return Ok(());
    };
    let room = server.site.room.take();
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(4096)
        .max_write_buffer_size(16 * (limits.message + 4096))
        .max_message_size(Some(limits.message))
        .max_frame_size(Some(limits.message));
    stream.set_nonblocking(true)?;
    let most = u64::from(limits.rate) * (limits.message + FRAME) as u64;
    let stream = Ration::new(stream, most);
    let socket = WebSocket::from_partially_read(stream, begun, Role::Server, Some(config));
    match guest::attend(socket, &room, rooms, limits, session.stopping()) {
        Ok(()) | Err(Error::ConnectionClosed) => Ok(()),
        Err(Error::Io(error)) => Err(error),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

/// Answers the requests of one connection.
#[derive(Debug, Default)]
struct Door {
    /// The room for which a WebSocket was opened.
    room: RefCell<String>,
}

impl Service for Door {
    fn answer(&self, exchange: &mut Exchange<'_, '_>) -> Result<(), Failure> {
        let request = exchange.request();
        if let Some(room) = request.path.strip_prefix("/room/") {
            return self.open(room, exchange);
        }
        let Some((_, media, text)) = PAGE.iter().find(|(path, ..)| *path == request.path) else {
            return exchange.explain(Status::NOT_FOUND, &[], "there is no such page");
        };
        if !matches!(request.method, "GET" | "HEAD") {
            let allow = [("Allow", "GET, HEAD")];
            return exchange.explain(Status::METHOD_NOT_ALLOWED, &allow, "it can only be read");
        }
        let media = format!("{media}; charset=utf-8");
        let headers = [
            ("Content-Type", media.as_str()),
            ("Content-Security-Policy", POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-cache"),
        ];
        exchange.respond(Status::OK, &headers, text.as_bytes())
    }
}

impl Door {
    /// Lets a client that asks for a WebSocket into a room.
    fn open(&self, room: &str, exchange: &mut Exchange<'_, '_>) -> Result<(), Failure> {
        let request = exchange.request();
        if !is_room(room) {
            return exchange.explain(Status::NOT_FOUND, &[], "that is no name for a room");
        }
        if !is_from_here(request) {
            let why = "only the page of this server may come in";
            return exchange.explain(Status(403, "Forbidden"), &[], why);
        }
        let Some(key) = accepted_key(request) else {
            let headers = [("Upgrade", "websocket"), ("Connection", "Upgrade")];
            let why = "there are only WebSockets here";
            return exchange.explain(Status(426, "Upgrade Required"), &headers, why);
        };
        room.clone_into(&mut self.room.borrow_mut());
        exchange.switch(&[("Upgrade", "websocket"), ("Sec-WebSocket-Accept", &key)])
    }
}

/// Whether a name may be a room's: short, and of letters, digits and dashes.
fn is_room(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(plain)
}

/// Whether a request comes from our own page, or from no page at all. Browsers let any page open
/// WebSockets to anywhere, and say which page it was.
fn is_from_here(request: &Request<'_>) -> bool {
    let Some(origin) = request.header("Origin") else {
        return true;
    };
    let host = origin
        .strip_prefix(b"http://")
        .or(origin.strip_prefix(b"https://"));
    host.is_some() && host == request.header("Host")
}

/// Has tungstenite look at what a client says of its WebSocket; returns what proves that it has
/// been understood.
fn accepted_key(request: &Request<'_>) -> Option<String> {
    let mut upgrade = tungstenite::http::Request::builder().method(request.method);
    for name in [
        header::CONNECTION,
        header::UPGRADE,
        header::SEC_WEBSOCKET_VERSION,
        header::SEC_WEBSOCKET_KEY,
    ] {
        upgrade = upgrade.header(&name, request.header(name.as_str())?);
    }
    let response = create_response(&upgrade.body(()).ok()?).ok()?;
    let key = response.headers().get(header::SEC_WEBSOCKET_ACCEPT)?;
    key.to_str().ok().map(str::to_owned)
}
