//! What a peer has to do: the same shapes of work for every runtime.
//!
//! A method returns how long its work took, without starting the runtime, or `None` where the peer
//! cannot do that kind of work at all.

use std::{net::SocketAddr, time::Duration};

use crate::system::Memory;

/// Who starts the two sides of a ping-pong pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// A coroutine: both sides begin on its worker.
    Coroutine,
    /// The main thread: they come from outside.
    Thread,
    /// Peers that can make them run on two different workers.
    Apart,
}

/// Messages that pass through one channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    /// How many send.
    pub(crate) senders: usize,
    /// How many receive.
    pub(crate) receivers: usize,
    /// How many messages the channel has room for; any number if nothing is said.
    pub(crate) capacity: Option<usize>,
    /// How many messages there are, from all senders together.
    pub(crate) messages: u64,
}

impl Flow {
    /// How many messages each sender sends.
    pub(crate) fn each(self) -> u64 {
        self.messages / self.senders as u64
    }
}

/// What is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    /// A mutex, by writers.
    Mutex,
    /// A lock for many readers or one writer.
    RwLock,
    /// A semaphore with one permit, by writers.
    Semaphore,
}

/// Those who take one lock and give it back, again and again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    /// What they lock.
    pub(crate) lock: Locked,
    /// How many look at what it guards.
    pub(crate) readers: u64,
    /// How many change it.
    pub(crate) writers: u64,
    /// Whether they yield while they hold it, so that others find it held also on one worker.
    pub(crate) yields: bool,
    /// How often they take it, all together.
    pub(crate) turns: u64,
}

impl Crowd {
    /// How often each of them takes the lock.
    pub(crate) fn each(self) -> u64 {
        self.turns / (self.readers + self.writers)
    }

    /// Whether there is nothing to wait for.
    pub(crate) fn is_one(self) -> bool {
        self.readers + self.writers == 1
    }
}

/// What holding many waiting coroutines costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parked {
    /// From the first start until all wait.
    pub(crate) create: Duration,
    /// From the first wake-up until all are joined.
    pub(crate) wake: Duration,
    /// The process before the first start.
    pub(crate) before: Memory,
    /// The process while all wait.
    pub(crate) parked: Memory,
    /// The process after all were joined.
    pub(crate) after: Memory,
}

/// A runtime under measurement.
pub(crate) trait Peer {
    /// Starts and joins `batch` coroutines at a time, `total` in all.
    fn spawn_join(&self, _total: u64, _batch: u64) -> Option<Duration> {
        None
    }

    /// Starts `batch` coroutines at a time without keeping handles, `total` in all; the last of a
    /// batch wakes the one that started it.
    fn spawn_detached(&self, _total: u64, _batch: u64) -> Option<Duration> {
        None
    }

    /// Lets `tasks` coroutines yield `each` times.
    fn yield_now(&self, _tasks: u64, _each: u64) -> Option<Duration> {
        None
    }

    /// Lets `pairs` pairs exchange `each` round trips over two channels with room for one message.
    fn ping_pong(&self, _pairs: u64, _each: u64, _start: Start) -> Option<Duration> {
        None
    }

    /// Computes a Fibonacci number: every call starts one branch, runs the other itself and joins.
    fn fib(&self, _n: u64) -> Option<(u64, Duration)> {
        None
    }

    /// Computes a Fibonacci number with the way to run two branches that the peer recommends.
    fn fib_join(&self, _n: u64) -> Option<(u64, Duration)> {
        None
    }

    /// Sums up the numbers below `leaves`, in a tree in which every coroutine starts ten.
    fn skynet(&self, _leaves: u64) -> Option<(u64, Duration)> {
        None
    }

    /// Holds `count` coroutines that wait, then wakes and joins them.
    fn parked(&self, _count: u64) -> Option<Parked> {
        None
    }

    /// Sends messages through one channel until all have arrived.
    fn transfer(&self, _flow: Flow) -> Option<Duration> {
        None
    }

    /// Lets a pair exchange `rounds` round trips over two channels without room.
    fn rendezvous(&self, _rounds: u64) -> Option<Duration> {
        None
    }

    /// Receives `messages` that are in one channel by a select over that and an empty one; only the
    /// receiving is counted.
    fn select_ready(&self, _messages: u64) -> Option<Duration> {
        None
    }

    /// Lets a pair exchange `rounds` round trips; there are two channels in each direction, used by
    /// turns, and who waits does so by a select over both.
    fn select_waiting(&self, _rounds: u64) -> Option<Duration> {
        None
    }

    /// Lets a crowd take a lock and give it back.
    fn locking(&self, _crowd: Crowd) -> Option<Duration> {
        None
    }

    /// Lets a pair hand the turn back and forth `rounds` times: each waits at a condition variable
    /// until it has it.
    fn condvar(&self, _rounds: u64) -> Option<Duration> {
        None
    }

    /// Listens on a free port of 127.0.0.1 and serves echo in the background for as long as the
    /// process lives.
    fn echo(&self) -> Option<SocketAddr> {
        None
    }
}

/// The part of `fib` that all peers compute in place.
pub(crate) fn fib_in_place(n: u64) -> u64 {
    if n < 2 {
        n
    } else {
        fib_in_place(n - 1) + fib_in_place(n - 2)
    }
}
