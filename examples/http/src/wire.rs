//! Bytes in and out of the connection, each with a deadline.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use may::net::Session;

use crate::limits::Limits;
use crate::transport::Transport;

/// What is received at once at first, and at most. A client that sends much at once gets more room.
const ROOM: (usize, usize) = (8 * 1024, 64 * 1024);

/// How much may gather before it is written.
const FULL: usize = 64 * 1024;

/// The system calls of all connections that have ended, and what they were made for.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Requests that were answered.
    pub requests: AtomicU64,
    /// Calls that have received something.
    pub reads: AtomicU64,
    /// Calls that have sent something.
    pub writes: AtomicU64,
}

/// A connection as a buffer of bytes that have arrived and one of bytes that are to be sent.
#[derive(Debug)]
pub struct Wire<'s> {
    transport: &'s mut dyn Transport,
    session: &'s Session,
    limits: &'s Limits,
    /// What has arrived is `input[taken..arrived]`.
    input: Vec<u8>,
    taken: usize,
    arrived: usize,
    output: Vec<u8>,
    /// Whether something could not be sent: then nothing else is.
    is_broken: bool,
    traffic: &'s Traffic,
    /// What is added to `traffic` in the end. Connections that counted together would slow each
    /// other down.
    requests: u64,
    reads: u64,
    writes: u64,
}

impl<'s> Wire<'s> {
    /// Wraps a connection.
    ///
    /// # Errors
    ///
    /// If the socket cannot be set up.
    pub fn new(
        transport: &'s mut dyn Transport,
        session: &'s Session,
        limits: &'s Limits,
        traffic: &'s Traffic,
    ) -> io::Result<Wire<'s>> {
        // Responses are gathered here; the operating system need not do so again.
        transport.prepare(limits.transfer_time)?;
        Ok(Wire {
            transport,
            session,
            limits,
            input: vec![0; ROOM.0],
            taken: 0,
            arrived: 0,
            output: Vec::new(),
            is_broken: false,
            traffic,
            requests: 0,
            reads: 0,
            writes: 0,
        })
    }

    /// The limits of the connection.
    #[must_use]
    pub fn limits(&self) -> &'s Limits {
        self.limits
    }

    /// Whether the server is to end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.session.is_stopping()
    }

    /// Waits until something of a request is there, after what was to be sent has been. False if
    /// the client has no more requests, or has had none for too long, or the server is to end.
    ///
    /// # Errors
    ///
    /// If the connection is broken.
    pub fn await_request(&mut self) -> io::Result<bool> {
        if !self.received().is_empty() {
            return Ok(true);
        }
        self.flush()?;
        (self.taken, self.arrived) = (0, 0);
        // Most connections are idle most of the time: they have no large buffers then.
        if self.input.len() > ROOM.0 {
            self.input = vec![0; ROOM.0];
        }
        self.output.shrink_to(ROOM.0);
        let deadline = Instant::now() + self.limits.idle_time;
        let stopping = Some(self.session.stopping());
        let count = match self.transport.receive(&mut self.input, deadline, stopping) {
            Err(error) if error.kind() == ErrorKind::TimedOut => 0,
            received => received?,
        };
        self.arrive(count);
        Ok(count > 0)
    }

    /// What has arrived and was not taken.
    #[must_use]
    pub fn received(&self) -> &[u8] {
        &self.input[self.taken..self.arrived]
    }

    /// Takes the first `count` bytes of what has arrived.
    pub fn take(&mut self, count: usize) {
        self.taken += count;
        debug_assert!(self.taken <= self.arrived);
    }

    /// Waits until more has arrived, after what was to be sent has been: the client may wait for
    /// that. Returns how much; 0 if the client sends no more.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ErrorKind::TimedOut) at the deadline; an error of the connection.
    pub fn receive(&mut self, deadline: Instant) -> io::Result<usize> {
        self.flush()?;
        self.make_room();
        let room = &mut self.input[self.arrived..];
        let count = self.transport.receive(room, deadline, None)?;
        self.arrive(count);
        Ok(count)
    }

    /// Makes room behind what has arrived.
    fn make_room(&mut self) {
        if self.taken > 0 {
            self.input.copy_within(self.taken..self.arrived, 0);
            self.arrived -= self.taken;
            self.taken = 0;
        }
        if self.arrived == self.input.len() {
            self.input.resize(2 * self.arrived, 0);
        }
    }

    /// Notes that so much has arrived.
    fn arrive(&mut self, count: usize) {
        self.arrived += count;
        self.reads += u64::from(count > 0);
        // There may be more than there was room for.
        if self.arrived == self.input.len() && self.arrived < ROOM.1 {
            self.input.resize(2 * self.arrived, 0);
        }
    }

    /// What is to be sent; a caller that adds much calls [`relieve`](Wire::relieve) now and then.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Sends what has gathered, if that is much.
    ///
    /// # Errors
    ///
    /// As [`flush`](Wire::flush).
    pub fn relieve(&mut self) -> io::Result<()> {
        match self.output.len() < FULL {
            true => Ok(()),
            false => self.flush(),
        }
    }

    /// Sends all that has gathered.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ErrorKind::TimedOut) if the client does not take it fast enough; otherwise what
    /// the operating system says.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.is_broken {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let flushed = self.send_all();
        self.is_broken = flushed.is_err();
        flushed
    }

    /// Sends all that has gathered, and takes note of what is sent.
    fn send_all(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        let mut sent = 0;
        while sent < self.output.len() {
            match self.transport.send(&self.output[sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            self.writes += 1;
            let allowed = self.limits.time_for(sent as u64);
            if sent < self.output.len() && begun.elapsed() > allowed {
                return Err(ErrorKind::TimedOut.into());
            }
        }
        self.output.clear();
        Ok(())
    }

    /// Counts a request that was answered.
    pub fn answered(&mut self) {
        self.requests += 1;
    }

    /// Ends a connection between two requests.
    pub fn finish(self) {
        // A client without more requests may have gone.
        let _ = self.transport.finish();
    }

    /// Ends the connection so that the client gets to read all that was sent.
    ///
    /// If it were closed while something arrives, the operating system would tell the client of an
    /// error, and the client would throw away what it has not read yet. So only the sending side
    /// is closed, and what still comes is thrown away, for a while.
    pub fn close(mut self) {
        if self.flush().is_err() || self.transport.finish().is_err() {
            return;
        }
        let deadline = Instant::now() + self.limits.linger_time;
        while Instant::now() < deadline {
            if !matches!(
                self.transport.receive(&mut self.input, deadline, None),
                Ok(1..)
            ) {
                return;
            }
        }
    }
}

impl Drop for Wire<'_> {
    fn drop(&mut self) {
        self.traffic
            .requests
            .fetch_add(self.requests, Ordering::Relaxed);
        self.traffic.reads.fetch_add(self.reads, Ordering::Relaxed);
        self.traffic
            .writes
            .fetch_add(self.writes, Ordering::Relaxed);
    }
}
