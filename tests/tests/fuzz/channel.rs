//! Channels of all kinds: sending, receiving, selecting, cancelling, and ends that go.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use may::channel::{self, Receiver, Sender};
use may::future::block_on;
use may::select;
use may_tests::Random;

use super::Waiters;

const DAY: Duration = Duration::from_secs(86_400);

/// What an operation has come to.
#[derive(Debug, PartialEq, Eq)]
enum Done {
    Sent,
    Received(usize),
    Closed,
}

/// A channel as it should be: messages, and those who wait, first come first.
#[derive(Debug)]
struct Model {
    capacity: usize,
    messages: VecDeque<usize>,
    senders: VecDeque<(usize, usize)>,
    receivers: VecDeque<usize>,
    has_senders: bool,
    has_receivers: bool,
}

impl Model {
    /// Does all that can be done now; returns who gets done what.
    fn settle(&mut self) -> Vec<(usize, Done)> {
        let mut done = Vec::new();
        if !self.has_receivers {
            done.extend(
                self.senders
                    .drain(..)
                    .map(|(number, _)| (number, Done::Closed)),
            );
        }
        loop {
            if self.messages.len() < self.capacity
                && let Some((sender, message)) = self.senders.pop_front()
            {
                self.messages.push_back(message);
                done.push((sender, Done::Sent));
            } else if !self.receivers.is_empty()
                && let Some(message) = self.messages.pop_front()
            {
                done.push((
                    self.receivers.pop_front().expect("one is there"),
                    Done::Received(message),
                ));
            } else if self.capacity == 0 && !self.receivers.is_empty() && !self.senders.is_empty() {
                let (sender, message) = self.senders.pop_front().expect("one is there");
                done.push((sender, Done::Sent));
                done.push((
                    self.receivers.pop_front().expect("one is there"),
                    Done::Received(message),
                ));
            } else {
                break;
            }
        }
        if !self.has_senders {
            done.extend(
                self.receivers
                    .drain(..)
                    .map(|number| (number, Done::Closed)),
            );
        }
        done
    }

    fn waiting(&self) -> BTreeSet<usize> {
        let senders = self.senders.iter().map(|(number, _)| *number);
        senders.chain(self.receivers.iter().copied()).collect()
    }
}

fn sent<E>(result: Result<(), E>) -> Done {
    result.map_or(Done::Closed, |()| Done::Sent)
}

fn received<E>(result: Result<usize, E>) -> Done {
    result.map_or(Done::Closed, Done::Received)
}

/// The ways to send.
fn send(sender: &Sender<usize>, message: usize, way: u64) -> Done {
    match way {
        0 => sent(sender.send(message)),
        1 => sent(sender.send_timeout(message, DAY)),
        2 => sent(block_on(sender.send_async(message))),
        3 => match sender.reserve() {
            Ok(permit) => sent(permit.send(message)),
            Err(_) => Done::Closed,
        },
        _ => select! {
            result = send(sender, message) => sent(result),
            after(DAY) => unreachable!(),
        },
    }
}

/// The ways to receive.
fn receive(receiver: &Receiver<usize>, way: u64) -> Done {
    match way {
        0 => received(receiver.recv()),
        1 => received(receiver.recv_timeout(DAY)),
        2 => received(block_on(receiver.recv_async())),
        _ => select! {
            result = recv(receiver) => received(result),
            after(DAY) => unreachable!(),
        },
    }
}

pub(crate) fn round(mut random: Random) {
    let capacity = match random.below(4) {
        3 => usize::MAX,
        small => small as usize,
    };
    let (sender, receiver) = match capacity {
        usize::MAX => channel::unbounded(),
        _ => channel::bounded(capacity),
    };
    let (mut sender, mut receiver) = (Some(sender), Some(receiver));
    let mut model = Model {
        capacity,
        messages: VecDeque::new(),
        senders: VecDeque::new(),
        receivers: VecDeque::new(),
        has_senders: true,
        has_receivers: true,
    };
    let mut waiters = Waiters::new();
    let mut log = Vec::new();
    for step in 0..random.below(40) as usize {
        let mut cancelled = None;
        match random.below(12) {
            0..4 => {
                let Some(sender) = sender.clone() else {
                    continue;
                };
                let way = random.below(5);
                // A right to send is no message: on a rendezvous channel it claims no receiver.
                let way = if capacity == 0 && way == 3 { 0 } else { way };
                let number = waiters.start(move || send(&sender, step, way));
                model.senders.push_back((number, step));
                log.push(format!("{number} sends {step} by {way}"));
            }
            4..8 => {
                let Some(receiver) = receiver.clone() else {
                    continue;
                };
                let way = random.below(4);
                let number = waiters.start(move || receive(&receiver, way));
                model.receivers.push_back(number);
                log.push(format!("{number} receives by {way}"));
            }
            8 => {
                let Some(sender) = &sender else { continue };
                let has_room = model.has_receivers
                    && (model.messages.len() < capacity || !model.receivers.is_empty());
                assert_eq!(sender.try_send(step).is_ok(), has_room, "{log:#?}");
                if has_room {
                    match model.receivers.is_empty() {
                        true => model.messages.push_back(step),
                        // It goes by way of a sender that no receiver waits for.
                        false => model.senders.push_front((usize::MAX, step)),
                    }
                }
                log.push(format!("try_send {step}: {has_room}"));
            }
            9 => {
                let Some(receiver) = &receiver else { continue };
                let of_sender = model.senders.front().map(|(_, message)| *message);
                let expected = model.messages.pop_front().or(of_sender);
                let is_handed_over = capacity == 0 && expected.is_some();
                assert_eq!(receiver.try_recv().ok(), expected, "{log:#?}");
                log.push(format!("try_recv: {expected:?}"));
                if is_handed_over {
                    // Its sender is done, as if a receiver had come.
                    model.receivers.push_back(usize::MAX);
                }
            }
            10 => {
                let waiting = waiters.waiting();
                if waiting.is_empty() {
                    continue;
                }
                let victim = waiting[random.below(waiting.len() as u64) as usize];
                waiters.cancel(victim);
                cancelled = Some(victim);
                model.senders.retain(|(number, _)| *number != victim);
                model.receivers.retain(|number| *number != victim);
                log.push(format!("{victim} is cancelled"));
            }
            _ => match random.below(6) {
                // Those who wait have clones: the end goes when none of them is left.
                0 => sender = None,
                1 => receiver = None,
                _ => continue,
            },
        }
        loop {
            let ended = waiters.settle();
            let mut expected = model.settle();
            model.has_senders = sender.is_some() || !model.senders.is_empty();
            model.has_receivers = receiver.is_some() || !model.receivers.is_empty();
            expected.extend(model.settle());
            expected.retain(|(number, _)| *number != usize::MAX);
            if let Some(victim) = cancelled.take() {
                assert_eq!(
                    ended.iter().find(|(number, _)| *number == victim),
                    Some(&(victim, None)),
                    "{log:#?}"
                );
            }
            let mut ended: Vec<_> = ended
                .into_iter()
                .filter_map(|(number, done)| Some((number, done?)))
                .collect();
            ended.sort_by_key(|(number, _)| *number);
            expected.sort_by_key(|(number, _)| *number);
            assert_eq!(ended, expected, "{log:#?}\n{model:?}");
            if expected.is_empty() {
                break;
            }
        }
        let waiting: BTreeSet<usize> = waiters.waiting().into_iter().collect();
        assert_eq!(waiting, model.waiting(), "{log:#?}");
        if let Some(receiver) = &receiver {
            assert_eq!(receiver.len(), model.messages.len(), "{log:#?}");
        }
    }
    waiters
        .waiting()
        .into_iter()
        .for_each(|number| waiters.cancel(number));
    waiters.settle();
    assert!(waiters.waiting().is_empty());
}
