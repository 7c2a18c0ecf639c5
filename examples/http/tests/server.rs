//! The HTTP server as its clients see it: pipelining, bodies that come while the answer goes,
//! files, limits, and the end.

mod support;

use std::{
    fs,
    io::Read,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use may::net;
use may_http_example::{Limits, files::Files};
use support::{Client, Running, eventually};

/// A GET that is in order.
const GET: &[u8] = b"GET /plaintext HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn the_answers_have_the_shapes_of_the_benchmarks() {
    let server = Running::start(Limits::default());
    let mut client = server.connect();
    let plain = client.get("/plaintext", "");
    assert_eq!((plain.status, plain.text()), (200, "Hello, World!"));
    assert_eq!(plain.header("Content-Type"), Some("text/plain"));
    let json = client.get("/json", "");
    assert_eq!(json.text(), r#"{"message":"Hello, World!"}"#);
    assert_eq!(json.header("Content-Type"), Some("application/json"));
    for response in [plain, json] {
        assert!(response.header("Server").is_some());
        let date = response.header("Date").unwrap();
        assert!(date.len() == 29 && date.ends_with(" GMT"), "{date}");
        assert_eq!(response.header("Connection"), None);
        assert_eq!(
            response.header("Content-Length"),
            Some(response.body.len().to_string().as_str())
        );
    }
    server.stop();
}

#[test]
fn a_batch_of_requests_costs_one_read_and_one_write() {
    const BATCHES: u64 = 50;
    const REQUESTS: usize = 16;
    let server = Running::start(Limits::default());
    let mut client = server.connect();
    for _ in 0..BATCHES {
        client.send(GET.repeat(REQUESTS));
        for _ in 0..REQUESTS {
            assert_eq!(client.response(false).unwrap().status, 200);
        }
    }
    drop(client);
    let shared = server.server.clone();
    server.stop();
    let traffic = &shared.traffic;
    let requests = traffic.requests.load(Ordering::Relaxed);
    let (reads, writes) = (
        traffic.reads.load(Ordering::Relaxed),
        traffic.writes.load(Ordering::Relaxed),
    );
    println!("{requests} requests, {reads} reads, {writes} writes");
    assert_eq!(requests, BATCHES * REQUESTS as u64);
    // A batch may arrive in two parts, for reasons of the operating system's; most do not.
    assert!(reads <= BATCHES + BATCHES / 5, "{reads} reads");
    assert!(writes <= BATCHES + BATCHES / 5, "{writes} writes");
}

#[test]
fn answers_come_in_the_order_of_the_requests() {
    let server = Running::start(Limits::default());
    let mut client = server.connect();
    let mut requests = String::new();
    for number in 0..300 {
        let body = format!("request {number}");
        requests += &format!(
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        requests += "GET /none HTTP/1.1\r\nHost: x\r\n\r\nHEAD /json HTTP/1.1\r\nHost: x\r\n\r\n";
    }
    client.send(requests);
    for number in 0..300 {
        let echo = client.response(false).unwrap();
        assert_eq!(echo.text(), format!("request {number}"));
        assert_eq!(client.response(false).unwrap().status, 404);
        let head = client.response(true).unwrap();
        assert_eq!(head.header("Content-Length"), Some("27"));
    }
    server.stop();
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let server = Running::start(Limits::default());
    let mut client = server.connect();
    let request =
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\n, x\r\n0\r\n\r\n";
    for byte in request {
        client.send([*byte]);
    }
    assert_eq!(client.response(false).unwrap().text(), "hello, x");
    assert_eq!(client.get("/json", "").status, 200);
    server.stop();
}

#[test]
fn a_body_is_sent_back_while_it_comes() {
    let server = Running::start(Limits::default());
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (number, text) in ["one", "two", "three"].into_iter().enumerate() {
        client.send(format!("{:x}\r\n{text}\r\n", text.len()));
        if number == 0 {
            assert_eq!(client.head().header("Transfer-Encoding"), Some("chunked"));
        }
        // Before the next one is sent.
        assert_eq!(client.chunk().as_deref(), Some(text.as_bytes()));
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.chunk(), None);
    assert_eq!(client.get("/plaintext", "").status, 200);
    server.stop();
}

#[test]
fn an_error_behind_the_beginning_of_an_answer_takes_nothing_back() {
    let server = Running::start(Limits::default());
    let mut client = server.connect();
    // All at once, so that no answer has been sent when the error is found.
    let echo =
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n!\r\n";
    client.send([GET, echo.as_bytes(), GET].concat());
    assert_eq!(client.response(false).unwrap().text(), "Hello, World!");
    assert_eq!(client.head().status, 200);
    assert_eq!(client.chunk().as_deref(), Some(b"hello".as_slice()));
    // The last chunk is missing, and what stood behind the error is not read.
    assert!(client.is_closed());
    server.stop();
}

#[test]
fn a_large_body_is_sent_back() {
    const LENGTH: usize = 10_000_000;
    let server = Running::start(Limits::default());
    let mut client = server.connect();
    let body: Vec<u8> = (0..LENGTH).map(|i| (i % 251) as u8).collect();
    let writer = client.stream().try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            use std::io::Write;
            let head =
                format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {LENGTH}\r\n\r\n");
            (&writer).write_all(head.as_bytes()).unwrap();
            (&writer).write_all(&body).unwrap();
        });
        let response = client.response(false).unwrap();
        assert!(response.body == body);
    });
    server.stop();
}

#[test]
fn for_http_1_0_an_answer_of_unknown_length_ends_with_the_connection() {
    let server = Running::start(Limits::default());
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello");
    let response = client.response(false).unwrap();
    assert_eq!(response.text(), "hello");
    assert_eq!(response.header("Transfer-Encoding"), None);
    assert_eq!(response.header("Connection"), Some("close"));
    server.stop();
}

#[test]
fn a_body_that_waits_is_asked_for_only_if_it_is_wanted() {
    let server = Running::start(Limits::default());
    let expects = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n"
        )
    };
    let mut client = server.connect();
    client.send(expects("/echo"));
    assert_eq!(client.response(false).unwrap().status, 100);
    client.send("hello");
    assert_eq!(client.response(false).unwrap().text(), "hello");

    client.send(expects("/plaintext"));
    let response = client.response(false).unwrap();
    assert_eq!(response.status, 405);
    // Whether the body comes cannot be known, so there is no way to the next request.
    assert_eq!(response.header("Connection"), Some("close"));
    assert!(client.is_closed());
    server.stop();
}

#[test]
fn a_client_that_does_not_read_is_given_up() {
    let server = Running::start(Limits {
        transfer_time: Duration::from_millis(100),
        rate: 1_000_000_000,
        ..Limits::default()
    });
    let client = server.connect();
    let writer = client.stream().try_clone().unwrap();
    writer
        .set_write_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    // Requests, until the server takes no more because its answers are not taken.
    let sending = thread::spawn(move || {
        use std::io::Write;
        let requests = GET.repeat(1000);
        while (&writer).write_all(&requests).is_ok() {}
    });
    eventually("it is given up", || server.counters.report().completed == 1);
    drop(client);
    sending.join().unwrap();
    server.stop();
}

#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let server = Running::start(Limits::default());
    for _ in 0..20 {
        let mut client = server.connect();
        client.send("GET / HTTP/1.1\r\nBroken\r\n\r\n");
        // What arrives at a closed socket would make the system throw the answer away.
        for _ in 0..10 {
            client.send([b'x'; 10_000]);
        }
        assert_eq!(client.response(false).unwrap().status, 400);
        assert!(client.is_closed());
    }
    server.stop();
}

#[test]
fn at_the_end_what_is_being_answered_is_answered_and_the_idle_are_let_go() {
    let limits = net::Limits::new().grace(Duration::from_secs(60));
    let server = Running::with(Limits::default(), None, limits);
    let (mut idle, mut half, mut echo) = (server.connect(), server.connect(), server.connect());
    assert_eq!(idle.get("/json", "").status, 200);
    // One and a half at once: when the one is answered, the half has been read.
    half.send([GET, b"GET /plaintext HT"].concat());
    assert_eq!(half.response(false).unwrap().status, 200);
    echo.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    assert_eq!(echo.head().status, 200);
    assert_eq!(echo.chunk().as_deref(), Some(b"one".as_slice()));

    server.begin_to_stop();
    assert!(idle.is_closed());
    eventually("the idle one has gone", || {
        server.counters.report().open == 2
    });
    half.send("TP/1.1\r\nHost: x\r\n\r\n");
    let response = half.response(false).unwrap();
    assert_eq!((response.status, response.text()), (200, "Hello, World!"));
    assert_eq!(response.header("Connection"), Some("close"));
    assert!(half.is_closed());
    echo.send("3\r\ntwo\r\n0\r\n\r\n");
    assert_eq!(echo.chunk().as_deref(), Some(b"two".as_slice()));
    assert_eq!(echo.chunk(), None);
    assert!(echo.is_closed());
    drop((idle, half, echo));
    let report = server.stop();
    assert_eq!((report.accepted, report.completed), (3, 3), "{report:?}");
}

/// A directory that is there for a test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("may-http-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Directory(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_are_served() {
    let directory = Directory::new();
    directory.write("site/index.html", "<p>home");
    directory.write("site/a b/é.TXT", "text");
    directory.write("site/a b/index.html", "<p>a b");
    directory.write("site/empty", "");
    directory.write("site/.secret", "secret");
    directory.write("outside.txt", "outside");
    let large: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 253) as u8).collect();
    directory.write("site/large.bin", &large);
    #[cfg(unix)]
    for (link, target) in [("out", "../outside.txt"), ("up", ".."), ("in", "large.bin")] {
        std::os::unix::fs::symlink(target, directory.0.join("site").join(link)).unwrap();
    }
    let files = Files::new(directory.0.join("site")).unwrap();
    let server = Running::with(Limits::default(), Some(files), net::Limits::new());
    let mut client = server.connect();

    let home = client.get("/", "");
    assert_eq!((home.status, home.text()), (200, "<p>home"));
    assert_eq!(
        home.header("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    let text = client.get("/a%20b/%c3%a9.TXT?query", "");
    assert_eq!((text.status, text.text()), (200, "text"));
    assert_eq!(
        text.header("Content-Type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(client.get("/a%20b/", "").text(), "<p>a b");
    let moved = client.get("/a%20b", "");
    assert_eq!(
        (moved.status, moved.header("Location")),
        (301, Some("/a%20b/"))
    );
    assert_eq!(client.get("/empty", "").body, b"");
    assert!(client.get("/large.bin", "").body == large);
    client.send("HEAD /large.bin HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(client.head().header("Content-Length"), Some("3000000"));

    for none in [
        "/none",
        "/.secret",
        "/%2esecret",
        "/../outside.txt",
        "/..%2foutside.txt",
        "/empty/",
        "/empty/x",
    ] {
        assert_eq!(client.get(none, "").status, 404, "{none}");
    }
    assert_eq!(client.get("/%zz", "").status, 400);
    let mut client = server.connect();
    #[cfg(unix)]
    {
        // A link may lead to where one could go anyway.
        assert!(client.get("/in", "").body == large);
        for out in ["/out", "/up/outside.txt", "/up/", "/up"] {
            assert_eq!(client.get(out, "").status, 404, "{out}");
        }
    }

    let modified = home.header("Last-Modified").unwrap();
    let same = client.get("/", &format!("If-Modified-Since: {modified}\r\n"));
    assert_eq!((same.status, same.body.len()), (304, 0));
    let other = client.get("/", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
    assert_eq!(other.status, 200);

    let tagged = format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {modified}\r\n");
    assert_eq!(client.get("/", &tagged).status, 200);

    client.send("HEAD /large.bin HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\n\r\n");
    let whole = client.head();
    assert_eq!(
        (whole.status, whole.header("Content-Length")),
        (200, Some("3000000"))
    );
    let part = client.get("/large.bin", "Range: bytes=1000000-1999999\r\n");
    assert_eq!(part.status, 206);
    assert_eq!(
        part.header("Content-Range"),
        Some("bytes 1000000-1999999/3000000")
    );
    assert!(part.body == large[1_000_000..2_000_000]);
    let outside = client.get("/large.bin", "Range: bytes=3000000-\r\n");
    assert_eq!(
        (outside.status, outside.header("Content-Range")),
        (416, Some("bytes */3000000"))
    );
    let changed = "Range: bytes=0-9\r\nIf-Range: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
    assert_eq!(client.get("/large.bin", changed).status, 200);
    server.stop();
}

#[test]
fn a_file_that_is_not_read_to_its_end_is_given_up() {
    let directory = Directory::new();
    directory.write("large", vec![0; 50_000_000]);
    let limits = Limits {
        transfer_time: Duration::from_millis(100),
        ..Limits::default()
    };
    let files = Files::new(&directory.0).unwrap();
    let server = Running::with(limits, Some(files), net::Limits::new());
    let mut client: Client = server.connect();
    client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    client.reader.read_exact(&mut [0; 1000]).unwrap();
    eventually("it is given up", || server.counters.report().completed == 1);
    server.stop();
}
