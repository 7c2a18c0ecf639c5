//! The memory behind a header: the closure, then in its place the result; and those who wait for
//! it.
//!
//! ```text
//!   Task<F, T, M>
//!   +--------+---------+----------------------------+--------+
//!   | Header | joiners | closure F, later result of T | member |
//!   +--------+---------+----------------------------+--------+
//! ```
//!
//! Who owns closure and result (R1): the closure is taken out when the coroutine first runs. The
//! result is written before `DONE` is set. Then `DONE` and `DETACHED` decide, each set once by a
//! read-modify-write: the second one owns the result. A handle that joins comes after `DONE` and
//! takes it; a handle that is dropped sets `DETACHED`, and if it finds `DONE` it drops the result;
//! if the coroutine sets `DONE` and finds `DETACHED`, the coroutine drops it, still on its own
//! stack.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use std::alloc::Layout;

use super::identity::Coroutine;
use crate::coroutine::Cancelled;
use crate::coroutine::block;
use crate::coroutine::header::{Attributes, Body, Header, Reference, flag};
use crate::coroutine::locals;
use crate::stack::OutOfStacks;
use crate::wait::WaitQueue;
use crate::worker::with_local;

/// What a coroutine belongs to; told when it has ended and its result is where it will stay.
pub(crate) trait Member {
    /// Called by the spawner once the task is in place, before it is scheduled.
    fn joined(&self, header: NonNull<Header>);

    /// Called by the coroutine just before its last switch: only handles use it from then on.
    ///
    /// # Safety
    ///
    /// Called once. The implementation must not use `this` once others may free it.
    unsafe fn ended(this: NonNull<Self>, unhandled_panic: bool);
}

/// A coroutine on its own.
impl Member for () {
    fn joined(&self, _header: NonNull<Header>) {}

    unsafe fn ended(_this: NonNull<()>, _unhandled_panic: bool) {}
}

/// Calls a function when the coroutine has ended.
pub(crate) struct AtEnd<F>(Cell<Option<F>>);

impl<F: FnOnce()> AtEnd<F> {
    pub(crate) fn new(f: F) -> AtEnd<F> {
        AtEnd(Cell::new(Some(f)))
    }
}

impl<F: FnOnce()> Member for AtEnd<F> {
    fn joined(&self, _header: NonNull<Header>) {}

    unsafe fn ended(this: NonNull<AtEnd<F>>, _unhandled_panic: bool) {
        // SAFETY: (R1) the task is still there. The function is moved out, so the task's block may
        // be freed without dropping it.
        let f = unsafe { this.as_ref() }.0.take();
        if let Some(f) = f {
            f();
        }
    }
}

/// The closure, and later the result.
union ClosureOrResult<F, T> {
    closure: ManuallyDrop<F>,
    result: ManuallyDrop<std::thread::Result<T>>,
}

/// The part of a task whose place does not depend on its types.
#[repr(C)]
pub(crate) struct Core {
    header: Header,
    joiners: WaitQueue,
}

/// See the module's documentation.
#[repr(C)]
struct Task<F, T, M> {
    core: Core,
    slot: UnsafeCell<ClosureOrResult<F, T>>,
    member: M,
}

impl<F: FnOnce() -> T, T, M: Member> Task<F, T, M> {
    /// What the header knows of this type.
    const BODY: Body = Body {
        run: Self::run,
        layout: Layout::new::<Self>(),
        take_result: Self::take_result,
        drop_result: Self::drop_result,
    };

    /// Runs the coroutine from beginning to end; on its own stack, unless it was cancelled before
    /// it started.
    ///
    /// # Safety
    ///
    /// Called once, for a header of this type.
    unsafe fn run(header: NonNull<Header>) {
        let task = header.cast::<Self>();
        // SAFETY: (R1) this is the one run, so the closure is there and ours; and the result is
        // ours until `DONE` is set.
        unsafe {
            let slot = task.as_ref().slot.get();
            let closure = ManuallyDrop::take(&mut (*slot).closure);
            let result = outcome(header.as_ref(), closure);
            // What follows are destructors and wakers, which a cancellation or a limit does not cut
            // short.
            header.as_ref().shield_to_the_end();
            locals::destroy(header.as_ref());
            (*slot).result = ManuallyDrop::new(result);
            // AcqRel: with `DONE` the result is visible; with `DETACHED` it is visible that the
            // handle is done.
            let before = header
                .as_ref()
                .strand
                .flags
                .fetch_or(flag::DONE, Ordering::AcqRel);
            let unhandled_panic = if before & flag::DETACHED != 0 {
                Self::drop_result(header)
            } else {
                task.as_ref().core.joiners.wake_all();
                false
            };
            M::ended(NonNull::from(&task.as_ref().member), unhandled_panic);
        }
    }

    /// Moves the result to `target`.
    ///
    /// # Safety
    ///
    /// The coroutine has ended, the caller owns the result, and `target` is for a
    /// `std::thread::Result<T>`.
    unsafe fn take_result(header: NonNull<Header>, target: NonNull<u8>) {
        // SAFETY: (R1) as promised by the caller.
        unsafe {
            let slot = header.cast::<Self>().as_ref().slot.get();
            target.cast().write(ManuallyDrop::take(&mut (*slot).result));
        }
    }

    /// Drops the result; true if it was a panic. A panic while it is dropped ends here.
    ///
    /// # Safety
    ///
    /// The coroutine has ended, and the caller owns the result.
    unsafe fn drop_result(header: NonNull<Header>) -> bool {
        // SAFETY: (R1) as promised by the caller.
        let result = unsafe {
            let slot = header.cast::<Self>().as_ref().slot.get();
            ManuallyDrop::take(&mut (*slot).result)
        };
        let panicked = matches!(&result, Err(payload) if is_panic(&**payload));
        drop_contained(result);
        panicked
    }
}

/// Whether a payload came from a panic, rather than from a cancellation or a missing stack.
pub(crate) fn is_panic(payload: &(dyn Any + Send)) -> bool {
    !payload.is::<Cancelled>() && !payload.is::<OutOfStacks>()
}

/// Runs the closure, or only drops it if the coroutine was cancelled before it started.
#[inline]
fn outcome<F: FnOnce() -> T, T>(header: &Header, closure: F) -> std::thread::Result<T> {
    if !header.strand.has(flag::CANCELLED) {
        return catch_unwind(AssertUnwindSafe(closure));
    }
    // Its destructors may wait, as those of a frame may while it unwinds.
    header.shield_to_the_end();
    catch_unwind(AssertUnwindSafe(|| drop(closure)))?;
    let error = header
        .strand
        .has(flag::OUT_OF_STACKS)
        .then(|| with_local(|local| local?.stack_error()));
    match error.flatten() {
        Some(error) => Err(Box::new(error)),
        None => Err(Box::new(Cancelled)),
    }
}

/// Drops a value of the user's; a panic of its destructor has been reported by the hook and ends
/// here.
pub(crate) fn drop_contained<V>(value: V) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // The payload's own destructor may panic, too; somewhere this must end.
        std::mem::forget(payload);
    }
}

/// A task that was made and not yet scheduled, and the handle to it.
pub(crate) struct NewTask<T> {
    /// For the scheduler: the runtime's reference.
    pub(crate) coroutine: NonNull<Header>,
    /// For the user.
    pub(crate) joiner: Joiner<T>,
}

/// Makes a task. The closure may be anything; whether it may go to another thread, and how long
/// what it borrows lives, is for the caller to see to.
#[inline]
pub(crate) fn make<F: FnOnce() -> T, T, M: Member>(
    attributes: Attributes,
    closure: F,
    member: M,
) -> NewTask<T> {
    let (memory, origin) = block::allocate(Layout::new::<Task<F, T, M>>());
    let task = memory.cast::<Task<F, T, M>>();
    // SAFETY: (R1) the memory is for this type and ours; the header starts with two references, one
    // for each field of the result.
    unsafe {
        task.write(Task {
            core: Core {
                header: Header::new(attributes, const { &Task::<F, T, M>::BODY }, origin),
                joiners: WaitQueue::new(),
            },
            slot: UnsafeCell::new(ClosureOrResult {
                closure: ManuallyDrop::new(closure),
            }),
            member,
        });
        let header = task.cast::<Header>();
        task.as_ref().member.joined(header);
        NewTask {
            coroutine: header,
            joiner: Joiner::new(Reference::from_raw(header)),
        }
    }
}

/// The right to the result of a coroutine.
#[derive(Debug)]
pub(crate) struct Joiner<T> {
    coroutine: Coroutine,
    _result: std::marker::PhantomData<T>,
}

// SAFETY: (R1) what a joiner gives access to beyond the header is the result.
unsafe impl<T: Send> Send for Joiner<T> {}
// SAFETY: (R1) a shared joiner gives access to the header only.
unsafe impl<T> Sync for Joiner<T> {}

impl<T> Joiner<T> {
    /// The joiner of a task that was made for it.
    fn new(reference: Reference) -> Joiner<T> {
        Joiner {
            coroutine: Coroutine::new(reference),
            _result: std::marker::PhantomData,
        }
    }

    #[inline]
    pub(crate) fn coroutine(&self) -> &Coroutine {
        &self.coroutine
    }

    #[inline]
    pub(crate) fn reference(&self) -> &Reference {
        self.coroutine.reference()
    }

    #[inline]
    pub(crate) fn joiners(&self) -> &WaitQueue {
        // SAFETY: (R1) every header is the beginning of a core, and the reference keeps it.
        unsafe { &self.reference().as_ptr().cast::<Core>().as_ref().joiners }
    }

    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.reference().strand.has(flag::DONE)
    }

    /// Takes the result of a coroutine that has ended.
    #[inline]
    pub(crate) fn take(self) -> std::thread::Result<T> {
        assert!(
            self.is_done(),
            "the result is there when the coroutine has ended"
        );
        assert!(
            !self.reference().strand.has(flag::DETACHED),
            "the result of this coroutine was taken before, by a `select!` or an `.await`: ask for it once"
        );
        let mut result = std::mem::MaybeUninit::<std::thread::Result<T>>::uninit();
        let this = ManuallyDrop::new(self);
        // SAFETY: (R1) `DONE` is set and `DETACHED` is not, so the result is ours; it is taken
        // once, as `this` is not dropped and its reference given up here.
        unsafe {
            let coroutine = std::ptr::read(&this.coroutine);
            let reference = coroutine.reference();
            let target = NonNull::from(&mut result).cast();
            (reference.body().take_result)(reference.as_ptr(), target);
            result.assume_init()
        }
    }

    /// Takes the result of a coroutine that has ended, and leaves a joiner that has none.
    ///
    /// # Panics
    ///
    /// Panics if it was taken before.
    pub(crate) fn take_once(&mut self) -> std::thread::Result<T> {
        let reference = self.reference();
        let before = reference
            .strand
            .flags
            .fetch_or(flag::DETACHED, Ordering::AcqRel);
        assert!(
            before & flag::DETACHED == 0 && before & flag::DONE != 0,
            "the result of this coroutine was taken before, by a `select!` or an `.await`: ask for it once"
        );
        let mut result = std::mem::MaybeUninit::<std::thread::Result<T>>::uninit();
        // SAFETY: (R1) `DONE` was set and `DETACHED` was not, so the result was ours; now that the
        // latter is set it is neither taken nor dropped again.
        unsafe {
            let target = NonNull::from(&mut result).cast();
            (reference.body().take_result)(reference.as_ptr(), target);
            result.assume_init()
        }
    }

    /// Gives up the right to the result; true if it was there and was a panic.
    fn detach(&self) -> bool {
        let reference = self.reference();
        let before = reference
            .strand
            .flags
            .fetch_or(flag::DETACHED, Ordering::AcqRel);
        // SAFETY: (R1) `DONE` came first, so the result is ours to drop, unless it was taken
        // before.
        before & (flag::DONE | flag::DETACHED) == flag::DONE
            && unsafe { (reference.body().drop_result)(reference.as_ptr()) }
    }

    /// Gives up the right to the result and says whether it was there and was a panic.
    pub(crate) fn abandon(self) -> bool {
        let this = ManuallyDrop::new(self);
        let panicked = this.detach();
        // SAFETY: (R1) `this` is not dropped, so its reference is given up here, once.
        drop(unsafe { std::ptr::read(&this.coroutine) });
        panicked
    }
}

impl<T> Drop for Joiner<T> {
    fn drop(&mut self) {
        self.detach();
    }
}
