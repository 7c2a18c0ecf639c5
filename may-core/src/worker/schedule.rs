//! From `spawn` to a worker: the queue into which a new coroutine goes, and who is woken to look
//! there.
//!
//! ```text
//!   Builder::spawn_unchecked        makes the task
//!   Shared::schedule                chooses between
//!     Shared::push_local              the calling worker's deque, from which others may steal
//!     Shared::push_remote             another worker's queues, or the one of all
//!   Shared::wake_searcher           wakes a worker if all that could look there sleep (`idle.rs`)
//! ```

use std::fmt;
use std::io;
use std::ptr::NonNull;

use super::local::{Local, with_local};
use super::queues::Unstarted;
use super::shared::{Peer, Shared};
use crate::coroutine::header::Header;
use crate::coroutine::home::Home;
use crate::prim::{Ordering, fence};

/// Where a new coroutine starts.
///
/// A coroutine stays with the worker on which it starts, so the choice is for life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placement {
    /// With the worker of the coroutine that spawns it, unless another worker runs out of work
    /// first. Of several that are spawned together and wait for the same, workers that have nothing
    /// to do get their part, so that a pool of consumers uses all processors. For a coroutine that
    /// accepts connections this is [`Spread`](Placement::Spread): connections live long, and would
    /// all stay where they were accepted. For a plain thread it is the worker that is free first.
    #[default]
    Auto,
    /// With the worker of the coroutine that spawns it, unless another worker runs out of work
    /// first.
    Here,
    /// With the worker that has the fewest live coroutines.
    Spread,
    /// With exactly this worker, counted from zero; never stolen.
    Worker(usize),
}

/// Why a coroutine was not spawned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SpawnError {
    /// The runtime is being shut down, or was.
    Stopped,
    /// `Placement::Worker` names a worker that there is not.
    NoSuchWorker {
        /// The number that was asked for.
        worker: usize,
        /// How many there are.
        workers: usize,
    },
    /// `spawn_local` was called outside a worker.
    NoWorker,
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpawnError::Stopped => f.write_str("the runtime has been shut down, nothing can be spawned on it"),
            SpawnError::NoSuchWorker { worker, workers } => write!(
                f,
                "there is no worker {worker}: the runtime has {workers}, counted from 0"
            ),
            SpawnError::NoWorker => f.write_str(
                "`spawn_local` was called outside a coroutine: what it spawns stays with the caller's worker, and a plain thread has none",
            ),
        }
    }
}

impl std::error::Error for SpawnError {}

impl From<SpawnError> for io::Error {
    fn from(error: SpawnError) -> io::Error {
        let kind = match error {
            SpawnError::Stopped => io::ErrorKind::Other,
            SpawnError::NoSuchWorker { .. } | SpawnError::NoWorker => io::ErrorKind::InvalidInput,
        };
        io::Error::new(kind, error)
    }
}

impl Shared {
    /// Whether a coroutine may be spawned with this placement; to be asked before it is made.
    pub(crate) fn admit(&self, placement: Placement) -> Result<(), SpawnError> {
        if self.is_stopping() {
            return Err(SpawnError::Stopped);
        }
        match placement {
            Placement::Worker(worker) if worker >= self.workers() => {
                Err(SpawnError::NoSuchWorker {
                    worker,
                    workers: self.workers(),
                })
            }
            _ => Ok(()),
        }
    }

    /// Queues a new coroutine, and wakes a worker for it if need be. The placement was admitted.
    #[inline]
    pub(crate) fn schedule(&self, unstarted: Unstarted, placement: Placement) {
        let placement = match placement {
            Placement::Auto if accepts() => Placement::Spread,
            Placement::Auto => Placement::Here,
            other => other,
        };
        // Nothing of the worker is borrowed beyond the closure (R5).
        let remote = with_local(|local| {
            let Some(local) = local.filter(|local| local.belongs_to(self)) else {
                return Some(unstarted);
            };
            match placement {
                Placement::Auto | Placement::Here => self.push_local(local, unstarted),
                Placement::Worker(worker) if worker == local.index => local.enqueue(unstarted.0),
                Placement::Spread | Placement::Worker(_) => return Some(unstarted),
            }
            None
        });
        if let Some(unstarted) = remote {
            self.push_remote(unstarted, placement);
        }
    }

    /// Pushes a new coroutine onto the calling worker's deque.
    #[inline]
    fn push_local(&self, local: &Local, unstarted: Unstarted) {
        if self.workers() == 1 {
            return local.deque.push(unstarted);
        }
        local.siblings.set(None);
        let queues = &local.peer().queues;
        let must_wake = queues.push(&local.deque, unstarted, self.idle.thieves());
        self.wake_searcher();
        if must_wake {
            queues.restart_age();
        }
    }

    /// Queues a new coroutine where another worker finds it.
    #[cold]
    fn push_remote(&self, unstarted: Unstarted, placement: Placement) {
        match placement {
            Placement::Worker(worker) => {
                let home = NonNull::from(&*self.peers[worker].home);
                // SAFETY: (R9) `self` keeps the home; what has not been scheduled is in no queue.
                unsafe { Home::send(home, unstarted.0) };
            }
            Placement::Spread => {
                let peer = self.least_loaded();
                peer.queues.assign(unstarted);
                if !peer.home.wake_if_asleep() {
                    // It runs, and a coroutine may keep it from looking there. Then another worker
                    // is to steal this one.
                    self.wake_searcher();
                }
            }
            Placement::Auto | Placement::Here => {
                self.global.push(unstarted);
                fence(Ordering::SeqCst);
                match self.idle.searcher() {
                    // It may be in the middle of a pause.
                    Some(searcher) => drop(self.peers[searcher].home.wake_if_asleep()),
                    None => self.wake_searcher(),
                }
            }
        }
        // All workers may have ended, or been given up, since the admission.
        self.orders.end_if_unclaimed(|| self.end_unclaimed());
    }

    fn least_loaded(&self) -> &Peer {
        let least = self.peers.iter().min_by_key(|peer| peer.load());
        least.expect("a runtime has at least one worker")
    }

    /// Wakes a worker as the searcher, if there is none and a worker sleeps.
    #[inline]
    pub(crate) fn wake_searcher(&self) {
        if self.workers() > 1 {
            let home = |worker: usize| &*self.peers[worker].home;
            self.idle.wake_searcher(
                self.workers(),
                |worker| &home(worker).sleep,
                |worker| home(worker).wake(),
            );
        } else {
            // The only worker, which does not sleep if it is the caller.
            self.peers[0].home.wake_if_asleep();
        }
    }
}

/// Whether the running coroutine accepts connections.
#[inline]
fn accepts() -> bool {
    // SAFETY: (R1) the running coroutine's block lives while it runs.
    Header::current().is_some_and(|coroutine| unsafe { coroutine.as_ref() }.accepts())
}
