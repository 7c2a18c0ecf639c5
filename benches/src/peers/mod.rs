//! The peers, one file each, all in the same order and shape.

mod epoll;
mod flume;
mod flume_tokio;
mod may;
mod may03;
mod may_spsc;
mod rayon;
mod smol;
mod std_mpsc;
mod threads;
mod tokio;

use crate::{
    case::{Case, Work},
    peer::{Crowd, Flow, Locked, Peer, Start},
};

/// Room for what one client sends at once; the servers of all peers have the same.
const ECHO_BUFFER: usize = 4096;

/// A runtime that takes part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// How it is called on the command line.
    pub(crate) name: &'static str,
    /// Starts it with so many workers.
    pub(crate) start: fn(usize) -> Box<dyn Peer>,
    /// Whether it does this work.
    part: fn(&Work) -> Part,
}

/// Whether a peer does some work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// It does, with any number of workers.
    Takes,
    /// It does, but has no workers and uses all CPUs: it stands beside the larger number.
    TakesWithAll,
    /// It is not made for that.
    Misses,
    /// It should, but cannot.
    Fails(&'static str),
}

/// All peers; the first is what the others are compared with.
pub(crate) const PEERS: &[Entry] = &[
    Entry {
        name: "may",
        start: may::start,
        part: |_| Part::Takes,
    },
    Entry {
        name: "may-spsc",
        start: may_spsc::start,
        part: |work| match work {
            Work::Transfer(flow) if flow.senders == 1 && flow.receivers == 1 => Part::Takes,
            _ => Part::Misses,
        },
    },
    Entry {
        name: "may-0.3",
        start: may03::start,
        part: |work| match work {
            // It decides itself where coroutines run.
            Work::PingPong {
                start: Start::Apart,
                ..
            } => Part::Misses,
            // It has channels with any room only.
            Work::Rendezvous { .. }
            | Work::Transfer(Flow {
                capacity: Some(_), ..
            }) => Part::Misses,
            // Tried, and waited for in vain: every stack takes two of the 65,530 map entries that
            // the kernel allows, and a spawn that finds no more panics.
            Work::SpawnDetached {
                batch: 30_000.., ..
            }
            | Work::Skynet { .. } => Part::Fails("it ends at 32,741 coroutines"),
            Work::SelectReady { .. } => {
                Part::Fails("an arm overflows the stack of the default size")
            }
            _ => Part::Takes,
        },
    },
    Entry {
        name: "tokio",
        start: tokio::start,
        part: |work| match work {
            // Its channel has one receiver.
            Work::Transfer(flow) if flow.receivers > 1 => Part::Misses,
            _ => what_tasks_do(work),
        },
    },
    Entry {
        name: "smol",
        start: smol::start,
        part: |work| match work {
            // It has no select.
            Work::SelectReady { .. } | Work::SelectWaiting { .. } => Part::Misses,
            _ => what_tasks_do(work),
        },
    },
    Entry {
        name: "rayon",
        start: rayon::start,
        // Its jobs cannot wait, and `join` is how it forks.
        part: |work| match work {
            Work::FibJoin { .. } | Work::Skynet { .. } => Part::Takes,
            _ => Part::Misses,
        },
    },
    Entry {
        name: "threads",
        start: threads::start,
        part: |work| match work {
            Work::SpawnJoin { .. }
            | Work::Yield { .. }
            | Work::PingPong { .. }
            | Work::Echo { .. }
            | Work::Rendezvous { .. }
            | Work::Transfer(_)
            | Work::SelectWaiting { .. }
            | Work::Condvar { .. } => Part::TakesWithAll,
            // One thread alone takes no more than one worker does.
            Work::SelectReady { .. } => Part::Takes,
            Work::Locking(Crowd {
                lock: Locked::Semaphore,
                ..
            }) => Part::Misses,
            // One thread alone takes no more than one worker does.
            Work::Locking(crowd) if crowd.is_one() => Part::Takes,
            Work::Locking(_) => Part::TakesWithAll,
            _ => Part::Misses,
        },
    },
    Entry {
        name: "std-mpsc",
        start: std_mpsc::start,
        part: |work| match work {
            Work::Rendezvous { .. } => Part::TakesWithAll,
            Work::Transfer(flow) if flow.receivers == 1 => Part::TakesWithAll,
            _ => Part::Misses,
        },
    },
    Entry {
        name: "flume",
        start: flume::start,
        part: |work| match work {
            Work::Rendezvous { .. } | Work::Transfer(_) => Part::TakesWithAll,
            _ => Part::Misses,
        },
    },
    Entry {
        name: "flume-tokio",
        start: flume_tokio::start,
        part: |work| match work {
            Work::Rendezvous { .. } | Work::Transfer(_) => Part::Takes,
            _ => Part::Misses,
        },
    },
    Entry {
        name: "epoll",
        start: epoll::start,
        part: |work| match work {
            Work::Echo { .. } => Part::Takes,
            _ => Part::Misses,
        },
    },
];

/// What tasks do: everything but the join of two borrowing branches, channels without room, and
/// condition variables.
fn what_tasks_do(work: &Work) -> Part {
    match work {
        Work::FibJoin { .. } | Work::Rendezvous { .. } | Work::Condvar { .. } => Part::Misses,
        _ => Part::Takes,
    }
}

impl Entry {
    /// Says whether the peer belongs to a case with so many workers; the error is why it fails.
    pub(crate) fn joins(&self, case: &Case, workers: usize) -> Option<Result<(), &'static str>> {
        match (self.part)(&case.work) {
            Part::Takes => Some(Ok(())),
            Part::TakesWithAll => (workers > 1).then_some(Ok(())),
            Part::Misses => None,
            Part::Fails(reason) => Some(Err(reason)),
        }
    }
}

/// Finds a peer by its name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    PEERS.iter().find(|peer| peer.name == name)
}
