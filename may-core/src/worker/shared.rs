//! What the workers of one runtime share: how to reach each other; its start and its end.

use std::fmt;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crossbeam_deque::Worker;
use crossbeam_utils::CachePadded;

use super::idle::Idle;
use super::local::Local;
use super::orders::Orders;
use super::queues::{GlobalQueue, Unstarted, UnstartedQueues};
use super::settings::{RuntimeBuilder, Settings};
use crate::coroutine::header::{Header, flag};
use crate::coroutine::home::Home;
use crate::coroutine::report;
use crate::pool::Pool;
use crate::reactor::{Driver, Registrar};
use crate::stack::overflow;
use crate::util::clock;
use crate::wait::{Alarms, WaitQueue};

/// One worker as the others see it.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Where its coroutines are woken.
    pub(crate) home: Arc<Home>,
    /// Where its descriptors are registered.
    pub(crate) registrar: Arc<Registrar>,
    /// The deadlines of futures that it looks after.
    pub(crate) alarms: Arc<Alarms>,
    /// The unstarted coroutines that it has spawned, or that are assigned to it.
    pub(crate) queues: UnstartedQueues,
    /// How many of its coroutines live; written by the worker.
    pub(crate) live: AtomicUsize,
}

impl Peer {
    /// How many coroutines live here or will.
    pub(crate) fn load(&self) -> usize {
        self.live.load(Ordering::Relaxed) + self.queues.assigned()
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Shared {
    /// What the runtime was started with.
    pub(crate) settings: Settings,
    /// The workers.
    pub(crate) peers: Box<[CachePadded<Peer>]>,
    /// Threads for work that blocks.
    pub(crate) pool: Arc<Pool>,
    /// Which workers sleep, and which one searches for work.
    pub(crate) idle: CachePadded<Idle>,
    /// What plain threads have spawned, for the worker that is free first.
    pub(super) global: GlobalQueue,
    /// What the workers are asked to do at the end.
    pub(super) orders: Orders,
    /// Whose registrar or alarms the next plain thread uses.
    next_for_threads: AtomicUsize,
    /// The workers' threads, until they are joined.
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
    /// How many threads have not been joined.
    unjoined: AtomicUsize,
    /// Waiters for all threads to be joined, for all workers to end, or for all workers to sleep.
    pub(crate) waiters: WaitQueue,
}

impl Shared {
    /// Starts the workers of a runtime.
    ///
    /// # Errors
    ///
    /// If the settings are wrong, or the operating system has no descriptor, no thread or no memory
    /// left. Nothing is left behind then.
    pub(crate) fn start(settings: RuntimeBuilder) -> io::Result<Arc<Shared>> {
        let settings = settings.finish()?;
        report::install();
        overflow::install();
        let mut parts = Vec::new();
        let mut peers = Vec::new();
        let failed = |what, index, error| start_error(what, index, settings.workers, error);
        for index in 0..settings.workers {
            let (driver, waker) =
                Driver::new().map_err(|error| failed("descriptors", index, error))?;
            let deque = Worker::new_lifo();
            let home = Home::new(waker);
            peers.push(CachePadded::new(Peer {
                alarms: Alarms::new(home.clone(), clock::now()),
                home,
                registrar: driver.registrar().clone(),
                queues: UnstartedQueues::new(&deque),
                live: AtomicUsize::new(0),
            }));
            parts.push((driver, deque));
        }
        let shared = Arc::new(Shared {
            peers: peers.into_boxed_slice(),
            pool: Pool::new(settings.blocking_threads, settings.pin_workers),
            idle: CachePadded::new(Idle::new()),
            global: GlobalQueue::new(),
            orders: Orders::new(),
            next_for_threads: AtomicUsize::new(0),
            threads: Mutex::new(Vec::new()),
            unjoined: AtomicUsize::new(0),
            waiters: WaitQueue::new(),
            settings,
        });
        for (index, (driver, deque)) in parts.into_iter().enumerate() {
            let for_worker = shared.clone();
            shared.orders.count_in();
            let started = thread::Builder::new()
                .name(format!("{}-{index}", shared.settings.thread_name))
                .spawn(move || Local::run(for_worker, index, driver, deque));
            match started {
                Ok(thread) => {
                    shared.unjoined.fetch_add(1, Ordering::Relaxed);
                    lock(&shared.threads).push(thread);
                }
                Err(error) => {
                    shared.orders.uncount();
                    shared.stop();
                    // This waits for workers that have nothing to do.
                    shared.join_threads();
                    return Err(start_error("threads", index, shared.workers(), error));
                }
            }
        }
        Ok(shared)
    }

    pub(crate) fn workers(&self) -> usize {
        self.peers.len()
    }

    /// Whether spawning is refused.
    #[inline]
    pub(crate) fn is_stopping(&self) -> bool {
        self.orders.is_stopping()
    }

    /// Whether workers park forever instead of waiting for their coroutines.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.orders.is_given_up()
    }

    /// Takes from the global queue: one coroutine as the result, perhaps more into `deque`.
    #[inline]
    pub(crate) fn take_global(
        &self,
        worker: usize,
        deque: &Worker<Unstarted>,
    ) -> Option<Unstarted> {
        self.global.take(worker, deque, self.is_stopping())
    }

    pub(crate) fn has_global(&self) -> bool {
        !self.global.is_empty()
    }

    pub(crate) fn has_unstarted(&self) -> bool {
        !self.global.is_empty() || self.peers.iter().any(|peer| !peer.queues.is_empty())
    }

    /// The workers that have nothing to do and were not given anything, without the caller's. A
    /// hint.
    pub(super) fn idle_peers(&self, caller: usize) -> impl Iterator<Item = &Peer> {
        let searcher = self.idle.searcher();
        let peers = self.peers.iter().enumerate();
        let is_idle = move |&(index, peer): &(usize, &CachePadded<Peer>)| {
            let has_nothing =
                peer.home.sleep.is_asleep() || searcher == Some(index) || peer.load() == 0;
            has_nothing && index != caller && peer.queues.assigned() == 0
        };
        peers.filter(is_idle).map(|(_, peer)| &**peer)
    }

    /// The registrar for a thread that is no worker.
    pub(crate) fn any_registrar(&self) -> &Arc<Registrar> {
        &self.any_peer().registrar
    }

    /// The alarms for a future that is polled on a thread that is no worker.
    pub(crate) fn any_alarms(&self) -> &Arc<Alarms> {
        &self.any_peer().alarms
    }

    /// One worker after the other, for threads that are none.
    fn any_peer(&self) -> &Peer {
        let next = self.next_for_threads.fetch_add(1, Ordering::Relaxed);
        &self.peers[next % self.workers()]
    }

    /// Asks all workers to cancel what lives and to end.
    pub(crate) fn stop(&self) {
        self.orders.stop();
        self.pool.close();
        self.wake_all_workers();
    }

    fn wake_all_workers(&self) {
        for peer in &self.peers {
            peer.home.wake_if_asleep();
        }
    }

    /// Whether all workers have ended, though their threads may have destructors of thread-locals
    /// to run.
    pub(crate) fn have_ended(&self) -> bool {
        self.orders.have_ended()
    }

    /// How many of the workers' threads have not been joined.
    pub(crate) fn unjoined(&self) -> usize {
        self.unjoined.load(Ordering::Acquire)
    }

    /// Joins the threads of workers that have ended, on a thread of its own: their thread-local
    /// destructors are the user's code, and may take any time. Returns that thread, which ends when
    /// none is left; `None` if the system has no thread left.
    pub(crate) fn begin_joining(self: &Arc<Shared>) -> Option<thread::JoinHandle<()>> {
        let shared = self.clone();
        spawn_thread(move || shared.join_threads())
    }

    fn join_threads(&self) {
        loop {
            let thread = lock(&self.threads).pop();
            let Some(thread) = thread else { return };
            // A worker does not panic; if it did, its report was printed.
            let _ = thread.join();
            self.unjoined.fetch_sub(1, Ordering::Release);
            self.waiters.wake_all();
        }
    }

    /// Whether no coroutine is left.
    ///
    /// Then all workers sleep, no coroutine lives and none is to be started. Only a plain thread
    /// can change that. So it does not matter that the parts are looked at one after the other.
    pub(crate) fn is_quiet(&self) -> bool {
        self.idle.all_sleep(self.workers()) && self.alive() == 0 && !self.has_unstarted() && {
            let mut peers = self.peers.iter();
            peers.all(|peer| peer.home.inbox().is_empty())
        }
    }

    /// About how many coroutines have started and not ended.
    pub(crate) fn alive(&self) -> usize {
        self.peers
            .iter()
            .map(|peer| peer.live.load(Ordering::Relaxed))
            .sum()
    }

    /// Gives up the coroutines that have started and not ended (R9); returns how many. The
    /// unstarted ones end, also those that lie with workers that never come back.
    pub(crate) fn give_up(self: &Arc<Shared>) -> usize {
        let left = self.alive();
        self.orders.give_up(|| {
            let shared = self.clone();
            // If the system has no thread to give they end when their workers come back.
            let _ = spawn_thread(move || shared.end_unclaimed());
        });
        self.wake_all_workers();
        lock(&self.threads).clear();
        left
    }

    /// Counts a worker out that has ended. For its thread, which is a plain one by now.
    pub(crate) fn count_out_worker(&self) {
        self.orders.count_out(|| self.end_unclaimed());
        self.waiters.wake_all();
    }

    /// Ends the unstarted coroutines that no worker will take: drops their closures; their joins
    /// return `Cancelled`.
    ///
    /// Workers may still run, if they were given up: what has started is left to them.
    pub(super) fn end_unclaimed(&self) {
        let end = |coroutine: NonNull<Header>| {
            // SAFETY: (R1) a coroutine in no queue is ours; cancelled before its start it runs no
            // code of the user but the destructor of its closure, for which any stack will do.
            unsafe {
                coroutine
                    .as_ref()
                    .strand
                    .flags
                    .fetch_or(flag::CANCELLED, Ordering::Relaxed);
                Header::run_unstarted(coroutine);
            }
        };
        while let Some(Unstarted(coroutine)) = self.global.take_any() {
            end(coroutine);
        }
        for peer in &self.peers {
            while let Some(Unstarted(coroutine)) = peer.queues.take_any() {
                end(coroutine);
            }
            peer.home.inbox().take_all(|coroutine| {
                // SAFETY: (R1) what is queued has not ended, so the runtime's reference keeps it.
                if unsafe { coroutine.as_ref() }.home().is_null() {
                    end(coroutine);
                } else {
                    // SAFETY: (R9) it is in no queue now, and its worker is the one from whose
                    // inbox it comes.
                    unsafe { Home::send(NonNull::from(&*peer.home), coroutine) };
                }
            });
        }
    }
}

/// Runs `f`, in which there may be code of the user's, without waiting for it.
fn spawn_thread(f: impl FnOnce() + Send + 'static) -> Option<thread::JoinHandle<()>> {
    let builder = thread::Builder::new().name("may-shutdown".to_owned());
    builder.spawn(f).ok()
}

/// A runtime could not start.
#[derive(Debug)]
struct StartError {
    /// What there was not enough of.
    what: &'static str,
    /// How many workers there would have been enough for.
    enough_for: usize,
    workers: usize,
    source: io::Error,
}

/// The system's error, with a text that says what to do.
fn start_error(
    what: &'static str,
    enough_for: usize,
    workers: usize,
    source: io::Error,
) -> io::Error {
    let kind = source.kind();
    let error = StartError {
        what,
        enough_for,
        workers,
        source,
    };
    io::Error::new(kind, error)
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StartError {
            what,
            enough_for,
            workers,
            source,
        } = self;
        write!(
            f,
            "the system has {what} for {enough_for} of {workers} workers: {source}\n\
             help: allow the process more {what} (`ulimit -n` for descriptors, `ulimit -u` for threads), or ask for fewer workers \
             (`MAY_WORKERS`)"
        )
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Locks a mutex of this module; nothing in it panics halfway through a change.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
