//! A fuzzer of the HTTP server's parsers: whatever bytes arrive, split wherever, the outcome is the
//! same as if they came at once, and nothing panics or keeps more than it may.
//!
//! `MAY_FUZZ_SECONDS` says for how long, `MAY_TEST_SEED` takes up one seed.

use may_http_example::Limits;
use may_http_example::chunked::{Decoder, Piece};
use may_http_example::head::Scan;
use may_http_example::refusal::Refusal;
use may_http_example::request::{self, Framing};
use may_tests::{Random, fuzz};

/// What there is to damage.
const SEEDS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\nPOST /a%20b?c=d HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 17\r\nConnection: keep-alive, close\r\n\r\n",
    b"PUT http://host/p HTTP/1.0\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nX:\t y \r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nhost: a\r\ncontent-length: 5, 5\r\ncontent-length: 5\r\n\r\n",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"00a;x=\"y\"\r\n0123456789\r\n1\r\n.\r\n0\r\nA: b\r\nC: d\r\n\r\nGET /",
    b"fffffffffffffff\r\n0\r\n\r\n",
];

/// What stands in what is hard to parse.
const PARTS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b"\0",
    b":",
    b",",
    b";",
    b"0",
    b"f",
    b"%",
    b"\xff",
    b"HTTP/1.1",
    b"Host: y\r\n",
    b"Content-Length: 18446744073709551616\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: chunked\r\n",
];

/// Bytes that are nearly right.
fn bytes(random: &mut Random) -> Vec<u8> {
    let mut pick = |of: &[&'static [u8]]| of[random.below(of.len() as u64) as usize];
    let mut bytes = pick(SEEDS).to_vec();
    let part = pick(PARTS);
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len() as u64 + 1) as usize;
        let end = (at + random.below(6) as usize).min(bytes.len());
        match random.below(4) {
            0 => drop(bytes.drain(at..end)),
            1 => drop(bytes.splice(at..end, part.iter().copied())),
            2 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            _ => {
                let again = bytes[at..end].repeat(1 + random.below(300) as usize);
                drop(bytes.splice(at..at, again));
            }
        }
    }
    bytes
}

/// The ends of the pieces in which so many bytes arrive.
fn pieces(length: usize, random: &mut Random) -> Vec<usize> {
    let mut ends: Vec<usize> = (0..random.below(8))
        .map(|_| random.below(length as u64 + 1) as usize)
        .collect();
    ends.push(length);
    ends.sort_unstable();
    ends
}

/// Looks for the end of a head in bytes that arrive in pieces.
fn scan(bytes: &[u8], ends: &[usize]) -> Result<Option<usize>, Refusal> {
    let mut scan = Scan::new();
    for end in ends {
        if let Some(length) = scan.advance(&bytes[..*end])? {
            return Ok(Some(length));
        }
    }
    Ok(None)
}

/// A body in chunks whose bytes arrive in pieces: what it is, how many bytes were used up to its
/// end, and whether there is one.
fn decode(bytes: &[u8], ends: &[usize]) -> (Vec<u8>, Result<Option<usize>, Refusal>) {
    let (mut decoder, mut body, mut at) = (Decoder::new(), Vec::new(), 0);
    for end in ends {
        loop {
            let (framing, piece) = match decoder.next(&bytes[at..*end]) {
                Ok(next) => next,
                Err(refusal) => return (body, Err(refusal)),
            };
            at += framing;
            match piece {
                Piece::Data(count) => {
                    assert!(count > 0 && at + count <= *end);
                    body.extend_from_slice(&bytes[at..at + count]);
                    decoder.took(count);
                    at += count;
                }
                Piece::NeedsMore => break assert_eq!(at, *end),
                Piece::End => return (body, Ok(Some(at))),
            }
        }
    }
    (body, Ok(None))
}

#[test]
fn what_arrives_in_pieces_is_what_arrives_at_once() {
    fuzz("http", |mut random| {
        let bytes = bytes(&mut random);
        let ends = pieces(bytes.len(), &mut random);
        let each: Vec<usize> = (0..=bytes.len()).collect();
        let head = scan(&bytes, &[bytes.len()]);
        assert_eq!(head, scan(&bytes, &ends), "{bytes:?} in {ends:?}");
        assert_eq!(head, scan(&bytes, &each), "{bytes:?}");
        if let Ok(Some(length)) = head {
            let mut room = request::headers();
            if let Ok(request) = request::parse(&bytes[..length], &mut room, &Limits::default()) {
                assert!(request.path == "*" || request.path.starts_with('/'));
                if let Framing::Length(length) = request.framing {
                    assert!(length <= Limits::default().body_bytes);
                }
            }
        }
        let body = decode(&bytes, &[bytes.len()]);
        assert!(body.0.len() <= bytes.len());
        assert_eq!(body, decode(&bytes, &ends), "{bytes:?} in {ends:?}");
        assert_eq!(body, decode(&bytes, &each), "{bytes:?}");
    });
}
