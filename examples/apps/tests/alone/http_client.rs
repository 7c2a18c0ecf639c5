//! `http_client`, against servers of the test's own.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::support::{PATIENCE, printed, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_http_client");

/// Calls `serve` for each connection in a thread of its own, until the test program ends.
fn server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = Arc::clone(&serve);
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            thread::spawn(move || serve(stream));
        }
    });
    addr
}

/// Reads the head of a request; false if the client has hung up.
fn read_head(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return false;
        }
        head.push(byte[0]);
    }
    true
}

#[test]
fn no_more_are_fetched_at_once_than_allowed_and_connections_are_used_again() {
    static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);
    static ACTIVE: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let addr = server(|mut stream| {
        CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        while read_head(&mut stream) {
            let active = ACTIVE.fetch_add(1, Ordering::SeqCst) + 1;
            MOST.fetch_max(active, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(20));
            ACTIVE.fetch_sub(1, Ordering::SeqCst);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
            if stream.write_all(answer).is_err() {
                return;
            }
        }
    });
    let urls: Vec<String> = (0..12)
        .map(|page| format!("http://{addr}/{page}"))
        .collect();
    let mut args = vec!["--at-once", "3"];
    args.extend(urls.iter().map(String::as_str));
    let text = printed(PROGRAM, &args);
    assert_eq!(text.matches("200        5 bytes").count(), 12, "{text}");
    assert_eq!(MOST.load(Ordering::SeqCst), 3);
    assert_eq!(CONNECTIONS.load(Ordering::Relaxed), 3);
}

#[test]
fn a_server_that_says_nothing_costs_no_more_than_the_time_allowed() {
    // One says nothing, one begins an answer and does not end it, one sends a byte now and then for
    // ever.
    let silent = server(|mut stream| while matches!(stream.read(&mut [0; 512]), Ok(1..)) {});
    let slow = server(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let urls = [silent, slow].map(|addr| format!("http://{addr}/"));
    let begin = Instant::now();
    let output = run(PROGRAM, &["--timeout-ms", "300", &urls[0], &urls[1]]);
    assert!(begin.elapsed() < PATIENCE / 2);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.matches("failed: ").count(), 2, "{text}");
    assert_eq!(text.matches("timeout").count(), 2, "{text}");
}

#[test]
fn bodies_have_a_limit_and_can_be_printed() {
    let addr = server(|mut stream| {
        if read_head(&mut stream) {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let body = "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
            while read_head(&mut stream) {}
        }
    });
    let url = format!("http://{addr}/");
    assert_eq!(printed(PROGRAM, &["--print", &url]), "abcdefg");
    let output = run(PROGRAM, &["--most-bytes", "6", &url]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("limit"), "{text}");
}

#[test]
fn what_cannot_be_reached_fails_and_the_rest_does_not() {
    let addr = server(|mut stream| {
        if read_head(&mut stream) {
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let urls = [
        format!("http://localhost:{}/missing", addr.port()),
        "http://127.0.0.1:1/".to_owned(),
        "ftp://127.0.0.1/".to_owned(),
    ];
    let output = run(PROGRAM, &[&urls[0], &urls[1], &urls[2]]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("404        0 bytes"), "{text}");
    assert_eq!(text.matches("failed: ").count(), 2, "{text}");
    let counts = String::from_utf8(output.stderr).unwrap();
    assert!(counts.contains("1 fetched, 2 failed"), "{counts}");
}
