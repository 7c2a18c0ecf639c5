//! Counts of measured times, from which percentiles are read.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Buckets for each doubling of the time: a reading is at most 1/32 too high.
const STEPS_PER_DOUBLING: u64 = 32;

/// Doublings above the linear part, enough for every `u64`.
const DOUBLINGS: u64 = 64 - STEPS_PER_DOUBLING.ilog2() as u64;

/// A histogram of durations that any number of coroutines add to.
///
/// Buckets grow with the time they stand for, so a nanosecond and an hour are told apart equally
/// well and the whole takes 15 KiB, however many times are counted.
#[derive(Debug)]
pub struct Histogram {
    /// How many times fell into each bucket.
    buckets: Vec<AtomicU64>,
    /// The longest time, in nanoseconds and exact.
    longest: AtomicU64,
}

impl Histogram {
    /// Makes an empty histogram.
    #[must_use]
    pub fn new() -> Histogram {
        let length = STEPS_PER_DOUBLING * (DOUBLINGS + 1);
        Histogram {
            buckets: (0..length).map(|_| AtomicU64::new(0)).collect(),
            longest: AtomicU64::new(0),
        }
    }

    /// Counts one duration.
    pub fn record(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanos)].fetch_add(1, Relaxed);
        self.longest.fetch_max(nanos, Relaxed);
    }

    /// Returns how many durations were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum()
    }

    /// Returns the longest duration.
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest.load(Relaxed))
    }

    /// Returns the duration that `percent` of all were not longer than.
    pub fn percentile(&self, percent: f64) -> Duration {
        let wanted = (self.count() as f64 * percent / 100.0).ceil() as u64;
        let mut seen = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            seen += bucket.load(Relaxed);
            if seen >= wanted.max(1) {
                return Duration::from_nanos(last_of(index)).min(self.longest());
            }
        }
        self.longest()
    }
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram::new()
    }
}

/// Finds the bucket of a time: the doubling it falls into, then the step within that.
fn bucket(nanos: u64) -> usize {
    if nanos < STEPS_PER_DOUBLING {
        return nanos as usize;
    }
    let shift = nanos.ilog2() - STEPS_PER_DOUBLING.ilog2();
    let step = (nanos >> shift) - STEPS_PER_DOUBLING;
    (STEPS_PER_DOUBLING * (u64::from(shift) + 1) + step) as usize
}

/// Returns the longest time that falls into a bucket.
fn last_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS_PER_DOUBLING {
        return bucket;
    }
    let shift = bucket / STEPS_PER_DOUBLING - 1;
    let first = (STEPS_PER_DOUBLING + bucket % STEPS_PER_DOUBLING) << shift;
    first + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_lies_in_its_bucket_and_above_the_one_before() {
        for nanos in (0..64).flat_map(|shift| [1 << shift, (1 << shift) + 1, u64::MAX >> shift]) {
            let index = bucket(nanos);
            assert!(nanos <= last_of(index), "{nanos}");
            assert!(index == 0 || nanos > last_of(index - 1), "{nanos}");
        }
    }

    #[test]
    fn percentiles_are_at_most_one_step_too_high() {
        let histogram = Histogram::new();
        for micros in 1..=1000 {
            histogram.record(Duration::from_micros(micros));
        }
        assert_eq!(histogram.count(), 1000);
        assert_eq!(histogram.longest(), Duration::from_millis(1));
        assert_eq!(histogram.percentile(100.0), Duration::from_millis(1));
        for (percent, exact) in [(50.0, 500), (90.0, 900), (99.0, 990)] {
            let exact = Duration::from_micros(exact);
            let reading = histogram.percentile(percent);
            assert!(
                exact <= reading && reading <= exact + exact / 32,
                "{percent} {reading:?}"
            );
        }
    }

    #[test]
    fn an_empty_histogram_has_no_times() {
        assert_eq!(Histogram::new().percentile(50.0), Duration::ZERO);
    }
}
