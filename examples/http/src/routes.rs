//! What there is at which path.

use std::io::Write;

use crate::exchange::{Exchange, Length};
use crate::files::Files;
use crate::refusal::{Failure, Status};

/// The methods of HTTP. What is none of them is not understood; what is, may still not be allowed.
const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

const TEXT: (&str, &str) = ("Content-Type", "text/plain");

/// What answers requests.
pub trait Service {
    /// Answers a request.
    ///
    /// # Errors
    ///
    /// If the client is refused, or has gone.
    fn answer(&self, exchange: &mut Exchange<'_, '_>) -> Result<(), Failure>;
}

/// What is served.
#[derive(Debug, Default)]
pub struct Site {
    /// Files, under the paths that nothing else has.
    pub files: Option<Files>,
}

impl Service for Site {
    fn answer(&self, exchange: &mut Exchange<'_, '_>) -> Result<(), Failure> {
        let request = exchange.request();
        let allowed = match (request.path, request.method) {
            (_, method) if !METHODS.contains(&method) => {
                let why = "there is no such method";
                return exchange.explain(Status::NOT_IMPLEMENTED, &[], why);
            }
            ("*", "OPTIONS") => {
                let allow = ("Allow", "GET, HEAD, OPTIONS, POST");
                return exchange.respond(Status::NO_CONTENT, &[allow], b"");
            }
            ("/plaintext", "GET" | "HEAD") => return plaintext(exchange),
            ("/json", "GET" | "HEAD") => return json(exchange),
            ("/echo", "POST") => return echo(exchange),
            ("/echo", _) => "POST",
            (path, "GET" | "HEAD") => {
                return match &self.files {
                    Some(files) => files.answer(path, exchange),
                    None => exchange.explain(Status::NOT_FOUND, &[], "there is nothing there"),
                };
            }
            _ => "GET, HEAD",
        };
        let why = "that cannot be done with it";
        exchange.explain(Status::METHOD_NOT_ALLOWED, &[("Allow", allowed)], why)
    }
}

/// A text that is always the same.
fn plaintext(exchange: &mut Exchange<'_, '_>) -> Result<(), Failure> {
    exchange.respond(Status::OK, &[TEXT], b"Hello, World!")
}

/// An object, written anew for each request.
fn json(exchange: &mut Exchange<'_, '_>) -> Result<(), Failure> {
    let message = "Hello, World!";
    let mut body = Vec::with_capacity(32);
    write!(body, "{{\"message\":\"{message}\"}}")?;
    let headers = [("Content-Type", "application/json")];
    exchange.respond(Status::OK, &headers, &body)
}

/// Sends the body back while it comes, whatever its length.
fn echo(exchange: &mut Exchange<'_, '_>) -> Result<(), Failure> {
    let mut buffer = [0; 16 * 1024];
    // Before the response begins, so that a body that is none can still be refused.
    let mut count = exchange.read_body(&mut buffer)?;
    let headers = [("Content-Type", "application/octet-stream")];
    exchange.begin_while_reading(Status::OK, &headers, Length::Unknown)?;
    while count > 0 {
        exchange.write(&buffer[..count])?;
        count = exchange.read_body(&mut buffer)?;
    }
    Ok(())
}
