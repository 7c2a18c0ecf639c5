//! What the channels of `mpsc` have in common, bounded or not.

use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use may::coroutine::yield_now;
use may_tests::{Place, Started};

use super::sync::mpsc::{
    self, Receiver, RecvTimeoutError, SendError, Sender, SyncSender, TryRecvError,
};
use super::sync::{Arc, Mutex};
use super::{Count, Dropped, Flag, LONG, a_moment, everywhere, join_all, panic_of, start_many};

/// The sender of a channel of either kind.
enum Either<T> {
    Unbounded(Sender<T>),
    Bounded(SyncSender<T>),
}

impl<T> Clone for Either<T> {
    fn clone(&self) -> Self {
        match self {
            Either::Unbounded(sender) => Either::Unbounded(sender.clone()),
            Either::Bounded(sender) => Either::Bounded(sender.clone()),
        }
    }
}

impl<T> Either<T> {
    fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self {
            Either::Unbounded(sender) => sender.send(value),
            Either::Bounded(sender) => sender.send(value),
        }
    }
}

/// The bound of a channel, if it has one.
type Bound = Option<usize>;

/// Without a bound, with a rendezvous for every message, and with less or more room.
const BOUNDS: [Bound; 4] = [None, Some(0), Some(1), Some(40)];
/// Those in which a hundred messages wait.
const ROOMY: [Bound; 2] = [None, Some(100)];

fn channel<T>(bound: Bound) -> (Either<T>, Receiver<T>) {
    match bound {
        None => {
            let (sender, receiver) = mpsc::channel();
            (Either::Unbounded(sender), receiver)
        }
        Some(bound) => {
            let (sender, receiver) = mpsc::sync_channel(bound);
            (Either::Bounded(sender), receiver)
        }
    }
}

/// Runs `body` everywhere over channels of all kinds.
#[track_caller]
fn over_each(body: impl Fn(&Place, Bound) + Send + Sync) {
    everywhere(|place| BOUNDS.iter().for_each(|bound| body(place, *bound)));
}

/// Runs `body` everywhere over channels that take a hundred messages.
#[track_caller]
fn over_roomy(body: impl Fn(&Place, Bound) + Send + Sync) {
    everywhere(|place| ROOMY.iter().for_each(|bound| body(place, *bound)));
}

#[test]
fn a_message_arrives() {
    over_each(|place, bound| {
        let (sender, receiver) = channel(bound);
        let helper = place.start(move || sender.send(Box::new(1)).unwrap());
        assert_eq!(*receiver.recv().unwrap(), 1);
        helper.join();
    });
}

#[test]
fn a_message_arrives_from_a_clone_when_the_first_sender_is_gone() {
    over_each(|place, bound| {
        let (sender, receiver) = channel(bound);
        let clone = sender.clone();
        drop(sender);
        let helper = place.start(move || clone.send(1).unwrap());
        assert_eq!(receiver.recv(), Ok(1));
        helper.join();
        assert!(receiver.recv().is_err());
    });
}

#[test]
fn a_receiver_can_be_elsewhere_than_where_it_was_made() {
    over_each(|place, bound| {
        let (sender, receiver) = channel(bound);
        let helper = place.start(move || receiver.iter().sum::<u32>());
        for i in 0..100 {
            sender.send(i).unwrap();
        }
        drop(sender);
        assert_eq!(helper.join(), 4_950);
    });
}

#[test]
fn messages_arrive_in_the_order_in_which_they_were_sent() {
    over_each(|place, bound| {
        let (sender, receiver) = channel(bound);
        let helper = place.start(move || (0..2_000).for_each(|i| sender.send(i).unwrap()));
        for i in 0..2_000 {
            assert_eq!(receiver.recv(), Ok(i));
        }
        assert!(receiver.recv().is_err());
        helper.join();
    });
}

#[test]
fn each_message_of_many_senders_arrives_once_and_in_the_order_of_its_sender() {
    const SENDERS: usize = 8;
    over_each(|place, bound| {
        let (sender, receiver) = channel(bound);
        let helpers = start_many(place, SENDERS, |who| {
            let sender = sender.clone();
            move || (0..250).for_each(|i| sender.send((who, i)).unwrap())
        });
        drop(sender);
        let mut next = [0; SENDERS];
        for (who, i) in receiver {
            assert_eq!(i, next[who], "lost, doubled or overtaken");
            next[who] += 1;
        }
        assert_eq!(next, [250; SENDERS]);
        join_all(helpers);
    });
}

#[test]
fn a_waiting_receiver_is_released_by_the_last_sender_only() {
    over_each(|place, bound| {
        let (sender, receiver) = channel::<()>(bound);
        let (waits, returned) = (Flag::default(), Flag::default());
        let (says_waits, says_returned) = (waits.clone(), returned.clone());
        let helper = place.start(move || {
            says_waits.raise();
            let result = receiver.recv();
            says_returned.raise();
            assert!(result.is_err());
        });
        let clone = sender.clone();
        waits.wait();
        drop(sender);
        a_moment();
        assert!(!returned.is_raised(), "there is a sender left");
        drop(clone);
        helper.join();
    });
}

#[test]
fn a_sender_that_panics_leaves_the_channel() {
    over_each(|place, bound| {
        let (sender, receiver) = channel::<()>(bound);
        let helper = place.start(move || {
            panic_of(move || {
                let _sender = sender;
                panic!("with a sender (expected)");
            })
        });
        assert!(receiver.recv().is_err());
        helper.join();
    });
}

#[test]
fn a_receiver_that_panics_leaves_the_channel() {
    over_each(|place, bound| {
        let (sender, receiver) = channel(bound);
        let helper = place.start(move || {
            panic_of(move || {
                receiver.recv().unwrap();
                panic!("with the receiver (expected)");
            })
        });
        while sender.send(()).is_ok() {
            yield_now();
        }
        helper.join();
    });
}

#[test]
fn what_was_sent_is_received_although_the_senders_are_gone() {
    over_roomy(|_, bound| {
        let (sender, receiver) = channel(bound);
        (0..100).for_each(|i| sender.send(i).unwrap());
        drop(sender);
        (0..99).for_each(|i| assert_eq!(receiver.recv(), Ok(i)));
        assert_eq!(receiver.try_recv(), Ok(99));
        for _ in 0..2 {
            assert!(receiver.recv().is_err());
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
            assert_eq!(
                receiver.recv_timeout(LONG),
                Err(RecvTimeoutError::Disconnected)
            );
        }
    });
}

#[test]
fn try_recv_says_whether_there_may_still_be_a_message() {
    over_each(|_, bound| {
        let (sender, receiver) = channel::<()>(bound);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        drop(sender);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    });
}

#[test]
fn a_message_that_cannot_be_sent_comes_back() {
    over_each(|_, bound| {
        let (sender, receiver) = channel(bound);
        let clone = sender.clone();
        drop(receiver);
        for sender in [&sender, &clone, &clone.clone(), &sender] {
            let SendError(message) = sender.send("here".to_owned()).unwrap_err();
            assert_eq!(message, "here");
        }
    });
}

#[test]
fn every_sender_learns_that_the_receiver_is_gone() {
    over_each(|place, bound| {
        let (sender, receiver) = channel(bound);
        let (made, dropped) = (Count::default(), Count::default());
        let helpers = start_many(place, 4, |_| {
            let (sender, made, dropped) = (sender.clone(), made.clone(), dropped.clone());
            move || {
                loop {
                    made.add();
                    if let Err(SendError(message)) = sender.send(Dropped(dropped.clone())) {
                        break drop(message);
                    }
                    yield_now();
                }
            }
        });
        for _ in 0..50 {
            drop(receiver.recv().unwrap());
        }
        drop(receiver);
        join_all(helpers);
        drop(sender);
        assert_eq!(dropped.get(), made.get(), "each once");
    });
}

#[test]
fn a_message_that_meets_the_receivers_end_is_dropped_once() {
    over_each(|place, bound| {
        for _ in 0..50 {
            let (sender, receiver) = channel(bound);
            let dropped = Count::default();
            let message = Dropped(dropped.clone());
            let helper = place.start(move || drop(sender.send(message)));
            drop(receiver);
            helper.join();
            assert_eq!(dropped.get(), 1);
        }
    });
}

#[test]
fn a_receiver_that_meets_the_last_senders_end_gets_what_was_sent() {
    over_each(|place, bound| {
        for round in 0..50 {
            let (sender, receiver) = channel(bound);
            let sends = round % 2 == 0;
            let helper = place.start(move || {
                if sends {
                    sender.send(1).unwrap();
                }
            });
            assert_eq!(receiver.recv().ok(), sends.then_some(1));
            assert!(receiver.recv().is_err());
            helper.join();
        }
    });
}

#[test]
fn both_ends_can_be_dropped_at_the_same_time() {
    over_each(|place, bound| {
        for _ in 0..50 {
            let (sender, receiver) = channel::<Box<u8>>(bound);
            let clone = sender.clone();
            let helpers = [
                place.start(move || drop(sender)),
                place.start(move || drop(receiver)),
                place.start(move || drop(clone)),
            ];
            helpers.into_iter().for_each(|helper| helper.join());
        }
    });
}

#[test]
fn ends_that_nobody_uses_can_be_dropped_in_any_order() {
    over_each(|_, bound| {
        let (sender, receiver) = channel::<Box<u8>>(bound);
        drop(sender);
        drop(receiver);
        let (sender, receiver) = channel::<Box<u8>>(bound);
        drop(receiver);
        drop(sender);
    });
}

#[test]
fn messages_that_nobody_received_are_dropped_with_the_channel() {
    over_roomy(|_, bound| {
        for receiver_first in [true, false] {
            let dropped = Count::default();
            let (sender, receiver) = channel(bound);
            for _ in 0..100 {
                assert!(sender.send(Dropped(dropped.clone())).is_ok());
            }
            (0..30).for_each(|_| drop(receiver.recv()));
            assert_eq!(dropped.get(), 30);
            if receiver_first {
                drop(receiver);
                assert_eq!(dropped.get(), 100, "they cannot be reached");
                drop(sender);
            } else {
                drop(sender);
                assert_eq!(dropped.get(), 30, "the receiver can get at them");
                drop(receiver);
            }
            assert_eq!(dropped.get(), 100);
        }
    });
}

/// A message that has a sender of the channel it is sent through, and uses it when it is dropped.
struct Echo(Option<Either<Echo>>, Count);

impl Drop for Echo {
    fn drop(&mut self) {
        self.1.add();
        if let Some(sender) = self.0.take() {
            let _ = sender.send(Echo(None, self.1.clone()));
        }
    }
}

#[test]
fn a_message_may_use_its_own_channel_when_it_is_dropped_with_it() {
    over_roomy(|_, bound| {
        let dropped = Count::default();
        let (sender, receiver) = channel(bound);
        for _ in 0..50 {
            let echo = Echo(Some(sender.clone()), dropped.clone());
            assert!(sender.send(echo).is_ok());
        }
        drop(receiver);
        drop(sender);
        assert_eq!(dropped.get(), 100, "each, and what each sent");
    });
}

/// A message with an end of a channel of such messages.
struct Handover(Either<Handover>);

#[test]
fn a_sender_can_be_sent_through_its_own_channel() {
    over_each(|place, bound| {
        let (sender, receiver) = channel(bound);
        let clone = sender.clone();
        let helper = place.start(move || assert!(sender.send(Handover(clone)).is_ok()));
        let Handover(got) = receiver.recv().unwrap();
        helper.join();
        let clone = got.clone();
        let helper = place.start(move || assert!(got.send(Handover(clone)).is_ok()));
        drop(receiver.recv().unwrap());
        helper.join();
        assert!(receiver.recv().is_err(), "that was the last sender");
    });
}

#[test]
fn a_channel_that_only_its_own_message_keeps_open_ends_with_its_receiver() {
    over_roomy(|_, bound| {
        let (sender, receiver) = channel(bound);
        let clone = sender.clone();
        assert!(sender.send(Handover(clone)).is_ok());
        drop(sender);
        drop(receiver);
    });
}

#[test]
fn a_receiver_can_be_sent_with_what_is_in_it() {
    over_roomy(|place, bound| {
        let (sender, receiver) = channel(bound);
        (0..50).for_each(|i| sender.send(i).unwrap());
        let (hand_over, handed_over) = channel(bound);
        let helper = place.start(move || {
            let receiver: Receiver<u32> = handed_over.recv().unwrap();
            receiver.iter().sum::<u32>()
        });
        hand_over.send(receiver).unwrap();
        (50..100).for_each(|i| sender.send(i).unwrap());
        drop(sender);
        assert_eq!(helper.join(), 4_950);
    });
}

/// Helpers that others than the body started. It is the body that joins them: joining a thread
/// would hold up a worker.
type Later = Arc<Mutex<Vec<Started<()>>>>;

/// Sends to a helper, which answers and goes on with the next round in the same way.
fn relay(place: Place, bound: Bound, rounds: u32, later: &Later) {
    if rounds == 0 {
        return;
    }
    let (sender, receiver) = channel(bound);
    let (answer, answered) = channel(bound);
    let (for_helper, helpers_later) = (place.clone(), later.clone());
    let helper = place.start(move || {
        answer.send(receiver.recv().unwrap() + 1).unwrap();
        relay(for_helper, bound, rounds - 1, &helpers_later);
    });
    later.lock().unwrap().push(helper);
    sender.send(rounds).unwrap();
    assert_eq!(answered.recv(), Ok(rounds + 1));
}

#[test]
fn helpers_can_start_helpers_that_they_talk_to() {
    over_each(|place, bound| {
        let later = Later::default();
        relay(place.clone(), bound, 40, &later);
        loop {
            // (Not in the condition: the lock would be held while joining.)
            let helper = later.lock().unwrap().pop();
            match helper {
                Some(helper) => helper.join(),
                None => break,
            }
        }
    });
}

#[test]
fn two_can_play_ping_pong() {
    over_each(|place, bound| {
        let (ping, pinged) = channel(bound);
        let (pong, ponged) = channel(bound);
        let helper = place.start(move || {
            for i in pinged {
                pong.send(i + 1).unwrap();
            }
        });
        for i in 0..1_000 {
            ping.send(i).unwrap();
            assert_eq!(ponged.recv(), Ok(i + 1));
        }
        drop(ping);
        assert!(ponged.recv().is_err());
        helper.join();
    });
}

#[test]
fn a_timeout_elapses_and_not_early() {
    over_each(|_, bound| {
        let (_sender, receiver) = channel::<()>(bound);
        for millis in [0, 1, 10] {
            let timeout = Duration::from_millis(millis);
            let start = Instant::now();
            assert_eq!(
                receiver.recv_timeout(timeout),
                Err(RecvTimeoutError::Timeout)
            );
            assert!(start.elapsed() >= timeout, "early");
        }
    });
}

#[test]
fn a_message_ends_a_wait_with_a_timeout() {
    over_each(|place, bound| {
        for timeout in [LONG, Duration::MAX] {
            let (sender, receiver) = channel(bound);
            let helper = place.start(move || {
                a_moment();
                sender.send(1).unwrap();
            });
            assert_eq!(receiver.recv_timeout(timeout), Ok(1));
            helper.join();
        }
    });
}

#[test]
fn a_message_that_is_there_is_received_whatever_the_timeout() {
    over_roomy(|_, bound| {
        let (sender, receiver) = channel(bound);
        for timeout in [Duration::ZERO, LONG, Duration::MAX] {
            sender.send(1).unwrap();
            assert_eq!(receiver.recv_timeout(timeout), Ok(1));
        }
    });
}

#[test]
fn the_end_of_the_last_sender_ends_a_wait_with_a_timeout() {
    over_each(|place, bound| {
        let (sender, receiver) = channel::<()>(bound);
        let helper = place.start(move || {
            a_moment();
            drop(sender);
        });
        assert_eq!(
            receiver.recv_timeout(LONG),
            Err(RecvTimeoutError::Disconnected)
        );
        helper.join();
    });
}

#[test]
fn senders_that_come_and_go_after_a_timeout_are_heard() {
    over_each(|place, bound| {
        let (sender, receiver) = channel(bound);
        let short = Duration::from_millis(1);
        assert_eq!(receiver.recv_timeout(short), Err(RecvTimeoutError::Timeout));
        drop(sender.clone());
        assert_eq!(receiver.recv_timeout(short), Err(RecvTimeoutError::Timeout));
        let clone = sender.clone();
        let helper = place.start(move || clone.send(1).unwrap());
        assert_eq!(receiver.recv_timeout(LONG), Ok(1));
        helper.join();
        assert_eq!(receiver.recv_timeout(short), Err(RecvTimeoutError::Timeout));
        let helper = place.start(move || sender.send(2).unwrap());
        assert_eq!(receiver.recv(), Ok(2));
        helper.join();
        assert_eq!(
            receiver.recv_timeout(short),
            Err(RecvTimeoutError::Disconnected)
        );
    });
}

#[test]
fn timeouts_that_race_with_messages_lose_none() {
    over_each(|place, bound| {
        let (sender, receiver) = channel(bound);
        let helpers = start_many(place, 3, |who| {
            let sender = sender.clone();
            move || {
                for i in 0..150 {
                    if i % 16 == who {
                        may::coroutine::sleep(Duration::from_micros(60));
                    }
                    sender.send(()).unwrap();
                }
            }
        });
        drop(sender);
        let mut received = 0;
        loop {
            match receiver.recv_timeout(Duration::from_micros(50)) {
                Ok(()) => received += 1,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        assert_eq!(received, 450);
        join_all(helpers);
    });
}

#[test]
fn a_loop_of_try_recv_misses_no_message() {
    over_each(|place, bound| {
        let (sender, receiver) = channel(bound);
        let helpers = start_many(place, 3, |_| {
            let sender = sender.clone();
            move || (0..300).for_each(|_| sender.send(()).unwrap())
        });
        drop(sender);
        let mut received = 0;
        loop {
            match receiver.try_recv() {
                Ok(()) => received += 1,
                Err(TryRecvError::Empty) => yield_now(),
                Err(TryRecvError::Disconnected) => break,
            }
        }
        assert_eq!(received, 900);
        join_all(helpers);
    });
}

#[test]
fn iter_ends_with_the_last_sender_and_can_be_left_before() {
    over_each(|place, bound| {
        let (sender, receiver) = channel(bound);
        let helper = place.start(move || (0..10).for_each(|i| sender.send(i).unwrap()));
        for i in receiver.iter() {
            if i == 3 {
                break;
            }
        }
        assert_eq!(receiver.iter().next(), Some(4));
        assert_eq!(receiver.iter().next(), Some(5));
        for i in &receiver {
            if i == 6 {
                break;
            }
        }
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!(receiver.iter().next(), None);
        helper.join();
    });
}

#[test]
fn a_receiver_is_an_iterator_by_itself() {
    over_each(|place, bound| {
        let (sender, receiver) = channel(bound);
        let helper = place.start(move || (0..10).for_each(|i| sender.send(i).unwrap()));
        let mut messages = receiver.into_iter();
        assert_eq!(messages.next(), Some(0));
        assert_eq!(messages.by_ref().sum::<u32>(), 45);
        assert_eq!(messages.next(), None);
        helper.join();
    });
}

#[test]
fn an_iterator_that_owns_the_receiver_is_its_end() {
    over_each(|_, bound| {
        let (sender, receiver) = channel(bound);
        drop(receiver.into_iter());
        assert_eq!(sender.send(1), Err(SendError(1)));
    });
}

#[test]
fn try_iter_takes_what_is_there() {
    over_roomy(|_, bound| {
        let (sender, receiver) = channel(bound);
        assert_eq!(receiver.try_iter().next(), None);
        (0..5).for_each(|i| sender.send(i).unwrap());
        assert_eq!(receiver.try_iter().take(2).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [2, 3, 4]);
        sender.send(5).unwrap();
        drop(sender);
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [5]);
    });
}

#[test]
fn messages_may_be_nothing_large_or_of_a_type_unknown() {
    over_each(|place, bound| {
        let (sender, receiver) = channel(bound);
        let helper = place.start(move || (0..100).for_each(|_| sender.send(()).unwrap()));
        assert_eq!(receiver.iter().count(), 100);
        helper.join();

        let (sender, receiver) = channel(bound);
        let helper = place.start(move || (0..10).for_each(|i| sender.send([i; 4_096]).unwrap()));
        for (i, message) in receiver.into_iter().enumerate() {
            assert!(message.iter().all(|byte| *byte == i as u8));
        }
        helper.join();

        let (sender, receiver) = channel::<Box<dyn Any + Send>>(bound);
        let helper = place.start(move || sender.send(Box::new("text")).unwrap());
        assert_eq!(
            receiver.recv().unwrap().downcast_ref::<&str>(),
            Some(&"text")
        );
        helper.join();
    });
}

#[test]
fn the_auto_traits_of_the_ends_are_stds() {
    same_auto_traits!(mpsc::Sender[u8], mpsc::Sender[Cell<u8>], mpsc::Sender[Rc<u8>]);
    same_auto_traits!(mpsc::SyncSender[u8], mpsc::SyncSender[Cell<u8>], mpsc::SyncSender[Rc<u8>]);
    // Receivers of messages that can be sent may be shared, unlike std's; `parity` says which.
    same_auto_traits!(mpsc::Receiver[Rc<u8>], mpsc::IntoIter[Rc<u8>]);
    same_auto_traits!(mpsc::Iter['static, Rc<u8>], mpsc::TryIter['static, Rc<u8>]);
    same_auto_traits!(mpsc::SendError[u8], mpsc::SendError[Cell<u8>], mpsc::SendError[Rc<u8>]);
    same_auto_traits!(mpsc::TrySendError[u8], mpsc::TrySendError[Cell<u8>]);
}
