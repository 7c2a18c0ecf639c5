//! What the tests of the HTTP server share: a server in this process, and a client that sends any
//! bytes whatever.

#![allow(dead_code, reason = "each test program uses its part")]

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use may::{
    coroutine::{self, JoinHandle},
    net::{self, Counters, Report, TcpListener},
    sync::CancelToken,
};
use may_http_example::{Limits, Server, Site, files::Files};

/// How long a client waits for what must come.
const HANG_AFTER: Duration = Duration::from_secs(30);

/// A server that runs beside a test.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) server: Arc<Server>,
    pub(crate) counters: Counters,
    shutdown: CancelToken,
    serving: JoinHandle<io::Result<Report>>,
}

impl Running {
    /// Starts one.
    pub(crate) fn start(limits: Limits) -> Running {
        Running::with(limits, None, net::Limits::new())
    }

    /// Starts one that serves files, too.
    pub(crate) fn with(limits: Limits, files: Option<Files>, connections: net::Limits) -> Running {
        let server = Arc::new(Server {
            site: Site { files },
            limits,
            ..Server::default()
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, counters) = (CancelToken::new(), Counters::new());
        let connections = connections.until(&shutdown).counters(&counters);
        let attends = server.clone();
        let serving = coroutine::spawn(move || {
            net::serve(listener, connections, |(stream, _), session| {
                attends.attend(&stream, session);
            })
        });
        Running {
            address,
            server,
            counters,
            shutdown,
            serving,
        }
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Tells it to end.
    pub(crate) fn begin_to_stop(&self) {
        self.shutdown.cancel();
    }

    /// Ends it.
    pub(crate) fn stop(self) -> Report {
        self.begin_to_stop();
        self.serving.join().unwrap().unwrap()
    }
}

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < HANG_AFTER, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A connection to a server.
pub(crate) struct Client {
    pub(crate) reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(HANG_AFTER)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client {
            reader: BufReader::new(stream),
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    /// Sends bytes. If the server has closed the connection that is no error: what it said shows
    /// when it is read.
    pub(crate) fn send(&self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream().write_all(bytes.as_ref());
    }

    /// Sends no more.
    pub(crate) fn end(&self) {
        let _ = self.stream().shutdown(Shutdown::Write);
    }

    /// Sends a GET, and returns the response.
    pub(crate) fn get(&mut self, path: &str, headers: &str) -> Response {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"));
        self.response(false).expect("an answer")
    }

    /// Reads a response; `None` if the server has closed the connection instead. One to HEAD has no
    /// body, whatever it says.
    pub(crate) fn response(&mut self, to_head: bool) -> Option<Response> {
        let mut head = String::new();
        loop {
            match self.reader.read_line(&mut head) {
                Ok(0) => {
                    assert_eq!(head, "", "half a head");
                    return None;
                }
                Ok(_) if head.ends_with("\r\n\r\n") => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no response: {error}"),
            }
        }
        let status = head.get(9..12).unwrap().parse().unwrap();
        let mut response = Response {
            status,
            head,
            body: Vec::new(),
        };
        if to_head || status < 200 || status == 204 || status == 304 {
            return Some(response);
        }
        if let Some(length) = response.header("Content-Length") {
            response.body = vec![0; length.parse().unwrap()];
            self.reader.read_exact(&mut response.body).unwrap();
        } else if response.header("Transfer-Encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                response.body.extend(chunk);
            }
        } else {
            self.reader.read_to_end(&mut response.body).unwrap();
        }
        Some(response)
    }

    /// Reads a head only.
    pub(crate) fn head(&mut self) -> Response {
        self.response(true).expect("an answer")
    }

    /// Reads a chunk; `None` behind the last one.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut size = String::new();
        self.reader.read_line(&mut size).unwrap();
        let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
        let mut data = vec![0; size + 2];
        self.reader.read_exact(&mut data).unwrap();
        assert!(data.ends_with(b"\r\n"));
        data.truncate(size);
        (size > 0).then_some(data)
    }

    /// Whether the server closes the connection, without sending more.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.reader.read(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}
