//! The report of a stack overflow: which coroutine it was and what to do about it.
//!
//! An overflow is an access to a guard (`mod.rs`), and what the system makes of that is `SIGSEGV`
//! or `SIGBUS`. A handler maps the address back to the stack, and the stack to its occupant, says
//! so and aborts the process, as std does when a thread overflows its stack. All other faults go to
//! the handler that was there before.
//!
//! # The table of slabs
//!
//! A handler may run at any moment, on any thread, so it takes no lock, allocates nothing and
//! trusts nothing that may change under it (R10). All it reads is a table of words, one for each
//! slab:
//!
//! ```text
//!   SEGMENTS   [0] --> 1,024 words     [1] --> 2,048 words    [2]  not there yet
//!                      |
//!                      +--> start of the slab, and in the bits of the page offset: class, number of stacks
//! ```
//!
//! Segments are never freed, and a word says all about its slab, so there is nothing to be torn.
//! The word of a slab that is unmapped is zeroed first and used again. Writers, once in 64 stacks,
//! do take a lock.
//!
//! That the handler may follow the slab's addresses has one more condition: *the stack pointer of
//! the interrupted code lies in the same slot as the fault*. Then it is this thread that runs on
//! the stack, so the slab stays mapped and the occupant stays alive. It is also what tells an
//! overflow from a wild pointer that happens to hit a guard.

use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{ptr, slice};

use super::slab::{Class, GUARD_BYTES, Occupant, base_offset};
use super::{Label, StackSize};
pub(crate) use crate::sys::signals::AlternateStack;
use crate::sys::signals::{self, Fault};

/// How far above the guard the stack pointer may be at an overflow: frames that reach down from
/// there are of the size that the guard is made for.
const NEAR_BYTES: usize = GUARD_BYTES;

/// Installs the report of overflows. Further calls have no effect. Called before a stack is mapped.
pub(crate) fn install() {
    signals::on_fault(examine);
}

/// Gives this thread a stack on which an overflow can be reported, if it has none, for as long as
/// the result lives.
pub(crate) fn prepare_thread() -> AlternateStack {
    AlternateStack::provide()
}

/// Where a slab is and how it is cut, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(usize);

impl Span {
    /// The bits of the word that hold the class.
    const CLASS_BITS: u32 = 5;

    /// The bits of the word that are no address; not more than there are in the offset of the
    /// smallest page.
    const LOW_BITS: u32 = 12;

    /// A slab of `slots` stacks, a power of two, at the page `start`.
    pub(super) fn new(start: usize, class: Class, slots: usize) -> Span {
        debug_assert!(
            start != 0 && start.trailing_zeros() >= Span::LOW_BITS && slots.is_power_of_two()
        );
        let slots = slots.trailing_zeros() as usize;
        Span(start | slots << Span::CLASS_BITS | class.index())
    }

    /// The lowest address.
    #[inline]
    pub(super) fn start(self) -> usize {
        self.0 >> Span::LOW_BITS << Span::LOW_BITS
    }

    #[inline]
    pub(super) fn class(self) -> Class {
        Class::with_index(self.0 & ((1 << Span::CLASS_BITS) - 1))
    }

    pub(super) fn slots(self) -> usize {
        1 << (self.0 >> Span::CLASS_BITS & 7)
    }

    pub(super) fn bytes(self) -> usize {
        self.slots() * self.class().stride()
    }

    fn slot_of(self, address: usize) -> Option<usize> {
        let offset = address.wrapping_sub(self.start());
        (offset < self.bytes()).then(|| offset / self.class().stride())
    }
}

const _: () = assert!(Class::COUNT <= 1 << Span::CLASS_BITS);

/// How many words the first segment of the table has; each has twice as many as the one before.
const FIRST_SEGMENT: usize = 1024;

/// How many segments there may be: more than fit into any memory.
const SEGMENT_COUNT: usize = 22;

/// The table of slabs. Segments come into being one after the other.
static SEGMENTS: [AtomicPtr<AtomicUsize>; SEGMENT_COUNT] =
    [const { AtomicPtr::new(ptr::null_mut()) }; SEGMENT_COUNT];

/// Which words of the table are free.
struct Entries {
    /// How many words were ever used; the ones from there on are free.
    used: usize,
    /// Words that were used and are free again.
    free: Vec<usize>,
}

/// Which words of the table are free. Never locked by a handler.
static ENTRIES: Mutex<Entries> = Mutex::new(Entries {
    used: 0,
    free: Vec::new(),
});

/// The segment in which a word is, and where in it.
fn place_of(entry: usize) -> (usize, usize) {
    let segment = (entry / FIRST_SEGMENT + 1).ilog2() as usize;
    (segment, entry - FIRST_SEGMENT * ((1 << segment) - 1))
}

/// The words of a segment; none if there is no such segment yet.
fn segment(index: usize) -> &'static [AtomicUsize] {
    let words = SEGMENTS[index].load(Ordering::Acquire);
    if words.is_null() {
        return &[];
    }
    // SAFETY: (R10) a segment has this many words and is never freed.
    unsafe { slice::from_raw_parts(words, FIRST_SEGMENT << index) }
}

/// Enters a slab into the table, and returns the number of its entry.
pub(super) fn enter(span: Span) -> usize {
    let mut entries = ENTRIES.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = entries.free.pop().unwrap_or_else(|| {
        entries.used += 1;
        entries.used - 1
    });
    let (index, offset) = place_of(entry);
    if segment(index).is_empty() {
        let words: Vec<AtomicUsize> = (0..FIRST_SEGMENT << index)
            .map(|_| AtomicUsize::new(0))
            .collect();
        SEGMENTS[index].store(
            Box::leak(words.into_boxed_slice()).as_mut_ptr(),
            Ordering::Release,
        );
    }
    segment(index)[offset].store(span.0, Ordering::Relaxed);
    entry
}

/// Takes a slab from the table. Its addresses may mean something else afterwards.
pub(super) fn leave(entry: usize) {
    let mut entries = ENTRIES.lock().unwrap_or_else(PoisonError::into_inner);
    let (index, offset) = place_of(entry);
    segment(index)[offset].store(0, Ordering::Relaxed);
    entries.free.push(entry);
}

/// Whether `address` lies in a stack of ours.
#[cfg(debug_assertions)]
pub(crate) fn covers(address: usize) -> bool {
    (0..SEGMENT_COUNT).flat_map(segment).any(|word| {
        let span = Span(word.load(Ordering::Relaxed));
        span.0 != 0 && span.slot_of(address).is_some()
    })
}

/// An overflow.
struct Overflow {
    /// Whose; null if that is not known.
    occupant: *const Label,
    /// The bytes of the stack.
    stack_bytes: usize,
}

/// Tells whether a fault is the overflow of a stack. Called by a handler.
///
/// # Safety
///
/// The stack pointer is that of code that this thread runs, or ran until it was interrupted.
unsafe fn find(fault: Fault) -> Option<Overflow> {
    let mut entry = 0;
    for index in 0..SEGMENT_COUNT {
        for word in segment(index) {
            let span = Span(word.load(Ordering::Relaxed));
            if let Some(slot) = (span.0 != 0).then(|| span.slot_of(fault.address)).flatten() {
                let class = span.class();
                let guard = span.start() + slot * class.stride();
                let near = guard..guard + GUARD_BYTES + NEAR_BYTES.min(class.stack_bytes());
                let in_guard = fault.address < guard + GUARD_BYTES;
                if !in_guard || !near.contains(&fault.stack_pointer) {
                    return None;
                }
                let occupant = span.start() + base_offset(class, entry, slot);
                let occupant = ptr::with_exposed_provenance::<Occupant>(occupant);
                return Some(Overflow {
                    // SAFETY: (R10) this thread runs on the stack below, so it is mapped.
                    occupant: unsafe { ptr::read_volatile(&raw const (*occupant).label) },
                    stack_bytes: class.stack_bytes(),
                });
            }
            entry += 1;
        }
    }
    None
}

/// Reports a fault and aborts the process, if the fault is an overflow; returns otherwise. Called
/// by a handler.
fn examine(fault: Fault) {
    // SAFETY: (R10) the handler was called for what this thread did.
    let Some(overflow) = (unsafe { find(fault) }) else {
        return;
    };
    // SAFETY: (R10) the occupant of a stack on which something runs is alive.
    let text = unsafe { describe(&overflow) };
    signals::write_error(text.bytes());
    signals::abort();
}

/// Words the report.
///
/// # Safety
///
/// The occupant is alive, or null.
unsafe fn describe(overflow: &Overflow) -> Text {
    let mut text = Text::new();
    // SAFETY: (R10) the caller upholds the contract for the occupant.
    let label = unsafe { overflow.occupant.as_ref() };
    if let Some(label) = label {
        text.add("\ncoroutine ");
        if let Some(name) = label.name() {
            // SAFETY: (R10) the name lives as long as the occupant.
            text.add_quoted(unsafe { name.as_ref() });
            text.add(" ");
        }
        text.add("(id ");
        text.add_number(label.id());
        text.add(") ");
    } else {
        text.add("\na thread ");
    }
    // The stack is either the coroutine's own, or one for a single call, which a thread may make,
    // too.
    let own = label.is_some_and(|label| {
        let class = Class::of(StackSize::from_bytes(label.stack_bytes()));
        class.is_some_and(|class| class.stack_bytes() == overflow.stack_bytes)
    });
    let (whose, made, larger, end) = if own {
        ("its", "", "`Builder::stack_size`, `MAY_STACK=", "`\n")
    } else {
        (
            "a",
            " that `with_stack` made",
            "`with_stack(\"",
            "\", ..)`\n",
        )
    };
    text.add("has overflowed ");
    text.add(whose);
    text.add(" stack of ");
    text.add_number(overflow.stack_bytes as u64);
    text.add(" bytes");
    text.add(made);
    text.add("\nhelp: if the recursion has an end, use a larger stack: ");
    text.add(larger);
    let bytes = overflow.stack_bytes as u64 * 4;
    let (unit, letter) = if bytes.is_multiple_of(1 << 20) {
        (1 << 20, "m")
    } else {
        (1 << 10, "k")
    };
    text.add_number(bytes / unit);
    text.add(letter);
    text.add(end);
    text
}

/// A text of limited length, which a handler may build.
pub(super) struct Text {
    /// The bytes, of which the first `length` are the text.
    bytes: [u8; Text::CAPACITY],
    /// How many there are.
    length: usize,
}

impl Text {
    /// Enough for the report with a name of the length below.
    const CAPACITY: usize = 512;

    /// How much of a name is written.
    const NAME_BYTES: usize = 160;

    pub(super) fn new() -> Text {
        Text {
            bytes: [0; Text::CAPACITY],
            length: 0,
        }
    }

    /// Adds `part`, as far as it fits.
    pub(super) fn add(&mut self, part: &str) {
        self.add_bytes(part.as_bytes());
    }

    /// Adds a name in quotes, or the beginning of it.
    pub(super) fn add_quoted(&mut self, name: &str) {
        let name = name.as_bytes();
        self.add("'");
        self.add_bytes(&name[..name.len().min(Text::NAME_BYTES)]);
        self.add(if name.len() > Text::NAME_BYTES {
            "...'"
        } else {
            "'"
        });
    }

    pub(super) fn add_number(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.add_bytes(&digits[first..]);
    }

    /// Adds `part`, as far as it fits.
    fn add_bytes(&mut self, part: &[u8]) {
        for (to, from) in self.bytes[self.length..].iter_mut().zip(part) {
            *to = *from;
            self.length += 1;
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
