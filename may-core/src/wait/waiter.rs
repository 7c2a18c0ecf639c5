//! Who waits: a coroutine, an OS thread or a task, which is what polls a future. Everything that
//! blocks works for all of them because it goes through this type.

use std::ptr::NonNull;
use std::sync::Arc;

use super::task::TaskBlock;
use crate::coroutine::commit_word::CommitWord;
use crate::coroutine::header::Header;
use crate::coroutine::home::Home;
use crate::coroutine::thread::ThreadBlock;
use crate::util::spin::{SpinGuard, SpinLock};

/// A coroutine, thread or future that has a commit word. The pointer is valid while its wait lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiter {
    /// A coroutine, woken by sending it home.
    Coroutine(NonNull<Header>),
    /// An OS thread, woken through the operating system; from an `Arc`.
    Thread(NonNull<ThreadBlock>),
    /// A future, woken by the waker of its last poll; from an `Arc`.
    Task(NonNull<TaskBlock>),
}

/// A waiter whose wait has been ended by the holder, which now owes it the wake-up.
#[derive(Debug)]
#[must_use = "the waiter sleeps forever unless it is woken"]
pub(crate) enum Wake {
    /// The coroutine is suspended, or about to be, until it is sent home.
    Coroutine(NonNull<Header>),
    /// The thread may have gone on by itself, so the block is kept.
    Thread(Arc<ThreadBlock>),
    /// The future may be gone, so the block is kept.
    Task(Arc<TaskBlock>),
}

impl Waiter {
    /// A thread.
    #[inline]
    pub(crate) fn thread(block: &Arc<ThreadBlock>) -> Waiter {
        // Not from a reference: what wakes the thread counts the block.
        Waiter::Thread(NonNull::new(Arc::as_ptr(block).cast_mut()).expect("an `Arc` is not null"))
    }

    /// The word that decides how this waiter's wait ends.
    ///
    /// # Safety
    ///
    /// The waiter's wait lasts, or the caller is the waiter.
    #[inline]
    pub(crate) unsafe fn word<'a>(self) -> &'a CommitWord {
        // SAFETY: (I2) the caller vouches for the pointer.
        unsafe {
            match self {
                Waiter::Coroutine(header) => &(*header.as_ptr()).strand.word,
                Waiter::Thread(block) => &(*block.as_ptr()).strand.word,
                Waiter::Task(block) => &(*block.as_ptr()).word,
            }
        }
    }

    /// Whether the waiter, if it were woken now, would have to wait for another coroutine that
    /// computes on its worker. A hint.
    ///
    /// # Safety
    ///
    /// The waiter's wait lasts.
    #[inline]
    pub(super) unsafe fn is_held_up(self) -> bool {
        match self {
            // SAFETY: (I2) the coroutine is suspended or about to be, so its worker has not ended.
            Waiter::Coroutine(header) => unsafe { Home::is_held_up(header.as_ref().home()) },
            Waiter::Thread(_) | Waiter::Task(_) => false,
        }
    }

    /// What wakes this waiter, to be taken before its wait is ended.
    ///
    /// # Safety
    ///
    /// The waiter's wait lasts.
    #[inline]
    pub(crate) unsafe fn wake(self) -> Wake {
        match self {
            Waiter::Coroutine(header) => Wake::Coroutine(header),
            Waiter::Thread(block) => {
                // SAFETY: (I2) the thread holds its block while it waits.
                unsafe {
                    Arc::increment_strong_count(block.as_ptr());
                    Wake::Thread(Arc::from_raw(block.as_ptr()))
                }
            }
            Waiter::Task(block) => {
                // SAFETY: (R6) the future holds its block until it has withdrawn.
                unsafe {
                    Arc::increment_strong_count(block.as_ptr());
                    Wake::Task(Arc::from_raw(block.as_ptr()))
                }
            }
        }
    }
}

impl Wake {
    /// Whether waking runs user code, the waker of a future.
    #[inline]
    pub(crate) fn runs_user_code(&self) -> bool {
        matches!(self, Wake::Task(_))
    }

    /// Says that what the waiter was claimed for is done: see [`WaitList::claim_first`]. To be
    /// called before it is woken.
    ///
    /// [`WaitList::claim_first`]: super::WaitList::claim_first
    #[inline]
    pub(crate) fn release(&self) {
        // Coroutines and threads are not woken before.
        if let Wake::Task(block) = self {
            block.word.release();
        }
    }

    /// Wakes the waiter. To be called outside every lock and every open wait, because wakers are
    /// user code. It does not unwind: what a waker or its destructor raises ends in
    /// `wait/waker.rs`, so no other waiter goes without a wake-up.
    #[inline]
    pub(crate) fn fire(self) {
        match self {
            // SAFETY: (I2) the maker of this value ended the wait, and no other committer did.
            Wake::Coroutine(header) => unsafe { Header::send_home(header) },
            Wake::Thread(block) => block.wake(),
            Wake::Task(block) => block.wake(),
        }
    }
}

// SAFETY: (I2) a wake-up may be delivered from any thread.
unsafe impl Send for Wake {}

/// Some wake-ups that are collected under a lock and fired after it is left.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    wakes: [Option<Wake>; Wakes::MOST],
    count: usize,
}

impl Wakes {
    /// How many there may be at a time.
    const MOST: usize = 16;

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Whether there is room for no more.
    pub(crate) fn is_full(&self) -> bool {
        self.count == Wakes::MOST
    }

    /// Adds one. There is room.
    pub(crate) fn push(&mut self, wake: Wake) {
        self.wakes[self.count] = Some(wake);
        self.count += 1;
    }

    /// Wakes those whom `collect` finds under a lock that the caller holds. It is left before they
    /// are woken; and `collect` is called again, under the lock, as long as it has filled all the
    /// room there is.
    pub(crate) fn fire_all<'a, S>(
        lock: &'a SpinLock<S>,
        mut state: SpinGuard<'a, S>,
        mut collect: impl FnMut(&mut S, &mut Wakes),
    ) {
        let mut wakes = Wakes::default();
        loop {
            collect(&mut state, &mut wakes);
            drop(state);
            let full = wakes.is_full();
            wakes.fire();
            if !full {
                return;
            }
            state = lock.lock();
        }
    }

    /// Wakes them; after this there is room again.
    fn fire(&mut self) {
        for wake in &mut self.wakes[..std::mem::take(&mut self.count)] {
            if let Some(wake) = wake.take() {
                wake.fire();
            }
        }
    }
}
