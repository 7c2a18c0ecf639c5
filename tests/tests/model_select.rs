//! Models of `select`: two that face each other, a right that is dropped, receivers that leave.
//!
//! See `model_channel.rs`. (Arms are tried as they are written, since a model has to be the same
//! each time.)
#![cfg(may_loom)]

use std::pin::pin;
use std::sync::Arc;

use loom::thread;
use may_core::channel::{Receiver, RecvError, Sender, bounded};
use may_core::models::Disturbance::{self, Cancellation, Deadline};
use may_core::models::{LONG, Waiter, unless_cancelled, with_and_without_grants};
use may_core::select::{AnyArm, Finish, Mode, lock, recv, reserve, select, wait};
use may_core::sync::{Mutex, SyncFlag};

/// What became of sending and receiving at the same time.
#[derive(Debug, PartialEq, Eq)]
enum Exchanged {
    Sent,
    Received(u32),
}

/// Sends `number` or receives; `first` says which arm comes first.
fn send_or_receive(to: &Sender<u32>, number: u32, from: &Receiver<u32>, first: usize) -> Exchanged {
    let (mut sending, mut receiving) = (pin!(reserve(to)), pin!(recv(from)));
    let arms: &mut [AnyArm<'_>] = match first {
        0 => &mut [sending.as_mut(), receiving.as_mut()],
        _ => &mut [receiving.as_mut(), sending.as_mut()],
    };
    let won = select(arms, Mode::Biased).unwrap();
    if won == first {
        sending.finish().send(number).unwrap();
        Exchanged::Sent
    } else {
        Exchanged::Received(receiving.finish().unwrap())
    }
}

/// Two selects want to send to and receive from each other over two channels; in one direction it
/// happens.
fn two_that_face_each_other(first: [usize; 2]) {
    loom::model(move || {
        let ((to_x, x), (to_y, y)) = (bounded(0), bounded(0));
        let other = thread::spawn({
            let (to_y, x) = (to_y.clone(), x.clone());
            move || send_or_receive(&to_y, 2, &x, first[1])
        });
        match send_or_receive(&to_x, 1, &y, first[0]) {
            Exchanged::Sent => assert_eq!(other.join().unwrap(), Exchanged::Received(1)),
            received => {
                assert_eq!(received, Exchanged::Received(2));
                assert_eq!(other.join().unwrap(), Exchanged::Sent);
            }
        }
    });
}

#[test]
fn two_selects_that_send_first_meet() {
    two_that_face_each_other([0, 0]);
}

#[test]
fn two_selects_that_receive_first_meet() {
    two_that_face_each_other([1, 1]);
}

#[test]
fn a_select_that_sends_first_meets_one_that_receives_first() {
    two_that_face_each_other([0, 1]);
}

/// A right is won and dropped; the receiver that was claimed for it goes on, and gets the next
/// message or learns that there is none.
fn a_right_that_is_dropped(capacity: usize) {
    with_and_without_grants(move || {
        let (to, from) = bounded(capacity);
        let receiver = thread::spawn(move || from.recv());
        {
            let mut sending = pin!(reserve(&to));
            select(&mut [sending.as_mut()], Mode::Biased).unwrap();
            drop(sending.finish());
        }
        drop(to);
        assert_eq!(receiver.join().unwrap(), Err::<u32, _>(RecvError));
    });
}

#[test]
fn a_receiver_that_was_claimed_in_vain_learns_of_the_end() {
    a_right_that_is_dropped(0);
}

#[test]
fn a_slot_that_was_reserved_in_vain_harms_nobody() {
    a_right_that_is_dropped(1);
}

/// A receiver leaves, by a cancellation or a deadline, while a select would send to it: both know
/// whether the message has passed.
fn a_receiver_that_leaves(disturbance: Disturbance) {
    loom::model(move || {
        let ((to, from), (_open, never)) = (bounded(0), bounded::<u32>(0));
        let disturber = disturbance.begin();
        let sender = thread::spawn(move || {
            let (mut sending, mut receiving) = (pin!(reserve(&to)), pin!(recv(&never)));
            select(&mut [receiving.as_mut(), sending.as_mut()], Mode::Biased).unwrap();
            sending.finish().send(1).is_ok()
        });
        let received = unless_cancelled(|| from.recv_timeout(LONG));
        disturber.join().unwrap();
        // The receivers that have not received it let the sender know that they have gone.
        drop(from);
        match received {
            Some(Ok(number)) => {
                assert_eq!(number, 1);
                assert!(sender.join().unwrap());
            }
            _ => assert!(!sender.join().unwrap()),
        }
    });
}

#[test]
fn a_receiver_that_is_cancelled_has_its_message_or_has_not() {
    a_receiver_that_leaves(Cancellation);
}

#[test]
fn a_receiver_whose_time_is_up_has_its_message_or_has_not() {
    a_receiver_that_leaves(Deadline);
}

/// A right is won and dropped while the other end goes: the next sender that waits learns of it.
fn a_right_that_is_dropped_while_the_receiver_goes(capacity: usize) {
    with_and_without_grants(move || {
        let (to, from) = bounded::<u32>(capacity);
        let leaver = thread::spawn(move || {
            let received = from.try_recv();
            drop(from);
            received
        });
        let other = thread::spawn({
            let to = to.clone();
            move || {
                let mut sending = pin!(reserve(&to));
                select(&mut [sending.as_mut()], Mode::Biased).unwrap();
                sending.finish().send(1)
            }
        });
        let mut sending = pin!(reserve(&to));
        select(&mut [sending.as_mut()], Mode::Biased).unwrap();
        drop(sending.finish());
        let (received, sent) = (leaver.join().unwrap(), other.join().unwrap());
        // What was received has been sent; what was sent and not received was in a channel that had
        // room for it.
        assert!(received.is_err() || sent.is_ok());
        assert!(sent.is_err() || received.is_ok() || capacity > 0);
    });
}

#[test]
fn a_slot_that_is_given_back_to_a_channel_that_ends_harms_nobody() {
    a_right_that_is_dropped_while_the_receiver_goes(1);
}

#[test]
fn a_claim_that_is_given_up_on_a_channel_that_ends_harms_nobody() {
    a_right_that_is_dropped_while_the_receiver_goes(0);
}

/// What a caller who was cancelled, and may be again, finds in a channel.
fn left_in(from: &Receiver<u32>) -> u32 {
    let tries = std::iter::repeat_with(|| unless_cancelled(|| from.try_recv()));
    let mut found = tries.inspect(|_| thread::yield_now()).flatten().flatten();
    found.next().unwrap()
}

/// A sender commits a select over two channels, which meanwhile finds one of them ready and
/// withdraws, or is cancelled: a message was received or is still there.
fn a_select_that_leaves(capacity: usize, disturbance: Disturbance) {
    with_and_without_grants(move || {
        let ((to, from), (_open, never)) = (bounded(capacity), bounded::<u32>(0));
        let disturber = disturbance.begin();
        let sender = thread::spawn(move || to.send(1));
        let received = unless_cancelled(|| {
            let (mut first, mut second) = (pin!(recv(&never)), pin!(recv(&from)));
            assert_eq!(
                select(&mut [first.as_mut(), second.as_mut()], Mode::Biased),
                Some(1)
            );
            second.finish()
        });
        disturber.join().unwrap();
        if received.is_none() {
            assert_eq!(left_in(&from), 1);
        } else {
            assert_eq!(received, Some(Ok(1)));
            assert!(from.try_recv().is_err());
        }
        sender.join().unwrap().unwrap();
    });
}

#[test]
fn a_select_that_is_cancelled_has_its_message_or_leaves_it_in_the_channel() {
    a_select_that_leaves(1, Cancellation);
}

#[test]
fn a_select_that_is_cancelled_has_its_message_or_leaves_it_with_its_sender() {
    a_select_that_leaves(0, Cancellation);
}

#[test]
fn a_select_whose_time_is_up_has_its_message_or_leaves_it() {
    a_select_that_leaves(1, Deadline);
}

/// A flag is raised while a select registers for it.
#[test]
fn a_flag_that_is_raised_ends_a_select() {
    loom::model(|| {
        let (flag, (_open, never)) = (Arc::new(SyncFlag::new()), bounded::<u32>(1));
        let raised = flag.clone();
        let raiser = thread::spawn(move || raised.fire());
        let (mut waiting, mut receiving) = (pin!(wait(&flag)), pin!(recv(&never)));
        let arms: &mut [AnyArm<'_>] = &mut [receiving.as_mut(), waiting.as_mut()];
        assert_eq!(select(arms, Mode::Biased), Some(1));
        raiser.join().unwrap();
    });
}

/// A lock is given back while a select registers for it, and taken by another one that waits, too.
#[test]
fn a_lock_that_is_given_back_ends_a_select() {
    with_and_without_grants(|| {
        let count = Arc::new(Mutex::new(0));
        let (held, for_other) = (count.lock().unwrap(), count.clone());
        let other = thread::spawn(move || *for_other.lock().unwrap() += 1);
        let for_select = count.clone();
        let selecting = thread::spawn(move || {
            let mut locking = pin!(lock(&for_select));
            select(&mut [locking.as_mut()], Mode::Biased).unwrap();
            *locking.finish().unwrap() += 1;
        });
        drop(held);
        other.join().unwrap();
        selecting.join().unwrap();
        assert_eq!(*count.lock().unwrap(), 2);
    });
}

/// A select that waits for nothing else ends with a cancellation.
#[test]
fn a_select_that_is_cancelled_ends() {
    loom::model(|| {
        let (_open, never) = bounded::<u32>(0);
        let disturber = Cancellation.begin();
        let ended = unless_cancelled(|| select(&mut [pin!(recv(&never))], Mode::Biased));
        assert!(ended.is_none());
        disturber.join().unwrap();
    });
}

/// A `run(..)` arm that loses: the code, which this thread plays, is cancelled while the message
/// comes for which it waits. It has received it or leaves it; and the select has ended after the
/// code, however that ended.
#[test]
fn code_that_ends_while_it_is_cancelled_has_its_message_or_leaves_it() {
    loom::model(|| {
        let (to, from) = bounded(1);
        let [other, ended] = [(); 2].map(|()| Arc::new(SyncFlag::new()));
        let code = Waiter::current();
        let (fires, ends) = (other.clone(), ended.clone());
        let sender = thread::spawn(move || {
            fires.fire();
            to.send(1).unwrap();
        });
        let caller = thread::spawn(move || {
            let (mut running, mut winning) = (pin!(wait(&ends)), pin!(wait(&other)));
            let won = select(&mut [running.as_mut(), winning.as_mut()], Mode::Biased).unwrap();
            if won == 1 {
                code.cancel();
                ends.wait();
            }
            won
        });
        let received = unless_cancelled(|| from.recv());
        // What the end of a coroutine is: a mark, then its waiters are woken.
        ended.fire();
        let won = caller.join().unwrap();
        sender.join().unwrap();
        match received {
            Some(received) => assert_eq!(received, Ok(1)),
            None => assert_eq!((won, left_in(&from)), (1, 1)),
        }
    });
}
