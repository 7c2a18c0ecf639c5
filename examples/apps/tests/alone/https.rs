//! `https`, driven by `http_client` and by rustls over std's sockets.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
    version::{TLS12, TLS13},
};

use crate::support::{Directory, PATIENCE, Running, printed, read_all, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_https");
const CLIENT: &str = env!("CARGO_BIN_EXE_http_client");

/// A server, where it is, and the file in which its authority is.
struct Server {
    running: Running,
    addr: String,
    directory: Directory,
}

impl Server {
    fn start(args: &[&str]) -> Server {
        let directory = Directory::new();
        let authority = directory.file("authority.pem");
        fs::write(directory.file("page.txt"), "a page").unwrap();
        let root = directory.file("");
        let mut all = vec!["--ca", &authority, "--root", &root];
        all.extend(args);
        let (running, addr) = Running::server(PROGRAM, &all);
        Server {
            running,
            addr,
            directory,
        }
    }

    fn authority(&self) -> String {
        self.directory.file("authority.pem")
    }

    /// What a client that trusts the server presents itself with.
    fn client(&self, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(self.authority()).unwrap())
            .unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }

    fn connect(&self, config: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
        let stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let name = "localhost".try_into().unwrap();
        let tls = ClientConnection::new(Arc::clone(config), name).unwrap();
        StreamOwned::new(tls, stream)
    }
}

#[test]
fn our_client_trusts_our_server_if_it_is_told_to() {
    let server = Server::start(&[]);
    let port = server.addr.rsplit(':').next().unwrap();
    let urls = [
        format!("https://{}/plaintext", server.addr),
        format!("https://localhost:{port}/json"),
        format!("https://localhost:{port}/page.txt"),
    ];
    let text = printed(
        CLIENT,
        &[
            "--ca",
            &server.authority(),
            "--print",
            "--at-once",
            "1",
            &urls[0],
            &urls[1],
            &urls[2],
        ],
    );
    assert_eq!(text, "Hello, World!{\"message\":\"Hello, World!\"}a page");

    let output = run(CLIENT, &[&urls[0]]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("UnknownIssuer"), "{text}");
    // Another name than those in the certificate.
    let other = Server::start(&["--names", "example.org"]);
    let url = format!("https://{}/plaintext", other.addr);
    let output = run(CLIENT, &["--ca", &other.authority(), &url]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("certificate not valid for name"), "{text}");
    server.running.stop();
    other.running.stop();
}

#[test]
fn both_versions_answer_many_requests_and_end_in_good_order() {
    let server = Server::start(&[]);
    for version in [&TLS12, &TLS13] {
        let config = server.client(version);
        for first in [true, false] {
            let mut stream = server.connect(&config);
            let body = "~".repeat(200_000);
            let length = body.len();
            for _ in 0..20 {
                stream
                    .write_all(b"GET /plaintext HTTP/1.1\r\nHost: x\r\n\r\n")
                    .unwrap();
            }
            let post = format!(
                "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
            );
            stream.write_all(post.as_bytes()).unwrap();
            stream.write_all(body.as_bytes()).unwrap();
            let mut text = String::new();
            // It is an error if the connection is cut off instead of ended.
            stream.read_to_string(&mut text).unwrap();
            assert_eq!(text.matches("\r\n\r\nHello, World!").count(), 20);
            assert_eq!(text.matches('~').count(), length, "{version:?}");
            // Who comes again, comes with a ticket.
            let kind = match first {
                true => HandshakeKind::Full,
                false => HandshakeKind::Resumed,
            };
            assert_eq!(stream.conn.handshake_kind(), Some(kind));
        }
    }
    server.running.stop();
}

#[test]
fn what_is_no_tls_is_told_so_and_what_says_nothing_is_cut_off() {
    let server = Server::start(&["--handshake-ms", "300"]);
    let mut plain = TcpStream::connect(&server.addr).unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    // An alert: its type, the version, its length, "fatal", and which.
    let answer = read_all(&mut plain);
    assert_eq!((answer[0], answer[5]), (21, 2), "{answer:?}");

    let begin = Instant::now();
    let mut silent = TcpStream::connect(&server.addr).unwrap();
    assert_eq!(read_all(&mut silent), b"");
    assert!(begin.elapsed() >= Duration::from_millis(300));
    // A byte now and then does not help.
    let mut slow = TcpStream::connect(&server.addr).unwrap();
    let mut begun = 0;
    for byte in [22, 3, 1, 2, 0].into_iter().cycle() {
        if slow.write_all(&[byte]).is_err() {
            break;
        }
        begun += 1;
        std::thread::sleep(Duration::from_millis(20));
        assert!(begin.elapsed() < PATIENCE);
    }
    assert!(begun < 100, "{begun}");
    server.running.stop();
}

#[test]
fn the_server_ends_although_clients_are_connected() {
    let server = Server::start(&[]);
    let config = server.client(&TLS13);
    let mut stream = server.connect(&config);
    stream
        .write_all(b"GET /plaintext HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut answer = [0; 17];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK\r\n");
    // One who has said nothing yet is not waited for, neither for the handshake nor for the grace,
    // which are 10 s both.
    let silent = TcpStream::connect(&server.addr).unwrap();
    let begin = Instant::now();
    server.running.stop();
    assert!(begin.elapsed() < Duration::from_secs(8));
    drop(silent);
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("\r\n\r\nHello, World!"), "{rest}");
}
