//! Every kind of channel under cancellations and timeouts at random: no message is lost and none
//! arrives twice, by exact sums of what was sent and what was received or is still inside.
//!
//! The work is done in shifts: each helper sends or receives a few messages and ends, is cancelled,
//! or runs into a limit. What it has done it notes at once, in counters that it shares with the
//! test: between a call that has returned and the note about it there is nothing that can be
//! interrupted. `MAY_MESSAGES` says how many messages each flavour carries at least; With
//! `ci/channel-storm.sh` it carries ten million.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use may::Runtime;
use may::channel::{self, TryRecvError};
use may::coroutine::{self, JoinHandle};
use may::sync::{broadcast, mpsc, oneshot, watch};
use may::time;
use may_tests::{Random, end, eventually, runtime, watchdog_for, with_seeds};

/// How many messages each flavour is to carry.
fn messages() -> u64 {
    let set = std::env::var("MAY_MESSAGES").ok();
    set.map_or(50_000, |set| set.parse().expect("MAY_MESSAGES is a number"))
}

/// How many messages one shift handles.
const SHIFT: u64 = 50;
/// How many shifts of a kind are at work at a time.
const AT_ONCE: usize = 8;

/// The number of messages, their sum and the sum of their squares: what tells lost from doubled
/// messages.
#[derive(Debug, Default)]
struct Tally {
    count: AtomicU64,
    sum: AtomicU64,
    squares: AtomicU64,
}

impl Tally {
    fn add(&self, message: u64) {
        self.count.fetch_add(1, SeqCst);
        self.sum.fetch_add(message, SeqCst);
        self.squares
            .fetch_add(message.wrapping_mul(message), SeqCst);
    }

    fn all(&self) -> [u64; 3] {
        [&self.count, &self.sum, &self.squares].map(|counter| counter.load(SeqCst))
    }
}

/// What a run counts.
#[derive(Debug, Default)]
struct Books {
    /// The number of the next message; each is sent at most once.
    next: AtomicU64,
    sent: Tally,
    received: Tally,
}

impl Books {
    fn message(&self) -> u64 {
        self.next.fetch_add(1, SeqCst)
    }
}

/// A shift at work.
enum Worker {
    Coroutine(JoinHandle<()>),
    Thread(std::thread::JoinHandle<()>),
}

/// Starts shifts, cancels some of them, and starts others for those that have ended.
struct Crew<'a> {
    runtime: &'a Runtime,
    /// Whether every fourth shift has a thread of its own.
    mixed: bool,
    random: Random,
    started: usize,
    at_work: Vec<Worker>,
}

impl<'a> Crew<'a> {
    fn new(runtime: &'a Runtime, mixed: bool, random: Random) -> Crew<'a> {
        Crew {
            runtime,
            mixed,
            random,
            started: 0,
            at_work: Vec::new(),
        }
    }

    /// Has so many shifts at work, some of which are cancelled sooner or later.
    fn keep(&mut self, count: usize, mut shift: impl FnMut(Random) -> Box<dyn FnOnce() + Send>) {
        self.at_work.retain_mut(|worker| match worker {
            Worker::Coroutine(coroutine) => !coroutine.is_finished(),
            Worker::Thread(thread) => !thread.is_finished(),
        });
        while self.at_work.len() < count {
            self.started += 1;
            let body = shift(self.random.fork());
            let worker = match self.mixed && self.started.is_multiple_of(4) {
                true => Worker::Thread(std::thread::spawn(body)),
                false => Worker::Coroutine(self.runtime.spawn(body)),
            };
            self.at_work.push(worker);
        }
        for worker in &self.at_work {
            if let Worker::Coroutine(coroutine) = worker
                && self.random.below(20) == 0
            {
                coroutine.cancel();
            }
        }
    }

    /// Waits for those at work.
    ///
    /// # Panics
    ///
    /// If a shift has panicked.
    fn dismiss(self) {
        for worker in self.at_work {
            let end = match worker {
                Worker::Coroutine(coroutine) => coroutine.join(),
                Worker::Thread(thread) => thread.join(),
            };
            if let Err(payload) = end {
                assert!(payload.is::<coroutine::Cancelled>(), "a shift has panicked");
            }
        }
    }
}

/// Runs `body` on one, two and four workers, and mixed with threads, each with its share of the
/// messages.
#[track_caller]
fn storm(body: impl Fn(&Runtime, bool, u64, Random)) {
    let share = messages() / 4;
    let _watchdog = watchdog_for(Duration::from_secs(60 + messages() / 2_000));
    for (workers, mixed) in [(1, false), (2, false), (4, false), (2, true)] {
        with_seeds(1, |random| {
            let runtime = runtime(workers);
            body(&runtime, mixed, share, random);
            end(runtime);
        });
    }
}

/// A limit so short that it mostly elapses in a wait, and rarely beside one.
fn limit(random: &mut Random) -> Duration {
    Duration::from_nanos(random.below(30_000))
}

/// A shift of sending in one of the ways that a channel has.
fn send(tx: &channel::Sender<u64>, books: &Books, random: &mut Random) {
    for _ in 0..SHIFT {
        let message = books.message();
        let sent = match random.below(8) {
            0 => tx.try_send(message).is_ok(),
            1 => tx.send_timeout(message, limit(random)).is_ok(),
            2 => time::timeout(limit(random), || tx.send(message)).is_ok_and(|sent| sent.is_ok()),
            3 => match time::timeout(limit(random), || tx.reserve().unwrap()) {
                // In a rendezvous channel this waits, without any limit.
                Ok(permit) if random.below(4) > 0 => permit.send(message).is_ok(),
                _ => false,
            },
            4 => match tx.try_reserve() {
                Ok(permit) => {
                    // Cancelled here, the slot is given back.
                    coroutine::yield_now();
                    permit.send(message).is_ok()
                }
                Err(_) => false,
            },
            _ => tx.send(message).is_ok(),
        };
        if sent {
            books.sent.add(message);
        }
    }
}

/// A shift of receiving in one of the ways that a channel has; `stop` says that the rest is left
/// inside.
fn receive(rx: &channel::Receiver<u64>, books: &Books, random: &mut Random, stop: &AtomicBool) {
    for _ in 0..SHIFT {
        if stop.load(SeqCst) {
            return;
        }
        let received = match random.below(8) {
            0 => rx.try_recv().ok(),
            1 => rx.recv_timeout(limit(random)).ok(),
            2 => time::timeout(limit(random), || rx.recv())
                .ok()
                .and_then(Result::ok),
            _ => rx.recv().ok(),
        };
        if let Some(message) = received {
            books.received.add(message);
        }
    }
}

/// The storm over one of crossbeam-channel's kinds.
fn storm_of(make: fn() -> (channel::Sender<u64>, channel::Receiver<u64>)) {
    storm(|runtime, mixed, share, mut random| {
        let (tx, rx) = make();
        let books = Arc::new(Books::default());
        let stop = Arc::new(AtomicBool::new(false));
        let mut senders = Crew::new(runtime, mixed, random.fork());
        let mut receivers = Crew::new(runtime, mixed, random.fork());
        while books.received.count.load(SeqCst) < share {
            senders.keep(AT_ONCE, |mut random| {
                let (tx, books) = (tx.clone(), books.clone());
                Box::new(move || send(&tx, &books, &mut random))
            });
            receivers.keep(AT_ONCE, |mut random| {
                let (rx, books, stop) = (rx.clone(), books.clone(), stop.clone());
                Box::new(move || receive(&rx, &books, &mut random, &stop))
            });
            std::thread::sleep(Duration::from_micros(100));
        }
        // The receivers stay until the senders have ended; what is inside then counts as received.
        drop(tx);
        let late = {
            let (rx, books) = (rx.clone(), books.clone());
            runtime.spawn(move || rx.iter().for_each(|message| books.received.add(message)))
        };
        senders.dismiss();
        late.join().unwrap();
        stop.store(true, SeqCst);
        receivers.dismiss();
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(books.sent.all(), books.received.all());
    });
}

#[test]
fn bounded_1() {
    storm_of(|| channel::bounded(1));
}

#[test]
fn bounded_7() {
    storm_of(|| channel::bounded(7));
}

#[test]
fn rendezvous() {
    storm_of(|| channel::bounded(0));
}

#[test]
fn unbounded() {
    storm_of(channel::unbounded);
}

/// With one receiver, which comes back: it is cancelled and another coroutine goes on with it.
#[test]
fn mpsc_with_a_receiver_that_changes_hands() {
    storm(|runtime, mixed, share, mut random| {
        for bound in [None, Some(3)] {
            let books = Arc::new(Books::default());
            let (hand_over, take_over) = channel::bounded::<mpsc::Receiver<u64>>(1);
            /// Hands the receiver on, whatever ends the shift.
            struct HandOver(
                Option<mpsc::Receiver<u64>>,
                channel::Sender<mpsc::Receiver<u64>>,
            );
            impl Drop for HandOver {
                fn drop(&mut self) {
                    let rx = self.0.take().expect("it is taken once");
                    self.1.try_send(rx).expect("there is one receiver");
                }
            }
            /// Either kind of sender.
            #[derive(Clone)]
            enum Tx {
                Async(mpsc::Sender<u64>),
                Sync(mpsc::SyncSender<u64>),
            }
            let (tx, rx) = match bound {
                None => {
                    let (tx, rx) = mpsc::channel();
                    (Tx::Async(tx), rx)
                }
                Some(bound) => {
                    let (tx, rx) = mpsc::sync_channel(bound);
                    (Tx::Sync(tx), rx)
                }
            };
            hand_over.send(rx).unwrap();
            let mut senders = Crew::new(runtime, mixed, random.fork());
            let mut receivers = Crew::new(runtime, mixed, random.fork());
            while books.received.count.load(SeqCst) < share / 2 {
                senders.keep(AT_ONCE, |mut random| {
                    let (tx, books) = (tx.clone(), books.clone());
                    Box::new(move || {
                        for _ in 0..SHIFT {
                            let message = books.message();
                            let sent = match &tx {
                                Tx::Async(tx) => tx.send(message).is_ok(),
                                Tx::Sync(tx) if random.below(4) == 0 => {
                                    tx.try_send(message).is_ok()
                                }
                                Tx::Sync(tx) if random.below(3) == 0 => {
                                    time::timeout(limit(&mut random), || tx.send(message))
                                        .is_ok_and(|sent| sent.is_ok())
                                }
                                Tx::Sync(tx) => tx.send(message).is_ok(),
                            };
                            if sent {
                                books.sent.add(message);
                            }
                        }
                    })
                });
                receivers.keep(2, |mut random| {
                    let (hand_over, take_over) = (hand_over.clone(), take_over.clone());
                    let books = books.clone();
                    Box::new(move || {
                        // Nothing that can be interrupted lies between having it and being bound to
                        // hand it over.
                        let Ok(rx) = take_over.recv_timeout(Duration::from_millis(10)) else {
                            return;
                        };
                        let mine = HandOver(Some(rx), hand_over);
                        let rx = mine.0.as_ref().expect("until it is dropped");
                        for _ in 0..4 * SHIFT {
                            let received = match random.below(6) {
                                0 => rx.try_recv().ok(),
                                1 => rx.recv_timeout(limit(&mut random)).ok(),
                                2 => time::timeout(limit(&mut random), || rx.recv())
                                    .ok()
                                    .and_then(Result::ok),
                                _ => rx.recv_timeout(Duration::from_millis(10)).ok(),
                            };
                            if let Some(message) = received {
                                books.received.add(message);
                            }
                        }
                    })
                });
                std::thread::sleep(Duration::from_micros(100));
            }
            drop(tx);
            receivers.dismiss();
            let rx = take_over.recv().unwrap();
            let counts = books.clone();
            let late = runtime.spawn(move || {
                rx.iter().for_each(|message| counts.received.add(message));
            });
            senders.dismiss();
            late.join().unwrap();
            assert_eq!(books.sent.all(), books.received.all());
        }
    });
}

#[test]
fn oneshots() {
    storm(|runtime, mixed, share, mut random| {
        let books = Arc::new(Books::default());
        // Values that were sent and neither received nor given back were dropped, and counted.
        let dropped = Arc::new(Tally::default());
        struct Value(u64, Option<Arc<Tally>>);
        impl Value {
            fn take(mut self) -> u64 {
                self.1 = None;
                self.0
            }
        }
        impl Drop for Value {
            fn drop(&mut self) {
                if let Some(dropped) = self.1.take() {
                    dropped.add(self.0);
                }
            }
        }
        let mut crew = Crew::new(runtime, mixed, random.fork());
        while books.next.load(SeqCst) < share {
            crew.keep(2 * AT_ONCE, |mut random| {
                let (books, dropped) = (books.clone(), dropped.clone());
                Box::new(move || {
                    for _ in 0..SHIFT {
                        let (tx, rx) = oneshot::channel();
                        let message = books.message();
                        let value = Value(message, Some(dropped.clone()));
                        let noted = books.clone();
                        let waits = random.below(4) == 0;
                        let sends = move || {
                            if waits {
                                coroutine::yield_now();
                            }
                            match tx.send(value) {
                                Ok(()) => noted.sent.add(message),
                                Err(value) => drop(value.take()),
                            }
                        };
                        // If it is cancelled before it has sent, the value is dropped with the
                        // closure: that is not sent.
                        let sends = Unsent(Some(sends), message, books.clone());
                        let sender = match coroutine::is_coroutine() {
                            true => Some(coroutine::spawn(move || sends.run())),
                            false => {
                                sends.run();
                                None
                            }
                        };
                        if let Some(sender) = &sender
                            && random.below(8) == 0
                        {
                            sender.cancel();
                        }
                        let received = match random.below(4) {
                            0 => rx.try_recv().ok(),
                            1 => rx.recv_timeout(limit(&mut random)).ok(),
                            2 => time::timeout(limit(&mut random), || rx.recv())
                                .ok()
                                .and_then(Result::ok),
                            _ => rx.recv().ok(),
                        };
                        if let Some(value) = received {
                            books.received.add(value.take());
                        }
                    }
                })
            });
            std::thread::sleep(Duration::from_micros(100));
        }
        crew.dismiss();
        let whole = || {
            let [sent, received, dropped] =
                [&books.sent, &books.received, &*dropped].map(Tally::all);
            (0..3).all(|i| sent[i] == received[i].wrapping_add(dropped[i]))
        };
        // The senders whose shift was cancelled end by themselves.
        eventually("each value that was sent was received or dropped", whole);
    });
}

/// Notes a value that was never sent as sent, because it was dropped with its sender's closure,
/// which counts as dropped.
struct Unsent<F: FnOnce()>(Option<F>, u64, Arc<Books>);

impl<F: FnOnce()> Unsent<F> {
    fn run(mut self) {
        let run = self.0.take().expect("it runs once");
        /// In `run`, until it has returned, the value is dropped if it unwinds.
        struct Unwinds<'a>(u64, &'a Books, bool);
        impl Drop for Unwinds<'_> {
            fn drop(&mut self) {
                if self.2 {
                    self.1.sent.add(self.0);
                }
            }
        }
        let mut unwinds = Unwinds(self.1, &self.2, true);
        run();
        unwinds.2 = false;
    }
}

impl<F: FnOnce()> Drop for Unsent<F> {
    fn drop(&mut self) {
        if self.0.is_some() {
            self.2.sent.add(self.1);
        }
    }
}

/// With room for everything: a receiver that is there from the beginning gets all, though
/// coroutines that receive for it are cancelled.
#[test]
fn broadcasts() {
    const RECEIVERS: usize = 3;
    storm(|runtime, mixed, share, mut random| {
        let share = share / RECEIVERS as u64;
        let books = Arc::new(Books::default());
        // Senders stop before it overflows.
        let (tx, rx) = broadcast::channel((share + SHIFT * 4 * AT_ONCE as u64) as usize);
        let got: Vec<_> = (0..RECEIVERS)
            .map(|_| {
                let rx = rx.resubscribe();
                Arc::new((may::sync::Mutex::new(rx), Tally::default()))
            })
            .collect();
        drop(rx);
        let mut senders = Crew::new(runtime, mixed, random.fork());
        let mut receivers = Crew::new(runtime, mixed, random.fork());
        let receive = |mut random: Random| -> Box<dyn FnOnce() + Send> {
            let mine = got[random.below(RECEIVERS as u64) as usize].clone();
            Box::new(move || {
                let mut rx = mine.0.lock().unwrap();
                for _ in 0..4 * SHIFT {
                    let received = match random.below(4) {
                        0 => rx.try_recv(),
                        1 => rx.recv_timeout(limit(&mut random)),
                        2 => time::timeout(limit(&mut random), || rx.recv())
                            .map_or(Err(broadcast::TryRecvError::Empty), |received| {
                                received.map_err(Into::into)
                            }),
                        _ => rx.recv_timeout(Duration::from_millis(1)),
                    };
                    match received {
                        Ok(message) => mine.1.add(message),
                        Err(broadcast::TryRecvError::Lagged(_)) => panic!("there is room for all"),
                        Err(_) => {}
                    }
                }
            })
        };
        while books.sent.count.load(SeqCst) < share {
            let left = share.saturating_sub(books.sent.count.load(SeqCst)) / SHIFT;
            senders.keep(AT_ONCE.min(left as usize + 1), |mut random| {
                let (tx, books) = (tx.clone(), books.clone());
                Box::new(move || {
                    for _ in 0..SHIFT {
                        let message = books.message();
                        assert_eq!(tx.send(message), Ok(RECEIVERS));
                        books.sent.add(message);
                        if random.below(4) == 0 {
                            coroutine::yield_now();
                        }
                    }
                })
            });
            receivers.keep(2 * RECEIVERS, receive);
            std::thread::sleep(Duration::from_micros(100));
        }
        senders.dismiss();
        drop(tx);
        receivers.dismiss();
        for mine in got {
            let mut rx = mine.0.lock().unwrap();
            while let Ok(message) = rx.recv() {
                mine.1.add(message);
            }
            assert_eq!(mine.1.all(), books.sent.all());
        }
    });
}

/// Values in between may be missed, the last one not: each of several rounds ends when all have
/// seen its last value.
#[test]
fn watches() {
    const ROUND: u64 = 50;
    storm(|runtime, mixed, share, mut random| {
        let (tx, rx) = watch::channel(0_u64);
        let tx = Arc::new(tx);
        let mut receivers = Crew::new(runtime, mixed, random.fork());
        let followers: Vec<_> = (0..AT_ONCE)
            .map(|_| Arc::new((may::sync::Mutex::new(rx.clone()), AtomicU64::new(0))))
            .collect();
        let follow = |mut random: Random| -> Box<dyn FnOnce() + Send> {
            let mine = followers[random.below(AT_ONCE as u64) as usize].clone();
            Box::new(move || {
                let mut rx = mine.0.lock().unwrap();
                for _ in 0..SHIFT {
                    let changed = match random.below(4) {
                        0 => rx.has_changed() == Ok(true),
                        1 => rx.changed_timeout(limit(&mut random)).is_ok(),
                        2 => time::timeout(limit(&mut random), || rx.changed())
                            .is_ok_and(|changed| changed.is_ok()),
                        // Threads cannot be cancelled, so none waits forever.
                        _ => rx.changed_timeout(Duration::from_millis(1)).is_ok(),
                    };
                    if changed {
                        let value = *coroutine::shield(|| rx.borrow_and_update());
                        assert!(
                            mine.1.fetch_max(value, SeqCst) <= value,
                            "no value comes back"
                        );
                    }
                }
            })
        };
        let mut last = 0;
        while last < share {
            receivers.keep(2 * AT_ONCE, follow);
            for _ in 0..ROUND {
                last += 1;
                tx.send(last).unwrap();
                (0..random.below(100)).for_each(|_| std::hint::spin_loop());
            }
            eventually("all have seen the last value", || {
                receivers.keep(2 * AT_ONCE, follow);
                followers.iter().all(|mine| mine.1.load(SeqCst) == last)
            });
        }
        drop(tx);
        receivers.dismiss();
    });
}
