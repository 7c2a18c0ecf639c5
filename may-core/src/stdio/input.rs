//! Standard input.

use std::fmt;
use std::io::{self, BufRead, IoSliceMut, IsTerminal, Lines, Read};
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{OnceLock, PoisonError};

use super::stream::Stream;
use crate::sync::{Mutex, MutexGuard};
use crate::sys::standard;

/// How much is read at a time.
const PIECE: usize = 8 * 1024;
/// How much is read at a time by who wants all: what a pipe holds.
const LARGE_PIECE: usize = 64 * 1024;

/// What was read and not yet taken. Unlike a `BufReader` it grows until all is there that is asked
/// for, a line or so many bytes: a caller that is cancelled in the middle has taken nothing of it.
struct Input {
    stream: Stream,
    /// What was read; before `taken` it was taken, too.
    buffer: Vec<u8>,
    taken: usize,
    /// Where the stream puts what it reads, before it counts as read.
    piece: Vec<u8>,
}

/// The one standard input.
static INPUT: OnceLock<Mutex<Input>> = OnceLock::new();

impl Input {
    fn new() -> Input {
        Input {
            stream: Stream::open(standard::INPUT),
            buffer: Vec::new(),
            taken: 0,
            piece: Vec::new(),
        }
    }

    /// What is there.
    fn rest(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    /// Takes so many bytes out.
    fn take(&mut self, count: usize) {
        self.taken = self.buffer.len().min(self.taken + count);
        if self.taken == self.buffer.len() {
            self.buffer.clear();
            self.taken = 0;
            // One long line is no reason to keep so much memory.
            self.buffer.shrink_to(2 * PIECE);
        }
    }

    /// Takes all out.
    fn take_all(&mut self) -> Vec<u8> {
        let mut all = mem::take(&mut self.buffer);
        all.drain(..mem::take(&mut self.taken));
        all
    }

    /// Waits for more, at most so many bytes; false at the end.
    fn fetch(&mut self, most: usize) -> io::Result<bool> {
        self.piece.resize(most, 0);
        let count = loop {
            match self.stream.read(&mut self.piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(&self.piece[..count]);
        Ok(count > 0)
    }

    /// Waits until `byte` is there, and says how many bytes there are up to it; at the end, how
    /// many there are.
    fn fetch_until(&mut self, byte: u8) -> io::Result<usize> {
        let mut searched = 0;
        loop {
            let found = self.rest()[searched..].iter().position(|it| *it == byte);
            if let Some(found) = found {
                return Ok(searched + found + 1);
            }
            searched = self.rest().len();
            if !self.fetch(PIECE)? {
                return Ok(searched);
            }
        }
    }

    /// Waits until so many bytes are there, and says how many of them are: fewer at the end.
    fn fetch_exactly(&mut self, count: usize) -> io::Result<usize> {
        while self.rest().len() < count && self.fetch(PIECE)? {}
        Ok(count.min(self.rest().len()))
    }

    /// Waits for the end, and takes all that has come until then.
    fn fetch_all(&mut self) -> io::Result<Vec<u8>> {
        while self.fetch(LARGE_PIECE)? {}
        self.piece = Vec::new();
        Ok(self.take_all())
    }
}

/// Standard input, which all of the process share; the counterpart of [`std::io::stdin`].
///
/// Any number of coroutines and threads may use it; each call, and each [lock](Stdin::lock), has it
/// for itself.
///
/// # Examples
///
/// ```
/// let mut line = String::new();
/// may::io::stdin().read_line(&mut line)?;
/// # std::io::Result::Ok(())
/// ```
#[must_use]
pub fn stdin() -> Stdin {
    Stdin {
        input: INPUT.get_or_init(|| Mutex::new(Input::new())),
    }
}

/// A handle to standard input; the counterpart of [`std::io::Stdin`].
pub struct Stdin {
    input: &'static Mutex<Input>,
}

impl UnwindSafe for Stdin {}
impl RefUnwindSafe for Stdin {}

impl Stdin {
    /// Waits until no other coroutine or thread uses standard input, and keeps it until the guard
    /// is dropped.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here.
    #[must_use]
    pub fn lock(&self) -> StdinLock<'static> {
        StdinLock {
            input: self.input.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Appends the next line to `buffer`, with its end, and says how long it is; nothing at the end
    /// of the input.
    ///
    /// # Errors
    ///
    /// What the operating system says; `InvalidData` if the line is not UTF-8, which is left out
    /// then.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and takes nothing with it, not even the beginning of a
    /// line that has come so far. The same goes for a [`timeout`](crate::time::timeout) around the
    /// call.
    pub fn read_line(&self, buffer: &mut String) -> io::Result<usize> {
        self.lock().read_line(buffer)
    }

    /// The lines that are left, without their ends.
    ///
    /// # Cancellation
    ///
    /// As for [`lock`](Stdin::lock); and in `next`, as for [`read_line`](Stdin::read_line).
    #[must_use]
    pub fn lines(self) -> Lines<StdinLock<'static>> {
        self.lock().lines()
    }

    /// Whether this is a terminal. (std has it in a trait that only std can implement.)
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.as_fd().is_terminal()
    }
}

/// Standard input, locked; the counterpart of [`std::io::StdinLock`].
///
/// Reading blocks the coroutine. One that is cancelled meanwhile takes nothing with it, whichever
/// call it is: also what [`read_exact`](Read::read_exact), [`read_to_end`](Read::read_to_end),
/// [`read_until`](BufRead::read_until) and their like have waited for in part stays for the next
/// reader.
pub struct StdinLock<'a> {
    input: MutexGuard<'a, Input>,
}

impl UnwindSafe for StdinLock<'_> {}
impl RefUnwindSafe for StdinLock<'_> {}

impl StdinLock<'_> {
    /// Whether this is a terminal.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.as_fd().is_terminal()
    }
}

impl Read for StdinLock<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.rest().is_empty() && buffer.len() >= PIECE {
            return self.input.stream.read(buffer);
        }
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let count = self.input.fetch_exactly(buffer.len())?;
        buffer[..count].copy_from_slice(&self.input.rest()[..count]);
        self.input.take(count);
        match count < buffer.len() {
            true => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "standard input has ended before the buffer was full",
            )),
            false => Ok(()),
        }
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let mut all = self.input.fetch_all()?;
        let count = all.len();
        match buffer.is_empty() {
            true => *buffer = all,
            false => buffer.append(&mut all),
        }
        Ok(count)
    }

    fn read_to_string(&mut self, buffer: &mut String) -> io::Result<usize> {
        let all = String::from_utf8(self.input.fetch_all()?)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let count = all.len();
        match buffer.is_empty() {
            true => *buffer = all,
            false => buffer.push_str(&all),
        }
        Ok(count)
    }
}

impl BufRead for StdinLock<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.input.rest().is_empty() {
            self.input.fetch(PIECE)?;
        }
        Ok(self.input.rest())
    }

    fn consume(&mut self, amount: usize) {
        self.input.take(amount);
    }

    fn read_until(&mut self, byte: u8, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let count = self.input.fetch_until(byte)?;
        buffer.extend_from_slice(&self.input.rest()[..count]);
        self.input.take(count);
        Ok(count)
    }

    fn read_line(&mut self, buffer: &mut String) -> io::Result<usize> {
        let count = self.input.fetch_until(b'\n')?;
        let line = str::from_utf8(&self.input.rest()[..count])
            .map(|line| buffer.push_str(line))
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error));
        self.input.take(count);
        line.map(|()| count)
    }
}

/// Each call locks.
impl Read for &Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.lock().read_vectored(buffers)
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.lock().read_to_end(buffer)
    }

    fn read_to_string(&mut self, buffer: &mut String) -> io::Result<usize> {
        self.lock().read_to_string(buffer)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.lock().read_exact(buffer)
    }
}

/// Each call locks.
impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        (&*self).read_to_end(buffer)
    }

    fn read_to_string(&mut self, buffer: &mut String) -> io::Result<usize> {
        (&*self).read_to_string(buffer)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        (&*self).read_exact(buffer)
    }
}

/// What the handle and the lock have in common.
macro_rules! handle {
    ($($type:ty, $name:literal;)+) => {$(
        impl AsFd for $type {
            fn as_fd(&self) -> BorrowedFd<'_> {
                standard::stream(standard::INPUT)
            }
        }

        impl AsRawFd for $type {
            fn as_raw_fd(&self) -> RawFd {
                standard::INPUT
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name).finish_non_exhaustive()
            }
        }
    )+};
}

handle! {
    Stdin, "Stdin";
    StdinLock<'_>, "StdinLock";
}
