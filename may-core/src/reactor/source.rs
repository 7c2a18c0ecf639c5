//! One descriptor: what is known of its readiness, and its waiters.
//!
//! # Readiness
//!
//! A word holds a bit per direction, a sticky bit per direction that has ended for good (closed, or
//! always ready), and a *tick* that every event counts up:
//!
//! ```text
//!   31 ............. 8 |     7     |      6       |      5      |   4    |      3       |      2      |   1   |  0
//!          tick        | no events | write polled | read polled | urgent | write ended  | read ended  | write | read
//! ```
//!
//! A bit that is set means "worth trying", a clear one "the operating system would block". Polling
//! is edge-triggered, so a bit may be cleared only on evidence that is not older than the last
//! event: a caller remembers the word before its system call and clears the bit only if the tick is
//! still the same (R8). Before a source is registered there are no events, so both bits stay set.
//!
//! Some descriptors have no events: the operating system refuses to poll a regular file, or a
//! device that does not know how. Both directions count as ended then, and if a call would block
//! all the same there is nothing to wait for.
//!
//! That a read was shorter than its buffer is evidence that there is no more, except where TCP's
//! urgent data is about: a read ends in front of the mark. So from the first urgent data on, such
//! evidence is no longer accepted.
//!
//! # Waiting
//!
//! Each direction has a queue. An event sets bits, issues a fence and wakes the first waiter of the
//! direction; a waiter registers its node, issues a fence and looks at the bits once more; so no
//! event is lost (`wait/mod.rs`). A waiter whose call succeeds and leaves the bit set wakes the
//! next one (R8), so one event serves as many waiters as it has data for. When a direction ends,
//! all its waiters are woken.
//!
//! # Polling
//!
//! A future that polls a stream waits for a direction, not for an operation, and comes back or does
//! not. So beside its queue each direction has a place for one waker, that of the last poll. A poll
//! leaves its waker there and then sets the bit *polled*, in the same word that events change; so
//! either it reads that the direction has become ready, or the event reads that there is a waker,
//! which it takes out. It does that in addition to waking from the queue: a future that is woken
//! need not do anything, so there is nothing to pass on if it has gone.
//!
//! # Registration
//!
//! A source is registered with the first worker that has to wait for it, and moves to another
//! worker that waits when no other waiter is left: the wake-up then stays on one thread. The new
//! registration is made before the old one ends, so no waiter is without events if a move fails, or
//! if it begins to wait during a move. A source is deregistered before its descriptor is closed,
//! and by a driver that stops; in the second case the waiters are woken and register anew.
//!
//! A poll knows a descriptor once. Where several sources share one (a program waits for the
//! descriptor under a stream, or wraps it a second time), all but the first register a duplicate,
//! which is closed with the registration.

use std::fmt;
use std::io;
#[cfg(unix)]
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::driver::{Registrar, Token};
use crate::sys;
use crate::wait::{WaitQueue, WakerPlace};

/// Input is worth trying.
const READ: u32 = 1;
/// Output is worth trying.
const WRITE: u32 = 1 << 1;
/// Input will no longer block.
const READ_ENDED: u32 = 1 << 2;
/// Output will no longer block.
const WRITE_ENDED: u32 = 1 << 3;
/// Urgent data has been about, so a short read may have ended at its mark.
const URGENT: u32 = 1 << 4;
/// A waker waits for input.
const READ_POLLED: u32 = 1 << 5;
/// A waker waits to write.
const WRITE_POLLED: u32 = 1 << 6;
/// The operating system cannot poll the descriptor.
const NO_EVENTS: u32 = 1 << 7;
/// One tick.
const TICK: u32 = 1 << 8;

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Towards us: read, receive, accept.
    Read,
    /// Away from us: write, send, connect.
    Write,
}

impl Direction {
    /// The direction's bit, and the one that says that it has ended.
    fn bits(self) -> (u32, u32) {
        match self {
            Direction::Read => (READ, READ_ENDED),
            Direction::Write => (WRITE, WRITE_ENDED),
        }
    }
}

/// The readiness at one moment: evidence for clearing a bit later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(u32);

impl Seen {
    /// Whether the direction is worth trying.
    #[inline]
    pub(crate) fn is_ready(self, direction: Direction) -> bool {
        let (ready, ended) = direction.bits();
        self.0 & (ready | ended) != 0
    }
}

/// What an event says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readiness {
    /// Input is worth trying.
    pub(crate) read: bool,
    /// Output is worth trying.
    pub(crate) write: bool,
    /// Input has ended.
    pub(crate) read_ended: bool,
    /// Output has ended.
    pub(crate) write_ended: bool,
    /// There is an error to be fetched, by a call in either direction.
    pub(crate) failed: bool,
    /// Urgent data has arrived.
    pub(crate) urgent: bool,
}

/// The driver with which a source is registered.
#[derive(Debug)]
struct PollRegistration {
    registrar: Arc<Registrar>,
    token: Token,
    /// What is registered in place of the descriptor, which the poll had been told of by another
    /// source.
    #[cfg(unix)]
    duplicate: Option<OwnedFd>,
}

#[cfg(unix)]
impl PollRegistration {
    /// Registers `source` for the events of `descriptor`.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, or an error with `ENOSPC`, `EMFILE` or `ENFILE`, if there is no further
    /// registration or duplicate.
    fn new(
        registrar: &Arc<Registrar>,
        source: &Arc<Source>,
        descriptor: RawFd,
    ) -> io::Result<PollRegistration> {
        let (token, duplicate) = match registrar.register(descriptor, source.clone()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let duplicate = sys::descriptor::duplicate(descriptor)?;
                let token = registrar.register(duplicate.as_raw_fd(), source.clone())?;
                (token, Some(duplicate))
            }
            registered => (registered?, None),
        };
        Ok(PollRegistration {
            registrar: registrar.clone(),
            token,
            duplicate,
        })
    }

    /// Ends it; `descriptor` is the one that it was made for.
    fn end(self, descriptor: RawFd) {
        let registered = self
            .duplicate
            .as_ref()
            .map_or(descriptor, OwnedFd::as_raw_fd);
        self.registrar.deregister(self.token, registered);
    }
}

/// See the module's documentation.
pub(crate) struct Source {
    readiness: AtomicU32,
    readers: WaitQueue,
    writers: WaitQueue,
    /// The wakers of the last poll in each direction.
    polls: [WakerPlace; 2],
    registration: Mutex<Option<PollRegistration>>,
    /// The address of the registrar, so that the usual question needs no lock; null if there is
    /// none.
    registered_with: AtomicPtr<Registrar>,
}

impl Source {
    pub(crate) fn new() -> Arc<Source> {
        Arc::new(Source {
            readiness: AtomicU32::new(READ | WRITE),
            readers: WaitQueue::new(),
            writers: WaitQueue::new(),
            polls: [WakerPlace::new(), WakerPlace::new()],
            registration: Mutex::new(None),
            registered_with: AtomicPtr::new(ptr::null_mut()),
        })
    }

    #[inline]
    pub(crate) fn look(&self) -> Seen {
        Seen(self.readiness.load(Ordering::Acquire))
    }

    #[inline]
    pub(crate) fn queue(&self, direction: Direction) -> &WaitQueue {
        match direction {
            Direction::Read => &self.readers,
            Direction::Write => &self.writers,
        }
    }

    /// Whether events arrive.
    #[inline]
    pub(crate) fn is_registered(&self) -> bool {
        !self.registered_with.load(Ordering::Acquire).is_null()
    }

    /// Whether it is known that there will never be an event.
    pub(crate) fn has_no_events(&self) -> bool {
        self.readiness.load(Ordering::Acquire) & NO_EVENTS != 0
    }

    /// What is known now, if the direction is worth trying; if not, `waker` will be woken when it
    /// is, in place of that of earlier polls.
    pub(crate) fn poll_ready(&self, direction: Direction, waker: &Waker) -> Option<Seen> {
        self.polls[direction as usize].set(waker);
        let polled = match direction {
            Direction::Read => READ_POLLED,
            Direction::Write => WRITE_POLLED,
        };
        let seen = Seen(self.readiness.fetch_or(polled, Ordering::AcqRel) | polled);
        seen.is_ready(direction).then_some(seen)
    }

    /// Wakes the pollers of the directions whose bits are in `polled`.
    #[cold]
    fn wake_polls(&self, polled: u32) {
        for (bit, place) in [READ_POLLED, WRITE_POLLED].into_iter().zip(&self.polls) {
            if polled & bit != 0 {
                place.wake();
            }
        }
    }

    /// Notes that a call which began after `seen` would have blocked; false if an event has come
    /// since.
    pub(crate) fn clear_blocked(&self, direction: Direction, seen: Seen) -> bool {
        let (ready, ended) = direction.bits();
        // A call that would block is evidence against an end, too: some errors pass.
        self.clear(ready | ended, 0, seen)
    }

    /// Notes that a call which began after `seen` has taken, or filled, all there was; false if an
    /// event has come since.
    ///
    /// At the end of a direction every further call returns at once, so there the bit stays.
    pub(crate) fn clear_drained(&self, direction: Direction, seen: Seen) -> bool {
        let (ready, ended) = direction.bits();
        let doubtful = if direction == Direction::Read {
            URGENT
        } else {
            0
        };
        self.clear(ready, ended | doubtful, seen)
    }

    /// Clears `bits`, unless one of `unless` is set or an event has come since `seen`.
    fn clear(&self, bits: u32, unless: u32, seen: Seen) -> bool {
        let mut word = self.readiness.load(Ordering::Acquire);
        loop {
            if word & unless != 0 || word / TICK != seen.0 / TICK {
                return false;
            }
            match self.readiness.compare_exchange_weak(
                word,
                word & !bits,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return true,
                Err(current) => word = current,
            }
        }
    }

    /// Notes an event and wakes the waiters that it concerns.
    pub(crate) fn dispatch(&self, event: Readiness) {
        let read = event.read || event.read_ended || event.failed;
        let write = event.write || event.write_ended || event.failed;
        let mut bits = 0;
        for (flag, bit) in [
            (read, READ),
            (write, WRITE),
            (event.read_ended, READ_ENDED),
            (event.write_ended, WRITE_ENDED),
            (event.urgent, URGENT),
        ] {
            bits |= if flag { bit } else { 0 };
        }
        let polled = (if read { READ_POLLED } else { 0 }) | (if write { WRITE_POLLED } else { 0 });
        let polled = self.set(bits, polled);
        for (ready, all, queue) in [
            (read, event.read_ended || event.failed, &self.readers),
            (write, event.write_ended || event.failed, &self.writers),
        ] {
            if all {
                queue.wake_all();
            } else if ready {
                queue.wake_one();
            }
        }
        if polled != 0 {
            self.wake_polls(polled);
        }
    }

    /// Sets bits, counts a tick, and clears those of `polled` that were set, which are returned.
    fn set(&self, bits: u32, polled: u32) -> u32 {
        let update = |word: u32| Some(((word & !polled) | bits).wrapping_add(TICK));
        let before = self
            .readiness
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, update);
        before.expect("the closure always returns a value") & polled
    }

    /// Declares both directions worth trying and wakes all waiters: the readiness is no longer kept
    /// up to date.
    pub(crate) fn forget(&self) {
        let polled = self.set(READ | WRITE, READ_POLLED | WRITE_POLLED);
        self.readers.wake_all();
        self.writers.wake_all();
        if polled != 0 {
            self.wake_polls(polled);
        }
    }

    /// Whether there are waiters for events, blocked or by a waker.
    fn is_waited_for(&self) -> bool {
        let polled = self.readiness.load(Ordering::Relaxed) & (READ_POLLED | WRITE_POLLED);
        polled != 0 || !self.readers.is_empty() || !self.writers.is_empty()
    }

    /// The driver with which it is registered; nothing in here panics halfway through a change, so
    /// poison means nothing.
    fn registration(&self) -> MutexGuard<'_, Option<PollRegistration>> {
        self.registration
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sure that events arrive, if possible through `preferred`, the registrar of the worker
    /// that will wait.
    ///
    /// A descriptor that cannot be polled counts as ended in both directions.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, or an error with `ENOSPC`, `EMFILE` or `ENFILE`, if there is no further
    /// registration or duplicate.
    #[cfg(unix)]
    pub(crate) fn register(
        self: &Arc<Source>,
        descriptor: RawFd,
        preferred: &Arc<Registrar>,
        movable: bool,
    ) -> io::Result<()> {
        let current = self.registered_with.load(Ordering::Acquire);
        let settled = ptr::eq(current, Arc::as_ptr(preferred)) || !movable || self.is_waited_for();
        if !current.is_null() && settled {
            return Ok(());
        }
        let mut registration = self.registration();
        if let Some(old) = registration.as_ref()
            && (ptr::eq(Arc::as_ptr(&old.registrar), Arc::as_ptr(preferred)) || settled)
        {
            return Ok(());
        }
        match PollRegistration::new(preferred, self, descriptor) {
            Ok(new) => {
                let address = Arc::as_ptr(preferred).cast_mut();
                self.registered_with.store(address, Ordering::Release);
                // Last, so that a waiter that has begun meanwhile has events all the time, also if
                // there is no new registration.
                if let Some(old) = registration.replace(new) {
                    old.end(descriptor);
                }
                Ok(())
            }
            Err(error) if sys::poll::cannot_be_polled(&error) => {
                self.set(READ | WRITE | READ_ENDED | WRITE_ENDED | NO_EVENTS, 0);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Ends the registration before the descriptor is closed (R8).
    #[cfg(unix)]
    pub(crate) fn deregister(&self, descriptor: RawFd) {
        let mut registration = self.registration();
        if let Some(old) = registration.take() {
            self.registered_with
                .store(ptr::null_mut(), Ordering::Release);
            old.end(descriptor);
        }
    }

    /// Ends a registration whose driver stops.
    pub(super) fn lose(&self, registrar: &Registrar) {
        let mut registration = self.registration();
        if registration
            .as_ref()
            .is_some_and(|old| ptr::eq(Arc::as_ptr(&old.registrar), registrar))
        {
            *registration = None;
            self.registered_with
                .store(ptr::null_mut(), Ordering::Release);
        }
        drop(registration);
        self.forget();
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.look();
        f.debug_struct("Source")
            .field("readable", &seen.is_ready(Direction::Read))
            .field("writable", &seen.is_ready(Direction::Write))
            .field("registered", &self.is_registered())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;

    use super::super::driver::Driver;
    use super::*;
    use crate::util::clock::Deadline;

    #[test]
    fn a_move_that_fails_leaves_the_events_where_they_were() {
        let ((before, _waker), (after, _other)) = (Driver::new().unwrap(), Driver::new().unwrap());
        let (reader, mut writer) = io::pipe().unwrap();
        let (source, descriptor) = (Source::new(), reader.as_raw_fd());
        source
            .register(descriptor, before.registrar(), true)
            .unwrap();
        assert!(source.clear_blocked(Direction::Read, source.look()));
        // Nothing can be registered with a driver that has stopped.
        after.close();
        let moved = source.register(descriptor, after.registrar(), true);
        assert!(moved.is_err() && source.is_registered());
        writer.write_all(b"x").unwrap();
        before.sleep(Deadline::NEVER);
        assert!(source.look().is_ready(Direction::Read));
        source.deregister(descriptor);
        assert!(!before.has_sources());
    }

    #[test]
    fn a_source_moves_with_its_events() {
        let ((before, _waker), (after, _other)) = (Driver::new().unwrap(), Driver::new().unwrap());
        let (reader, mut writer) = io::pipe().unwrap();
        let (source, descriptor) = (Source::new(), reader.as_raw_fd());
        for driver in [&before, &after] {
            source
                .register(descriptor, driver.registrar(), true)
                .unwrap();
        }
        assert!(!before.has_sources() && after.has_sources());
        assert!(source.clear_blocked(Direction::Read, source.look()));
        writer.write_all(b"x").unwrap();
        after.sleep(Deadline::NEVER);
        assert!(source.look().is_ready(Direction::Read));
        source.deregister(descriptor);
        assert!(!after.has_sources());
    }

    #[test]
    fn sources_that_share_a_descriptor_all_have_its_events() {
        let (driver, _waker) = Driver::new().unwrap();
        let (reader, mut writer) = io::pipe().unwrap();
        let descriptor = reader.as_raw_fd();
        let sources = [Source::new(), Source::new(), Source::new()];
        for source in &sources {
            source
                .register(descriptor, driver.registrar(), true)
                .unwrap();
            assert!(source.clear_blocked(Direction::Read, source.look()));
        }
        // The one that goes is the one that has registered the descriptor itself.
        sources[0].deregister(descriptor);
        writer.write_all(b"x").unwrap();
        driver.sleep(Deadline::NEVER);
        for source in &sources[1..] {
            assert!(source.look().is_ready(Direction::Read));
            source.deregister(descriptor);
        }
        assert!(!driver.has_sources());
    }
}
