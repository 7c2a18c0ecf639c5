//! Many selects over many arms, under cancellations, timeouts and ends that are dropped: no message
//! is lost and none arrives twice, by exact sums; and nothing is left behind.
//!
//! As in `channels/storm.rs` the work is done in shifts. A message is made in the arm that sends
//! it, and knows what became of it: it was received, or it was destroyed with its channel.
//! `MAY_MESSAGES` says how many are sent at least; `ci/select-storm.sh` has a million sent.

use std::cell::Cell;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use may::channel::{self, Receiver, RecvError, SendError, Sender};
use may::coroutine::{self, JoinHandle};
use may::op::{self, Signal};
use may::select;
use may::sync::{CancelToken, Mutex, Notify, Semaphore};
use may_tests::{OnDrop, Random, end, on_workers, runtime, watchdog_for, with_seeds};

/// How much there is to do.
fn scale(variable: &str, usual: u64) -> u64 {
    let set = std::env::var(variable).ok();
    set.map_or(usual, |set| set.parse().expect("a number"))
}

/// The number of messages, their sum and the sum of their squares: what tells lost from doubled
/// messages.
#[derive(Debug, Default)]
struct Tally([AtomicU64; 3]);

impl Tally {
    fn add(&self, number: u64) {
        for (counter, value) in self.0.iter().zip([1, number, number.wrapping_mul(number)]) {
            counter.fetch_add(value, SeqCst);
        }
    }

    fn all(&self) -> [u64; 3] {
        [0, 1, 2].map(|index| self.0[index].load(SeqCst))
    }
}

#[derive(Debug, Default)]
struct Books {
    /// The number of the next message; each is made once.
    next: AtomicU64,
    sent: Tally,
    received: Tally,
    destroyed: Tally,
    cancelled: AtomicUsize,
}

/// A message, which is counted as destroyed unless it is taken.
#[derive(Debug)]
struct Message {
    number: u64,
    books: Option<Arc<Books>>,
}

impl Message {
    fn next(books: &Arc<Books>) -> Message {
        Message {
            number: books.next.fetch_add(1, SeqCst),
            books: Some(books.clone()),
        }
    }

    fn take(mut self) -> u64 {
        self.books = None;
        self.number
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        if let Some(books) = &self.books {
            books.destroyed.add(self.number);
        }
    }
}

/// What a helper holds of a channel.
type Ends = (Option<Sender<Message>>, Option<Receiver<Message>>);

/// Sends and receives, whatever is possible first.
fn shift(books: &Arc<Books>, ends: &[Ends], random: &mut Random, turns: u64) {
    for _ in 0..turns {
        let mut any = || &ends[random.below(ends.len() as u64) as usize];
        let ((to, _), (_, first), (_, second)) = (any(), any(), any());
        let limit = Duration::from_micros(random.below(100));
        let (gives_up, waits) = (random.below(8) == 0, random.below(8) > 0);
        let number = Cell::new(0);
        let value = || {
            let message = Message::next(books);
            number.set(message.number);
            message
        };
        let receive = |message: Result<Message, RecvError>| {
            if let Ok(message) = message {
                books.received.add(message.take());
            }
        };
        let sent = |result: Result<(), SendError<Message>>| match result {
            Ok(()) => books.sent.add(number.get()),
            Err(SendError(message)) => drop(message.take()),
        };
        match random.below(3) {
            0 => select! {
                message = recv(first) => receive(message),
                // A right that is won and not used.
                result = send(to, if gives_up { continue } else { value() }) => sent(result),
                message = recv(second) if waits => receive(message),
                after(limit) => {}
            },
            1 => select! {
                biased;
                result = send(to, value()) if waits => sent(result),
                message = recv(first) => receive(message),
                after(limit) => {}
            },
            _ => select! {
                result = to.send(value()) => sent(result),
                message = second.recv() if waits => receive(message),
                default => coroutine::yield_now(),
            },
        }
    }
}

/// A number of helpers at work, some of which are cancelled.
struct Crew {
    books: Arc<Books>,
    helpers: Vec<JoinHandle<()>>,
}

impl Crew {
    fn hire(&mut self, ends: &[Ends], random: &mut Random) {
        let (books, ends, mut random) = (self.books.clone(), ends.to_vec(), random.fork());
        self.helpers.push(coroutine::spawn(move || {
            shift(&books, &ends, &mut random, 60);
        }));
    }

    /// Takes one helper out, often before its shift is over.
    fn dismiss(&mut self, random: &mut Random) {
        let helper = self
            .helpers
            .swap_remove(random.below(self.helpers.len() as u64) as usize);
        if random.below(3) > 0 {
            (0..random.below(20)).for_each(|_| coroutine::yield_now());
            helper.cancel();
        }
        if let Err(payload) = helper.join() {
            assert!(payload.is::<coroutine::Cancelled>(), "a helper panicked");
            self.books.cancelled.fetch_add(1, SeqCst);
        }
    }
}

/// Channels are made, used until so many messages were sent, and end; what had been sent then was
/// received, or destroyed with them.
fn epoch(books: &Arc<Books>, random: &mut Random, messages: u64) {
    let channels: Vec<_> = (0..3)
        .map(|_| match random.below(6) {
            5 => channel::unbounded(),
            capacity => channel::bounded(capacity as usize % 4),
        })
        .collect();
    let ends = |sends: bool, receives: bool| -> Vec<Ends> {
        let ends = channels
            .iter()
            .map(|(to, from)| (sends.then(|| to.clone()), receives.then(|| from.clone())));
        ends.collect()
    };
    let mut crew = Crew {
        books: books.clone(),
        helpers: Vec::new(),
    };
    let enough = books.sent.all()[0] + messages;
    let roles = [(true, true), (true, false), (false, true)];
    let (destroys, only_sends) = (random.below(2) == 0, ends(true, false));
    while books.sent.all()[0] < enough {
        while crew.helpers.len() < 8 {
            let (sends, receives) = roles[random.below(3) as usize];
            crew.hire(&ends(sends, receives), random);
        }
        crew.dismiss(random);
    }
    let channels = if destroys {
        // The receivers go first, whatever is in the channels and whichever sender is about to
        // send.
        (0..4).for_each(|_| crew.hire(&only_sends, random));
        Vec::new()
    } else {
        channels
    };
    while !crew.helpers.is_empty() {
        crew.dismiss(random);
    }
    let destroyed = books.destroyed.all()[0];
    for (_, from) in channels {
        let rest = from.try_iter();
        rest.for_each(|message| books.received.add(message.take()));
        assert_eq!(books.destroyed.all()[0], destroyed);
    }
}

#[test]
fn every_message_is_received_once_or_goes_with_its_channel() {
    let total = scale("MAY_MESSAGES", 30_000);
    let _watchdog = watchdog_for(Duration::from_secs(60) + Duration::from_micros(200 * total));
    for workers in [1, 3] {
        let runtime = runtime(workers);
        runtime.run(|| {
            with_seeds(1, |mut random| {
                let books = Arc::new(Books::default());
                while books.sent.all()[0] < total / 2 {
                    let before = books.destroyed.all()[0];
                    epoch(&books, &mut random, 2_000);
                    let (sent, received) = (books.sent.all(), books.received.all());
                    let destroyed = books.destroyed.all();
                    let accounted = [0, 1, 2].map(|i| received[i].wrapping_add(destroyed[i]));
                    assert_eq!(sent, accounted, "{} were destroyed", destroyed[0] - before);
                }
                assert!(books.cancelled.load(SeqCst) > 0, "none was cancelled");
            });
        });
        end(runtime);
    }
}

/// `MAY_TIMEOUTS` of them; in `ci/select-storm.sh` a million.
#[test]
fn selects_that_time_out_leave_no_node_no_timer_and_no_coroutine() {
    const AT_ONCE: u64 = 1_000;
    let total = scale("MAY_TIMEOUTS", 50_000);
    let _watchdog = watchdog_for(Duration::from_secs(60) + Duration::from_micros(100 * total));
    let runtime = runtime(1);
    runtime.run(|| {
        let (semaphore, mutex, notify) = (Semaphore::new(1), Mutex::new(()), Notify::new());
        let (token, signal) = (CancelToken::new(), Signal::new());
        let ((to_empty, empty), (full, _in_it)) = (channel::bounded(0), channel::bounded(1));
        full.send(0).unwrap();
        let (taken, held) = (semaphore.acquire(), mutex.lock().unwrap());
        let timed_out = AtomicU64::new(0);
        with_seeds(1, |mut random| {
            coroutine::scope(|scope| {
                for _ in 0..AT_ONCE {
                    let mut random = random.fork();
                    let (semaphore, mutex, notify, token) = (&semaphore, &mutex, &notify, &token);
                    let (signal, empty, full, timed_out) = (&signal, &empty, &full, &timed_out);
                    scope.spawn(move || {
                        for turn in 0..total / AT_ONCE {
                            let time = Duration::from_micros(random.below(50));
                            select! {
                                message = recv(empty) => unreachable!("{message:?}"),
                                _ = send(full, 1) => unreachable!(),
                                _ = acquire(semaphore) => unreachable!(),
                                _ = lock(mutex) => unreachable!(),
                                wait(notify) => unreachable!(),
                                cancelled(token) => unreachable!(),
                                on(op::when(signal, || None::<()>)) => unreachable!(),
                                run(coroutine::park()) if turn % 64 == 0 => unreachable!(),
                                after(time) => timed_out.fetch_add(1, SeqCst),
                            };
                        }
                    });
                }
            });
        });
        assert_eq!(timed_out.into_inner(), total / AT_ONCE * AT_ONCE);
        // Timers: none on this worker, which had them all.
        assert_eq!(may_core::park::timers(), 0);
        // Nodes: the queue of the signal is empty, and what is given to a waiter is not taken.
        let mut text = String::new();
        write!(text, "{signal:?}").unwrap();
        assert!(text.contains("waiting: 0"), "{text}");
        to_empty.try_send(2).unwrap_err();
        drop((taken, held));
        assert_eq!(semaphore.available_permits(), 1);
        drop(mutex.try_lock().unwrap());
        notify.notify_one();
        notify.wait();
        token.cancel();
        signal.notify();
    });
    // Coroutines: this runtime has only had those.
    end(runtime);
}

/// The code of an arm ends at the moment in which it would be cancelled; either way it has ended
/// when the select does, and its result is there exactly if its arm has won.
#[test]
fn code_that_ends_while_it_is_cancelled() {
    for workers in [1, 2] {
        on_workers(workers, || {
            with_seeds(scale("MAY_ROUNDS", 2_000), |mut random| {
                let ((to_code, for_code), (to_arm, for_arm)) =
                    (channel::bounded(1), channel::bounded(1));
                let (steps, order) = ([random.below(4), random.below(4)], random.below(2));
                let other = coroutine::spawn(move || {
                    let send_to_code = || {
                        (0..steps[0]).for_each(|_| coroutine::yield_now());
                        to_code.send(1).unwrap();
                    };
                    if order == 0 {
                        send_to_code();
                    }
                    (0..steps[1]).for_each(|_| coroutine::yield_now());
                    to_arm.send(2).unwrap();
                    if order == 1 {
                        send_to_code();
                    }
                    (to_code, to_arm)
                });
                let (received, ended) = (Cell::new(None), Cell::new(0));
                let won = select! {
                    number = run {
                        let _ended = OnDrop(|| ended.set(ended.get() + 1));
                        let number = for_code.recv().unwrap();
                        received.set(Some(number));
                        number
                    } => number,
                    number = recv(for_arm) => number.unwrap(),
                };
                // Or it was not started, or cancelled before it ran.
                assert!(ended.get() == 1 || (ended.get() == 0 && received.get().is_none()));
                drop(other.join().unwrap());
                // What it has not received is still there: cancelled means it did not happen.
                assert_eq!(for_code.try_recv().is_ok(), received.get().is_none());
                assert_eq!(for_arm.try_recv().is_ok(), won == 1);
                assert!(won == 2 || received.get() == Some(1));
            });
        });
    }
}
