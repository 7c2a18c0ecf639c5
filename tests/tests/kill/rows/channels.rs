//! Channels: nothing is lost, nothing is received twice, and all ends learn of the disconnection.

use std::collections::HashSet;
use std::sync::{Arc, Mutex as StdMutex};

use may::channel::{self, Receiver, Sender};
use may::future::block_on;
use may::sync::{broadcast, mpmc, mpsc, oneshot, spsc, watch};

use super::{Count, DAY, Program};
use crate::stage::{At, Blow, End, Play};

pub(crate) fn programs() -> Vec<Program> {
    vec![
        ("channel::bounded(0)", || passing(channel::bounded(0))),
        ("channel::bounded(1)", || passing(channel::bounded(1))),
        ("channel::bounded(3)", || passing(channel::bounded(3))),
        ("channel::unbounded", || passing(channel::unbounded())),
        ("channel::bounded(0), with timeouts", || {
            passing(timed(channel::bounded(0)))
        }),
        ("channel::bounded(1), with timeouts", || {
            passing(timed(channel::bounded(1)))
        }),
        ("channel::bounded(0), by futures", || {
            passing(by_futures(channel::bounded(0)))
        }),
        ("channel::bounded(1), by futures", || {
            passing(by_futures(channel::bounded(1)))
        }),
        ("channel::bounded(0), reserved", || {
            passing(reserved(channel::bounded(0)))
        }),
        ("channel::bounded(1), reserved", || {
            passing(reserved(channel::bounded(1)))
        }),
        ("channel::bounded(1), reserved with timeouts", || {
            let (tx, rx) = channel::bounded(1);
            passing((TimedReservingSender(tx), rx))
        }),
        ("mpmc::channel", || passing(mpmc::channel())),
        ("mpmc::sync_channel(0)", || passing(mpmc::sync_channel(0))),
        ("mpmc::sync_channel(1)", || passing(mpmc::sync_channel(1))),
        ("mpsc::channel", || passing(mpsc::channel())),
        ("mpsc::sync_channel(0)", || passing(mpsc::sync_channel(0))),
        ("mpsc::sync_channel(1)", || passing(mpsc::sync_channel(1))),
        ("mpsc::sync_channel(0), with timeouts", || {
            passing(timed_of_mpsc(mpsc::sync_channel(0)))
        }),
        ("mpsc::sync_channel(1), with timeouts", || {
            passing(timed_of_mpsc(mpsc::sync_channel(1)))
        }),
        ("spsc::channel", || passing(spsc::channel())),
        ("oneshot", || passing(oneshot_pair())),
        ("broadcast", broadcasting),
        ("watch", watching),
    ]
}

/// A message: who sends it, its number, and what counts those that are gone.
pub(crate) struct Message {
    sender: usize,
    number: usize,
    gone: Count,
}

impl Drop for Message {
    fn drop(&mut self) {
        self.gone.add();
    }
}

/// One end, for the programs: false if the other one has gone.
trait Sends: Send + Sized + 'static {
    fn send(&mut self, message: Message, at: &At) -> bool;
    /// Another one, if there may be several.
    fn another(&self) -> Option<Self>;
    /// How many messages it takes.
    const MOST: usize = 3;
}

/// The other end.
trait Receives: Send + Sized + 'static {
    fn recv(&mut self) -> Option<Message>;
    fn another(&self) -> Option<Self>;
}

macro_rules! ends {
    ($($sender:ty, $receiver:ty, $send:expr, $recv:expr, ($more_tx:expr, $more_rx:expr), $most:expr;)*) => {$(
        impl Sends for $sender {
            const MOST: usize = $most;
            fn send(&mut self, message: Message, at: &At) -> bool {
                let send: fn(&mut Self, Message, &At) -> bool = $send;
                send(self, message, at)
            }
            fn another(&self) -> Option<Self> {
                let more: fn(&Self) -> Option<Self> = $more_tx;
                more(self)
            }
        }
        impl Receives for $receiver {
            fn recv(&mut self) -> Option<Message> {
                let recv: fn(&mut Self) -> Option<Message> = $recv;
                recv(self)
            }
            fn another(&self) -> Option<Self> {
                let more: fn(&Self) -> Option<Self> = $more_rx;
                more(self)
            }
        }
    )*};
}

struct TimedSender(Sender<Message>);
struct TimedReceiver(Receiver<Message>);
struct TimedSyncSender(mpsc::SyncSender<Message>);
struct TimedOneReceiver(mpsc::Receiver<Message>);
struct FutureSender(Sender<Message>);
struct FutureReceiver(Receiver<Message>);
struct ReservingSender(Sender<Message>);
struct TimedReservingSender(Sender<Message>);
struct OneSender(Option<oneshot::Sender<Message>>);
struct OneReceiver(Option<oneshot::Receiver<Message>>);

fn timed((tx, rx): (Sender<Message>, Receiver<Message>)) -> (TimedSender, TimedReceiver) {
    (TimedSender(tx), TimedReceiver(rx))
}

fn timed_of_mpsc(
    (tx, rx): (mpsc::SyncSender<Message>, mpsc::Receiver<Message>),
) -> (TimedSyncSender, TimedOneReceiver) {
    (TimedSyncSender(tx), TimedOneReceiver(rx))
}

fn by_futures((tx, rx): (Sender<Message>, Receiver<Message>)) -> (FutureSender, FutureReceiver) {
    (FutureSender(tx), FutureReceiver(rx))
}

fn reserved(
    (tx, rx): (Sender<Message>, Receiver<Message>),
) -> (ReservingSender, Receiver<Message>) {
    (ReservingSender(tx), rx)
}

fn oneshot_pair() -> (OneSender, OneReceiver) {
    let (tx, rx) = oneshot::channel();
    (OneSender(Some(tx)), OneReceiver(Some(rx)))
}

ends! {
    Sender<Message>, Receiver<Message>,
        |tx, message, _| Sender::send(tx, message).is_ok(), |rx| Receiver::recv(rx).ok(),
        (|tx| Some(tx.clone()), |rx| Some(rx.clone())), 3;
    TimedSender, TimedReceiver,
        |tx, message, _| tx.0.send_timeout(message, DAY).is_ok(), |rx| rx.0.recv_timeout(DAY).ok(),
        (|tx| Some(TimedSender(tx.0.clone())), |rx| Some(TimedReceiver(rx.0.clone()))), 3;
    TimedSyncSender, TimedOneReceiver,
        |tx, message, _| tx.0.send_timeout(message, DAY).is_ok(), |rx| rx.0.recv_timeout(DAY).ok(),
        (|tx| Some(TimedSyncSender(tx.0.clone())), |_| None), 3;
    FutureSender, FutureReceiver,
        |tx, message, _| block_on(tx.0.send_async(message)).is_ok(), |rx| block_on(rx.0.recv_async()).ok(),
        (|tx| Some(FutureSender(tx.0.clone())), |rx| Some(FutureReceiver(rx.0.clone()))), 3;
    mpmc::Sender<Message>, mpmc::Receiver<Message>,
        |tx, message, _| mpmc::Sender::send(tx, message).is_ok(), |rx| mpmc::Receiver::recv(rx).ok(),
        (|tx| Some(tx.clone()), |rx| Some(rx.clone())), 3;
    mpsc::Sender<Message>, mpsc::Receiver<Message>,
        |tx, message, _| mpsc::Sender::send(tx, message).is_ok(), |rx| mpsc::Receiver::recv(rx).ok(),
        (|tx| Some(tx.clone()), |_| None), 3;
    spsc::Sender<Message>, spsc::Receiver<Message>,
        |tx, message, _| spsc::Sender::send(tx, message).is_ok(), |rx| spsc::Receiver::recv(rx).ok(),
        (|_| None, |_| None), 3;
    OneSender, OneReceiver,
        |tx, message, _| tx.0.take().unwrap().send(message).is_ok(), |rx| rx.0.take()?.recv().ok(),
        (|_| None, |_| None), 1;
}

impl Sends for mpsc::SyncSender<Message> {
    fn send(&mut self, message: Message, _: &At) -> bool {
        mpsc::SyncSender::send(self, message).is_ok()
    }

    fn another(&self) -> Option<Self> {
        Some(self.clone())
    }
}

/// The message exists while there is a right to send it; a sender that is ended then gives the
/// right back.
impl Sends for ReservingSender {
    fn send(&mut self, message: Message, at: &At) -> bool {
        let Ok(permit) = self.0.reserve() else {
            return false;
        };
        at.turn();
        permit.send(message).is_ok()
    }

    fn another(&self) -> Option<Self> {
        Some(ReservingSender(self.0.clone()))
    }
}

impl Sends for TimedReservingSender {
    fn send(&mut self, message: Message, at: &At) -> bool {
        let Ok(permit) = self.0.reserve_timeout(DAY) else {
            return false;
        };
        at.turn();
        permit.send(message).is_ok()
    }

    fn another(&self) -> Option<Self> {
        Some(TimedReservingSender(self.0.clone()))
    }
}

/// Who has received what.
#[derive(Default)]
struct Log(StdMutex<Vec<(usize, usize)>>);

/// Two who send and two who receive, if there may be two.
fn passing<T: Sends, R: Receives>((sender, receiver): (T, R)) -> Play {
    let mut play = Play::default();
    let (made, gone, sent) = (Count::default(), Count::default(), Count::default());
    let log = Arc::new(Log::default());
    let another = sender.another();
    let senders: Vec<T> = [sender].into_iter().chain(another).collect();
    let another = receiver.another();
    let receivers: Vec<R> = [receiver].into_iter().chain(another).collect();
    let (first_receiver, alone) = (senders.len(), receivers.len() == 1);
    for (number, mut sender) in senders.into_iter().enumerate() {
        let (made, gone, sent) = (made.clone(), gone.clone(), sent.clone());
        play.victim(move |at| {
            for message in 0..T::MOST {
                at.turn();
                made.add();
                let message = Message {
                    sender: number,
                    number: message,
                    gone: gone.clone(),
                };
                if !sender.send(message, at) {
                    break;
                }
                sent.add();
            }
        });
    }
    for mut receiver in receivers {
        let log = log.clone();
        play.victim(move |at| {
            let mut last = [None; 2];
            loop {
                at.here();
                let Some(message) = receiver.recv() else {
                    break;
                };
                log.0.lock().unwrap().push((message.sender, message.number));
                assert!(last[message.sender] < Some(message.number), "out of turn");
                last[message.sender] = Some(message.number);
                at.here();
            }
        });
    }
    play.check(move |ends| {
        let received = std::mem::take(&mut *log.0.lock().unwrap());
        let unique: HashSet<_> = received.iter().collect();
        assert_eq!(unique.len(), received.len(), "received twice");
        assert_eq!(
            made.get(),
            gone.get(),
            "messages leak, or are dropped twice"
        );
        let somebody_receives = !alone || ends[first_receiver] == End::Done;
        if somebody_receives {
            assert_eq!(received.len(), sent.get(), "lost, or never sent");
        } else {
            assert!(received.len() <= sent.get());
        }
    });
    play
}

/// Each receiver that is left has all that was sent.
fn broadcasting() -> Play {
    let mut play = Play::default();
    let (sender, receiver) = broadcast::channel(8);
    let sent = Count::default();
    let others = receiver.resubscribe();
    for mut receiver in [receiver, others] {
        let sent = sent.clone();
        play.victim(move |at| {
            let mut received = 0;
            at.here();
            while let Ok(message) = receiver.recv() {
                assert_eq!(message, received);
                received += 1;
                at.here();
            }
            assert_eq!(received, sent.get());
        });
    }
    play.victim(move |at| {
        for message in 0..3 {
            at.turn();
            if sender.send(message).is_err() {
                break;
            }
            sent.add();
        }
    });
    play
}

/// Each receiver that is left sees the last value. A sender that panics while it changes the value
/// has changed it.
fn watching() -> Play {
    let mut play = Play::default();
    let (sender, receiver) = watch::channel(0);
    let sent = Count::default();
    for mut receiver in [receiver.clone(), receiver] {
        let sent = sent.clone();
        play.victim(move |at| {
            at.here();
            while receiver.changed().is_ok() {
                at.turn();
                assert!(*receiver.borrow_and_update() <= sent.get() + 1);
            }
            let last = *receiver.borrow_and_update();
            assert!(last == sent.get() || last == sent.get() + 1);
        });
    }
    play.victim(move |at| {
        for _ in 0..3 {
            at.turn();
            sender.send_modify(|value| {
                *value += 1;
                at.here();
            });
            sent.add();
        }
    });
    play.check(|ends| {
        assert!(!ends[..2].contains(&End::Killed(Blow::Panic)) || ends[2] == End::Done)
    });
    play
}
