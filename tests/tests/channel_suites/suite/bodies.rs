//! What more than one kind of channel does: bodies that are told how to make the channel, and the
//! macro that makes tests of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::coroutine::yield_now;
use may_tests::{Place, with_seeds};

use super::channel::{
    Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError,
};
use super::{Counted, Ends, LONG, SHORT, far, join_all, let_them_wait, not_early, past, several};

/// Makes tests of bodies: the expression makes the channel.
macro_rules! tests_of_bodies {
    ($make:expr; $($body:ident),* $(,)?) => {
        $(
            #[test]
            fn $body() {
                super::everywhere(|place| super::bodies::$body(place, || $make));
            }
        )*
    };
}

/// Makes tests of what every kind of channel does.
macro_rules! tests_of_every_channel {
    ($make:expr) => {
        super::bodies::tests_of_bodies! { $make;
            messages_of_one_sender_arrive_in_order,
            each_message_of_many_senders_arrives_once,
            recv_waits_for_a_message,
            a_timed_receive_ends_with_its_time_a_message_or_the_last_sender,
            the_last_sender_wakes_all_receivers,
            a_message_that_nobody_will_receive_comes_back,
            receivers_without_senders_are_told,
            an_end_remains_as_long_as_one_of_its_clones,
            one_message_each_through_many_channels,
            the_end_of_the_receiver_may_race_with_a_message,
            iterators_take_what_is_there_and_what_comes,
            retries_after_timeouts_keep_the_order,
            messages_are_dropped_once,
            messages_sent_while_the_receivers_go_are_dropped_once,
            each_receiver_has_its_turn,
            channels_go_through_channels,
            closures_go_through_channels,
            messages_of_no_size_are_counted,
            big_messages_arrive_whole,
        }
    };
}

/// Makes tests of what every channel does that can be full.
macro_rules! tests_of_channels_that_fill {
    ($make:expr) => {
        super::bodies::tests_of_bodies! { $make;
            send_waits_for_room,
            a_timed_send_ends_with_its_time_room_or_the_last_receiver,
            the_last_receiver_wakes_all_senders,
            each_sender_has_its_turn,
        }
    };
}

/// Makes tests of what every channel does that can keep a message.
macro_rules! tests_of_channels_with_a_buffer {
    ($make:expr) => {
        super::bodies::tests_of_bodies! { $make;
            what_was_sent_is_received_after_the_senders_have_gone,
            time_does_not_matter_if_nobody_has_to_wait,
            who_has_sent_finds_a_message,
            a_message_may_be_made_from_what_is_received,
            a_panic_in_a_message_reaches_who_drops_it_and_drops_none_twice,
        }
    };
}

pub(super) use {
    tests_of_bodies, tests_of_channels_that_fill, tests_of_channels_with_a_buffer,
    tests_of_every_channel,
};

/// Fills a channel that has a limit.
fn fill(tx: &Sender<usize>) {
    while tx.try_send(0).is_ok() {}
}

pub(super) fn messages_of_one_sender_arrive_in_order(
    place: &Place,
    make: impl Fn() -> Ends<usize>,
) {
    let (tx, rx) = make();
    let sender = place.start(move || (0..10_000).for_each(|i| tx.send(i).unwrap()));
    for i in 0..10_000 {
        assert_eq!(rx.recv(), Ok(i));
    }
    assert_eq!(rx.recv(), Err(RecvError));
    sender.join();
}

pub(super) fn each_message_of_many_senders_arrives_once(
    place: &Place,
    make: impl Fn() -> Ends<usize>,
) {
    const EACH: usize = 2_500;
    let (tx, rx) = make();
    let arrived: Arc<Vec<AtomicUsize>> = Arc::new((0..4 * EACH).map(|_| 0.into()).collect());
    let for_receivers = arrived.clone();
    let receivers = several(place, 4, move |_| {
        for message in &rx {
            for_receivers[message].fetch_add(1, SeqCst);
        }
    });
    let senders = several(place, 4, move |number| {
        for i in 0..EACH {
            tx.send(number * EACH + i).unwrap();
        }
    });
    join_all(senders);
    join_all(receivers);
    assert!(arrived.iter().all(|times| times.load(SeqCst) == 1));
}

pub(super) fn recv_waits_for_a_message(place: &Place, make: impl Fn() -> Ends<usize>) {
    let (tx, rx) = make();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    let sending = Arc::new(AtomicBool::new(false));
    let is_sending = sending.clone();
    let receiver = place.start(move || {
        assert_eq!(rx.recv(), Ok(7));
        assert!(is_sending.load(SeqCst), "received before it was sent");
        assert_eq!(rx.recv(), Ok(8));
        assert_eq!(rx.recv(), Err(RecvError));
    });
    let_them_wait();
    sending.store(true, SeqCst);
    tx.send(7).unwrap();
    let_them_wait();
    tx.send(8).unwrap();
    let_them_wait();
    drop(tx);
    receiver.join();
}

pub(super) fn send_waits_for_room(place: &Place, make: impl Fn() -> Ends<usize>) {
    let (tx, rx) = make();
    fill(&tx);
    assert!(tx.is_full() && rx.is_full());
    let receiving = Arc::new(AtomicBool::new(false));
    let is_receiving = receiving.clone();
    let sender = place.start(move || {
        tx.send(1).unwrap();
        assert!(is_receiving.load(SeqCst), "sent before there was room");
        tx.send(2).unwrap();
    });
    let_them_wait();
    receiving.store(true, SeqCst);
    let mut received: Vec<_> = rx.iter().collect();
    sender.join();
    assert_eq!(received.split_off(received.len() - 2), [1, 2]);
    assert!(received.iter().all(|filled| *filled == 0));
}

pub(super) fn a_timed_receive_ends_with_its_time_a_message_or_the_last_sender(
    place: &Place,
    make: impl Fn() -> Ends<usize>,
) {
    let (tx, rx) = make();
    super::assert_nothing_comes(&rx);
    let receiver = place.start(move || {
        assert_eq!(rx.recv_timeout(LONG), Ok(1));
        assert_eq!(rx.recv_deadline(far()), Ok(2));
        assert_eq!(rx.recv_timeout(Duration::MAX), Ok(3));
        let end = rx.recv_timeout(LONG);
        assert_eq!(end, Err(RecvTimeoutError::Disconnected));
        assert_eq!(rx.recv_deadline(far()), end);
        // That there are no senders counts more than that the time is over.
        assert_eq!(rx.recv_deadline(past()), end);
        assert_eq!(rx.recv_timeout(Duration::ZERO), end);
    });
    for i in 1..4 {
        let_them_wait();
        tx.send(i).unwrap();
    }
    let_them_wait();
    drop(tx);
    receiver.join();
}

pub(super) fn a_timed_send_ends_with_its_time_room_or_the_last_receiver(
    place: &Place,
    make: impl Fn() -> Ends<usize>,
) {
    let (tx, rx) = make();
    fill(&tx);
    let timeout = Err(SendTimeoutError::Timeout(5));
    assert_eq!(not_early(SHORT, || tx.send_timeout(5, SHORT)), timeout);
    let soon = Instant::now() + SHORT;
    assert_eq!(tx.send_deadline(5, soon), timeout);
    assert!(Instant::now() >= soon, "returned early");
    assert_eq!(tx.send_timeout(5, Duration::ZERO), timeout);
    assert_eq!(tx.send_deadline(5, past()), timeout);
    let filled = rx.len();
    let sender = place.start(move || {
        assert_eq!(tx.send_timeout(1, LONG), Ok(()));
        assert_eq!(tx.send_deadline(2, far()), Ok(()));
        assert_eq!(tx.send_timeout(3, Duration::MAX), Ok(()));
        tx
    });
    for expected in std::iter::repeat_n(0, filled).chain(1..4) {
        let_them_wait();
        assert_eq!(rx.recv(), Ok(expected));
    }
    let tx = sender.join();
    fill(&tx);
    let sender = place.start(move || {
        let end = Err(SendTimeoutError::Disconnected(4));
        assert_eq!(tx.send_timeout(4, LONG), end);
        assert_eq!(tx.send_deadline(4, far()), end);
        // That there are no receivers counts more than that the time is over.
        assert_eq!(tx.send_deadline(4, past()), end);
        assert_eq!(tx.send_timeout(4, Duration::ZERO), end);
    });
    let_them_wait();
    drop(rx);
    sender.join();
}

pub(super) fn the_last_sender_wakes_all_receivers(place: &Place, make: impl Fn() -> Ends<usize>) {
    let (tx, rx) = make();
    let last = tx.clone();
    let ended = Arc::new(AtomicUsize::new(0));
    let says = ended.clone();
    let receivers = several(place, 6, move |number| {
        match number % 3 {
            0 => assert_eq!(rx.recv(), Err(RecvError)),
            1 => assert_eq!(rx.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected)),
            _ => assert_eq!(rx.iter().next(), None),
        }
        says.fetch_add(1, SeqCst);
    });
    let_them_wait();
    drop(tx);
    let_them_wait();
    assert_eq!(ended.load(SeqCst), 0, "there is still a sender");
    drop(last);
    join_all(receivers);
}

pub(super) fn the_last_receiver_wakes_all_senders(place: &Place, make: impl Fn() -> Ends<usize>) {
    let (tx, rx) = make();
    let last = rx.clone();
    fill(&tx);
    let ended = Arc::new(AtomicUsize::new(0));
    let says = ended.clone();
    let senders = several(place, 6, move |number| {
        match number % 2 {
            0 => assert_eq!(tx.send(number), Err(SendError(number))),
            _ => assert_eq!(
                tx.send_timeout(number, LONG),
                Err(SendTimeoutError::Disconnected(number))
            ),
        }
        says.fetch_add(1, SeqCst);
    });
    let_them_wait();
    drop(rx);
    let_them_wait();
    assert_eq!(ended.load(SeqCst), 0, "there is still a receiver");
    drop(last);
    join_all(senders);
}

pub(super) fn a_message_that_nobody_will_receive_comes_back(
    _: &Place,
    make: impl Fn() -> Ends<usize>,
) {
    let (tx, rx) = make();
    drop(rx);
    for tx in [tx.clone(), tx] {
        assert_eq!(tx.send(1), Err(SendError(1)));
        assert_eq!(tx.try_send(2), Err(TrySendError::Disconnected(2)));
        let timed = tx.send_timeout(3, LONG);
        assert_eq!(timed, Err(SendTimeoutError::Disconnected(3)));
        assert_eq!(tx.send_deadline(3, past()), timed);
        assert_eq!(timed.unwrap_err().into_inner(), 3);
    }
}

pub(super) fn receivers_without_senders_are_told(_: &Place, make: impl Fn() -> Ends<usize>) {
    let (tx, rx) = make();
    drop(tx);
    for rx in [rx.clone(), rx] {
        assert_eq!(rx.recv(), Err(RecvError));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
        let timed = rx.recv_timeout(LONG);
        assert_eq!(timed, Err(RecvTimeoutError::Disconnected));
        assert_eq!(rx.recv_deadline(past()), timed);
        assert_eq!((rx.iter().next(), rx.try_iter().next()), (None, None));
        assert_eq!((rx.len(), rx.is_empty()), (0, true));
    }
}

pub(super) fn an_end_remains_as_long_as_one_of_its_clones(
    place: &Place,
    make: impl Fn() -> Ends<usize>,
) {
    let (tx, rx) = make();
    let (other_tx, other_rx) = (tx.clone(), rx.clone());
    drop((tx, rx));
    let sender = place.start(move || {
        let clones: Vec<_> = (0..10).map(|_| other_tx.clone()).collect();
        drop(other_tx);
        for (i, tx) in clones.into_iter().enumerate() {
            tx.send(i).unwrap();
        }
    });
    for i in 0..10 {
        // The receiver moves from clone to clone, too.
        assert_eq!(other_rx.clone().recv(), Ok(i));
    }
    assert_eq!(other_rx.recv(), Err(RecvError));
    sender.join();
}

pub(super) fn one_message_each_through_many_channels(
    place: &Place,
    make: impl Fn() -> Ends<usize>,
) {
    for round in 0..100 {
        let (tx, rx) = make();
        let receiver = place.start(move || assert_eq!(rx.recv(), Ok(round)));
        let sender = place.start(move || tx.send(round).unwrap());
        sender.join();
        receiver.join();
    }
}

pub(super) fn the_end_of_the_receiver_may_race_with_a_message(
    place: &Place,
    make: impl Fn() -> Ends<Counted>,
) {
    for round in 0..100 {
        let dropped = Arc::new(AtomicUsize::new(0));
        let message = Counted(dropped.clone());
        let (tx, rx) = make();
        let receiver = place.start(move || drop(rx));
        let sender = place.start(move || {
            if round % 2 == 0 {
                yield_now();
            }
            if let Err(SendError(back)) = tx.send(message) {
                assert_eq!(back.0.load(SeqCst), 0);
            }
        });
        receiver.join();
        sender.join();
        assert_eq!(dropped.load(SeqCst), 1);
    }
}

pub(super) fn iterators_take_what_is_there_and_what_comes(
    place: &Place,
    make: impl Fn() -> Ends<usize>,
) {
    const COUNT: usize = 1_000;
    let (asks, asked) = make();
    let (answers, answered) = make();
    let answerer = place.start(move || {
        let mut next = 0;
        for _ in asked.iter() {
            if answers.send(next).is_err() {
                break;
            }
            next += 1;
        }
        next
    });
    let mut received = 0;
    while received < COUNT {
        for answer in answered.try_iter() {
            assert_eq!(answer, received);
            received += 1;
        }
        // Not `send`: without buffers both would wait for each other.
        let _ = asks.try_send(0);
        yield_now();
    }
    drop((asks, answered));
    assert!(answerer.join() >= received);
}

pub(super) fn retries_after_timeouts_keep_the_order(place: &Place, make: impl Fn() -> Ends<usize>) {
    with_seeds(2, |mut random| {
        let (tx, rx) = make();
        let mut random_there = random.fork();
        let sender = place.start(move || {
            for i in 0..500 {
                let mut message = i;
                loop {
                    let timeout = Duration::from_nanos(random_there.below(50_000));
                    match tx.send_timeout(message, timeout) {
                        Ok(()) => break,
                        Err(error) => {
                            assert!(error.is_timeout());
                            message = error.into_inner();
                            assert_eq!(message, i);
                        }
                    }
                }
            }
        });
        let mut expected = 0;
        loop {
            match rx.recv_timeout(Duration::from_nanos(random.below(50_000))) {
                Ok(message) => {
                    assert_eq!(message, expected);
                    expected += 1;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        assert_eq!(expected, 500);
        sender.join();
    });
}

pub(super) fn messages_are_dropped_once(place: &Place, make: impl Fn() -> Ends<Counted>) {
    with_seeds(20, |mut random| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = make();
        let received = random.below(300) as usize;
        let for_sender = dropped.clone();
        let sender = place.start(move || {
            for _ in 0..received {
                tx.send(Counted(for_sender.clone())).unwrap();
            }
            tx
        });
        for message in rx.iter().take(received) {
            drop(message);
        }
        let tx = sender.join();
        assert_eq!(dropped.load(SeqCst), received);
        let more = random.below(100) as usize;
        for _ in 0..more {
            let _ = tx.try_send(Counted(dropped.clone()));
        }
        let left = tx.len();
        assert_eq!(dropped.load(SeqCst), received + more - left);
        match random.below(2) {
            0 => drop((tx, rx)),
            _ => drop((rx, tx)),
        }
        assert_eq!(dropped.load(SeqCst), received + more);
    });
}

pub(super) fn messages_sent_while_the_receivers_go_are_dropped_once(
    place: &Place,
    make: impl Fn() -> Ends<Counted>,
) {
    with_seeds(20, |mut random| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = make();
        let for_senders = dropped.clone();
        let senders = several(place, 3, move |_| {
            let mut made = 1;
            while tx.send(Counted(for_senders.clone())).is_ok() {
                made += 1;
            }
            made
        });
        let received = random.below(300) as usize;
        assert_eq!(rx.iter().take(received).count(), received);
        drop(rx);
        let made: usize = join_all(senders).into_iter().sum();
        assert_eq!(dropped.load(SeqCst), made);
    });
}

/// How many turns each has to have, and how soon: no share is asked for, only that none starves. It
/// is a time and not a number of messages, as it is the system that gives turns to threads.
const TURNS: usize = 100;
const SOON: Duration = Duration::from_secs(10);

pub(super) fn each_sender_has_its_turn(place: &Place, make: impl Fn() -> Ends<usize>) {
    let (tx, rx) = make();
    let senders = several(place, 4, move |number| while tx.send(number).is_ok() {});
    let (start, mut turns) = (Instant::now(), [0; 4]);
    while turns.iter().any(|turns| *turns < TURNS) {
        turns[rx.recv().unwrap()] += 1;
        assert!(start.elapsed() < SOON, "a sender starves: {turns:?}");
    }
    drop(rx);
    join_all(senders);
}

pub(super) fn each_receiver_has_its_turn(place: &Place, make: impl Fn() -> Ends<usize>) {
    let (tx, rx) = make();
    let turns: Arc<[AtomicUsize; 4]> = Arc::default();
    let for_receivers = turns.clone();
    let receivers = several(place, 4, move |number| {
        for _ in &rx {
            for_receivers[number].fetch_add(1, SeqCst);
        }
    });
    let (start, mut sent) = (Instant::now(), 0);
    while turns.iter().any(|turns| turns.load(SeqCst) < TURNS) {
        // A channel without a limit is not to grow as long as this takes.
        if tx.len() < 100 {
            tx.send(0).unwrap();
            sent += 1;
        } else {
            yield_now();
        }
        assert!(start.elapsed() < SOON, "a receiver starves: {turns:?}");
    }
    drop(tx);
    join_all(receivers);
    let received: usize = turns.iter().map(|turns| turns.load(SeqCst)).sum();
    assert_eq!(received, sent);
}

/// The message is where the next message will be.
pub(super) struct Link(Receiver<Link>);

pub(super) fn channels_go_through_channels(
    place: &Place,
    make: impl Fn() -> Ends<Link> + Copy + Send + 'static,
) {
    const COUNT: usize = 1_000;
    let (mut tx, mut rx) = make();
    let sender = place.start(move || {
        for _ in 0..COUNT {
            let (next_tx, next_rx) = make();
            tx.send(Link(next_rx)).unwrap();
            tx = next_tx;
        }
    });
    for _ in 0..COUNT {
        let Link(next) = rx.recv().unwrap();
        rx = next;
    }
    assert!(rx.recv().is_err());
    sender.join();
}

/// A message that is something to do with the sender.
pub(super) struct Job(Box<dyn FnOnce() -> usize + Send>);

pub(super) fn closures_go_through_channels(place: &Place, make: impl Fn() -> Ends<Job>) {
    let (tx, rx) = make();
    let worker = place.start(move || rx.iter().map(|job| (job.0)()).sum::<usize>());
    let done = Arc::new(AtomicUsize::new(0));
    for i in 0..100 {
        let done = done.clone();
        tx.send(Job(Box::new(move || {
            done.fetch_add(1, SeqCst);
            i
        })))
        .unwrap();
    }
    drop(tx);
    assert_eq!(worker.join(), 99 * 100 / 2);
    assert_eq!(done.load(SeqCst), 100);
}

pub(super) fn messages_of_no_size_are_counted(place: &Place, make: impl Fn() -> Ends<()>) {
    let (tx, rx) = make();
    let senders = several(place, 3, move |_| {
        (0..1_000).for_each(|_| tx.send(()).unwrap());
    });
    assert_eq!(rx.iter().count(), 3_000);
    join_all(senders);
}

pub(super) fn big_messages_arrive_whole(place: &Place, make: impl Fn() -> Ends<[usize; 512]>) {
    let (tx, rx) = make();
    let senders = several(place, 2, move |number| {
        for i in 0..200 {
            tx.send([number * 200 + i; 512]).unwrap();
        }
    });
    let mut arrived = [0; 400];
    for message in &rx {
        assert!(message.iter().all(|word| *word == message[0]));
        arrived[message[0]] += 1;
    }
    assert_eq!(arrived, [1; 400]);
    join_all(senders);
}

pub(super) fn what_was_sent_is_received_after_the_senders_have_gone(
    _: &Place,
    make: impl Fn() -> Ends<usize>,
) {
    let (tx, rx) = make();
    for i in 0..4 {
        tx.send(i).unwrap();
    }
    drop(tx);
    assert_eq!(rx.len(), 4);
    assert_eq!(rx.recv(), Ok(0));
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.recv_timeout(LONG), Ok(2));
    assert_eq!(rx.recv_deadline(far()), Ok(3));
    assert_eq!(rx.recv(), Err(RecvError));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(rx.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));
}

pub(super) fn time_does_not_matter_if_nobody_has_to_wait(
    _: &Place,
    make: impl Fn() -> Ends<usize>,
) {
    let (tx, rx) = make();
    assert_eq!(tx.send_deadline(1, past()), Ok(()));
    assert_eq!(tx.send_timeout(2, Duration::ZERO), Ok(()));
    assert_eq!(tx.send_timeout(3, Duration::MAX), Ok(()));
    assert_eq!(rx.recv_deadline(past()), Ok(1));
    assert_eq!(rx.recv_timeout(Duration::ZERO), Ok(2));
    assert_eq!(rx.recv_timeout(Duration::MAX), Ok(3));
    let nothing = Err(RecvTimeoutError::Timeout);
    assert_eq!(rx.recv_deadline(past()), nothing);
    assert_eq!(rx.recv_timeout(Duration::ZERO), nothing);
}

pub(super) fn who_has_sent_finds_a_message(place: &Place, make: impl Fn() -> Ends<usize>) {
    // As many as a channel of these tests has room for, so that none has to wait.
    let (tx, rx) = make();
    let helpers = several(place, 4, move |number| {
        for i in 0..2_000 {
            tx.try_send(number).unwrap();
            // It may be another sender's, but then ours is left for the others.
            rx.try_recv().unwrap();
            if i % 64 == 0 {
                yield_now();
            }
        }
    });
    join_all(helpers);
}

pub(super) fn a_message_may_be_made_from_what_is_received(
    _: &Place,
    make: impl Fn() -> Ends<usize>,
) {
    let (tx, rx) = make();
    tx.send(0).unwrap();
    // If a place in the buffer were held while the message is made, a full channel would never get
    // rid of one.
    while tx.len() < 4 {
        tx.send(0).unwrap();
    }
    for _ in 0..100 {
        tx.send(rx.recv().unwrap() + 1).unwrap();
    }
    let rest: usize = rx.try_iter().sum();
    assert_eq!(rest, 100);
}

/// A message whose destructor may panic.
pub(super) struct Panics {
    panics: bool,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Panics {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, SeqCst);
        assert!(!self.panics, "a message does not want to be dropped");
    }
}

pub(super) fn a_panic_in_a_message_reaches_who_drops_it_and_drops_none_twice(
    _: &Place,
    make: impl Fn() -> Ends<Panics>,
) {
    for sender_first in [false, true] {
        let (tx, rx) = make();
        let dropped: [Arc<AtomicUsize>; 4] = Default::default();
        for (number, dropped) in dropped.iter().enumerate() {
            let message = Panics {
                panics: number == 2,
                dropped: dropped.clone(),
            };
            assert!(tx.try_send(message).is_ok());
        }
        drop(rx.recv());
        let drop_tx = || catch_unwind(AssertUnwindSafe(|| drop(tx))).is_err();
        let drop_rx = || catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err();
        let panics = match sender_first {
            true => [drop_tx(), drop_rx()],
            false => [drop_rx(), drop_tx()],
        };
        assert_eq!(panics.iter().filter(|panicked| **panicked).count(), 1);
        let times = dropped.map(|dropped| dropped.load(SeqCst));
        // Whether those behind it are dropped is left open, as by any collection whose element
        // panics.
        assert_eq!(times[..3], [1, 1, 1]);
        assert!(times[3] <= 1);
    }
}
