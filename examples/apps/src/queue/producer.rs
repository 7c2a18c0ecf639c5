//! Adding jobs.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use may::coroutine;
use redis::{Commands, RedisResult, Script};

use super::{Keys, retry::patiently};
use crate::redis::Pool;

/// See `add.lua`.
static ADD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("add.lua")));

/// How many jobs are added at once.
const BATCH: u64 = 100;

/// How long a producer waits before it looks again whether there is room.
const PAUSE: Duration = Duration::from_millis(20);

/// Somebody who adds jobs.
///
/// Its jobs are numbered from 1, and the number is what keeps a job from being added twice: job 7
/// of a producer is the same job, however often it is added, by this process or by a later one of
/// the same name. A name is for one process at a time.
#[derive(Debug)]
pub struct Producer {
    pool: Arc<Pool>,
    keys: Keys,
    name: String,
    /// How many jobs the queue may hold.
    room: u64,
}

impl Producer {
    /// Makes a producer that keeps at most `room` jobs in the queue.
    #[must_use]
    pub fn new(pool: Arc<Pool>, keys: Keys, name: String, room: u64) -> Producer {
        Producer {
            pool,
            keys,
            name,
            room,
        }
    }

    /// Adds the producer's jobs up to number `count`, beginning after the last one that the queue
    /// has; `payload` says what each is. Waits while the queue is full, and while the server cannot
    /// be reached. Returns how many were added.
    ///
    /// # Errors
    ///
    /// What the server says if it refuses.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits. Calling this again goes on where it has ended.
    pub fn add_up_to(&self, count: u64, payload: impl Fn(u64) -> String) -> RedisResult<u64> {
        let begin = self.last()?;
        let mut last = begin;
        while last < count {
            let numbers = last + 1..=count.min(last + BATCH);
            let payloads: Vec<String> = numbers.map(&payload).collect();
            let before = last;
            last = match self.add(last + 1, &payloads) {
                // The server has lost what it had promised to keep; what is gone is added again.
                Err(error) if error.code() == Some("GAP") => self.last()?,
                result => result?,
            };
            if last == before {
                coroutine::sleep(PAUSE);
            }
        }
        Ok(last.saturating_sub(begin))
    }

    /// Adds jobs from number `first` on; returns the number of the last that the queue has.
    fn add(&self, first: u64, payloads: &[String]) -> RedisResult<u64> {
        patiently(&self.pool, |connection| {
            self.keys
                .with(&ADD)
                .arg(&self.name)
                .arg(first)
                .arg(self.room)
                .arg(payloads)
                .invoke(connection)
        })
    }

    /// The number of the last job that the queue has.
    fn last(&self) -> RedisResult<u64> {
        let last: Option<u64> = patiently(&self.pool, |connection| {
            connection.hget(&self.keys.producers, &self.name)
        })?;
        Ok(last.unwrap_or(0))
    }
}
