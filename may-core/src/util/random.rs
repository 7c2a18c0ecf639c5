//! A small generator for choices that only have to be fair: which worker to steal from, which arm
//! to try first.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// Marsaglia's xorshift64* (Vigna 2016), one per worker.
#[derive(Debug)]
pub(crate) struct Random(Cell<u64>);

impl Random {
    /// A generator with a seed of its own.
    pub(crate) fn new() -> Random {
        Random(Cell::new(RandomState::new().hash_one(0_u8) | 1))
    }

    /// The next number, from 0 up to but not including `limit`, which is at least 1.
    pub(crate) fn below(&self, limit: usize) -> usize {
        let mut state = self.0.get();
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.0.set(state);
        let high = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        ((high * limit as u64) >> 32) as usize
    }
}

/// Calls `f` with a generator of the thread's own.
pub(crate) fn with_random<R>(f: impl FnOnce(&Random) -> R) -> R {
    thread_local! {
        static RANDOM: Random = Random::new();
    }
    RANDOM.with(f)
}
