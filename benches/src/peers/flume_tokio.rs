//! tokio's runtime with flume's channels, which have any number of receivers and may be without
//! room.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use tokio::task;

use super::tokio::{Tokio, join_all};
use crate::peer::{Flow, Peer};

/// A runtime with as many workers as were asked for.
struct FlumeTokio(Tokio);

/// Starts it.
pub(super) fn start(workers: usize) -> Box<dyn Peer> {
    Box::new(FlumeTokio(Tokio::new(workers)))
}

impl Peer for FlumeTokio {
    fn transfer(&self, transfer: Flow) -> Option<Duration> {
        let each = transfer.each();
        let (sender, receiver) = match transfer.capacity {
            Some(capacity) => flume::bounded(capacity),
            None => flume::unbounded(),
        };
        let senders = vec![sender; transfer.senders];
        let receivers = vec![receiver; transfer.receivers];
        Some(self.0.run(async move {
            let begin = Instant::now();
            let receivers = receivers.into_iter().map(|receiver| {
                task::spawn(async move {
                    while let Ok(number) = receiver.recv_async().await {
                        black_box(number);
                    }
                })
            });
            let senders = senders.into_iter().map(|sender| {
                task::spawn(async move {
                    for number in 0..each {
                        sender.send_async(number).await.unwrap();
                    }
                })
            });
            join_all(receivers.chain(senders).collect()).await;
            begin.elapsed()
        }))
    }

    fn rendezvous(&self, rounds: u64) -> Option<Duration> {
        Some(self.0.run(async move {
            let begin = Instant::now();
            let (ping, pinged) = flume::bounded(0);
            let (pong, ponged) = flume::bounded(0);
            let first = task::spawn(async move {
                for number in 0..rounds {
                    ping.send_async(number).await.unwrap();
                    black_box(ponged.recv_async().await.unwrap());
                }
            });
            let second = task::spawn(async move {
                for _ in 0..rounds {
                    let number = pinged.recv_async().await.unwrap();
                    pong.send_async(number).await.unwrap();
                }
            });
            join_all(vec![first, second]).await;
            begin.elapsed()
        }))
    }
}
