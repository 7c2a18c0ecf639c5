//! The loop of a connection.

use std::io::ErrorKind;
use std::time::Instant;

use may::net::Session;

use crate::exchange::{self, Exchange, Next};
use crate::head::Scan;
use crate::limits::Limits;
use crate::refusal::{Failure, Refusal, Status};
use crate::request;
use crate::routes::{Service, Site};
use crate::transport::Transport;
use crate::wire::{Traffic, Wire};

/// A site, and under which conditions it is served.
#[derive(Debug, Default)]
pub struct Server<S = Site> {
    /// What there is.
    pub site: S,
    /// How much of everything a connection may take.
    pub limits: Limits,
    /// What was done.
    pub traffic: Traffic,
}

impl<S: Service> Server<S> {
    /// Answers the requests of one connection, one after the other, until either side has enough.
    /// It is the handler for [`may::net::serve`].
    ///
    /// If the site has [switched](Exchange::switch) to another protocol, what has arrived of that
    /// is returned, and the connection goes on.
    pub fn attend(&self, mut transport: impl Transport, session: &Session) -> Option<Vec<u8>> {
        let limits = &self.limits;
        let mut wire = Wire::new(&mut transport, session, limits, &self.traffic).ok()?;
        let mut head = Vec::new();
        loop {
            if !wire.await_request().ok()? {
                wire.finish();
                return None;
            }
            // If it cannot be answered, the client has gone.
            match self.answer(&mut wire, &mut head).ok()? {
                Next::Request => {}
                Next::Protocol => {
                    wire.flush().ok()?;
                    return Some(wire.received().to_vec());
                }
                Next::End => {
                    wire.close();
                    return None;
                }
            }
        }
    }

    /// Answers one request, of which something has arrived; returns what comes next. `head` is a
    /// buffer.
    fn answer(&self, wire: &mut Wire<'_>, head: &mut Vec<u8>) -> Result<Next, Failure> {
        match self.try_answer(wire, head) {
            Err(Failure::Refused(refusal)) => {
                exchange::refuse(wire.output(), refusal, head.starts_with(b"HEAD "));
                wire.answered();
                Ok(Next::End)
            }
            result => result,
        }
    }

    /// Answers one request unless it is refused before there is a response.
    fn try_answer(&self, wire: &mut Wire<'_>, head: &mut Vec<u8>) -> Result<Next, Failure> {
        read_head(wire, head)?;
        let mut room = request::headers();
        let request = request::parse(head, &mut room, &self.limits)?;
        let mut exchange = Exchange::new(wire, &request);
        match self.site.answer(&mut exchange) {
            Ok(()) => exchange.end(),
            // Half a response cannot be taken back. It is sent, and those to the requests before
            // it, and the connection is closed, which tells the client that it is only half of one.
            Err(_) if exchange.has_begun() => Ok(Next::End),
            Err(failure) => Err(failure),
        }
    }
}

impl From<ErrorKind> for Failure {
    fn from(kind: ErrorKind) -> Failure {
        Failure::Lost(kind.into())
    }
}

/// Moves the head that comes next into `head`, when it is complete.
fn read_head(wire: &mut Wire<'_>, head: &mut Vec<u8>) -> Result<(), Failure> {
    let limits = wire.limits();
    head.clear();
    let mut scan = Scan::new();
    let mut deadline = None;
    loop {
        let length = scan.advance(wire.received())?;
        if length.unwrap_or(wire.received().len()) > limits.head_bytes {
            return Err(match scan.has_request_line() {
                true => Refusal::new(Status::HEADERS_TOO_LARGE, "the headers are too long"),
                false => Refusal::new(Status::URI_TOO_LONG, "the request line is too long"),
            }
            .into());
        }
        if let Some(length) = length {
            head.extend_from_slice(&wire.received()[..length]);
            wire.take(length);
            return Ok(());
        }
        let deadline = *deadline.get_or_insert_with(|| Instant::now() + limits.head_time);
        match wire.receive(deadline) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                let why = "the head came too slowly";
                return Err(Refusal::new(Status::REQUEST_TIMEOUT, why).into());
            }
            Err(error) => return Err(error.into()),
        }
    }
}
