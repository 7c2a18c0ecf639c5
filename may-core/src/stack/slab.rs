//! Slabs: pieces of address space that are cut into stacks; and the stacks.
//!
//! `mod.rs` has the picture. A slab belongs to the pool of one worker and is touched by that
//! worker's thread only (I1), except for its entry in the table that the handler of faults reads
//! (`overflow.rs`).
//!
//! A slab knows its stacks as bits: those that are *home*, and those of them that are *touched*,
//! because a coroutine has run on them since their pages were last given back. What is on its way
//! between them is a [`Stack`], the one owner of the memory behind it.

use std::cell::Cell;
use std::fmt;
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::ptr::{self, NonNull};

use corosensei::stack::valgrind::ValgrindStackRegistration;

use super::overflow::{self, Span};
use super::{Label, OutOfStacks, Remedy, StackSize};
use crate::sys::memory::{self, Guards, Ranges};

/// How much lies below each stack, never to be accessed. Compilers for machines that are not listed
/// do not make Rust code touch the pages of a large frame in turn, so there it should take a very
/// large frame to jump over the guard.
pub(super) const GUARD_BYTES: usize = if cfg!(any(
    target_arch = "x86_64",
    target_arch = "x86",
    target_arch = "aarch64",
    target_arch = "powerpc64",
    target_arch = "s390x",
)) {
    64 << 10
} else {
    256 << 10
};

/// The step from one colour to the next: a cache line.
const COLOUR_BYTES: usize = 64;

/// How many colours there are.
const COLOURS: usize = 16;

const _: () = assert!(align_of::<Occupant>() >= corosensei::stack::STACK_ALIGNMENT);

/// How much of a stack may stay in memory when nothing runs on it.
const SHALLOW_BYTES: usize = 32 << 10;

/// How many stacks a slab has at most: one for each bit of a word.
pub(super) const SLOTS: usize = u64::BITS as usize;

/// A size of which there are stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class(u8);

impl Class {
    /// How many classes there are: the largest has stacks of 1 TiB, or of 1 GiB where addresses
    /// have 32 bits.
    pub(super) const COUNT: usize = if usize::BITS == 64 { 26 } else { 16 };

    /// The smallest class whose stacks have `size`; none if there is no such class.
    #[inline]
    pub(super) fn of(size: StackSize) -> Option<Class> {
        let bytes = size.bytes().max(memory::page_bytes());
        let above = (bytes - 1) >> StackSize::MIN.bytes().trailing_zeros();
        let index = usize::BITS - above.leading_zeros();
        ((index as usize) < Class::COUNT).then_some(Class(index as u8))
    }

    pub(super) const fn with_index(index: usize) -> Class {
        assert!(index < Class::COUNT);
        Class(index as u8)
    }

    /// The index of the class, less than [`Class::COUNT`].
    #[inline]
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    #[inline]
    pub(super) const fn stack_bytes(self) -> usize {
        StackSize::MIN.bytes() << self.0
    }

    /// From one stack to the next.
    #[inline]
    pub(super) const fn stride(self) -> usize {
        self.stack_bytes() + GUARD_BYTES
    }

    /// How many stacks a slab of this class has. The larger the stacks, the less there is to gain
    /// from mapping many at once, and the more to lose if only one is needed.
    pub(super) const fn slots(self) -> usize {
        match self.stack_bytes() >> 10 {
            0..=512 => SLOTS,
            513..=4096 => 8,
            _ => 1,
        }
    }
}

/// Where in the slab with the table's entry `entry` the base of stack `slot` lies, and with it the
/// occupant.
pub(super) fn base_offset(class: Class, entry: usize, slot: usize) -> usize {
    let colour = (entry + slot) % COLOURS * COLOUR_BYTES;
    (slot + 1) * class.stride() - size_of::<Occupant>() - colour
}

/// See the module's documentation.
pub(super) struct Slab {
    /// Where the slab is, and how it is cut.
    span: Span,
    /// The size of its stacks.
    pub(super) class: Class,
    /// Its entry in the table of slabs.
    entry: Cell<usize>,
    /// Its owner.
    pub(super) owner: Owner,
    /// How the guards were made.
    guards: Guards,
    /// Has a bit set for each stack that is home.
    home: Cell<u64>,
    /// Has a bit set for each stack that is home and may have pages in memory.
    touched: Cell<u64>,
    /// Its place in the pool's list of slabs with stacks at home.
    pub(super) position: Cell<usize>,
    /// What tells valgrind that these are stacks.
    registrations: ManuallyDrop<Box<[ValgrindStackRegistration]>>,
}

/// The owner of a slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Its only stack: the slab goes with it.
    Itself,
    /// The pool with this number, which keeps its only stack in reserve.
    Reserve(u32),
    /// The pool with this number.
    Pool(u32),
}

impl Slab {
    /// Maps a slab of up to `slots` stacks, fewer if the system does not give as many.
    pub(super) fn map(
        class: Class,
        slots: usize,
        owner: Owner,
        asked: StackSize,
    ) -> Result<NonNull<Slab>, OutOfStacks> {
        let mut slots = slots;
        loop {
            match Slab::map_exactly(class, slots, owner, asked) {
                Err(_) if slots > 1 => slots /= 2,
                result => return result,
            }
        }
    }

    fn map_exactly(
        class: Class,
        slots: usize,
        owner: Owner,
        asked: StackSize,
    ) -> Result<NonNull<Slab>, OutOfStacks> {
        overflow::install();
        let stride = class.stride();
        let failed = |errno, remedy| OutOfStacks {
            size: asked,
            errno,
            remedy,
        };
        let start = memory::map(slots * stride).map_err(|errno| {
            // Which limit was reached is not told. That on the number of mappings comes first where
            // guards count.
            let split = memory::guards_cost_mappings();
            failed(
                errno,
                if split {
                    Remedy::AllowMoreMappings
                } else {
                    Remedy::UseLess
                },
            )
        })?;
        let guards = Ranges {
            start,
            length: GUARD_BYTES,
            stride,
            count: slots,
        };
        // SAFETY: (I3) nothing refers to the mapping yet.
        let guards = match unsafe { memory::guard(guards) } {
            Ok(guards) => guards,
            Err(errno) => {
                // SAFETY: (I3) as above.
                unsafe { memory::unmap(start, slots * stride) };
                return Err(failed(errno, Remedy::AllowMoreMappings));
            }
        };
        let span = Span::new(start, class, slots);
        let register = |slot| {
            let limit = start + slot * stride + GUARD_BYTES;
            ValgrindStackRegistration::new(limit as *mut u8, class.stack_bytes())
        };
        let slab = Box::new(Slab {
            span,
            class,
            entry: Cell::new(overflow::enter(span)),
            owner,
            guards,
            home: Cell::new(u64::MAX >> (SLOTS - slots)),
            touched: Cell::new(0),
            position: Cell::new(0),
            registrations: ManuallyDrop::new((0..slots).map(register).collect()),
        });
        Ok(NonNull::from(Box::leak(slab)))
    }

    /// Unmaps a slab. If the system refuses, gives back its pages and returns it.
    ///
    /// # Safety
    ///
    /// All its stacks are home, and nothing else refers to it.
    pub(super) unsafe fn unmap(this: NonNull<Slab>) -> Result<(), NonNull<Slab>> {
        // SAFETY: (I3) the caller upholds the contract for the slab.
        let slab = unsafe { this.as_ref() };
        debug_assert!(slab.is_whole(), "a stack is not home");
        // The entry goes first: as soon as the addresses are free, they may become another slab's.
        overflow::leave(slab.entry.get());
        // SAFETY: (R9) all stacks are home.
        if !unsafe { memory::unmap(slab.span.start(), slab.span.bytes()) } {
            slab.entry.set(overflow::enter(slab.span));
            slab.clean();
            return Err(this);
        }
        // SAFETY: (I3) the slab was leaked by `map_exactly`, and nothing else refers to it.
        let mut slab = unsafe { Box::from_raw(this.as_ptr()) };
        // SAFETY: (I3) they are dropped here only.
        unsafe { ManuallyDrop::drop(&mut slab.registrations) };
        Ok(())
    }

    pub(super) fn slots(&self) -> usize {
        self.span.slots()
    }

    /// The address space that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.span.bytes()
    }

    #[inline]
    fn limit_of(&self, slot: usize) -> usize {
        self.span.start() + slot * self.class.stride() + GUARD_BYTES
    }

    /// Whether all stacks are out.
    pub(super) fn is_empty(&self) -> bool {
        self.home.get() == 0
    }

    /// Whether all stacks are home.
    pub(super) fn is_whole(&self) -> bool {
        self.home.get() == u64::MAX >> (SLOTS - self.slots())
    }

    /// How many stacks at home may have pages in memory.
    pub(super) fn touched(&self) -> usize {
        self.touched.get().count_ones() as usize
    }

    /// Takes a stack that is home, one with pages in memory if there is any; and tells which kind
    /// it is.
    ///
    /// # Safety
    ///
    /// This is the owner's thread, and a stack is home.
    pub(super) unsafe fn take(this: NonNull<Slab>) -> (Stack, bool) {
        // SAFETY: (I1) the caller upholds the contract for both.
        let slab = unsafe { this.as_ref() };
        debug_assert!(!slab.is_empty(), "no stack is home");
        let was_touched = slab.touched.get() != 0;
        let candidates = if was_touched {
            slab.touched.get()
        } else {
            slab.home.get()
        };
        let slot = candidates.trailing_zeros() as usize;
        slab.home.set(slab.home.get() & !(1 << slot));
        slab.touched.set(slab.touched.get() & !(1 << slot));
        let base = slab.span.start() + base_offset(slab.class, slab.entry.get(), slot);
        // SAFETY: (I3) the address lies in a mapping, so it is not zero.
        let base = unsafe { NonZeroUsize::new_unchecked(base) };
        let stack = Stack { base, slab: this };
        (stack, was_touched)
    }

    pub(super) fn put(&self, stack: Stack) {
        let slot = 1 << ManuallyDrop::new(stack).slot();
        self.home.set(self.home.get() | slot);
        self.touched.set(self.touched.get() | slot);
    }

    /// Gives the pages of all stacks back that are home.
    pub(super) fn clean(&self) {
        let mut touched = self.touched.replace(0);
        while touched != 0 {
            let first = touched.trailing_zeros() as usize;
            // Neighbours are given back together, with the guards between them if those stay.
            let count = match self.guards {
                Guards::Marked => (touched >> first).trailing_ones() as usize,
                Guards::Protected => 1,
            };
            let length = count * self.class.stride() - GUARD_BYTES;
            // SAFETY: (I3) these stacks are home, so what is on them is not needed.
            unsafe { memory::discard(self.limit_of(first), length) };
            touched &= !(u64::MAX >> (SLOTS - count) << first);
        }
    }
}

/// What lies just above the base of a stack.
#[repr(C, align(16))]
pub(super) struct Occupant {
    /// Whose frames are on the stack; null if that is not known.
    pub(super) label: *const Label,
    /// When the stack was taken.
    epoch: usize,
}

/// A stack, and the right to use it. Has to go back to the pool that it came from; a stack of a
/// pool that is dropped never comes home.
///
/// 16 bytes, since a million of them may be out.
pub(crate) struct Stack {
    /// The highest address that frames may use, and above it the occupant.
    base: NonZeroUsize,
    /// The slab in which the stack lies.
    slab: NonNull<Slab>,
}

impl Stack {
    /// Maps a stack of its own, which belongs to no pool and is unmapped when it is dropped, on
    /// whatever thread.
    pub(crate) fn standalone(size: StackSize) -> Result<Stack, OutOfStacks> {
        let class = Class::of(size).ok_or(OutOfStacks::too_large(size))?;
        let slab = Slab::map(class, 1, Owner::Itself, size)?;
        // SAFETY: (I1) the slab is new, so its stack is home.
        Ok(unsafe { Slab::take(slab).0 })
    }

    /// Writes down whose frames are on the stack, until it comes back, for the report of an
    /// overflow.
    ///
    /// The label has to stay where it is for as long as something runs on the stack.
    #[inline]
    pub(crate) fn occupy(&self, label: *const Label) {
        // SAFETY: (R10) the word above the base belongs to this stack. Written at once, because a
        // handler on this thread may read it at any time.
        unsafe { ptr::write_volatile(&raw mut (*self.occupant()).label, label) }
    }

    /// The highest address that frames may use.
    #[inline]
    pub(crate) fn base(&self) -> usize {
        self.base.get()
    }

    /// The lowest address that frames may use; below it lies the guard.
    #[inline]
    pub(crate) fn limit(&self) -> usize {
        self.slab().limit_of(self.slot())
    }

    /// The bytes of the stack, with those that the colour takes.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.slab().class.stack_bytes()
    }

    /// Writes down when the stack was taken, in whatever its pool counts.
    #[inline]
    pub(super) fn set_epoch(&self, epoch: usize) {
        // SAFETY: (R5) the words above the base belong to this stack, and only its owner writes
        // this one.
        unsafe { (*self.occupant()).epoch = epoch }
    }

    /// What was last written down by `set_epoch`.
    #[inline]
    pub(super) fn epoch(&self) -> usize {
        // SAFETY: (R5) as above.
        unsafe { (*self.occupant()).epoch }
    }

    /// The words above the base.
    #[inline]
    fn occupant(&self) -> *mut Occupant {
        ptr::with_exposed_provenance_mut(self.base.get())
    }

    /// Gives the pages back that lie deeper than what a free stack may keep.
    ///
    /// # Safety
    ///
    /// Nothing runs on the stack.
    pub(super) unsafe fn discard_deep(&self) {
        let deep = self.size().saturating_sub(SHALLOW_BYTES);
        if deep > 0 {
            // SAFETY: (I3) the caller upholds the contract for the stack.
            unsafe { memory::discard(self.limit(), deep) };
        }
    }

    /// All the memory that may be written to.
    pub(crate) fn memory(&self) -> Range<usize> {
        self.limit()..self.limit() + self.size()
    }

    #[inline]
    pub(super) fn slab(&self) -> &Slab {
        // SAFETY: (I3) a slab lives as long as one of its stacks is out.
        unsafe { self.slab.as_ref() }
    }

    /// The slab in which the stack lies, for a caller that may do more than look at it.
    pub(super) fn slab_pointer(&self) -> NonNull<Slab> {
        self.slab
    }

    /// The number of the stack in its slab.
    fn slot(&self) -> usize {
        (self.base.get() - self.slab().span.start()) / self.slab().class.stride()
    }
}

impl Drop for Stack {
    /// Unmaps a stack that belongs to no pool. Others are lost: their slab stays mapped.
    fn drop(&mut self) {
        if self.slab().owner != Owner::Itself {
            return;
        }
        let (slab, slot) = (self.slab_pointer(), self.slot());
        // SAFETY: (I3) the stack is the only one of its slab, and it is not in use. If the system
        // refuses to unmap it, a destructor cannot report that; its pages are given back.
        unsafe {
            slab.as_ref().home.set(1 << slot);
            slab.as_ref().touched.set(1 << slot);
            let _ = Slab::unmap(slab);
        }
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stack({:#x}..{:#x})", self.limit(), self.base())
    }
}

// SAFETY: (R12) the range is mapped, has a guard at its low end, more than the smallest size above
// it, and an aligned base.
unsafe impl corosensei::stack::Stack for Stack {
    #[inline]
    fn base(&self) -> NonZeroUsize {
        self.base
    }

    /// Unlike [`Stack::limit`], includes the guard.
    #[inline]
    fn limit(&self) -> NonZeroUsize {
        // SAFETY: (I3) the guard lies in a mapping, and nothing is mapped at zero.
        unsafe { NonZeroUsize::new_unchecked(Stack::limit(self) - GUARD_BYTES) }
    }
}

impl OutOfStacks {
    /// There is no class for stacks of this size.
    pub(super) fn too_large(size: StackSize) -> OutOfStacks {
        OutOfStacks {
            size,
            errno: memory::TOO_LARGE,
            remedy: Remedy::AskForLess,
        }
    }
}
