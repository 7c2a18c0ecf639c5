//! Where a head ends.
//!
//! The parser, httparse, is lenient about the ends of lines, as RFC 9112 allows. But a program that
//! stands between a client and this server may see other lines than a lenient one does, so here a
//! line ends with CR and LF, and neither stands anywhere else.

use crate::refusal::Refusal;

/// Looks for the end of a head that arrives bit by bit, each byte once.
#[derive(Debug, Default)]
pub struct Scan {
    /// How many bytes were looked at.
    looked_at: usize,
    /// Where the line begins that comes next.
    line: usize,
    /// How many lines there were.
    lines: usize,
}

impl Scan {
    /// Starts at the first byte of a head.
    #[must_use]
    pub fn new() -> Scan {
        Scan::default()
    }

    /// Goes on with `bytes`, which begin with what it was given before: how long the head is, if it
    /// is complete.
    ///
    /// # Errors
    ///
    /// If a line is not one, which shows before the head is complete.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        for at in self.looked_at..bytes.len() {
            let after_cr = at > 0 && bytes[at - 1] == b'\r';
            match bytes[at] {
                b'\n' if !after_cr => return Err(Refusal::bad("a line ends without CR")),
                b'\n' => {
                    let is_empty = self.line + 1 == at;
                    // One empty line in front is what some clients send after a body.
                    if is_empty && self.line > 0 && self.lines > 0 {
                        return Ok(Some(at + 1));
                    }
                    if is_empty && self.line > 0 {
                        return Err(Refusal::bad("there is no request line"));
                    }
                    self.lines += usize::from(!is_empty);
                    self.line = at + 1;
                }
                _ if after_cr => return Err(Refusal::bad("CR stands in the middle of a line")),
                0 => return Err(Refusal::bad("NUL stands in a head")),
                b' ' | b'\t' if at == self.line => {
                    return Err(Refusal::bad("a line begins with white space"));
                }
                _ => {}
            }
            self.looked_at = at + 1;
        }
        self.looked_at = bytes.len();
        Ok(None)
    }

    /// Whether the request line is there.
    #[must_use]
    pub fn has_request_line(&self) -> bool {
        self.lines > 0
    }
}
