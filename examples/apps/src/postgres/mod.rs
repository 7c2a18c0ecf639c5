//! A client of PostgreSQL in plain blocking code: tokio-postgres over May's sockets, without a
//! runtime of tokio's.
//!
//! tokio-postgres splits a connection into a client, whose methods are futures, and the connection
//! itself, a future that somebody has to poll. Here that is a coroutine; and whoever calls waits
//! for the client's futures by `block_on`. Any number of coroutines may use one session at once:
//! their requests are pipelined, so each waits for its own answer and not for those before.

mod session;

pub use session::{Database, Failure, Session};
