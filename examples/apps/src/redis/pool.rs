//! Connections that many coroutines share.

use std::{
    io,
    ops::{Deref, DerefMut},
    time::Duration,
};

use may::sync::{Mutex, Semaphore, SemaphorePermit};
use redis::{ConnectionLike, RedisResult};

use super::{Client, Connection};

/// A number of connections to one server, opened when they are needed.
///
/// A coroutine that asks for one when all are in use waits for its turn. A connection that comes
/// back out of step, because its user was cancelled in the middle of a request, say, is closed and
/// not given to anybody else.
#[derive(Debug)]
pub struct Pool {
    client: Client,
    /// As many permits as there may be connections.
    permits: Semaphore,
    /// For how long one waits for a permit.
    patience: Duration,
    /// What nobody uses at the moment; the one that was used last comes first.
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    /// Makes a pool of at most `size` connections, for one of which a coroutine waits at most
    /// `patience`.
    ///
    /// # Panics
    ///
    /// If `size` is zero.
    #[must_use]
    pub fn new(client: Client, size: usize, patience: Duration) -> Pool {
        assert!(size > 0, "a pool without connections serves nobody");
        Pool {
            client,
            permits: Semaphore::new(size),
            patience,
            idle: Mutex::new(Vec::with_capacity(size)),
        }
    }

    /// Takes a connection, for as long as the value lives.
    ///
    /// # Errors
    ///
    /// `TimedOut` if none has become free in time; otherwise as [`Client::connect`].
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits, and has taken nothing then.
    pub fn get(&self) -> RedisResult<Pooled<'_>> {
        let Some(permit) = self.permits.acquire_timeout(1, self.patience) else {
            let busy = "all connections of the pool are in use";
            return Err(io::Error::new(io::ErrorKind::TimedOut, busy).into());
        };
        let connection = match self.take_idle() {
            Some(connection) => connection,
            None => self.client.connect()?,
        };
        Ok(Pooled {
            pool: self,
            connection: Some(connection),
            _permit: permit,
        })
    }

    /// Takes a connection that is still good; a server closes those that have been idle for long.
    fn take_idle(&self) -> Option<Connection> {
        loop {
            let connection = self.idle.lock().unwrap().pop()?;
            if connection.is_quiet() {
                return Some(connection);
            }
        }
    }
}

/// A connection of a [`Pool`], which goes back when this is dropped.
#[derive(Debug)]
pub struct Pooled<'a> {
    pool: &'a Pool,
    /// There until this is dropped.
    connection: Option<Connection>,
    /// Given back after the connection.
    _permit: SemaphorePermit<'a>,
}

impl Deref for Pooled<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("there until the drop")
    }
}

impl DerefMut for Pooled<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("there until the drop")
    }
}

impl Drop for Pooled<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take().filter(ConnectionLike::is_open) {
            self.pool.idle.lock().unwrap().push(connection);
        }
    }
}
