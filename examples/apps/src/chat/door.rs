//! The page, and who may come in.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
};

use may::{net::TcpStream, sync::CancelToken, time};
use tungstenite::{
    Error, WebSocket,
    handshake::server::{Request, create_response, write_response},
    http::{Method, Version, header},
    protocol::{Role, WebSocketConfig},
};

use super::{Limits, guest, room::Rooms};

/// The longest head of a request, in bytes.
const HEAD_LENGTH: usize = 8192;

/// How many bytes are read and thrown away after an answer.
const DRAIN_LENGTH: u64 = 65536;

/// How many header fields a request may have.
const MOST_FIELDS: usize = 64;

/// The page and what belongs to it: path, media type and text.
const PAGE: [(&str, &str, &str); 3] = [
    ("/", "text/html", include_str!("page/index.html")),
    ("/chat.css", "text/css", include_str!("page/chat.css")),
    ("/chat.js", "text/javascript", include_str!("page/chat.js")),
];

/// Answers a client: with the page, or by letting it into a room, where it stays until it leaves.
///
/// # Errors
///
/// If the connection breaks, or the client does not say in time what it wants.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds while it waits; the guest is out of its room then.
pub fn welcome(
    mut stream: TcpStream,
    rooms: &Rooms,
    limits: &Limits,
    stopping: &CancelToken,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let greeted = time::timeout(limits.greeting, || greet(&mut stream))??;
    let Some((room, begun)) = greeted else {
        return Ok(());
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(4096)
        .max_write_buffer_size(16 * (limits.message + 4096))
        .max_message_size(Some(limits.message))
        .max_frame_size(Some(limits.message));
    stream.set_nonblocking(true)?;
    let socket = WebSocket::from_partially_read(stream, begun, Role::Server, Some(config));
    match guest::attend(socket, &room, rooms, limits, stopping) {
        Ok(()) | Err(Error::ConnectionClosed) => Ok(()),
        Err(Error::Io(error)) => Err(error),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

/// Reads a request and answers it. If it asks for a room, returns its name and what the client has sent since.
fn greet(stream: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut received = Vec::new();
    let (request, length) = loop {
        match parse(&received) {
            Ok(Some(parsed)) => break parsed,
            Ok(None) if received.len() >= HEAD_LENGTH => {
                return refuse(stream, "431 Request Header Fields Too Large");
            }
            Ok(None) => {}
            Err(_) => return refuse(stream, "400 Bad Request"),
        }
        let mut buffer = [0; 2048];
        let read = stream.read(&mut buffer)?;
        if read == 0 && received.is_empty() {
            return Ok(None);
        }
        if read == 0 {
            return refuse(stream, "400 Bad Request");
        }
        received.extend_from_slice(&buffer[..read]);
    };
    let path = request.uri().path();
    if let Some((_, media, text)) = PAGE.iter().find(|(page, ..)| *page == path) {
        return match *request.method() {
            Method::GET => answer(stream, "200 OK", media, text, true),
            Method::HEAD => answer(stream, "200 OK", media, text, false),
            _ => refuse(stream, "405 Method Not Allowed"),
        };
    }
    let Some(room) = path.strip_prefix("/room/").filter(|room| is_room(room)) else {
        return refuse(stream, "404 Not Found");
    };
    if !is_from_here(&request) {
        return refuse(stream, "403 Forbidden");
    }
    match create_response(&request) {
        Ok(response) => {
            let mut head = Vec::new();
            write_response(&mut head, &response).map_err(io::Error::other)?;
            stream.write_all(&head)?;
            Ok(Some((room.to_owned(), received.split_off(length))))
        }
        Err(_) => refuse(stream, "426 Upgrade Required"),
    }
}

/// Reads the head of a request, if all of it is there; returns its length, too.
fn parse(received: &[u8]) -> Result<Option<(Request, usize)>, Box<dyn std::error::Error>> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut head = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(length) = head.parse(received)? else {
        return Ok(None);
    };
    let version = match head.version {
        Some(1) => Version::HTTP_11,
        _ => Version::HTTP_10,
    };
    let mut request = Request::builder()
        .method(head.method.unwrap_or_default())
        .uri(head.path.unwrap_or_default())
        .version(version);
    for field in head.headers {
        request = request.header(field.name, field.value);
    }
    Ok(Some((request.body(())?, length)))
}

/// Whether a name may be a room's: short, and of letters, digits and dashes.
fn is_room(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(plain)
}

/// Whether a request comes from our own page, or from no page at all. Browsers let any page open WebSockets to anywhere, and say which
/// page it was.
fn is_from_here(request: &Request) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else {
        return true;
    };
    let host = request.headers().get(header::HOST);
    let origin = origin.to_str().unwrap_or_default();
    let origin = origin
        .strip_prefix("http://")
        .or(origin.strip_prefix("https://"));
    origin.is_some_and(|origin| host.is_some_and(|host| host == origin))
}

/// Sends an answer, or the head of it. The connection ends with it.
fn answer<T>(
    stream: &mut TcpStream,
    status: &str,
    media: &str,
    text: &str,
    whole: bool,
) -> io::Result<Option<T>> {
    let length = text.len();
    let body = if whole { text } else { "" };
    let answer = format!(
        "HTTP/1.1 {status}\r\n\
         Content-Type: {media}; charset=utf-8\r\n\
         Content-Length: {length}\r\n\
         Content-Security-Policy: default-src 'self'; img-src data:; frame-ancestors 'none'\r\n\
         X-Content-Type-Options: nosniff\r\n\
         Cache-Control: no-cache\r\n\
         Connection: close\r\n\
         \r\n\
         {body}"
    );
    stream.write_all(answer.as_bytes())?;
    // A socket that is closed with unread bytes in it takes the answer away from the client.
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut stream.take(DRAIN_LENGTH), &mut io::sink())?;
    Ok(None)
}

/// Sends an answer that says what is wrong.
fn refuse<T>(stream: &mut TcpStream, status: &str) -> io::Result<Option<T>> {
    answer(stream, status, "text/plain", &format!("{status}\n"), true)
}
