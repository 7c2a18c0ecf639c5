//! A client of Redis: what the `redis` crate knows of commands and replies, over May's sockets.
//!
//! The crate's own connections are std's sockets, and would block the worker's thread. But whatever
//! implements its trait [`ConnectionLike`](::redis::ConnectionLike) has all of its commands,
//! pipelines, transactions and scripts, and all that this takes is to send bytes that the crate has
//! encoded and to have it parse the replies.
//!
//! * `connection`: opening a connection, and the trait
//! * `pool`: connections that many coroutines share
//! * `subscriber`: messages that others publish

mod connection;
mod pool;
mod subscriber;

pub use connection::{Client, Connection};
pub use pool::{Pool, Pooled};
pub use subscriber::Subscriber;
