//! The memory of coroutines: one block each for header, closure and result, recycled through the
//! worker that spawned.
//!
//! Coroutines are spawned by one worker and often end on another one, which has stolen them. With
//! malloc alone that pattern costs a lock per free (stealing a million coroutines made 76,000 futex
//! calls), and a cache in which the freeing thread keeps the block moves all memory to the thief.
//! So a block always goes home:
//!
//! ```text
//!   BlockPool of a worker             Chunk (256 KiB)                   other threads
//!   small: current, spare chunks ---> pool, used, free list,
//!   large: current, spare chunks      block, block, block, ...  <----  returned: stack of freed blocks
//! ```
//!
//! The owner takes from and gives to the chunk's free list without an atomic operation. Any other
//! thread pushes the block onto the pool's *returned* stack (Treiber 1986), which the owner takes
//! as a whole when it runs out. Chunks that become wholly free go back to the system, but for a
//! few. When a worker ends, its pool counts what is still out and closes the stack; from then on
//! each block that comes back counts its chunk down, and the last one frees the chunk.
//!
//! A thread that is no worker, and a coroutine whose block would be larger than the largest class,
//! use the allocator.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::{Cell, UnsafeCell};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use super::home::Home;
use crate::sys::chunk;
use crate::util::list::{Linked, Links, List};

/// Block sizes in bytes, smallest first. The header takes about 190 bytes of the first one.
const CLASS_BYTES: [usize; 2] = [256, 512];
/// Bytes of one chunk.
const CHUNK_BYTES: usize = 256 * 1024;
/// Alignment of chunks and so of blocks: a cache line, which no two coroutines share.
const BLOCK_ALIGN: usize = 64;
/// Chunks of a class that are kept although all their blocks are free.
const SPARE_CHUNKS: usize = 4;
/// Every how many blocks that other threads free the worker is told, in case it sleeps: it gives
/// memory back before it sleeps on.
const MANY_RETURNED: usize = 16 * 1024;

/// What a block that is in use remembers of where it came from; null if it is the allocator's.
pub(crate) type Origin = *const Chunk;

/// A block that is not in use; lies in the block itself.
struct FreeBlock {
    next: *mut FreeBlock,
    chunk: NonNull<Chunk>,
}

/// Marks a returned stack whose pool is gone.
fn closed() -> *mut FreeBlock {
    ptr::without_provenance_mut(1)
}

/// The part of a pool that other threads touch.
struct Returned {
    head: AtomicPtr<FreeBlock>,
    /// How many blocks have come back this way.
    count: AtomicUsize,
    /// The home to wake when there are many. Not kept alive: blocks may be out for longer than
    /// their worker runs.
    home: Weak<Home>,
}

/// Where a chunk is listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listed {
    /// Nowhere: blocks are taken from it.
    Current,
    /// Among those that have a free block.
    Available,
    /// Among those that have none.
    Full,
}

/// The start of a chunk; its blocks follow.
pub(crate) struct Chunk {
    returned: Arc<Returned>,
    class: usize,
    /// Blocks handed out; the owner's.
    used: Cell<usize>,
    /// Blocks freed; the owner's.
    free: Cell<*mut FreeBlock>,
    /// Offset of the first block that was never handed out; the owner's.
    fresh: Cell<usize>,
    /// Where the chunk is listed; the owner's.
    listed: Cell<Listed>,
    /// The links of that list; the owner's.
    links: Links<Chunk>,
    /// Blocks still out; valid once `returned` is closed.
    orphans: AtomicUsize,
}

// SAFETY: (R1) each chunk has links of its own.
unsafe impl Linked for Chunk {
    fn links(&self) -> &Links<Chunk> {
        &self.links
    }
}

impl Chunk {
    /// Makes a chunk.
    fn new(class: usize, returned: Arc<Returned>) -> NonNull<Chunk> {
        let Some(chunk) = chunk::take(CHUNK_BYTES).map(NonNull::cast::<Chunk>) else {
            handle_alloc_error(Layout::new::<[u8; CHUNK_BYTES]>())
        };
        let value = Chunk {
            returned,
            class,
            used: Cell::new(0),
            free: Cell::new(ptr::null_mut()),
            fresh: Cell::new(size_of::<Chunk>().next_multiple_of(BLOCK_ALIGN)),
            listed: Cell::new(Listed::Current),
            links: Links::new(),
            orphans: AtomicUsize::new(0),
        };
        // SAFETY: (R1) the memory was allocated for this.
        unsafe { chunk.write(value) };
        chunk
    }

    /// Takes a block out, if one is free. Owner only.
    ///
    /// # Safety
    ///
    /// The chunk is alive.
    unsafe fn take(this: NonNull<Chunk>) -> Option<NonNull<u8>> {
        // SAFETY: (R1) the caller upholds the contract for it.
        let chunk = unsafe { this.as_ref() };
        let block = match NonNull::new(chunk.free.get()) {
            Some(free) => {
                // SAFETY: (R1) a block in the free list holds a `FreeBlock` and is the owner's.
                chunk.free.set(unsafe { free.as_ref() }.next);
                free.cast()
            }
            None => {
                let (start, bytes) = (chunk.fresh.get(), CLASS_BYTES[chunk.class]);
                if start + bytes > CHUNK_BYTES {
                    return None;
                }
                chunk.fresh.set(start + bytes);
                // SAFETY: (R1) the offset lies within the chunk.
                unsafe { this.cast::<u8>().add(start) }
            }
        };
        chunk.used.set(chunk.used.get() + 1);
        Some(block)
    }

    /// Puts a block back. Owner only.
    ///
    /// # Safety
    ///
    /// The chunk is alive, and the block is one of its own that is no longer in use.
    unsafe fn put(this: NonNull<Chunk>, block: NonNull<FreeBlock>) {
        // SAFETY: (R1) the caller upholds the contract for both; a block is large enough and
        // aligned.
        unsafe {
            let chunk = this.as_ref();
            block.write(FreeBlock {
                next: chunk.free.get(),
                chunk: this,
            });
            chunk.free.set(block.as_ptr());
            chunk.used.set(chunk.used.get() - 1);
        }
    }

    /// Counts one user of an orphaned chunk down; the last one frees it.
    ///
    /// # Safety
    ///
    /// The chunk's pool has closed its stack, and the caller counts as one user.
    unsafe fn count_down(chunk: NonNull<Chunk>) {
        // SAFETY: (R1) the chunk lives while its count is not zero. AcqRel: the last one sees that
        // the others are done with it.
        unsafe {
            if chunk.as_ref().orphans.fetch_sub(1, Ordering::AcqRel) == 1 {
                Chunk::destroy(chunk);
            }
        }
    }

    /// Frees the chunk.
    ///
    /// # Safety
    ///
    /// No block of it is in use, and nothing else refers to it.
    unsafe fn destroy(chunk: NonNull<Chunk>) {
        // SAFETY: (R1) the caller upholds the contract for it; `new` took it with this length.
        unsafe {
            chunk.drop_in_place();
            chunk::give_back(chunk.cast(), CHUNK_BYTES);
        }
    }
}

/// The chunks of one block size: each is the current one or in one of the two lists.
struct Class {
    /// Where blocks are taken from.
    current: Cell<Option<NonNull<Chunk>>>,
    /// Other chunks that have a free block.
    available: UnsafeCell<List<Chunk>>,
    /// Other chunks that have none.
    full: UnsafeCell<List<Chunk>>,
    /// How many of `available` have nothing but free blocks.
    spare: Cell<usize>,
}

impl Class {
    /// Runs `f` on one of the lists.
    ///
    /// # Safety
    ///
    /// `list` is a list of this class, and `f` reaches it in no other way.
    unsafe fn with<R>(list: &UnsafeCell<List<Chunk>>, f: impl FnOnce(&mut List<Chunk>) -> R) -> R {
        // SAFETY: (R5) the pool is used by its worker's thread only.
        f(unsafe { &mut *list.get() })
    }
}

/// The blocks of one worker.
pub(crate) struct BlockPool {
    returned: Arc<Returned>,
    classes: [Class; CLASS_BYTES.len()],
}

thread_local! {
    /// The pool of the worker that runs on this thread.
    static POOL: Cell<*const BlockPool> = const { Cell::new(ptr::null()) };
}

impl BlockPool {
    /// A pool without chunks, for the worker that is reached by `home`.
    pub(crate) fn new(home: Weak<Home>) -> BlockPool {
        BlockPool {
            returned: Arc::new(Returned {
                head: AtomicPtr::new(ptr::null_mut()),
                count: AtomicUsize::new(0),
                home,
            }),
            classes: std::array::from_fn(|_| Class {
                current: Cell::new(None),
                available: UnsafeCell::new(List::new()),
                full: UnsafeCell::new(List::new()),
                spare: Cell::new(0),
            }),
        }
    }

    /// Makes this pool the one that the current thread allocates from.
    ///
    /// # Safety
    ///
    /// The pool stays where it is until [`BlockPool::leave`] is called on this thread.
    pub(crate) unsafe fn enter(&self) {
        POOL.set(self);
    }

    /// Ends what [`BlockPool::enter`] began.
    pub(crate) fn leave() {
        POOL.set(ptr::null());
    }

    /// Takes a block of a class.
    #[inline]
    fn take(&self, class: usize) -> (NonNull<u8>, Origin) {
        if let Some(current) = self.classes[class].current.get()
            // SAFETY: (R1) the current chunk of a class is alive.
            && let Some(block) = unsafe { Chunk::take(current) }
        {
            return (block, current.as_ptr());
        }
        self.take_elsewhere(class)
    }

    /// Makes another chunk the current one of its class and takes a block from it.
    #[cold]
    fn take_elsewhere(&self, index: usize) -> (NonNull<u8>, Origin) {
        self.collect();
        let class = &self.classes[index];
        // SAFETY: (R1) a chunk is alive while it is current or listed, and moves between the lists
        // here and in `relist` only.
        unsafe {
            if let Some(current) = class.current.get() {
                if let Some(block) = Chunk::take(current) {
                    return (block, current.as_ptr());
                }
                current.as_ref().listed.set(Listed::Full);
                Class::with(&class.full, |full| full.push_back(current));
            }
            let chunk = match Class::with(&class.available, |available| available.pop_front()) {
                Some(chunk) => {
                    if chunk.as_ref().used.get() == 0 {
                        class.spare.set(class.spare.get() - 1);
                    }
                    chunk
                }
                None => Chunk::new(index, self.returned.clone()),
            };
            chunk.as_ref().listed.set(Listed::Current);
            class.current.set(Some(chunk));
            let block = Chunk::take(chunk).expect("an available chunk has a free block");
            (block, chunk.as_ptr())
        }
    }

    /// Whether [`trim`](Self::trim) would give anything back.
    pub(crate) fn wants_trim(&self) -> bool {
        !self.returned.head.load(Ordering::Relaxed).is_null()
    }

    /// Puts the blocks back that other threads have freed, and with them the chunks that are free
    /// then. For a worker without anything to do.
    pub(crate) fn trim(&self) {
        self.collect();
    }

    /// Puts the blocks back that other threads have freed.
    fn collect(&self) {
        let mut head = self.returned.head.swap(ptr::null_mut(), Ordering::Acquire);
        while let Some(block) = NonNull::new(head) {
            // SAFETY: (R1) a returned block holds a `FreeBlock`, and after the swap it is ours.
            let FreeBlock { next, chunk } = unsafe { block.read() };
            head = next;
            // SAFETY: (R1) a chunk outlives its blocks.
            unsafe { self.put(chunk, block) };
        }
    }

    /// Puts a block back into its chunk.
    ///
    /// # Safety
    ///
    /// The chunk is alive and this pool's, and the block is one of its own that is no longer in
    /// use.
    #[inline]
    unsafe fn put(&self, chunk: NonNull<Chunk>, block: NonNull<FreeBlock>) {
        // SAFETY: (R1) the caller upholds the contract for both.
        let (listed, used) = unsafe {
            Chunk::put(chunk, block);
            (chunk.as_ref().listed.get(), chunk.as_ref().used.get())
        };
        match listed {
            Listed::Current => {}
            Listed::Available if used > 0 => {}
            Listed::Available | Listed::Full => self.relist(chunk),
        }
    }

    /// Lists a chunk anew that has got its first free block, or has nothing but free blocks now.
    #[cold]
    fn relist(&self, chunk: NonNull<Chunk>) {
        // SAFETY: (R1) the chunk is in the list that it says, and alive until it is destroyed
        // below.
        unsafe {
            let class = &self.classes[chunk.as_ref().class];
            let from = match chunk.as_ref().listed.get() {
                Listed::Full => &class.full,
                _ => &class.available,
            };
            Class::with(from, |list| list.remove(chunk));
            if chunk.as_ref().used.get() == 0 {
                if class.spare.get() == SPARE_CHUNKS {
                    Chunk::destroy(chunk);
                    return;
                }
                class.spare.set(class.spare.get() + 1);
            }
            chunk.as_ref().listed.set(Listed::Available);
            Class::with(&class.available, |available| available.push_back(chunk));
        }
    }
}

impl Drop for BlockPool {
    /// Hands the chunks to the blocks that are still out.
    fn drop(&mut self) {
        let mut chunks = Vec::new();
        for class in &self.classes {
            chunks.extend(class.current.take());
            for list in [&class.available, &class.full] {
                // SAFETY: (R1) listed chunks are alive.
                unsafe {
                    Class::with(list, |list| {
                        while let Some(chunk) = list.pop_front() {
                            chunks.push(chunk);
                        }
                    });
                }
            }
        }
        for chunk in &chunks {
            // SAFETY: (R1) nothing has freed the chunk yet.
            let chunk = unsafe { chunk.as_ref() };
            // One more than is out, so that the chunk lives until the last loop.
            chunk.orphans.store(chunk.used.get() + 1, Ordering::Relaxed);
        }
        // From here on a returning block counts its chunk down itself. Release: it sees the counts
        // above.
        let mut head = self.returned.head.swap(closed(), Ordering::AcqRel);
        while let Some(block) = NonNull::new(head) {
            // SAFETY: (R1) a returned block holds a `FreeBlock`, and after the swap it is ours.
            let FreeBlock { next, chunk } = unsafe { block.read() };
            head = next;
            // SAFETY: (R1) the block counted in its chunk until now.
            unsafe { Chunk::count_down(chunk) };
        }
        for chunk in chunks {
            // SAFETY: (R1) this is the one that was added above.
            unsafe { Chunk::count_down(chunk) };
        }
    }
}

/// Allocates memory for a coroutine's block, from the current worker's pool if it has a class that
/// fits.
#[inline]
pub(crate) fn allocate(layout: Layout) -> (NonNull<u8>, Origin) {
    let pool = POOL.get();
    // SAFETY: (R1) the caller of `enter` upholds the contract for the pool.
    if let Some(pool) = unsafe { pool.as_ref() }
        && layout.align() <= BLOCK_ALIGN
        && let Some(class) = CLASS_BYTES.iter().position(|&bytes| layout.size() <= bytes)
    {
        return pool.take(class);
    }
    // SAFETY: (R1) a block contains a header, so the layout is not empty.
    match NonNull::new(unsafe { alloc(layout) }) {
        Some(block) => (block, ptr::null()),
        None => handle_alloc_error(layout),
    }
}

/// Frees a block, on whatever thread.
///
/// # Safety
///
/// The block was made by [`allocate`] with this layout and origin, and it is not in use.
#[inline]
pub(crate) unsafe fn free(block: NonNull<u8>, layout: Layout, origin: Origin) {
    // SAFETY: (R1) a chunk outlives its blocks; the caller guarantees the rest.
    unsafe {
        let Some(chunk) = NonNull::new(origin.cast_mut()) else {
            return dealloc(block.as_ptr(), layout);
        };
        let block = block.cast::<FreeBlock>();
        match POOL.get().as_ref() {
            Some(pool) if Arc::as_ptr(&pool.returned) == Arc::as_ptr(&chunk.as_ref().returned) => {
                pool.put(chunk, block);
            }
            _ => send_home(chunk, block),
        }
    }
}

/// Returns a block to the pool of another thread.
///
/// # Safety
///
/// The block is one of the chunk's, and it is not in use.
unsafe fn send_home(chunk: NonNull<Chunk>, block: NonNull<FreeBlock>) {
    // SAFETY: (R1) until the push the block keeps the chunk.
    let state = unsafe { &*Arc::as_ptr(&chunk.as_ref().returned) };
    let returned = &state.head;
    // Looked up before the push, after which the chunk may be gone.
    let count = state.count.fetch_add(1, Ordering::Relaxed) + 1;
    let home = count
        .is_multiple_of(MANY_RETURNED)
        .then(|| state.home.upgrade());
    let mut head = returned.load(Ordering::Acquire);
    loop {
        if head == closed() {
            // SAFETY: (R1) the block counted in its chunk until now.
            return unsafe { Chunk::count_down(chunk) };
        }
        // SAFETY: (R1) the block is ours until the exchange succeeds.
        unsafe { block.write(FreeBlock { next: head, chunk }) };
        // Once it has succeeded the chunk may be freed any moment, and with it its hold on
        // `returned`; but nothing here touches either again.
        match returned.compare_exchange_weak(
            head,
            block.as_ptr(),
            Ordering::Release,
            Ordering::Acquire,
        ) {
            Ok(_) => break,
            Err(current) => head = current,
        }
    }
    if let Some(home) = home.flatten() {
        home.wake_if_asleep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Layout = Layout::new::<[u64; 20]>();
    const LARGE: Layout = Layout::new::<[u64; 60]>();
    const HUGE: Layout = Layout::new::<[u64; 600]>();

    /// Runs `f` on a thread that has a pool.
    fn with_pool(f: impl FnOnce(&BlockPool)) {
        let pool = BlockPool::new(Weak::new());
        // SAFETY: (R1) the pool stays where it is until `leave`.
        unsafe { pool.enter() };
        f(&pool);
        BlockPool::leave();
    }

    /// Blocks on their way to another thread.
    struct Sent(Vec<(NonNull<u8>, Origin)>);
    // SAFETY: (R1) a block belongs to its holder.
    unsafe impl Send for Sent {}

    impl Sent {
        fn free(self, layout: Layout) {
            for (block, origin) in self.0 {
                // SAFETY: (R1) each block is freed once, with its own layout.
                unsafe { free(block, layout, origin) };
            }
        }
    }

    #[test]
    fn a_freed_block_is_the_next_one_taken() {
        with_pool(|_| {
            for layout in [SMALL, LARGE, HUGE] {
                let (first, origin) = allocate(layout);
                assert_eq!(origin.is_null(), layout == HUGE);
                Sent(vec![(first, origin)]).free(layout);
                if layout != HUGE {
                    let (second, origin) = allocate(layout);
                    assert_eq!(first, second);
                    Sent(vec![(second, origin)]).free(layout);
                }
            }
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many values for an interpreter")]
    fn blocks_freed_elsewhere_are_reused() {
        with_pool(|pool| {
            let blocks_of_three_chunks = 3 * CHUNK_BYTES / CLASS_BYTES[0];
            for _ in 0..10 {
                let sent = Sent(
                    (0..blocks_of_three_chunks)
                        .map(|_| allocate(SMALL))
                        .collect(),
                );
                std::thread::spawn(move || sent.free(SMALL)).join().unwrap();
            }
            pool.collect();
            let count = |list| {
                // SAFETY: (R5) the list is looked at, nothing else.
                unsafe {
                    Class::with(list, |list| {
                        std::iter::successors(list.front(), |&chunk| list.next(chunk)).count()
                    })
                }
            };
            assert_eq!(count(&pool.classes[0].full), 0);
            assert!(count(&pool.classes[0].available) <= SPARE_CHUNKS);
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many values for an interpreter")]
    fn a_burst_goes_back_but_for_the_spare_chunks() {
        with_pool(|pool| {
            let blocks = Sent((0..100_000).map(|_| allocate(SMALL)).collect());
            blocks.free(SMALL);
            assert_eq!(pool.classes[0].spare.get(), SPARE_CHUNKS);
        });
    }

    #[test]
    fn blocks_outlive_their_pool() {
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            with_pool(|_| {
                send.send(Sent(
                    (0..if cfg!(miri) { 30 } else { 1000 })
                        .map(|_| allocate(SMALL))
                        .collect(),
                ))
                .unwrap()
            });
        })
        .join()
        .unwrap();
        receive.recv().unwrap().free(SMALL);
    }

    #[test]
    fn blocks_come_back_while_their_pool_ends() {
        for _ in 0..if cfg!(miri) { 3 } else { 200 } {
            let (send, receive) = std::sync::mpsc::channel();
            let owner = std::thread::spawn(move || {
                with_pool(|_| {
                    send.send(Sent(
                        (0..if cfg!(miri) { 30 } else { 600 })
                            .map(|_| allocate(SMALL))
                            .collect(),
                    ))
                    .unwrap();
                });
            });
            receive.recv().unwrap().free(SMALL);
            owner.join().unwrap();
        }
    }
}
