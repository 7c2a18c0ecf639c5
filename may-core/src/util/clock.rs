//! Nanoseconds since the process first asked for the time, and deadlines on that scale.
//!
//! `u64` nanoseconds last 584 years, so every sum saturates at [`Deadline::NEVER`] instead of
//! overflowing: zero, one nanosecond, thirty days and `Duration::MAX` are all ordinary values.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The instant that counts as zero.
fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

/// Nanoseconds from the start to now.
pub(crate) fn now() -> u64 {
    nanoseconds(Instant::now().saturating_duration_since(start()))
}

/// A duration in nanoseconds, `u64::MAX` if it does not fit.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The instant that lies `duration` after another, or one that never comes.
pub(crate) fn later(instant: Instant, duration: Duration) -> Instant {
    /// Far enough: nothing measures time for longer.
    const AGES: Duration = Duration::from_secs(300 * 365 * 24 * 3600);
    instant
        .checked_add(duration)
        .or_else(|| instant.checked_add(AGES))
        .unwrap_or(instant)
}

/// The moment at which a wait gives up, in nanoseconds since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(u64);

impl Deadline {
    /// The deadline of a wait that has none.
    pub(crate) const NEVER: Deadline = Deadline(u64::MAX);

    pub(crate) fn after(duration: Duration) -> Deadline {
        Deadline(now().saturating_add(nanoseconds(duration)))
    }

    /// The deadline at `instant`; one in the past has elapsed already.
    pub(crate) fn at(instant: Instant) -> Deadline {
        Deadline(nanoseconds(instant.saturating_duration_since(start())))
    }

    /// The deadline at `nanoseconds` on the scale of [`now`].
    pub(crate) fn from_nanoseconds(nanoseconds: u64) -> Deadline {
        Deadline(nanoseconds)
    }

    pub(crate) fn is_never(self) -> bool {
        self == Deadline::NEVER
    }

    pub(crate) fn has_elapsed(self) -> bool {
        !self.is_never() && self.0 <= now()
    }

    /// The time left, or `None` if there is no deadline.
    pub(crate) fn remaining(self) -> Option<Duration> {
        (!self.is_never()).then(|| Duration::from_nanos(self.0.saturating_sub(now())))
    }

    /// The deadline on the scale of [`now`].
    pub(crate) fn nanoseconds(self) -> u64 {
        self.0
    }

    pub(crate) fn max(self, other: Deadline) -> Deadline {
        Deadline(self.0.max(other.0))
    }

    pub(crate) fn min(self, other: Deadline) -> Deadline {
        Deadline(self.0.min(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_never_overflow() {
        assert!(Deadline::after(Duration::MAX).is_never());
        assert!(!Deadline::after(Duration::from_secs(30 * 24 * 3600)).has_elapsed());
        assert!(Deadline::after(Duration::ZERO).has_elapsed());
        assert_eq!(Deadline::NEVER.remaining(), None);
        assert!(Deadline::at(Instant::now()).has_elapsed());
    }
}
