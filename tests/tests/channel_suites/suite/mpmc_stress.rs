//! Several senders and receivers of any kind of channel do at random all that can be done, and
//! nothing is lost or comes twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::coroutine::{sleep, yield_now};
use may_tests::{Place, Random, with_seeds};

use super::channel::{Receiver, Sender, bounded, unbounded};
use super::{Counted, Ends, everywhere, join_all, several};

/// How many messages all senders have together.
const MESSAGES: usize = 2_000;

/// A message: its number, and that it was dropped.
type Message = (usize, Counted);

/// A time that may be over at once or take a moment.
fn moment(random: &mut Random) -> Duration {
    Duration::from_nanos(random.below(40_000))
}

/// Does nothing, or lets others run, or sleeps.
fn pause(random: &mut Random) {
    match random.below(40) {
        0..4 => yield_now(),
        4 => sleep(moment(random)),
        _ => {}
    }
}

/// Sends the message in one of the ways; gives it back if that was refused.
fn try_to_send(tx: &Sender<Message>, message: Message, random: &mut Random) -> Option<Message> {
    match random.below(4) {
        0 => tx.send(message).err().map(|error| error.into_inner()),
        1 => {
            let refused = tx.try_send(message).err()?;
            yield_now();
            assert!(refused.is_full());
            Some(refused.into_inner())
        }
        2 => {
            let refused = tx.send_timeout(message, moment(random)).err()?;
            assert!(refused.is_timeout());
            Some(refused.into_inner())
        }
        _ => {
            let deadline = Instant::now() + moment(random);
            let refused = tx.send_deadline(message, deadline).err()?;
            assert!(refused.is_timeout());
            Some(refused.into_inner())
        }
    }
}

/// Receives in one of the ways; the error is whether this is the end.
fn try_to_receive(rx: &Receiver<Message>, random: &mut Random) -> Result<Vec<Message>, bool> {
    let received = match random.below(6) {
        0 => rx.recv().map_err(|_| true),
        1 => rx.try_recv().map_err(|error| {
            yield_now();
            error.is_disconnected()
        }),
        2 => rx
            .recv_timeout(moment(random))
            .map_err(|error| error.is_disconnected()),
        3 => rx
            .recv_deadline(Instant::now() + moment(random))
            .map_err(|error| error.is_disconnected()),
        4 => return Ok(rx.try_iter().take(random.below(8) as usize).collect()),
        _ => rx.iter().next().ok_or(true),
    };
    received.map(|message| vec![message])
}

/// As many senders and receivers, through a channel that `make` makes.
fn race(place: &Place, count: usize, make: impl Fn() -> Ends<Message>) {
    with_seeds(2, |mut random| {
        let (tx, rx) = make();
        let arrived: Arc<Vec<AtomicUsize>> = Arc::new((0..MESSAGES).map(|_| 0.into()).collect());
        let dropped = Arc::new(AtomicUsize::new(0));
        let mut randoms = || -> Vec<_> { (0..count).map(|_| random.fork()).collect() };
        let (for_senders, for_receivers) = (randoms(), randoms());
        let at_receivers = arrived.clone();
        let receivers = several(place, count, move |number| {
            let mut random = for_receivers[number].clone();
            loop {
                match try_to_receive(&rx, &mut random) {
                    Ok(messages) => {
                        for (number, _counted) in messages {
                            at_receivers[number].fetch_add(1, SeqCst);
                        }
                    }
                    Err(true) => return,
                    Err(false) => {}
                }
                pause(&mut random);
            }
        });
        let counts = dropped.clone();
        let senders = several(place, count, move |number| {
            let mut random = for_senders[number].clone();
            let mut given_up = Vec::new();
            for i in (number..MESSAGES).step_by(count) {
                let mut message = (i, Counted(counts.clone()));
                while let Some(back) = try_to_send(&tx, message, &mut random) {
                    assert_eq!(back.0, i, "somebody else's message comes back");
                    if random.below(8) == 0 {
                        given_up.push(i);
                        break;
                    }
                    message = back;
                }
                pause(&mut random);
            }
            given_up
        });
        let mut expected = vec![1; MESSAGES];
        for given_up in join_all(senders).concat() {
            expected[given_up] = 0;
        }
        join_all(receivers);
        let arrived: Vec<_> = arrived.iter().map(|times| times.load(SeqCst)).collect();
        assert!(arrived == expected, "not each message arrived once");
        assert_eq!(dropped.load(SeqCst), MESSAGES);
    });
}

/// Two senders and two receivers, and four of each.
fn races(make: impl Fn() -> Ends<Message> + Send + Sync) {
    everywhere(|place| {
        for count in [2, 4] {
            race(place, count, &make);
        }
    });
}

#[test]
fn nothing_is_lost_without_a_buffer() {
    races(|| bounded(0));
}

#[test]
fn nothing_is_lost_with_a_single_place() {
    races(|| bounded(1));
}

#[test]
fn nothing_is_lost_with_a_few_places() {
    races(|| bounded(3));
}

#[test]
fn nothing_is_lost_without_a_limit() {
    races(unbounded);
}

#[test]
fn what_is_sent_through_several_channels_in_a_row_arrives() {
    everywhere(|place| {
        // Each helper hands on what it receives, from one kind of channel to the next.
        let (first, mut rx) = unbounded();
        let mut helpers = Vec::new();
        for (next_tx, next_rx) in [bounded(0), bounded(1), unbounded(), bounded(3)] {
            helpers.push(place.start(move || {
                for message in rx {
                    next_tx.send(message).unwrap();
                }
            }));
            rx = next_rx;
        }
        helpers.push(place.start(move || (0..2_000).for_each(|i| first.send(i).unwrap())));
        assert!(rx.iter().eq(0..2_000));
        join_all(helpers);
    });
}
