//! Fetches web pages, several at a time: ureq over May's sockets, HTTPS through rustls.
//!
//! ```text
//! $ cargo run --release --bin http_client -- --at-once 2 https://example.com http://127.0.0.1:8080/
//! 200      559 bytes      81 ms  https://example.com
//! 200       13 bytes       1 ms  http://127.0.0.1:8080/
//! 2 fetched, 0 failed
//! ```

use std::{
    error::Error,
    fs,
    io::{self, Read, Write},
    num::NonZeroUsize,
    process,
    time::{Duration, Instant},
};

use clap::Parser;
use may::{coroutine, go, sync::Semaphore};
use may_apps::http_client;
use ureq::{
    Agent,
    config::Config,
    tls::{Certificate, PemItem, RootCerts, parse_pem},
};

/// HTTP client: fetches pages, several at a time.
#[derive(Parser)]
struct Options {
    /// What to fetch, http or https.
    #[arg(required = true)]
    urls: Vec<String>,
    /// How many are fetched at the same time.
    #[arg(long, default_value = "8")]
    at_once: NonZeroUsize,
    /// How long each may take, redirects included.
    #[arg(long, default_value_t = 30_000)]
    timeout_ms: u64,
    /// How long the body of an answer may be.
    #[arg(long, default_value_t = 10 << 20)]
    most_bytes: u64,
    /// Trust the certificates in this file (PEM) and no others.
    #[arg(long, value_parser = trusted)]
    ca: Option<RootCerts>,
    /// Write the bodies to standard output, and the rest to standard error.
    #[arg(long)]
    print: bool,
}

fn main() {
    let options = Options::parse();
    let timeout = Duration::from_millis(options.timeout_ms);
    let at_once = options.at_once.get();

    let config = Config::builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_idle_connections_per_host(at_once)
        .max_idle_connections(at_once)
        .user_agent("may-http-client");
    let agent = http_client::agent(config, options.ca.unwrap_or(RootCerts::WebPki));

    let (urls, most, print) = (options.urls, options.most_bytes, options.print);
    let fetched = go!(move || fetch_all(&agent, &urls, at_once, most, print));
    let (fetched, failed) = fetched.join().expect("fetching does not panic");
    eprintln!("{fetched} fetched, {failed} failed");
    if failed > 0 {
        process::exit(1);
    }
}

/// Reads the certificates that are to be trusted.
fn trusted(path: &str) -> Result<RootCerts, Box<dyn Error + Send + Sync>> {
    let pem = fs::read(path)?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err("it holds no certificate".into());
    }
    Ok(RootCerts::from(certificates))
}

/// Fetches all pages; returns how many were fetched, with whatever status, and how many were not.
fn fetch_all(agent: &Agent, urls: &[String], at_once: usize, most: u64, print: bool) -> (u32, u32) {
    let room = Semaphore::new(at_once);
    coroutine::scope(|scope| {
        let fetches: Vec<_> = urls
            .iter()
            .map(|url| {
                let permit = room.acquire();
                scope.spawn(move || {
                    let _permit = permit;
                    let begin = Instant::now();
                    let result = fetch(agent, url, most);
                    report(url, begin.elapsed(), &result, print);
                    result.is_ok()
                })
            })
            .collect();
        let mut counts = (0, 0);
        for fetch in fetches {
            match fetch.join() {
                Ok(true) => counts.0 += 1,
                _ => counts.1 += 1,
            }
        }
        counts
    })
}

/// Fetches a page; returns the status of the answer and its body.
fn fetch(agent: &Agent, url: &str, most: u64) -> Result<(u16, Vec<u8>), ureq::Error> {
    let mut response = agent.get(url).call()?;
    let mut body = Vec::new();
    let limited = response.body_mut().with_config().limit(most);
    limited.reader().read_to_end(&mut body)?;
    Ok((response.status().as_u16(), body))
}

/// Says how a fetch ended.
fn report(url: &str, took: Duration, result: &Result<(u16, Vec<u8>), ureq::Error>, print: bool) {
    let line = match result {
        Ok((status, body)) => {
            let (length, took) = (body.len(), took.as_millis());
            format!("{status} {length:>8} bytes  {took:>6} ms  {url}")
        }
        Err(error) => format!("failed: {error}  {url}"),
    };
    match (print, result) {
        (false, _) => println!("{line}"),
        (true, result) => {
            eprintln!("{line}");
            if let Ok((_, body)) = result {
                // In one piece, so that bodies do not mix.
                let _ = io::stdout().lock().write_all(body);
            }
        }
    }
}
