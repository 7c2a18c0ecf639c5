//! The stacks of one worker.
//!
//! One thread uses the pool, no user code runs inside it, and no reference into it leaves it, so
//! its fields are cells and nothing is locked (I1, R5).
//!
//! # The cache
//!
//! A stack that comes back goes to the cache of its class and is handed out next: its pages are
//! there and its first lines are in the processor's cache. That is the path that must be fast, and
//! all it does is to move two words. The cache has a bound; what is beyond goes back to its slab
//! (`slab.rs`).
//!
//! # Giving memory back
//!
//! A stack that is free should not hold much memory, and nothing that can be asked about a stack in
//! a few nanoseconds tells how much of it was used. The system knows, but asking it (`mincore`) or
//! telling it (`MADV_DONTNEED`) for each stack that comes back costs a hundred times what taking it
//! back does. A pattern that is looked for later has to be written first, which brings its page
//! into memory; reading a page to see whether it is still zero is a page fault for each stack that
//! was never deep; and a probe at one depth is stepped over by a frame that is larger than a page.
//!
//! What can be asked cheaply is how many *page faults* this thread has had, and no stack becomes
//! deeper without one. So the pool reads that number now and then, after 32 MiB of stacks that came
//! back, and begins a new *epoch* if there were more than 2 MiB of pages since the last began.
//! Stacks that came back in the epoch that ends then lose what is deeper than 32 KiB; those that
//! are out will, when they come back, since each knows in which epoch it was taken. What is taken
//! and comes back within one epoch is not looked at: all of that together holds no more than those
//! 2 MiB, and what is touched between two looks.
//!
//! A thread whose coroutines run on warm stacks has few faults, so it hardly ever comes to that.
//! Which is as it should be: taking pages from a stack that needs them again costs a microsecond
//! for each.
//!
//! ```text
//!      cache:   checked, not deep                came back in this epoch        free entries
//!      [ #  #  #  #  #  #  #  #  #  #  #  #  #  #  |  ?  ?  ?  ?  ?  ?  |  .  .  .  .  .  . ]
//!        cold                                      ^                hot ^                  ^
//!                                               checked                len             capacity
//! ```
//!
//! (A page that another thread touches first is not counted. It is found by the next check.)
//!
//! Stacks that went home to their slab give all their pages back as soon as there are some of them,
//! and a slab whose stacks are all home is unmapped, beyond a few. So after a burst what stays is
//! the cache, and when the worker has nothing to do, not even that: [`StackPool::trim`].

use std::cell::{Cell, RefCell, UnsafeCell};
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

use super::slab::{Class, Owner, Slab, Stack};
use super::{OutOfStacks, PoolConfig, PoolStatistics, StackSize};
use crate::sys::memory;

/// After how many bytes of stacks that came back the pool looks at the number of page faults.
const LOOK_EVERY_BYTES: isize = 32 << 20;

/// How much is touched in an epoch before a new one begins.
const EPOCH_BYTES: usize = 2 << 20;

/// How many stacks a cache has at most. Most of them hold a page or two; a program whose coroutines
/// come and go by the thousand would have to get those again and again, at a microsecond each.
pub(super) const CACHE_STACKS: usize = 1024;

/// The address space that the stacks of a cache may take, which bounds it where stacks are large.
const CACHE_BYTES: usize = 256 << 20;

/// How many stacks a cache has at least, whatever their size.
const CACHE_STACKS_LEAST: usize = 4;

/// How many stacks of a class a worker keeps ready that has nothing to do.
pub(super) const IDLE_STACKS: usize = 16;

/// How many slabs are kept that have all their stacks.
pub(super) const WHOLE_SLABS: usize = 2;

/// How many stacks with pages in memory are kept in slabs, if few are in use.
pub(super) const TOUCHED_STACKS: usize = 128;

/// For so many stacks in use, one with pages in memory is kept in slabs, if many are in use.
const TOUCHED_SHARE: usize = 16;

/// More than so large a share of a slab's stacks has to be home and have pages to be worth a system
/// call.
const CLEAN_SHARE: usize = 8;

/// See the module's documentation.
pub(crate) struct StackPool {
    /// Tells this pool's slabs from others.
    number: u32,
    /// Whether stacks are wiped as they come back.
    scrub: bool,
    /// The stack that is kept back for coroutines that must end without having run (R3).
    reserve: Cell<Option<Stack>>,
    /// Has a bit set for each class that was ever used.
    used: Cell<u32>,
    /// How many bytes of stacks may come back before the next look at the number of page faults.
    until_look: Cell<isize>,
    /// How many epochs there were.
    epoch: Cell<usize>,
    /// How many page faults the thread had had when this epoch began.
    faults: Cell<usize>,
    /// The stacks of each class.
    shelves: [Shelf; Class::COUNT],
}

impl StackPool {
    /// Makes a pool. Maps nothing but the reserve.
    pub(crate) fn new(config: PoolConfig) -> StackPool {
        static NUMBERS: AtomicU32 = AtomicU32::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let size = StackSize::DEFAULT;
        let reserve = Class::of(size)
            .and_then(|class| Slab::map(class, 1, Owner::Reserve(number), size).ok())
            // SAFETY: (I1) the slab is new and this thread's.
            .map(|slab| unsafe { Slab::take(slab).0 });
        StackPool {
            number,
            scrub: config.scrub,
            reserve: Cell::new(reserve),
            used: Cell::new(0),
            until_look: Cell::new(LOOK_EVERY_BYTES),
            epoch: Cell::new(0),
            faults: Cell::new(memory::thread_faults()),
            shelves: std::array::from_fn(|index| Shelf::new(Class::with_index(index))),
        }
    }

    /// Takes a stack of at least `size`.
    #[inline]
    pub(crate) fn take(&self, size: StackSize) -> Result<Stack, OutOfStacks> {
        let Some(class) = Class::of(size) else {
            return Err(OutOfStacks::too_large(size));
        };
        let shelf = &self.shelves[class.index()];
        let stack = match shelf.pop() {
            Some(stack) => stack,
            None => {
                self.used.set(self.used.get() | 1 << class.index());
                shelf.take_from_slab(Owner::Pool(self.number), size)?
            }
        };
        stack.set_epoch(self.epoch.get());
        Ok(stack)
    }

    /// Whether any stack for `size` is out: if not, it is of no use to wait for one.
    pub(crate) fn may_come_back(&self, size: StackSize) -> bool {
        Class::of(size).is_some_and(|class| self.shelves[class.index()].in_use() > 0)
    }

    /// Takes the stack that is kept back for what must run although there are no stacks (R3). It
    /// comes back as others do.
    pub(crate) fn take_reserved(&self) -> Option<Stack> {
        self.reserve.take()
    }

    /// Takes a stack back that this pool has handed out, and on which nothing runs (I3).
    #[inline]
    pub(crate) fn give_back(&self, stack: Stack) {
        stack.occupy(ptr::null());
        let slab = stack.slab();
        let shelf = &self.shelves[slab.class.index()];
        let until_look = self.until_look.get() - slab.class.stack_bytes() as isize;
        self.until_look.set(until_look);
        let ordinary = slab.owner == Owner::Pool(self.number)
            && stack.epoch() == self.epoch.get()
            && until_look >= 0
            && !self.scrub;
        if ordinary && shelf.has_room() {
            shelf.push(stack);
        } else {
            self.give_back_slowly(stack);
        }
    }

    /// Gives memory back to the system that is not needed soon. For a worker that is about to sleep
    /// for long: what it gives back costs a microsecond a page to get again.
    pub(crate) fn trim(&self) {
        self.for_each_used(|shelf| shelf.trim());
    }

    /// Whether [`trim`](Self::trim) may have anything to give back.
    pub(crate) fn wants_trim(&self) -> bool {
        let mut wants = false;
        self.for_each_used(|shelf| wants |= shelf.wants_trim());
        wants
    }

    pub(crate) fn statistics(&self) -> PoolStatistics {
        let mut total = PoolStatistics::default();
        self.for_each_used(|shelf| {
            total.mapped_bytes += shelf.mapped_bytes.get();
            total.in_use += shelf.in_use();
            total.cached += shelf.len();
            total.spare += shelf.home.get();
        });
        total
    }

    /// Calls `f` for each shelf that may have anything on it.
    #[inline]
    fn for_each_used(&self, mut f: impl FnMut(&Shelf)) {
        let mut used = self.used.get();
        while used != 0 {
            f(&self.shelves[used.trailing_zeros() as usize]);
            used &= used - 1;
        }
    }

    /// Takes a stack back that needs more than a place in the cache.
    #[cold]
    fn give_back_slowly(&self, stack: Stack) {
        if self.scrub {
            // SAFETY: (I3) nothing runs on the stack.
            unsafe { memory::wipe(stack.memory()) };
        }
        let (owner, class) = (stack.slab().owner, stack.slab().class);
        if owner == Owner::Pool(self.number) {
            let deep = !self.scrub && stack.epoch() != self.epoch.get();
            self.shelves[class.index()].push_slowly(stack, deep);
        } else if owner == Owner::Reserve(self.number) {
            self.reserve.set(Some(stack));
        } else {
            debug_assert_eq!(owner, Owner::Itself, "a stack came back to another pool");
            drop(stack);
        }
        if self.until_look.get() < 0 {
            self.until_look.set(LOOK_EVERY_BYTES);
            self.look();
        }
    }

    /// Begins a new epoch if much was touched since the last one began.
    fn look(&self) {
        let faults = memory::thread_faults();
        if faults.wrapping_sub(self.faults.get()) >= EPOCH_BYTES / memory::page_bytes() {
            self.faults.set(faults);
            self.epoch.set(self.epoch.get().wrapping_add(1));
            self.for_each_used(|shelf| shelf.check());
        }
    }
}

impl Drop for StackPool {
    /// Unmaps all slabs whose stacks are home. The others stay mapped (R9).
    fn drop(&mut self) {
        if let Some(stack) = self.reserve.take() {
            let slab = stack.slab_pointer();
            // SAFETY: (R9) the slab has one stack, which is home.
            unsafe {
                slab.as_ref().put(stack);
                let _ = Slab::unmap(slab);
            }
        }
        self.for_each_used(|shelf| shelf.close());
    }
}

impl fmt::Debug for StackPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StackPool")
            .field(&self.statistics())
            .finish()
    }
}

/// The stacks of one class.
struct Shelf {
    /// Their class.
    class: Class,
    /// The cache, hottest last.
    cache: UnsafeCell<Vec<Stack>>,
    /// How many entries of the cache are checked; the others came back since.
    checked: Cell<usize>,
    /// How many entries the cache may have; none before it is needed first.
    capacity: Cell<usize>,
    /// The slabs of which some stacks are home and some are not; those that became so last come
    /// last.
    partial: RefCell<Vec<NonNull<Slab>>>,
    /// Which of them `clean_next` looks at next.
    next_to_clean: Cell<usize>,
    /// The slabs of which all stacks are home.
    whole: RefCell<Vec<NonNull<Slab>>>,
    /// How many stacks there are.
    total: Cell<usize>,
    /// How many of them are home.
    home: Cell<usize>,
    /// How many of those may have pages in memory.
    touched: Cell<usize>,
    /// The address space that the slabs take.
    mapped_bytes: Cell<usize>,
}

impl Shelf {
    fn new(class: Class) -> Shelf {
        Shelf {
            class,
            cache: UnsafeCell::new(Vec::new()),
            checked: Cell::new(0),
            capacity: Cell::new(0),
            partial: RefCell::new(Vec::new()),
            next_to_clean: Cell::new(0),
            whole: RefCell::new(Vec::new()),
            total: Cell::new(0),
            home: Cell::new(0),
            touched: Cell::new(0),
            mapped_bytes: Cell::new(0),
        }
    }

    /// Calls `f` with the cache. `f` calls nothing that could come back here.
    #[inline]
    fn with_cache<R>(&self, f: impl FnOnce(&mut Vec<Stack>) -> R) -> R {
        // SAFETY: (R5) one thread has the pool, and the reference ends before anything else runs.
        f(unsafe { &mut *self.cache.get() })
    }

    /// How many stacks are in the cache.
    #[inline]
    fn len(&self) -> usize {
        self.with_cache(|cache| cache.len())
    }

    fn in_use(&self) -> usize {
        self.total.get() - self.home.get() - self.len()
    }

    /// Takes the hottest stack from the cache.
    #[inline]
    fn pop(&self) -> Option<Stack> {
        let stack = self.with_cache(Vec::pop)?;
        if self.checked.get() > self.len() {
            self.checked.set(self.len());
        }
        Some(stack)
    }

    /// Whether a stack can go to the cache just so.
    #[inline]
    fn has_room(&self) -> bool {
        self.len() < self.capacity.get()
    }

    #[inline]
    fn push(&self, stack: Stack) {
        self.with_cache(|cache| cache.push(stack));
    }

    /// Puts a stack that may be deep into the cache or, if that is full, into its slab.
    fn push_slowly(&self, stack: Stack, deep: bool) {
        if self.capacity.get() == 0 {
            let stacks = CACHE_BYTES / self.class.stack_bytes();
            self.capacity
                .set(stacks.clamp(CACHE_STACKS_LEAST, CACHE_STACKS));
            self.with_cache(|cache| cache.reserve_exact(self.capacity.get()));
        }
        if !self.has_room() {
            self.put_into_slab(stack);
            return;
        }
        if deep {
            // SAFETY: (I3) the stack came back, so nothing runs on it.
            unsafe { stack.discard_deep() };
        }
        self.push(stack);
    }

    /// Gives the deep pages of the stacks back that came to the cache in this epoch.
    fn check(&self) {
        let checked = self.checked.replace(self.len());
        self.with_cache(|cache| {
            for stack in &cache[checked..] {
                // SAFETY: (I3) the stack is in the cache, so nothing runs on it.
                unsafe { stack.discard_deep() };
            }
        });
    }

    /// Takes a stack from a slab, a new one if need be.
    #[cold]
    fn take_from_slab(&self, owner: Owner, asked: StackSize) -> Result<Stack, OutOfStacks> {
        let partial = self.partial.borrow().last().copied();
        let pointer = match partial {
            Some(slab) => slab,
            None => {
                let whole = self.whole.borrow_mut().pop();
                let slab = whole.map_or_else(|| self.map(owner, asked), Ok)?;
                self.list(slab);
                slab
            }
        };
        // SAFETY: (I1) the slab is this pool's, and as it is listed, one of its stacks is home.
        let (slab, (stack, was_touched)) = unsafe { (pointer.as_ref(), Slab::take(pointer)) };
        self.home.set(self.home.get() - 1);
        self.touched
            .set(self.touched.get() - usize::from(was_touched));
        if slab.is_empty() {
            self.unlist(slab);
        }
        Ok(stack)
    }

    fn map(&self, owner: Owner, asked: StackSize) -> Result<NonNull<Slab>, OutOfStacks> {
        let pointer = Slab::map(self.class, self.class.slots(), owner, asked)?;
        // SAFETY: (I1) the slab is new and this thread's.
        let slab = unsafe { pointer.as_ref() };
        self.total.set(self.total.get() + slab.slots());
        self.home.set(self.home.get() + slab.slots());
        self.mapped_bytes
            .set(self.mapped_bytes.get() + slab.bytes());
        Ok(pointer)
    }

    /// Adds a slab to those of which some stacks are home.
    fn list(&self, pointer: NonNull<Slab>) {
        let mut partial = self.partial.borrow_mut();
        // SAFETY: (I1) the slab is this pool's.
        unsafe { pointer.as_ref() }.position.set(partial.len());
        partial.push(pointer);
    }

    /// Takes a slab from the list of those of which some stacks are home.
    fn unlist(&self, slab: &Slab) {
        let mut partial = self.partial.borrow_mut();
        let position = slab.position.get();
        let removed = partial.swap_remove(position);
        debug_assert_eq!(
            removed,
            NonNull::from(slab),
            "a slab is not where it should be"
        );
        if let Some(moved) = partial.get(position) {
            // SAFETY: (I1) listed slabs live.
            unsafe { moved.as_ref() }.position.set(position);
        }
    }

    fn put_into_slab(&self, stack: Stack) {
        let pointer = stack.slab_pointer();
        // SAFETY: (I1) the slab is this pool's.
        let slab = unsafe { pointer.as_ref() };
        let was_empty = slab.is_empty();
        slab.put(stack);
        self.home.set(self.home.get() + 1);
        self.touched.set(self.touched.get() + 1);
        if slab.is_whole() {
            if !was_empty {
                self.unlist(slab);
            }
            self.keep_or_unmap(pointer, WHOLE_SLABS);
            return;
        }
        if was_empty {
            self.list(pointer);
        }
        if self.touched.get() > TOUCHED_STACKS.max(self.in_use() / TOUCHED_SHARE) {
            self.clean_if_worth(slab);
            self.clean_next();
        }
    }

    /// Gives the pages of a slab's stacks back that are home, if there are enough of them.
    fn clean_if_worth(&self, slab: &Slab) {
        if slab.touched() > slab.slots() / CLEAN_SHARE {
            self.clean(slab);
        }
    }

    /// Does the same for some other slab, so that those are not forgotten whose stacks came home
    /// when more were allowed to have pages.
    fn clean_next(&self) {
        let partial = self.partial.borrow();
        let next = self.next_to_clean.get();
        self.next_to_clean.set(if next + 1 < partial.len() {
            next + 1
        } else {
            0
        });
        if let Some(slab) = partial.get(next) {
            // SAFETY: (I1) listed slabs live.
            self.clean_if_worth(unsafe { slab.as_ref() });
        }
    }

    /// Gives the pages of a slab's stacks back that are home.
    fn clean(&self, slab: &Slab) {
        self.touched.set(self.touched.get() - slab.touched());
        slab.clean();
    }

    /// Keeps a slab that is in no list and whose stacks are all home, if fewer than `most` are
    /// kept; else unmaps it.
    fn keep_or_unmap(&self, pointer: NonNull<Slab>, most: usize) {
        if self.whole.borrow().len() >= most {
            // SAFETY: (I1) the slab is this pool's.
            let slab = unsafe { pointer.as_ref() };
            let (slots, bytes, touched) = (slab.slots(), slab.bytes(), slab.touched());
            self.touched.set(self.touched.get() - touched);
            // SAFETY: (R9) all stacks are home, and the slab is in no list.
            if unsafe { Slab::unmap(pointer) }.is_ok() {
                self.total.set(self.total.get() - slots);
                self.home.set(self.home.get() - slots);
                self.mapped_bytes.set(self.mapped_bytes.get() - bytes);
                return;
            }
        }
        self.whole.borrow_mut().push(pointer);
    }

    fn trim(&self) {
        self.shrink_cache(IDLE_STACKS);
        self.shrink_slabs(1);
        self.check();
    }

    fn wants_trim(&self) -> bool {
        self.len() > self.checked.get().min(IDLE_STACKS)
            || self.touched.get() > 0
            || self.whole.borrow().len() > 1
    }

    /// Takes the coldest stacks of the cache home, all but `most`.
    fn shrink_cache(&self, most: usize) {
        let excess = self.len().saturating_sub(most);
        if excess > 0 {
            self.checked.set(self.checked.get().saturating_sub(excess));
            let cold: Vec<Stack> = self.with_cache(|cache| cache.drain(..excess).collect());
            cold.into_iter().for_each(|stack| self.put_into_slab(stack));
        }
    }

    /// Gives the pages of all stacks back that are home, and unmaps the slabs that have all their
    /// stacks, all but `most`.
    fn shrink_slabs(&self, most: usize) {
        if self.touched.get() > 0 {
            for slab in self.partial.borrow().iter() {
                // SAFETY: (I1) listed slabs live.
                self.clean(unsafe { slab.as_ref() });
            }
        }
        for pointer in self.whole.take() {
            // SAFETY: (I1) as above.
            self.clean(unsafe { pointer.as_ref() });
            self.keep_or_unmap(pointer, most);
        }
    }

    /// Takes all of the cache home and unmaps what can be.
    fn close(&self) {
        self.shrink_cache(0);
        self.shrink_slabs(0);
    }
}
