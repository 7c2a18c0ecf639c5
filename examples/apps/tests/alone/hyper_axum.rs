//! `hyper_axum`, by HTTP/1.1 over std's sockets; `tests/peers` has HTTP/2.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::support::{PATIENCE, Running, read_all};

const PROGRAM: &str = env!("CARGO_BIN_EXE_hyper_axum");

#[test]
fn requests_are_pipelined_and_blocking_holds_up_nobody_else() {
    let (server, addr) = Running::server(PROGRAM, &["--workers", "1"]);
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
