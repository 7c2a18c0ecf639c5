//! The programs.

pub(crate) mod arms;
pub(crate) mod channels;
pub(crate) mod families;
pub(crate) mod locks;
pub(crate) mod signals;
pub(crate) mod system;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use crate::stage::Play;

/// Makes a program anew, for one performance.
pub(crate) type Make = fn() -> Play;

/// A program and its name.
pub(crate) type Program = (&'static str, Make);

/// A time that does not pass.
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// A number that roles and checks share.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    /// One more.
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    /// One less.
    pub(crate) fn subtract(&self) {
        self.0.fetch_sub(1, SeqCst);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

/// Two numbers that are equal unless a coroutine is at work between them, or was ended there.
#[derive(Debug, Default)]
pub(crate) struct Pair {
    pub(crate) begun: usize,
    pub(crate) done: usize,
}

impl Pair {
    /// Whether a coroutine is, or was ended, between the two.
    pub(crate) fn is_torn(&self) -> bool {
        self.begun != self.done
    }
}
