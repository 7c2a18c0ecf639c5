//! How much of everything, and for how long.

use std::time::Duration;

/// What one connection may take. The number of connections is for [`may::net::Limits`] to limit.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The bytes of a head: request line and headers.
    pub head_bytes: usize,
    /// The headers of a request; at most [`MOST_HEADERS`].
    pub headers: usize,
    /// The bytes of a body.
    pub body_bytes: u64,
    /// From the first byte of a head to its last. A deadline and no pause between bytes, so sending
    /// a byte now and then does not help.
    pub head_time: Duration,
    /// Between requests.
    pub idle_time: Duration,
    /// For a body or a response, beyond what it may take at [`rate`](Limits::rate).
    pub transfer_time: Duration,
    /// The bytes a second below which a body or a response is too slow.
    pub rate: u64,
    /// How long what a client still sends is read and thrown away, so that it gets to see why its
    /// request was refused.
    pub linger_time: Duration,
}

/// The most headers that can be allowed.
pub const MOST_HEADERS: usize = 256;

/// The most bytes of a body that are read only to get at the next request.
pub const MOST_DISCARDED: u64 = 64 * 1024;

impl Limits {
    /// How long `bytes` of a body or a response may take.
    #[must_use]
    pub fn time_for(&self, bytes: u64) -> Duration {
        self.transfer_time.saturating_add(Duration::from_millis(
            bytes.saturating_mul(1000) / self.rate.max(1),
        ))
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head_bytes: 16 * 1024,
            headers: 64,
            body_bytes: 16 * 1024 * 1024,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            transfer_time: Duration::from_secs(20),
            rate: 1024,
            linger_time: Duration::from_secs(1),
        }
    }
}
