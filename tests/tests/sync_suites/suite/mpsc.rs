//! `mpsc::channel`: what only the channel without a bound does, and the error types of receiving.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::mpsc as stds;

use may_tests::{Random, with_seeds};

use super::sync::mpsc::{
    Receiver, RecvError, RecvTimeoutError, SendError, Sender, TryRecvError, channel,
};
use super::{everywhere, join_all, same_debug, same_error, start_many};

#[test]
fn sending_never_waits() {
    everywhere(|_| {
        let (sender, receiver) = channel();
        (0..10_000).for_each(|i| sender.send(i).unwrap());
        (0..10_000).for_each(|i| assert_eq!(receiver.try_recv(), Ok(i)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn ten_thousand_messages_of_eight_senders_arrive() {
    everywhere(|place| {
        let (sender, receiver) = channel();
        let helpers = start_many(place, 8, |_| {
            let sender: Sender<u32> = sender.clone();
            move || (0..1_250).for_each(|_| sender.send(1).unwrap())
        });
        drop(sender);
        let counter = place.start(move || {
            let mut received = 0;
            for _ in 0..10_000 {
                received += receiver.recv().unwrap();
            }
            assert_eq!(receiver.recv(), Err(RecvError));
            received
        });
        assert_eq!(counter.join(), 10_000);
        join_all(helpers);
    });
}

#[test]
fn a_sender_used_by_reference_from_many_places_is_one_sender() {
    everywhere(|place| {
        let (sender, receiver) = channel();
        let sender = std::sync::Arc::new(sender);
        let helpers = start_many(place, 4, |i| {
            let sender = sender.clone();
            move || sender.send(i).unwrap()
        });
        drop(sender);
        assert_eq!(receiver.iter().sum::<usize>(), 6);
        join_all(helpers);
    });
}

#[test]
fn a_channel_without_a_bound_behaves_as_a_queue() {
    with_seeds(20, |mut random: Random| {
        let (sender, receiver) = channel();
        let mut model = VecDeque::new();
        let mut next = 0;
        for _ in 0..20 {
            for _ in 0..random.below(80) {
                sender.send(next).unwrap();
                model.push_back(next);
                next += 1;
            }
            for _ in 0..random.below(90) {
                let expected = model.pop_front().ok_or(TryRecvError::Empty);
                assert_eq!(receiver.try_recv(), expected);
            }
        }
        drop(sender);
        assert!(receiver.into_iter().eq(model));
    });
}

#[test]
fn a_clone_can_be_made_when_the_receiver_is_gone() {
    let (sender, receiver) = channel();
    drop(receiver);
    let mut other = sender.clone();
    other.clone_from(&sender);
    assert_eq!(other.send(1), Err(SendError(1)));
}

#[test]
fn the_ends_are_shown_as_stds_are() {
    /// A type without `Debug`.
    struct Opaque;
    let ours: (Sender<Opaque>, Receiver<Opaque>) = channel();
    let stds = stds::channel::<Opaque>();
    same_debug(&ours, &stds);
    same_debug(ours.1.iter().size_hint(), stds.1.iter().size_hint());
}

#[test]
fn the_iterators_are_shown_as_stds_are() {
    let ((_sender, ours), (_stds_sender, stds)) = (channel::<u8>(), stds::channel::<u8>());
    same_debug(ours.iter(), stds.iter());
    same_debug(ours.try_iter(), stds.try_iter());
    same_debug(ours.into_iter(), stds.into_iter());
}

#[test]
fn the_errors_are_shown_as_stds_are() {
    /// A message without `Debug`.
    struct Opaque;
    same_error(SendError(Opaque), stds::SendError(Opaque));
    same_error(RecvError, stds::RecvError);
    same_error(TryRecvError::Empty, stds::TryRecvError::Empty);
    same_error(TryRecvError::Disconnected, stds::TryRecvError::Disconnected);
    same_error(RecvTimeoutError::Timeout, stds::RecvTimeoutError::Timeout);
    same_error(
        RecvTimeoutError::Disconnected,
        stds::RecvTimeoutError::Disconnected,
    );
}

#[test]
fn the_errors_convert_and_compare() {
    assert_eq!(TryRecvError::from(RecvError), TryRecvError::Disconnected);
    assert_eq!(
        RecvTimeoutError::from(RecvError),
        RecvTimeoutError::Disconnected
    );
    assert_ne!(TryRecvError::Empty, TryRecvError::Disconnected);
    let error = SendError(3);
    let copy = error;
    assert_eq!(error, copy);
    assert_eq!(copy.0, 3);
}

#[test]
fn the_errors_pass_a_question_mark() {
    fn receives(receiver: &Receiver<u8>) -> Result<u8, Box<dyn Error + Send + Sync>> {
        receiver.try_recv()?;
        Ok(receiver.recv()?)
    }
    fn sends(sender: &Sender<u8>) -> Result<(), Box<dyn Error>> {
        Ok(sender.send(1)?)
    }
    let (sender, receiver) = channel();
    assert!(receives(&receiver).unwrap_err().is::<TryRecvError>());
    drop(receiver);
    assert!(sends(&sender).unwrap_err().is::<SendError<u8>>());
}
