//! An HTTP/1.1 server: files from a directory, and the plain text and JSON of the TechEmpower
//! benchmarks.
//!
//! The library beside this file does the work. Here the server gets its limits and the signal to
//! end.
//!
//! ```text
//! $ cargo run --release -p may-http-example -- --root docs
//! listening on http://127.0.0.1:8082
//! ^Cstopping: ctrl-c again ends it at once
//! 27 connections, 1041 requests
//! ```

use std::{error::Error, process::ExitCode, sync::atomic::Ordering, time::Duration};

use lexopt::{Arg, Parser, ValueExt};
use may::net::{self, TcpListener};
use may_http_example::{Server, Site, files::Files, stop_at_interrupt};

/// What `--help` prints.
const HELP: &str = "\
HTTP server: /plaintext, /json, /echo, and the files of a directory.

Usage: may-http-example [options]

  --addr HOST:PORT  where to listen (default 127.0.0.1:8082, port 0 takes any free one)
  --root DIRECTORY  whose files to serve (default: none)
  --help            show this text";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("may-http-example: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line and serves what it asks for.
fn run() -> Result<(), Box<dyn Error>> {
    let mut addr = "127.0.0.1:8082".to_owned();
    let mut site = Site::default();
    let mut args = Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("addr") => addr = args.value()?.string()?,
            Arg::Long("root") => site.files = Some(files(&args.value()?.string()?)?),
            Arg::Long("help") => {
                println!("{HELP}");
                return Ok(());
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    serve(&addr, site)
}

/// Opens the directory `root`.
fn files(root: &str) -> Result<Files, String> {
    Files::new(root).map_err(|error| format!("cannot serve '{root}': {error}"))
}

/// Serves until ctrl-c. What is being answered then is answered.
fn serve(addr: &str, site: Site) -> Result<(), Box<dyn Error>> {
    let listener =
        TcpListener::bind(addr).map_err(|error| format!("cannot listen on {addr}: {error}"))?;
    let limits = net::Limits::new()
        .connections(10_000)
        .connections_per_origin(1000)
        .lifetime(Duration::from_secs(3600))
        .grace(Duration::from_secs(10))
        .until(&stop_at_interrupt()?);
    println!("listening on http://{}", listener.local_addr()?);

    let server = Server {
        site,
        ..Server::default()
    };
    let report = net::serve(listener, limits, |(stream, _), session| {
        let _ = server.attend(&stream, session);
    })?;
    let requests = server.traffic.requests.load(Ordering::Relaxed);
    println!("{} connections, {requests} requests", report.accepted);
    Ok(())
}
