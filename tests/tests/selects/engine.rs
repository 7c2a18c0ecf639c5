//! The engine below `select!`: exactly one of several operations happens, nothing is lost, nothing
//! happens twice, none is favoured. (Called directly, as the macro does; and through `Select`.)

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::channel::{self, Receiver, RecvError, Sender, TryRecvError};
use may::coroutine::{self, yield_now};
use may::op::Select;
use may::op::{self, Operation, Signal};
use may_core::select::{
    AnyArm, Finish, Mode, after, at, cancelled, never, recv, reserve, select, select_or_default,
};
use may_tests::{assert_cancelled, eventually, everywhere, on_workers, spawn_waiting, with_seeds};

/// Waits for one of two.
fn either<'a>(first: AnyArm<'a>, second: AnyArm<'a>) -> usize {
    select(&mut [first, second], Mode::Fair).expect("one of them can happen")
}

/// What became of sending one number and receiving another at the same time.
#[derive(Debug, PartialEq, Eq)]
enum Exchanged {
    Sent,
    Received(Result<u32, RecvError>),
}

/// Sends `number` or receives, whatever is possible first.
fn send_or_receive(to: &Sender<u32>, number: u32, from: &Receiver<u32>) -> Exchanged {
    let (mut sending, mut receiving) = (pin!(reserve(to)), pin!(recv(from)));
    match either(sending.as_mut(), receiving.as_mut()) {
        0 => {
            sending.finish().send(number).unwrap();
            Exchanged::Sent
        }
        _ => Exchanged::Received(receiving.finish()),
    }
}

/// Receives from either; which one it was, and what.
fn receive_from_either(a: &Receiver<u32>, b: &Receiver<u32>) -> (usize, Result<u32, RecvError>) {
    let (mut first, mut second) = (pin!(recv(a)), pin!(recv(b)));
    match either(first.as_mut(), second.as_mut()) {
        0 => (0, first.finish()),
        _ => (1, second.finish()),
    }
}

/// Row 4 of the list of what must not go wrong.
#[test]
fn of_two_messages_that_are_there_one_is_received_and_the_other_stays() {
    on_workers(1, || {
        let ((to_a, a), (to_b, b)) = (channel::bounded(1), channel::bounded(1));
        for round in 0..100_000 {
            to_a.send(round).unwrap();
            to_b.send(round).unwrap();
            let (which, message) = receive_from_either(&a, &b);
            assert_eq!(message, Ok(round));
            assert_eq!([&a, &b][1 - which].try_recv(), Ok(round));
            assert_eq!([&a, &b][which].try_recv(), Err(TryRecvError::Empty));
        }
    });
}

#[test]
fn messages_of_two_channels_arrive_once_each() {
    everywhere(|place| {
        for capacity in [0, 1, 7] {
            let ((to_a, a), (to_b, b)) = (channel::bounded(capacity), channel::bounded(capacity));
            let senders = [to_a, to_b]
                .map(|to| place.start(move || (1..=2_000).for_each(|i| to.send(i).unwrap())));
            let received = Arc::new(AtomicUsize::new(0));
            let receivers: Vec<_> = (0..3)
                .map(|_| {
                    let (a, b, received) = (a.clone(), b.clone(), received.clone());
                    place.start(move || {
                        let (mut a, mut b) = (Some(&a), Some(&b));
                        while a.is_some() || b.is_some() {
                            let (mut first, mut second) = (pin!(recv(&a)), pin!(recv(&b)));
                            let message = match either(first.as_mut(), second.as_mut()) {
                                0 => first.finish().inspect_err(|_| a = None),
                                _ => second.finish().inspect_err(|_| b = None),
                            };
                            received.fetch_add(message.unwrap_or(0) as usize, SeqCst);
                        }
                    })
                })
                .collect();
            senders.into_iter().for_each(|sender| sender.join());
            receivers.into_iter().for_each(|receiver| receiver.join());
            assert_eq!(received.load(SeqCst), 2 * 2_000 * 2_001 / 2);
        }
    });
}

/// Two that would send to and receive from each other meet, in one direction or the other, and both
/// know in which.
#[test]
fn two_selects_that_face_each_other_meet() {
    const ROUNDS: u32 = 3_000;
    everywhere(|place| {
        let ((to_x, x), (to_y, y)) = (channel::bounded(0), channel::bounded(0));
        let other = place.start({
            let (to_y, x) = (to_y.clone(), x.clone());
            move || {
                (0..ROUNDS)
                    .map(|round| match send_or_receive(&to_y, round, &x) {
                        Exchanged::Sent => 1,
                        Exchanged::Received(message) => {
                            assert_eq!(message, Ok(round));
                            0
                        }
                    })
                    .sum::<u32>()
            }
        });
        let mut received = 0;
        for round in 0..ROUNDS {
            match send_or_receive(&to_x, round, &y) {
                Exchanged::Sent => {}
                Exchanged::Received(message) => {
                    assert_eq!(message, Ok(round));
                    received += 1;
                }
            }
        }
        assert_eq!(
            other.join(),
            received,
            "what one has sent the other has received"
        );
    });
}

#[test]
fn a_select_never_meets_itself() {
    everywhere(|_| {
        let (to, from) = channel::bounded(0);
        let (mut sending, mut receiving) = (pin!(reserve(&to)), pin!(recv(&from)));
        let mut time = pin!(after(Duration::from_millis(2)));
        let arms: &mut [AnyArm<'_>] = &mut [sending.as_mut(), receiving.as_mut(), time.as_mut()];
        assert_eq!(select(arms, Mode::Fair), Some(2));
        to.try_send(1).unwrap_err();
    });
}

#[test]
fn whoever_comes_later_meets_a_select_that_would_send() {
    everywhere(|place| {
        for wait in [true, false] {
            let (to, from) = channel::bounded(0);
            let (_open, closed) = channel::bounded(0);
            let selecting = place.start(move || send_or_receive(&to, 7, &closed));
            if wait {
                assert_eq!(from.recv(), Ok(7));
            } else {
                eventually("it is met", || from.try_recv() == Ok(7));
            }
            assert_eq!(selecting.join(), Exchanged::Sent);
        }
    });
}

/// A right that is not used wakes the receiver that was claimed for it, which goes on waiting for
/// others.
#[test]
fn a_panic_while_the_message_is_made_harms_nobody() {
    everywhere(|place| {
        for capacity in [0, 1] {
            let (to, from) = channel::bounded::<u32>(capacity);
            let receiver = place.start(move || from.recv());
            for _ in 0..100 {
                let broken = catch_unwind(AssertUnwindSafe(|| {
                    let mut sending = pin!(reserve(&to));
                    select(&mut [sending.as_mut()], Mode::Fair);
                    let _right = sending.finish();
                    std::panic::resume_unwind(Box::new("the message cannot be made"));
                }));
                assert!(broken.is_err());
            }
            to.send(3).unwrap();
            assert_eq!(receiver.join(), Ok(3));
        }
    });
}

#[test]
fn ends_that_are_gone_are_ready() {
    everywhere(|place| {
        for capacity in [0, 1] {
            let (to, from) = channel::bounded::<u32>(capacity);
            let (_open, idle) = channel::bounded::<u32>(capacity);
            let waiting = place.start(move || receive_from_either(&from, &idle));
            drop(to);
            assert_eq!(waiting.join(), (0, Err(RecvError)));

            let (to, from) = channel::bounded::<u32>(capacity);
            (0..capacity).for_each(|_| to.send(0).unwrap());
            let sending = place.start(move || {
                let mut sending = pin!(reserve(&to));
                select(&mut [sending.as_mut()], Mode::Fair);
                sending.finish().send(5).map_err(|error| error.0)
            });
            drop(from);
            // With room there is a moment in which it can still be sent.
            assert!(matches!(sending.join(), Err(5) | Ok(())));
        }
    });
}

#[test]
fn a_cancellation_ends_it_and_nothing_is_lost() {
    for workers in [1, 3] {
        on_workers(workers, || {
            with_seeds(300, |mut random| {
                let ((to_a, a), (_to_b, b)) = (channel::bounded(0), channel::bounded(0));
                let receiver = a.clone();
                let waiting = spawn_waiting(move || receive_from_either(&receiver, &b));
                let sender = spawn_waiting(move || to_a.send(1));
                (0..random.below(3)).for_each(|_| coroutine::yield_now());
                waiting.cancel();
                match waiting.join() {
                    Ok(received) => assert_eq!(received, (0, Ok(1))),
                    result => {
                        assert_cancelled(result);
                        assert_eq!(a.recv(), Ok(1));
                    }
                }
                sender.join().unwrap().unwrap();
            });
        });
    }
}

#[test]
fn ones_own_cancellation_can_be_an_arm() {
    on_workers(2, || {
        let (_to, from) = channel::bounded::<u32>(1);
        let waiting = spawn_waiting(move || {
            let (mut own, mut receiving) = (pin!(cancelled()), pin!(recv(&from)));
            let arm = either(own.as_mut(), receiving.as_mut());
            // It stays requested, and the next wait is not spared.
            (arm, catch_unwind(coroutine::park).is_err())
        });
        waiting.cancel();
        assert_eq!(waiting.join().unwrap(), (0, true));
    });
}

#[test]
fn times_and_missing_arms() {
    everywhere(|_| {
        let (_to, from) = channel::bounded::<u32>(1);
        let start = Instant::now();
        let mut receiving = pin!(recv(&from));
        assert_eq!(
            either(receiving.as_mut(), pin!(after(Duration::from_millis(2)))),
            1
        );
        assert!(start.elapsed() >= Duration::from_millis(2));
        assert_eq!(either(pin!(at(Instant::now())), pin!(never())), 0);
        assert_eq!(either(pin!(never()), pin!(after(Duration::ZERO))), 1);
        let none: Option<&Receiver<u32>> = None;
        assert_eq!(
            select(&mut [pin!(recv(&none)), pin!(never())], Mode::Fair),
            None
        );
        assert_eq!(
            select_or_default(&mut [pin!(recv(&from))], Mode::Fair),
            None
        );
    });
}

#[test]
fn arms_that_are_always_ready_are_taken_equally_often() {
    const ROUNDS: usize = 1_000_000;
    let channels: Vec<_> = (0..5).map(|_| channel::unbounded::<u32>()).collect();
    channels.iter().for_each(|(to, _)| {
        to.send(0).unwrap();
    });
    for arms in 2..=5 {
        let mut taken = vec![0_usize; arms];
        for _ in 0..ROUNDS {
            let mut events: Vec<_> = channels[..arms]
                .iter()
                .map(|(_, from)| Box::pin(recv(from)))
                .collect();
            let mut dynamic: Vec<AnyArm<'_>> = events
                .iter_mut()
                .map(|event| event.as_mut() as AnyArm<'_>)
                .collect();
            let arm = select(&mut dynamic, Mode::Fair).unwrap();
            taken[arm] += 1;
            channels[arm].0.send(0).unwrap();
        }
        let fair = ROUNDS / arms;
        assert!(
            taken.iter().all(|taken| taken.abs_diff(fair) < fair / 20),
            "{taken:?}"
        );
        let mut events: Vec<_> = channels[..arms]
            .iter()
            .map(|(_, from)| Box::pin(recv(from)))
            .collect();
        let mut dynamic: Vec<AnyArm<'_>> = events
            .iter_mut()
            .map(|event| event.as_mut() as AnyArm<'_>)
            .collect();
        assert_eq!(select(&mut dynamic, Mode::Biased), Some(0));
        channels[0].0.send(0).unwrap();
    }
}

#[test]
fn a_set_that_is_made_at_run_time() {
    everywhere(|place| {
        let channels: Vec<_> = (0..100).map(|_| channel::bounded(0)).collect();
        let (senders, receivers): (Vec<_>, Vec<_>) = channels.into_iter().unzip();
        let senders: Vec<_> = senders
            .into_iter()
            .enumerate()
            .map(|(number, to)| place.start(move || (0..20).for_each(|_| to.send(number).unwrap())))
            .collect();
        let mut all = Select::new();
        let mut counts = vec![0; receivers.len()];
        receivers.iter().for_each(|from| {
            all.recv(from, |number| number);
        });
        while !all.is_empty() {
            let selected = all.wait();
            match selected.value {
                Ok(number) => {
                    assert_eq!(number, selected.index);
                    counts[number] += 1;
                }
                Err(RecvError) => all.remove(selected.index),
            }
        }
        assert!(counts.iter().all(|count| *count == 20), "{counts:?}");
        senders.into_iter().for_each(|sender| sender.join());
    });
}

/// Operations of all kinds in one set, over and over: what was sent and received, in both
/// directions, is there once.
#[test]
fn a_set_sends_receives_and_waits_for_events() {
    const EACH: usize = 200;
    /// A number of things to take.
    struct Heap {
        left: AtomicUsize,
        more: Arc<Signal>,
    }
    impl Heap {
        fn take(&self) -> impl Operation<Output = usize> {
            let less = |left: usize| left.checked_sub(1);
            op::when(&self.more, move || {
                self.left.fetch_update(SeqCst, SeqCst, less).ok()
            })
        }
    }
    everywhere(|place| {
        for capacity in [0, 1, 3] {
            let (to_us, from_them) = channel::bounded(capacity);
            let (to_them, from_us) = channel::bounded::<usize>(capacity);
            let heap = Arc::new(Heap {
                left: AtomicUsize::new(0),
                more: Signal::new(),
            });
            let heaped = heap.clone();
            let helpers = [
                place.start(move || (0..EACH).for_each(|number| to_us.send(number).unwrap())),
                place.start(move || assert!(from_us.iter().take(EACH).eq(0..EACH))),
                place.start(move || {
                    for _ in 0..EACH {
                        heaped.left.fetch_add(1, SeqCst);
                        heaped.more.notify();
                        yield_now();
                    }
                }),
            ];
            let (mut next, mut counts) = (0.., [0; 3]);
            let mut set = Select::new();
            let receives = set.recv(&from_them, |number| number.is_ok());
            let sends = set.send(&to_them, || next.next().unwrap(), |sent| sent.is_ok());
            let takes = set.on(|| heap.take(), |_| true);
            while !set.is_empty() {
                let selected = set.wait();
                counts[selected.index] += usize::from(selected.value);
                if !selected.value || selected.index != receives && counts[selected.index] == EACH {
                    set.remove(selected.index);
                }
            }
            assert_eq!((receives, sends, takes), (0, 1, 2));
            assert_eq!(counts, [EACH; 3]);
            helpers.into_iter().for_each(|helper| helper.join());
        }
    });
}

#[test]
fn a_set_whose_message_panics_has_sent_nothing() {
    everywhere(|_| {
        let (to, from) = channel::bounded::<u32>(1);
        {
            let mut set = Select::new();
            set.send(&to, || resume_unwind(Box::new("no message")), drop);
            assert!(catch_unwind(AssertUnwindSafe(|| set.wait())).is_err());
        }
        assert!(from.is_empty());
        let mut set = Select::new();
        set.send(&to, || 1, drop);
        set.wait();
        assert!(set.try_wait().is_err(), "it is full");
        assert_eq!(from.recv(), Ok(1));
    });
}

#[test]
fn a_set_waits_no_longer_than_it_is_told() {
    everywhere(|_| {
        let (to, from) = channel::bounded(1);
        let mut set = Select::new();
        assert!(set.try_wait().is_err());
        assert!(set.wait_timeout(Duration::from_micros(500)).is_err());
        set.recv(&from, |number| number);
        assert!(set.try_wait().is_err());
        assert!(set.wait_timeout(Duration::ZERO).is_err());
        let start = Instant::now();
        assert!(set.wait_deadline(start + Duration::from_millis(1)).is_err());
        assert!(start.elapsed() >= Duration::from_millis(1));
        to.send(1).unwrap();
        let selected = set.wait_deadline(start).unwrap();
        assert_eq!((selected.index, selected.value), (0, Ok(1)));
    });
}

/// Senders, receivers and selects in both roles, at random, with limits and cancellations: what was
/// sent is received, once.
#[test]
fn nothing_is_lost_among_selects_and_plain_calls() {
    const EACH: u32 = 200;
    for workers in [1, 2, 4] {
        on_workers(workers, || {
            with_seeds(10, |mut random| {
                for capacity in [0, 1, 3] {
                    let (to, from) = channel::bounded::<u32>(capacity);
                    let (_open, idle) = channel::bounded::<u32>(0);
                    let (sent, received) =
                        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
                    let senders: Vec<_> = (0..3)
                        .map(|_| {
                            let (to, idle, sent) = (to.clone(), idle.clone(), sent.clone());
                            let mut random = random.fork();
                            coroutine::spawn(move || {
                                for _ in 0..EACH {
                                    let number = random.below(100) as u32;
                                    let done = match random.below(3) {
                                        0 => to.send(number).is_ok(),
                                        1 => to
                                            .send_timeout(number, Duration::from_micros(50))
                                            .is_ok(),
                                        _ => {
                                            let (mut sending, mut other) =
                                                (pin!(reserve(&to)), pin!(recv(&idle)));
                                            let mut time = pin!(after(Duration::from_micros(
                                                random.below(100)
                                            )));
                                            let arms: &mut [AnyArm<'_>] = &mut [
                                                sending.as_mut(),
                                                other.as_mut(),
                                                time.as_mut(),
                                            ];
                                            select(arms, Mode::Fair) == Some(0)
                                                && sending.finish().send(number).is_ok()
                                        }
                                    };
                                    if done {
                                        sent.fetch_add(number as usize, SeqCst);
                                    }
                                }
                            })
                        })
                        .collect();
                    let receivers: Vec<_> = (0..3)
                        .map(|_| {
                            let (from, idle, received) =
                                (from.clone(), idle.clone(), received.clone());
                            let mut random = random.fork();
                            coroutine::spawn(move || {
                                loop {
                                    let message = match random.below(3) {
                                        0 => from.recv(),
                                        1 => match from.recv_timeout(Duration::from_micros(50)) {
                                            Err(channel::RecvTimeoutError::Timeout) => continue,
                                            result => result.map_err(|_| RecvError),
                                        },
                                        _ => receive_from_either(&from, &idle).1,
                                    };
                                    match message {
                                        Ok(number) => received.fetch_add(number as usize, SeqCst),
                                        Err(RecvError) => return,
                                    };
                                }
                            })
                        })
                        .collect();
                    drop((to, from));
                    for coroutine in senders.into_iter().chain(receivers) {
                        coroutine.join().unwrap();
                    }
                    assert_eq!(sent.load(SeqCst), received.load(SeqCst));
                }
            });
        });
    }
}

#[test]
fn as_many_operations_as_there_may_be_and_a_time_limit() {
    let channels: Vec<_> = (0..65_535).map(|_| channel::unbounded::<u32>()).collect();
    let mut select = Select::new();
    for (_, receiver) in &channels {
        select.recv(receiver, |message| message.unwrap());
    }
    assert!(select.wait_timeout(Duration::from_millis(1)).is_err());
    channels[65_534].0.send(7).unwrap();
    assert!(select.wait_timeout(Duration::from_secs(30)).is_ok());
}

#[test]
fn arms_on_one_queue_are_taken_about_equally_often_also_if_the_select_waited() {
    const ROUNDS: usize = 4_000;
    everywhere(|place| {
        let (sender, receiver) = channel::bounded::<()>(0);
        let sending = place.start(move || (0..ROUNDS).for_each(|_| sender.send(()).unwrap()));
        let mut taken = [0; 5];
        for _ in 0..ROUNDS {
            may::select! {
                _ = recv(receiver) => taken[0] += 1,
                _ = recv(receiver) => taken[1] += 1,
                _ = recv(receiver) => taken[2] += 1,
                _ = recv(receiver) => taken[3] += 1,
                _ = recv(receiver) => taken[4] += 1,
            }
        }
        sending.join();
        let least = taken.iter().min();
        assert!(least > Some(&(ROUNDS / 5 / 2)), "{taken:?}");
    });
}
