//! The programs written for threads, over threads: `may` is this crate, which names what std and
//! crossbeam-channel have as May names its own. So nothing but the meaning of their imports
//! changes.

extern crate self as may;

pub use std::{net, sync, thread as coroutine};

pub use crossbeam_channel as channel;

mod programs;
