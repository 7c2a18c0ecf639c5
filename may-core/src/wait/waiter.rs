//! Who waits: a coroutine or an OS thread. Everything that blocks works for both because it goes through this type.

use std::ptr::NonNull;
use std::sync::Arc;

use super::thread::ThreadBlock;
use crate::coroutine::commit_word::CommitWord;
use crate::coroutine::header::Header;

/// Somebody who has a commit word. The pointer is valid while its wait lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Waiter {
    /// A coroutine, woken by sending it home.
    Coroutine(NonNull<Header>),
    /// An OS thread, woken through the operating system; from an `Arc`.
    Thread(NonNull<ThreadBlock>),
}

/// A waiter whose wait has been ended by the holder, who now owes it the wake-up.
#[derive(Debug)]
#[must_use = "the waiter sleeps for ever unless it is woken"]
pub(crate) enum Wake {
    /// The coroutine is suspended, or about to be, until it is sent home.
    Coroutine(NonNull<Header>),
    /// The thread may have gone on by itself, so the block is kept.
    Thread(Arc<ThreadBlock>),
}

impl Waiter {
    /// The word that decides how this waiter's wait ends.
    ///
    /// # Safety
    ///
    /// The waiter's wait lasts, or the caller is the waiter.
    #[inline]
    pub(crate) unsafe fn word<'a>(self) -> &'a CommitWord {
        // SAFETY: (docs/safety.md, I2) the caller vouches for the pointer.
        unsafe {
            match self {
                Waiter::Coroutine(header) => &(*header.as_ptr()).word,
                Waiter::Thread(block) => &(*block.as_ptr()).word,
            }
        }
    }

    /// What wakes this waiter, to be taken before its wait is ended.
    ///
    /// # Safety
    ///
    /// The waiter's wait lasts.
    #[inline]
    pub(super) unsafe fn wake(self) -> Wake {
        match self {
            Waiter::Coroutine(header) => Wake::Coroutine(header),
            Waiter::Thread(block) => {
                // SAFETY: (docs/safety.md, I2) the thread holds its block while it waits.
                unsafe {
                    Arc::increment_strong_count(block.as_ptr());
                    Wake::Thread(Arc::from_raw(block.as_ptr()))
                }
            }
        }
    }
}

impl Wake {
    /// Wakes the waiter.
    #[inline]
    pub(crate) fn fire(self) {
        match self {
            // SAFETY: (docs/safety.md, I2) whoever made this value ended the wait, and nobody else did.
            Wake::Coroutine(header) => unsafe { Header::send_home(header) },
            Wake::Thread(block) => block.wake(),
        }
    }
}

// SAFETY: (docs/safety.md, I2) a wake-up may be delivered from any thread.
unsafe impl Send for Wake {}
