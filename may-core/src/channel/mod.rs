//! Channels between coroutines and threads, with the names and errors of crossbeam-channel.
//!
//! * [`bounded`](mod@bounded): a buffer of fixed capacity

mod bounded;

pub use bounded::{IntoIter, Iter, Receiver, Sender, TryIter, bounded};
pub use crossbeam_channel::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
