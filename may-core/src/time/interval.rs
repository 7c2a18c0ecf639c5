//! Something every so often.

use std::pin::pin;
use std::time::{Duration, Instant};

use super::op::Tick;
use crate::operation::{OpFuture, wait};
use crate::util::clock::later;

/// What an [`Interval`] does about ticks for which its owner came too late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTicks {
    /// They all happen, at once, until the schedule is met again.
    #[default]
    Burst,
    /// The next one happens at once, and the schedule begins anew from there.
    Delay,
    /// They are left out: the next tick is the next one of the schedule.
    Skip,
}

/// Ticks at regular times, from [`interval`].
#[derive(Clone, Debug)]
pub struct Interval {
    next: Instant,
    period: Duration,
    missed: MissedTicks,
}

/// Makes an interval whose first tick is now, and the others every `period` after it.
///
/// # Panics
///
/// Panics if `period` is zero.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use may::time::interval;
///
/// let mut heartbeat = interval(Duration::from_micros(500));
/// let first = heartbeat.tick();
/// let second = heartbeat.tick();
/// assert_eq!(second - first, Duration::from_micros(500));
/// ```
#[must_use]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Makes an interval whose first tick is at `start`, and the others every `period` after it.
///
/// # Panics
///
/// Panics if `period` is zero.
#[must_use]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(
        !period.is_zero(),
        "the period of an interval is longer than nothing"
    );
    Interval {
        next: start,
        period,
        missed: MissedTicks::default(),
    }
}

impl Interval {
    /// Says what is to be done about ticks that were missed.
    #[must_use]
    pub fn missed_ticks(mut self, missed: MissedTicks) -> Interval {
        self.missed = missed;
        self
    }

    /// Waits for the next tick, and returns the time for which it was scheduled.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and the tick was not taken.
    pub fn tick(&mut self) -> Instant {
        wait(pin!(Tick::new(self)))
    }

    /// As [`tick`](Interval::tick), as a future that any executor can poll.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use may::{future::block_on, time::interval};
    ///
    /// let mut heartbeat = interval(Duration::from_millis(1));
    /// block_on(async {
    ///     let first = heartbeat.tick_async().await;
    ///     assert!(heartbeat.tick_async().await > first);
    /// });
    /// ```
    pub fn tick_async(&mut self) -> OpFuture<Tick<'_>> {
        OpFuture::new(Tick::new(self))
    }

    /// Takes the tick that is due, if one is.
    pub(super) fn try_tick(&mut self) -> Option<Instant> {
        let now = Instant::now();
        (self.next <= now).then(|| self.advance(now))
    }

    /// Takes the tick that is due, at `now`.
    fn advance(&mut self, now: Instant) -> Instant {
        let tick = self.next;
        let regular = later(tick, self.period);
        self.next = match self.missed {
            _ if regular > now => regular,
            MissedTicks::Burst => regular,
            MissedTicks::Delay => later(now, self.period),
            MissedTicks::Skip => {
                let into = (now - tick).as_nanos() % self.period.as_nanos();
                // Less than a period, which is a `Duration`.
                let into =
                    Duration::new((into / 1_000_000_000) as u64, (into % 1_000_000_000) as u32);
                later(now, self.period - into)
            }
        };
        tick
    }

    /// Starts anew: the next tick is one period from now.
    pub fn reset(&mut self) {
        self.next = later(Instant::now(), self.period);
    }

    /// The time between two ticks.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// When the next tick is scheduled.
    #[must_use]
    pub fn next_tick(&self) -> Instant {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// The ticks that an owner gets who comes at these times, from the start on, and what is next.
    fn ticks(missed: MissedTicks, comes: &[u64]) -> (Vec<Duration>, Duration) {
        let start = Instant::now();
        let mut interval = interval_at(start, MS(10)).missed_ticks(missed);
        let ticks = comes
            .iter()
            .map(|come| interval.advance(start + MS(*come)) - start)
            .collect();
        (ticks, interval.next_tick() - start)
    }

    #[test]
    fn missed_ticks_are_made_up_for_delayed_or_skipped() {
        for missed in [MissedTicks::Burst, MissedTicks::Delay, MissedTicks::Skip] {
            assert_eq!(
                ticks(missed, &[0, 12, 20]),
                (vec![MS(0), MS(10), MS(20)], MS(30)),
                "nothing is missed"
            );
        }
        let late = [0, 35, 36, 37];
        let (burst, next) = ticks(MissedTicks::Burst, &late);
        assert_eq!((burst, next), (vec![MS(0), MS(10), MS(20), MS(30)], MS(40)));
        let (delay, next) = ticks(MissedTicks::Delay, &late[..2]);
        assert_eq!((delay, next), (vec![MS(0), MS(10)], MS(45)));
        let (skip, next) = ticks(MissedTicks::Skip, &late[..2]);
        assert_eq!((skip, next), (vec![MS(0), MS(10)], MS(40)));
    }

    #[test]
    fn absurd_periods_do_not_overflow() {
        let mut interval = interval(Duration::MAX);
        interval.tick();
        assert!(interval.next_tick() > Instant::now());
    }
}
