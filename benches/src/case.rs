//! What is measured: the cases, their sizes, and who takes part.

use crate::peer::{Crowd, Flow, Locked, Start};

/// One kind of work that every peer does in the same shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// How it is called on the command line.
    pub(crate) name: &'static str,
    /// What it does, in one line.
    pub(crate) title: &'static str,
    /// What the time is counted for.
    pub(crate) unit: &'static str,
    /// The work itself.
    pub(crate) work: Work,
    /// The numbers of workers that it is measured with.
    pub(crate) workers: &'static [usize],
}

/// The work of a case, with its size. A measurement repeats it until enough time has passed, so the
/// size only has to be large enough for its beginning and end not to count.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Start `batch` coroutines and join them, until there were `total`.
    SpawnJoin { total: u64, batch: u64 },
    /// Start `batch` coroutines without handles and wait until all have run, until there were
    /// `total`.
    SpawnDetached { total: u64, batch: u64 },
    /// Let `tasks` coroutines yield, `yields` times together.
    Yield { tasks: u64, yields: u64 },
    /// Let pairs send a number back and forth, `rounds` round trips together.
    PingPong {
        pairs: u64,
        rounds: u64,
        start: Start,
    },
    /// Compute a Fibonacci number with a coroutine for every call above the cutoff.
    Fib { n: u64 },
    /// The same with the peer's own way to do two things at once (`join!`).
    FibJoin { n: u64 },
    /// Sum up the leaves of a tree in which every inner coroutine starts ten others.
    Skynet { leaves: u64 },
    /// Serve so many connections that each send 64 bytes and wait for them to come back.
    Echo { connections: usize },
    /// Hold so many coroutines that wait.
    Parked { count: u64 },
    /// Send messages through one channel.
    Transfer(Flow),
    /// Let a pair send a number back and forth over channels without room, so many round trips.
    Rendezvous { rounds: u64 },
    /// Receive so many messages that are there by a select over two channels, one of them empty.
    SelectReady { messages: u64 },
    /// Let a pair send a number back and forth, so many round trips; each waits by a select over
    /// two channels.
    SelectWaiting { rounds: u64 },
    /// Let some take a lock and give it back.
    Locking(Crowd),
    /// Let a pair wait for each other at a condition variable, so many round trips.
    Condvar { rounds: u64 },
}

/// Calls of `fib` below this argument stay in their coroutine.
pub(crate) const FIB_CUTOFF: u64 = 10;

/// All workers that are compared: one shows the price of the work, two that of sharing it.
const ONE_AND_TWO: &[usize] = &[1, 2];

/// The room in bounded channels.
const ROOM: Option<usize> = Some(100);

/// All cases, in the order of the report.
pub(crate) const CASES: &[Case] = &[
    Case {
        name: "spawn_join",
        title: "start and join, 1000 at a time",
        unit: "ns each",
        work: Work::SpawnJoin {
            total: 1_000_000,
            batch: 1000,
        },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "detach_1000",
        title: "start detached, 1000 at a time",
        unit: "ns each",
        work: Work::SpawnDetached {
            total: 1_000_000,
            batch: 1000,
        },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "detach_all",
        title: "start a million detached at once",
        unit: "ns each",
        work: Work::SpawnDetached {
            total: 1_000_000,
            batch: 1_000_000,
        },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "yield_1",
        title: "yield, one alone",
        unit: "ns each",
        work: Work::Yield {
            tasks: 1,
            yields: 1_000_000,
        },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "yield_1000",
        title: "yield, 1000 taking turns",
        unit: "ns each",
        work: Work::Yield {
            tasks: 1000,
            yields: 2_000_000,
        },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "ping_pong",
        title: "a pair started by a coroutine, back and forth",
        unit: "ns a round trip",
        work: Work::PingPong {
            pairs: 1,
            rounds: 100_000,
            start: Start::Coroutine,
        },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "ping_pong_outside",
        title: "a pair started by a thread, back and forth",
        unit: "ns a round trip",
        work: Work::PingPong {
            pairs: 1,
            rounds: 100_000,
            start: Start::Thread,
        },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "ping_pong_apart",
        title: "a pair forced onto two workers, back and forth",
        unit: "ns a round trip",
        work: Work::PingPong {
            pairs: 1,
            rounds: 10_000,
            start: Start::Apart,
        },
        workers: &[2],
    },
    Case {
        name: "ping_pong_100",
        title: "100 pairs, back and forth",
        unit: "ns a round trip",
        work: Work::PingPong {
            pairs: 100,
            rounds: 200_000,
            start: Start::Coroutine,
        },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "fib",
        title: "fib(30), one started for each call above fib(10)",
        unit: "us a run",
        work: Work::Fib { n: 30 },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "fib_join",
        title: "fib(30), with the peer's join of two",
        unit: "us a run",
        work: Work::FibJoin { n: 30 },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "skynet",
        title: "a tree of tens with a million leaves",
        unit: "us a run",
        work: Work::Skynet { leaves: 1_000_000 },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "echo_64",
        title: "TCP echo, 64 connections, 64 bytes",
        unit: "ns a request",
        work: Work::Echo { connections: 64 },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "echo_1000",
        title: "TCP echo, 1000 connections, 64 bytes",
        unit: "ns a request",
        work: Work::Echo { connections: 1000 },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "parked",
        title: "a million that wait at the same time",
        unit: "ns each, from the first start to the last join",
        work: Work::Parked { count: 1_000_000 },
        workers: &[1],
    },
    Case {
        name: "one_to_one",
        title: "messages from one to one, room for 100",
        unit: "ns a message",
        work: Work::Transfer(Flow {
            senders: 1,
            receivers: 1,
            capacity: ROOM,
            messages: 200_000,
        }),
        workers: ONE_AND_TWO,
    },
    Case {
        name: "one_to_one_unbounded",
        title: "messages from one to one, any room",
        unit: "ns a message",
        work: Work::Transfer(Flow {
            senders: 1,
            receivers: 1,
            capacity: None,
            messages: 200_000,
        }),
        workers: ONE_AND_TWO,
    },
    Case {
        name: "many_to_one",
        title: "messages from 8 to one, room for 100",
        unit: "ns a message",
        work: Work::Transfer(Flow {
            senders: 8,
            receivers: 1,
            capacity: ROOM,
            messages: 200_000,
        }),
        workers: ONE_AND_TWO,
    },
    Case {
        name: "many_to_one_unbounded",
        title: "messages from 8 to one, any room",
        unit: "ns a message",
        work: Work::Transfer(Flow {
            senders: 8,
            receivers: 1,
            capacity: None,
            messages: 200_000,
        }),
        workers: ONE_AND_TWO,
    },
    Case {
        name: "many_to_many",
        title: "messages from 8 to 8, room for 100",
        unit: "ns a message",
        work: Work::Transfer(Flow {
            senders: 8,
            receivers: 8,
            capacity: ROOM,
            messages: 200_000,
        }),
        workers: ONE_AND_TWO,
    },
    Case {
        name: "many_to_many_unbounded",
        title: "messages from 8 to 8, any room",
        unit: "ns a message",
        work: Work::Transfer(Flow {
            senders: 8,
            receivers: 8,
            capacity: None,
            messages: 200_000,
        }),
        workers: ONE_AND_TWO,
    },
    Case {
        name: "rendezvous",
        title: "a pair, back and forth over channels without room",
        unit: "ns a round trip",
        work: Work::Rendezvous { rounds: 100_000 },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "select_ready",
        title: "select over two channels, a message in one of them",
        unit: "ns each",
        work: Work::SelectReady { messages: 100_000 },
        workers: &[1],
    },
    Case {
        name: "select_waiting",
        title: "a pair, back and forth, each waits by select over two channels",
        unit: "ns a round trip",
        work: Work::SelectWaiting { rounds: 50_000 },
        workers: ONE_AND_TWO,
    },
    Case {
        name: "mutex_alone",
        title: "lock and unlock, one alone",
        unit: "ns each",
        work: Work::Locking(Crowd {
            lock: Locked::Mutex,
            readers: 0,
            writers: 1,
            yields: false,
            turns: 2_000_000,
        }),
        workers: &[1],
    },
    Case {
        name: "rwlock_read_alone",
        title: "lock for reading and unlock, one alone",
        unit: "ns each",
        work: Work::Locking(Crowd {
            lock: Locked::RwLock,
            readers: 1,
            writers: 0,
            yields: false,
            turns: 2_000_000,
        }),
        workers: &[1],
    },
    Case {
        name: "rwlock_write_alone",
        title: "lock for writing and unlock, one alone",
        unit: "ns each",
        work: Work::Locking(Crowd {
            lock: Locked::RwLock,
            readers: 0,
            writers: 1,
            yields: false,
            turns: 2_000_000,
        }),
        workers: &[1],
    },
    Case {
        name: "semaphore_alone",
        title: "take and give back the one permit, one alone",
        unit: "ns each",
        work: Work::Locking(Crowd {
            lock: Locked::Semaphore,
            readers: 0,
            writers: 1,
            yields: false,
            turns: 2_000_000,
        }),
        workers: &[1],
    },
    Case {
        name: "mutex_8",
        title: "lock, add, unlock, 8 at once",
        unit: "ns each",
        work: Work::Locking(Crowd {
            lock: Locked::Mutex,
            readers: 0,
            writers: 8,
            yields: false,
            turns: 400_000,
        }),
        workers: ONE_AND_TWO,
    },
    Case {
        name: "mutex_8_yield",
        title: "the same, and yield while holding it",
        unit: "ns each",
        work: Work::Locking(Crowd {
            lock: Locked::Mutex,
            readers: 0,
            writers: 8,
            yields: true,
            turns: 80_000,
        }),
        workers: ONE_AND_TWO,
    },
    Case {
        name: "rwlock_8",
        title: "lock, look or add, unlock, 7 read and 1 writes",
        unit: "ns each",
        work: Work::Locking(Crowd {
            lock: Locked::RwLock,
            readers: 7,
            writers: 1,
            yields: false,
            turns: 400_000,
        }),
        workers: ONE_AND_TWO,
    },
    Case {
        name: "rwlock_8_yield",
        title: "the same, and yield while holding it",
        unit: "ns each",
        work: Work::Locking(Crowd {
            lock: Locked::RwLock,
            readers: 7,
            writers: 1,
            yields: true,
            turns: 80_000,
        }),
        workers: ONE_AND_TWO,
    },
    Case {
        name: "condvar",
        title: "a pair waits for each other at a condition variable",
        unit: "ns a round trip",
        work: Work::Condvar { rounds: 100_000 },
        workers: ONE_AND_TWO,
    },
];

impl Work {
    /// The same work in a tenth of the size, or a third where that already is short.
    pub(crate) fn smaller(self) -> Work {
        match self {
            Work::SpawnJoin { total, batch } => Work::SpawnJoin {
                total: total / 10,
                batch,
            },
            Work::SpawnDetached { total, batch } => Work::SpawnDetached {
                total: total / 10,
                batch: batch.min(total / 10),
            },
            Work::Yield { tasks, yields } => Work::Yield {
                tasks,
                yields: yields / 10,
            },
            Work::PingPong {
                pairs,
                rounds,
                start,
            } => Work::PingPong {
                pairs,
                rounds: rounds / 10,
                start,
            },
            Work::Fib { n } => Work::Fib { n: n - 3 },
            Work::FibJoin { n } => Work::FibJoin { n: n - 3 },
            Work::Skynet { leaves } => Work::Skynet {
                leaves: leaves / 10,
            },
            Work::Echo { connections } => Work::Echo { connections },
            Work::Parked { count } => Work::Parked { count: count / 10 },
            Work::Transfer(flow) => Work::Transfer(Flow {
                messages: flow.messages / 10,
                ..flow
            }),
            Work::Rendezvous { rounds } => Work::Rendezvous {
                rounds: rounds / 10,
            },
            Work::SelectReady { messages } => Work::SelectReady {
                messages: messages / 10,
            },
            Work::SelectWaiting { rounds } => Work::SelectWaiting {
                rounds: rounds / 10,
            },
            Work::Locking(crowd) => Work::Locking(Crowd {
                turns: crowd.turns / 10,
                ..crowd
            }),
            Work::Condvar { rounds } => Work::Condvar {
                rounds: rounds / 10,
            },
        }
    }

    /// How many operations one run consists of, in the unit of its case.
    pub(crate) fn operations(self) -> u64 {
        match self {
            Work::SpawnJoin { total, .. } | Work::SpawnDetached { total, .. } => total,
            Work::Yield { yields, .. } => yields,
            Work::PingPong { rounds, .. }
            | Work::Rendezvous { rounds }
            | Work::SelectWaiting { rounds }
            | Work::Condvar { rounds } => rounds,
            Work::SelectReady { messages } => messages,
            // Counted in whole runs, in microseconds.
            Work::Fib { .. } | Work::FibJoin { .. } | Work::Skynet { .. } => 1000,
            Work::Echo { .. } => 1,
            Work::Parked { count } => count,
            Work::Transfer(flow) => flow.messages,
            Work::Locking(crowd) => crowd.turns,
        }
    }
}

/// Finds a case by its name.
pub(crate) fn find(name: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.name == name)
}
