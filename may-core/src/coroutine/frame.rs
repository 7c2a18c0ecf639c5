//! Resuming and suspending: what runs on the stacks of corosensei.
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
//! The frame lies in the header and is made at the first run: what a coroutine that has not started
//! costs is its block.

use std::fmt;
use std::ptr::NonNull;

use corosensei::stack::StackPointer;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::header::Header;
use crate::stack::Stack;
#[cfg(all(debug_assertions, unix, not(may_asan)))]
use crate::stack::overflow;

/// A stack and what is on it.
pub(crate) struct Frame(Coroutine<(), (), (), Stack>);

/// What switches back to the worker; lies at the base of the stack, from the first resume on.
pub(crate) type Suspender = Yielder<(), ()>;

impl Header {
    /// Gives the coroutine the stack on which it will start.
    ///
    /// # Safety
    ///
    /// This is the worker's thread, the coroutine has not started, and the block lives until it has
    /// ended.
    pub(crate) unsafe fn prepare(this: NonNull<Header>, stack: Stack) {
        // SAFETY: (R1) the caller upholds the contract for the block.
        let header = unsafe { this.as_ref() };
        stack.occupy(&header.label);
        let coroutine = Coroutine::with_stack(stack, move |yielder, ()| {
            // SAFETY: (I3) block and frame live until the coroutine has ended.
            unsafe {
                this.as_ref().suspender.set(yielder);
                (this.as_ref().body().run)(this);
                #[cfg(may_tsan)]
                this.as_ref().leave();
            }
        });
        #[cfg(may_tsan)]
        header.fiber.make();
        // SAFETY: (I1) this is the worker's thread and nothing else refers to the frame.
        unsafe { *header.frame.get() = Some(Frame(coroutine)) };
    }

    /// Runs the coroutine until it suspends or ends; true if it has ended.
    ///
    /// # Safety
    ///
    /// This is the worker's thread, outside all coroutines, and the coroutine was prepared and has
    /// not ended.
    #[cfg_attr(not(may_tsan), inline(always))]
    #[cfg_attr(may_tsan, inline(never), sanitize(thread = "off"))]
    pub(crate) unsafe fn resume(this: NonNull<Header>) -> bool {
        // SAFETY: (I1) only the worker makes this mutable reference, and only here; what runs
        // inside the resume knows the suspender, not the frame.
        let Frame(coroutine) = unsafe { (*this.as_ref().frame.get()).as_mut().unwrap_unchecked() };
        #[cfg(may_tsan)]
        // SAFETY: (I3) block and frame live until the coroutine has ended.
        unsafe {
            fiber::__tsan_switch_to_fiber(this.as_ref().fiber.resumed(), 0);
        }
        let ended = matches!(coroutine.resume(()), CoroutineResult::Return(()));
        #[cfg(may_tsan)]
        // SAFETY: (I3) as above; and a coroutine that has left has no frames that anybody needs.
        let ended = unsafe {
            let left = this.as_ref().fiber.has_left();
            if left {
                coroutine.force_reset();
            }
            ended || left
        };
        ended
    }

    /// Whether the caller, which is this coroutine, runs on a stack of ours. Generators of other
    /// crates bring their own.
    #[cfg(all(debug_assertions, unix, not(may_asan)))]
    #[inline]
    pub(crate) fn is_on_own_stack(&self) -> bool {
        let here = 0_u8;
        let here = (&raw const here).addr();
        // The suspender lies at the base of the coroutine's own stack. What is not close below it
        // may be on a stack of `with_stack`.
        let below = self.suspender.get().addr().wrapping_sub(here);
        below <= self.stack_size().bytes() || overflow::covers(here)
    }

    /// Takes the stack of a coroutine that has ended, or that was prepared and will not start.
    ///
    /// # Safety
    ///
    /// This is the worker's thread, outside all coroutines.
    pub(crate) unsafe fn take_stack(this: NonNull<Header>) -> Option<Stack> {
        // SAFETY: (I1) nothing runs on the frame and nothing else refers to it.
        let frame = unsafe { (*this.as_ref().frame.get()).take() }?;
        #[cfg(may_tsan)]
        // SAFETY: (R1) the caller has a reference to the block.
        unsafe {
            this.as_ref().fiber.destroy();
        }
        Some(frame.0.into_stack())
    }

    /// Switches back to the worker. Returns when the worker resumes this coroutine, on the same
    /// thread (I1).
    ///
    /// # Safety
    ///
    /// This is the coroutine that runs on this thread, and a thread will send it home, or has done
    /// so.
    #[cfg_attr(not(may_tsan), inline(always))]
    #[cfg_attr(may_tsan, inline(never), sanitize(thread = "off"))]
    pub(crate) unsafe fn suspend(&self) {
        #[cfg(may_tsan)]
        // SAFETY: (I1) the coroutine is about to go back to the thread that resumed it.
        unsafe {
            fiber::__tsan_switch_to_fiber(self.fiber.worker(), 0);
        }
        // SAFETY: (I3) the suspender lies at the base of the stack on which this runs.
        unsafe { (*self.suspender.get()).suspend(()) }
    }
}

#[cfg(may_tsan)]
pub(crate) use fiber::Fiber;

/// What ThreadSanitizer is told of switches (`ci/tsan.sh`).
///
/// It keeps a list of calls for each fiber, which grows where a function is entered and shrinks
/// where it returns. `resume` and `suspend` call `__tsan_switch_to_fiber` themselves, since they
/// return on the side on which they were entered. What they call of corosensei's is entered on one
/// side and returns on the other, one function in either direction, so the lists stay as long as
/// they are. That needs functions that are not inlined here, which `sanitize(thread = "off")` sees
/// to, and what they call inlined into them, so the build has to be an optimised one. A coroutine
/// never returns from its first function: its list would lose an entry that it never had.
#[cfg(may_tsan)]
mod fiber {
    use std::cell::Cell;
    use std::ffi::{c_uint, c_void};
    use std::ptr;

    use super::Header;

    // SAFETY: (I1) the interface of the sanitizer's runtime, as its header `tsan_interface.h`
    // declares it.
    unsafe extern "C" {
        fn __tsan_get_current_fiber() -> *mut c_void;
        fn __tsan_create_fiber(flags: c_uint) -> *mut c_void;
        pub(super) fn __tsan_switch_to_fiber(fiber: *mut c_void, flags: c_uint);
        fn __tsan_destroy_fiber(fiber: *mut c_void);
    }

    /// A coroutine as the sanitizer knows it, from `prepare` to `take_stack`.
    pub(crate) struct Fiber {
        own: Cell<*mut c_void>,
        worker: Cell<*mut c_void>,
        left: Cell<bool>,
    }

    impl Default for Fiber {
        fn default() -> Fiber {
            Fiber {
                own: Cell::new(ptr::null_mut()),
                worker: Cell::new(ptr::null_mut()),
                left: Cell::new(false),
            }
        }
    }

    impl Fiber {
        pub(super) fn make(&self) {
            // SAFETY: (I1) the call has no conditions.
            self.own.set(unsafe { __tsan_create_fiber(0) });
        }

        /// Where to switch to for the coroutine, on the worker that is about to.
        pub(super) fn resumed(&self) -> *mut c_void {
            // SAFETY: (I1) the call has no conditions.
            self.worker.set(unsafe { __tsan_get_current_fiber() });
            self.own.get()
        }

        /// Where to switch to for the worker.
        pub(super) fn worker(&self) -> *mut c_void {
            self.worker.get()
        }

        pub(super) fn has_left(&self) -> bool {
            self.left.get()
        }

        pub(super) fn destroy(&self) {
            // SAFETY: (I1) nothing runs on the frame now, so the fiber is not the running one.
            unsafe { __tsan_destroy_fiber(self.own.replace(ptr::null_mut())) };
        }
    }

    impl Header {
        /// Switches back to the worker for the last time.
        ///
        /// # Safety
        ///
        /// This is the first function of the coroutine, and nothing on its stack is needed.
        pub(super) unsafe fn leave(&self) -> ! {
            self.fiber.left.set(true);
            // SAFETY: (I3) the worker sees the mark and does not resume this coroutine.
            unsafe { self.suspend() };
            unreachable!("a coroutine was resumed after its end")
        }
    }
}

/// A stack that is borrowed for one call.
struct Borrowed<'a>(&'a Stack);

// SAFETY: (I3) it describes the same memory as the stack that it borrows, for as long.
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

/// About how many bytes of its stack the running coroutine has left: a few frames less than there
/// are. Nothing is known on a plain thread, and on a borrowed stack.
pub(crate) fn stack_left() -> Option<usize> {
    let here = 0_u8;
    let coroutine = Header::current()?;
    // SAFETY: (R1) the running coroutine's block lives while it runs.
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
