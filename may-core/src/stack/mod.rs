//! Stacks: where coroutines run.
//!
//! A coroutine that waits costs its header and the pages of its stack that it has touched, so this
//! is where the memory of a program with a million of them goes. The pool of a worker hands stacks
//! out and takes them back without asking the operating system; the system is asked for many at
//! once.
//!
//! # Layout
//!
//! Stacks of one size lie side by side in a *slab*, a piece of address space that is mapped,
//! guarded and given back as a whole. Below each stack lies its *guard*, where every access faults,
//! so that a stack that overflows damages no other memory:
//!
//! ```text
//!              slot 0                           slot 1                    slot 63
//!   +---------+----------------+-+ +---------+----------------+-+   +---------+----------------+-+
//!   |  guard  |  stack         |o| |  guard  |  stack         |o|...|  guard  |  stack         |o|
//!   | 64 KiB  |  <------ grows |c| | 64 KiB  |  <------ grows |c|   | 64 KiB  |  <------ grows |c|
//!   +---------+----------------+-+ +---------+----------------+-+   +---------+----------------+-+
//!   ^         ^                ^   ^         ^                      ^
//!   start     limit            base          limit                  start + 63 * stride
//!                                  start + stride
//! ```
//!
//! * **Size classes** are powers of two from 32 KiB, so that what one coroutine leaves fits the
//!   next. Pages that are not touched take no memory, so rounding up costs address space only.
//! * **Guards** are 64 KiB, not one page: not all code touches every page of a large frame in turn.
//!   Rust does on most machines, C libraries often do not, and some compilers do so every 64 KiB.
//! * **Colours.** Were all stacks aligned alike, the first frames of all coroutines would compete
//!   for the same few sets of the processor's caches. So the base of each stack is a cache line
//!   lower than its neighbour's, up to 15 lines: 8 colours are slower (switching among 1,000
//!   coroutines took 12 ns with them, 8 with 16, and 21 with one), more than 16 are not faster, and
//!   what a colour takes is missing in the first page, into which the frames of a waiting coroutine
//!   should fit.
//! * **The occupant** (`oc`) is a word just above the base which says whose frames these are, for
//!   the report of an overflow. It shares a cache line with the first frame, so it costs nothing
//!   that is not paid anyway.
//!
//! # Life of a stack
//!
//! ```text
//!              map 64 at once                 take
//!   address  ------------------>  slab  ------------------>  coroutine
//!    space   <------------------        <--------+                |
//!              all 64 are home                   |                | give_back
//!                                     too many   |                v
//!                                                +-----------  cache, last in, first out
//! ```
//!
//! A stack that never comes home, because its coroutine was given up (R9), keeps its slab mapped
//! forever.
//!
//! `size.rs` has the sizes, `slab.rs` the mappings, `pool.rs` what a worker owns, `overflow.rs` the
//! report of an overflow, `label.rs` what that report knows of a coroutine, `watermark.rs` how much
//! of a stack was used.

mod label;
#[cfg(unix)]
pub(crate) mod overflow;
#[cfg(unix)]
mod pool;
mod size;
#[cfg(unix)]
mod slab;
#[cfg(all(test, unix))]
mod tests;
#[cfg(all(test, unix))]
mod watermark;
#[cfg(windows)]
mod windows;

use std::{error, fmt, io};

pub(crate) use self::label::Label;
pub use self::size::{ParseStackSizeError, StackSize};
#[cfg(windows)]
pub(crate) use self::windows::{Stack, StackPool, overflow};
#[cfg(unix)]
pub(crate) use self::{pool::StackPool, slab::Stack};

/// How a pool treats its stacks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PoolConfig {
    /// Whether the memory of a stack is wiped each time it comes back, so that no secret stays in
    /// it.
    pub(crate) scrub: bool,
}

/// What a pool has, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PoolStatistics {
    /// Address space in bytes, guards included.
    pub(crate) mapped_bytes: usize,
    /// Stacks that are out.
    pub(crate) in_use: usize,
    /// Stacks that are kept ready, with the memory that their last coroutine touched.
    pub(crate) cached: usize,
    /// Stacks that are mapped and neither out nor kept ready.
    pub(crate) spare: usize,
}

/// The operating system gave no memory for a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfStacks {
    /// The size that was asked for.
    size: StackSize,
    /// What the system said.
    errno: i32,
    /// What to do about it.
    remedy: Remedy,
}

/// What a user can do when there are no stacks left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    /// Use less memory.
    UseLess,
    /// Allow more mappings: on this system each stack takes two.
    #[cfg_attr(windows, expect(dead_code, reason = "there is no such limit"))]
    AllowMoreMappings,
    /// Ask for a smaller stack: none are as large.
    AskForLess,
}

impl OutOfStacks {
    /// The size of the stack that was asked for.
    pub fn stack_size(&self) -> StackSize {
        self.size
    }

    /// The number of the operating system's error.
    pub fn raw_os_error(&self) -> i32 {
        self.errno
    }
}

impl fmt::Display for OutOfStacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = io::Error::from_raw_os_error(self.errno);
        let help = match self.remedy {
            Remedy::UseLess => {
                "run fewer coroutines at once, give them smaller stacks (`Builder::stack_size`, `MAY_STACK=64k`), \
                 or allow the process more memory (`ulimit -v`, `ulimit -l`, control groups, `vm.overcommit_memory`)"
            }
            Remedy::AllowMoreMappings => {
                "each stack takes two map entries on this kernel: raise `vm.max_map_count` to more than twice the \
                 number of coroutines, or use Linux 6.13 or later without locked memory, where stacks take none"
            }
            Remedy::AskForLess => "ask for a smaller stack: `64k` to `8m` suit most code",
        };
        write!(
            f,
            "no memory for a stack of {} bytes: {reason}\nhelp: {help}",
            self.size.bytes()
        )
    }
}

impl error::Error for OutOfStacks {}

impl From<OutOfStacks> for io::Error {
    fn from(error: OutOfStacks) -> io::Error {
        io::Error::new(io::ErrorKind::OutOfMemory, error)
    }
}
