//! An HTTP/1.1 server: files from a directory, and the plain text and JSON of the TechEmpower
//! benchmarks.
//!
//! The server is in `src/http`, a module for each part of the way from a request to its answer. Here
//! it is given its limits and the signal to end: what is being answered then is answered.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin http -- --root docs
//! listening on http://127.0.0.1:8082
//! ^Cstopping: ctrl-c again ends it at once
//! 27 connections, 1041 requests
//! ```
//!
//! In another terminal:
//!
//! ```text
//! $ curl -i http://127.0.0.1:8082/plaintext
//! $ curl -T README.md -X POST http://127.0.0.1:8082/echo
//! $ wrk -t2 -c64 http://127.0.0.1:8082/plaintext
//! ```

use std::{io, sync::atomic::Ordering};

use may::net::{self, TcpListener};
use may_examples::{
    Arguments,
    arguments::Seconds,
    http::{Limits, Server, Site, files::Files, wire::Traffic},
    stop_at_interrupt,
};

/// What `--help` prints.
const HELP: &str = "\
HTTP server: /plaintext, /json, /echo, and the files of a directory.

Usage: http [options]

  --addr HOST:PORT    where to listen (default 127.0.0.1:8082, port 0 takes any free one)
  --root DIRECTORY    whose files to serve (default: none)
  --workers N         threads that run the coroutines (default: one for each CPU)
  --connections N     how many may be open at once (default 10000)
  --per-address N     how many of them from one address (default: any number)
  --lifetime SECONDS  how long a connection may live (default 3600)
  --grace SECONDS     how long what is open may go on after ctrl-c (default 10)
  --head-bytes N      the longest head of a request (default 16384)
  --headers N         the most headers of a request (default 64, at most 256)
  --body-bytes N      the longest body of a request (default 16777216)
  --head-time SECONDS how long a head may take (default 10)
  --idle-time SECONDS how long a client may have no request (default 60)
  --transfer-time SECONDS  how long a body or a response may take, however short (default 20)
  --rate N            the bytes a second for which it may take longer (default 1024)
  --linger-time SECONDS  how long a client may read why it was refused (default 1)
  --help              show this text";

fn main() -> io::Result<()> {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let addr = args.address("addr", "127.0.0.1:8082");
    let root: Option<String> = args.optional("root");
    let files = root.map(|root| {
        Files::new(&root).unwrap_or_else(|error| {
            let help = "give --root a directory that is there and can be read";
            args.refuse(&format!("cannot serve '{root}': {error}\nhelp: {help}"))
        })
    });

    let default = Limits::default();
    let seconds = |name, default| args.value(name, Seconds(default)).0;
    let server = Server {
        site: Site { files },
        limits: Limits {
            head_bytes: args.value("head-bytes", default.head_bytes),
            headers: args.value("headers", default.headers),
            body_bytes: args.value("body-bytes", default.body_bytes),
            head_time: seconds("head-time", default.head_time),
            idle_time: seconds("idle-time", default.idle_time),
            transfer_time: seconds("transfer-time", default.transfer_time),
            rate: args.value("rate", default.rate),
            linger_time: seconds("linger-time", default.linger_time),
        },
        traffic: Traffic::default(),
    };
    let mut limits = net::Limits::new()
        .connections(args.at_least_one("connections", 10_000))
        .lifetime(seconds("lifetime", std::time::Duration::from_secs(3600)))
        .grace(seconds("grace", std::time::Duration::from_secs(10)))
        .until(&stop_at_interrupt()?);
    if args.is_given("per-address") {
        limits = limits.connections_per_origin(args.at_least_one("per-address", 1));
    }

    let listener =
        TcpListener::bind(&addr).unwrap_or_else(|error| args.cannot_listen(&addr, &error));
    println!("listening on http://{}", listener.local_addr()?);

    let report = net::serve(listener, limits, |(stream, _), session| {
        let _ = server.attend(&stream, session);
    })?;
    let requests = server.traffic.requests.load(Ordering::Relaxed);
    println!("{} connections, {requests} requests", report.accepted);
    Ok(())
}
