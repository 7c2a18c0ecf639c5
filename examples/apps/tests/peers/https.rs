//! `https`, driven by curl, openssl, wrk and a browser; and `http_client` against a server of
//! Python's.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use crate::support::{Directory, Running, printed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_https");

/// Starts a server whose authority is in a directory.
fn start(directory: &Directory) -> (Running, String, String) {
    let authority = directory.file("authority.pem");
    let (server, addr) = Running::server(
        PROGRAM,
        &["--ca", &authority, "--root", &directory.file("")],
    );
    (server, addr, authority)
}

/// Runs openssl's client, which sends `input`; returns what it says.
fn openssl(args: &[&str], input: &[u8]) -> String {
    let mut client = Command::new("openssl")
        .arg("s_client")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    client.stdin.take().unwrap().write_all(input).unwrap();
    let output = client.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn curl_trusts_the_authority_and_uses_one_connection() {
    let directory = Directory::new();
    let (server, addr, authority) = start(&directory);
    let bytes: Vec<u8> = (0..3_000_000u32)
        .map(|byte| (byte * 7 % 251) as u8)
        .collect();
    fs::write(directory.file("large.bin"), &bytes).unwrap();
    for version in [
        ["--tlsv1.2", "--tls-max", "1.2"],
        ["--tlsv1.3", "--tls-max", "1.3"],
    ] {
        let base = format!("https://{addr}");
        let (plain, large) = (format!("{base}/plaintext"), format!("{base}/large.bin"));
        let back = directory.file("back.bin");
        let mut args = vec!["-sS", "--fail", "-m", "30", "--cacert", &authority];
        args.extend(version);
        args.extend([
            "-w",
            "%{num_connects} ",
            "-o",
            &back,
            &large,
            &plain,
            &plain,
        ]);
        let text = printed("curl", &args);
        println!("{text}");
        // Only the first URL has taken a connection.
        assert_eq!(text, "1 Hello, World!0 Hello, World!0 ");
        assert!(fs::read(&back).unwrap() == bytes);

        let mut args = vec!["-sS", "--fail", "-m", "30", "--cacert", &authority];
        let upload = format!("@{back}");
        let echo = format!("{base}/echo");
        let echoed = directory.file("echoed.bin");
        args.extend([
            "--data-binary",
            &upload,
            "-H",
            "Transfer-Encoding: chunked",
            "-o",
            &echoed,
            &echo,
        ]);
        printed("curl", &args);
        assert!(fs::read(&echoed).unwrap() == bytes);
    }
    // Without the authority it does not.
    let output = Command::new("curl")
        .args(["-sS", "-m", "30", &format!("https://{addr}/plaintext")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(60));
    server.stop();
}

#[test]
fn openssl_verifies_resumes_and_is_refused_what_is_old() {
    let directory = Directory::new();
    let (server, addr, authority) = start(&directory);
    let request = b"GET /plaintext HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let session = directory.file("session");
    let common = [
        "-connect",
        &addr,
        "-CAfile",
        &authority,
        "-verify_return_error",
        "-servername",
        "localhost",
        "-verify_hostname",
        "localhost",
        "-ign_eof",
    ];
    for version in ["-tls1_2", "-tls1_3"] {
        let mut args = common.to_vec();
        args.extend([version, "-alpn", "http/1.1"]);
        let text = openssl(&[&args[..], &["-sess_out", &session]].concat(), request);
        for wanted in [
            "Verify return code: 0 (ok)",
            "ALPN protocol: http/1.1",
            "HTTP/1.1 200 OK",
            "Hello, World!",
        ] {
            assert!(text.contains(wanted), "{version}: {wanted}\n{text}");
        }
        assert!(text.contains("New, TLSv1."), "{text}");
        let text = openssl(&[&args[..], &["-sess_in", &session]].concat(), request);
        assert!(
            text.contains("Reused, TLSv1.") && text.contains("Hello, World!"),
            "{text}"
        );
    }
    let mut args = common.to_vec();
    args.extend(["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    let text = openssl(&args, request);
    assert!(
        text.contains("alert") && !text.contains("HTTP/1.1 200"),
        "{text}"
    );
    let mut args = common.to_vec();
    args.extend(["-tls1_3", "-alpn", "h2"]);
    let text = openssl(&args, request);
    assert!(text.contains("alert no application protocol"), "{text}");
    // TLS 1.3's new keys in the middle, and TLS 1.2's renegotiation, which is refused.
    let mut args = common.to_vec();
    args.retain(|arg| *arg != "-ign_eof");
    args.push("-tls1_3");
    let text = openssl(&args, b"K\nGET /plaintext HTTP/1.0\r\n\r\nQ\n");
    assert!(text.contains("KEYUPDATE"), "{text}");
    server.stop();
}

#[test]
fn wrk_keeps_many_connections_busy() {
    let directory = Directory::new();
    let (server, addr, _) = start(&directory);
    let url = format!("https://{addr}/plaintext");
    let text = printed("wrk", &["-t1", "-c32", "-d2s", &url]);
    println!("{text}");
    assert!(
        text.contains("requests in") && !text.contains("Socket errors"),
        "{text}"
    );
    assert!(!text.contains("Non-2xx"), "{text}");
    server.stop();
}

#[test]
fn http_client_fetches_from_other_servers() {
    let directory = Directory::new();
    fs::write(directory.file("page"), "a page\n").unwrap();
    let mut command = Command::new("/usr/bin/python3");
    command
        .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "-d"])
        .arg(directory.path());
    let server = Running::start(&mut command);
    let line = server.line(|line| line.starts_with("Serving HTTP"));
    let port = line.split_whitespace().nth(5).unwrap();
    let url = format!("http://localhost:{port}/page");
    let text = printed(
        env!("CARGO_BIN_EXE_http_client"),
        &["--print", &url, &url, &url],
    );
    assert_eq!(text, "a page\n".repeat(3));

    // openssl's server says what it has seen of the client.
    let (key, certificate) = (directory.file("key.pem"), directory.file("certificate.pem"));
    let new = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ];
    let names = [
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ];
    printed("openssl", &[&new[..], &names[..]].concat());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let mut command = Command::new("openssl");
    command.args([
        "s_server",
        "-www",
        "-key",
        &key,
        "-cert",
        &certificate,
        "-accept",
        &port,
    ]);
    let server = Running::start(&mut command);
    server.line(|line| line == "ACCEPT");
    let url = format!("https://localhost:{port}/");
    let text = printed(
        env!("CARGO_BIN_EXE_http_client"),
        &["--ca", &certificate, "--print", &url],
    );
    assert!(text.contains("TLSv1.3"), "{text}");
}
