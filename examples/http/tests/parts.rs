//! The parts of the HTTP server that know nothing of sockets.

use std::{
    path::PathBuf,
    time::{Duration, UNIX_EPOCH},
};

use may_http_example::{
    Limits,
    chunked::{self, Decoder, Piece},
    date,
    files::{Range, parse_range, relative},
    head::Scan,
    refusal::Refusal,
    request::{self, Framing},
};

/// The end of a head, looked for at once.
fn scan(bytes: &[u8]) -> Result<Option<usize>, Refusal> {
    Scan::new().advance(bytes)
}

#[test]
fn a_head_ends_with_an_empty_line() {
    let head = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(scan(head), Ok(Some(head.len())));
    assert_eq!(scan(b""), Ok(None));
    let with_more = [head, b"GET / HTTP/1.1\r\n".as_slice()].concat();
    assert_eq!(scan(&with_more), Ok(Some(head.len())));
    assert_eq!(scan(b"\r\nGET / HTTP/1.1\r\n\r\n"), Ok(Some(20)));
    assert_eq!(scan(b"GET / HTTP/1.1\r\n\r\n"), Ok(Some(18)));
    assert!(scan(b"\r\n\r\n").is_err());
}

#[test]
fn a_head_may_come_byte_by_byte_and_is_refused_as_soon_as_it_is_wrong() {
    let good = b"\r\nGET / HTTP/1.1\r\nHost: x\r\nA:\r\n\r\n";
    for cut in 0..good.len() {
        let mut scan = Scan::new();
        for end in [cut, cut, good.len() - 1] {
            assert_eq!(scan.advance(&good[..end]), Ok(None), "{cut}");
        }
        assert_eq!(scan.advance(good), Ok(Some(good.len())), "{cut}");
    }
    for bad in [
        "GET / HTTP/1.1\n",
        "\n",
        "GET / HTTP/1.1\r\r",
        "GET / HTTP/1.1\rH",
        "GET / HTTP/1.1\r\nA: b\r\n ",
        "GET / HTTP/1.1\r\nA: b\r\n\t",
        "GET / HTTP/1.1\r\n ",
        " ",
        "GET /\0",
    ] {
        let mut scan = Scan::new();
        let (last, before) = bad.as_bytes().split_last().unwrap();
        assert_eq!(scan.advance(before), Ok(None), "{bad:?} without {last}");
        assert!(scan.advance(bad.as_bytes()).is_err(), "{bad:?}");
    }
}

/// What a head says, or the status with which it is refused.
fn parse<T>(head: &str, f: impl FnOnce(&request::Request<'_>) -> T) -> Result<T, u16> {
    let mut room = request::headers();
    request::parse(head.as_bytes(), &mut room, &Limits::default())
        .map(|request| f(&request))
        .map_err(|refusal| refusal.status.0)
}

#[test]
fn a_request_is_read() {
    let head = "POST /a%20b?c=d&e HTTP/1.1\r\nHost: x:80\r\nX-Y: 1\r\nx-y: 2\r\ncontent-length: 17\r\n\r\n";
    parse(head, |request| {
        assert_eq!((request.method, request.path), ("POST", "/a%20b"));
        assert_eq!(request.query, Some("c=d&e"));
        assert!(request.is_1_1 && request.keep_alive && !request.expects_continue);
        assert_eq!(request.framing, Framing::Length(17));
        assert_eq!(request.header("X-y"), Some(b"1".as_slice()));
        assert_eq!(request.header("none"), None);
    })
    .unwrap();
}

#[test]
fn the_connection_goes_on_or_not() {
    let goes_on = |line: &str, header: &str| {
        let head = format!("GET / {line}\r\nHost: x\r\n{header}\r\n");
        parse(&head, |request| request.keep_alive).unwrap()
    };
    assert!(goes_on("HTTP/1.1", ""));
    assert!(goes_on("HTTP/1.1", "Connection: keep-alive\r\n"));
    assert!(!goes_on("HTTP/1.1", "Connection: Close\r\n"));
    assert!(!goes_on("HTTP/1.1", "Connection: a, close ,b\r\n"));
    assert!(!goes_on(
        "HTTP/1.1",
        "Connection: keep-alive\r\nConnection: close\r\n"
    ));
    assert!(!goes_on("HTTP/1.0", ""));
    assert!(goes_on("HTTP/1.0", "Connection: Keep-Alive\r\n"));
    assert!(!goes_on("HTTP/1.0", "Connection: keep-alive, close\r\n"));
}

#[test]
fn targets_have_four_forms() {
    let path = |method: &str, target: &str| {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        parse(&head, |request| request.path.to_owned())
    };
    assert_eq!(path("GET", "/a/b?c").as_deref(), Ok("/a/b"));
    assert_eq!(path("GET", "http://h:1/a?b").as_deref(), Ok("/a"));
    assert_eq!(path("GET", "HTTPS://h").as_deref(), Ok("/"));
    assert_eq!(path("OPTIONS", "*").as_deref(), Ok("*"));
    assert_eq!(path("CONNECT", "h:1").as_deref(), Ok("h:1"));
    for (method, target) in [
        ("GET", "*"),
        ("GET", "a"),
        ("GET", "h:1"),
        ("GET", "ftp://h/"),
        ("GET", "http:///a"),
        ("GET", "http://u@h/"),
        ("GET", "/a#b"),
        ("CONNECT", "/"),
        ("CONNECT", "h"),
    ] {
        assert_eq!(path(method, target), Err(400), "{method} {target}");
    }
}

/// Decodes a body that comes in pieces of a certain length.
fn decode(bytes: &[u8], piece: usize) -> Result<(Vec<u8>, usize), Refusal> {
    let mut decoder = Decoder::new();
    let (mut data, mut taken, mut there) = (Vec::new(), 0, 0);
    loop {
        let (framing, next) = decoder.next(&bytes[taken..there])?;
        taken += framing;
        match next {
            Piece::Data(count) => {
                // Not all that is there, to see that the rest is kept.
                let count = count.min(3);
                data.extend_from_slice(&bytes[taken..taken + count]);
                decoder.took(count);
                taken += count;
            }
            Piece::NeedsMore if there == bytes.len() => panic!("the body does not end"),
            Piece::NeedsMore => there = (there + piece).min(bytes.len()),
            Piece::End => return Ok((data, taken)),
        }
    }
}

#[test]
fn chunks_are_taken_apart_however_they_arrive() {
    let body = b"5\r\nhello\r\n00C;name=\"v\"\r\n, wide world\r\n0\r\nA: b\r\nC:\r\n\r\n";
    let more = [body.as_slice(), b"GET /"].concat();
    for piece in 1..=more.len() {
        let (data, taken) = decode(&more, piece).unwrap();
        assert_eq!(data, b"hello, wide world");
        assert_eq!(taken, body.len(), "what follows is not the body's");
    }
    assert_eq!(decode(b"0\r\n\r\n", 1).unwrap(), (Vec::new(), 5));
}

#[test]
fn what_is_written_in_chunks_is_read_again() {
    let mut body = Vec::new();
    for data in [b"one".as_slice(), b"", &[b'x'; 1000]] {
        chunked::encode(data, &mut body);
    }
    body.extend_from_slice(chunked::END);
    let (data, taken) = decode(&body, 7).unwrap();
    assert_eq!((data.len(), taken), (1003, body.len()));
}

#[test]
fn any_bytes_as_chunks_are_decoded_or_refused() {
    // A generator of numbers that is the same each time (Marsaglia's).
    let mut state = 0x9e37_79b9_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    let alphabet = b"0015aF;=\r\n\r\n\r\n :\t\0x";
    let (mut ended, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let length = random(40);
        let bytes: Vec<u8> = (0..length)
            .map(|_| alphabet[random(alphabet.len())])
            .collect();
        let mut decoder = Decoder::new();
        let mut rest = bytes.as_slice();
        loop {
            match decoder.next(rest) {
                Ok((framing, Piece::Data(count))) => {
                    assert!(count > 0 && framing + count <= rest.len());
                    rest = &rest[framing + count..];
                    decoder.took(count);
                }
                Ok((framing, Piece::NeedsMore)) => {
                    assert_eq!(framing, rest.len());
                    break;
                }
                Ok((_, Piece::End)) => {
                    ended += 1;
                    break;
                }
                Err(_) => {
                    refused += 1;
                    break;
                }
            }
        }
    }
    assert!(ended > 0 && refused > 0, "{ended} ended, {refused} refused");
}

#[test]
fn dates_are_as_http_writes_them() {
    let date = |seconds| {
        let date = date::format(UNIX_EPOCH + Duration::from_secs(seconds));
        String::from_utf8(date.to_vec()).unwrap()
    };
    for (seconds, expected) in [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
        (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 GMT"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        assert_eq!(date(seconds), expected);
    }
    assert_eq!(date::now().len(), date::LENGTH);
}

#[test]
fn paths_lead_to_files_below_the_directory_only() {
    let of = |path: &str| relative(path).map_err(|refusal| refusal.status.0);
    let is = |path: &str| Ok(Some(PathBuf::from(path)));
    assert_eq!(of("/"), is(""));
    assert_eq!(of("/a/b.txt"), is("a/b.txt"));
    assert_eq!(of("/a/"), is("a"));
    assert_eq!(of("/a%20b/%C3%A9"), is("a b/é"));
    // It is decoded once.
    assert_eq!(of("/%252e"), is("%2e"));
    for none in [
        "/..",
        "/a/../b",
        "/%2e%2e/a",
        "/.%2E/a",
        "/.git/config",
        "/%2egit",
        "/a%2fb",
        "/a%2F..%2Fb",
        "/a%5c..",
        "/a\\b",
        "/C:",
        "/a%00",
        "//a",
        "/a//b",
        "//",
        "/%ff",
    ] {
        assert_eq!(of(none), Ok(None), "{none}");
    }
    for bad in ["/%", "/%4", "/%zz", "/%4g", "/%+4"] {
        assert_eq!(of(bad), Err(400), "{bad}");
    }
}

#[test]
fn ranges_are_parts_of_files() {
    let of = |value: &str, length| parse_range(value.as_bytes(), length);
    let part = |from, to| Range::Part { from, to };
    assert_eq!(of("bytes=0-0", 10), part(0, 0));
    assert_eq!(of("bytes=2-5", 10), part(2, 5));
    assert_eq!(of("bytes=2-99", 10), part(2, 9));
    assert_eq!(of("bytes=2-", 10), part(2, 9));
    assert_eq!(of("bytes=-3", 10), part(7, 9));
    assert_eq!(of("bytes=-30", 10), part(0, 9));
    for outside in ["bytes=10-", "bytes=10-11", "bytes=-0"] {
        assert_eq!(of(outside, 10), Range::Outside, "{outside}");
    }
    assert_eq!(of("bytes=0-", 0), Range::Outside);
    assert_eq!(of("bytes=-1", 0), Range::Outside);
    for whole in [
        "bytes=5-2",
        "bytes=a-b",
        "bytes=0-1,3-4",
        "lines=1-2",
        "bytes=",
        "bytes=-",
        "bytes=+1-2",
    ] {
        assert_eq!(of(whole, 10), Range::Whole, "{whole}");
    }
    assert_eq!(of("bytes=99999999999999999999-", 10), Range::Whole);
}
