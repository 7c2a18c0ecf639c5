//! `mpsc::sync_channel`: what the bound does.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::mpsc as stds;
use std::time::Duration;

use may::coroutine::yield_now;
use may_tests::{Random, eventually, with_seeds};

use super::sync::mpsc::{
    Receiver, RecvError, RecvTimeoutError, SendError, SyncSender, TryRecvError, TrySendError,
    sync_channel,
};
use super::{
    Count, Dropped, Flag, LONG, a_moment, everywhere, join_all, same_debug, same_error, start_many,
};

#[test]
fn as_many_messages_as_the_bound_are_taken_without_waiting() {
    everywhere(|_| {
        for bound in [1, 2, 7, 1_000] {
            let (sender, receiver) = sync_channel(bound);
            for round in 0..3 {
                (0..bound).for_each(|i| sender.send(i + round).unwrap());
                assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
                (0..bound).for_each(|i| assert_eq!(receiver.recv(), Ok(i + round)));
            }
        }
    });
}

#[test]
fn one_more_waits_until_there_is_room() {
    everywhere(|place| {
        let (sender, receiver) = sync_channel(1);
        sender.send(1).unwrap();
        let sent = Flag::default();
        let says = sent.clone();
        let helper = place.start(move || {
            sender.send(2).unwrap();
            says.raise();
        });
        a_moment();
        assert!(!sent.is_raised(), "the channel is full");
        assert_eq!(receiver.recv(), Ok(1));
        sent.wait();
        assert_eq!(receiver.recv(), Ok(2));
        helper.join();
    });
}

#[test]
fn never_more_messages_are_under_way_than_the_bound_and_one_per_sender() {
    const SENDERS: usize = 4;
    everywhere(|place| {
        for bound in [0, 1, 5] {
            let (sender, receiver) = sync_channel(bound);
            let sent = Count::default();
            let helpers = start_many(place, SENDERS, |_| {
                let (sender, sent) = (sender.clone(), sent.clone());
                move || {
                    for _ in 0..100 {
                        sender.send(()).unwrap();
                        sent.add();
                    }
                }
            });
            drop(sender);
            let mut received = 0;
            loop {
                // Only sends that have returned are counted: those are in the channel or received.
                assert!(
                    sent.get() <= received + bound,
                    "the bound {bound} is exceeded"
                );
                match receiver.recv() {
                    Ok(()) => received += 1,
                    Err(RecvError) => break,
                }
            }
            assert_eq!(received, 100 * SENDERS);
            join_all(helpers);
        }
    });
}

#[test]
fn try_send_says_why_not_and_gives_the_message_back() {
    everywhere(|_| {
        let (sender, receiver) = sync_channel(1);
        assert_eq!(sender.try_send("one"), Ok(()));
        assert_eq!(sender.try_send("two"), Err(TrySendError::Full("two")));
        assert_eq!(receiver.recv(), Ok("one"));
        assert_eq!(sender.try_send("three"), Ok(()));
        drop(receiver);
        // It is full as well, but no receiver will ever make room.
        assert_eq!(
            sender.try_send("four"),
            Err(TrySendError::Disconnected("four"))
        );
    });
}

#[test]
fn at_a_rendezvous_a_send_lasts_until_it_is_received() {
    everywhere(|place| {
        let (sender, receiver) = sync_channel(0);
        let (receives, received) = (Flag::default(), Flag::default());
        let (sees_receives, says_received) = (receives.clone(), received.clone());
        let helper = place.start(move || {
            sender.send(1).unwrap();
            assert!(sees_receives.is_raised(), "there was no receiver");
            says_received.raise();
        });
        a_moment();
        assert!(!received.is_raised());
        receives.raise();
        assert_eq!(receiver.recv(), Ok(1));
        helper.join();
        assert!(received.is_raised());
    });
}

#[test]
fn at_a_rendezvous_each_send_waits_for_its_own_receive() {
    everywhere(|place| {
        let (sender, receiver) = sync_channel(0);
        let sent = Count::default();
        let counts = sent.clone();
        let helper = place.start(move || {
            for i in 0..3 {
                sender.send(i).unwrap();
                counts.add();
            }
        });
        for i in 0..3 {
            a_moment();
            assert_eq!(sent.get(), i);
            assert_eq!(receiver.recv(), Ok(i));
            sent.wait_for(i + 1);
        }
        helper.join();
    });
}

#[test]
fn try_send_at_a_rendezvous_needs_somebody_who_waits() {
    everywhere(|place| {
        let (sender, receiver) = sync_channel(0);
        assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
        let helper = place.start(move || {
            assert_eq!(receiver.recv(), Ok(2));
            assert_eq!(receiver.recv_timeout(LONG), Ok(3));
        });
        for i in [2, 3] {
            eventually("the other side waits", || sender.try_send(i).is_ok());
        }
        helper.join();
        assert_eq!(sender.try_send(4), Err(TrySendError::Disconnected(4)));
    });
}

#[test]
fn try_recv_at_a_rendezvous_takes_from_one_who_waits() {
    everywhere(|place| {
        let (sender, receiver) = sync_channel(0);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        let helper = place.start(move || sender.send(1).unwrap());
        eventually("the other side waits", || receiver.try_recv() == Ok(1));
        helper.join();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    });
}

#[test]
fn a_timeout_at_a_rendezvous_leaves_nothing_behind() {
    everywhere(|_| {
        let (sender, receiver) = sync_channel(0);
        for _ in 0..3 {
            assert_eq!(
                receiver.recv_timeout(Duration::from_millis(1)),
                Err(RecvTimeoutError::Timeout)
            );
            // Were the receiver still registered, this message would be lost with it.
            assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
        }
    });
}

#[test]
fn the_end_of_the_receiver_releases_every_waiting_sender() {
    everywhere(|place| {
        for bound in [0, 1, 3] {
            let (sender, receiver) = sync_channel(bound);
            for i in 0..bound {
                sender.send(i).unwrap();
            }
            let (started, returned) = (Count::default(), Count::default());
            let helpers = start_many(place, 5, |i| {
                let (sender, started) = (sender.clone(), started.clone());
                let returned = returned.clone();
                move || {
                    started.add();
                    let result = sender.send(100 + i);
                    returned.add();
                    assert_eq!(result, Err(SendError(100 + i)));
                }
            });
            started.wait_for(5);
            a_moment();
            assert_eq!(returned.get(), 0, "they wait for room");
            drop(receiver);
            join_all(helpers);
            assert_eq!(sender.send(0), Err(SendError(0)));
        }
    });
}

#[test]
fn the_end_of_the_receiver_drops_what_waits_in_the_channel_but_not_what_waits_for_room() {
    everywhere(|place| {
        let (in_channel, kept) = (Count::default(), Count::default());
        let (sender, receiver) = sync_channel(2);
        for _ in 0..2 {
            assert!(sender.send(Dropped(in_channel.clone())).is_ok());
        }
        let waiting = Dropped(kept.clone());
        let helper = place.start(move || sender.send(waiting));
        a_moment();
        drop(receiver);
        let result = helper.join();
        assert_eq!(in_channel.get(), 2);
        assert_eq!(kept.get(), 0, "it is in the error");
        drop(result.unwrap_err());
        assert_eq!(kept.get(), 1);
    });
}

#[test]
fn waiting_senders_get_room_one_after_the_other() {
    everywhere(|place| {
        let (sender, receiver) = sync_channel(1);
        let helpers = start_many(place, 6, |i| {
            let sender = sender.clone();
            move || sender.send(i).unwrap()
        });
        drop(sender);
        let mut received: Vec<_> = receiver.iter().collect();
        received.sort_unstable();
        assert_eq!(received, [0, 1, 2, 3, 4, 5]);
        join_all(helpers);
    });
}

#[test]
fn one_who_only_tries_gets_all_its_messages_across() {
    everywhere(|place| {
        for bound in [0, 1, 8] {
            let (sender, receiver) = sync_channel(bound);
            let helper = place.start(move || {
                for i in 0..500 {
                    let mut message = i;
                    while let Err(error) = sender.try_send(message) {
                        match error {
                            TrySendError::Full(back) => message = back,
                            TrySendError::Disconnected(_) => panic!("the receiver is there"),
                        }
                        yield_now();
                    }
                }
            });
            assert!(receiver.into_iter().eq(0..500));
            helper.join();
        }
    });
}

#[test]
fn those_who_try_and_those_who_wait_get_in_each_others_way_without_loss() {
    everywhere(|place| {
        for bound in [0, 1, 4] {
            let (sender, receiver) = sync_channel(bound);
            let helpers = start_many(place, 4, |who| {
                let sender: SyncSender<usize> = sender.clone();
                move || {
                    for _ in 0..100 {
                        if who % 2 == 0 {
                            sender.send(who).unwrap();
                        } else {
                            while sender.try_send(who).is_err() {
                                yield_now();
                            }
                        }
                    }
                }
            });
            drop(sender);
            let mut received = [0; 4];
            for i in 0.. {
                let message = match i % 3 {
                    0 => receiver.recv().map_err(|_| true),
                    1 => receiver
                        .try_recv()
                        .map_err(|error| error == TryRecvError::Disconnected),
                    _ => receiver
                        .recv_timeout(Duration::from_micros(20))
                        .map_err(|error| error == RecvTimeoutError::Disconnected),
                };
                match message {
                    Ok(who) => received[who] += 1,
                    Err(true) => break,
                    Err(false) => yield_now(),
                }
            }
            assert_eq!(received, [100; 4]);
            join_all(helpers);
        }
    });
}

/// Two who both first try to hand something on and then wait for something: neither may miss the
/// other's message because both are at it at the same time.
#[test]
fn two_who_try_to_wake_each_other_do() {
    everywhere(|place| {
        for _ in 0..50 {
            let (there, from_here) = sync_channel(1);
            let (back, from_there) = sync_channel(1);
            let helper = place.start(move || {
                from_here.recv().unwrap();
                assert_eq!(back.try_send(()), Ok(()));
                from_here.recv().unwrap();
            });
            assert_eq!(there.try_send(()), Ok(()));
            from_there.recv().unwrap();
            assert_eq!(there.try_send(()), Ok(()));
            helper.join();
        }
    });
}

#[test]
fn a_channel_with_a_bound_behaves_as_a_queue_of_that_length() {
    with_seeds(20, |mut random: Random| {
        let bound = random.below(50) as usize;
        let (sender, receiver) = sync_channel(bound);
        let mut model = VecDeque::new();
        for i in 0..2_000 {
            if random.below(2) == 0 {
                let expected = if model.len() < bound {
                    model.push_back(i);
                    Ok(())
                } else {
                    Err(TrySendError::Full(i))
                };
                assert_eq!(sender.try_send(i), expected);
            } else {
                let expected = model.pop_front().ok_or(TryRecvError::Empty);
                assert_eq!(receiver.try_recv(), expected);
            }
        }
        drop(sender);
        assert!(receiver.into_iter().eq(model));
    });
}

#[test]
fn the_sender_and_its_errors_are_shown_as_stds_are() {
    /// A message without `Debug`.
    struct Opaque;
    let ours: (SyncSender<Opaque>, Receiver<Opaque>) = sync_channel(1);
    same_debug(&ours, stds::sync_channel::<Opaque>(1));
    same_error(TrySendError::Full(Opaque), stds::TrySendError::Full(Opaque));
    same_error(
        TrySendError::Disconnected(Opaque),
        stds::TrySendError::Disconnected(Opaque),
    );
}

#[test]
fn the_errors_convert_and_pass_a_question_mark() {
    fn tries(sender: &SyncSender<u8>) -> Result<(), Box<dyn Error>> {
        sender.try_send(1)?;
        Ok(())
    }
    fn sends(sender: &SyncSender<u8>) -> Result<(), TrySendError<u8>> {
        Ok(sender.send(1)?)
    }
    let (sender, receiver) = sync_channel(0);
    assert!(tries(&sender).unwrap_err().is::<TrySendError<u8>>());
    drop(receiver);
    assert_eq!(sends(&sender), Err(TrySendError::Disconnected(1)));
    assert_eq!(
        TrySendError::from(SendError(2)),
        TrySendError::Disconnected(2)
    );
}
