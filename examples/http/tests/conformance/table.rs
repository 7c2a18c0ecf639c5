//! The table: what is sent, and what it gets.

use std::time::Duration;

use may_http_example::Limits;

/// What a client does, and what it gets.
pub(crate) struct Case {
    /// Where in the table it stands.
    pub(crate) group: &'static str,
    pub(crate) what: &'static str,
    pub(crate) sends: Sends,
    /// The status codes of the answers, in order.
    pub(crate) gets: Vec<u16>,
    pub(crate) then: Then,
}

/// How the bytes are sent.
pub(crate) enum Sends {
    /// At once.
    AtOnce(Vec<u8>),
    /// At once, and then the client sends no more.
    AndEnds(Vec<u8>),
    /// The first at once, and then a byte of the others now and then, for as long as it may.
    Slowly(Vec<u8>, Vec<u8>),
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It goes on: the next request is answered.
    Open,
    /// The server closes it, without another byte.
    Closed,
}

use Then::{Closed, Open};

/// The limits of the server, small enough to be reached.
pub(crate) fn limits() -> Limits {
    Limits {
        head_bytes: 8 * 1024,
        body_bytes: 100_000,
        ..Limits::default()
    }
}

/// Limits of a few milliseconds.
pub(crate) fn impatient() -> Limits {
    Limits {
        head_time: Duration::from_millis(150),
        idle_time: Duration::from_millis(150),
        transfer_time: Duration::from_millis(150),
        rate: 1_000_000,
        ..limits()
    }
}

/// The table.
#[derive(Default)]
struct Table {
    group: &'static str,
    cases: Vec<Case>,
}

impl Table {
    /// Begins a group.
    fn group(&mut self, group: &'static str) {
        self.group = group;
    }

    /// Adds a row.
    fn row(&mut self, what: &'static str, sends: Sends, gets: &[u16], then: Then) {
        self.cases.push(Case {
            group: self.group,
            what,
            sends,
            gets: gets.to_vec(),
            then,
        });
    }

    /// Adds one whose bytes are sent at once.
    fn at_once(&mut self, what: &'static str, bytes: impl AsRef<[u8]>, gets: &[u16], then: Then) {
        self.row(what, Sends::AtOnce(bytes.as_ref().to_vec()), gets, then);
    }

    /// Adds one about a header, or several, of a GET.
    fn header(&mut self, what: &'static str, lines: impl AsRef<[u8]>, gets: &[u16], then: Then) {
        let head = b"GET /plaintext HTTP/1.1\r\nHost: x\r\n".as_slice();
        let bytes = [head, lines.as_ref(), b"\r\n"].concat();
        self.at_once(what, bytes, gets, then);
    }

    /// Adds one about headers that tell the length, with a body of five bytes.
    fn length(&mut self, what: &'static str, lines: &str, gets: &[u16], then: Then) {
        self.header(what, format!("{lines}\r\nhello"), gets, then);
        // The empty line of `header` is what some clients send behind a body.
    }

    /// Adds one about a body in chunks.
    fn chunks(&mut self, what: &'static str, body: impl AsRef<[u8]>, gets: &[u16], then: Then) {
        let head = b"GET /plaintext HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        let bytes = [head.as_slice(), body.as_ref()].concat();
        self.at_once(what, bytes, gets, then);
    }
}

/// A GET that is in order.
pub(crate) const GET: &[u8] = b"GET /plaintext HTTP/1.1\r\nHost: x\r\n\r\n";

pub(crate) fn table() -> Vec<Case> {
    let mut table = Table::default();
    let t = &mut table;
    in_order(t);
    request_lines(t);
    lines(t);
    hosts(t);
    lengths(t);
    chunks(t);
    sizes(t);
    time(t);
    ends(t);
    table.cases
}

fn in_order(t: &mut Table) {
    t.group("In order");
    t.at_once("a GET", GET, &[200], Open);
    t.at_once(
        "a HEAD",
        "HEAD /plaintext HTTP/1.1\r\nHost: x\r\n\r\n",
        &[200],
        Open,
    );
    t.at_once("two at once", [GET, GET].concat(), &[200, 200], Open);
    t.at_once("10,000 at once", GET.repeat(10_000), &[200; 10_000], Open);
    t.at_once(
        "an empty line in front",
        [b"\r\n", GET].concat(),
        &[200],
        Open,
    );
    t.at_once(
        "HTTP/1.0",
        "GET /plaintext HTTP/1.0\r\n\r\n",
        &[200],
        Closed,
    );
    let keep = "GET /plaintext HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    t.at_once("HTTP/1.0 that keeps the connection", keep, &[200], Open);
    t.header(
        "`Connection: close`",
        "Connection: close\r\n",
        &[200],
        Closed,
    );
    let whole = "GET http://y/plaintext HTTP/1.1\r\nHost: x\r\n\r\n";
    t.at_once("a target that is a whole URI", whole, &[200], Open);
    let star = "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n";
    t.at_once("`OPTIONS *`", star, &[204], Open);
    t.length("a GET with a body", "Content-Length: 5\r\n", &[200], Open);
    let echo = "POST /echo HTTP/1.1\r\nHost: x\r\n";
    let sized = format!("{echo}Content-Length: 5\r\n\r\nhello");
    t.at_once("a POST", sized, &[200], Open);
    let chunked = format!("{echo}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    t.at_once("a POST in chunks", chunked, &[200], Open);
    let expects = format!("{echo}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    t.at_once(
        "a body that waits to be asked for",
        expects + "hello",
        &[200],
        Open,
    );
    t.header(
        "bytes beyond ASCII in a value",
        b"A: \xc3\xa9\xff\r\n",
        &[200],
        Open,
    );
    t.header("a value that is empty", "A:\r\n", &[200], Open);
    t.header("white space around a value", "A: \t b \t\r\n", &[200], Open);
}

fn request_lines(t: &mut Table) {
    let line = |line: &str| format!("{line}\r\nHost: x\r\n\r\n");
    t.group("Request lines");
    t.at_once(
        "a path where nothing is",
        line("GET /none HTTP/1.1"),
        &[404],
        Open,
    );
    t.at_once(
        "a method that is not allowed",
        line("DELETE /echo HTTP/1.1"),
        &[405],
        Open,
    );
    t.at_once(
        "a method that does not exist",
        line("BREW /plaintext HTTP/1.1"),
        &[501],
        Open,
    );
    t.at_once(
        "a method in small letters",
        line("get /plaintext HTTP/1.1"),
        &[501],
        Open,
    );
    t.at_once(
        "a method that is no token",
        line("G@T /plaintext HTTP/1.1"),
        &[400],
        Closed,
    );
    t.at_once("CONNECT", line("CONNECT x:80 HTTP/1.1"), &[405], Open);
    t.at_once(
        "CONNECT with a path",
        line("CONNECT / HTTP/1.1"),
        &[400],
        Closed,
    );
    t.at_once("`GET *`", line("GET * HTTP/1.1"), &[400], Closed);
    t.at_once(
        "a path without a slash",
        line("GET plaintext HTTP/1.1"),
        &[400],
        Closed,
    );
    t.at_once(
        "a URI of another scheme",
        line("GET ftp://x/ HTTP/1.1"),
        &[400],
        Closed,
    );
    t.at_once(
        "a URI with a user",
        line("GET http://u@x/ HTTP/1.1"),
        &[400],
        Closed,
    );
    t.at_once(
        "a URI without a host",
        line("GET http:///a HTTP/1.1"),
        &[400],
        Closed,
    );
    t.at_once("a fragment", line("GET /a#b HTTP/1.1"), &[400], Closed);
    t.at_once(
        "bytes beyond ASCII in a path",
        line("GET /é HTTP/1.1"),
        &[400],
        Closed,
    );
    t.at_once("NUL in a path", line("GET /\0 HTTP/1.1"), &[400], Closed);
    t.at_once(
        "a space in a path",
        line("GET /a b HTTP/1.1"),
        &[400],
        Closed,
    );
    t.at_once(
        "two spaces",
        line("GET  /plaintext HTTP/1.1"),
        &[400],
        Closed,
    );
    t.at_once(
        "a tab in place of a space",
        line("GET\t/plaintext HTTP/1.1"),
        &[400],
        Closed,
    );
    t.at_once(
        "a space in front",
        line(" GET /plaintext HTTP/1.1"),
        &[400],
        Closed,
    );
    t.at_once(
        "a space behind",
        line("GET /plaintext HTTP/1.1 "),
        &[400],
        Closed,
    );
    t.at_once("HTTP/2.0", line("GET /plaintext HTTP/2.0"), &[505], Closed);
    t.at_once(
        "HTTP/2's preface",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &[505],
        Closed,
    );
    t.at_once("HTTP/1.2", line("GET /plaintext HTTP/1.2"), &[505], Closed);
    t.at_once("HTTP/0.9", "GET /plaintext\r\n\r\n", &[400], Closed);
    t.at_once(
        "HTTP/1.1 in small letters",
        line("GET /plaintext http/1.1"),
        &[400],
        Closed,
    );
    t.at_once("HTTP/11", line("GET /plaintext HTTP/11"), &[400], Closed);
    t.at_once(
        "two empty lines in front",
        [b"\r\n\r\n", GET].concat(),
        &[400],
        Closed,
    );
    t.at_once(
        "the hello of TLS",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        &[400],
        Closed,
    );
}

fn lines(t: &mut Table) {
    t.group("Lines");
    t.at_once(
        "a bare LF behind the request line",
        "GET / HTTP/1.1\nHost: x\r\n\r\n",
        &[400],
        Closed,
    );
    t.header("a bare LF behind a header", "A: b\n", &[400], Closed);
    t.header("a bare LF in place of the empty line", "\n", &[400], Closed);
    t.header("a bare CR in a value", "A: b\rc\r\n", &[400], Closed);
    t.header("CR CR LF", "A: b\r\r\n", &[400], Closed);
    t.header("NUL in a value", "A: b\0\r\n", &[400], Closed);
    t.header(
        "another control character in a value",
        "A: b\x01\r\n",
        &[400],
        Closed,
    );
    t.header("DEL in a value", "A: b\x7f\r\n", &[400], Closed);
    t.header(
        "a header that is continued",
        "A: b\r\n c\r\n",
        &[400],
        Closed,
    );
    t.header(
        "one that is continued after a tab",
        "A: b\r\n\tc\r\n",
        &[400],
        Closed,
    );
    let early = "GET / HTTP/1.1\r\n Host: x\r\n\r\n";
    t.at_once(
        "white space in front of the first header",
        early,
        &[400],
        Closed,
    );
    t.header(
        "white space in front of the colon",
        "A : b\r\n",
        &[400],
        Closed,
    );
    t.header("a tab in front of the colon", "A\t: b\r\n", &[400], Closed);
    t.header("no colon", "A\r\n", &[400], Closed);
    t.header("no name", ": b\r\n", &[400], Closed);
    t.header("a name that is no token", "A(b): c\r\n", &[400], Closed);
    t.header("bytes beyond ASCII in a name", "É: b\r\n", &[400], Closed);
    t.header(
        "`Expect` of something else",
        "Expect: more\r\n",
        &[417],
        Closed,
    );
}

fn hosts(t: &mut Table) {
    let with = |lines: &str| format!("GET /plaintext HTTP/1.1\r\n{lines}\r\n");
    t.group("Hosts");
    t.at_once("none", with(""), &[400], Closed);
    t.at_once("an empty one", with("Host:\r\n"), &[200], Open);
    t.at_once(
        "an IPv6 address and a port",
        with("Host: [::1]:80\r\n"),
        &[200],
        Open,
    );
    t.at_once("two", with("Host: x\r\nHost: y\r\n"), &[400], Closed);
    t.at_once(
        "the same twice",
        with("Host: x\r\nHost: x\r\n"),
        &[400],
        Closed,
    );
    t.at_once("two words", with("Host: x y\r\n"), &[400], Closed);
    t.at_once("a user in front", with("Host: u@x\r\n"), &[400], Closed);
    t.at_once("a path behind", with("Host: x/y\r\n"), &[400], Closed);
    let old = "GET /plaintext HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n";
    t.at_once("two, in HTTP/1.0", old, &[400], Closed);
    t.at_once("none, with HEAD", "HEAD / HTTP/1.1\r\n\r\n", &[400], Closed);
}

fn lengths(t: &mut Table) {
    t.group("Lengths");
    let both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n";
    t.length("a Content-Length and chunks", both, &[400], Closed);
    let both = "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n";
    t.length("the same the other way round", both, &[400], Closed);
    t.length(
        "two",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        &[400],
        Closed,
    );
    t.length(
        "the same twice",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        &[400],
        Closed,
    );
    t.length("a list", "Content-Length: 5, 5\r\n", &[400], Closed);
    t.length("a sign", "Content-Length: +5\r\n", &[400], Closed);
    t.length("a negative one", "Content-Length: -5\r\n", &[400], Closed);
    t.length(
        "one in hexadecimal digits",
        "Content-Length: 0x5\r\n",
        &[400],
        Closed,
    );
    t.length(
        "one with a space",
        "Content-Length: 0 5\r\n",
        &[400],
        Closed,
    );
    t.length("an empty one", "Content-Length:\r\n", &[400], Closed);
    t.length(
        "digits of another script",
        "Content-Length: ٥\r\n",
        &[400],
        Closed,
    );
    t.length("leading zeros", "Content-Length: 0005\r\n", &[200], Open);
    t.length(
        "one beyond 64 bits",
        "Content-Length: 18446744073709551621\r\n",
        &[413],
        Closed,
    );
    t.length(
        "one beyond the limit",
        "Content-Length: 100001\r\n",
        &[413],
        Closed,
    );
    t.length(
        "chunks that are compressed",
        "Transfer-Encoding: gzip, chunked\r\n",
        &[501],
        Closed,
    );
    t.length(
        "compressed chunks",
        "Transfer-Encoding: chunked, gzip\r\n",
        &[400],
        Closed,
    );
    t.length(
        "chunks twice",
        "Transfer-Encoding: chunked, chunked\r\n",
        &[400],
        Closed,
    );
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
    t.length("chunks twice, in two headers", twice, &[400], Closed);
    t.length(
        "chunks, and in a second header nothing",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n",
        &[400],
        Closed,
    );
    t.length(
        "chunks behind a comma",
        "Transfer-Encoding: , chunked\r\n",
        &[400],
        Closed,
    );
    t.length("no coding", "Transfer-Encoding:\r\n", &[400], Closed);
    t.length(
        "`identity`",
        "Transfer-Encoding: identity\r\n",
        &[400],
        Closed,
    );
    t.length(
        "an unknown coding",
        "Transfer-Encoding: xchunked\r\n",
        &[400],
        Closed,
    );
    t.length(
        "chunks with a parameter",
        "Transfer-Encoding: chunked;q=1\r\n",
        &[400],
        Closed,
    );
    t.length(
        "a control character in front",
        "Transfer-Encoding: \x0bchunked\r\n",
        &[400],
        Closed,
    );
    t.length(
        "white space in front of the colon",
        "Transfer-Encoding : chunked\r\n",
        &[400],
        Closed,
    );
    let underscore = "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n";
    t.length(
        "a name with an underscore, which is another one",
        underscore,
        &[200],
        Open,
    );
    let old = "GET /plaintext HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    t.at_once("chunks in HTTP/1.0", old, &[400], Closed);
}

fn chunks(t: &mut Table) {
    t.group("Chunks");
    t.chunks("none but the last", "0\r\n\r\n", &[200], Open);
    t.chunks(
        "capitals, zeros, an extension",
        "00A;b=\"c\"\r\n0123456789\r\n0\r\n\r\n",
        &[200],
        Open,
    );
    t.chunks("trailers", "0\r\nA: b\r\nC: d\r\n\r\n", &[200], Open);
    t.chunks("no size", "\r\nhello\r\n0\r\n\r\n", &[400], Closed);
    t.chunks(
        "no size, but an extension",
        ";a\r\nhello\r\n0\r\n\r\n",
        &[400],
        Closed,
    );
    t.chunks(
        "a size that is none",
        "g\r\nhello\r\n0\r\n\r\n",
        &[400],
        Closed,
    );
    t.chunks("a sign", "+5\r\nhello\r\n0\r\n\r\n", &[400], Closed);
    t.chunks(
        "a negative size",
        "-5\r\nhello\r\n0\r\n\r\n",
        &[400],
        Closed,
    );
    t.chunks("`0x` in front", "0x5\r\nhello\r\n0\r\n\r\n", &[400], Closed);
    t.chunks(
        "a space in front",
        " 5\r\nhello\r\n0\r\n\r\n",
        &[400],
        Closed,
    );
    t.chunks("a space behind", "5 \r\nhello\r\n0\r\n\r\n", &[400], Closed);
    t.chunks(
        "a size of 64 bits",
        "ffffffffffffffff\r\nhello",
        &[413],
        Closed,
    );
    t.chunks(
        "a size beyond 64 bits",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        &[413],
        Closed,
    );
    t.chunks(
        "a bare LF behind the size",
        "5\nhello\r\n0\r\n\r\n",
        &[400],
        Closed,
    );
    t.chunks(
        "a bare CR behind the size",
        "5\rhello\r\n0\r\n\r\n",
        &[400],
        Closed,
    );
    t.chunks(
        "a chunk that is longer than its size",
        "5\r\nhello!\r\n0\r\n\r\n",
        &[400],
        Closed,
    );
    t.chunks(
        "a chunk that is shorter than its size",
        "6\r\nhello\r\n0\r\n\r\n",
        &[400],
        Closed,
    );
    t.chunks(
        "a bare LF behind the chunk",
        "5\r\nhello\n0\r\n\r\n",
        &[400],
        Closed,
    );
    t.chunks(
        "a control character in an extension",
        "5;a\0\r\nhello\r\n0\r\n\r\n",
        &[400],
        Closed,
    );
    t.chunks(
        "a bare LF in an extension",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        &[400],
        Closed,
    );
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(300));
    t.chunks("an extension of 300 bytes", long, &[400], Closed);
    t.chunks(
        "a bare LF in the trailers",
        "0\r\nA: b\n\r\n",
        &[400],
        Closed,
    );
    t.chunks(
        "trailers that are none",
        "0\r\nhello\r\n\r\n",
        &[400],
        Closed,
    );
    t.chunks(
        "a trailer that is continued",
        "0\r\nA: b\r\n c\r\n\r\n",
        &[400],
        Closed,
    );
    let many = format!("0\r\n{}\r\n", "A: b\r\n".repeat(17));
    t.chunks("17 trailers", many, &[431], Closed);
    let long = format!("0\r\nA: {}\r\n\r\n", "b".repeat(5000));
    t.chunks("a trailer of 5000 bytes", long, &[431], Closed);
    let mut body = "1\r\na\r\n".repeat(70_000);
    body.push_str("0\r\n\r\n");
    // It is too much to be thrown away only to get at the next request.
    t.chunks(
        "a body of 70,000 bytes that the handler does not read",
        body,
        &[200],
        Closed,
    );
}

fn sizes(t: &mut Table) {
    t.group("Sizes");
    let limit = limits().head_bytes;
    let head = |length: usize| {
        let frame = "GET /plaintext HTTP/1.1\r\nHost: x\r\nA: \r\n\r\n";
        frame.replace("A: ", &format!("A: {}", "a".repeat(length - frame.len())))
    };
    t.at_once(
        "a head of 8192 bytes, which is the limit",
        head(limit),
        &[200],
        Open,
    );
    t.at_once("a head of 8193 bytes", head(limit + 1), &[431], Closed);
    t.at_once("a header of 100,000 bytes", head(100_000), &[431], Closed);
    t.at_once(
        "the same without an end",
        head(100_000).trim_end(),
        &[431],
        Closed,
    );
    let line = format!("GET /{} HTTP/1.1\r\n", "a".repeat(100_000));
    t.at_once("a path of 100,000 bytes", line, &[414], Closed);
    t.header(
        "64 headers, which is the limit",
        "A: b\r\n".repeat(63),
        &[200],
        Open,
    );
    t.header("65 headers", "A: b\r\n".repeat(64), &[431], Closed);
    t.header("1500 headers", "A:\r\n".repeat(1500), &[431], Closed);
    let expects =
        "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100001\r\n\r\n";
    t.at_once(
        "a body beyond the limit, before it is sent",
        expects,
        &[413],
        Closed,
    );
}

fn time(t: &mut Table) {
    let slowly = |first: &str| Sends::Slowly(first.as_bytes().to_vec(), b"a".repeat(10_000));
    t.group("Time");
    t.row("nothing", slowly_nothing(), &[], Closed);
    t.row(
        "half a head",
        Sends::Slowly(b"GET / HT".to_vec(), Vec::new()),
        &[408],
        Closed,
    );
    t.row(
        "a byte of a head now and then",
        slowly("GET /"),
        &[408],
        Closed,
    );
    let half = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n";
    t.row(
        "a body that does not come",
        Sends::Slowly(half.into(), Vec::new()),
        &[408],
        Closed,
    );
    let head = "GET /plaintext HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n";
    t.row(
        "a byte of a body now and then",
        slowly(head),
        &[408],
        Closed,
    );
    let head = "GET /plaintext HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;";
    t.row(
        "a byte of an extension now and then",
        slowly(head),
        &[408],
        Closed,
    );
}

/// A client that connects and does nothing.
fn slowly_nothing() -> Sends {
    Sends::Slowly(Vec::new(), Vec::new())
}

fn ends(t: &mut Table) {
    let ends = |bytes: &str| Sends::AndEnds(bytes.as_bytes().to_vec());
    t.group("A client that sends no more, and reads");
    t.row("at once", ends(""), &[], Closed);
    t.row(
        "behind a request",
        Sends::AndEnds(GET.to_vec()),
        &[200],
        Closed,
    );
    t.row(
        "behind 100 requests",
        Sends::AndEnds(GET.repeat(100)),
        &[200; 100],
        Closed,
    );
    t.row(
        "within a head",
        ends("GET /plaintext HTTP/1.1\r\nHo"),
        &[],
        Closed,
    );
    let body = "GET /plaintext HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell";
    t.row("within a body", ends(body), &[], Closed);
    let chunk = "GET /plaintext HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe";
    t.row("within a chunk", ends(chunk), &[], Closed);
}
