//! What a head asks for, and how long the body behind it is.

use std::mem::MaybeUninit;

use httparse::Header;

use crate::limits::{Limits, MOST_HEADERS};
use crate::refusal::{Refusal, Status};

/// A request without its body. It borrows from the bytes of its head.
#[derive(Debug)]
pub struct Request<'h> {
    /// The method, of which nothing is known but that it is a token.
    pub method: &'h str,
    /// The path, as it was sent, without the query; `*` for a request about the server.
    pub path: &'h str,
    /// What stands behind `?`.
    pub query: Option<&'h str>,
    /// Whether it is HTTP/1.1, and not HTTP/1.0.
    pub is_1_1: bool,
    /// How long the body is.
    pub framing: Framing,
    /// Whether the client would go on with the connection.
    pub keep_alive: bool,
    /// Whether the client waits for "100 Continue" before it sends the body.
    pub expects_continue: bool,
    headers: &'h [Header<'h>],
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes; 0 if there is none.
    Length(u64),
    /// As its chunks say.
    Chunked,
}

/// Room for the headers of a request.
pub type Headers<'h> = [MaybeUninit<Header<'h>>; MOST_HEADERS];

/// Makes room for headers.
#[must_use]
pub fn headers<'h>() -> Headers<'h> {
    [const { MaybeUninit::uninit() }; MOST_HEADERS]
}

/// Reads a complete head, whose lines a [`Scan`](crate::head::Scan) has looked at.
///
/// # Errors
///
/// If it is no request, or one whose end could be a matter of opinion.
pub fn parse<'h>(
    head: &'h [u8],
    room: &'h mut Headers<'h>,
    limits: &Limits,
) -> Result<Request<'h>, Refusal> {
    let mut parsed = httparse::Request::new(&mut []);
    let room = &mut room[..limits.headers.min(MOST_HEADERS)];
    match parsed.parse_with_uninit_headers(head, room) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Ok(_) => return Err(Refusal::bad("the head is not one")),
        Err(error) => return Err(refusal(error, head)),
    }
    let missing = Refusal::bad("the request line is not complete");
    let method = parsed.method.ok_or(missing)?;
    let target = parsed.path.ok_or(missing)?;
    let is_1_1 = parsed.version.ok_or(missing)? == 1;
    let headers: &'h [Header<'h>] = parsed.headers;

    let host = single(headers, "host", "there are several Host headers")?;
    if let Some(host) = host
        && !host.iter().all(|&byte| is_in_host(byte))
    {
        return Err(Refusal::bad("the Host header is no host"));
    }
    if is_1_1 && host.is_none() {
        return Err(Refusal::bad("there is no Host header"));
    }
    let (path, query) = split_target(method, target)?;
    let framing = framing(headers, is_1_1, limits)?;
    let expects_continue = match single(headers, "expect", "there are several Expect headers")? {
        Some(value) if is_1_1 && value.eq_ignore_ascii_case(b"100-continue") => {
            framing != Framing::Length(0)
        }
        Some(_) if is_1_1 => {
            let why = "nothing can be expected but 100-continue";
            return Err(Refusal::new(Status::EXPECTATION_FAILED, why));
        }
        _ => false,
    };
    let connection = |option: &str| list(headers, "connection").any(|item| is(item, option));
    Ok(Request {
        method,
        path,
        query,
        is_1_1,
        framing,
        keep_alive: !connection("close") && (is_1_1 || connection("keep-alive")),
        expects_continue,
        headers,
    })
}

impl<'h> Request<'h> {
    /// The value of a header; the first one, if there are several.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'h [u8]> {
        values(self.headers, name).next()
    }
}

/// What the parser's errors mean to a client.
fn refusal(error: httparse::Error, head: &[u8]) -> Refusal {
    match error {
        httparse::Error::TooManyHeaders => {
            Refusal::new(Status::HEADERS_TOO_LARGE, "there are too many headers")
        }
        httparse::Error::HeaderName => Refusal::bad("the name of a header is no token"),
        httparse::Error::HeaderValue => Refusal::bad("a header has control characters"),
        httparse::Error::Version if names_other_version(head) => Refusal::new(
            Status::VERSION_NOT_SUPPORTED,
            "this is HTTP/1.1 and HTTP/1.0",
        ),
        _ => Refusal::bad("the first line is no request line"),
    }
}

/// Whether the first line is a request line but for its version, which is another one of HTTP.
fn names_other_version(head: &[u8]) -> bool {
    let line = head
        .split(|&byte| byte == b'\r')
        .map(<[u8]>::trim_ascii_start)
        .find(|line| !line.is_empty());
    let mut words = line.unwrap_or_default().split(|&byte| byte == b' ');
    let (version, end) = (words.nth(2), words.next());
    let Some([b'H', b'T', b'T', b'P', b'/', version @ ..]) = version else {
        return false;
    };
    let is_version = matches!(version, [major, b'.', minor]
        if major.is_ascii_digit() && minor.is_ascii_digit());
    end.is_none() && is_version && !matches!(version, b"1.0" | b"1.1")
}

/// The values of all headers called `name`.
fn values<'a>(headers: &'a [Header<'a>], name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value)
}

/// The value of a header of which there may be one.
fn single<'a>(
    headers: &'a [Header<'a>],
    name: &str,
    several: &'static str,
) -> Result<Option<&'a [u8]>, Refusal> {
    let mut values = values(headers, name);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Refusal::bad(several)),
        (value, None) => Ok(value),
    }
}

/// The items of the comma-separated lists that all headers called `name` are together.
fn list<'a>(headers: &'a [Header<'a>], name: &str) -> impl Iterator<Item = &'a [u8]> {
    values(headers, name)
        .flat_map(|value| value.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
}

/// Whether an item is a certain word, in capitals or not.
fn is(item: &[u8], word: &str) -> bool {
    item.eq_ignore_ascii_case(word.as_bytes())
}

/// How long the body is: RFC 9112, section 6, and where that leaves a choice, the stricter one.
fn framing(headers: &[Header<'_>], is_1_1: bool, limits: &Limits) -> Result<Framing, Refusal> {
    let several = "there are several Content-Length headers";
    let length = single(headers, "content-length", several)?;
    if values(headers, "transfer-encoding").next().is_none() {
        return length.map_or(Ok(Framing::Length(0)), |digits| {
            content_length(digits, limits)
        });
    }
    if length.is_some() {
        return Err(Refusal::bad(
            "there are a Content-Length and a Transfer-Encoding",
        ));
    }
    if !is_1_1 {
        return Err(Refusal::bad("HTTP/1.0 has no Transfer-Encoding"));
    }
    let mut codings: Vec<&[u8]> = list(headers, "transfer-encoding").collect();
    // An empty item means nothing, but who looks at one header of several may see only that.
    if codings.len() > 1 && codings.contains(&b"".as_slice()) {
        return Err(Refusal::bad("an item of the Transfer-Encoding is empty"));
    }
    let last = codings.pop();
    if !last.is_some_and(|last| is(last, "chunked")) {
        return Err(Refusal::bad("the last Transfer-Encoding is not chunked"));
    }
    if codings.iter().any(|coding| is(coding, "chunked")) {
        return Err(Refusal::bad("the body is chunked twice"));
    }
    if !codings.is_empty() {
        let why = "no Transfer-Encoding is known but chunked";
        return Err(Refusal::new(Status::NOT_IMPLEMENTED, why));
    }
    Ok(Framing::Chunked)
}

/// Reads a Content-Length: digits, and nothing else.
fn content_length(digits: &[u8], limits: &Limits) -> Result<Framing, Refusal> {
    let text = std::str::from_utf8(digits).unwrap_or_default();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::bad("the Content-Length is no number"));
    }
    match text.parse() {
        Ok(length) if length <= limits.body_bytes => Ok(Framing::Length(length)),
        // Also if it does not fit into the type.
        _ => Err(Refusal::new(
            Status::CONTENT_TOO_LARGE,
            "the body is too long",
        )),
    }
}

/// Splits the target of a request: path and query.
fn split_target<'h>(method: &str, target: &'h str) -> Result<(&'h str, Option<&'h str>), Refusal> {
    let bad = Err(Refusal::bad("the target is none for this method"));
    if !target
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'#')
    {
        return Err(Refusal::bad(
            "the target has characters that must be encoded",
        ));
    }
    if method == "CONNECT" {
        // A host and a port; there are no tunnels here, so it is ignored.
        return match target.contains('/') || !target.contains(':') {
            true => bad,
            false => Ok((target, None)),
        };
    }
    if target == "*" {
        return match method {
            "OPTIONS" => Ok((target, None)),
            _ => bad,
        };
    }
    let path = match target.strip_prefix('/') {
        Some(_) => target,
        None => match path_of_uri(target) {
            Some(path) => path,
            None => return bad,
        },
    };
    Ok(match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    })
}

/// The path of a whole URI, as it is sent to proxies and must be understood by servers, too.
fn path_of_uri(target: &str) -> Option<&str> {
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    if host.is_empty() || !host.bytes().all(is_in_host) {
        return None;
    }
    match path {
        "" => Some("/"),
        _ if path.starts_with('/') => Some(path),
        // A query without a path: rare, and not worth a copy.
        _ => None,
    }
}

/// Whether a byte may stand in a host with its port. (Not `@`: a user name there is a way to
/// deceive readers of the address.)
fn is_in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(&byte)
}
