//! The limits of a server.

use std::time::Duration;

use super::count::Counters;
use crate::spawn::Builder;
use crate::sync::CancelToken;
use crate::worker::Placement;

/// The limits of [`serve`](super::serve), and the token that ends it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use may::{net::Limits, sync::CancelToken};
///
/// let shutdown = CancelToken::new();
/// let limits = Limits::new()
///     .connections(1000)
///     .connections_per_origin(20)
///     .lifetime(Duration::from_secs(3600))
///     .grace(Duration::from_secs(5))
///     .until(&shutdown);
/// ```
#[derive(Clone, Debug)]
#[must_use = "limits do nothing until something is served"]
pub struct Limits {
    pub(super) connections: usize,
    pub(super) per_origin: Option<usize>,
    pub(super) lifetime: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) until: CancelToken,
    pub(super) counters: Counters,
    pub(super) builder: Builder,
}

impl Limits {
    /// 10,000 connections, of which any number may have one origin, without a limit to their
    /// lifetime; 10 seconds of grace; and no token that ends it.
    pub fn new() -> Limits {
        Limits {
            connections: 10_000,
            per_origin: None,
            lifetime: None,
            grace: Duration::from_secs(10),
            until: CancelToken::new(),
            counters: Counters::new(),
            builder: Builder::new()
                .name("connection".to_owned())
                .placement(Placement::Spread),
        }
    }

    /// How many connections may be open at once. While there are so many no other is accepted:
    /// those that come wait in the listener's backlog, and when that is full the operating system
    /// lets no more come.
    ///
    /// Each takes a descriptor, so it should be less than the process may have (`ulimit -n`).
    ///
    /// # Panics
    ///
    /// Panics if it is 0.
    #[track_caller]
    pub fn connections(mut self, connections: usize) -> Limits {
        assert!(
            connections > 0,
            "a server needs room for one connection at least"
        );
        self.connections = connections;
        self
    }

    /// How many connections may be open at once from one [origin](crate::io::AcceptFrom::origin):
    /// for TCP an IPv4 address or an IPv6 network. Those beyond are closed at once.
    ///
    /// # Panics
    ///
    /// Panics if it is 0.
    #[track_caller]
    pub fn connections_per_origin(mut self, connections: usize) -> Limits {
        assert!(
            connections > 0,
            "a client that connects needs one connection at least"
        );
        self.per_origin = Some(connections);
        self
    }

    /// How long a connection may live, whatever it does. Its handler is unwound then, as by
    /// [`timeout`](crate::time::timeout).
    ///
    /// It is the last line of defence against peers that keep a connection by sending a byte now
    /// and then.
    pub fn lifetime(mut self, lifetime: Duration) -> Limits {
        self.lifetime = Some(lifetime);
        self
    }

    /// How long connections that are open may go on when the server is to end. Those that are left
    /// then are cancelled.
    pub fn grace(mut self, grace: Duration) -> Limits {
        self.grace = grace;
        self
    }

    /// Ends the server when `token` is cancelled.
    pub fn until(mut self, token: &CancelToken) -> Limits {
        self.until = token.clone();
        self
    }

    /// Counts in `counters`, which can be asked while the server runs.
    pub fn counters(mut self, counters: &Counters) -> Limits {
        self.counters = counters.clone();
        self
    }

    /// How the coroutines of connections are made: their name, stack size and placement. Where it
    /// says nothing they are called "connection" and spread over the workers.
    pub fn builder(mut self, builder: Builder) -> Limits {
        self.builder = builder.or(self.builder);
        self
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::new()
    }
}
