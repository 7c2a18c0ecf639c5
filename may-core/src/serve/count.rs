//! The numbers of connections, by how they ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The number of connections that a server has accepted, and how they have ended.
///
/// `accepted` is the sum of those below it, up to `not_begun`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// All connections that were accepted.
    pub accepted: u64,
    /// Those that are open now. [`serve`](super::serve) leaves none.
    pub open: u64,
    /// Those that were closed at once because their origin had as many as it may have.
    pub refused: u64,
    /// Those whose handler has returned.
    pub completed: u64,
    /// Those whose handler has panicked. The panic was reported as that of any coroutine.
    pub panicked: u64,
    /// Those whose [lifetime](super::Limits::lifetime) was over.
    pub expired: u64,
    /// Those whose handler was cancelled: because the grace was over, or because the server itself
    /// was cancelled.
    pub cancelled: u64,
    /// Those whose handler has not begun: there was no stack for it, or it was cancelled before.
    pub not_begun: u64,
    /// How often no connection could be accepted for want of descriptors or memory. If this grows,
    /// the process should be allowed more of them (`ulimit -n`), or fewer
    /// [connections](super::Limits::connections).
    pub shortages: u64,
}

/// How a connection has ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum ConnectionEnd {
    Completed,
    Panicked,
    Expired,
    Cancelled,
    NotBegun,
}

/// The counts of a server, to be asked while it runs. Clones are the same counters.
///
/// Several servers may count in the same ones.
///
/// # Examples
///
/// ```
/// use may::net::{Counters, Limits};
///
/// let counters = Counters::new();
/// let limits = Limits::new().counters(&counters);
/// // .. serve(listener, limits, handler) elsewhere ..
/// assert_eq!(counters.report().open, 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Counters(Arc<Mutex<Report>>);

impl Counters {
    /// Makes counters that are all zero.
    #[must_use]
    pub fn new() -> Counters {
        Counters::default()
    }

    /// What has been counted until now, all at one moment.
    #[must_use]
    pub fn report(&self) -> Report {
        *self.lock()
    }

    /// std's lock: it is held for a moment and never across a suspension.
    fn lock(&self) -> MutexGuard<'_, Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an attempt to accept for which there was no descriptor or memory.
    pub(super) fn shortage(&self) {
        self.lock().shortages += 1;
    }

    /// Counts a connection that is refused.
    pub(super) fn refused(&self) {
        let mut report = self.lock();
        report.accepted += 1;
        report.refused += 1;
    }

    /// Counts a connection that is open from now on.
    pub(super) fn opened(&self) {
        let mut report = self.lock();
        report.accepted += 1;
        report.open += 1;
    }

    /// Counts the end of one that was open.
    pub(super) fn ended(&self, ending: ConnectionEnd) {
        let mut report = self.lock();
        report.open -= 1;
        *match ending {
            ConnectionEnd::Completed => &mut report.completed,
            ConnectionEnd::Panicked => &mut report.panicked,
            ConnectionEnd::Expired => &mut report.expired,
            ConnectionEnd::Cancelled => &mut report.cancelled,
            ConnectionEnd::NotBegun => &mut report.not_begun,
        } += 1;
    }
}
