//! The poll of one worker: sleeping in it, and handing its events to the sources.
//!
//! The driver is its worker's own; the [`Registrar`] is the part that others reach, because a
//! source may be registered, moved and dropped on any thread. Its table turns a token into a
//! source. A token carries the generation of its place in the table, so an event that was on its
//! way when its source went finds an older generation and is ignored: the descriptor's number may
//! be in use for another file by then.
//!
//! Lock order: a source's registration, then a table. The table is locked to find the sources of
//! the events, and not while these are handed over: that may run wakers of futures, which are the
//! user's code and may close a socket.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::source::{Readiness, Source};
use crate::coroutine::home;
use crate::sys;
use crate::util::clock::Deadline;

/// Events taken from the operating system at a time.
const EVENTS: usize = 1024;
/// The token of the waker that rouses a sleeping worker.
const WAKER: mio::Token = mio::Token(usize::MAX);
/// Below this remainder a sleep is measured in nanoseconds; above it in whole milliseconds, which
/// mio can express.
const PRECISE: Duration = Duration::from_millis(2);

/// Names a source in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    place: u32,
    generation: u32,
}

impl Token {
    /// The token as mio carries it: `usize` has 64 bits (`lib.rs`).
    fn pack(self) -> mio::Token {
        mio::Token((self.generation as usize) << 32 | self.place as usize)
    }

    fn unpack(token: mio::Token) -> Token {
        Token {
            place: token.0 as u32,
            generation: (token.0 as u64 >> 32) as u32,
        }
    }
}

/// A source in the table, or a vacant entry. The generation tells the sources apart that have it in
/// turn.
#[derive(Debug, Default)]
struct TableEntry {
    generation: u32,
    source: Option<Arc<Source>>,
}

/// The sources of one driver.
#[derive(Debug, Default)]
struct Table {
    places: Vec<TableEntry>,
    vacant: Vec<u32>,
    /// The driver has stopped: nothing may be registered from now on.
    closed: bool,
}

impl Table {
    /// Finds a place for `source`.
    fn insert(&mut self, source: Arc<Source>) -> Token {
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.places.push(TableEntry::default());
            (self.places.len() - 1) as u32
        });
        let entry = &mut self.places[place as usize];
        // The highest generation would make the waker's token possible; wrapping below it is as
        // good.
        entry.generation = (entry.generation + 1) % (u32::MAX - 1);
        entry.source = Some(source);
        Token {
            place,
            generation: entry.generation,
        }
    }

    /// Empties the place of `token`, if it is still its.
    fn remove(&mut self, token: Token) -> Option<Arc<Source>> {
        let entry = self.places.get_mut(token.place as usize)?;
        if entry.generation != token.generation {
            return None;
        }
        let source = entry.source.take()?;
        self.vacant.push(token.place);
        Some(source)
    }

    /// The source of `token`, unless it has gone.
    fn find(&self, token: Token) -> Option<&Arc<Source>> {
        let entry = self.places.get(token.place as usize)?;
        (entry.generation == token.generation)
            .then_some(entry.source.as_ref())
            .flatten()
    }
}

/// The part of a driver that other threads reach.
#[derive(Debug)]
pub(crate) struct Registrar {
    registry: mio::Registry,
    table: Mutex<Table>,
    /// How many sources there are; a worker that has none need not look at its poll.
    count: AtomicUsize,
}

impl Registrar {
    /// The table; nothing in here panics halfway through a change, so poison means nothing.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a source for both directions, edge-triggered; the present readiness arrives as an
    /// event.
    #[cfg(unix)]
    pub(super) fn register(
        &self,
        descriptor: std::os::fd::RawFd,
        source: Arc<Source>,
    ) -> io::Result<Token> {
        let token = {
            let mut table = self.table();
            if table.closed {
                return Err(io::Error::other("the runtime has been shut down"));
            }
            table.insert(source)
        };
        let mut handle = mio::unix::SourceFd(&descriptor);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.registry
            .register(&mut handle, token.pack(), sys::poll::INTEREST)
            .inspect_err(|_| {
                self.remove(token);
            })?;
        Ok(token)
    }

    /// Takes a source out, while its descriptor is still open.
    #[cfg(unix)]
    pub(super) fn deregister(&self, token: Token, descriptor: std::os::fd::RawFd) {
        // An error means that the operating system has forgotten the descriptor already, which is
        // what is wanted.
        let _ = self
            .registry
            .deregister(&mut mio::unix::SourceFd(&descriptor));
        self.remove(token);
    }

    fn remove(&self, token: Token) {
        // The source is dropped outside the lock.
        let source = self.table().remove(token);
        if source.is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// See the module's documentation.
pub(crate) struct Driver {
    poll: RefCell<mio::Poll>,
    events: RefCell<mio::Events>,
    /// What the events of one poll concern; kept for its memory.
    ready: RefCell<Vec<(Arc<Source>, Readiness)>>,
    registrar: Arc<Registrar>,
}

impl Driver {
    /// A driver and the waker that ends its sleep.
    ///
    /// # Errors
    ///
    /// An error with `EMFILE` or `ENFILE` if there are no descriptors left, or with `ENOMEM`.
    pub(crate) fn new() -> io::Result<(Driver, mio::Waker)> {
        let poll = mio::Poll::new()?;
        let waker = home::waker(&poll, WAKER)?;
        let registrar = Arc::new(Registrar {
            registry: poll.registry().try_clone()?,
            table: Mutex::default(),
            count: AtomicUsize::new(0),
        });
        let events = RefCell::new(mio::Events::with_capacity(EVENTS));
        Ok((
            Driver {
                poll: RefCell::new(poll),
                events,
                ready: RefCell::default(),
                registrar,
            },
            waker,
        ))
    }

    /// The part that other threads reach.
    pub(crate) fn registrar(&self) -> &Arc<Registrar> {
        &self.registrar
    }

    #[inline]
    pub(crate) fn has_sources(&self) -> bool {
        self.registrar.count.load(Ordering::Relaxed) != 0
    }

    /// Hands over the events that are there, without waiting.
    pub(crate) fn poll_now(&self) {
        self.poll(Some(Duration::ZERO));
    }

    /// Sleeps until there are events, the waker is used or `deadline` has passed, and hands the
    /// events over.
    pub(crate) fn sleep(&self, deadline: Deadline) {
        match deadline.remaining() {
            None => self.poll(None),
            Some(remaining) if remaining > PRECISE => {
                // Whole milliseconds that end before the deadline: the rest is slept precisely,
                // next time round.
                let early = remaining.as_millis() - 1;
                self.poll(Some(Duration::from_millis(
                    u64::try_from(early).unwrap_or(u64::MAX),
                )));
            }
            Some(remaining) => {
                let waited = !remaining.is_zero()
                    && sys::poll::wait_precisely(&self.poll.borrow(), remaining);
                self.poll(Some(if waited { Duration::ZERO } else { remaining }));
            }
        }
    }

    /// Polls once and dispatches what came.
    fn poll(&self, timeout: Option<Duration>) {
        let mut events = self.events.borrow_mut();
        match self.poll.borrow_mut().poll(&mut events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return,
            Err(error) => panic!("polling for readiness failed: {error}"),
        }
        if events.is_empty() {
            return;
        }
        let mut ready = self.ready.borrow_mut();
        let table = self.registrar.table();
        for event in events.iter().filter(|event| event.token() != WAKER) {
            let Some(source) = table.find(Token::unpack(event.token())) else {
                continue;
            };
            let readiness = Readiness {
                read: event.is_readable(),
                write: event.is_writable(),
                read_ended: event.is_read_closed(),
                write_ended: event.is_write_closed(),
                failed: event.is_error(),
                urgent: event.is_priority(),
            };
            ready.push((source.clone(), readiness));
        }
        drop(table);
        for (source, readiness) in ready.drain(..) {
            source.dispatch(readiness);
        }
    }

    /// Lets go of all sources: their waiters are woken and register with another driver. For a
    /// worker that stops.
    pub(crate) fn close(&self) {
        let places = {
            let mut table = self.registrar.table();
            table.closed = true;
            table.vacant.clear();
            std::mem::take(&mut table.places)
        };
        for source in places.into_iter().filter_map(|place| place.source) {
            source.lose(&self.registrar);
        }
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("registrar", &self.registrar)
            .finish_non_exhaustive()
    }
}
