//! `hyper_axum` over std's sockets, by HTTP/1.1 for the most part; `tests/peers` has HTTP/2.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::mpsc,
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use may::{coroutine, go, net::TcpListener, sync::CancelToken};
use may_apps::hyper_axum::{self, Limits};

use crate::support::{PATIENCE, Running, read_all};

const PROGRAM: &str = env!("CARGO_BIN_EXE_hyper_axum");

#[test]
fn requests_are_pipelined_and_blocking_holds_up_nobody_else() {
    let (server, addr) = Running::server(PROGRAM, &[]);
    let mut blocked = TcpStream::connect(&addr).unwrap();
    blocked
        .write_all(b"GET /block/60000 HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut stream = TcpStream::connect(&addr).unwrap();
    let mut requests = "GET /plaintext HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    requests += "GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(requests.as_bytes()).unwrap();
    let text = String::from_utf8(read_all(&mut stream)).unwrap();
    assert_eq!(text.matches("\r\n\r\nHello, World!").count(), 100);
    assert!(text.ends_with("\r\n\r\nHTTP/1\n"), "{text}");
    drop(blocked);
    // The one who is blocked is cut off when the grace is over, not before.
    drop(server);
}

#[test]
fn one_who_says_nothing_or_half_is_cut_off() {
    let (server, addr) = Running::server(PROGRAM, &["--head-time", "0.3"]);
    for begun in [
        "",
        "P",
        "PRI * HT",
        "GET / HTTP/1.1\r\nX",
        "GET /plaintext HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let begin = Instant::now();
        let mut stream = TcpStream::connect(&addr).unwrap();
        stream.write_all(begun.as_bytes()).unwrap();
        read_all(&mut stream);
        let took = begin.elapsed();
        assert!(
            took >= Duration::from_millis(300) && took < PATIENCE / 2,
            "{begun}: {took:?}"
        );
    }
    server.stop();
}

#[test]
fn one_who_does_not_take_its_answer_is_cut_off() {
    let (server, addr) = Running::server(PROGRAM, &["--patience", "0.5"]);
    let mut stream = TcpStream::connect(&addr).unwrap();
    stream
        .set_write_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        .unwrap();
    let part = vec![b'x'; 65536];
    let cut_off = (0..16_000).find_map(|_| stream.write_all(&part).err());
    assert!(cut_off.is_some(), "all of it was taken");
    drop(server);
}

#[test]
fn the_server_ends_what_it_has_begun() {
    let (server, addr) = Running::server(PROGRAM, &[]);
    let mut stream = TcpStream::connect(&addr).unwrap();
    stream
        .write_all(b"GET /ticks/100 HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut begun = [0; 15];
    stream.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200 OK");
    let idle = TcpStream::connect(&addr).unwrap();
    server.stop();
    let text = String::from_utf8(read_all(&mut stream)).unwrap();
    assert!(text.contains("tick 100\n"), "{text}");
    drop(idle);
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// What a client of HTTP/2 says to get `/`: preface, settings, and a head that ends the request.
fn get_by_http_2() -> Vec<u8> {
    // GET, http, / and an authority, as HPACK has them in its table.
    let head = [&[0x82, 0x86, 0x84, 0x41, 1], b"x".as_slice()].concat();
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[]),
        frame(1, 0x5, 1, &head),
    ]
    .concat()
}

#[test]
fn a_handler_that_blocks_ends_with_its_connection() {
    /// Tells when it is dropped.
    struct Ends(mpsc::Sender<&'static str>);

    impl Drop for Ends {
        fn drop(&mut self) {
            let _ = self.0.send("ended");
        }
    }

    let (sender, events) = mpsc::channel();
    let handler = move || {
        let events = sender.clone();
        async move {
            events.send("begun").unwrap();
            let _ends = Ends(events);
            coroutine::sleep(Duration::from_secs(3600));
        }
    };
    let app = Router::new().route("/", get(handler));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let serving = go!(move || {
        let stopping = CancelToken::new();
        let _ = hyper_axum::serve(stream, &app, &Limits::default(), &stopping);
    });
    client.write_all(&get_by_http_2()).unwrap();
    assert_eq!(events.recv_timeout(PATIENCE), Ok("begun"));
    drop(client);
    assert_eq!(events.recv_timeout(PATIENCE), Ok("ended"));
    serving.join().unwrap();
}
