//! `hyper_axum`, driven by curl, h2load, nghttp and wrk.

use std::process::Command;

use crate::support::{Directory, Running, printed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_hyper_axum");

#[test]
fn curl_speaks_both_versions_with_and_without_tls() {
    let directory = Directory::new();
    let authority = directory.file("authority.pem");
    let (plain, plain_addr) = Running::server(PROGRAM, &[]);
    let (tls, tls_addr) = Running::server(PROGRAM, &["--ca", &authority]);
    let ways = [
        (format!("http://{plain_addr}"), "--http1.1", "HTTP/1\n"),
        (
            format!("http://{plain_addr}"),
            "--http2-prior-knowledge",
            "HTTP/2\n",
        ),
        (format!("https://{tls_addr}"), "--http1.1", "HTTP/1\n"),
        (format!("https://{tls_addr}"), "--http2", "HTTP/2\n"),
    ];
    let large = directory.file("large");
    let bytes: Vec<u8> = (0..5_000_000u32)
        .map(|byte| (byte * 7 % 251) as u8)
        .collect();
    std::fs::write(&large, &bytes).unwrap();
    for (number, (base, way, version)) in ways.into_iter().enumerate() {
        let ask = |path: &str, args: &[&str]| {
            let url = format!("{base}{path}");
            let common = ["-sS", "-m", "60", "--cacert", &authority, way];
            printed("curl", &[&common[..], args, &[&url]].concat())
        };
        let status = ["-o", "/dev/null", "-w", "%{http_code}"];
        assert_eq!(ask("/version", &[]), version);
        assert_eq!(ask("/json", &[]), r#"{"message":"Hello, World!"}"#);
        assert_eq!(ask("/ticks/3", &[]), "tick 1\ntick 2\ntick 3\n");
        assert_eq!(ask("/block/20", &[]), "awake\n");
        let note = format!("/notes/n{number}");
        assert_eq!(
            ask(
                &note,
                &[&status[..], &["-X", "PUT", "-d", "a note"]].concat()
            ),
            "201"
        );
        assert_eq!(ask(&note, &[]), "a note");
        assert_eq!(
            ask(&note, &[&status[..], &["-X", "DELETE"]].concat()),
            "204"
        );
        assert_eq!(ask(&note, &status), "404");
        let data = format!("@{large}");
        // What is longer than a note may be is not read to its end, and the client gets to know
        // why.
        let upload = ["-X", "PUT", "--data-binary", &data];
        assert_eq!(ask(&note, &[&status[..], &upload].concat()), "413");
        let back = directory.file("back");
        ask("/echo", &["--data-binary", &data, "-o", &back]);
        assert!(std::fs::read(&back).unwrap() == bytes, "{base} {way}");
    }
    plain.stop();
    tls.stop();
}

#[test]
fn streams_of_one_connection_do_not_wait_for_each_other() {
    let (server, addr) = Running::server(PROGRAM, &[]);
    let urls: Vec<String> = (0..20)
        .map(|number| format!("http://{addr}/block/{}", 300 + number))
        .collect();
    let mut args = vec!["-v", "-n"];
    args.extend(urls.iter().map(String::as_str));
    let begin = std::time::Instant::now();
    let text = printed("nghttp", &args);
    // One after the other would be six seconds.
    assert!(begin.elapsed().as_secs() < 4, "{:?}", begin.elapsed());
    assert_eq!(text.matches(":status: 200").count(), 20, "{text}");
    server.stop();
}

#[test]
fn load_from_h2load_and_wrk() {
    let (server, addr) = Running::server(PROGRAM, &[]);
    let url = format!("http://{addr}/plaintext");
    let text = printed("h2load", &["-n", "20000", "-c", "10", "-m", "50", &url]);
    println!("{text}");
    assert!(
        text.contains("20000 succeeded, 0 failed, 0 errored"),
        "{text}"
    );
    let text = printed("wrk", &["-t1", "-c32", "-d2s", &url]);
    println!("{text}");
    assert!(
        !text.contains("Socket errors") && !text.contains("Non-2xx"),
        "{text}"
    );
    server.stop();
}

#[test]
fn nghttp_is_told_that_the_server_stops_and_gets_its_answer() {
    let (server, addr) = Running::server(PROGRAM, &[]);
    let mut client = Command::new("stdbuf");
    client
        .args(["-oL", "nghttp"])
        .args(["-v", &format!("http://{addr}/ticks/100")]);
    let client = Running::start(&mut client);
    client.line(|line| line.contains("tick 3"));
    server.stop();
    let (status, text) = client.wait();
    assert!(status.success(), "{text}");
    assert!(
        text.contains("recv GOAWAY frame") && text.contains("tick 100"),
        "{text}"
    );
}
