//! Whether a worker sleeps: the word on which it and its wakers meet. `home.rs` has the protocol.

use crate::prim::{AtomicU32, Ordering, fence};

/// The worker runs, or looks for work.
const AWAKE: u32 = 0;
/// The worker sleeps in the operating system, or is about to.
const ASLEEP: u32 = 1;
/// A thread is about to end the sleep.
const NOTIFIED: u32 = 2;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct SleepState(AtomicU32);

impl SleepState {
    /// The state of a worker that runs.
    pub(crate) fn new() -> SleepState {
        SleepState(AtomicU32::new(AWAKE))
    }

    /// Announces a sleep (steps 1 and 2); the worker must look for work once more before it sleeps.
    /// Worker only.
    pub(crate) fn announce(&self) {
        self.0.store(ASLEEP, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Ends a sleep, or takes the announcement of one back (step 5). Worker only.
    ///
    /// Acquire: what a notifier did before is visible now.
    pub(crate) fn end(&self) {
        self.0.swap(AWAKE, Ordering::AcqRel);
    }

    /// Whether the worker sleeps and no thread is about to wake it. A hint.
    pub(crate) fn is_asleep(&self) -> bool {
        self.0.load(Ordering::Relaxed) == ASLEEP
    }

    /// Whether the worker neither sleeps nor is about to be woken. A hint.
    pub(crate) fn is_awake(&self) -> bool {
        self.0.load(Ordering::Relaxed) == AWAKE
    }

    /// Whether the caller has to call the operating system to end the worker's sleep (steps b and
    /// c).
    #[inline]
    pub(crate) fn notify(&self) -> bool {
        fence(Ordering::SeqCst);
        // The load keeps the line shared while the worker runs, which is nearly always.
        self.0.load(Ordering::Relaxed) == ASLEEP
            && self
                .0
                .compare_exchange(ASLEEP, NOTIFIED, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }
}
