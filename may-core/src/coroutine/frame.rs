//! Resuming and suspending: the only file that names corosensei, apart from the stacks it runs on.
//!
//! ```text
//!   worker's stack                      coroutine's stack
//!   Header::resume  --- switch -------> entry: body.run(header)
//!                                         ... the user's frames ...
//!   returns false   <-- switch --------   suspend
//!   Header::resume  --- switch ------->   suspend returns
//!   returns true    <-- switch -------- entry returns, the stack is free
//! ```
//!
//! The frame lies in the header and is made at the first run: what a coroutine that has not started costs is its block.

use std::fmt;
use std::ptr::NonNull;

use corosensei::stack::StackPointer;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::current;
use super::header::Header;
use crate::stack::Stack;

/// A stack and what is on it.
pub(crate) struct Frame(Coroutine<(), (), (), Stack>);

/// What switches back to the worker; lies at the base of the stack, from the first resume on.
pub(crate) type Suspender = Yielder<(), ()>;

impl Header {
    /// Gives the coroutine the stack on which it will start.
    ///
    /// # Safety
    ///
    /// This is the worker's thread, the coroutine has not started, and the block lives until it has ended.
    pub(crate) unsafe fn prepare(this: NonNull<Header>, stack: Stack) {
        // SAFETY: (docs/safety.md, R1) the caller vouches for the block.
        let header = unsafe { this.as_ref() };
        stack.occupy(&header.label);
        let coroutine = Coroutine::with_stack(stack, move |yielder, ()| {
            // SAFETY: (docs/safety.md, I3) block and frame live until the coroutine has ended.
            unsafe {
                this.as_ref().suspender.set(yielder);
                (this.as_ref().body().run)(this);
            }
        });
        // SAFETY: (docs/safety.md, I1) this is the worker's thread and nothing else refers to the frame.
        unsafe { *header.frame.get() = Some(Frame(coroutine)) };
    }

    /// Runs the coroutine until it suspends or ends; true if it has ended.
    ///
    /// # Safety
    ///
    /// This is the worker's thread, outside all coroutines, and the coroutine was prepared and has not ended.
    #[inline(always)]
    pub(crate) unsafe fn resume(this: NonNull<Header>) -> bool {
        // SAFETY: (docs/safety.md, I1) only the worker makes this mutable reference, and only here; what runs inside
        // the resume knows the suspender, not the frame.
        let Frame(coroutine) = unsafe { (*this.as_ref().frame.get()).as_mut().unwrap_unchecked() };
        matches!(coroutine.resume(()), CoroutineResult::Return(()))
    }

    /// Takes the stack of a coroutine that has ended, or that was prepared and will not start.
    ///
    /// # Safety
    ///
    /// This is the worker's thread, outside all coroutines.
    pub(crate) unsafe fn take_stack(this: NonNull<Header>) -> Option<Stack> {
        // SAFETY: (docs/safety.md, I1) nothing runs on the frame any more and nothing else refers to it.
        let frame = unsafe { (*this.as_ref().frame.get()).take() }?;
        Some(frame.0.into_stack())
    }

    /// Switches back to the worker. Returns when the worker resumes this coroutine, on the same thread (I1).
    ///
    /// # Safety
    ///
    /// This is the coroutine that runs on this thread, and somebody will send it home, or has done so.
    #[inline(always)]
    pub(crate) unsafe fn suspend(&self) {
        // SAFETY: (docs/safety.md, I3) the suspender lies at the base of the stack on which this runs.
        unsafe { (*self.suspender.get()).suspend(()) }
    }
}

/// A stack that is borrowed for one call.
struct Borrowed<'a>(&'a Stack);

// SAFETY: (docs/safety.md, I3) it describes the same memory as the stack that it borrows, for as long.
unsafe impl corosensei::stack::Stack for Borrowed<'_> {
    fn base(&self) -> StackPointer {
        corosensei::stack::Stack::base(self.0)
    }

    fn limit(&self) -> StackPointer {
        corosensei::stack::Stack::limit(self.0)
    }
}

/// Runs `f` on `stack` as a part of the caller, which may suspend in it.
///
/// # Safety
///
/// `stack` is not reused before `f` has ended, by returning or unwinding (I3).
pub(crate) unsafe fn on_stack<R>(stack: &Stack, f: impl FnOnce() -> R) -> R {
    corosensei::on_stack(Borrowed(stack), f)
}

/// About how many bytes of its stack the running coroutine has left: a few frames less than there are. Nothing is known on a
/// plain thread, and on a borrowed stack.
pub(crate) fn stack_left() -> Option<usize> {
    let here = 0_u8;
    let coroutine = current::coroutine()?;
    // SAFETY: (docs/safety.md, R1) the running coroutine's block lives while it runs.
    let header = unsafe { coroutine.as_ref() };
    // The suspender lies at the base of the stack.
    let used = header
        .suspender
        .get()
        .addr()
        .checked_sub((&raw const here).addr())?;
    header.label.stack_bytes().checked_sub(used)
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("ended", &self.0.done())
            .finish()
    }
}
