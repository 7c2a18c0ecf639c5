//! Bodies in chunks: a size in hexadecimal digits, as many bytes, and so on until the size is 0;
//! behind that may be trailers, which are like headers.
//!
//! The decoder knows nothing of sockets. It is given what has arrived and says what that is.

use crate::refusal::{Refusal, Status};

/// The most digits of a size.
const MOST_DIGITS: u32 = 15;
/// The most bytes of what may follow a size behind a semicolon, which is ignored.
const MOST_EXTENSION: usize = 256;
/// The most bytes of trailers.
const MOST_TRAILERS: usize = 4096;
/// The most trailers.
const MOST_TRAILER_LINES: usize = 16;

/// Where in the body the decoder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In the digits of a size, of which there were so many.
    Size { size: u64, digits: u32 },
    /// Behind them, with so many bytes until the end of the line.
    Extension { size: u64, left: usize },
    /// Before the LF of that line.
    SizeEnd { size: u64 },
    /// Before so many bytes of data.
    Data { left: u64 },
    /// Before the CR, or the LF, behind the data.
    DataEnd { lf: bool },
    /// In the trailers.
    Trailers,
    /// Behind it all.
    End,
}

/// What is at the front of the bytes that the decoder was given, once it has taken its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// So many bytes of the body; at least one.
    Data(usize),
    /// Not enough to tell.
    NeedsMore,
    /// The body has ended.
    End,
}

/// Takes a body in chunks apart.
#[derive(Debug)]
pub struct Decoder {
    at: At,
    trailers: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Decoder {
    /// Starts at the first size.
    #[must_use]
    pub fn new() -> Decoder {
        Decoder {
            at: At::Size { size: 0, digits: 0 },
            trailers: Vec::new(),
        }
    }

    /// Looks at `bytes`: how many of them are not data and are to be dropped, and what comes next.
    ///
    /// # Errors
    ///
    /// If they are no chunks.
    pub fn next(&mut self, bytes: &[u8]) -> Result<(usize, Piece), Refusal> {
        for (index, &byte) in bytes.iter().enumerate() {
            if self.at == At::End {
                return Ok((index, Piece::End));
            }
            if let At::Data { left } = self.at {
                let there = u64::try_from(bytes.len() - index).unwrap_or(u64::MAX);
                let data = usize::try_from(there.min(left)).unwrap_or(usize::MAX);
                return Ok((index, Piece::Data(data)));
            }
            self.at = self.step(byte)?;
        }
        let piece = match self.at {
            At::End => Piece::End,
            _ => Piece::NeedsMore,
        };
        Ok((bytes.len(), piece))
    }

    /// Notes that `count` bytes of data were taken.
    ///
    /// # Panics
    ///
    /// If there were not so many.
    pub fn took(&mut self, count: usize) {
        let At::Data { left } = &mut self.at else {
            panic!("there is no data here");
        };
        *left = u64::try_from(count)
            .ok()
            .and_then(|count| left.checked_sub(count))
            .expect("there is not so much data");
        if *left == 0 {
            self.at = At::DataEnd { lf: false };
        }
    }

    /// Goes on by a byte that is not data.
    fn step(&mut self, byte: u8) -> Result<At, Refusal> {
        let bad = Err(Refusal::bad("the size of a chunk is no number"));
        Ok(match (self.at, byte) {
            (At::Size { digits: 0, .. }, b'\r' | b';') => return bad,
            (At::Size { size, .. }, b'\r') => At::SizeEnd { size },
            (At::Size { size, .. }, b';') => At::Extension {
                size,
                left: MOST_EXTENSION,
            },
            (At::Size { size, digits }, _) => match char::from(byte).to_digit(16) {
                Some(digit) if digits < MOST_DIGITS => At::Size {
                    size: size * 16 + u64::from(digit),
                    digits: digits + 1,
                },
                Some(_) => {
                    let why = "a chunk is too long";
                    return Err(Refusal::new(Status::CONTENT_TOO_LARGE, why));
                }
                None => return bad,
            },
            (At::Extension { size, .. }, b'\r') => At::SizeEnd { size },
            (At::Extension { left: 0, .. }, _) => {
                return Err(Refusal::bad("the extension of a chunk is too long"));
            }
            (At::Extension { size, left }, b'\t' | b' '..=b'~' | 0x80..) => At::Extension {
                size,
                left: left - 1,
            },
            (At::Extension { .. }, _) => {
                return Err(Refusal::bad(
                    "the extension of a chunk has control characters",
                ));
            }
            (At::SizeEnd { size: 0 }, b'\n') => At::Trailers,
            (At::SizeEnd { size }, b'\n') => At::Data { left: size },
            (At::DataEnd { lf: false }, b'\r') => At::DataEnd { lf: true },
            (At::DataEnd { lf: true }, b'\n') => At::Size { size: 0, digits: 0 },
            (At::SizeEnd { .. }, _) => return Err(Refusal::bad("a line ends without LF")),
            (At::DataEnd { .. }, _) => {
                return Err(Refusal::bad("a chunk does not end where its size says"));
            }
            (At::Trailers, _) => return self.trailer(byte),
            (At::Data { .. } | At::End, _) => unreachable!("those are no bytes of the decoder"),
        })
    }

    /// Takes a byte of the trailers, which are read for their errors and thrown away.
    fn trailer(&mut self, byte: u8) -> Result<At, Refusal> {
        self.trailers.push(byte);
        if byte == b'\n' && !self.trailers.ends_with(b"\r\n") {
            return Err(Refusal::bad("a trailer ends without CR"));
        }
        if self.trailers.len() > MOST_TRAILERS {
            let why = "the trailers are too long";
            return Err(Refusal::new(Status::HEADERS_TOO_LARGE, why));
        }
        let is_end = self.trailers == b"\r\n" || self.trailers.ends_with(b"\r\n\r\n");
        if !is_end {
            return Ok(At::Trailers);
        }
        let mut room = [httparse::EMPTY_HEADER; MOST_TRAILER_LINES];
        match httparse::parse_headers(&self.trailers, &mut room) {
            Ok(httparse::Status::Complete((length, _))) if length == self.trailers.len() => {
                Ok(At::End)
            }
            Err(httparse::Error::TooManyHeaders) => {
                let why = "there are too many trailers";
                Err(Refusal::new(Status::HEADERS_TOO_LARGE, why))
            }
            _ => Err(Refusal::bad("the trailers are no headers")),
        }
    }
}

/// Writes a chunk around `data`, which is not empty: a chunk without data would end the body.
pub fn encode(data: &[u8], output: &mut Vec<u8>) {
    use std::io::Write;

    if !data.is_empty() {
        write!(output, "{:x}\r\n", data.len()).expect("a vector takes everything");
        output.extend_from_slice(data);
        output.extend_from_slice(b"\r\n");
    }
}

/// What ends a body in chunks.
pub const END: &[u8] = b"0\r\n\r\n";
