//! Status codes, and requests that are turned down.

use std::fmt;
use std::io;

/// A status code with its phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u16, pub &'static str);

impl Status {
    /// The connection goes on with another protocol.
    pub const SWITCHING_PROTOCOLS: Status = Status(101, "Switching Protocols");
    /// What was asked for is here.
    pub const OK: Status = Status(200, "OK");
    /// It was done, and there is nothing to say.
    pub const NO_CONTENT: Status = Status(204, "No Content");
    /// A part of it is here.
    pub const PARTIAL_CONTENT: Status = Status(206, "Partial Content");
    /// It is at another path.
    pub const MOVED_PERMANENTLY: Status = Status(301, "Moved Permanently");
    /// The client has it already.
    pub const NOT_MODIFIED: Status = Status(304, "Not Modified");
    /// The request is no HTTP.
    pub const BAD_REQUEST: Status = Status(400, "Bad Request");
    /// There is nothing there.
    pub const NOT_FOUND: Status = Status(404, "Not Found");
    /// That cannot be done with it.
    pub const METHOD_NOT_ALLOWED: Status = Status(405, "Method Not Allowed");
    /// The client took too long.
    pub const REQUEST_TIMEOUT: Status = Status(408, "Request Timeout");
    /// The body is too long.
    pub const CONTENT_TOO_LARGE: Status = Status(413, "Content Too Large");
    /// The first line is too long.
    pub const URI_TOO_LONG: Status = Status(414, "URI Too Long");
    /// The file has no such part.
    pub const RANGE_NOT_SATISFIABLE: Status = Status(416, "Range Not Satisfiable");
    /// The client expects what is not known here.
    pub const EXPECTATION_FAILED: Status = Status(417, "Expectation Failed");
    /// The headers are too long, or too many.
    pub const HEADERS_TOO_LARGE: Status = Status(431, "Request Header Fields Too Large");
    /// The server has failed.
    pub const INTERNAL_ERROR: Status = Status(500, "Internal Server Error");
    /// The server does not know how.
    pub const NOT_IMPLEMENTED: Status = Status(501, "Not Implemented");
    /// The server does not speak that version.
    pub const VERSION_NOT_SUPPORTED: Status = Status(505, "HTTP Version Not Supported");
}

/// A request that is turned down, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it is answered with.
    pub status: Status,
    /// What the client should do otherwise.
    pub why: &'static str,
}

impl Refusal {
    /// Turns a request down.
    #[must_use]
    pub const fn new(status: Status, why: &'static str) -> Refusal {
        Refusal { status, why }
    }

    /// Turns down what is no HTTP.
    #[must_use]
    pub const fn bad(why: &'static str) -> Refusal {
        Refusal::new(Status::BAD_REQUEST, why)
    }
}

/// Why a request was not dealt with. The connection is of no more use then.
#[derive(Debug)]
pub enum Failure {
    /// It is refused.
    Refused(Refusal),
    /// The client has gone, or cannot be reached.
    Lost(io::Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(refusal)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Lost(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(refusal) => write!(f, "{}: {}", refusal.status.0, refusal.why),
            Failure::Lost(error) => error.fmt(f),
        }
    }
}
