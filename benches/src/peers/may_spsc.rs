//! May with its channel for one sender and one receiver, in place of the one for many.

use std::time::Duration;

use may::sync::spsc;

use super::may::{configure, flow, run};
use crate::peer::{Flow, Peer};

/// The default runtime.
struct MaySpsc;

/// Starts it.
pub(super) fn start(workers: usize) -> Box<dyn Peer> {
    configure(workers);
    Box::new(MaySpsc)
}

impl Peer for MaySpsc {
    fn transfer(&self, transfer: Flow) -> Option<Duration> {
        if transfer.capacity.is_some() {
            return None;
        }
        let (sender, receiver) = spsc::channel();
        Some(run(move || {
            flow(
                transfer,
                (vec![sender], vec![receiver]),
                |sender, number| sender.send(number).unwrap(),
                |receiver| receiver.recv().ok(),
            )
        }))
    }
}
