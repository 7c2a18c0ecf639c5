//! The part of a coroutine that every thread may look at: who it is, where it lives, what was asked
//! of it.
//!
//! A coroutine is one block of memory: this header, and behind it what `spawn/task.rs` adds
//! (closure, result, joiners). The block is counted; the runtime holds one reference from `spawn`
//! until the coroutine has ended, each handle one. A reference owns the *bytes* of the block only
//! (R1): closure and result are dropped by rules of their own.
//!
//! Fields are of three kinds, and their comments say which: *fixed* ones never change after
//! `spawn`; *shared* ones are atomics; *worker's* ones are cells that only the thread of the
//! coroutine's worker touches, which is sound because a started coroutine never changes its worker
//! (I1).

use std::alloc::Layout;
use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::mem;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use super::block::{self, Origin};
use super::frame::{Frame, Suspender};
use super::home::Home;
use super::locals::Locals;
use super::strand::{Strand, next_id};
#[cfg(all(unix, panic = "unwind", not(any(may_loom, may_tsan))))]
use super::unwinding::Unwinding;
use super::{current, request};
use crate::prim;
use crate::queue::Queued;
use crate::stack::{Label, StackSize};
use crate::util::list::{Linked, Links};

/// What a header needs to know of the type behind it.
pub(crate) struct Body {
    /// Runs the coroutine from beginning to end, on its own stack; never unwinds.
    pub(crate) run: unsafe fn(NonNull<Header>),
    /// The layout of the whole block.
    pub(crate) layout: Layout,
    /// Moves the result of a coroutine that has ended to an address of its type.
    pub(crate) take_result: unsafe fn(NonNull<Header>, NonNull<u8>),
    /// Drops the result of a coroutine that has ended; true if it was a panic.
    pub(crate) drop_result: unsafe fn(NonNull<Header>) -> bool,
}

/// Bits of [`Strand::flags`] in a header.
pub(crate) mod flag {
    /// The coroutine has ended and its result is there. Set by the coroutine, once.
    pub(crate) const DONE: u32 = 1;
    /// The handle was dropped: the result will not be asked for. Set by the handle, once.
    pub(crate) const DETACHED: u32 = 1 << 1;
    /// See `request.rs`.
    pub(crate) use crate::coroutine::request::CANCELLED;
    /// No stack was to be had, so the coroutine never ran. Set by its worker before the first run.
    pub(crate) const OUT_OF_STACKS: u32 = 1 << 4;
}

/// See the module's documentation.
///
/// The order is for the cache: what a switch touches is the first line, what a wake-up touches the
/// second.
#[repr(C)]
pub(crate) struct Header {
    /// Worker's: the stack and what is on it, from first run to end.
    pub(super) frame: UnsafeCell<Option<Frame>>,
    /// The link of the one queue in which the coroutine is.
    next: prim::AtomicPtr<Header>,
    /// Worker's: what switches back to the worker; null before the first run.
    pub(super) suspender: Cell<*const Suspender>,
    /// What it has in common with plain threads. Its flags are [`flag`]s.
    pub(crate) strand: Strand,
    /// Where a wake-up is sent. Null until the first run; set by the worker, before any thread
    /// could wake the coroutine.
    home: AtomicPtr<Home>,
    /// Shared: references to the block.
    references: AtomicU32,
    /// Worker's: how many panics were taken off the thread while the coroutine is suspended; see
    /// `panic_count.rs`.
    panics: Cell<u16>,
    /// Worker's: the coroutine accepts connections, so what it spawns is spread over the workers.
    pub(super) accepts: Cell<bool>,
    /// Fixed: id, name and stack size, where the report of a stack overflow finds them.
    pub(crate) label: Label,
    /// Worker's: the worker's list of live coroutines.
    live: Links<Header>,
    /// Fixed: the code.
    body: &'static Body,
    /// Fixed: where the block came from.
    origin: Origin,
    /// Fixed: where the user called `spawn`.
    location: &'static Location<'static>,
    /// Worker's: coroutine-local values, made on first use.
    pub(super) locals: Cell<*mut Locals>,
    /// Worker's: the coroutine as ThreadSanitizer knows it.
    #[cfg(may_tsan)]
    pub(super) fiber: super::frame::Fiber,
}

// SAFETY: (I1) shared fields are atomics, fixed ones are only read, and the
// worker's ones are touched by the worker's thread only.
unsafe impl Sync for Header {}
// SAFETY: (I1) as above; what is behind the header has bounds of its own where it
// is spawned.
unsafe impl Send for Header {}

// SAFETY: (I1) each header has a link of its own.
unsafe impl Queued for Header {
    #[inline]
    fn next(&self) -> &prim::AtomicPtr<Header> {
        &self.next
    }
}

// SAFETY: (I1) each header has links of its own.
unsafe impl Linked for Header {
    fn links(&self) -> &Links<Header> {
        &self.live
    }
}

/// What is fixed at `spawn`.
pub(crate) struct Attributes {
    /// The name, if the user gave one.
    pub(crate) name: Option<Box<str>>,
    /// Bytes of stack.
    pub(crate) stack_size: StackSize,
    /// Where the user called `spawn`.
    pub(crate) location: &'static Location<'static>,
}

impl Header {
    /// The coroutine that calls this, if it is one.
    #[inline]
    pub(crate) fn current() -> Option<NonNull<Header>> {
        // SAFETY: (R1) `set_current` has made the pointer from one to the header.
        current::coroutine()
            .map(|strand| unsafe { strand.byte_sub(mem::offset_of!(Header, strand)).cast() })
    }

    /// Says which coroutine runs on this thread from now on. For the worker, around each resume.
    #[inline]
    pub(crate) fn set_current(coroutine: Option<NonNull<Header>>) {
        // SAFETY: (R1) the block of a coroutine that is about to run is alive.
        current::set_coroutine(coroutine.map_or(ptr::null(), |coroutine| unsafe {
            &raw const (*coroutine.as_ptr()).strand
        }));
    }

    /// Takes the panics of the coroutine, which has suspended on this thread, off the thread.
    /// Worker only.
    #[cold]
    pub(crate) fn take_panics(&self) {
        #[cfg(all(unix, panic = "unwind", not(any(may_loom, may_tsan))))]
        self.panics.set(super::panic_count::take());
    }

    /// Counts on this thread what was taken off it; before the coroutine goes on. Worker only.
    #[inline]
    pub(crate) fn put_panics_back(&self) {
        #[cfg(all(unix, panic = "unwind", not(any(may_loom, may_tsan))))]
        // A coroutine whose panics were taken is marked, in the line that a switch touches anyway.
        if self.strand.unwinding.get() != Unwinding::No && self.panics.get() > 0 {
            super::panic_count::put_back(self.panics.take());
        }
    }

    /// From here to the end of the coroutine, no cancellation and no limit is raised in it.
    #[inline]
    pub(crate) fn shield_to_the_end(&self) {
        self.strand.shielded.set(true);
    }

    /// A header with two references: the runtime's and the handle's.
    #[inline]
    pub(crate) fn new(attributes: Attributes, body: &'static Body, origin: Origin) -> Header {
        let name = attributes.name.map(|name| NonNull::from(Box::leak(name)));
        Header {
            label: Label::new(next_id(), name, attributes.stack_size.bytes()),
            references: AtomicU32::new(2),
            strand: Strand::new(),
            next: prim::AtomicPtr::new(ptr::null_mut()),
            home: AtomicPtr::new(ptr::null_mut()),
            body,
            origin,
            location: attributes.location,
            live: Links::new(),
            frame: UnsafeCell::new(None),
            suspender: Cell::new(ptr::null()),
            locals: Cell::new(ptr::null_mut()),
            panics: Cell::new(0),
            accepts: Cell::new(false),
            #[cfg(may_tsan)]
            fiber: super::frame::Fiber::default(),
        }
    }

    /// The number that no other coroutine or thread has had.
    pub(crate) fn id(&self) -> u64 {
        self.label.id()
    }

    /// The name, if the user gave one.
    pub(crate) fn name(&self) -> Option<&str> {
        // SAFETY: (R1) the name was leaked by `new` and is freed with the block,
        // which `self` keeps.
        self.label.name().map(|name| unsafe { &*name.as_ptr() })
    }

    /// Bytes of stack.
    pub(crate) fn stack_size(&self) -> StackSize {
        StackSize::from_bytes(self.label.stack_bytes())
    }

    /// Where the user called `spawn`.
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// The code.
    pub(crate) fn body(&self) -> &'static Body {
        self.body
    }

    /// Binds the coroutine to the worker that runs it first.
    pub(crate) fn settle(&self, home: &Home) {
        self.home
            .store(ptr::from_ref(home).cast_mut(), Ordering::Release);
    }

    /// Where a wake-up of this coroutine is sent; null before the first run.
    pub(crate) fn home(&self) -> *const Home {
        self.home.load(Ordering::Acquire)
    }

    /// Marks the coroutine as one that accepts connections. Worker only.
    pub(crate) fn mark_accepts(&self) {
        self.accepts.set(true);
    }

    /// Whether the coroutine accepts connections. Worker only.
    pub(crate) fn accepts(&self) -> bool {
        self.accepts.get()
    }

    /// Whether the coroutine has started. Worker only.
    #[inline]
    pub(crate) fn has_started(&self) -> bool {
        !self.suspender.get().is_null()
    }

    /// Whether a yield has more to do than to yield. Worker only.
    #[inline]
    pub(crate) fn is_special(&self) -> bool {
        let strand = &self.strand;
        strand.forbids.get() | strand.limited.get() || strand.has(flag::CANCELLED)
    }

    /// Sends the coroutine, whose wait the caller has just closed, to its worker.
    ///
    /// # Safety
    ///
    /// The caller won the commit word of this coroutine, and no other thread sends it for this
    /// wait.
    #[inline]
    pub(crate) unsafe fn send_home(this: NonNull<Header>) {
        // SAFETY: (I1) a coroutine in a wait has a home, which lives at least until
        // it has run on; and the caller's win makes this the one entry in a queue.
        unsafe {
            Home::send(
                NonNull::new_unchecked(this.as_ref().home().cast_mut()),
                this,
            )
        }
    }

    /// Asks the coroutine to end. Sticky; delivered at the next wait that may deliver it.
    pub(crate) fn cancel(this: NonNull<Header>) {
        // SAFETY: (R1) the caller holds a reference.
        let header = unsafe { this.as_ref() };
        if request::cancel(&header.strand) {
            // SAFETY: (I2) the line above won.
            unsafe { Header::send_home(this) };
        }
    }

    /// Leaves the token that ends the coroutine's current `park`, or its next one.
    pub(crate) fn unpark(this: NonNull<Header>) {
        // SAFETY: (R1) the caller holds a reference.
        let header = unsafe { this.as_ref() };
        if request::unpark(&header.strand) {
            // SAFETY: (I2) the line above won.
            unsafe { Header::send_home(this) };
        }
    }

    /// Runs the code of an unstarted coroutine that was cancelled, on the caller's stack, and gives
    /// up the runtime's reference.
    ///
    /// # Safety
    ///
    /// The coroutine is in no queue, was never prepared, and its cancel flag is set: the code then
    /// only drops the closure.
    pub(crate) unsafe fn run_unstarted(this: NonNull<Header>) {
        // SAFETY: (R1) the caller upholds the contract for the coroutine.
        unsafe {
            (this.as_ref().body.run)(this);
            Header::release(this);
        }
    }

    /// Gives up the runtime's reference to a coroutine that has ended.
    ///
    /// # Safety
    ///
    /// The caller is its worker, once.
    #[inline]
    pub(crate) unsafe fn release_ended(this: NonNull<Header>) {
        // SAFETY: (R1) the caller upholds the contract.
        unsafe { Header::release(this) }
    }

    /// Gives up one reference; the last one frees the block.
    ///
    /// # Safety
    ///
    /// The reference is the caller's to give up.
    #[inline]
    unsafe fn release(this: NonNull<Header>) {
        // SAFETY: (R1) the caller's reference keeps the block until the count is
        // lowered. Release and acquire: the thread that frees it sees that all others are done. (A
        // load, not a fence, which ThreadSanitizer would not follow.)
        unsafe {
            if this.as_ref().references.fetch_sub(1, Ordering::Release) != 1 {
                return;
            }
            this.as_ref().references.load(Ordering::Acquire);
            let (layout, origin) = (this.as_ref().body.layout, this.as_ref().origin);
            if let Some(name) = this.as_ref().label.name() {
                drop(Box::from_raw(name.as_ptr()));
            }
            debug_assert!(
                (*this.as_ref().frame.get()).is_none(),
                "a coroutine ended with its stack"
            );
            block::free(this.cast(), layout, origin);
        }
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coroutine")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish()
    }
}

/// A counted reference to a coroutine.
#[repr(transparent)]
pub(crate) struct Reference(NonNull<Header>);

// SAFETY: (R1) a reference gives access to the header only, which is `Sync`.
unsafe impl Send for Reference {}
// SAFETY: (R1) as above.
unsafe impl Sync for Reference {}

impl Reference {
    /// Takes over a reference that was counted already.
    ///
    /// # Safety
    ///
    /// The reference is the caller's to give away.
    #[inline]
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> Reference {
        Reference(header)
    }

    /// Counts a new reference.
    ///
    /// # Safety
    ///
    /// The block is alive.
    pub(crate) unsafe fn new(header: NonNull<Header>) -> Reference {
        // SAFETY: (R1) the caller upholds the contract for it. Relaxed: there is a
        // reference already.
        let before = unsafe { header.as_ref() }
            .references
            .fetch_add(1, Ordering::Relaxed);
        if before >= u32::MAX / 2 {
            // Not a panic, which could be caught and tried again until the count wraps.
            std::process::abort();
        }
        Reference(header)
    }

    /// The address of the header.
    #[inline]
    pub(crate) fn as_ptr(&self) -> NonNull<Header> {
        self.0
    }
}

impl std::ops::Deref for Reference {
    type Target = Header;

    #[inline]
    fn deref(&self) -> &Header {
        // SAFETY: (R1) the reference keeps the block.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for Reference {
    fn clone(&self) -> Reference {
        // SAFETY: (R1) `self` keeps the block.
        unsafe { Reference::new(self.0) }
    }
}

impl Drop for Reference {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: (R1) this reference is ours and not used again.
        unsafe { Header::release(self.0) }
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
