//! One request with its answer: reading the body, writing the response.

use std::io::{self, ErrorKind, Write};
use std::time::Instant;

use crate::chunked::{self, Decoder, Piece};
use crate::date;
use crate::limits::MOST_DISCARDED;
use crate::refusal::{Failure, Refusal, Status};
use crate::request::{Framing, Request};
use crate::wire::Wire;

/// What is left of the request's body.
#[derive(Debug)]
enum Body {
    Length(u64),
    Chunked(Decoder),
    Done,
}

/// What is left of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Response {
    NotBegun,
    /// So many bytes of the body.
    Length(u64),
    Chunks,
    /// A body that ends with the connection, for HTTP/1.0.
    UntilClose,
    Done,
    /// What follows is another protocol.
    Switched,
}

/// What comes after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another request.
    Request,
    /// The end of the connection.
    End,
    /// Another protocol.
    Protocol,
}

/// How long the body of a response will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many bytes.
    Known(u64),
    /// That shows when it is written.
    Unknown,
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Exchange<'x, 's> {
    wire: &'x mut Wire<'s>,
    request: &'x Request<'x>,
    body: Body,
    /// How much of the body has been read, and since when it is being read.
    read: u64,
    reading_since: Option<Instant>,
    /// The client waits to be told to send the body.
    awaited: bool,
    response: Response,
    keep_alive: bool,
}

impl<'x, 's> Exchange<'x, 's> {
    /// Begins with a request whose head was taken from `wire`.
    #[must_use]
    pub fn new(wire: &'x mut Wire<'s>, request: &'x Request<'x>) -> Exchange<'x, 's> {
        let body = match request.framing {
            Framing::Length(0) => Body::Done,
            Framing::Length(length) => Body::Length(length),
            Framing::Chunked => Body::Chunked(Decoder::new()),
        };
        Exchange {
            wire,
            request,
            body,
            read: 0,
            reading_since: None,
            awaited: request.expects_continue,
            response: Response::NotBegun,
            keep_alive: request.keep_alive,
        }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> &'x Request<'x> {
        self.request
    }

    /// Reads something of the body; 0 at its end.
    ///
    /// # Errors
    ///
    /// If the body is malformed, too long or too slow, or ends early.
    pub fn read_body(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        loop {
            let received = self.wire.received();
            let there = match &mut self.body {
                Body::Done => return Ok(0),
                Body::Length(left) => usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(received.len()),
                Body::Chunked(decoder) => {
                    let (framing, piece) = decoder.next(received)?;
                    self.wire.take(framing);
                    match piece {
                        Piece::Data(count) => count,
                        Piece::NeedsMore => 0,
                        Piece::End => {
                            self.body = Body::Done;
                            return Ok(0);
                        }
                    }
                }
            };
            if there == 0 {
                self.receive()?;
                continue;
            }
            let count = there.min(buffer.len());
            buffer[..count].copy_from_slice(&self.wire.received()[..count]);
            self.wire.take(count);
            self.took(count)?;
            return Ok(count);
        }
    }

    /// Notes that so much of the body was taken.
    fn took(&mut self, count: usize) -> Result<(), Failure> {
        self.read += count as u64;
        match &mut self.body {
            Body::Length(left) => {
                *left -= count as u64;
                if *left == 0 {
                    self.body = Body::Done;
                }
            }
            Body::Chunked(decoder) => decoder.took(count),
            Body::Done => {}
        }
        if self.read > self.wire.limits().body_bytes {
            let why = "the body is too long";
            return Err(Refusal::new(Status::CONTENT_TOO_LARGE, why).into());
        }
        Ok(())
    }

    /// Waits for more of the body, which has to come at a certain rate.
    fn receive(&mut self) -> Result<(), Failure> {
        if std::mem::take(&mut self.awaited) && self.response == Response::NotBegun {
            self.wire
                .output()
                .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let since = *self.reading_since.get_or_insert_with(Instant::now);
        let deadline = since + self.wire.limits().time_for(self.read);
        match self.wire.receive(deadline) {
            Ok(0) => Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                let why = "the body came too slowly";
                Err(Refusal::new(Status::REQUEST_TIMEOUT, why).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the rest of the body, so that the next request can be read, if that is not much.
    /// Otherwise the connection will be closed.
    fn discard_body(&mut self) -> Result<(), Failure> {
        let mut sink = [0; 4096];
        let mut discarded = 0;
        while !matches!(self.body, Body::Done) {
            let too_much = match self.body {
                Body::Length(left) => discarded + left > MOST_DISCARDED,
                _ => discarded > MOST_DISCARDED,
            };
            // A client that waits to be told may send the body all the same, or the next request.
            if too_much || self.awaited {
                self.keep_alive = false;
                break;
            }
            discarded += self.read_body(&mut sink)? as u64;
        }
        Ok(())
    }

    /// Answers with a whole body.
    ///
    /// # Errors
    ///
    /// If the client has sent a body that is none, or cannot be reached.
    pub fn respond(
        &mut self,
        status: Status,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<(), Failure> {
        self.begin(status, headers, Length::Known(body.len() as u64))?;
        self.write(body)
    }

    /// Answers with a line of text that says what the matter is.
    ///
    /// # Errors
    ///
    /// As [`respond`](Exchange::respond).
    pub fn explain(
        &mut self,
        status: Status,
        headers: &[(&str, &str)],
        why: &str,
    ) -> Result<(), Failure> {
        let text = format!("{} {}: {why}\n", status.0, status.1);
        let mut all = vec![("Content-Type", "text/plain; charset=utf-8")];
        all.extend_from_slice(headers);
        self.respond(status, &all, text.as_bytes())
    }

    /// Answers that the connection goes on with another protocol, for which the client has asked
    /// and which `headers` describe.
    ///
    /// # Errors
    ///
    /// If the request has a body, behind which the other protocol would begin, or is one of
    /// HTTP/1.0, which has no such answer.
    pub fn switch(&mut self, headers: &[(&str, &str)]) -> Result<(), Failure> {
        if !matches!(self.body, Body::Done) || !self.request.is_1_1 {
            let why = "only a request of HTTP/1.1 without a body changes the protocol";
            return Err(Refusal::new(Status::BAD_REQUEST, why).into());
        }
        self.response = Response::Switched;
        let output = self.wire.output();
        write_head(
            output,
            Status::SWITCHING_PROTOCOLS,
            Persistence::Upgrade,
            headers,
        );
        output.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Begins the response. What was not read of the request's body is thrown away.
    ///
    /// # Errors
    ///
    /// As [`respond`](Exchange::respond).
    pub fn begin(
        &mut self,
        status: Status,
        headers: &[(&str, &str)],
        length: Length,
    ) -> Result<(), Failure> {
        self.discard_body()?;
        self.begin_while_reading(status, headers, length)
    }

    /// Begins the response although the request's body is still being read.
    ///
    /// # Errors
    ///
    /// If the client cannot be reached.
    pub fn begin_while_reading(
        &mut self,
        status: Status,
        headers: &[(&str, &str)],
        length: Length,
    ) -> Result<(), Failure> {
        debug_assert_eq!(self.response, Response::NotBegun);
        let has_body = !matches!(status, Status::NO_CONTENT | Status::NOT_MODIFIED);
        let is_head = self.request.method == "HEAD";
        self.response = match length {
            _ if !has_body || is_head => Response::Done,
            Length::Known(0) => Response::Done,
            Length::Known(length) => Response::Length(length),
            Length::Unknown if self.request.is_1_1 => Response::Chunks,
            Length::Unknown => Response::UntilClose,
        };
        self.keep_alive &= self.response != Response::UntilClose && !self.wire.is_stopping();
        let persistence = match (self.keep_alive, self.request.is_1_1) {
            (false, _) => Persistence::Close,
            (true, true) => Persistence::Implied,
            (true, false) => Persistence::KeepAlive,
        };
        let output = self.wire.output();
        write_head(output, status, persistence, headers);
        match length {
            _ if !has_body => {}
            Length::Known(length) => {
                output.extend_from_slice(b"Content-Length: ");
                write!(output, "{length}")?;
                output.extend_from_slice(b"\r\n");
            }
            Length::Unknown if self.request.is_1_1 => {
                output.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
            }
            Length::Unknown => {}
        }
        output.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Writes something of the response's body. Nothing is sent until much has gathered, or there
    /// is nothing else to do.
    ///
    /// # Errors
    ///
    /// If the client cannot be reached, or does not take it fast enough.
    ///
    /// # Panics
    ///
    /// If it is more than was announced.
    pub fn write(&mut self, data: &[u8]) -> Result<(), Failure> {
        match &mut self.response {
            Response::Length(left) => {
                *left = left
                    .checked_sub(data.len() as u64)
                    .expect("no more is written than was announced");
                if *left == 0 {
                    self.response = Response::Done;
                }
                self.wire.output().extend_from_slice(data);
            }
            Response::Chunks => chunked::encode(data, self.wire.output()),
            Response::UntilClose => self.wire.output().extend_from_slice(data),
            Response::Done | Response::Switched => {}
            Response::NotBegun => panic!("a response begins with its head"),
        }
        self.wire.relieve()?;
        Ok(())
    }

    /// Ends the response; returns what comes next. If less was written than was announced, that is
    /// the end of the connection, which tells the client.
    ///
    /// # Errors
    ///
    /// If there is no response.
    pub fn end(self) -> Result<Next, Failure> {
        match self.response {
            Response::Chunks => self.wire.output().extend_from_slice(chunked::END),
            Response::UntilClose | Response::Done | Response::Switched => {}
            Response::Length(_) => return Ok(Next::End),
            Response::NotBegun => {
                let why = "there is no answer to that";
                return Err(Refusal::new(Status::INTERNAL_ERROR, why).into());
            }
        }
        self.wire.answered();
        Ok(match (self.response, &self.body) {
            (Response::Switched, _) => Next::Protocol,
            (_, Body::Done) if self.keep_alive => Next::Request,
            _ => Next::End,
        })
    }

    /// Whether it is too late for another response.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.response != Response::NotBegun
    }
}

/// What a response says of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Persistence {
    Close,
    /// Nothing: it goes on.
    Implied,
    KeepAlive,
    /// It goes on with another protocol.
    Upgrade,
}

/// Writes a head without the header that tells the length, and without the empty line.
fn write_head(
    output: &mut Vec<u8>,
    status: Status,
    persistence: Persistence,
    headers: &[(&str, &str)],
) {
    let Status(code, phrase) = status;
    // (A vector takes everything.)
    let _ = write!(output, "HTTP/1.1 {code} {phrase}\r\nServer: may\r\nDate: ");
    output.extend_from_slice(&date::now());
    output.extend_from_slice(match persistence {
        Persistence::Close => b"\r\nConnection: close\r\n",
        Persistence::Implied => b"\r\n",
        Persistence::KeepAlive => b"\r\nConnection: keep-alive\r\n",
        Persistence::Upgrade => b"\r\nConnection: Upgrade\r\n",
    });
    for (name, value) in headers {
        for part in [name, ": ", value, "\r\n"] {
            output.extend_from_slice(part.as_bytes());
        }
    }
}

/// Writes the response to a request that is refused: the last one of the connection. One to HEAD
/// has no body.
pub fn refuse(output: &mut Vec<u8>, refusal: Refusal, to_head: bool) {
    let Refusal { status, why } = refusal;
    let text = format!("{} {}: {why}\n", status.0, status.1);
    let headers = [("Content-Type", "text/plain; charset=utf-8")];
    write_head(output, status, Persistence::Close, &headers);
    let _ = write!(output, "Content-Length: {}\r\n\r\n", text.len());
    if !to_head {
        output.extend_from_slice(text.as_bytes());
    }
}
