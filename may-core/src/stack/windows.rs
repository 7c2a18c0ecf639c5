//! Stacks and their pool on Windows, where the operating system takes part in the growth of a
//! stack: corosensei's own type does all that, and the system reports overflows.

use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;
use std::ops::Range;

use corosensei::stack::{DefaultStack, StackTebFields};

use super::{Label, OutOfStacks, PoolConfig, PoolStatistics, Remedy, StackSize};

/// How many free stacks are kept of each size.
const CACHE_STACKS: usize = 64;

/// How many classes there are, all of them powers of two.
const CLASSES: usize = usize::BITS as usize;

/// A stack, and the right to use it.
pub(crate) struct Stack {
    /// The stack.
    stack: DefaultStack,
    /// The bytes that were asked for.
    bytes: usize,
    /// Whether the stack is the one that the pool keeps back.
    reserved: bool,
}

impl Stack {
    /// Makes a stack that belongs to no pool.
    pub(crate) fn standalone(size: StackSize) -> Result<Stack, OutOfStacks> {
        let failed = |errno, remedy| OutOfStacks {
            size,
            errno,
            remedy,
        };
        // ERROR_NOT_ENOUGH_MEMORY
        let too_large = failed(8, Remedy::AskForLess);
        let bytes = size.bytes().checked_next_power_of_two().ok_or(too_large)?;
        if bytes > isize::MAX as usize / 2 {
            return Err(too_large);
        }
        let stack = DefaultStack::new(bytes)
            .map_err(|error| failed(error.raw_os_error().unwrap_or(8), Remedy::UseLess))?;
        Ok(Stack {
            stack,
            bytes,
            reserved: false,
        })
    }

    /// The label of the stack's occupant is not read.
    pub(crate) fn occupy(&self, _label: *const Label) {}

    /// The highest address that frames may use.
    pub(crate) fn base(&self) -> usize {
        corosensei::stack::Stack::base(self).get()
    }

    /// The lowest address that belongs to the stack.
    pub(crate) fn limit(&self) -> usize {
        corosensei::stack::Stack::limit(self).get()
    }

    pub(crate) fn size(&self) -> usize {
        self.bytes
    }

    pub(crate) fn memory(&self) -> Range<usize> {
        self.limit()..self.base()
    }
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stack({:#x}..{:#x})", self.limit(), self.base())
    }
}

// SAFETY: (R12) all that the trait asks for is answered by corosensei's own type.
unsafe impl corosensei::stack::Stack for Stack {
    fn base(&self) -> NonZeroUsize {
        self.stack.base()
    }

    fn limit(&self) -> NonZeroUsize {
        self.stack.limit()
    }

    fn teb_fields(&self) -> StackTebFields {
        self.stack.teb_fields()
    }

    fn update_teb_fields(&mut self, stack_limit: usize, guaranteed_stack_bytes: usize) {
        self.stack
            .update_teb_fields(stack_limit, guaranteed_stack_bytes);
    }
}

/// The stacks of one worker.
pub(crate) struct StackPool {
    /// Whether stacks are not used again, so that no secret stays in them.
    scrub: bool,
    /// The stack that is kept back for coroutines that must end without having run (R3).
    reserve: Cell<Option<Stack>>,
    /// The free stacks of each class, hottest last.
    cached: RefCell<[Vec<Stack>; CLASSES]>,
    /// How many stacks are out.
    in_use: Cell<usize>,
}

impl StackPool {
    pub(crate) fn new(config: PoolConfig) -> StackPool {
        let reserve = Stack::standalone(StackSize::DEFAULT).ok();
        StackPool {
            scrub: config.scrub,
            reserve: Cell::new(reserve.map(|stack| Stack {
                reserved: true,
                ..stack
            })),
            cached: RefCell::new(std::array::from_fn(|_| Vec::new())),
            in_use: Cell::new(0),
        }
    }

    /// Takes a stack of at least `size`.
    pub(crate) fn take(&self, size: StackSize) -> Result<Stack, OutOfStacks> {
        let class = size
            .bytes()
            .checked_next_power_of_two()
            .map_or(0, usize::trailing_zeros);
        let cached = self.cached.borrow_mut()[class as usize].pop();
        let stack = cached.map_or_else(|| Stack::standalone(size), Ok)?;
        self.in_use.set(self.in_use.get() + 1);
        Ok(stack)
    }

    /// Whether any stack is out: if not, it is of no use to wait for one.
    pub(crate) fn may_come_back(&self, size: StackSize) -> bool {
        size.bytes().checked_next_power_of_two().is_some() && self.in_use.get() > 0
    }

    /// Takes the stack that is kept back for what must run although there are no stacks (R3).
    pub(crate) fn take_reserved(&self) -> Option<Stack> {
        self.reserve.take()
    }

    /// Takes a stack back on which nothing runs (I3).
    pub(crate) fn give_back(&self, stack: Stack) {
        if stack.reserved {
            self.reserve.set(Some(stack));
            return;
        }
        self.in_use.set(self.in_use.get().saturating_sub(1));
        let class = stack.bytes.trailing_zeros() as usize;
        let free = &mut self.cached.borrow_mut()[class];
        if !self.scrub && free.len() < CACHE_STACKS {
            free.push(stack);
        }
    }

    /// Gives memory back to the system that is not needed soon.
    pub(crate) fn trim(&self) {
        self.cached.borrow_mut().iter_mut().for_each(Vec::clear);
    }

    /// Whether [`trim`](Self::trim) would give anything back.
    pub(crate) fn wants_trim(&self) -> bool {
        self.cached.borrow().iter().any(|free| !free.is_empty())
    }

    pub(crate) fn statistics(&self) -> PoolStatistics {
        let cached = self.cached.borrow();
        PoolStatistics {
            mapped_bytes: cached.iter().flatten().map(|stack| stack.bytes).sum(),
            in_use: self.in_use.get(),
            cached: cached.iter().map(Vec::len).sum(),
            spare: 0,
        }
    }
}

impl std::fmt::Debug for StackPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("StackPool")
            .field(&self.statistics())
            .finish()
    }
}

/// The report of a stack overflow, which is the system's here.
pub(crate) mod overflow {
    /// Nothing.
    #[derive(Debug)]
    pub(crate) struct AlternateStack;

    /// Does nothing: the system reports overflows.
    pub(crate) fn install() {}

    /// Does nothing: the system keeps what it needs for the report on each stack.
    pub(crate) fn prepare_thread() -> AlternateStack {
        AlternateStack
    }
}
