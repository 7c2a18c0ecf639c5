//! Models of the channels: bounded, unbounded, rendezvous; with cancellations and deadlines in
//! play.
//!
//! See `model_wait.rs`. In each model the main thread is the one to which something happens while
//! it waits; the others wait without a limit. A message that is lost leaves one of them asleep,
//! which the model checker reports.
#![cfg(may_loom)]

use loom::cell::Cell;
use loom::thread::{self, JoinHandle};
use may_core::channel::{
    Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
    bounded, never, unbounded,
};
use may_core::coroutine::shield;
use may_core::models::Disturbance::{self, Cancellation, Deadline};
use may_core::models::{LONG, unless_cancelled, with_and_without_grants};
use may_core::sync::spsc;

/// A message. The model checker notices if it gets to its receiver without what was written into
/// it.
struct Message(Cell<usize>);

impl Message {
    fn new(number: usize) -> Message {
        Message(Cell::new(number))
    }

    /// What was written into it.
    fn number(&self) -> usize {
        self.0.get()
    }
}

/// Sends until it has, or the deadline has passed, or the caller is cancelled; true if it has.
fn send(sender: &Sender<Message>, number: usize) -> bool {
    // The time is up when the model says so.
    let sent = || sender.send_timeout(Message::new(number), LONG);
    match unless_cancelled(sent) {
        Some(Ok(())) => true,
        Some(Err(SendTimeoutError::Timeout(message) | SendTimeoutError::Disconnected(message))) => {
            assert_eq!(message.number(), number);
            false
        }
        None => false,
    }
}

/// Receives until it has, or the deadline has passed, or the caller is cancelled.
fn receive(receiver: &Receiver<Message>) -> Option<usize> {
    match unless_cancelled(|| receiver.recv_timeout(LONG))? {
        Ok(message) => Some(message.number()),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
    }
}

/// Starts a thread that sends one message.
fn sender(sender: &Sender<Message>, number: usize) -> JoinHandle<bool> {
    let sender = sender.clone();
    thread::spawn(move || sender.send(Message::new(number)).is_ok())
}

/// Starts a thread that receives one message.
fn receiver(receiver: &Receiver<Message>) -> JoinHandle<Option<usize>> {
    let receiver = receiver.clone();
    thread::spawn(move || receiver.recv().ok().map(|message| message.number()))
}

/// Two send a message each, and one receives until they have gone.
fn two_send_and_one_receives(channel: fn() -> (Sender<Message>, Receiver<Message>)) {
    with_and_without_grants(move || {
        let (to, from) = channel();
        let senders = [sender(&to, 1), sender(&to, 2)];
        drop(to);
        let mut received: Vec<usize> = from.iter().map(|message| message.number()).collect();
        received.sort_unstable();
        assert_eq!(received, [1, 2]);
        for sender in senders {
            assert!(sender.join().unwrap());
        }
    });
}

/// Two wait for a message; something happens to one of them. The other gets a message for sure, as
/// no wake-up goes with the one that leaves, and no message does.
fn a_receiver_that_leaves_loses_nothing(capacity: usize, disturbance: Disturbance) {
    with_and_without_grants(move || {
        let (to, from) = bounded(capacity);
        let disturber = disturbance.begin();
        let (other, first) = (receiver(&from), sender(&to, 1));
        let mine = receive(&from);
        disturber.join().unwrap();
        if mine.is_some() {
            assert!(shield(|| to.send(Message::new(2))).is_ok());
        }
        let others = other.join().unwrap();
        assert!(first.join().unwrap());
        let mut received: Vec<usize> = mine.into_iter().chain(others).collect();
        received.sort_unstable();
        assert_eq!(received, if mine.is_some() { vec![1, 2] } else { vec![1] });
        assert!(matches!(from.try_recv(), Err(TryRecvError::Empty)));
    });
}

/// Two wait for a slot, or for a receiver; something happens to one of them. The other one's
/// message is received for sure.
fn a_sender_that_leaves_loses_nothing(capacity: usize, disturbance: Disturbance) {
    with_and_without_grants(move || {
        let (to, from) = bounded(capacity);
        for number in 0..capacity {
            assert!(to.send(Message::new(10 + number)).is_ok());
        }
        let disturber = disturbance.begin();
        let other = sender(&to, 1);
        let for_thread = from.clone();
        let receiver = thread::spawn(move || {
            (0..=capacity)
                .map(|_| for_thread.recv().unwrap().number())
                .collect::<Vec<usize>>()
        });
        let sent = send(&to, 2);
        disturber.join().unwrap();
        let mut received = receiver.join().unwrap();
        if sent {
            received.push(shield(|| from.recv()).unwrap().number());
        }
        received.retain(|number| *number < 10);
        assert!(other.join().unwrap());
        received.sort_unstable();
        assert_eq!(received, if sent { vec![1, 2] } else { vec![1] });
        assert!(matches!(from.try_recv(), Err(TryRecvError::Empty)));
    });
}

#[test]
fn a_bounded_channel_delivers_each_message_once() {
    two_send_and_one_receives(|| bounded(1));
}

/// The queue for two has no lock: the sender looks whether the receiver waits after it has put the
/// message out.
#[test]
fn a_message_for_the_one_receiver_wakes_him() {
    loom::model(|| {
        let (to, from) = spsc::channel();
        let sender = thread::spawn(move || {
            to.send(Message::new(1)).unwrap();
            to.send(Message::new(2)).unwrap();
            to
        });
        for number in [1, 2] {
            assert_eq!(from.recv().unwrap().number(), number);
        }
        drop(sender.join().unwrap());
        assert!(from.recv().is_err());
    });
}

/// The one sender goes: what it has sent is received before.
#[test]
fn the_end_of_the_one_sender_ends_the_wait_after_his_last_message() {
    loom::model(|| {
        let (to, from) = spsc::channel();
        let sender = thread::spawn(move || to.send(Message::new(1)).is_ok());
        assert_eq!(from.recv().unwrap().number(), 1);
        assert!(from.recv().is_err());
        assert!(sender.join().unwrap());
    });
}

#[test]
fn an_unbounded_channel_that_grows_delivers_each_message_once() {
    two_send_and_one_receives(unbounded);
}

#[test]
fn a_rendezvous_channel_delivers_each_message_once() {
    two_send_and_one_receives(|| bounded(0));
}

#[test]
fn a_cancelled_receiver_of_a_bounded_channel_loses_nothing() {
    a_receiver_that_leaves_loses_nothing(1, Cancellation);
}

#[test]
fn a_receiver_of_a_bounded_channel_whose_time_is_up_loses_nothing() {
    a_receiver_that_leaves_loses_nothing(1, Deadline);
}

#[test]
fn a_cancelled_receiver_of_a_rendezvous_channel_loses_nothing() {
    a_receiver_that_leaves_loses_nothing(0, Cancellation);
}

#[test]
fn a_receiver_of_a_rendezvous_channel_whose_time_is_up_loses_nothing() {
    a_receiver_that_leaves_loses_nothing(0, Deadline);
}

#[test]
fn a_cancelled_sender_of_a_bounded_channel_loses_nothing() {
    a_sender_that_leaves_loses_nothing(1, Cancellation);
}

#[test]
fn a_sender_of_a_bounded_channel_whose_time_is_up_loses_nothing() {
    a_sender_that_leaves_loses_nothing(1, Deadline);
}

#[test]
fn a_cancelled_sender_of_a_rendezvous_channel_loses_nothing() {
    a_sender_that_leaves_loses_nothing(0, Cancellation);
}

#[test]
fn a_sender_of_a_rendezvous_channel_whose_time_is_up_loses_nothing() {
    a_sender_that_leaves_loses_nothing(0, Deadline);
}

/// A message is sent if and only if it is received, whatever happens to the two who meet.
fn both_sides_agree(of_receiver: Disturbance, of_sender: Disturbance) {
    loom::model(move || {
        let (to, from) = bounded(0);
        let disturber = of_receiver.begin();
        let sender = thread::spawn(move || {
            let disturber = of_sender.begin();
            let sent = send(&to, 1);
            disturber.join().unwrap();
            sent
        });
        let received = receive(&from);
        // A sender that waits still learns that no receiver is left.
        drop(from);
        assert_eq!(received, sender.join().unwrap().then_some(1));
        disturber.join().unwrap();
    });
}

#[test]
fn a_rendezvous_with_a_deadline_and_a_cancellation_happens_for_both_or_for_neither() {
    both_sides_agree(Deadline, Cancellation);
}

#[test]
fn a_rendezvous_with_a_cancellation_and_a_deadline_happens_for_both_or_for_neither() {
    both_sides_agree(Cancellation, Deadline);
}

/// The last one on the other side goes, and two who wait for it learn that.
fn two_learn_that_the_channel_is_disconnected(capacity: usize) {
    with_and_without_grants(move || {
        let (to, from) = bounded::<Message>(capacity);
        let other = receiver(&from);
        let dropper = thread::spawn(move || drop(to));
        assert!(matches!(from.recv(), Err(RecvError)));
        assert_eq!(other.join().unwrap(), None);
        dropper.join().unwrap();
    });
    with_and_without_grants(move || {
        let (to, from) = bounded(capacity);
        for number in 0..capacity {
            assert!(to.send(Message::new(10 + number)).is_ok());
        }
        let other = sender(&to, 1);
        let dropper = thread::spawn(move || drop(from));
        let Err(SendError(message)) = to.send(Message::new(2)) else {
            panic!("there is no receiver that could have received it");
        };
        assert_eq!(message.number(), 2);
        assert!(!other.join().unwrap());
        dropper.join().unwrap();
    });
}

#[test]
fn everybody_learns_that_a_bounded_channel_is_disconnected() {
    two_learn_that_the_channel_is_disconnected(1);
}

#[test]
fn everybody_learns_that_a_rendezvous_channel_is_disconnected() {
    two_learn_that_the_channel_is_disconnected(0);
}

#[test]
fn a_slot_that_was_reserved_and_given_back_goes_to_a_sender() {
    with_and_without_grants(|| {
        let (to, from) = bounded(1);
        let for_thread = to.clone();
        let reserver = thread::spawn(move || drop(for_thread.reserve().unwrap()));
        assert!(to.send(Message::new(1)).is_ok());
        assert_eq!(from.try_recv().unwrap().number(), 1);
        reserver.join().unwrap();
        assert!(from.is_empty());
    });
}

#[test]
fn who_waits_for_nothing_can_be_cancelled_and_timed_out() {
    for disturbance in [Cancellation, Deadline] {
        loom::model(move || {
            let disturber = disturbance.begin();
            // The one wait that has neither a queue nor a token.
            let from = never();
            assert!(receive(&from).is_none());
            disturber.join().unwrap();
        });
    }
}
