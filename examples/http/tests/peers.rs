//! The HTTP server with clients that others wrote: curl and wrk. They have to be installed, so this
//! is run with the feature `peers` only.

mod support;

use std::{fs, process::Command};

use may::net;
use may_http_example::{Limits, files::Files};
use support::Running;

/// Runs a program that must succeed, and returns what it printed.
fn printed(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("{program} has to be installed: {error}"));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {args:?}: {}\n{complaints}",
        output.status
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs curl, which fails if it does not understand the server.
fn curl(args: &[&str]) -> String {
    let common = ["--silent", "--show-error", "--max-time", "20"];
    printed("curl", &[&common, args].concat())
}

#[test]
fn curl_gets_what_there_is() {
    let server = Running::start(Limits::default());
    let url = |path: &str| format!("http://{}{path}", server.address);
    assert_eq!(curl(&["--fail", &url("/plaintext")]), "Hello, World!");
    assert_eq!(
        curl(&["--fail", "--http1.0", &url("/plaintext")]),
        "Hello, World!"
    );
    assert_eq!(
        curl(&["--fail", &url("/json")]),
        r#"{"message":"Hello, World!"}"#
    );
    let head = curl(&["--fail", "--head", &url("/json")]);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Length: 27\r\n"), "{head}");
    let code = |args: &[&str]| {
        curl(
            &[
                &["--output", "/dev/null", "--write-out", "%{http_code}"],
                args,
            ]
            .concat(),
        )
    };
    assert_eq!(code(&[&url("/none")]), "404");
    assert_eq!(code(&["--request", "DELETE", &url("/echo")]), "405");
    assert_eq!(
        code(&["--request-target", "*", "--request", "OPTIONS", &url("/")]),
        "204"
    );
    server.stop();
}

#[test]
fn curl_keeps_the_connection() {
    let server = Running::start(Limits::default());
    let url = format!("http://{}/plaintext", server.address);
    let texts = curl(&["--fail", &url, &url, &url, &url]);
    assert_eq!(texts, "Hello, World!".repeat(4));
    assert_eq!(server.stop().accepted, 1);
}

#[test]
fn curl_sends_bodies_of_all_kinds() {
    let server = Running::start(Limits::default());
    let url = format!("http://{}/echo", server.address);
    let path = std::env::temp_dir().join(format!("may-http-peers-{}", std::process::id()));
    let body: String = (0..400_000).map(|i| format!("{i}\n")).collect();
    fs::write(&path, &body).unwrap();
    let file = path.to_str().unwrap();
    let post = ["--fail", "--request", "POST", "--upload-file", file, &url];
    // With its length, and asking first, as curl does by itself with a body like this.
    assert!(curl(&post) == body);
    let asks = ["--header", "Expect: 100-continue"];
    assert!(curl(&[&asks, post.as_slice()].concat()) == body);
    // In chunks.
    let chunked = ["--header", "Transfer-Encoding: chunked"];
    assert!(curl(&[&chunked, post.as_slice()].concat()) == body);
    // To a client that speaks an older version.
    assert!(curl(&[&["--http1.0"], post.as_slice()].concat()) == body);
    fs::remove_file(&path).unwrap();
    server.stop();
}

#[test]
fn curl_goes_on_with_half_a_file() {
    let directory =
        std::env::temp_dir().join(format!("may-http-peers-files-{}", std::process::id()));
    fs::create_dir(&directory).unwrap();
    let content: String = (0..100_000).map(|i| format!("{i}\n")).collect();
    fs::write(directory.join("file.txt"), &content).unwrap();
    let files = Files::new(&directory).unwrap();
    let server = Running::with(Limits::default(), Some(files), net::Limits::new());
    let url = format!("http://{}/file.txt", server.address);
    assert!(curl(&["--fail", &url]) == content);
    let half = directory.join("half");
    fs::write(&half, &content[..300_000]).unwrap();
    curl(&[
        "--fail",
        "--continue-at",
        "-",
        "--output",
        half.to_str().unwrap(),
        &url,
    ]);
    assert!(fs::read_to_string(&half).unwrap() == content);
    let inside = format!("http://{}/../Cargo.toml", server.address);
    let out = [
        "--path-as-is",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        &inside,
    ];
    assert_eq!(curl(&out), "404");
    server.stop();
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn wrk_has_no_errors_with_pipelines_and_without() {
    let server = Running::start(Limits::default());
    let url = format!("http://{}/plaintext", server.address);
    let script = std::env::temp_dir().join(format!("may-http-peers-{}.lua", std::process::id()));
    fs::write(
        &script,
        "init = function(args)\n  local r = {}\n  for i = 1, 16 do r[i] = wrk.format() end\n  \
         batch = table.concat(r)\nend\nrequest = function() return batch end\n",
    )
    .unwrap();
    let load = ["-t2", "-c64", "-d2s", url.as_str()];
    let pipelined = [&load[..3], &["-s", script.to_str().unwrap(), &url]].concat();
    for args in [load.as_slice(), &pipelined] {
        let text = printed("wrk", args);
        println!("{text}");
        assert!(text.contains("requests in"), "{text}");
        assert!(
            !text.contains("Socket errors") && !text.contains("Non-2xx"),
            "{text}"
        );
    }
    fs::remove_file(&script).unwrap();
    let report = server.stop();
    assert_eq!(report.completed, report.accepted, "{report:?}");
}
